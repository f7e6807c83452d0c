//! The queue: accepts jobs, hands each to one worker, accepts one end for it.
//!
//! ```text
//! add ─► claim ─► slab ─► lane ─► idle ─► dispatch ─► handler ─► settle ─► result cell
//! slot or block   admit   push    wake    activate    catch_unwind  one CAS   set
//! ```
//! `add.rs` and `terms.rs` lead in, `line.rs` orders, `dispatch.rs` and `attempt.rs` lead to the handler, `lease.rs` to whoever
//! asks, `settle.rs` out; `conclude.rs` tells of an end, `letters.rs` sends the dead on. `timing.rs` does what is due, `watch.rs`
//! ends attempts whose time is over, `relief.rs` replaces a worker that is stuck in one, `halt.rs` stops dispatch; `switches.rs` says in one word what is on. How an idle worker and
//! a blocked adder sleep is the event count's business; what a queue needs of its runtime is in `host.rs`.

mod add;
mod archive;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod archive_tests;
mod attempt;
mod books;
mod build;
mod builder;
mod change;
mod conclude;
mod consumer;
mod control;
mod current;
mod desk;
mod dispatch;
mod dossier;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod dossier_tests;
mod error;
mod events;
mod halt;
mod handle;
mod host;
mod inspect;
mod job;
mod lease;
mod lease_search;
mod letters;
mod line;
mod lookup;
mod merge;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod merge_tests;
mod notes;
mod presence;
mod producer;
mod recent;
mod relief;
mod results;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod results_tests;
mod revoked;
mod room;
mod settle;
mod shift;
mod subscription;
mod switches;
mod terms;
mod timing;
mod tray;
mod watch;

use std::fmt;
use std::time::Duration;

pub use archive::{DeadReason, Keep};
pub use builder::QueueBuilder;
pub use conclude::JobBrief;
pub use consumer::{Consumer, ConsumerBuilder};
pub use dossier::{AttemptError, LogLine};
pub use error::{
    AddError, AddManyError, AddTimeoutError, BuildError, CallError, ChangeError, TryAddError,
    TryAddManyError, WorkersError,
};
pub use events::{Event, EventKind};
pub use handle::JobHandle;
pub use inspect::{Latencies, QueueStats};
pub use job::Job;
pub use lease::{Lease, LeaseError, LeaseLost};
pub use letters::{DeadLetter, Redrive, Redriven};
pub use lookup::{Gone, JobInfo};
pub use producer::Producer;
pub use revoked::Revoked;
pub use subscription::{EventError, Subscription};
pub use terms::JobBuilder;

pub(crate) use current::{CurrentWorker, current_worker};
pub(crate) use desk::{Hire, Relief};
pub(crate) use dispatch::Station;
pub(crate) use host::{Adopted, Body, Hand, Host, Managed, SpawnError};
pub(crate) use shift::Shift;

use crate::model::{JobError, JobId};
use crate::park::{Alarm, EventCount};
use crate::sync::atomic::{AtomicU64, AtomicUsize};
use crate::sync::{Arc, Mutex, OnceLock, Weak};
use crate::table::Slab;
use crate::time::Time;
use crate::wheel::Timers;
use archive::Archive;
use books::CommonBooks;
use build::{Hooks, Options};
use consumer::Roster;
use desk::Desk;
use dossier::Dossiers;
use events::Hub;
use letters::{Bell, Graveyard, Senders, Unsent};
use line::Line;
use presence::Presence;
use relief::Coming;
use results::Kept;
use room::Room;
use switches::{Setting, Switches};
use watch::Lent;

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
    switches: Switches,
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
    fired: Mutex<Vec<(u32, u64)>>,
    /// Wakes the runtime's clerk.
    alarm: Arc<Alarm>,
    hooks: Hooks<T, R>,
    /// Workers without a job.
    idle: EventCount,
    /// Workers that have not left.
    serving: Presence,
    stations: Mutex<Vec<Arc<Desk>>>,
    /// Replacements for stuck workers.
    coming: Arc<Coming>,
    /// Changes with `stations`.
    station_count: AtomicUsize,
    /// Desks whose workers have left.
    spare_desks: Mutex<Vec<Arc<Desk>>>,
    /// What is counted by others than workers.
    common: CommonBooks,
    /// When a hold ends.
    held_until: Mutex<u64>,
    /// Leases with a deadline.
    lent: Lent,
    /// Where dead jobs go.
    dead: Option<Arc<dyn Graveyard<T>>>,
    /// Dead jobs whose letters found no room.
    unsent: Mutex<Unsent>,
    /// Says when to try again.
    bell: Arc<Bell>,
    /// Who waits for room for letters here.
    senders: Senders,
    /// What is written down about live jobs.
    dossiers: Dossiers,
    /// The records of ended ones.
    archive: Archive,
    results: Option<Kept<R>>,
    /// Events, once somebody listened.
    hub: OnceLock<Arc<Hub>>,
    roster: Roster,
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

    /// Whether the queue may have workers whose attempts take at most `timeout`; in nanoseconds, 0 if there is no end.
    pub(crate) fn allow_workers(&self, timeout: Option<Duration>) -> Result<u64, WorkersError> {
        if self.shared.options.single_active {
            return Err(WorkersError::SingleActive);
        }
        let limit = timeout.map_or(Ok(0), terms::check_timeout)?;
        if limit != 0 {
            self.shared.switches.turn_on(Setting::TIMED);
        }
        Ok(limit)
    }

    /// A handle that does not keep the queue.
    pub(crate) fn downgrade(&self) -> WeakQueue<T, R> {
        WeakQueue(Arc::downgrade(&self.shared))
    }

    /// The runtime, while it exists.
    pub(crate) fn host(&self) -> Option<Arc<dyn Host>> {
        self.shared.host.upgrade()
    }
}

/// A queue's handle that does not keep it.
pub(crate) struct WeakQueue<T, R>(Weak<Shared<T, R>>);

impl<T, R> WeakQueue<T, R> {
    pub(crate) fn upgrade(&self) -> Option<Queue<T, R>> {
        self.0.upgrade().map(|shared| Queue { shared })
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
