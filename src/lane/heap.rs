//! A strict priority lane: whoever pops gets the most urgent item there is.
//!
//! Pushers leave items in a ring, the *inbox*, and never meet the lock; whoever holds the lock moves
//! the inbox into the order, which only that holder touches. Items are numbered as they are moved, so
//! equal keys leave in the order of the inbox. The order is a bitmap trie if the keys are bounded, else a
//! four-ary heap.
//!
//! Emptiness is seen without the lock, in two looks: first the inbox, then `stored`, the number of
//! items in the order. Who moves items raises `stored` *before* it takes them out of the inbox. So
//! a looker that finds them gone from the inbox finds them in `stored`, unless they were popped since.
//! No look counts a moving item in neither.

mod dary;
mod item;
mod order;
mod shelf;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;
mod trie;

use std::fmt;

use crossbeam_utils::CachePadded;

use super::id_of;
use crate::model::{PopError, PushError};
use crate::ring::Ring;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicU64, AtomicUsize, fence};
use crate::sync::{Mutex, seeded};
use dary::Dary;
pub use item::Item;
use order::Order;
use shelf::{Arrival, Shelf, Sorted};
use trie::Trie;

/// Items moved from the inbox with one reservation.
const BATCH: usize = 32;
/// A pusher looks after the inbox if its item's id is a multiple of this. The items of a long inbox
/// have different ids, so it is seen often enough, and a short one costs its pushers nothing.
const LOOK_EVERY: u32 = 64;
/// An inbox longer than this is relieved by a pusher, so that no popper finds a long one.
const BACKLOG: usize = if crate::sync::MODEL { 1 } else { 64 };
/// How much of it one pusher moves: what comes between two looks, and as much again.
const RELIEF: usize = 2 * LOOK_EVERY as usize;

/// Where an item goes among those of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before all that are there.
    Front,
    /// To this place, which a pop or a removal told.
    At(i64),
}

/// A lane that gives out the item with the smallest key, and among equal keys the one that came first.
///
/// An item is a `u64` other than 0; its low bits are its id, and at most one item of an id may be in
/// the lane.
///
/// A pop misses no item whose push happened before it. Like the ring's `is_empty`, a look by
/// a caller that fenced sees every `push` and `insert` from before a partner's fence; so the lane
/// can be waited for with an event count.
pub struct Heap {
    inbox: Ring<Arrival>,
    /// Keys are smaller than this.
    levels: Option<u32>,
    shelf: CachePadded<Shelf>,
}

impl Heap {
    /// A lane of up to `capacity` items, with the keys `0..levels`, or with any key for `None`.
    ///
    /// Moving an item costs the same at any length for up to 2^24 `levels`, and the logarithm of the length
    /// for `None`.
    ///
    /// # Panics
    /// If `levels` is 0 or above 2^24.
    pub fn new(levels: Option<u32>, capacity: usize) -> Self {
        let order = match levels {
            Some(levels) => Order::Trie(Trie::new(levels, capacity)),
            None => Order::Dary(Dary::new(capacity)),
        };
        Heap {
            inbox: Ring::new(capacity),
            levels,
            shelf: CachePadded::new(Shelf {
                stored: AtomicUsize::new(0),
                popped: AtomicU64::new(0),
                sorted: Mutex::new(Sorted {
                    order,
                    back: 0,
                    front: -1,
                    arrivals: Vec::with_capacity(BATCH.min(capacity)),
                }),
            }),
        }
    }

