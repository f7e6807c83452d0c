//! Events: what happens to jobs, told to whoever listens.
//!
//! Every verb is told by whoever applied it, after the step on the job's word; its number is the epoch that the step led
//! to, so the events of a job have a total order whatever thread tells them. They lie in a log that overwrites the oldest:
//! nobody waits for a slow reader, who learns how many it missed. While nobody listens, a job costs a load and a test.

use std::fmt;
use std::hint::spin_loop;
use std::time::Duration;

use super::switches::Setting;
use super::{Queue, Shared};
use crate::model::{FailureKind, JobId};
use crate::park::{EventCount, Yields};
use crate::ring::{Broadcast, Missed};
use crate::sync::{Arc, Deadline, MODEL, Mutex};
use crate::table::Claim;

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum EventKind {
    /// It was added and waits.
    Added,
    /// It was added and is delayed.
    Deferred,
    /// An attempt began.
    Started,
    /// It was delayed and waits now.
    Promoted,
    /// It waits with another priority.
    Reprioritized,
    /// It is delayed until another instant.
    Rescheduled,
    /// It ended with a result.
    Completed,
    /// An attempt failed, and another is due.
    Retried,
    /// Its handler wants to be asked again later.
    Snoozed,
    /// It went back to its place in line.
    Requeued,
    /// It ended dead after an attempt.
    Failed,
    /// It ended dead because its time to live was over.
    Expired,
    /// It was cancelled.
    Cancelled,
    /// A shutdown gave up on its running handler.
    Interrupted,
    /// A shutdown gave it back.
    Returned,
    /// Its handler runs on long after its time was over, and another worker was engaged.
    Stuck,
    /// Its dead letter found no room and is kept.
    LetterKept,
}

const KINDS: [EventKind; 17] = [
    EventKind::Added,
    EventKind::Deferred,
    EventKind::Started,
    EventKind::Promoted,
    EventKind::Reprioritized,
    EventKind::Rescheduled,
    EventKind::Completed,
    EventKind::Retried,
    EventKind::Snoozed,
    EventKind::Requeued,
    EventKind::Failed,
    EventKind::Expired,
    EventKind::Cancelled,
    EventKind::Interrupted,
    EventKind::Returned,
    EventKind::Stuck,
    EventKind::LetterKept,
];

const FAILURES: [FailureKind; 7] = [
    FailureKind::Error,
    FailureKind::Discard,
    FailureKind::Panic,
    FailureKind::Timeout,
    FailureKind::Snooze,
    FailureKind::Requeue,
    FailureKind::RateLimited,
];

impl EventKind {
    /// Whether the job has ended with it.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            EventKind::Completed
                | EventKind::Failed
                | EventKind::Expired
                | EventKind::Cancelled
                | EventKind::Interrupted
                | EventKind::Returned
        )
    }

    /// Whether it is a step of the job's life, with a number of its own; else it only says something about it.
    pub fn is_step(self) -> bool {
        !matches!(self, EventKind::Stuck | EventKind::LetterKept)
    }
}

/// One thing that happened to one job. It carries no time: reading the clock would cost more than the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event {
    /// To which job.
    pub job: JobId,
    /// Its number among the job's events: each step's is one more than the last step's. What was told by different threads
    /// may arrive in another order; these numbers say which came first. They count on from the slot's former job, and after
    /// 2^40 from 0.
    pub sequence: u64,
    /// What.
    pub kind: EventKind,
    /// In, or after, which attempt, where there is one; else 0.
    pub attempt: u32,
    /// How the attempt failed, if it did.
    pub failure: Option<FailureKind>,
}

const WORDS: usize = 3;
const SEQUENCE_BITS: u32 = 40;

/// ```text
/// 0  63 ─ 48 failure + 1  47 ─ 32 kind  31 ── slot ── 0
/// 1  occupancy
/// 2  63 ── attempt (24) ── 40 39 ── sequence ── 0
/// ```
fn pack(event: &Event) -> [u64; WORDS] {
    let failure = event.failure.map_or(0, |kind| {
        1 + FAILURES.iter().position(|one| *one == kind).unwrap_or(0) as u64
    });
    [
        failure << 48 | (event.kind as u64) << 32 | u64::from(event.job.slot),
        event.job.occupancy,
        u64::from(event.attempt) << SEQUENCE_BITS | event.sequence,
    ]
}

fn unpack(queue: u32, words: [u64; WORDS]) -> Event {
    let failure = (words[0] >> 48) as usize;
    Event {
        job: JobId {
            queue,
            slot: words[0] as u32,
            occupancy: words[1],
        },
        sequence: words[2] & ((1 << SEQUENCE_BITS) - 1),
        kind: KINDS[(words[0] >> 32) as usize & 0xffff],
        attempt: (words[2] >> SEQUENCE_BITS) as u32,
        failure: failure.checked_sub(1).map(|at| FAILURES[at]),
    }
}

/// A queue's log and who reads it; made for the first listener.
pub(super) struct Hub {
    log: Broadcast<WORDS>,
    /// Readers who wait for an event.
    readers: EventCount,
    listeners: Mutex<usize>,
}

impl Hub {
    fn new(capacity: usize) -> Self {
        Hub {
            log: Broadcast::new(capacity),
            readers: EventCount::new(Yields::Warily),
            listeners: Mutex::new(0),
        }
    }

    pub(super) fn wake_all(&self) {
        self.readers.notify_all();
    }
}

