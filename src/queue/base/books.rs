//! What a queue counts: one entry per verb and reason, by workers in books of their own, by all others in common ones.

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;
use crate::telemetry::Counter;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Item {
    Completed,
    Failed,
    Cancelled,
    Expired,
    Interrupted,
    Returned,
    Retried,
    Snoozed,
    Requeued,
    Redelivered,
    Panicked,
    TimedOut,
    Late,
}

const ITEMS: usize = Item::Late as usize + 1;

/// Who writes entries.
pub(crate) trait Books {
    /// One more.
    fn enter(&self, item: Item);
}

/// Written by one thread at a time, without a locked instruction.
#[derive(Default)]
pub(crate) struct OwnBooks([Counter; ITEMS]);

impl Books for OwnBooks {
    #[inline(always)]
    fn enter(&self, item: Item) {
        self.0[item as usize].bump();
    }
}

/// Written by any thread.
#[derive(Default)]
pub(crate) struct CommonBooks([AtomicU64; ITEMS]);

impl Books for CommonBooks {
    fn enter(&self, item: Item) {
        self.0[item as usize].fetch_add(1, Relaxed);
    }
}

/// The sum of several books.
#[derive(Default)]
pub(crate) struct Sum([u64; ITEMS]);

impl Sum {
    pub(crate) fn add_own(&mut self, books: &OwnBooks) {
        for (sum, counter) in self.0.iter_mut().zip(&books.0) {
            *sum += counter.get();
        }
    }

    pub(crate) fn add_common(&mut self, books: &CommonBooks) {
        for (sum, counter) in self.0.iter_mut().zip(&books.0) {
            *sum += counter.load(Relaxed);
        }
    }

    pub(crate) fn of(&self, item: Item) -> u64 {
        self.0[item as usize]
    }
}
