//! What one worker has taken out of the lane, in view of the others.
//!
//! A batch of tickets lies here while its worker starts them one by one. They are copies: whoever
//! activates a ticket first has its job, and all other copies are stale. So the owner takes from
//! its desk without a locked instruction, and another worker may take over what was not started.

use crossbeam_utils::CachePadded;

use super::books::OwnBooks;
use super::line::Batch;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, fence};
use crate::table::Ticket;
use crate::telemetry::Latency;

/// The largest batch.
pub(super) const BATCH: usize = 32;

/// Instead of a ticket: the worker is still in its handler, and another one does its work.
const RELIEVED: u64 = u64::MAX;

/// Engages another worker of the same kind; whether that was possible.
pub(crate) type Hire = Box<dyn Fn() -> bool + Send + Sync>;

/// One worker's tickets and counts.
pub(crate) struct Desk {
    tickets: [AtomicU64; BATCH],
    /// The first ticket that was not started.
    next: CachePadded<AtomicUsize>,
    end: AtomicUsize,
    /// Where the first ticket lay in its line; the others lay behind it.
    place: AtomicU64,
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
            tickets: [const { 0 }; BATCH].map(AtomicU64::new),
            next: CachePadded::new(AtomicUsize::new(0)),
            end: AtomicUsize::new(0),
            place: AtomicU64::new(0),
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

    /// Lays a batch out. Relaxed: a ticket that is read too late or torn from its batch is at worst stale, and its
    /// activation finds that out.
    pub(super) fn lay_out(&self, batch: &Batch) {
        self.place.store(batch.place as u64, Relaxed);
        // ORDERING: Release fence — the place before its tickets; pairs with the Acquire fence in `unstarted`. Who reads
        // a later batch's place finds the ticket stale: nothing is laid out before the last batch was started.
        fence(Release);
        for (place, ticket) in self.tickets.iter().zip(&batch.tickets) {
            place.store(*ticket, Relaxed);
        }
        self.next.store(0, Relaxed);
        self.end.store(batch.tickets.len(), Relaxed);
    }

    /// The owner is about to start ticket number `at`.
    #[inline]
    pub(super) fn start(&self, at: usize) {
        self.next.store(at + 1, Relaxed);
    }

    /// Tickets that were not started when this was called, perhaps some that were, and where they lay.
    pub(super) fn unstarted(&self) -> impl Iterator<Item = (Ticket, i64)> + '_ {
        let next = self.next.load(Relaxed);
        let end = self.end.load(Relaxed).min(BATCH);
        (next..end).map(|at| {
            let ticket = Ticket::from_bits(self.tickets[at].load(Relaxed));
            // ORDERING: Acquire fence — as in `lay_out`.
            fence(Acquire);
            (ticket, self.place.load(Relaxed) as i64 + at as i64)
        })
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
