//! What was seen of a round, by everybody who took part in it. Data only: [`check`](super::check) judges it.

use guichet::{EventKind, JobId, QueueStats};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// With a result.
    Completed,
    /// Dead after an attempt.
    Failed,
    /// Cancelled.
    Cancelled,
    /// Its time to live was over.
    Expired,
    /// A shutdown gave up on its handler.
    Interrupted,
    /// A shutdown gave it back.
    Returned,
}

/// All of them, in the order of the table.
pub const ENDS: [End; 6] = [
    End::Completed,
    End::Failed,
    End::Cancelled,
    End::Expired,
    End::Interrupted,
    End::Returned,
];

impl End {
    /// How many jobs ended like this by a queue's own count.
    pub fn counted(self, stats: &QueueStats) -> u64 {
        match self {
            End::Completed => stats.completed,
            End::Failed => stats.failed,
            End::Cancelled => stats.cancelled,
            End::Expired => stats.expired,
            End::Interrupted => stats.interrupted,
            End::Returned => stats.returned,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            End::Completed => "completed",
            End::Failed => "failed",
            End::Cancelled => "cancelled",
            End::Expired => "expired",
            End::Interrupted => "interrupted",
            End::Returned => "returned",
        }
    }
}

/// One thing that somebody saw of one queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// The queue took payload `number` and called the job `id`.
    Accepted {
        /// The job.
        id: JobId,
        /// Its payload.
        number: u64,
        /// Whether it came there by a redrive.
        redriven: bool,
    },
    /// The queue took a payload by `call`, which does not name the job; and how it ended, if that was told.
    Called {
        /// Its payload.
        number: u64,
        /// How it ended.
        end: Option<End>,
    },
    /// A job ended, by what `witness` was told.
    Ended {
        /// The job.
        id: JobId,
        /// How.
        end: End,
        /// Who says so.
        witness: &'static str,
    },
    /// `witness` was shown that payload `number` is job `id`'s.
    Seen {
        /// The job.
        id: JobId,
        /// The payload.
        number: u64,
        /// Who says so.
        witness: &'static str,
    },
    /// `take_returned` gave a payload back.
    GivenBack {
        /// The job.
        id: JobId,
        /// Its payload, unless it is a letter without one.
        number: Option<u64>,
    },
    /// `cancel_all` cancelled so many.
    CancelledMany(u64),
    /// A refused payload came back as another one.
    Swapped {
        /// Which was given.
        given: u64,
        /// Which came back.
        back: u64,
    },
    /// Who waited for the job was never answered.
    Unanswered(JobId),
    /// Something that can't be said otherwise was wrong.
    Wrong(String),
}

/// An event, as far as it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The job.
    pub job: JobId,
    /// Its number among the job's events.
    pub sequence: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What one listener heard from before the first job until the end.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Every event.
    pub steps: Vec<Step>,
    /// Those that were overwritten before they were read.
    pub lagged: u64,
}

/// Calls of a queue's hooks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks {
    /// Of `on_completed`.
    pub completed: u64,
    /// Of `on_failed`.
    pub failed: u64,
}

/// One queue's round.
#[derive(Clone, Debug, Default)]
pub struct QueueFacts {
    /// Its name.
    pub name: &'static str,
    /// Whether its jobs are dead letters of the others: added by them, so that nobody here knows their names.
    pub is_dead: bool,
    /// What it counted, when all was over.
    pub stats: QueueStats,
    /// What was seen.
    pub notes: Vec<Note>,
    /// Whether it kept the record of every ended job.
    pub recorded: bool,
    /// What a listener heard, if there was one.
    pub heard: Option<Heard>,
    /// Calls of its hooks, if it had any.
    pub hooks: Option<Hooks>,
    /// Times that somebody held a job of it: handlers and leases.
    pub starts: u64,
    /// Letters that were redriven out of it.
    pub redriven: u64,
    /// Holders that panicked.
    pub panics: u64,
}

/// One payload's round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadFacts {
    /// Times that it was dropped.
    pub drops: u32,
    /// See [`super::payload`].
    pub odd: u8,
}

/// A round.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Every queue.
    pub queues: Vec<QueueFacts>,
    /// Every payload, by its number.
    pub payloads: Vec<PayloadFacts>,
    /// Results and progresses that were never dropped.
    pub alive: i64,
}
