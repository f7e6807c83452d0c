//! What one worker has in view of the others: tickets that it has not started, the attempt that has a time-out, and counts.

use crossbeam_utils::CachePadded;

use super::books::OwnBooks;
use super::tray::Tray;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicBool, AtomicU64};
use crate::table::Ticket;
use crate::telemetry::Latency;

/// Instead of a ticket: the worker is still in its handler, and another one does its work.
const RELIEVED: u64 = u64::MAX;

/// Engages another worker of the same kind; whether that was possible.
pub(crate) type Hire = Box<dyn Fn() -> bool + Send + Sync>;

/// One worker's tickets and counts.
pub(crate) struct Desk {
    pub(super) tray: Tray,
    /// The attempt that has a time-out, by its ticket; 0 if none, `RELIEVED` if another worker was engaged instead.
    timed: CachePadded<AtomicU64>,
    /// When that attempt's time is over.
    deadline: AtomicU64,
    /// This worker is to leave when its handler has returned.
    relieved: AtomicBool,
    /// The attempt whose worker could not be replaced.
    irreplaceable: AtomicU64,
    /// Engages another worker for this one.
    hire: Mutex<Option<Hire>>,
    pub(super) books: OwnBooks,
    pub(super) waits: Latency,
    pub(super) runs: Latency,
    pub(super) totals: Latency,
}

impl Desk {
    pub(super) fn new() -> Self {
        Desk {
            tray: Tray::new(),
            timed: CachePadded::new(AtomicU64::new(0)),
            deadline: AtomicU64::new(0),
            relieved: AtomicBool::new(false),
            irreplaceable: AtomicU64::new(0),
            hire: Mutex::new(None),
            books: OwnBooks::default(),
            waits: Latency::new(),
            runs: Latency::new(),
            totals: Latency::new(),
        }
    }

    /// The owner begins an attempt that is to be over by `deadline`.
    pub(super) fn begin_timed(&self, ticket: Ticket, deadline: u64) {
        // Who reads this deadline with the last attempt's ticket takes that for longer than it is, and looks again.
        self.deadline.store(deadline, Relaxed);
        // ORDERING: Release — deadline and the attempt's number before its name; pairs with the Acquire in `timed`.
        self.timed.store(ticket.to_bits(), Release);
    }

    /// The attempt is over.
    pub(super) fn end_timed(&self) {
        // ORDERING: AcqRel — Acquire: what the clerk did before it relieved this worker; partner: `relieve`.
        if self.timed.swap(0, AcqRel) == RELIEVED {
            self.relieved.store(true, Relaxed);
        }
    }

    /// The attempt that has a time-out, and when it is over: never earlier than its own.
    pub(super) fn timed(&self) -> Option<(Ticket, u64)> {
        // ORDERING: Acquire — as in `begin_timed`.
        match self.timed.load(Acquire) {
            0 | RELIEVED => None,
            bits => Some((Ticket::from_bits(bits), self.deadline.load(Relaxed))),
        }
    }

    /// The worker is to leave when it returns from the attempt `ticket`; false if it has returned.
    pub(super) fn relieve(&self, ticket: Ticket) -> bool {
        // ORDERING: AcqRel — Release: what the clerk did, to `end_timed`.
        self.timed
            .compare_exchange(ticket.to_bits(), RELIEVED, AcqRel, Relaxed)
            .is_ok()
    }

    /// Engages another worker for the one that was relieved of `ticket`; if there can't be one, that one goes on.
    pub(super) fn hire(&self, ticket: Ticket) -> bool {
        let hired = self.hire.lock().as_ref().is_some_and(|hire| hire());
        if !hired {
            self.irreplaceable.store(ticket.to_bits(), Relaxed);
            let kept = self
                .timed
                .compare_exchange(RELIEVED, ticket.to_bits(), Relaxed, Relaxed);
            if kept.is_err() {
                // It has just returned.
                self.relieved.store(false, Relaxed);
            }
        }
        hired
    }

    /// Whether it was tried in vain to engage another worker for this attempt's.
    pub(super) fn is_irreplaceable(&self, ticket: Ticket) -> bool {
        self.irreplaceable.load(Relaxed) == ticket.to_bits()
    }

    /// Whether the owner is to leave.
    pub(super) fn is_relieved(&self) -> bool {
        self.relieved.load(Relaxed)
    }

    /// A worker takes the desk, with the counts of whoever had it; `hire` engages another one like it.
    pub(super) fn open(&self, hire: Option<Hire>) {
        self.relieved.store(false, Relaxed);
        *self.hire.lock() = hire;
    }

    /// The owner leaves; what engages another one goes with it, and whatever it holds.
    pub(super) fn close(&self) {
        // Its destructor is the user's code, in part: not under the lock.
        let hire = self.hire.lock().take();
        drop(hire);
    }

    /// Whether the owner's handler runs on though another worker does its work.
    pub(super) fn is_stuck(&self) -> bool {
        self.timed.load(Relaxed) == RELIEVED
    }
}
