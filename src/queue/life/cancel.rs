//! Ends from outside: a job is cancelled, given back, or its handler given up on.

use std::mem;

use crate::model::{JobError, JobId, JobState, Verb, discard};
use crate::queue::base::core::Outcome;
use crate::queue::base::job_view::Inquiry;
use crate::queue::life::Shared;
use crate::queue::life::finish::Ended;
use crate::queue::record::dossier::Progress;
use crate::queue::record::step::Change;
use crate::table::{Entered, Pinned, Ticket, Trace};

impl<T: Send, R: Send> Inquiry for Shared<T, R> {
    fn cancel(&self, id: JobId, reason: Option<String>) -> bool {
        Shared::cancel(self, id, reason)
    }

    fn state(&self, id: JobId) -> Option<JobState> {
        self.records.state_of(&self.core, id)
    }

    fn progress(&self, id: JobId) -> Option<Progress> {
        self.records.progress_of(&self.core, id)
    }
}

impl<T: Send, R: Send> Shared<T, R> {
    /// Ends a job from outside by `end`: a ticket of it that becomes stale counts as a stray.
    pub(crate) fn ending(
        &self,
        end: impl FnOnce() -> Option<Pinned<T, Outcome<R>>>,
    ) -> Option<Pinned<T, Outcome<R>>> {
        self.ready.making_stray(&self.core, end, |ended| {
            ended.as_ref().is_some_and(|ended| ended.stale.is_some())
        })
    }

    /// The same by whoever has the job's `ticket` in hand, from where `trace` says: it is dropped at once.
    pub(crate) fn ending_in_hand(
        &self,
        (ticket, trace): (Ticket, Trace),
        end: impl FnOnce() -> Option<Pinned<T, Outcome<R>>>,
    ) -> Option<Pinned<T, Outcome<R>>> {
        let mut ended = self.ending(end)?;
        // It may be a former one of the job's, stale before.
        self.ready.drop_stale(&self.core, ticket, trace);
        ended.stale.take_if(|(stale, _)| *stale == ticket);
        Some(ended)
    }

    pub(crate) fn cancel(&self, id: JobId, reason: Option<String>) -> bool {
        if id.queue != self.core.number {
            return false;
        }
        let end = || self.core.slab.end(id.slot, id.occupancy, Verb::Cancel);
        let (ended, former) = match &reason {
            None => (self.ending(end), None),
            // A name that never was, or is no more, must not leave a note.
            Some(_) if self.core.slab.state(id.slot, id.occupancy).is_none() => (None, None),
            // Under the dossier's lock, so that who sees the job cancelled finds the reason.
            Some(_) => self
                .records
                .dossiers()
                .with(id.slot, id.occupancy, |dossier| {
                    let ended = self.ending(end);
                    ended.inspect(|_| dossier.cancel_reason = reason.clone())
                }),
        };
        if let Some(ended) = ended {
            let outcome = Err(JobError::Cancelled { reason });
            let ended = Ended::outside(&self.core, ended, Change::Cancelled, outcome);
            self.publish(ended.and_drop(former), self.records.common());
            return true;
        }
        // It may hold values of the user's, which are not dropped before the ticket can be found.
        discard(former);
        false
    }

    /// `return`: shutdown ends the job, if it waits, and keeps its payload.
    #[cold]
    pub(crate) fn give_up(&self, id: JobId) {
        let end = || self.core.slab.end(id.slot, id.occupancy, Verb::Return);
        if let Some(ended) = self.ending(end) {
            self.given_up(ended);
        }
    }

    /// Shutdown closed the line before the job's ticket got in: the job is given back like the others, and
    /// its ticket lies nowhere.
    #[cold]
    pub(crate) fn refused(&self, id: JobId, entered: Entered) {
        let in_hand = (entered.ticket, entered.trace);
        let end = || self.core.slab.end(id.slot, id.occupancy, Verb::Return);
        match self.ending_in_hand(in_hand, end) {
            Some(ended) => self.given_up(ended),
            // Somebody else has ended it.
            None => self
                .ready
                .drop_stale(&self.core, entered.ticket, entered.trace),
        }
    }

    fn given_up(&self, ended: Pinned<T, Outcome<R>>) {
        let outcome = Err(JobError::Returned);
        let ended = Ended::outside(&self.core, ended, Change::Returned, outcome);
        self.publish(ended, self.records.common());
    }

    /// The payload of the job in `slot`, which ended and which the caller holds last, goes to whoever is to have it.
    pub(crate) fn hand_over(&self, slot: u32) {
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        if self.core.slab.state(slot, id.occupancy) != Some(JobState::Returned) {
            return self.post_letter(slot);
        }
        let (payload, spoils) = self.core.slab.send_letter(slot);
        if let Some(payload) = payload {
            self.returns.lock().push((id, payload));
        }
        self.share_late(spoils);
    }

    pub(crate) fn interrupt(&self, id: JobId) {
        if let Some(ended) = self.core.slab.end(id.slot, id.occupancy, Verb::Interrupt) {
            let outcome = Err(JobError::Interrupted);
            let ended = Ended::outside(&self.core, ended, Change::Interrupted, outcome);
            self.publish(ended, self.records.common());
        }
    }

    /// Takes the payloads that shutdown gave back.
    pub(crate) fn take_returned(&self) -> Vec<(JobId, T)> {
        mem::take(&mut self.returns.lock())
    }
}
