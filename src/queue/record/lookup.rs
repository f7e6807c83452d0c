//! Looking jobs up: what is known of one, lists by state, results by id.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use crate::model::{AttemptError, DeadReason, JobId, JobState, LogLine};
use crate::queue::record::archive::Finished;
use crate::queue::record::dossier::{Dossier, Progress};
use crate::queue::{Queue, Shared};
use crate::sync::Arc;

/// What is known of one job.
#[derive(Clone)]
#[non_exhaustive]
pub struct JobInfo {
    /// Its name.
    pub id: JobId,
    /// Where it is in its life.
    pub state: JobState,
    /// How many of its attempts have begun and count.
    pub attempts: u32,
    /// How often it was handed out again because its lease was dropped.
    pub redelivered: u32,
    /// Its failed attempts, the last 32, the oldest first.
    pub errors: Vec<AttemptError>,
    /// How many of its attempts failed, those that are not kept included.
    pub failures: u64,
    /// What its handlers logged, the oldest first.
    pub log: Vec<LogLine>,
    /// How many lines of the log are not kept.
    pub log_dropped: u64,
    /// Why it ended dead, if it did.
    pub reason: Option<DeadReason>,
    /// Why it was cancelled, if it was and whoever did it said so.
    pub cancel_reason: Option<String>,
    /// When it ended, if it did.
    pub finished_at: Option<SystemTime>,
    progress: Option<Progress>,
}

impl JobInfo {
    /// How far it is, if its handler [said so](crate::queue::Job::set_progress) with a value of this type.
    pub fn progress<P: Any + Send + Sync>(&self) -> Option<Arc<P>> {
        self.progress.clone()?.downcast().ok()
    }

    fn new(id: JobId, state: JobState, attempts: u32, dossier: Option<&Dossier>) -> Self {
        let empty = Dossier::default();
        let dossier = dossier.unwrap_or(&empty);
        JobInfo {
            id,
            state,
            attempts,
            redelivered: dossier.redelivered,
            errors: dossier.errors().cloned().collect(),
            failures: dossier.failures(),
            log: dossier.logs().cloned().collect(),
            log_dropped: dossier.logs_dropped(),
            reason: None,
            cancel_reason: dossier.cancel_reason.clone(),
            finished_at: None,
            progress: dossier.progress().cloned(),
        }
    }

    fn of(record: &Finished) -> Self {
        JobInfo {
            reason: record.reason,
            finished_at: Some(record.at),
            ..Self::new(
                record.id,
                record.state,
                record.attempts,
                record.dossier.as_deref(),
            )
        }
    }
}

impl fmt::Debug for JobInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobInfo")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

/// The job has ended and its record is not kept any more, or it never was of this queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the job has ended and its record is not kept, or it was never of this queue")
    }
}

impl Error for Gone {}

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
        let live = shared.info_of_live(id);
        let state = shared.core.slab.state(id.slot, id.occupancy);
        if state.is_some_and(|state| !state.is_terminal()) {
            return live.ok_or(Gone);
        }
        // It has ended: if its dossier was gone already, its record was there before.
        let record = shared.archive.find(id).map(|record| JobInfo::of(&record));
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
            let records = shared.archive.list(state, from, most);
            return records.iter().map(|record| JobInfo::of(record)).collect();
        }
        let found = shared.core.slab.scan().filter(|(_, _, now)| *now == state);
        let ids = found.map(|(slot, occupancy, _)| shared.core.id_of(slot, occupancy));
        let page = ids.skip(from).take(most);
        page.filter_map(|id| shared.info_of_live(id)).collect()
    }

    /// How far a job is, if its handler [said so](crate::queue::Job::set_progress) with a value of this type; also from its record.
    pub fn progress<P: Any + Send + Sync>(&self, id: JobId) -> Option<Arc<P>> {
        self.shared.progress_of(id)?.downcast().ok()
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
        shared.results.as_ref()?.get(id, &completed)
    }

    /// How many records of ended jobs in `state` are kept.
    pub fn kept(&self, state: JobState) -> usize {
        self.shared.archive.len(state)
    }

    /// Drops the records of ended jobs.
    pub fn forget_ended(&self) {
        self.shared.archive.clear().discard();
    }
}

impl<T, R> Shared<T, R> {
    fn info_of_live(&self, id: JobId) -> Option<JobInfo> {
        let state = self.core.slab.state(id.slot, id.occupancy)?;
        let attempts = self.core.slab.attempts(id.slot);
        let mut known = None;
        self.dossiers.peek(id.slot, id.occupancy, |dossier| {
            known = Some(JobInfo::new(id, state, attempts, Some(dossier)));
        });
        let known = known.unwrap_or_else(|| JobInfo::new(id, state, attempts, None));
        // Its slot serves it still: what was read is its own.
        self.core.slab.state(id.slot, id.occupancy).map(|_| known)
    }

    pub(crate) fn progress_of(&self, id: JobId) -> Option<Progress> {
        if id.queue != self.core.number || id.slot as usize >= self.core.slab.capacity() {
            return None;
        }
        let here = self
            .dossiers
            .peek(id.slot, id.occupancy, |dossier| dossier.progress().cloned());
        here.flatten().or_else(|| {
            let record = self.archive.find(id)?;
            record.dossier.as_deref()?.progress().cloned()
        })
    }
}
