//! What is told of jobs while they live, and what is known of them afterwards.

use guichet::{EventKind, FailureKind, JobState, QueueStats};

use super::{Reference, nanos};

/// Room for the records of those that asked for it, where none are kept otherwise.
const KEPT_ANYWAY: usize = 1000;

/// An event as the reference tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    pub job: usize,
    /// Which of the job's steps it was, or came after.
    pub step: u64,
    pub kind: EventKind,
    pub attempt: u32,
    pub failure: Option<FailureKind>,
}

/// What a hook was told.
#[derive(Clone, Debug, PartialEq)]
pub struct HookCall {
    pub hook: &'static str,
    pub job: usize,
    pub attempt: u32,
    pub ended: bool,
    pub text: String,
}

impl Reference {
    pub(super) fn tell(
        &mut self,
        number: usize,
        kind: EventKind,
        attempt: u32,
        failure: Option<FailureKind>,
    ) {
        let job = &mut self.jobs[number];
        job.steps += u64::from(kind.is_step());
        let told = Told {
            job: number,
            step: job.steps,
            kind,
            attempt,
            failure,
        };
        let listeners = self.lanes[job.lane].heard.iter_mut();
        listeners.for_each(|heard| heard.push(told));
        self.cover(&format!("event: {kind:?}"));
    }

    pub(super) fn call_hook(
        &mut self,
        hook: &'static str,
        job: usize,
        attempt: u32,
        ended: bool,
        text: &str,
    ) {
        self.cover(&format!("on_{hook}"));
        self.hooks.push(HookCall {
            hook,
            job,
            attempt,
            ended,
            text: text.to_owned(),
        });
    }

    // ------------------------------------------------------------------------------------- records --

    fn shelf_of(state: JobState) -> usize {
        usize::from(state != JobState::Completed)
    }

    pub(super) fn keep_record(&mut self, number: usize) {
        let job = &self.jobs[number];
        let shelf = Self::shelf_of(job.state);
        let lane = &mut self.lanes[job.lane];
        let keep = match shelf {
            0 => lane.setup.keep_completed,
            _ => lane.setup.keep_failed,
        };
        let kept = job.keep[shelf].unwrap_or(keep.most > 0);
        if job.state == JobState::Returned || !kept {
            return;
        }
        let most = match keep.most {
            0 => KEPT_ANYWAY,
            most => most,
        };
        let records = &mut lane.shelves[shelf];
        records.push(number);
        if records.len() > most {
            records.remove(0);
            self.cover("a record is one too many");
        }
    }

    pub fn is_kept(&self, number: usize) -> bool {
        let job = &self.jobs[number];
        let shelves = &self.lanes[job.lane].shelves;
        shelves.iter().any(|records| records.contains(&number))
    }

    /// The kept records of jobs in a state, the newest first.
    pub fn records(&self, lane: usize, state: JobState) -> Vec<usize> {
        let records = self.lanes[lane].shelves[Self::shelf_of(state)].iter();
        let of_state = records.rev().copied();
        of_state
            .filter(|number| self.jobs[*number].state == state)
            .collect()
    }

    fn ages(&self, lane: usize) -> [Option<u64>; 2] {
        let setup = &self.lanes[lane].setup;
        [setup.keep_completed, setup.keep_failed].map(|keep| keep.age.map(nanos))
    }

    /// When the next record is too old.
    pub(super) fn next_record(&self, lane: usize) -> Option<u64> {
        let ages = self.ages(lane).into_iter();
        let shelves = ages.zip(&self.lanes[lane].shelves);
        let next = shelves.filter_map(|(age, records)| {
            let oldest = records.iter().map(|number| self.jobs[*number].ended).min();
            Some(oldest? + age?)
        });
        next.min()
    }

    pub(super) fn drop_old_records(&mut self, lane: usize) {
        for (shelf, age) in self.ages(lane).into_iter().enumerate() {
            let Some(age) = age else {
                continue;
            };
            let before = self.lanes[lane].shelves[shelf].len();
            let (jobs, now) = (&self.jobs, self.now);
            let young = |number: &usize| jobs[*number].ended + age > now;
            self.lanes[lane].shelves[shelf].retain(young);
            if self.lanes[lane].shelves[shelf].len() < before {
                self.cover("a record is too old");
            }
        }
    }

    pub fn forget_ended(&mut self, lane: usize) {
        self.lanes[lane].shelves = Default::default();
    }

    pub(super) fn keep_result(&mut self, number: usize) {
        let lane = &mut self.lanes[self.jobs[number].lane];
        let Some(most) = lane.setup.keep_results else {
            return;
        };
        lane.results.push(number);
        if lane.results.len() > most {
            lane.results.remove(0);
        }
    }

    // -------------------------------------------------------------------------------------- counts --

    pub fn stats(&self, lane: usize) -> QueueStats {
        let count = |state| self.in_state(lane, state).len() as u64;
        let mut stats = self.lanes[lane].stats;
        stats.waiting = count(JobState::Waiting);
        stats.delayed = count(JobState::Delayed);
        stats.active = count(JobState::Active);
        stats.unsent = self.lanes[lane].unsent.len() as u64;
        stats
    }
}
