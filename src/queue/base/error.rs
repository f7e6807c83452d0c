//! One error per operation; a refused payload comes back.

use std::error::Error;
use std::{fmt, io};

use crate::model::{InvalidOption, JobError, JobId, JobState, Order, Policy};
use crate::queue::ready::room::NoSlot;

const CLOSED: &str = "the queue takes no more jobs: its runtime is shut down or shutting down";
const DEADLOCK: &str =
    "the queue is full, and its own worker can't wait for room that it may have to make";

/// Why [`Queue::try_add`](crate::queue::Queue::try_add) refused a job.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAddError<T> {
    /// No slot was vacant.
    Full {
        /// What was to be added.
        payload: T,
        /// Jobs in line just after the refusal.
        waiting: usize,
        /// All other slots of those it could have had: their jobs were with workers or delayed, or the slots were
        /// reserved.
        active: usize,
    },
    /// The runtime is shut down or shutting down.
    Closed(T),
    /// One of the job's options can't be had.
    Invalid(T, InvalidOption),
}

/// Why [`Queue::add`](crate::queue::Queue::add) refused a job.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError<T> {
    /// The runtime is shut down or shutting down.
    Closed(T),
    /// The queue was full and the caller is one of its own workers.
    WouldDeadlock(T),
    /// One of the job's options can't be had.
    Invalid(T, InvalidOption),
}

/// Why [`Queue::add_timeout`](crate::queue::Queue::add_timeout) refused a job.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddTimeoutError<T> {
    /// No slot became vacant in time.
    Timeout(T),
    /// The runtime is shut down or shutting down.
    Closed(T),
    /// The queue was full and the caller is one of its own workers.
    WouldDeadlock(T),
    /// One of the job's options can't be had.
    Invalid(T, InvalidOption),
}

/// Why [`Queue::add_many`](crate::queue::Queue::add_many) refused its jobs, all of them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddManyError<T> {
    /// There are more jobs than slots, so no waiting would help.
    TooMany {
        /// What was to be added.
        payloads: Vec<T>,
        /// How many slots there are.
        capacity: usize,
    },
    /// The runtime is shut down or shutting down.
    Closed(Vec<T>),
    /// There was no room for all and the caller is one of the queue's own workers.
    WouldDeadlock(Vec<T>),
}

/// Why [`Queue::try_add_many`](crate::queue::Queue::try_add_many) refused its jobs, all of them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAddManyError<T> {
    /// There are more jobs than slots.
    TooMany {
        /// What was to be added.
        payloads: Vec<T>,
        /// How many slots there are.
        capacity: usize,
    },
    /// There was no room for all.
    Full(Vec<T>),
    /// The runtime is shut down or shutting down.
    Closed(Vec<T>),
}

/// Why [`Queue::call`](crate::queue::Queue::call) has no value.
#[non_exhaustive]
pub enum CallError<T> {
    /// The job was not added.
    Refused(AddTimeoutError<T>),
    /// The time was over; the job goes on, detached.
    Timeout(JobId),
    /// The job ended without a value.
    Job(JobError),
}

/// Why [`QueueBuilder::build`](crate::queue::QueueBuilder::build) made no queue.
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

impl<T> TryAddError<T> {
    /// What was to be added.
    pub fn into_payload(self) -> T {
        match self {
            TryAddError::Full { payload, .. }
            | TryAddError::Closed(payload)
            | TryAddError::Invalid(payload, _) => payload,
        }
    }
}

impl<T> AddError<T> {
    pub(crate) fn new(no: NoSlot, payload: T) -> Self {
        match no {
            NoSlot::WouldDeadlock => AddError::WouldDeadlock(payload),
            NoSlot::Closed | NoSlot::TimedOut => AddError::Closed(payload),
        }
    }

    /// What was to be added.
    pub fn into_payload(self) -> T {
        match self {
            AddError::Closed(payload)
            | AddError::WouldDeadlock(payload)
            | AddError::Invalid(payload, _) => payload,
        }
    }
}

