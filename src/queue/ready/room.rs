//! Slots for jobs: who gets one, and who waits for one.

use crate::park::{EventCount, Yields};
use crate::sync::Mutex;
use crate::table::Pool;

/// A range of slots.
pub(crate) struct Room {
    capacity: usize,
    pub(super) pool: Pool,
    /// Adders without a slot.
    pub(super) blocked: EventCount,
    /// One at a time collects the slots of an all-or-none batch.
    pub(super) bulk: Mutex<()>,
}

impl Room {
    /// `capacity` vacant slots from number `first` on.
    pub(crate) fn new(first: u32, capacity: usize, homes: usize) -> Self {
        Room {
            capacity,
            pool: Pool::new(first, capacity, homes),
            blocked: EventCount::new(Yields::Freely),
            bulk: Mutex::new(()),
        }
    }

    /// How many slots there are.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Wakes everybody who waits for a slot: the queue takes no more jobs.
    pub(crate) fn wake_all(&self) {
        self.blocked.notify_all();
    }
}
