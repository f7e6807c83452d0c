//! One line of waiting threads: who is in it, awake or asleep, and what becomes of them.
//!
//! A thread waits with a [`Node`] on its own stack; its [`Place`] in line points there. Everything but a
//! look at the own verdict happens under the lock of the exchange that owns the line.

use std::collections::VecDeque;
use std::ptr::NonNull;

use crate::sync::atomic::AtomicU8;
use crate::sync::{UnsafeCell, seeded, thread};

/// Why a wait ended without its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The deadline passed.
    TimedOut,
    /// The store was closed.
    Closed,
}

/// In line.
const WAITING: u8 = 0;
/// Out of line: its value was taken, or given to it.
const SERVED: u8 = 1;
/// Out of line: the store was closed.
const TURNED_AWAY: u8 = 2;

/// A waiting thread, on its own stack.
pub(super) struct Node<T> {
    state: AtomicU8,
    /// A giver's value until it is taken; a taker's from when it is given.
    value: UnsafeCell<Option<T>>,
}

/// A node in line. Its thread does not leave the frame that holds it before it is out of line.
pub(super) struct Place<T>(NonNull<Node<T>>);

// SAFETY: who has taken the place out of line under the lock, or holds the lock while it is in line, may
// use the node; a value moves between threads, and `&T` is never shared.
unsafe impl<T: Send> Send for Place<T> {}

/// Those who wait for the same, longest first.
pub(super) struct Line<T> {
    awake: VecDeque<Place<T>>,
    asleep: VecDeque<(Place<T>, thread::Thread)>,
    /// Served in their sleep, and not back yet.
    roused: usize,
    /// How many were served since a sleeper last was.
    since_sleeper: u32,
    closed: bool,
}

/// After so many who were awake a sleeper has its turn, however many are awake: nobody waits for ever.
const FAIR: u32 = 64;

impl<T> Line<T> {
    pub(super) fn new() -> Self {
        Line {
            awake: VecDeque::new(),
            asleep: VecDeque::new(),
            roused: 0,
            since_sleeper: 0,
            closed: false,
        }
    }

    /// The thread that `node` belongs to enters at the end, awake; how many are awake now.
    ///
    /// # Safety
    /// `node` stays where it is, and its owner away from its value, until it is out of line.
    pub(super) unsafe fn enter(&mut self, node: &Node<T>) -> usize {
        self.awake.push_back(Place(NonNull::from(node)));
        self.awake.len()
    }

    /// The thread of `node`, `sleeper`, goes to sleep; false if the node is out of line already.
    pub(super) fn fall_asleep(&mut self, node: &Node<T>, sleeper: thread::Thread) -> bool {
        let own = NonNull::from(node);
        let Some(at) = self.awake.iter().position(|place| place.0 == own) else {
            return false;
        };
        let place = self.awake.remove(at).expect("it was found there");
        self.asleep.push_back((place, sleeper));
        true
    }

    /// A sleeper gets up by itself, and is the first now; false if its `node` is out of line already.
    pub(super) fn get_up(&mut self, node: &Node<T>) -> bool {
        let own = NonNull::from(node);
        let Some(at) = self.asleep.iter().position(|place| place.0.0 == own) else {
            return false;
        };
        let (place, _) = self.asleep.remove(at).expect("it was found there");
        self.awake.push_front(place);
        true
    }

    /// One that is awake gives up; false if its `node` is out of line already.
    pub(super) fn leave(&mut self, node: &Node<T>) -> bool {
        let own = NonNull::from(node);
        match self.awake.iter().position(|place| place.0 == own) {
            Some(at) => self.awake.remove(at).is_some(),
            None => seeded!("exchange_leave_unasked"),
        }
    }

    /// One that was served in its sleep is back, and may rouse the next.
    pub(super) fn wake_up(&mut self) {
        self.roused -= 1;
    }

