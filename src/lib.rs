#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#[cfg(doc)]
#[doc = include_str!("_docs/delivery.md")]
pub mod _delivery {}
pub mod channel;
#[cfg(not(guichet_loom))]
mod error;
mod lane;
mod model;
mod park;
#[cfg(not(guichet_loom))]
mod queue;
mod ring;
#[cfg(not(guichet_loom))]
mod runtime;
mod sync;
mod table;
#[cfg(not(guichet_loom))]
mod telemetry;
#[cfg(not(guichet_loom))]
mod time;
mod wheel;

#[cfg(not(guichet_loom))]
pub use error::Error;
pub use model::{
    AttemptError, Backoff, DeadReason, Event, EventKind, Failure, FailureKind, InvalidOption,
    JobBrief, JobError, JobId, JobState, Keep, LogLine, Order, ParseJobIdError, Policy, Revoked,
};
#[cfg(not(guichet_loom))]
pub use queue::{
    AddError, AddManyError, AddTimeoutError, BuildError, CallError, ChangeError, Consumer,
    ConsumerBuilder, DeadLetter, EventError, Gone, Job, JobBuilder, JobHandle, JobInfo, Latencies,
    Lease, LeaseError, LeaseLost, Producer, Queue, QueueBuilder, QueueStats, Redrive, Redriven,
    Subscription, TryAddError, TryAddManyError, WorkersError,
};
#[cfg(not(guichet_loom))]
pub use runtime::{Processor, QueueReport, Runtime, RuntimeBuilder, ShutdownReport};
#[cfg(not(guichet_loom))]
pub use telemetry::LatencySummary;
#[cfg(not(guichet_loom))]
pub use time::{Clock, ManualClock, SystemClock};

/// The inner floors, for this crate's own benches, fuzz targets and models. Outside semver.
#[doc(hidden)]
#[cfg(any(feature = "internals", guichet_loom, guichet_shuttle))]
pub mod internals {
    macro_rules! open {
        ($($floor:ident),*) => {$(
            #[allow(missing_docs)]
            pub mod $floor {
                pub use crate::$floor::*;
            }
        )*};
    }
    open!(lane, model, park, ring, sync, table, wheel);
}
