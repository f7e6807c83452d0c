//! Why jobs are not taken: each reason and its text once, and one error per operation, which gives
//! the payload back.

use std::error::Error;
use std::fmt;

use crate::model::{InvalidOption, JobError, JobId};

/// Why jobs are not taken, whatever the operation. `I` is the option that can't be had, or a look
/// at it.
pub(crate) enum Refusal<I = InvalidOption> {
    Closed,
    /// No slot is vacant.
    Full {
        waiting: usize,
        active: usize,
    },
    /// Not so many slots are vacant.
    NoRoom {
        jobs: usize,
    },
    TooMany {
        jobs: usize,
        capacity: usize,
    },
    TimedOut,
    WouldDeadlock,
    Invalid(I),
}

impl From<InvalidOption> for Refusal {
    fn from(invalid: InvalidOption) -> Self {
        Refusal::Invalid(invalid)
    }
}

impl<I: fmt::Display> fmt::Display for Refusal<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Closed => f.write_str(
                "the queue takes no more jobs: its runtime is shut down or shutting down",
            ),
            Refusal::Full { waiting, active } => write!(
                f,
                "the queue is full: {waiting} jobs are in line and {active} with workers"
            ),
            Refusal::NoRoom { jobs } => write!(f, "the queue has no room for {jobs} jobs at once"),
            Refusal::TooMany { jobs, capacity } => write!(
                f,
                "{jobs} jobs at once can never fit a queue of capacity {capacity}"
            ),
            Refusal::TimedOut => f.write_str("the queue had no room in time"),
            Refusal::WouldDeadlock => f.write_str(
                "the queue is full, and its own worker can't wait for room that it may have to make",
            ),
            Refusal::Invalid(invalid) => invalid.fmt(f),
        }
    }
}

/// Why [`Queue::try_add`](crate::Queue::try_add) refused a job.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TryAddError<T> {
    /// No slot was vacant.
    Full {
        /// What was to be added.
        payload: T,
        /// Jobs in line just after the refusal.
        waiting: usize,
        /// All other slots of those it could have had: their jobs were with workers or delayed, or
        /// the slots were reserved.
        active: usize,
    },
    /// The runtime is shut down or shutting down.
    Closed(T),
    /// One of the job's options can't be had.
    Invalid(T, InvalidOption),
}

/// Why [`Queue::add`](crate::Queue::add) refused a job.
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

/// Why [`Queue::add_timeout`](crate::Queue::add_timeout) refused a job.
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

/// Why [`Queue::add_many`](crate::Queue::add_many) refused its jobs, all of them.
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

/// Why [`Queue::try_add_many`](crate::Queue::try_add_many) refused its jobs, all of them.
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

/// Why [`Queue::call`](crate::Queue::call) has no value.
#[non_exhaustive]
pub enum CallError<T> {
    /// The job was not added.
    Refused(AddTimeoutError<T>),
    /// The time was over; the job goes on, detached.
    Timeout(JobId),
    /// The job ended without a value.
    Job(JobError),
}

impl<T> TryAddError<T> {
    #[cold]
    pub(crate) fn new((refusal, payload): (Refusal, T)) -> Self {
        match refusal {
            Refusal::Full { waiting, active } => TryAddError::Full {
                payload,
                waiting,
                active,
            },
            Refusal::Closed => TryAddError::Closed(payload),
            Refusal::Invalid(invalid) => TryAddError::Invalid(payload, invalid),
            other => unreachable!("no answer to `try_add`: {other}"),
        }
    }

    /// What was to be added.
    pub fn into_payload(self) -> T {
        match self {
            TryAddError::Full { payload, .. }
            | TryAddError::Closed(payload)
            | TryAddError::Invalid(payload, _) => payload,
        }
    }

    fn refusal(&self) -> Refusal<&InvalidOption> {
        match *self {
            TryAddError::Full {
                waiting, active, ..
            } => Refusal::Full { waiting, active },
            TryAddError::Closed(_) => Refusal::Closed,
            TryAddError::Invalid(_, ref invalid) => Refusal::Invalid(invalid),
        }
    }
}