    /// Adds `value` behind the items of the same `key`. Never waits for the lock; a pusher preempted in the
    /// middle of it delays who pops.
    ///
    /// # Errors
    /// `Closed` after `close`.
    ///
    /// # Panics
    /// If `key` is none of the lane's levels, or the lane holds `capacity` items.
    #[inline]
    pub fn push(&self, key: u64, value: u64) -> Result<(), PushError<u64>> {
        self.check(key);
        match self.inbox.push((key, value)) {
            Ok(()) => {
                if id_of(value).is_multiple_of(LOOK_EVERY) {
                    self.relieve();
                }
                Ok(())
            }
            Err(PushError::Closed(_)) => Err(PushError::Closed(value)),
            Err(PushError::Full(_)) => panic!(
                "no room for item {value} of id {}: {} wait for the order, {} are in it, {} fit",
                id_of(value),
                self.inbox.len(),
                self.shelf.stored.load(Relaxed),
                self.inbox.capacity()
            ),
        }
    }

    /// Puts `value` at a place of its own choice.
    ///
    /// In the trie the cost of `Place::At` grows with the number of items of this key before it.
    ///
    /// # Errors
    /// `Closed` after `close`.
    ///
    /// # Panics
    /// If `key` is none of the lane's levels, or there is an item of the same id.
    pub fn insert(&self, key: u64, place: Place, value: u64) -> Result<(), PushError<u64>> {
        self.check(key);
        let mut sorted = self.shelf.lock();
        // Under the lock, under which a pop says `Closed`: nothing comes after that.
        if self.inbox.is_closed() {
            return Err(PushError::Closed(value));
        }
        let place = match place {
            Place::At(place) => place,
            Place::Front => {
                sorted.front -= 1;
                sorted.front + 1
            }
        };
        sorted.order.insert(Item { key, place, value });
        self.tell(&sorted);
        Ok(())
    }

    /// Takes out the most urgent item.
    ///
    /// # Errors
    /// `Empty` if there was none at some instant during the call; then the lock is not taken, unless a
    /// rival was quicker. `Closed` if there is none and the lane is closed.
    #[inline]
    pub fn pop(&self) -> Result<Item, PopError> {
        self.look()?;
        let mut sorted = self.shelf.lock();
        if sorted.order.len() == 0 && self.inbox.len() <= 1 {
            // A single item needs no order.
            let item = self.inbox.pop().map(|arrival| sorted.number(arrival))?;
            self.tell_gone(&sorted, 1);
            return Ok(item);
        }
        let drained = self.drain(&mut sorted, usize::MAX);
        let first = sorted.order.pop_first();
        self.tell_gone(&sorted, usize::from(first.is_some()));
        first.ok_or_else(|| drained.expect_err("the order is empty, so the inbox was asked"))
    }

    /// Takes out exactly `value`, wherever it is; its key and place.
    pub fn remove(&self, value: u64) -> Option<(u64, i64)> {
        // ORDERING: SeqCst fence — what made the caller look for the item, before the look at the inbox; partner: the
        // fence after a push's claim. Who does not find an item that is being pushed is seen by its pusher.
        // unseen: what the caller did lies above this floor.
        fence(SeqCst);
        let mut sorted = self.shelf.lock();
        if !seeded!("heap_remove_no_drain") {
            // The verdict on emptiness is for who pops.
            let _ = self.drain(&mut sorted, usize::MAX);
        }
        let removed = sorted.order.remove(value);
        self.tell_gone(&sorted, usize::from(removed.is_some()));
        removed.map(|item| item.order())
    }

    /// Puts what `change` makes of `old` behind the items of `key`, in one step for everyone else; `None` if `old` is
    /// not there, else whether `change` gave anything. If not, `old` stays where it is.
    ///
    /// # Panics
    /// If `key` is none of the lane's levels, or there is another item of the new one's id.
    pub fn replace(
        &self,
        old: u64,
        key: u64,
        change: impl FnOnce() -> Option<u64>,
    ) -> Option<bool> {
        self.check(key);
        let mut sorted = self.shelf.lock();
        // The verdict on emptiness is for who pops.
        let _ = self.drain(&mut sorted, usize::MAX);
        let item = sorted.order.remove(old);
        let changed = item.map(|item| match change() {
            Some(new) => {
                sorted.append((key, new));
                true
            }
            None => {
                sorted.order.insert(item);
                false
            }
        });
        self.tell(&sorted);
        changed
    }

