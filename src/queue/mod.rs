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

use crate::queue::record::Records;
use std::fmt;
use std::time::Duration;

pub use add::builder::JobBuilder;
pub use add::handle::JobHandle;
pub use add::producer::Producer;
pub use base::error::{BuildError, ChangeError, WorkersError};
pub use base::refusal::{
    AddError, AddManyError, AddTimeoutError, CallError, TryAddError, TryAddManyError,
};
pub use build::builder::QueueBuilder;
pub use control::inspect::{Latencies, QueueStats};
pub use control::redrive::{Redrive, Redriven};
pub use lease::consumer::{Consumer, ConsumerBuilder};
pub use lease::{Lease, LeaseError, LeaseLost};
pub use life::job::Job;
pub use life::letters::DeadLetter;
pub use life::revoked::Revoked;
pub use record::lookup::{Gone, JobInfo};
pub use record::subscription::{EventError, Subscription};

pub(crate) use base::current::{CurrentWorker, current_worker};
pub(crate) use base::desk::{Hire, Relief};
pub(crate) use base::host::{Adopted, Body, Hand, Host, Managed, SpawnError};
pub(crate) use work::dispatch::Station;
pub(crate) use work::shift::Shift;

use crate::model::JobId;
use crate::sync::{Arc, Mutex, Weak};
use crate::wheel::Timers;
use base::core::Core;
use base::options::Hooks;
use base::presence::Presence;
use base::relief::Coming;
use base::switches::Setting;
use life::letters::{Graveyard, Unsent};
use life::watch::Lent;
use ready::Ready;
use ready::senders::Bell;

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
    core: Core<T, R>,
    ready: Ready,
    /// When to look at which slot again.
    timers: Timers,
    /// Slots whose instant has come; here between two ticks, for its memory.
    fired: Mutex<Vec<(u32, u64)>>,
    hooks: Hooks<T, R>,
    /// Workers that have not left.
    serving: Presence,
    /// Replacements for stuck workers.
    coming: Arc<Coming>,
    /// Leases with a deadline.
    lent: Lent,
    /// Where dead jobs go.
    dead: Option<Arc<dyn Graveyard<T>>>,
    /// Dead jobs whose letters found no room.
    unsent: Mutex<Unsent>,
    /// Says when to try again.
    bell: Arc<Bell>,
    records: Records<R>,
    /// Payloads that never ran, until somebody takes them.
    returns: Mutex<Vec<(JobId, T)>>,
}

impl<T, R> Queue<T, R> {
    /// The name it was built with.
    pub fn name(&self) -> &str {
        &self.shared.core.name
    }

    /// The queue's number, unique in the process; part of every [`JobId`].
    pub fn id(&self) -> u32 {
        self.shared.core.number
    }

    /// How many jobs that are not added with a delay may wait or run at a time.
    pub fn capacity(&self) -> usize {
        self.shared.core.options.capacity
    }

    /// How many jobs that are added with a delay may be delayed, wait or run at a time.
    pub fn delayed_capacity(&self) -> usize {
        self.shared.core.options.delayed_capacity
    }
}

impl<T, R> Queue<T, R> {
    /// Total tries per job.
    pub(crate) fn attempts(&self) -> u32 {
        self.shared.core.options.attempts
    }

    /// Whether the queue may have workers whose attempts take at most `timeout`; in nanoseconds, 0 if there is no end.
    pub(crate) fn allow_workers(&self, timeout: Option<Duration>) -> Result<u64, WorkersError> {
        if self.shared.core.options.single_active {
            return Err(WorkersError::SingleActive);
        }
        let limit = timeout.map_or(Ok(0), base::terms::check_timeout)?;
        if limit != 0 {
            self.shared.core.switches.turn_on(Setting::TIMED);
        }
        Ok(limit)
    }

    /// A handle that does not keep the queue.
    pub(crate) fn downgrade(&self) -> WeakQueue<T, R> {
        WeakQueue(Arc::downgrade(&self.shared))
    }

    /// The runtime, while it exists.
    pub(crate) fn host(&self) -> Option<Arc<dyn Host>> {
        self.shared.core.host.upgrade()
    }
}

/// A queue's handle that does not keep it.
pub(crate) struct WeakQueue<T, R>(Weak<Shared<T, R>>);

impl<T, R> WeakQueue<T, R> {
    pub(crate) fn upgrade(&self) -> Option<Queue<T, R>> {
        self.0.upgrade().map(|shared| Queue { shared })
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
            .field("name", &self.shared.core.name)
            .field("id", &self.shared.core.number)
            .field("capacity", &self.capacity())
            .field("waiting", &self.shared.ready.len())
            .finish_non_exhaustive()
    }
}