    /// From now on everybody is served or turned away at once.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether anybody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.awake.is_empty() && self.asleep.is_empty()
    }

    /// How many may be served now: none of those asleep while one is on its way.
    pub(super) fn servable(&self) -> usize {
        let calm = self.roused > 0 && !self.closed;
        self.awake.len() + if calm { 0 } else { self.asleep.len() }
    }

    /// Whose turn it is.
    pub(super) fn first(&self) -> Option<&Place<T>> {
        let asleep = self.asleep.front().map(|sleeper| &sleeper.0);
        if self.is_sleepers_turn() {
            asleep
        } else {
            self.awake.front().or(asleep)
        }
    }

    /// Takes the first out of line to be served.
    pub(super) fn leave_first(&mut self, wake: &mut Wake) -> Option<Place<T>> {
        if !self.is_sleepers_turn()
            && let Some(place) = self.awake.pop_front()
        {
            self.since_sleeper = self.since_sleeper.saturating_add(1);
            return Some(place);
        }
        let (place, sleeper) = self.asleep.pop_front()?;
        self.since_sleeper = 0;
        self.roused += 1;
        wake.push(sleeper);
        Some(place)
    }

    /// As if one had been roused and did not run.
    #[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
    pub(super) fn stall_one(&mut self) {
        self.roused = 1;
    }

    #[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
    pub(super) fn sleeping(&self) -> usize {
        self.asleep.len()
    }

    fn is_sleepers_turn(&self) -> bool {
        self.since_sleeper >= FAIR && self.roused == 0 && !self.asleep.is_empty()
    }

    /// Takes the first out of line for ever.
    pub(super) fn turn_away_first(&mut self, wake: &mut Wake) {
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
    pub(super) fn empty(&self) -> T {
        self.node().take().expect("a giver has a value")
    }

    /// Gives a giver's value back.
    pub(super) fn refill(&self, value: T) {
        self.node().put(value);
    }

    /// Ends the wait of a giver whose value was taken.
    pub(super) fn let_go(self) {
        self.end(SERVED);
    }

    /// Gives a taker its value and ends its wait.
    pub(super) fn fill(self, value: T) {
        self.node().put(value);
        self.end(SERVED);
    }

    /// Ends the wait of a node that is out of line. The node may be gone when this returns.
    fn end(self, verdict: u8) {
        // ORDERING: Release — publishes what was done to `value`; pairs with the Acquire in `verdict`.
        let release = seeded!("exchange_end_relaxed", Relaxed => Release);
        self.node().state.store(verdict, release);
    }
}

impl<T> Node<T> {
    pub(super) fn new(value: Option<T>) -> Self {
        Node {
            state: AtomicU8::new(WAITING),
            value: UnsafeCell::new(value),
        }
    }

    pub(super) fn take(&self) -> Option<T> {
        // SAFETY: the caller owns the node, or serves it under the lock.
        self.value.with_mut(|cell| unsafe { (*cell).take() })
    }

    fn put(&self, value: T) {
        // SAFETY: as in `take`.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
    }

    /// How the wait ended, if it did.
    pub(super) fn verdict(&self) -> Option<Result<(), Ended>> {
        // ORDERING: Acquire — what was done to `value` is visible; pairs with the Release in `end`.
        match self
            .state
            .load(seeded!("exchange_verdict_relaxed", Relaxed => Acquire))
        {
            WAITING => None,
            SERVED => Some(Ok(())),
            _ => Some(Err(Ended::Closed)),
        }
    }
}

/// Threads to wake when the lock is free again.
#[must_use]
pub(super) struct Wake([Option<thread::Thread>; Self::MOST], usize);

impl Wake {
    /// So many are woken between two turns of the lock.
    const MOST: usize = 8;

    pub(super) fn none() -> Self {
        Wake([const { None }; Self::MOST], 0)
    }

    /// One step may wake two.
    pub(super) fn is_full(&self) -> bool {
        self.1 + 2 > Self::MOST
    }

    fn push(&mut self, sleeper: thread::Thread) {
        self.0[self.1] = Some(sleeper);
        self.1 += 1;
    }

    pub(super) fn all(self) {
        self.0
            .into_iter()
            .flatten()
            .for_each(|sleeper| sleeper.unpark());
    }
}
