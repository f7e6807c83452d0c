//! Why a queue, workers or a change could not be had: one error per operation.

use std::error::Error;
use std::{fmt, io};

use crate::model::{InvalidOption, JobState, Order, Policy};

/// Why [`QueueBuilder::build`](crate::QueueBuilder::build) made no queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// An option is outside its range.
    Invalid(InvalidOption),
    /// `sample_every` is not a power of two.
    SampleNotPowerOfTwo(u32),
    /// The policy can't be had with the order.
    PolicyOfOrder(Policy, Order),
    /// The system refused the thread that a runtime needs for delays.
    Spawn(String),
    /// The name is empty or contains a NUL, which no thread's name may.
    BadName(String),
    /// The runtime has a queue of this name.
    NameTaken(String),
    /// The runtime is shut down, shutting down or gone.
    ShutDown,
}

/// Why a job was not given another place, instant or priority.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeError {
    /// The job has ended and its slot serves another, or it is of another queue.
    Gone,
    /// The job is in a state in which this can't be changed.
    State(JobState),
    /// What was asked for can't be had.
    Invalid(InvalidOption),
}

/// Why no workers were started.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkersError {
    /// An option is outside its range.
    Invalid(InvalidOption),
    /// A handler that consumes the payload leaves none for a second attempt.
    OwnedWithRetries {
        /// What the queue was built with.
        attempts: u32,
    },
    /// A queue with a single active consumer has no workers.
    SingleActive,
    /// The runtime is shut down, shutting down or gone.
    ShutDown,
    /// The system refused a thread. The workers started before it keep working.
    Spawn(io::Error),
}

impl From<InvalidOption> for BuildError {
    fn from(invalid: InvalidOption) -> Self {
        BuildError::Invalid(invalid)
    }
}

impl From<InvalidOption> for ChangeError {
    fn from(invalid: InvalidOption) -> Self {
        ChangeError::Invalid(invalid)
    }
}

impl From<InvalidOption> for WorkersError {
    fn from(invalid: InvalidOption) -> Self {
        WorkersError::Invalid(invalid)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Invalid(invalid) => invalid.fmt(f),
            BuildError::SampleNotPowerOfTwo(given) => {
                write!(
                    f,
                    "sample_every must be a power of two from 1 to 65536, not {given}"
                )
            }
            BuildError::PolicyOfOrder(policy, order) => write!(
                f,
                "{policy:?} needs priorities that it can use, which {order:?} does not have"
            ),
            BuildError::Spawn(why) => write!(f, "the system refused a thread: {why}"),
            BuildError::BadName(name) => {
                write!(
                    f,
                    "a queue's name must be one character or more, without NUL, not {name:?}"
                )
            }
            BuildError::NameTaken(name) => {
                write!(f, "the runtime has a queue named {name:?} already")
            }
            BuildError::ShutDown => f.write_str("the runtime is shut down"),
        }
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeError::Gone => f.write_str("the job is gone"),
            ChangeError::State(state) => write!(f, "the job can't be changed in state {state:?}"),
            ChangeError::Invalid(invalid) => invalid.fmt(f),
        }
    }
}

impl fmt::Display for WorkersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkersError::Invalid(invalid) => invalid.fmt(f),
            WorkersError::OwnedWithRetries { attempts } => write!(
                f,
                "workers_owned needs a queue with attempts = 1, not {attempts}: its handler consumes the payload"
            ),
            WorkersError::SingleActive => {
                f.write_str("a queue with a single active consumer has no workers: lease its jobs")
            }
            WorkersError::ShutDown => f.write_str("the runtime is shut down"),
            WorkersError::Spawn(error) => write!(f, "the system refused a thread: {error}"),
        }
    }
}

impl Error for BuildError {}

impl Error for ChangeError {}

impl Error for WorkersError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            WorkersError::Spawn(error) => Some(error),
            _ => None,
        }
    }
}
