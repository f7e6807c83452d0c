//! Two lines of waiting threads, whose operation somebody else completes.
//!
//! At a bounded store wait *givers*, who found it full, and *takers*, who found it empty. Each stands in
//! line with a node on its own stack; a giver's holds its value. After its own step on the store,
//! whoever sees that somebody waits takes the lock and performs the waiting steps *on the store*, until
//! none is possible. A thread that is woken has its result. Every value goes through the store, save when it
//! is empty while both lines wait: then a giver's value goes straight to a taker, which at a store of no
//! room is the rendezvous.
//!
//! Who is awake is served first. Of those asleep one at a time is roused: it serves the next when it runs.
//!
//! Sources: helper delivery as in flat combining (Hendler, Incze, Shavit, Tzafrir, 2010); the
//! rendezvous of Go's channels. Protocol and proof: `README.md` beside this file.

use std::collections::VecDeque;
use std::fmt;
use std::ptr::NonNull;

use crossbeam_utils::CachePadded;

use super::patience::{Look, Patience, Yields};
use crate::model::{PopError, PushError};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
use crate::sync::{Deadline, Mutex, MutexGuard, UnsafeCell, order, park_until, thread};

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
    /// Whether it can hold a value at all.
    fn has_room(&self) -> bool;
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

/// In line.
const WAITING: u8 = 0;
/// Out of line: its value was taken, or given to it.
const SERVED: u8 = 1;
/// Out of line: the store was closed.
const TURNED_AWAY: u8 = 2;

/// A waiting thread, on its own stack.
struct Node<T> {
    state: AtomicU8,
    /// A giver's value until it is taken; a taker's from when it is given.
    value: UnsafeCell<Option<T>>,
}

/// A node in line. Its thread does not leave the frame that holds it before it is out of line.
struct Place<T>(NonNull<Node<T>>);

// SAFETY: who has taken the place out of line under the lock, or holds the lock while it is in line, may
// use the node; a value moves between threads, and `&T` is never shared.
unsafe impl<T: Send> Send for Place<T> {}

/// The two lines of one store.
pub struct Exchange<T> {
    /// How many in each line may be served now; changed under the lock only.
    waiting: [CachePadded<AtomicUsize>; 2],
    lines: CachePadded<Mutex<Lines<T>>>,
    patience: [CachePadded<Patience>; 2],
    /// Values that went straight from a giver to a taker; written under the lock only.
    handed: AtomicU64,
}

struct Lines<T>([Line<T>; 2]);

/// Those who wait for the same, longest first.
struct Line<T> {
    awake: VecDeque<Place<T>>,
    asleep: VecDeque<(Place<T>, thread::Thread)>,
    /// Served in their sleep, and not back yet.
    roused: usize,
    /// Everybody is served or turned away at once.
    closed: bool,
}

