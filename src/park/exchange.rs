//! Two lines of waiting threads, whose operation somebody else completes.
//!
//! At a bounded store wait *givers*, who found it full, and *takers*, who found it empty. Each stands in
//! line with a node on its own stack; a giver's holds its value. After its own step on the store,
//! whoever sees that somebody waits takes the lock and performs the waiting steps *on the store*, one after the other,
//! until none is possible. A thread that is woken has its result: it need not try again, and no herd
//! runs. Every value still goes through the store, save when it is empty while both lines wait:
//! then a giver's value goes straight to a taker, which at a store of no room is the rendezvous.
//!
//! Sources: helper delivery as in flat combining (Hendler, Incze, Shavit, Tzafrir, 2010); the
//! rendezvous of Go's channels. Protocol and proof: `README.md` beside this file.

use std::collections::VecDeque;
use std::fmt;
use std::ptr::NonNull;

use crossbeam_utils::CachePadded;

use super::patience::{Look, Patience, Yields};
use crate::model::{PopError, PushError};
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
use crate::sync::{Deadline, Mutex, UnsafeCell, order, park_until, thread};

/// What the lines stand at.
///
/// A refusal is judged behind a full fence, and a full fence follows whatever makes the next step of
/// the other side possible. So of one who enters a line and is refused, and one who makes room or
/// brings a value and then looks at the lines, at least one sees the other.
pub trait Store<T> {
    /// Adds a value behind all others.
    fn put(&self, value: T) -> Result<(), PushError<T>>;
    /// Removes the oldest value.
    fn get(&self) -> Result<T, PopError>;
    /// How many values have gone through: about right.
    fn moved(&self) -> u64;
}

/// Why a wait ended without its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The deadline passed.
    TimedOut,
    /// The store was closed.
    Closed,
}

/// Which line.
#[derive(Clone, Copy)]
enum Side {
    Takers = 0,
    Givers = 1,
}
use Side::{Givers, Takers};

/// In line, and looks at its node from time to time.
const AWAKE: u8 = 0;
/// In line, and asleep: whoever takes it out of line wakes it.
const ASLEEP: u8 = 1;
/// Out of line: its value was taken, or given to it.
const SERVED: u8 = 2;
/// Out of line: the store was closed.
const TURNED_AWAY: u8 = 3;

/// A waiting thread, on its own stack.
struct Node<T> {
    state: AtomicU8,
    /// A giver's value until it is taken; a taker's from when it is given.
    value: UnsafeCell<Option<T>>,
    /// Whom to wake; written before ASLEEP.
    sleeper: UnsafeCell<Option<thread::Thread>>,
}

/// A node in line. Its thread does not leave the frame that holds it before it is out of line.
struct Place<T>(NonNull<Node<T>>);

// SAFETY: who has taken the place out of line under the lock, or holds the lock while it is in line, may
// use the node; a value moves between threads, and `&T` is never shared.
unsafe impl<T: Send> Send for Place<T> {}

/// The two lines of one store.
pub struct Exchange<T> {
    /// How long the lines are; changed under the lock only.
    waiting: [CachePadded<AtomicUsize>; 2],
    lines: CachePadded<Mutex<Lines<T>>>,
    patience: [CachePadded<Patience>; 2],
    /// Values that went straight from a giver to a taker; written under the lock only.
    handed: AtomicU64,
}

struct Lines<T>([VecDeque<Place<T>>; 2]);

impl<T> Exchange<T> {
    /// Two empty lines.
    pub fn new() -> Self {
        let patience = || CachePadded::new(Patience::new(Yields::Warily));
        Exchange {
            waiting: [0, 0].map(|none| CachePadded::new(AtomicUsize::new(none))),
            lines: CachePadded::new(Mutex::new(Lines([VecDeque::new(), VecDeque::new()]))),
            patience: [patience(), patience()],
            handed: AtomicU64::new(0),
        }
    }

    /// Serves who waits for a value. Call it after each successful `put`.
    #[inline]
    pub fn put_done(&self, store: &impl Store<T>) {
        self.serve_if_waiting(Takers, store);
    }

    /// Serves who waits for room. Call it after each successful `get`.
    #[inline]
    pub fn got(&self, store: &impl Store<T>) {
        self.serve_if_waiting(Givers, store);
    }

    /// Turns away who waits for what will not come. Call it after the store was closed.
    pub fn closed(&self, store: &impl Store<T>) {
        // Whoever enters a line later takes the lock later, and its own try at the store sees the end.
        self.serve(store);
    }

    /// Gives `value` to somebody who waits for one already; never waits itself.
    pub fn hand_over(&self, value: T) -> Result<(), T> {
        let mut wake = Wake::none();
        let mut lines = self.lines.lock();
        let Some(taker) = lines.leave_first(Takers) else {
            return Err(value);
        };
        self.count(&lines);
        taker.fill(value, &mut wake);
        drop(lines);
        wake.all();
        Ok(())
    }

