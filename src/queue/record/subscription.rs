//! The reader's side of events: a cursor in each log, and a merge of what is read there.
//!
//! An event costs its teller one locked instruction, the claim of its place; then it looks at who sleeps. So a reader who is about
//! to sleep enlists, fences, and looks at the *claims* in all logs once more. What is claimed and not written yet it waits for, as
//! the teller may have looked before. Proof: the tails below are claims, `Broadcast::tail`; the rest is `EventCount`'s.

use std::hint::spin_loop;
use std::time::Duration;
use std::{fmt, mem};

use crate::model::Event;
use crate::park::Care;
use crate::queue::record::events::{Hub, Packed};
use crate::queue::record::merge::Merge;
use crate::ring::Missed;
use crate::sync::{Arc, Backoff, Deadline, MODEL, park_until};

/// A reader that has read so many events and then finds none rests for so long. Linux makes it about 60 us, some 500 events of a
/// busy worker: well below what a log keeps by default, and worth the two switches of threads.
const RUN: usize = 32;
const REST: Duration = Duration::from_micros(10);

/// Reads a queue's events; made by [`Queue::subscribe`](crate::Queue::subscribe).
///
/// An iterator that waits for the next event, and ends when the queue has stopped and all was read.
///
/// The events of one job come in the order of their numbers, if each was told before the job's next step; only one whose
/// teller was held up in between may come late. Between jobs there is no such order.
///
/// A reader that sleeps is woken by the next event. One that has just read a long run and finds no more looks again after some
/// ten microseconds, so that those who tell need not wake it each time.
pub struct Subscription {
    hub: Arc<Hub>,
    reader: Reader,
}

/// How far one listener has read.
struct Reader {
    source: Arc<dyn Source>,
    queue: u32,
    cursors: Box<[Cursor]>,
    merge: Merge,
    /// How many events were overwritten, and not reported yet.
    missed: u64,
    /// Whether an event that is to be read now was claimed and is not written yet.
    stalled: bool,
    /// How many events it has read since it last had to wait.
    run: usize,
}

/// Places in one log.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    next: u64,
    /// The tail at the first look: what lies before it is due.
    due: u64,
    /// The tail at the second look: what lies before it is read.
    end: u64,
}

/// The queue that is listened to, whatever its types.
pub(crate) trait Source: Send + Sync {
    fn is_over(&self) -> bool;
    /// Nobody listens any more.
    fn silence(&self);
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

impl Subscription {
    /// Reads what comes from now on.
    pub(crate) fn new(hub: Arc<Hub>, source: Arc<dyn Source>, queue: u32) -> Self {
        let reader = Reader::new(&hub, source, queue);
        Subscription { hub, reader }
    }

    /// The next event, if one has happened. Does not wait.
    ///
    /// # Errors
    /// [`EventError::Empty`] if none has; [`EventError::Lagged`] and [`EventError::Closed`] as they say.
    pub fn try_next(&mut self) -> Result<Event, EventError> {
        self.reader.try_next(&self.hub)
    }

    /// The next event; waits for it for at most `timeout`.
    ///
    /// # Errors
    /// As [`try_next`](Subscription::try_next).
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Event, EventError> {
        self.next_until(|| Some(Deadline::after(timeout)))
    }

    fn next_until(
        &mut self,
        deadline: impl FnOnce() -> Option<Deadline>,
    ) -> Result<Event, EventError> {
        let Subscription { hub, reader } = self;
        match reader.try_next(hub) {
            Err(EventError::Empty) => {}
            found => return found,
        }
        let deadline = deadline();
        reader.rest(deadline);
        let look = |care| match reader.look(hub, care) {
            Err(EventError::Empty) => None,
            found => Some(found),
        };
        // Others who sleep may have missed the notification that woke this one.
        let others = || usize::from(*hub.listeners.lock() > 1);
        let found = hub.readers.wait_until(deadline, look, others, || 0);
        found.unwrap_or(Err(EventError::Empty))
    }
}

impl Reader {
    /// One that has read nothing yet of what is told from now on.
    fn new(hub: &Hub, source: Arc<dyn Source>, queue: u32) -> Self {
        let cursors = hub.logs().map(|log| {
            let tail = log.map_or(0, |log| log.tail());
            Cursor {
                next: tail,
                due: tail,
                end: tail,
            }
        });
        let cursors: Box<[Cursor]> = cursors.collect();
        Reader {
            source,
            queue,
            merge: Merge::new(cursors.len()),
            cursors,
            missed: 0,
            stalled: false,
            run: 0,
        }
    }

