//! Each verb once: every moment of a job's life, over the parts that hold it.
//!
//! `admit.rs`, `begin.rs`, `retry.rs` and `finish.rs` are the way of a job; `cancel.rs`, `change.rs` and `shutdown.rs` what
//! is done to it from outside; `timing.rs` and `watch.rs` what time does; `letters.rs` sends the dead on.

pub(crate) mod admit;
pub(crate) mod begin;
pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod finish;
pub(crate) mod job;
pub(crate) mod letters;
pub(crate) mod retry;
pub(crate) mod revoked;
pub(crate) mod shutdown;
pub(crate) mod timing;
pub(crate) mod watch;

use std::fmt;
use std::time::Duration;

use crate::model::JobId;
use crate::queue::base::core::Core;
use crate::queue::base::error::WorkersError;
use crate::queue::base::hooks::Hooks;
use crate::queue::base::host::Host;
use crate::queue::base::lent::Lent;
use crate::queue::base::presence::Presence;
use crate::queue::base::relief::Coming;
use crate::queue::base::switches::Setting;
use crate::queue::base::terms::check_timeout;
use crate::queue::base::timetable::Timetable;
use crate::queue::ready::Ready;
use crate::queue::ready::letters::Letters;
use crate::queue::record::Records;
use crate::sync::{Arc, Mutex, Weak};

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

/// What all handles and workers of one queue share: its parts, none of which knows another. Values of the
/// user's are dropped in the order of the fields.
pub(crate) struct Shared<T, R> {
    pub(crate) core: Core<T, R>,
    pub(crate) ready: Ready,
    /// The user's functions.
    hooks: Hooks<T, R>,
    /// What is to be done at an instant.
    timetable: Timetable,
    /// Leases with a deadline.
    lent: Lent,
    /// Workers that have not left.
    pub(crate) serving: Presence,
    /// Replacements for stuck workers.
    coming: Arc<Coming>,
    /// Where dead jobs go.
    letters: Letters<T>,
    pub(crate) records: Records<R>,
    /// Payloads that never ran, until somebody takes them.
    returns: Mutex<Vec<(JobId, T)>>,
}

impl<T: Send, R: Send> Shared<T, R> {
    /// A queue of these parts, without jobs.
    pub(crate) fn new(
        core: Core<T, R>,
        hooks: Hooks<T, R>,
        letters: Letters<T>,
        records: Records<R>,
    ) -> Self {
        Shared {
            ready: Ready::new(&core.options),
            hooks,
            timetable: Timetable::new(core.time.now().to_nanos()),
            lent: Lent::default(),
            serving: Presence::new(),
            coming: Arc::new(Coming::new()),
            letters,
            records,
            returns: Mutex::new(Vec::new()),
            core,
        }
    }
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
        let limit = timeout.map_or(Ok(0), check_timeout)?;
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