    /// Takes the value of somebody who waits to give one already; never waits itself.
    pub fn take_over(&self) -> Option<T> {
        let mut wake = Wake::none();
        let mut lines = self.lines.lock();
        let giver = lines.leave_first(Givers)?;
        self.count(&lines);
        let value = giver.empty();
        giver.end(SERVED, &mut wake);
        drop(lines);
        wake.all();
        Some(value)
    }

    /// Waits until the store has taken `value`; what did not go in comes back.
    #[cold]
    pub fn give(
        &self,
        store: &impl Store<T>,
        mut value: T,
        deadline: Option<Deadline>,
    ) -> Result<(), (T, Ended)> {
        let mut look = self.patience[Givers as usize].look();
        while look.early() && look.again(|| store.moved()) {
            match store.put(value) {
                Ok(()) => {
                    look.found();
                    self.put_done(store);
                    return Ok(());
                }
                Err(PushError::Full(back)) => value = back,
                Err(PushError::Closed(back)) => return Err((back, Ended::Closed)),
            }
        }
        let node = Node::new(Some(value));
        match self.stand(Givers, &node, store, deadline, look) {
            None => Ok(()),
            // SAFETY: the node is out of line, so it is this thread's again; who could not serve a
            // giver left its value.
            Some(end) => Err((node.take().expect("nobody took the value"), end)),
        }
    }

    /// Waits until the store has a value for the caller.
    #[cold]
    pub fn take(&self, store: &impl Store<T>, deadline: Option<Deadline>) -> Result<T, Ended> {
        let mut look = self.patience[Takers as usize].look();
        while look.early() && look.again(|| store.moved()) {
            match store.get() {
                Ok(value) => {
                    look.found();
                    self.got(store);
                    return Ok(value);
                }
                Err(PopError::Empty) => {}
                Err(PopError::Closed) => return Err(Ended::Closed),
            }
        }
        let node = Node::new(None);
        match self.stand(Takers, &node, store, deadline, look) {
            None => Ok(node.take().expect("a served taker has a value")),
            Some(end) => Err(end),
        }
    }

    /// Stands in line with `node` until it is out of line again; `None` if it was served.
    ///
    /// Nothing in here may unwind while the node is in line.
    fn stand(
        &self,
        side: Side,
        node: &Node<T>,
        store: &impl Store<T>,
        deadline: Option<Deadline>,
        mut look: Look<'_>,
    ) -> Option<Ended> {
        {
            let mut lines = self.lines.lock();
            lines.0[side as usize].push_back(Place(NonNull::from(node)));
            self.count(&lines);
            self.serve_locked(store, lines);
        }
        let moved = || store.moved() + self.handed.load(Relaxed);
        while !node.is_decided() && look.again(moved) {}
        if !node.is_decided() && node.fall_asleep() {
            while !node.is_decided() {
                if deadline.is_some_and(|end| end.passed()) && self.leave(side, node) {
                    return Some(Ended::TimedOut);
                }
                park_until(deadline);
            }
        }
        node.verdict()
    }

    /// Takes `node` out of line; false if somebody else did.
    fn leave(&self, side: Side, node: &Node<T>) -> bool {
        let mut lines = self.lines.lock();
        let line = &mut lines.0[side as usize];
        let own = NonNull::from(node);
        let Some(at) = line.iter().position(|place| place.0 == own) else {
            return false;
        };
        line.remove(at);
        self.count(&lines);
        true
    }

    #[inline]
    fn serve_if_waiting(&self, side: Side, store: &impl Store<T>) {
        // Relaxed: the full fence in the caller's step on the store comes before.
        if self.waiting[side as usize].load(Relaxed) != 0 {
            self.serve(store);
        }
    }

    /// Performs the waiting steps that the store allows.
    #[cold]
    fn serve(&self, store: &impl Store<T>) {
        self.serve_locked(store, self.lines.lock());
    }

    fn serve_locked<'a>(
        &'a self,
        store: &impl Store<T>,
        mut lines: crate::sync::MutexGuard<'a, Lines<T>>,
    ) {
        loop {
            let mut wake = Wake::none();
            let mut handed = 0;
            while !wake.is_full() && lines.step(store, &mut wake, &mut handed) {}
            if handed > 0 {
                self.handed
                    .store(self.handed.load(Relaxed) + handed, Relaxed);
            }
            self.count(&lines);
            drop(lines);
            let again = wake.is_full();
            wake.all();
            if !again {
                return;
            }
            lines = self.lines.lock();
        }
    }

    /// Publishes how long the lines are.
    fn count(&self, lines: &Lines<T>) {
        for (waiting, line) in self.waiting.iter().zip(&lines.0) {
            if waiting.load(Relaxed) != line.len() {
                waiting.store(line.len(), Relaxed);
            }
        }
    }
}

