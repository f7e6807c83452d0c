//! What is written down of a job: failed attempts, log lines, why it ended, and how long its record is kept.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::{FailureKind, InvalidOption, JobId, check_range};

/// The most records that a queue can be told to keep.
#[cfg_attr(guichet_loom, allow(dead_code))]
const MOST: u64 = 10_000_000;

/// One failed attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptError {
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How it failed.
    pub kind: FailureKind,
    /// What the error or the panic said.
    pub message: String,
    /// Where in the source it arose, if that is known.
    pub location: Option<String>,
    /// When the attempt ended.
    pub at: SystemTime,
}

/// A line that a handler logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// In which attempt, from 1.
    pub attempt: u32,
    /// When.
    pub at: SystemTime,
    /// What the handler said.
    pub text: String,
}

/// What a [hook](crate::QueueBuilder::on_completed) is told of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobBrief {
    /// Its name.
    pub id: JobId,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Whether the job has ended with it.
    pub ended: bool,
}

/// Why a job ended without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadReason {
    /// Its last attempt failed.
    Exhausted,
    /// Its handler said that no other attempt would help.
    Discarded,
    /// Its queue's rules for retries wanted no other attempt after this error.
    NotRetried,
    /// Its time to live was over before an attempt began.
    Expired,
    /// Whoever held its lease rejected it.
    Rejected,
    /// It was handed out again too often, because whoever held its lease did not answer.
    DeliveryLimit,
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadReason::Exhausted => "its last attempt failed",
            DeadReason::Discarded => "its handler said that no other attempt would help",
            DeadReason::NotRetried => "no other attempt was wanted after this error",
            DeadReason::Expired => "its time to live was over before it ran",
            DeadReason::Rejected => "whoever held its lease rejected it",
            DeadReason::DeliveryLimit => "it was handed out too often",
        })
    }
}

/// How many finished jobs' records are kept, and how long.
///
/// A number converts into [`Keep::last`] of it. 0 to 10,000,000; what lies outside is refused when the queue is built.
///
/// ```
/// use guichet::Keep;
/// use std::time::Duration;
///
/// let of_today = Keep::last(5_000).for_at_most(Duration::from_secs(24 * 60 * 60));
/// assert_ne!(of_today, Keep::last(5_000));
/// assert_eq!(Keep::from(0), Keep::none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    most: usize,
    age: Option<Duration>,
}

impl Keep {
    /// No records.
    pub const fn none() -> Self {
        Self::last(0)
    }

    /// The records of the last `jobs` that ended, however old.
    pub const fn last(jobs: usize) -> Self {
        Keep {
            most: jobs,
            age: None,
        }
    }

    /// Of these, none whose job ended `age` ago or earlier. Default: no such limit.
    pub const fn for_at_most(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }
}

#[cfg_attr(guichet_loom, allow(dead_code))]
impl Keep {
    /// How many records there may be.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// How old they may get.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.age
    }

    /// Whether there is room for any.
    pub(crate) fn any(&self) -> bool {
        self.most > 0
    }

    /// Refuses a number out of range.
    pub(crate) fn check(&self, option: &'static str) -> Result<(), InvalidOption> {
        check_range(option, self.most as u64, 0..=MOST).map(drop)
    }

    /// The instant at which a job that ended at `finished` has reached the age; none if that is never.
    pub(crate) fn until(&self, finished: u64) -> Option<u64> {
        finished.checked_add(u64::try_from(self.age?.as_nanos()).ok()?)
    }
}

impl From<usize> for Keep {
    fn from(jobs: usize) -> Self {
        Keep::last(jobs)
    }
}
