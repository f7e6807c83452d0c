//! Events: what a subscription tells of a job.

use super::{FailureKind, JobId};

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum EventKind {
    /// It was added and waits.
    Added,
    /// It was added and is delayed.
    Deferred,
    /// An attempt began.
    Started,
    /// It was delayed and waits now.
    Promoted,
    /// It waits with another priority.
    Reprioritized,
    /// It is delayed until another instant.
    Rescheduled,
    /// It ended with a result.
    Completed,
    /// An attempt failed, and another is due.
    Retried,
    /// Its handler wants to be asked again later.
    Snoozed,
    /// It went back to its place in line.
    Requeued,
    /// It ended dead after an attempt.
    Failed,
    /// It ended dead because its time to live was over.
    Expired,
    /// It was cancelled.
    Cancelled,
    /// A shutdown gave up on its running handler.
    Interrupted,
    /// A shutdown gave it back.
    Returned,
    /// Its handler runs on long after its time was over, and another worker was engaged.
    Stuck,
    /// Its dead letter found no room and is kept.
    LetterKept,
}

impl EventKind {
    /// Whether the job has ended with it.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            EventKind::Completed
                | EventKind::Failed
                | EventKind::Expired
                | EventKind::Cancelled
                | EventKind::Interrupted
                | EventKind::Returned
        )
    }

    /// Whether it is a step of the job's life, with a number of its own; else it only says something about it.
    pub fn is_step(self) -> bool {
        !matches!(self, EventKind::Stuck | EventKind::LetterKept)
    }
}

/// One thing that happened to one job. It carries no time: reading the clock would cost more than the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event {
    /// To which job.
    pub job: JobId,
    /// Its number among the job's events: each step's is one more than the last step's, and what is no step has the number of
    /// the step before it. They count on from the slot's former job, and after 2^40 from 0.
    pub sequence: u64,
    /// What.
    pub kind: EventKind,
    /// In, or after, which attempt, where there is one; else 0.
    pub attempt: u32,
    /// How the attempt failed, if it did.
    pub failure: Option<FailureKind>,
}
