//! A count with a single writer.

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts what one thread does: a plain load and store, no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one more. Only one thread at a time may call this, or counts are lost.
    #[inline]
    pub fn bump(&self) {
        self.0.store(self.0.load(Relaxed) + 1, Relaxed);
    }

    /// The count: exact when the writer is at rest.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