impl<T> AddTimeoutError<T> {
    pub(crate) fn new(no: NoSlot, payload: T) -> Self {
        match no {
            NoSlot::Closed => AddTimeoutError::Closed(payload),
            NoSlot::TimedOut => AddTimeoutError::Timeout(payload),
            NoSlot::WouldDeadlock => AddTimeoutError::WouldDeadlock(payload),
        }
    }

    /// What was to be added.
    pub fn into_payload(self) -> T {
        match self {
            AddTimeoutError::Timeout(payload)
            | AddTimeoutError::Closed(payload)
            | AddTimeoutError::WouldDeadlock(payload)
            | AddTimeoutError::Invalid(payload, _) => payload,
        }
    }
}

impl<T> AddManyError<T> {
    /// What was to be added.
    pub fn into_payloads(self) -> Vec<T> {
        match self {
            AddManyError::TooMany { payloads, .. }
            | AddManyError::Closed(payloads)
            | AddManyError::WouldDeadlock(payloads) => payloads,
        }
    }
}

impl<T> TryAddManyError<T> {
    /// What was to be added.
    pub fn into_payloads(self) -> Vec<T> {
        match self {
            TryAddManyError::TooMany { payloads, .. }
            | TryAddManyError::Full(payloads)
            | TryAddManyError::Closed(payloads) => payloads,
        }
    }
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

impl<T> fmt::Display for TryAddError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryAddError::Full {
                waiting, active, ..
            } => {
                write!(
                    f,
                    "the queue is full: {waiting} jobs are in line and {active} with workers"
                )
            }
            TryAddError::Closed(_) => f.write_str(CLOSED),
            TryAddError::Invalid(_, invalid) => invalid.fmt(f),
        }
    }
}

impl<T> fmt::Display for AddError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddError::Closed(_) => f.write_str(CLOSED),
            AddError::WouldDeadlock(_) => f.write_str(DEADLOCK),
            AddError::Invalid(_, invalid) => invalid.fmt(f),
        }
    }
}

impl<T> fmt::Display for AddTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddTimeoutError::Timeout(_) => f.write_str("the queue had no room in time"),
            AddTimeoutError::Closed(_) => f.write_str(CLOSED),
            AddTimeoutError::WouldDeadlock(_) => f.write_str(DEADLOCK),
            AddTimeoutError::Invalid(_, invalid) => invalid.fmt(f),
        }
    }
}

impl<T> fmt::Display for AddManyError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddManyError::TooMany { payloads, capacity } => too_many(f, payloads.len(), *capacity),
            AddManyError::Closed(_) => f.write_str(CLOSED),
            AddManyError::WouldDeadlock(_) => f.write_str(DEADLOCK),
        }
    }
}

fn too_many(f: &mut fmt::Formatter<'_>, count: usize, capacity: usize) -> fmt::Result {
    write!(
        f,
        "{count} jobs at once can never fit a queue of capacity {capacity}"
    )
}

impl<T> fmt::Display for TryAddManyError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryAddManyError::TooMany { payloads, capacity } => {
                too_many(f, payloads.len(), *capacity)
            }
            TryAddManyError::Full(payloads) => {
                write!(
                    f,
                    "the queue has no room for {} jobs at once",
                    payloads.len()
                )
            }
            TryAddManyError::Closed(_) => f.write_str(CLOSED),
        }
    }
}

impl<T> fmt::Display for CallError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Refused(refused) => write!(f, "the job was not added: {refused}"),
            CallError::Timeout(id) => {
                write!(f, "job {id} has not ended in time and goes on, detached")
            }
            CallError::Job(error) => error.fmt(f),
        }
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

/// `Debug` and `Error` of an error that carries a payload, whatever the payload can do.
macro_rules! carries_payload {
    ($($name:ident),*) => {$(
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
        impl<T> Error for $name<T> {}
    )*};
}
carries_payload!(
    TryAddError,
    AddError,
    AddTimeoutError,
    AddManyError,
    TryAddManyError,
    CallError
);

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
