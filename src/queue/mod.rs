//! The queue: accepts jobs, hands each to one worker, accepts one end for it.
//!
//! ```text
//! add ─► claim ─► slab ─► lane ─► idle ─► dispatch ─► handler ─► settle ─► result cell
//! slot or block   admit   push    wake    activate    catch_unwind  one CAS   set
//! ```
//! The rooms, the lowest first; none imports from a higher one:
//!
//! * `base`: what every room uses;
//! * `record`, what is written down; `ready`, slots and tickets;
//! * `life`: each verb once;
//! * `add`, `work`, `lease` and `control`: the doors in, the worker, manual mode, what is done from outside;
//! * `build`: how a queue is made.

mod add;
mod base;
mod build;
mod control;
mod lease;
mod life;
mod ready;
mod record;
mod work;

pub use add::builder::JobBuilder;
pub use add::handle::JobHandle;
pub use add::producer::Producer;
pub use base::error::{BuildError, ChangeError, WorkersError};
pub use base::refusal::{
    AddError, AddManyError, AddTimeoutError, CallError, TryAddError, TryAddManyError,
};
pub use base::stats::QueueStats;
pub use build::builder::QueueBuilder;
pub use control::inspect::Latencies;
pub use control::redrive::{Redrive, Redriven};
pub use lease::consumer::{Consumer, ConsumerBuilder};
pub use lease::held::{Lease, LeaseError, LeaseLost};
pub use life::Queue;
pub use life::job::Job;
pub use ready::letters::DeadLetter;
pub use record::lookup::{Gone, JobInfo};
pub use record::subscription::{EventError, Subscription};

pub(crate) use base::current::{CurrentWorker, current_worker};
pub(crate) use base::desk::{Hire, Relief};
pub(crate) use base::host::{Adopted, Body, Hand, Host, Managed, SpawnError};
pub(crate) use life::WeakQueue;
pub(crate) use work::dispatch::Station;
pub(crate) use work::shift::Shift;