impl<T> Lines<T> {
    /// Performs one waiting step, if one is possible.
    fn step(&mut self, store: &impl Store<T>, wake: &mut Wake, handed: &mut u64) -> bool {
        if !self.0[Takers as usize].is_empty() {
            match store.get() {
                Ok(value) => {
                    let taker = self.leave_first(Takers).expect("somebody waits");
                    taker.fill(value, wake);
                    return true;
                }
                Err(PopError::Closed) => {
                    let taker = self.leave_first(Takers).expect("somebody waits");
                    taker.end(TURNED_AWAY, wake);
                    return true;
                }
                Err(PopError::Empty) => {
                    if let Some(giver) = self.leave_first(Givers) {
                        let taker = self.leave_first(Takers).expect("somebody waits");
                        taker.fill(giver.empty(), wake);
                        giver.end(SERVED, wake);
                        *handed += 1;
                        return true;
                    }
                }
            }
        }
        let Some(giver) = self.0[Givers as usize].front() else {
            return false;
        };
        match store.put(giver.empty()) {
            Ok(()) => {
                let giver = self.leave_first(Givers).expect("somebody waits");
                giver.end(SERVED, wake);
                true
            }
            Err(PushError::Full(value)) => {
                giver.refill(value);
                false
            }
            Err(PushError::Closed(value)) => {
                giver.refill(value);
                let giver = self.leave_first(Givers).expect("somebody waits");
                giver.end(TURNED_AWAY, wake);
                true
            }
        }
    }

    fn leave_first(&mut self, side: Side) -> Option<Place<T>> {
        self.0[side as usize].pop_front()
    }
}

impl<T> Place<T> {
    fn node(&self) -> &Node<T> {
        // SAFETY: a node outlives its place in line, and the end that `end` gives it.
        unsafe { self.0.as_ref() }
    }

    /// Takes a giver's value.
    fn empty(&self) -> T {
        self.node().take().expect("a giver has a value")
    }

    /// Gives a giver's value back.
    fn refill(&self, value: T) {
        self.node().put(value);
    }

    /// Gives a taker its value and ends its wait.
    fn fill(self, value: T, wake: &mut Wake) {
        self.node().put(value);
        self.end(SERVED, wake);
    }

    /// Ends the wait of a node that is out of line. The node may be gone when this returns.
    fn end(self, verdict: u8, wake: &mut Wake) {
        let node = self.node();
        // ORDERING: Release — publishes what was done to `value`; pairs with the Acquire in
        // `is_decided`. Acquire on failure — reads `sleeper` as `fall_asleep` wrote it.
        let release = order!("exchange_end_relaxed", Release);
        let acquire = order!("exchange_sleeper_relaxed", Acquire);
        if node
            .state
            .compare_exchange(AWAKE, verdict, release, acquire)
            .is_err()
        {
            // SAFETY: an ASLEEP thread leaves its node alone until it is decided.
            let sleeper = node.sleeper.with_mut(|cell| unsafe { (*cell).take() });
            wake.push(sleeper.expect("a sleeper has named itself"));
            // ORDERING: Release — as above.
            node.state.store(verdict, release);
        }
    }
}

impl<T> Node<T> {
    fn new(value: Option<T>) -> Self {
        Node {
            state: AtomicU8::new(AWAKE),
            value: UnsafeCell::new(value),
            sleeper: UnsafeCell::new(None),
        }
    }

    fn take(&self) -> Option<T> {
        // SAFETY: the caller owns the node, or serves it under the lock while it is in line.
        self.value.with_mut(|cell| unsafe { (*cell).take() })
    }

    fn put(&self, value: T) {
        // SAFETY: as in `take`.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
    }

    fn is_decided(&self) -> bool {
        // ORDERING: Acquire — what was done to `value` is visible; pairs with the Release in `end`.
        self.state.load(order!("exchange_decided_relaxed", Acquire)) >= SERVED
    }

    /// Why the wait ended; `None` if it was served.
    fn verdict(&self) -> Option<Ended> {
        // Relaxed: `is_decided` acquired.
        (self.state.load(Relaxed) == TURNED_AWAY).then_some(Ended::Closed)
    }

    /// Names the thread to wake; false if the wait is over.
    fn fall_asleep(&self) -> bool {
        // SAFETY: nobody else looks at `sleeper` before ASLEEP.
        self.sleeper
            .with_mut(|cell| unsafe { *cell = Some(thread::current()) });
        // ORDERING: Release — publishes `sleeper`; pairs with the Acquire in `end`. Acquire on failure —
        // as in `is_decided`.
        self.state
            .compare_exchange(
                AWAKE,
                ASLEEP,
                order!("exchange_asleep_relaxed", Release),
                Acquire,
            )
            .is_ok()
    }
}

/// Threads to wake when the lock is free again.
#[must_use]
struct Wake([Option<thread::Thread>; Self::MOST], usize);

impl Wake {
    /// So many are woken between two turns of the lock.
    const MOST: usize = 8;

    fn none() -> Self {
        Wake([const { None }; Self::MOST], 0)
    }

    /// One step may wake two.
    fn is_full(&self) -> bool {
        self.1 + 2 > Self::MOST
    }

    fn push(&mut self, sleeper: thread::Thread) {
        self.0[self.1] = Some(sleeper);
        self.1 += 1;
    }

    fn all(self) {
        self.0
            .into_iter()
            .flatten()
            .for_each(|sleeper| sleeper.unpark());
    }
}

impl<T> Default for Exchange<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("takers", &self.waiting[Takers as usize].load(Relaxed))
            .field("givers", &self.waiting[Givers as usize].load(Relaxed))
            .finish()
    }
}
