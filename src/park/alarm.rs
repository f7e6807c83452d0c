//! An alarm clock: one thread sleeps until an instant that others may bring forward.
//!
//! The sleeper says until when it will sleep, puts a full fence, looks once more for what others may have
//! told it, and parks. Whoever has told it something puts a full fence and compares: an instant
//! before the alarm moves the alarm and wakes the sleeper. At least one of the two sees the other.

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicU64, fence};
use crate::sync::{Deadline, Mutex, park_until, seeded, thread};

/// What an alarm that is not set says.
pub const NEVER: u64 = u64::MAX;

/// Wakes one thread at the earliest of the instants that it is told.
pub struct Alarm {
    /// The instant at which the sleeper will look by itself; 0 while it is awake.
    at: CachePadded<AtomicU64>,
    sleeper: Mutex<Option<thread::Thread>>,
}

impl Alarm {
    /// An alarm of a sleeper that is awake.
    pub fn new() -> Self {
        Alarm {
            at: CachePadded::new(AtomicU64::new(0)),
            sleeper: Mutex::new(None),
        }
    }

    /// Something is to be done at `instant`, which the sleeper was told before this call.
    pub fn bring_forward(&self, instant: u64) {
        if !seeded!("alarm_ring_no_fence") {
            // ORDERING: SeqCst fence — the news before the look at `at`; partner: the fence of `sleep`.
            fence(SeqCst);
        }
        // Most instants lie behind the alarm.
        if instant < self.at.load(Relaxed) {
            self.wake();
        }
    }

    /// Wakes the sleeper, whatever it waits for; one that is awake looks once more before it sleeps.
    pub fn wake(&self) {
        if !seeded!("alarm_ring_no_fence") {
            // ORDERING: SeqCst fence — what the caller changed before the alarm; partner: the fence of `sleep`.
            fence(SeqCst);
        }
        self.at.store(0, Relaxed);
        let sleeper = self.sleeper.lock().clone();
        if let Some(sleeper) = sleeper {
            sleeper.unpark();
        }
    }

    /// Sleeps until `instant`, which is `deadline` on the sleeper's clock, unless `news` says that there is something
    /// to do or somebody brings the alarm forward. Only one thread may sleep here.
    pub fn sleep(&self, instant: u64, deadline: Option<Deadline>, news: impl Fn() -> bool) {
        // Before the alarm is set: who sees it set finds whom to wake.
        *self.sleeper.lock() = Some(thread::current());
        self.at.store(instant, Relaxed);
        if !seeded!("alarm_sleep_no_fence") {
            // ORDERING: SeqCst fence — the alarm before the last look for news; partner: the fence of
            // `bring_forward`, whose caller is seen by this look, or sees the alarm.
            fence(SeqCst);
        }
        if !news() || seeded!("alarm_no_look") {
            while self.at.load(Relaxed) == instant && !deadline.is_some_and(|end| end.passed()) {
                park_until(deadline);
            }
        }
        self.at.store(0, Relaxed);
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}