impl<T> Exchange<T> {
    /// Two empty lines.
    pub fn new() -> Self {
        let patience = || CachePadded::new(Patience::new(Yields::Warily));
        Exchange {
            waiting: [0, 0].map(|none| CachePadded::new(AtomicUsize::new(none))),
            lines: CachePadded::new(Mutex::new(Lines([Line::new(), Line::new()]))),
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
        if !cfg!(guichet_bug = "exchange_close_unheard") {
            let mut lines = self.lines.lock();
            lines.0.iter_mut().for_each(|line| line.closed = true);
            self.serve(store, lines);
        }
    }

    /// Gives `value` to somebody who waits for one already; never waits itself.
    pub fn hand_over(&self, value: T) -> Result<(), T> {
        let mut wake = Wake::none();
        let mut lines = self.lines.lock();
        let Some(taker) = lines.0[Takers as usize].leave_first(&mut wake) else {
            return Err(value);
        };
        self.publish(&lines);
        taker.fill(value);
        drop(lines);
        wake.all();
        Ok(())
    }

    /// Takes the value of somebody who waits to give one already; never waits itself.
    pub fn take_over(&self) -> Option<T> {
        let mut wake = Wake::none();
        let mut lines = self.lines.lock();
        let giver = lines.0[Givers as usize].leave_first(&mut wake)?;
        self.publish(&lines);
        let value = giver.empty();
        giver.end(SERVED);
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
        while store.has_room() && look.pauses() {
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
            Ok(()) => Ok(()),
            Err(end) => Err((node.take().expect("nobody took the value"), end)),
        }
    }

    /// Waits until the store has a value for the caller.
    #[cold]
    pub fn take(&self, store: &impl Store<T>, deadline: Option<Deadline>) -> Result<T, Ended> {
        let mut look = self.patience[Takers as usize].look();
        while store.has_room() && look.pauses() {
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
        self.stand(Takers, &node, store, deadline, look)?;
        Ok(node.take().expect("a served taker has a value"))
    }

    /// Stands in line with `node` until it is out of line again.
    ///
    /// Nothing in here may unwind while the node is in line.
    fn stand(
        &self,
        side: Side,
        node: &Node<T>,
        store: &impl Store<T>,
        deadline: Option<Deadline>,
        mut look: Look<'_>,
    ) -> Result<(), Ended> {
        let crowd = {
            let mut lines = self.lines.lock();
            let line = &mut lines.0[side as usize];
            line.awake.push_back(Place(NonNull::from(node)));
            let crowd = line.awake.len();
            self.publish(&lines);
            if !cfg!(guichet_bug = "exchange_no_look") {
                self.serve(store, lines);
            }
            crowd
        };
        if let Some(verdict) = node.verdict() {
            return verdict;
        }
        while look.again(crowd, || store.moved() + self.handed.load(Relaxed)) {
            if let Some(verdict) = node.verdict() {
                look.found();
                return verdict;
            }
        }
        if self.fall_asleep(side, node) {
            self.sleep(side, node, deadline)?;
            self.wake_up(side, store);
        }
        node.verdict().expect("it is out of line")
    }

    /// Parks until `node` is out of line.
    fn sleep(&self, side: Side, node: &Node<T>, deadline: Option<Deadline>) -> Result<(), Ended> {
        while node.verdict().is_none() {
            if deadline.is_some_and(|end| end.passed()) && self.leave(side, node) {
                return Err(Ended::TimedOut);
            }
            park_until(deadline);
        }
        node.verdict().expect("it is out of line")
    }

    /// Moves `node` to those who sleep; false if it is out of line already.
    fn fall_asleep(&self, side: Side, node: &Node<T>) -> bool {
        let mut lines = self.lines.lock();
        let line = &mut lines.0[side as usize];
        let own = NonNull::from(node);
        let Some(at) = line.awake.iter().position(|place| place.0 == own) else {
            return false;
        };
        let place = line.awake.remove(at).expect("it was found there");
        line.asleep.push_back((place, thread::current()));
        self.publish(&lines);
        true
    }

    /// Takes a sleeping `node` out of line; false if somebody else did.
    fn leave(&self, side: Side, node: &Node<T>) -> bool {
        let mut lines = self.lines.lock();
        let line = &mut lines.0[side as usize];
        let own = NonNull::from(node);
        let Some(at) = line.asleep.iter().position(|place| place.0.0 == own) else {
            return cfg!(guichet_bug = "exchange_leave_unasked");
        };
        line.asleep.remove(at);
        self.publish(&lines);
        true
    }

    /// What a thread does that was served in its sleep: others relied on it to serve the next.
    fn wake_up(&self, side: Side, store: &impl Store<T>) {
        let mut lines = self.lines.lock();
        lines.0[side as usize].roused -= 1;
        self.publish(&lines);
        if !cfg!(guichet_bug = "exchange_no_chain") {
            self.serve(store, lines);
        }
    }

    #[inline]
    fn serve_if_waiting(&self, side: Side, store: &impl Store<T>) {
        // Relaxed: the full fence in the caller's step on the store comes before.
        if self.waiting[side as usize].load(Relaxed) != 0 {
            self.serve_now(store);
        }
    }

    #[cold]
    fn serve_now(&self, store: &impl Store<T>) {
        self.serve(store, self.lines.lock());
    }

    /// Performs the waiting steps that the store allows.
    fn serve<'a>(&'a self, store: &impl Store<T>, mut lines: MutexGuard<'a, Lines<T>>) {
        loop {
            let mut wake = Wake::none();
            let mut handed = 0;
            while !wake.is_full() && lines.step(store, &mut wake, &mut handed) {
                if cfg!(guichet_bug = "exchange_one_step") {
                    break;
                }
            }
            if handed > 0 {
                self.handed
                    .store(self.handed.load(Relaxed) + handed, Relaxed);
            }
            self.publish(&lines);
            drop(lines);
            let more = wake.is_full();
            wake.all();
            if !more {
                return;
            }
            lines = self.lines.lock();
        }
    }

    /// Tells those outside the lock how many may be served.
    fn publish(&self, lines: &Lines<T>) {
        for (waiting, line) in self.waiting.iter().zip(&lines.0) {
            let count = line.servable();
            if waiting.load(Relaxed) != count {
                waiting.store(count, Relaxed);
            }
        }
    }
}

impl<T> Lines<T> {
    /// Performs one waiting step, if one is possible.
    fn step(&mut self, store: &impl Store<T>, wake: &mut Wake, handed: &mut u64) -> bool {
        let [takers, givers] = &mut self.0;
        if takers.servable() > 0 {
            match store.get() {
                Ok(value) => {
                    takers
                        .leave_first(wake)
                        .expect("somebody waits")
                        .fill(value);
                    return true;
                }
                Err(PopError::Closed) => {
                    takers.turn_away_first(wake);
                    return true;
                }
                Err(PopError::Empty) if givers.servable() > 0 => {
                    let giver = givers.leave_first(wake).expect("somebody waits");
                    let taker = takers.leave_first(wake).expect("somebody waits");
                    taker.fill(giver.empty());
                    giver.end(SERVED);
                    *handed += 1;
                    return true;
                }
                Err(PopError::Empty) => {}
            }
        }
        if givers.servable() == 0 {
            return false;
        }
        let first = givers.first().expect("somebody waits");
        match store.put(first.empty()) {
            Ok(()) => {
                givers
                    .leave_first(wake)
                    .expect("somebody waits")
                    .end(SERVED);
                true
            }
            Err(PushError::Full(value)) => {
                first.refill(value);
                false
            }
            Err(PushError::Closed(value)) => {
                first.refill(value);
                givers.turn_away_first(wake);
                true
            }
        }
    }
}

impl<T> Line<T> {
    fn new() -> Self {
        Line {
            awake: VecDeque::new(),
            asleep: VecDeque::new(),
            roused: 0,
            closed: false,
        }
    }

