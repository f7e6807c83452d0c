//! The umbrella error, for `?` in applications.

use std::fmt;

use crate::model::{InvalidOption, JobError, ParseJobIdError, Revoked};
use crate::queue::{
    AddError, AddManyError, AddTimeoutError, BuildError, CallError, ChangeError, EventError, Gone,
    LeaseError, LeaseLost, TryAddError, TryAddManyError, WorkersError,
};

/// Any error of this crate, without the payload it may have carried.
///
/// ```
/// fn run() -> Result<u64, guichet::Error> {
///     let runtime = guichet::Runtime::new()?;
///     let squares = runtime.queue::<u64, u64>("squares").build()?;
///     squares.workers(1, |job| Ok(job.payload() * job.payload()))?;
///     Ok(squares.submit(3)?.wait()?)
/// }
/// assert_eq!(run().unwrap(), 9);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A queue was not built.
    Build(BuildError),
    /// Workers were not started.
    Workers(WorkersError),
    /// A job was not added; the text says why. The payload is in the operation's own error.
    Refused(String),
    /// A job was not changed.
    Change(ChangeError),
    /// No job was leased.
    Lease(LeaseError),
    /// A lease's job was decided by somebody else.
    Lost(LeaseLost),
    /// A job was decided while its handler ran.
    Revoked(Revoked),
    /// There is no record of a job.
    Gone(Gone),
    /// There is no event.
    Event(EventError),
    /// A job ended without a value.
    Job(JobError),
    /// A text was not a job's id.
    Id(ParseJobIdError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Build(error) => error.fmt(f),
            Error::Workers(error) => error.fmt(f),
            Error::Refused(why) => f.write_str(why),
            Error::Change(error) => error.fmt(f),
            Error::Lease(error) => error.fmt(f),
            Error::Lost(error) => error.fmt(f),
            Error::Revoked(error) => error.fmt(f),
            Error::Gone(error) => error.fmt(f),
            Error::Event(error) => error.fmt(f),
            Error::Job(error) => error.fmt(f),
            Error::Id(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Job(error) => error.source(),
            Error::Workers(error) => error.source(),
            _ => None,
        }
    }
}

macro_rules! wraps {
    ($($error:ty => $variant:ident),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::$variant(error)
            }
        }
    )*};
}
wraps!(
    BuildError => Build,
    ChangeError => Change,
    WorkersError => Workers,
    LeaseError => Lease,
    LeaseLost => Lost,
    Revoked => Revoked,
    Gone => Gone,
    EventError => Event,
    JobError => Job,
    ParseJobIdError => Id,
);

impl From<InvalidOption> for Error {
    fn from(error: InvalidOption) -> Self {
        Error::Build(error.into())
    }
}

macro_rules! refusals {
    ($($error:ident),* $(,)?) => {$(
        impl<T> From<$error<T>> for Error {
            fn from(error: $error<T>) -> Self {
                Error::Refused(error.to_string())
            }
        }
    )*};
}
refusals!(
    TryAddError,
    AddError,
    AddTimeoutError,
    AddManyError,
    TryAddManyError
);

impl<T> From<CallError<T>> for Error {
    fn from(error: CallError<T>) -> Self {
        match error {
            CallError::Job(error) => Error::Job(error),
            other => Error::Refused(other.to_string()),
        }
    }
}
