//! Looking jobs up: what is known of one, lists by state, results by id.

use std::any::Any;

use crate::model::{JobId, JobState};
use crate::queue::life::Queue;
use crate::queue::record::lookup::{Gone, JobInfo};
use crate::sync::Arc;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// What is known of a job: while it lives, and as long as its record is kept; see
    /// [`keep_completed`](crate::QueueBuilder::keep_completed) and [`keep_failed`](crate::QueueBuilder::keep_failed). Of one that
    /// has just ended the record may take an instant to be there.
    ///
    /// # Errors
    /// [`Gone`] later, at the latest when the job's slot serves another one, and for jobs of other queues.
    ///
    /// ```
    /// use guichet::{Failure, JobState, ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// mail.workers(1, |_| Err(Failure::msg("no such address")))?;
    /// let id = mail.add("letter")?;
    /// runtime.run_until_idle();
    /// let info = mail.job_info(id)?;
    /// assert_eq!((info.state, info.attempts), (JobState::Dead, 1));
    /// assert_eq!(info.errors[0].message, "no such address");
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn job_info(&self, id: JobId) -> Result<JobInfo, Gone> {
        let shared = &self.shared;
        if id.queue != shared.core.number {
            return Err(Gone);
        }
        let live = shared.records.info_of_live(&shared.core, id);
        let state = shared.core.slab.state(id.slot, id.occupancy);
        if state.is_some_and(|state| !state.is_terminal()) {
            return live.ok_or(Gone);
        }
        // It has ended: if its dossier was gone already, its record was there before.
        let record = shared
            .records
            .archive()
            .find(id)
            .map(|record| JobInfo::of(&record));
        record.or(live).ok_or(Gone)
    }

    /// The jobs in `state`, `most` of them from number `from` on: of states that end a job the kept records, the newest
    /// first; of others what the slots say, in no order that means anything. While jobs move, a list is no snapshot.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<u32, ()>("mail").build()?;
    /// mail.add_many(vec![1, 2, 3])?;
    /// assert_eq!(mail.jobs(guichet::JobState::Waiting, 0, 2).len(), 2);
    /// assert_eq!(mail.jobs(guichet::JobState::Waiting, 2, 2).len(), 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn jobs(&self, state: JobState, from: usize, most: usize) -> Vec<JobInfo> {
        let shared = &self.shared;
        if state.is_terminal() {
            let records = shared.records.archive().list(state, from, most);
            return records.iter().map(|record| JobInfo::of(record)).collect();
        }
        let found = shared.core.slab.scan().filter(|(_, _, now)| *now == state);
        let ids = found.map(|(slot, occupancy, _)| shared.core.id_of(slot, occupancy));
        let page = ids.skip(from).take(most);
        page.filter_map(|id| shared.records.info_of_live(&shared.core, id))
            .collect()
    }

    /// How far a job is, if its handler [said so](crate::Job::set_progress) with a value of this type; also from its record.
    pub fn progress<P: Any + Send + Sync>(&self, id: JobId) -> Option<Arc<P>> {
        self.shared
            .records
            .progress_of(&self.shared.core, id)?
            .downcast()
            .ok()
    }

    /// The result of a completed job, if the queue [keeps](crate::QueueBuilder::keep_results) results and this one is among
    /// them. It is there as soon as the job is seen to be completed.
    pub fn result(&self, id: JobId) -> Option<R> {
        let shared = &self.shared;
        let completed = || {
            let state = shared.core.slab.state(id.slot, id.occupancy);
            state == Some(JobState::Completed)
        };
        if id.queue != shared.core.number {
            return None;
        }
        shared.records.results()?.get(id, &completed)
    }

    /// How many records of ended jobs in `state` are kept.
    pub fn kept(&self, state: JobState) -> usize {
        self.shared.records.archive().len(state)
    }

    /// Drops the records of ended jobs.
    pub fn forget_ended(&self) {
        self.shared.records.archive().clear().discard();
    }
}