    /// The next event that is ready.
    #[inline]
    fn ready(&mut self) -> Option<Event> {
        let event = self.merge.next()?;
        Some(event.unpack(self.queue))
    }

    fn try_next(&mut self, hub: &Hub) -> Result<Event, EventError> {
        match self.ready() {
            Some(event) => Ok(event),
            None => self.read_on(hub),
        }
    }

    /// Looks for events; one that is about to sleep waits for those that are claimed.
    fn look(&mut self, hub: &Hub, care: Care) -> Result<Event, EventError> {
        let mut backoff = Backoff::default();
        loop {
            match self.try_next(hub) {
                Err(EventError::Empty) if self.stalled && care == Care::Exact => backoff.snooze(),
                other => return other,
            }
        }
    }

    fn read_on(&mut self, hub: &Hub) -> Result<Event, EventError> {
        // Asked first: what happened before the end can be read.
        let stopped = self.source.is_over();
        self.collect(hub);
        if self.missed > 0 {
            return Err(EventError::Lagged(mem::take(&mut self.missed)));
        }
        match self.ready() {
            Some(event) => Ok(event),
            None if stopped && !self.stalled => Err(EventError::Closed),
            None => Err(EventError::Empty),
        }
    }

    /// Reads what there is, until something is ready or nothing waits.
    fn collect(&mut self, hub: &Hub) {
        while self.stalled || self.find(hub) {
            self.stalled = !self.drain(hub);
            if self.stalled {
                return;
            }
            let ready = self.merge.settle();
            self.run += ready;
            if ready > 0 || self.missed > 0 {
                return;
            }
        }
    }

    /// Takes the tails of all logs, twice; false if there is nothing to do.
    fn find(&mut self, hub: &Hub) -> bool {
        let mut news = !self.merge.is_empty();
        for (cursor, log) in self.cursors.iter_mut().zip(hub.logs()) {
            cursor.due = log.map_or(0, |log| log.tail());
            news |= cursor.due != cursor.next;
        }
        if news {
            for (cursor, log) in self.cursors.iter_mut().zip(hub.logs()) {
                cursor.end = log.map_or(0, |log| log.tail());
            }
        }
        news
    }

    /// Leaves the logs alone for a while: a reader at the heels of the writers takes their cache lines away event by event,
    /// and one that sleeps has to be woken by them. After a run of events more are likely, so it lets them gather.
    fn rest(&mut self, deadline: Option<Deadline>) {
        let busy = mem::take(&mut self.run) >= RUN;
        // Elsewhere a timed sleep may last for milliseconds.
        if busy && cfg!(any(target_os = "linux", target_os = "macos")) {
            let left = deadline.and_then(|end| end.remaining()).unwrap_or(REST);
            park_until(Some(Deadline::after(left.min(REST))));
        } else if !MODEL {
            // About a microsecond.
            (0..64).for_each(|_| spin_loop());
        }
    }

    /// Reads up to the second tails; false if something there is not written yet.
    fn drain(&mut self, hub: &Hub) -> bool {
        for (lane, (cursor, log)) in self.cursors.iter_mut().zip(hub.logs()).enumerate() {
            let Some(log) = log else { continue };
            while cursor.next < cursor.end {
                let due = cursor.next < cursor.due;
                match log.read(&mut cursor.next) {
                    Ok(words) => self.merge.push(lane, Packed(words), due),
                    Err(Missed::Lagged(missed)) => self.missed += missed,
                    Err(Missed::Nothing) => return false,
                }
            }
        }
        true
    }
}

impl Iterator for Subscription {
    type Item = Result<Event, EventError>;

    /// Waits for the next event. `Some(Err(Lagged))` where some were missed; `None` at the end.
    fn next(&mut self) -> Option<Self::Item> {
        // Else each event would be copied once more.
        if let Some(event) = self.reader.ready() {
            return Some(Ok(event));
        }
        match self.next_until(|| None) {
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
            self.reader.source.silence();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("queue", &self.reader.queue)
            .field("cursors", &self.reader.cursors)
            .finish_non_exhaustive()
    }
}