    /// Refuses every later push; what is in the lane can still be popped. True for the first call.
    pub fn close(&self) -> bool {
        self.inbox.close()
    }

    /// Whether `close` was called.
    pub fn is_closed(&self) -> bool {
        self.inbox.is_closed()
    }

    /// How many items there are; a little more while items are moved.
    pub fn len(&self) -> usize {
        let stored = || self.shelf.stored.load(Relaxed);
        let too_early = seeded!("heap_look_backwards").then(stored);
        // The inbox first. A look that finds items gone from it synchronises with who moved them, hence sees
        // `stored` raised for them.
        let arriving = self.inbox.len();
        arriving + too_early.unwrap_or_else(stored)
    }

    /// Whether there was no item at some instant during the call. Takes no lock.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items have left the lane since it was made: about right.
    pub fn popped(&self) -> u64 {
        self.shelf.popped.load(Relaxed)
    }

    /// Refuses, without the lock, a pop that would find nothing. One of a closed lane takes the lock and
    /// asks the inbox, whose word is final.
    #[inline]
    fn look(&self) -> Result<(), PopError> {
        let stored = self.shelf.stored.load(Relaxed);
        if stored == 0 && self.is_empty() && !self.inbox.is_closed() {
            return Err(PopError::Empty);
        }
        Ok(())
    }

    /// Moves what is in the inbox now, at most `most`, into the order. An empty order asks the inbox at any
    /// rate, whose refusal is returned.
    #[inline]
    fn drain(&self, sorted: &mut Sorted, most: usize) -> Result<(), PopError> {
        let stored = sorted.order.len();
        if seeded!("heap_no_drain") && stored > 0 {
            return Ok(());
        }
        // Later arrivals are not waited for, else pushers could keep the lock from its holder's rivals.
        let mut due = self.inbox.len().max(usize::from(stored == 0)).min(most);
        if due == 0 {
            return Ok(());
        }
        if !seeded!("heap_count_late") {
            // Before the items leave the inbox, whose claim publishes it.
            self.shelf.stored.store(stored + due, Relaxed);
        }
        let mut arrivals = std::mem::take(&mut sorted.arrivals);
        let mut said = Ok(());
        while due > 0 && said.is_ok() {
            said = self
                .inbox
                .pop_many(&mut arrivals, due.min(BATCH))
                .map(|count| due -= count);
            for arrival in arrivals.drain(..) {
                sorted.append(arrival);
            }
        }
        sorted.arrivals = arrivals;
        said
    }

    /// Shortens a long inbox, unless somebody has the lock, who shortens it anyway.
    #[cold]
    fn relieve(&self) {
        if self.inbox.len() > BACKLOG
            && let Some(mut sorted) = self.shelf.sorted.try_lock()
        {
            // The verdict on emptiness is for who pops.
            let _ = self.drain(&mut sorted, RELIEF);
            self.tell(&sorted);
        }
    }

    /// Says how many items the order holds.
    #[inline]
    fn tell(&self, sorted: &Sorted) {
        self.shelf.stored.store(sorted.order.len(), Relaxed);
    }

    /// Says it, and that so many have left.
    #[inline]
    fn tell_gone(&self, sorted: &Sorted, gone: usize) {
        self.tell(sorted);
        // Only who holds the lock writes this.
        let popped = self.shelf.popped.load(Relaxed);
        self.shelf.popped.store(popped + gone as u64, Relaxed);
    }

    /// Refuses a key that the order has no place for before anybody else sees it.
    #[inline]
    fn check(&self, key: u64) {
        if let Some(levels) = self.levels {
            assert!(
                key < u64::from(levels),
                "key {key} in a lane of {levels} levels"
            );
        }
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap")
            .field("levels", &self.levels)
            .field("len", &self.len())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