impl<T> AddError<T> {
    #[cold]
    pub(crate) fn new((refusal, payload): (Refusal, T)) -> Self {
        match refusal {
            Refusal::Closed => AddError::Closed(payload),
            Refusal::WouldDeadlock => AddError::WouldDeadlock(payload),
            Refusal::Invalid(invalid) => AddError::Invalid(payload, invalid),
            other => unreachable!("no answer to `add`: {other}"),
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

    fn refusal(&self) -> Refusal<&InvalidOption> {
        match self {
            AddError::Closed(_) => Refusal::Closed,
            AddError::WouldDeadlock(_) => Refusal::WouldDeadlock,
            AddError::Invalid(_, invalid) => Refusal::Invalid(invalid),
        }
    }
}

impl<T> AddTimeoutError<T> {
    #[cold]
    pub(crate) fn new((refusal, payload): (Refusal, T)) -> Self {
        match refusal {
            Refusal::TimedOut => AddTimeoutError::Timeout(payload),
            Refusal::Closed => AddTimeoutError::Closed(payload),
            Refusal::WouldDeadlock => AddTimeoutError::WouldDeadlock(payload),
            Refusal::Invalid(invalid) => AddTimeoutError::Invalid(payload, invalid),
            other => unreachable!("no answer to `add_timeout`: {other}"),
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

    fn refusal(&self) -> Refusal<&InvalidOption> {
        match self {
            AddTimeoutError::Timeout(_) => Refusal::TimedOut,
            AddTimeoutError::Closed(_) => Refusal::Closed,
            AddTimeoutError::WouldDeadlock(_) => Refusal::WouldDeadlock,
            AddTimeoutError::Invalid(_, invalid) => Refusal::Invalid(invalid),
        }
    }
}

impl<T> AddManyError<T> {
    #[cold]
    pub(crate) fn new((refusal, payloads): (Refusal, Vec<T>)) -> Self {
        match refusal {
            Refusal::TooMany { capacity, .. } => AddManyError::TooMany { payloads, capacity },
            Refusal::Closed => AddManyError::Closed(payloads),
            Refusal::WouldDeadlock => AddManyError::WouldDeadlock(payloads),
            other => unreachable!("no answer to `add_many`: {other}"),
        }
    }

    /// What was to be added.
    pub fn into_payloads(self) -> Vec<T> {
        match self {
            AddManyError::TooMany { payloads, .. }
            | AddManyError::Closed(payloads)
            | AddManyError::WouldDeadlock(payloads) => payloads,
        }
    }

    fn refusal(&self) -> Refusal<&InvalidOption> {
        match self {
            AddManyError::TooMany { payloads, capacity } => Refusal::TooMany {
                jobs: payloads.len(),
                capacity: *capacity,
            },
            AddManyError::Closed(_) => Refusal::Closed,
            AddManyError::WouldDeadlock(_) => Refusal::WouldDeadlock,
        }
    }
}

impl<T> TryAddManyError<T> {
    #[cold]
    pub(crate) fn new((refusal, payloads): (Refusal, Vec<T>)) -> Self {
        match refusal {
            Refusal::TooMany { capacity, .. } => TryAddManyError::TooMany { payloads, capacity },
            Refusal::NoRoom { .. } => TryAddManyError::Full(payloads),
            Refusal::Closed => TryAddManyError::Closed(payloads),
            other => unreachable!("no answer to `try_add_many`: {other}"),
        }
    }

    /// What was to be added.
    pub fn into_payloads(self) -> Vec<T> {
        match self {
            TryAddManyError::TooMany { payloads, .. }
            | TryAddManyError::Full(payloads)
            | TryAddManyError::Closed(payloads) => payloads,
        }
    }

    fn refusal(&self) -> Refusal<&InvalidOption> {
        match self {
            TryAddManyError::TooMany { payloads, capacity } => Refusal::TooMany {
                jobs: payloads.len(),
                capacity: *capacity,
            },
            TryAddManyError::Full(payloads) => Refusal::NoRoom {
                jobs: payloads.len(),
            },
            TryAddManyError::Closed(_) => Refusal::Closed,
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

macro_rules! tells_refusal {
    ($($name:ident),*) => {$(
        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.refusal().fmt(f)
            }
        }
    )*};
}
tells_refusal!(
    TryAddError,
    AddError,
    AddTimeoutError,
    AddManyError,
    TryAddManyError
);

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
