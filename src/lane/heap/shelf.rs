//! What the lock guards, and what is told of it to those who do not take it.

use super::item::Item;
use super::order::Order;
use crate::sync::atomic::{AtomicU64, AtomicUsize};
use crate::sync::{Mutex, MutexGuard};

/// Pauses before a thread sleeps for the lock. None under a model, where they would only be more of the same.
const PAUSES: u32 = if crate::sync::MODEL { 0 } else { 100 };

/// A key and a value on their way into the order.
pub(super) type Arrival = (u64, u64);

/// What the lock guards.
pub(super) struct Sorted {
    pub(super) order: Order,
    /// The place behind all.
    pub(super) back: i64,
    /// The place before all.
    pub(super) front: i64,
    pub(super) arrivals: Vec<Arrival>,
}

impl Sorted {
    /// Gives an arrival its place.
    #[inline]
    pub(super) fn number(&mut self, (key, value): Arrival) -> Item {
        let place = self.back;
        self.back += 1;
        Item { key, place, value }
    }

    #[inline]
    pub(super) fn append(&mut self, arrival: Arrival) {
        let item = self.number(arrival);
        self.order.append(item);
    }
}

/// The lock, and what is told of the order to those who do not take it.
pub(super) struct Shelf {
    /// At least the number of items in the order, exact while nobody holds the lock. Who holds it writes it.
    pub(super) stored: AtomicUsize,
    /// Items that have left.
    pub(super) popped: AtomicU64,
    pub(super) sorted: Mutex<Sorted>,
}

impl Shelf {
    /// Whoever has the lock gives it back soon, so a rival pauses for about as long before it sleeps for it.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Sorted> {
        if let Some(sorted) = self.sorted.try_lock() {
            return sorted;
        }
        self.lock_later()
    }

    #[cold]
    fn lock_later(&self) -> MutexGuard<'_, Sorted> {
        for _ in 0..PAUSES {
            std::hint::spin_loop();
            if let Some(sorted) = self.sorted.try_lock() {
                return sorted;
            }
        }
        self.sorted.lock()
    }
}
