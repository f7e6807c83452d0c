//! The name of a job, for people and programs outside the queue.

use std::fmt;
use std::str::FromStr;

/// Names one accepted job: unique in the process, never given to a later job.
///
/// Printed as `queue:slot:occupancy` and read back from the same text. `Ord` sorts by queue and
/// place in its table, which says nothing about age.
///
/// ```
/// use guichet::JobId;
/// let id: JobId = "3:17:42".parse()?;
/// assert_eq!(id.to_string(), "3:17:42");
/// assert!("3:17".parse::<JobId>().is_err());
/// # Ok::<(), guichet::ParseJobIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId {
    pub(crate) queue: u32,
    pub(crate) slot: u32,
    /// How many jobs the slot had held with this one; 64 bits do not wrap.
    pub(crate) occupancy: u64,
}

impl JobId {
    /// The number of the job's queue, as [`Queue::id`](crate::Queue::id) gives it.
    pub fn queue(&self) -> u32 {
        self.queue
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.queue, self.slot, self.occupancy)
    }
}

impl FromStr for JobId {
    type Err = ParseJobIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or(ParseJobIdError(()));
        let id = JobId {
            queue: number(part()?)?,
            slot: number(part()?)?,
            occupancy: number(part()?)?,
        };
        if parts.next().is_some() {
            Err(ParseJobIdError(()))
        } else {
            Ok(id)
        }
    }
}

/// Digits only: `u32::from_str` would take a sign too, and an id has one spelling.
fn number<N: FromStr>(text: &str) -> Result<N, ParseJobIdError> {
    let canonical =
        text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if !canonical {
        return Err(ParseJobIdError(()));
    }
    text.parse().map_err(|_| ParseJobIdError(()))
}

/// A text that is not a job's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseJobIdError(());

impl fmt::Display for ParseJobIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job id is three numbers, `queue:slot:occupancy`, such as 3:17:42")
    }
}

impl std::error::Error for ParseJobIdError {}