impl<T, R> Shared<T, R> {
    /// Tells an event, if anybody listens.
    #[inline]
    pub(super) fn tell(
        &self,
        kind: EventKind,
        job: JobId,
        sequence: u64,
        attempt: u32,
        failure: Option<FailureKind>,
    ) {
        if self.switches.after_step().any(Setting::HEARD) {
            self.publish(kind, job, sequence, attempt, failure);
        }
    }

    /// The same of an attempt.
    pub(super) fn tell_attempt(&self, kind: EventKind, claim: &Claim, sequence: u64) {
        let id = self.id_of(claim.slot(), self.slab.occupancy(claim));
        self.tell(kind, id, sequence, claim.attempt(), None);
    }

    #[cold]
    pub(super) fn publish(
        &self,
        kind: EventKind,
        job: JobId,
        sequence: u64,
        attempt: u32,
        failure: Option<FailureKind>,
    ) {
        let event = Event {
            job,
            sequence,
            kind,
            attempt,
            failure,
        };
        if let Some(hub) = self.hub.get() {
            hub.log.publish(pack(&event));
            hub.readers.notify_one();
        }
    }
}

/// Reads a queue's events; made by [`Queue::subscribe`].
///
/// An iterator that waits for the next event, and ends when the queue has stopped and all was read.
pub struct Subscription {
    hub: Arc<Hub>,
    source: Arc<dyn Source>,
    queue: u32,
    next: u64,
}

/// The queue that is listened to, whatever its types.
trait Source: Send + Sync {
    fn is_over(&self) -> bool;
    /// Nobody listens any more.
    fn silence(&self);
}

impl<T: Send, R: Send> Source for Shared<T, R> {
    fn is_over(&self) -> bool {
        self.switches.seen().any(Setting::OVER)
    }

    fn silence(&self) {
        self.switches.turn_off(Setting::HEARD);
    }
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// None has happened yet.
    Empty,
    /// So many were overwritten before they were read; the next call goes on behind them.
    Lagged(u64),
    /// The queue has stopped, and all was read.
    Closed,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventError::Empty => f.write_str("nothing has happened yet"),
            EventError::Lagged(missed) => {
                write!(f, "{missed} events came faster than they were read")
            }
            EventError::Closed => f.write_str("the queue has stopped"),
        }
    }
}

impl std::error::Error for EventError {}

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Listens to what happens to this queue's jobs: to every step that happens after this call returned.
    ///
    /// All listeners read the same log of the last [`event_capacity`](crate::QueueBuilder::event_capacity) events, each at
    /// its own pace.
    ///
    /// ```
    /// use guichet::{EventKind, ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// mail.workers(1, |_| Ok(()))?;
    /// let mut events = mail.subscribe();
    /// mail.add("letter")?;
    /// runtime.run_until_idle();
    /// let kinds = std::iter::from_fn(|| events.try_next().ok()).map(|event| event.kind);
    /// assert!(kinds.eq([EventKind::Added, EventKind::Started, EventKind::Completed]));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn subscribe(&self) -> Subscription {
        let shared = &self.shared;
        let capacity = shared.options.event_capacity;
        let hub = shared
            .hub
            .get_or_init(|| Arc::new(Hub::new(capacity)))
            .clone();
        let mut listeners = hub.listeners.lock();
        *listeners += 1;
        shared.switches.turn_on(Setting::HEARD);
        // Before this returns; partner: the fence behind every step, `after_step`.
        shared.switches.fence();
        drop(listeners);
        Subscription {
            next: hub.log.tail(),
            hub,
            source: shared.clone(),
            queue: shared.number,
        }
    }
}

impl Subscription {
    /// The next event, if one has happened. Does not wait.
    ///
    /// # Errors
    /// [`EventError::Empty`] if none has; [`EventError::Lagged`] and [`EventError::Closed`] as they say.
    pub fn try_next(&mut self) -> Result<Event, EventError> {
        // Asked first: what happened before the end can be read.
        let stopped = self.source.is_over();
        match self.hub.log.read(&mut self.next) {
            Ok(words) => Ok(unpack(self.queue, words)),
            Err(Missed::Lagged(missed)) => Err(EventError::Lagged(missed)),
            Err(Missed::Nothing) if stopped => Err(EventError::Closed),
            Err(Missed::Nothing) => Err(EventError::Empty),
        }
    }

    /// The next event; waits for it for at most `timeout`.
    ///
    /// # Errors
    /// As [`try_next`](Subscription::try_next).
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Event, EventError> {
        self.next_until(Some(Deadline::after(timeout)))
    }

    fn next_until(&mut self, deadline: Option<Deadline>) -> Result<Event, EventError> {
        match self.try_next() {
            Err(EventError::Empty) => linger(),
            found => return found,
        }
        let hub = self.hub.clone();
        let look = |_| match self.try_next() {
            Err(EventError::Empty) => None,
            found => Some(found),
        };
        // Others who sleep may have missed the notification that woke this one.
        let others = || usize::from(*hub.listeners.lock() > 1);
        let found = hub.readers.wait_until(deadline, look, others, || 0);
        found.unwrap_or(Err(EventError::Empty))
    }
}

/// How long a reader that has caught up leaves the log alone: at the heels of the writers it would take their cache lines
/// away event by event. About a microsecond.
fn linger() {
    for _ in 0..if MODEL { 0 } else { 64 } {
        spin_loop();
    }
}

impl Iterator for Subscription {
    type Item = Result<Event, EventError>;

    /// Waits for the next event. `Some(Err(Lagged))` where some were missed; `None` at the end.
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_until(None) {
            Err(EventError::Closed) => None,
            other => Some(other),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = self.hub.listeners.lock();
        *listeners -= 1;
        if *listeners == 0 {
            self.source.silence();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("queue", &self.queue)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
