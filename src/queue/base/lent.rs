//! The leases whose time is watched.

use std::collections::BTreeSet;

use crate::sync::Mutex;
use crate::table::Ticket;
use crate::time::Timestamp;

/// The leases that have a deadline, the earliest first.
#[derive(Default)]
pub(crate) struct Lent(Mutex<BTreeSet<(Timestamp, u64)>>);

impl Lent {
    pub(crate) fn insert(&self, deadline: Timestamp, ticket: Ticket) {
        self.0.lock().insert((deadline, ticket.to_bits()));
    }

    /// False if the lease was taken out before: its time was over.
    pub(crate) fn remove(&self, deadline: Timestamp, ticket: Ticket) -> bool {
        self.0.lock().remove(&(deadline, ticket.to_bits()))
    }

    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.0.lock().first().map(|(deadline, _)| *deadline)
    }

    /// Takes out one whose time is over at `now`.
    pub(crate) fn over(&self, now: Timestamp) -> Option<Ticket> {
        let mut lent = self.0.lock();
        let (deadline, ticket) = *lent.first()?;
        (deadline <= now).then(|| {
            lent.remove(&(deadline, ticket));
            Ticket::from_bits(ticket)
        })
    }
}
