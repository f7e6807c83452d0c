//! How a job ended, as the one who waits for it learns.

use std::error::Error;
use std::fmt;

use super::Failure;

/// Why a job that somebody waited for gave no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// The last attempt failed; what its handler said.
    Failed(Failure),
    /// The job was cancelled.
    Cancelled {
        /// Why, if whoever cancelled it said so.
        reason: Option<String>,
    },
    /// The job's time to live was over before an attempt began.
    Expired,
    /// Shutdown gave up on the running handler. Its effects may be half done.
    Interrupted,
    /// Shutdown came before the job had another attempt; `Queue::take_returned` has the payload.
    Returned,
    /// The caller is a worker of this very queue: waiting here could wait for itself.
    WouldDeadlock,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Failed(failure) => write!(f, "the job's last attempt failed: {failure}"),
            JobError::Cancelled { reason: None } => f.write_str("the job was cancelled"),
            JobError::Cancelled { reason: Some(why) } => write!(f, "the job was cancelled: {why}"),
            JobError::Expired => f.write_str("the job's time to live was over before it ran"),
            JobError::Interrupted => {
                f.write_str("the job was still running when the runtime shut down")
            }
            JobError::Returned => f.write_str("the runtime shut down before the job ran"),
            JobError::WouldDeadlock => f.write_str(
                "a worker can't wait for a job of its own queue: it may be the one to run it",
            ),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JobError::Failed(failure) => Some(failure.error()),
            _ => None,
        }
    }
}