    /// How many may be served now: none of those asleep while one is on its way.
    fn servable(&self) -> usize {
        let calm = self.roused > 0 && !self.closed;
        self.awake.len() + if calm { 0 } else { self.asleep.len() }
    }

    /// Whose turn it is.
    fn first(&self) -> Option<&Place<T>> {
        let asleep = self.asleep.front().map(|sleeper| &sleeper.0);
        self.awake.front().or(asleep)
    }

    /// Takes the first out of line to be served.
    fn leave_first(&mut self, wake: &mut Wake) -> Option<Place<T>> {
        if let Some(place) = self.awake.pop_front() {
            return Some(place);
        }
        let (place, sleeper) = self.asleep.pop_front()?;
        self.roused += 1;
        wake.push(sleeper);
        Some(place)
    }

    /// Takes the first out of line for ever.
    fn turn_away_first(&mut self, wake: &mut Wake) {
        if let Some(place) = self.awake.pop_front() {
            place.end(TURNED_AWAY);
        } else if let Some((place, sleeper)) = self.asleep.pop_front() {
            place.end(TURNED_AWAY);
            wake.push(sleeper);
        }
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
    fn fill(self, value: T) {
        self.node().put(value);
        self.end(SERVED);
    }

    /// Ends the wait of a node that is out of line. The node may be gone when this returns.
    fn end(self, verdict: u8) {
        // ORDERING: Release — publishes what was done to `value`; pairs with the Acquire in `verdict`.
        let release = order!("exchange_end_relaxed", Release);
        self.node().state.store(verdict, release);
    }
}

impl<T> Node<T> {
    fn new(value: Option<T>) -> Self {
        Node {
            state: AtomicU8::new(WAITING),
            value: UnsafeCell::new(value),
        }
    }

    fn take(&self) -> Option<T> {
        // SAFETY: the caller owns the node, or serves it under the lock.
        self.value.with_mut(|cell| unsafe { (*cell).take() })
    }

    fn put(&self, value: T) {
        // SAFETY: as in `take`.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
    }

    /// How the wait ended, if it did.
    fn verdict(&self) -> Option<Result<(), Ended>> {
        // ORDERING: Acquire — what was done to `value` is visible; pairs with the Release in `end`.
        match self.state.load(order!("exchange_verdict_relaxed", Acquire)) {
            WAITING => None,
            SERVED => Some(Ok(())),
            _ => Some(Err(Ended::Closed)),
        }
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
