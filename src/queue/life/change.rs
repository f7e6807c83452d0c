//! Another priority, another instant: changes of a job that waits or is delayed.

use crate::model::{JobId, JobState};
use crate::queue::base::error::ChangeError;
use crate::queue::life::Shared;
use crate::queue::record::step::Change;
use crate::sync::{Backoff, seeded};
use crate::table::{NotMoved, Ticket};

impl<T: Send, R: Send> Shared<T, R> {
    /// A job of this queue: its state, and its ticket if it waits.
    pub(crate) fn look(&self, id: JobId) -> Result<(JobState, Option<Ticket>), ChangeError> {
        let found =
            (id.queue == self.core.number).then(|| self.core.slab.look(id.slot, id.occupancy));
        found.flatten().ok_or(ChangeError::Gone)
    }

    /// Tries `change`, which needs a delayed job, as long as the job is delayed.
    pub(crate) fn while_delayed(
        &self,
        id: JobId,
        change: impl Fn() -> bool,
    ) -> Result<(), ChangeError> {
        let mut backoff = Backoff::default();
        loop {
            match self.look(id)?.0 {
                JobState::Delayed if change() => return Ok(()),
                // Somebody else is changing it.
                JobState::Delayed => backoff.snooze(),
                state => return Err(ChangeError::State(state)),
            }
        }
    }

    /// Gives a delayed job another priority; false if it is not delayed any more.
    pub(crate) fn reprioritized(&self, id: JobId, priority: u32) -> bool {
        let (slot, occupancy) = (id.slot, id.occupancy);
        if seeded!("change_priority_unheld") {
            self.core.slab.set_priority(slot, priority);
            return self.core.slab.state(slot, occupancy) == Some(JobState::Delayed);
        }
        // One at a time: each writes the priority before its step.
        let step = || {
            self.core
                .slab
                .reprioritize_delayed(slot, occupancy, priority)
        };
        match self.records.dossiers().locked(slot, step) {
            Ok(epoch) => {
                self.record_change(id, epoch, Change::Reprioritized { priority });
                // While it was held it had no timer: it may have become due in vain, or have lost the one
                // that it had. Of this step the timer knows nothing, so it keeps its place.
                self.announce(slot, self.core.slab.record(slot).due());
                true
            }
            Err(spoils) => {
                spoils
                    .into_iter()
                    .for_each(|spoils| self.share_looker(id, spoils));
                false
            }
        }
    }

    /// Moves a waiting job; false if its ticket was used or replaced, so that the caller must look again.
    pub(crate) fn moved_to(&self, ticket: Ticket, priority: u32) -> bool {
        let mut backoff = Backoff::default();
        loop {
            match self.ready.move_to(&self.core, ticket, priority) {
                Ok(()) => return true,
                Err(NotMoved::Stale) => return false,
                // A worker has taken the ticket out and is about to begin the job.
                Err(NotMoved::Starting) if !self.core.slab.is_current(ticket) => return false,
                Err(NotMoved::Starting) if self.core.is_stopped() => return false,
                Err(NotMoved::Starting) => backoff.snooze(),
            }
        }
    }

    /// `reschedule`; false if the job is not delayed.
    pub(crate) fn postpone(&self, slot: u32, occupancy: u64, due: u64, wall: u64) -> bool {
        // One at a time: each writes the instant before its step.
        let step = || self.core.slab.reschedule(slot, occupancy, due, wall);
        match self.records.dossiers().locked(slot, step) {
            Ok(epoch) => {
                let id = self.core.id_of(slot, occupancy);
                self.record_change(id, epoch, Change::Rescheduled { due });
                self.announce(slot, due);
                true
            }
            Err(spoils) => {
                let id = self.core.id_of(slot, occupancy);
                spoils
                    .into_iter()
                    .for_each(|spoils| self.share_looker(id, spoils));
                false
            }
        }
    }
}
