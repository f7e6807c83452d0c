//! How many serve a queue. Who leaves last looks whether the queue drains, and who drains it looks whether anybody serves: one of
//! them stops it.

use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicUsize, fence};
use crate::sync::seeded;

/// The number of those who serve.
pub(crate) struct Presence(AtomicUsize);

impl Presence {
    /// Nobody.
    pub(crate) fn new() -> Self {
        Presence(AtomicUsize::new(0))
    }

    /// One more.
    pub(crate) fn enter(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One less; whether that was the last. What the caller looks at next it sees as it is after that.
    pub(crate) fn leave(&self) -> bool {
        let others = self.0.fetch_sub(1, Relaxed) - 1;
        if !seeded!("presence_leave_no_fence") {
            // ORDERING: SeqCst fence — the leave before the look at the phase; partner: `is_nobody`. One of
            // the two sees the other, so the queue is stopped.
            fence(SeqCst);
        }
        others == 0
    }

    /// Whether nobody serves, after what the caller did before.
    pub(crate) fn is_nobody(&self) -> bool {
        if !seeded!("presence_look_no_fence") {
            // ORDERING: SeqCst fence — the phase before the look at who serves; partner: `leave`.
            fence(SeqCst);
        }
        self.0.load(Relaxed) == 0
    }
}
