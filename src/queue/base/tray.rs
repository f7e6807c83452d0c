//! Tickets that one worker has taken out of the lane, in view of the others.
//!
//! A batch of tickets lies here while its worker starts them one by one. They are copies: whoever
//! activates a ticket first has its job, and all other copies are stale. So the owner takes from
//! its tray without a locked instruction, and another worker may take over what was not started.

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU64, AtomicUsize, fence};
use crate::sync::seeded;
use crate::table::Ticket;

/// The largest batch.
pub(crate) const BATCH: usize = if cfg!(guichet_loom) { 2 } else { 32 };

/// One worker's tickets.
pub(crate) struct Tray {
    tickets: [AtomicU64; BATCH],
    /// The first ticket that was not started.
    next: CachePadded<AtomicUsize>,
    end: AtomicUsize,
    /// Where the first ticket lay in its line; the others lay behind it.
    place: AtomicU64,
}

impl Tray {
    pub(crate) fn new() -> Self {
        Tray {
            tickets: [const { 0 }; BATCH].map(AtomicU64::new),
            next: CachePadded::new(AtomicUsize::new(0)),
            end: AtomicUsize::new(0),
            place: AtomicU64::new(0),
        }
    }

    /// Lays a batch out, whose first ticket lay at `place`. Relaxed: a ticket that is read too late or torn from its batch is
    /// at worst stale, and its activation finds that out.
    pub(crate) fn lay_out(&self, tickets: &[u64], place: i64) {
        self.place.store(place as u64, Relaxed);
        if !seeded!("tray_lay_no_fence") {
            // ORDERING: Release fence — the place before its tickets; pairs with the Acquire fence in `unstarted`. Who reads
            // a later batch's place finds the ticket stale: nothing is laid out before the last batch was started.
            fence(Release);
        }
        for (cell, ticket) in self.tickets.iter().zip(tickets) {
            cell.store(*ticket, Relaxed);
        }
        self.next.store(0, Relaxed);
        self.end.store(tickets.len(), Relaxed);
    }

    /// The owner is about to start ticket number `at`.
    #[inline]
    pub(crate) fn start(&self, at: usize) {
        self.next.store(at + 1, Relaxed);
    }

    /// Tickets that were not started when this was called, perhaps some that were, and where they lay.
    pub(crate) fn unstarted(&self) -> impl Iterator<Item = (Ticket, i64)> + '_ {
        let next = self.next.load(Relaxed);
        let end = self.end.load(Relaxed).min(BATCH);
        (next..end).map(|at| {
            let ticket = Ticket::from_bits(self.tickets[at].load(Relaxed));
            if !seeded!("tray_read_no_fence") {
                // ORDERING: Acquire fence — as in `lay_out`.
                fence(Acquire);
            }
            (ticket, self.place.load(Relaxed) as i64 + at as i64)
        })
    }
}
