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

use std::fmt;
use std::mem;

use crossbeam_utils::CachePadded;

use super::line::{Ended, Line, Node, Wake};
use super::lines::{Lines, Store};
use super::patience::{Look, Patience, Yields};
use crate::model::{PopError, PushError};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicU64, AtomicUsize};
use crate::sync::{Deadline, MODEL, Mutex, MutexGuard, park_until, seeded, thread};

/// Which line.
#[derive(Clone, Copy)]
enum Side {
    Takers = 0,
    Givers = 1,
}
use Side::{Givers, Takers};

/// The two lines of one store.
pub struct Exchange<T> {
    /// How many in each line may be served now; changed under the lock only.
    waiting: [CachePadded<AtomicUsize>; 2],
    lines: CachePadded<Mutex<Lines<T>>>,
    patience: [CachePadded<Patience>; 2],
    /// Values that went straight from a giver to a taker; written under the lock only.
    handed: AtomicU64,
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
        if !seeded!("exchange_close_unheard") {
            let mut lines = self.lines.lock();
            lines.0.iter_mut().for_each(Line::close);
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
        giver.let_go();
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
    fn stand(
        &self,
        side: Side,
        node: &Node<T>,
        store: &impl Store<T>,
        deadline: Option<Deadline>,
        look: Look<'_>,
    ) -> Result<(), Ended> {
        let no_unwinding = NoUnwinding;
        let ended = self.stand_there(side, node, store, deadline, look);
        mem::forget(no_unwinding);
        ended
    }

    fn stand_there(
        &self,
        side: Side,
        node: &Node<T>,
        store: &impl Store<T>,
        deadline: Option<Deadline>,
        mut look: Look<'_>,
    ) -> Result<(), Ended> {
        let crowd = {
            let mut lines = self.lines.lock();
            // SAFETY: this function does not return before the node is out of line, nor does it unwind.
            let crowd = unsafe { lines.0[side as usize].enter(node) };
            self.publish(&lines);
            if !seeded!("exchange_no_look") {
                self.serve(store, lines);
            }
            crowd
        };
        if let Some(verdict) = node.verdict() {
            return verdict;
        }
        let verdict = || node.verdict().expect("it is out of line");
        let out_of_time = || deadline.is_some_and(|end| end.passed());
        while !out_of_time() && look.again(crowd, || self.moved(store)) {
            if let Some(verdict) = node.verdict() {
                look.found();
                return verdict;
            }
        }
        // In a model all time is over; there it sleeps nevertheless, so that the longer way is explored.
        if MODEL || !out_of_time() {
            if !self.fall_asleep(side, node) {
                return verdict();
            }
            loop {
                if let Some(verdict) = node.verdict() {
                    verdict?;
                    self.wake_up(side, store);
                    return Ok(());
                }
                if out_of_time() && self.get_up(side, node, store) {
                    break;
                }
                park_until(deadline);
            }
        }
        match self.leave(side, node) {
            true => Err(Ended::TimedOut),
            false => verdict(),
        }
    }

    /// How many values have gone through the store, or past it.
    pub(super) fn moved(&self, store: &impl Store<T>) -> u64 {
        store.moved() + self.handed.load(Relaxed)
    }

    /// Moves `node` to those who sleep; false if it is out of line already.
    fn fall_asleep(&self, side: Side, node: &Node<T>) -> bool {
        let sleeper = thread::current();
        let mut lines = self.lines.lock();
        let asleep = lines.0[side as usize].fall_asleep(node, sleeper);
        self.publish(&lines);
        asleep
    }

    /// Moves a sleeping `node` to the head of its line and serves: it does not give up while what it
    /// waits for lies there for somebody who was roused. False if it is out of line already.
    fn get_up(&self, side: Side, node: &Node<T>, store: &impl Store<T>) -> bool {
        let mut lines = self.lines.lock();
        let up = lines.0[side as usize].get_up(node);
        if up {
            self.publish(&lines);
            self.serve(store, lines);
        }
        up
    }

    /// Takes `node`, which is awake, out of line; false if somebody else did.
    fn leave(&self, side: Side, node: &Node<T>) -> bool {
        let mut lines = self.lines.lock();
        let left = lines.0[side as usize].leave(node);
        self.publish(&lines);
        left
    }

    /// What a thread does that was served in its sleep: others relied on it to serve the next.
    fn wake_up(&self, side: Side, store: &impl Store<T>) {
        let mut lines = self.lines.lock();
        lines.0[side as usize].wake_up();
        if !seeded!("exchange_wake_unpublished") {
            self.publish(&lines);
        }
        if !seeded!("exchange_no_chain") {
            self.serve(store, lines);
        }
    }

    #[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
    pub(super) fn lines(&self) -> MutexGuard<'_, Lines<T>> {
        self.lines.lock()
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
                if seeded!("exchange_one_step") {
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

/// Ends the process if it is dropped: a frame with a node in line must not unwind.
struct NoUnwinding;

impl Drop for NoUnwinding {
    fn drop(&mut self) {
        // A model that fails unwinds, and is at its end.
        if !MODEL {
            std::process::abort();
        }
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
            .field("handed", &self.handed.load(Relaxed))
            .finish()
    }
}
