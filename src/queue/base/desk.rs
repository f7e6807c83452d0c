//! What one worker has in view of the others: tickets that it has not started, the attempt that has a time-out, and counts.

use crate::queue::base::books::OwnBooks;
use crate::queue::base::relief::{Coming, TimedAttempt};
use crate::queue::base::tray::Tray;
use crate::sync::{Arc, Mutex};
use crate::table::Ticket;
use crate::telemetry::Latency;

/// Starts another worker of the same kind, which takes the place that it is given.
pub(crate) type Hire = Arc<dyn Fn(Relief) + Send + Sync>;

/// One worker's tickets and counts.
pub(crate) struct Desk {
    pub(crate) tray: Tray,
    pub(crate) timed: TimedAttempt,
    /// Starts another worker for this one.
    hire: Mutex<Option<Hire>>,
    pub(crate) books: OwnBooks,
    pub(crate) waits: Latency,
    pub(crate) runs: Latency,
    pub(crate) totals: Latency,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Desk {
            tray: Tray::new(),
            timed: TimedAttempt::new(),
            hire: Mutex::new(None),
            books: OwnBooks::default(),
            waits: Latency::new(),
            runs: Latency::new(),
            totals: Latency::new(),
        }
    }

    /// A worker takes the desk, with the counts of whoever had it; `hire` starts another one like it.
    pub(crate) fn open(&self, hire: Option<Hire>) {
        self.timed.open();
        *self.hire.lock() = hire;
    }

    /// What starts another worker, to be called and dropped outside the lock: both may run the user's code.
    pub(crate) fn hire(&self) -> Option<Hire> {
        self.hire.lock().clone()
    }

    /// The owner leaves; what starts another one goes with it, and whatever it holds.
    pub(crate) fn close(&self) {
        // Its destructor is the user's code, in part: not under the lock.
        let hire = self.hire.lock().take();
        drop(hire);
    }
}

/// A replacement on its way to a desk whose owner is stuck in one attempt. Dropped, it comes no more.
pub(crate) struct Relief {
    desk: Arc<Desk>,
    ticket: Ticket,
    coming: Arc<Coming>,
}

impl Relief {
    /// One more that is coming.
    pub(crate) fn new(desk: Arc<Desk>, ticket: Ticket, coming: Arc<Coming>) -> Self {
        coming.enter();
        Relief {
            desk,
            ticket,
            coming,
        }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Takes the place, if the owner is still in its attempt; what `look` has found is true of that attempt's job.
    pub(crate) fn take_place<X>(self, look: impl Fn() -> X) -> Option<X> {
        self.desk.timed.relieve(self.ticket, look)
    }
}

impl Drop for Relief {
    fn drop(&mut self) {
        self.coming.leave();
    }
}
