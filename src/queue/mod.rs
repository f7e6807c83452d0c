//! The queue: accepts jobs, hands each to one worker, accepts one end for it.
//!
//! ```text
//! add ─► claim ─► slab ─► lane ─► idle ─► dispatch ─► handler ─► settle ─► result cell
//! slot or block   admit   push    wake    activate    catch_unwind  one CAS   set
//! ```
//! `add.rs` and `terms.rs` lead in, `line.rs` orders, `dispatch.rs` leads to the handler, `settle.rs` out; `timing.rs` does
//! what is due. How an idle worker and a blocked
//! adder sleep is the event count's business; what a queue needs of its runtime is in `host.rs`.

mod add;
mod builder;
mod change;
mod control;
mod current;
mod desk;
mod dispatch;
mod error;
mod handle;
mod host;
mod inspect;
mod job;
mod line;
mod producer;
mod room;
mod settle;
mod shift;
mod terms;
mod timing;

use std::fmt;

pub use builder::QueueBuilder;
pub use error::{
    AddError, AddManyError, AddTimeoutError, BuildError, CallError, ChangeError, TryAddError,
    TryAddManyError, WorkersError,
};
pub use handle::JobHandle;
pub use inspect::{Latencies, QueueStats};
pub use job::Job;
pub use producer::Producer;
pub use terms::JobBuilder;

pub(crate) use current::{CurrentWorker, current_worker};
pub(crate) use dispatch::Station;
pub(crate) use host::{Adopted, Body, Hand, Host, Managed, SpawnError};
pub(crate) use shift::Shift;

use crate::model::{JobError, JobId};
use crate::park::{Alarm, EventCount};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use crate::sync::{Arc, Mutex, Weak};
use crate::table::Slab;
use crate::time::Time;
use crate::wheel::Timers;
use builder::{Hooks, Options};
use desk::Desk;
use line::Line;
use room::Room;

/// What somebody who waits for a job learns.
type Outcome<R> = Result<R, JobError>;

/// Jobs with payload `T` and result `R` that wait for workers.
///
/// A handle: cloning it is cheap and names the same queue. Made by
/// [`Runtime::queue`](crate::Runtime::queue). Handles do not keep the runtime alive: once it is
/// gone or shut down, adding is refused with `Closed`.
///
/// ```
/// use guichet::Runtime;
///
/// let runtime = Runtime::new()?;
/// let lengths = runtime.queue::<String, usize>("lengths").capacity(64).build()?;
/// lengths.workers(2, |job| Ok(job.payload().len()))?;
/// let answer = lengths.submit("guichet".to_owned())?;
/// assert_eq!(answer.wait()?, 7);
/// # Ok::<(), guichet::Error>(())
/// ```
pub struct Queue<T, R> {
    pub(crate) shared: Arc<Shared<T, R>>,
}

/// What all handles and workers of one queue share.
pub(crate) struct Shared<T, R> {
    number: u32,
    name: String,
    options: Options,
    time: Time,
    host: Weak<dyn Host>,
    phase: AtomicU8,
    slab: Slab<T, Outcome<R>>,
    /// Slots for jobs that wait from the start.
    room: Room,
    /// Slots for jobs that are delayed from the start.
    later: Room,
    /// The tickets of waiting jobs.
    line: Line,
    /// Stale tickets in lines and on desks, each of which keeps a slot.
    strays: AtomicU64,
    /// When to look at which slot again.
    timers: Timers,
    /// Slots whose instant has come; here between two ticks, for its memory.
    fired: Mutex<Vec<u32>>,
    /// Wakes the runtime's clerk.
    alarm: Arc<Alarm>,
    /// Whether any job ever had a time to live.
    mortal: AtomicBool,
    hooks: Hooks<T>,
    /// Workers without a job.
    idle: EventCount,
    /// Workers that have not left.
    serving: AtomicUsize,
    stations: Mutex<Vec<Arc<Desk>>>,
    /// Changes with `stations`.
    station_count: AtomicUsize,
    cancelled: AtomicU64,
    expired: AtomicU64,
    interrupted: AtomicU64,
    returned: AtomicU64,
    /// Payloads that never ran, until somebody takes them.
    returns: Mutex<Vec<(JobId, T)>>,
}

impl<T, R> Queue<T, R> {
    /// The name it was built with.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The queue's number, unique in the process; part of every [`JobId`].
    pub fn id(&self) -> u32 {
        self.shared.number
    }

    /// How many jobs that are not added with a delay may wait or run at a time.
    pub fn capacity(&self) -> usize {
        self.shared.options.capacity
    }

    /// How many jobs that are added with a delay may be delayed, wait or run at a time.
    pub fn delayed_capacity(&self) -> usize {
        self.shared.options.delayed_capacity
    }
}

impl<T, R> Queue<T, R> {
    /// Total tries per job.
    pub(crate) fn attempts(&self) -> u32 {
        self.shared.options.attempts
    }

    /// The runtime, while it exists.
    pub(crate) fn host(&self) -> Option<Arc<dyn Host>> {
        self.shared.host.upgrade()
    }
}

impl<T, R> Shared<T, R> {
    fn id_of(&self, slot: u32, occupancy: u64) -> JobId {
        JobId {
            queue: self.number,
            slot,
            occupancy,
        }
    }
}

impl<T, R> Clone for Queue<T, R> {
    fn clone(&self) -> Self {
        Queue {
            shared: self.shared.clone(),
        }
    }
}

impl<T, R> fmt::Debug for Queue<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("name", &self.shared.name)
            .field("id", &self.shared.number)
            .field("capacity", &self.capacity())
            .field("waiting", &self.shared.line.len())
            .finish_non_exhaustive()
    }
}
