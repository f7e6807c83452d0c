//! Who decided a job over its handler's head.

use std::error::Error;
use std::fmt;

/// Who decided a job while its handler ran.
///
/// An error, so that a handler can say `job.checkpoint()?`; what it returns is not accepted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// Somebody cancelled it.
    Cancelled {
        /// Why, if whoever did it said so.
        reason: Option<String>,
    },
    /// Its attempt took longer than its time-out.
    TimedOut,
    /// A shutdown gave up on it.
    ShuttingDown,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Revoked::Cancelled { reason: None } => f.write_str("the job was cancelled"),
            Revoked::Cancelled { reason: Some(why) } => write!(f, "the job was cancelled: {why}"),
            Revoked::TimedOut => f.write_str("the attempt took longer than its time-out"),
            Revoked::ShuttingDown => f.write_str("the runtime shut down while the job ran"),
        }
    }
}

impl Error for Revoked {}
