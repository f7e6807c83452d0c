//! What can go wrong with a run.

use std::fmt;

use super::contenders::Failed;

/// Why a run measured nothing, or nothing that counts.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The contender could not start, add or end.
    Failed(Failed),
    /// The system refused a thread for a producer.
    NoThread(String),
    /// No job ended for too long.
    Stalled {
        /// Jobs that did run.
        ran: u64,
        /// Jobs that should have.
        jobs: u64,
    },
    /// All is over and the books are wrong.
    Unsound(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Failed(failed) => failed.fmt(f),
            Fault::NoThread(source) => write!(f, "cannot start a producer thread: {source}"),
            Fault::Stalled { ran, jobs } => {
                write!(
                    f,
                    "jobs lost: {ran} of {jobs} ran, then nothing happened any more"
                )
            }
            Fault::Unsound(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        Fault::Failed(failed)
    }
}
