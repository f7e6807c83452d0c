//! What one worker has taken out of the lane, in view of the others.
//!
//! A batch of tickets lies here while its worker starts them one by one. They are copies: whoever
//! activates a ticket first has its job, and all other copies are stale. So the owner takes from
//! its desk without a locked instruction, and another worker may take over what was not started.

use crossbeam_utils::CachePadded;

use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use crate::table::Ticket;
use crate::telemetry::{Counter, Latency};

/// The largest batch.
pub(super) const BATCH: usize = 32;

/// One worker's tickets and counts.
pub(crate) struct Desk {
    tickets: [AtomicU64; BATCH],
    /// The first ticket that was not started.
    next: CachePadded<AtomicUsize>,
    end: AtomicUsize,
    pub(super) completed: Counter,
    pub(super) failed: Counter,
    pub(super) retried: Counter,
    pub(super) snoozed: Counter,
    pub(super) requeued: Counter,
    pub(super) panicked: Counter,
    pub(super) late: Counter,
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
            completed: Counter::default(),
            failed: Counter::default(),
            retried: Counter::default(),
            snoozed: Counter::default(),
            requeued: Counter::default(),
            panicked: Counter::default(),
            late: Counter::default(),
            waits: Latency::new(),
            runs: Latency::new(),
            totals: Latency::new(),
        }
    }

    /// Lays a batch out. Relaxed throughout: a ticket that is read too late or torn from its batch
    /// is at worst stale, and its activation finds that out.
    pub(super) fn lay_out(&self, batch: &[u64]) {
        for (place, ticket) in self.tickets.iter().zip(batch) {
            place.store(*ticket, Relaxed);
        }
        self.next.store(0, Relaxed);
        self.end.store(batch.len(), Relaxed);
    }

    /// The owner is about to start ticket number `at`.
    #[inline]
    pub(super) fn start(&self, at: usize) {
        self.next.store(at + 1, Relaxed);
    }

    /// Tickets that were not started when this was called, perhaps some that were.
    pub(super) fn unstarted(&self) -> impl Iterator<Item = Ticket> + '_ {
        let next = self.next.load(Relaxed);
        let end = self.end.load(Relaxed).min(BATCH);
        (next..end).map(|at| Ticket::from_bits(self.tickets[at].load(Relaxed)))
    }
}
