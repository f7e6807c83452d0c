//! The token of a running attempt: whether, and by whom, its job was decided over its handler's head.

use crate::model::{JobId, JobState, Revoked};
use crate::queue::life::Shared;
use crate::queue::record::dossier::Dossier;
use crate::table::Claim;

impl<T: Send, R: Send> Shared<T, R> {
    /// Who decided the job of a running attempt, if anybody did.
    pub(crate) fn revoked(&self, claim: &Claim) -> Option<Revoked> {
        let id = self.core.id(claim);
        self.core
            .slab
            .is_revoked(claim)
            .then(|| self.who_decided(id))
    }

    /// Who decided a job over the head of somebody who ran it. Of a job whose slot serves another by now it can only be said
    /// that its time was over.
    pub(crate) fn who_decided(&self, id: JobId) -> Revoked {
        match self.core.slab.state(id.slot, id.occupancy) {
            Some(JobState::Cancelled) => Revoked::Cancelled {
                reason: self.cancel_reason(id),
            },
            Some(JobState::Interrupted) => Revoked::ShuttingDown,
            _ => Revoked::TimedOut,
        }
    }

    /// What the canceller said.
    fn cancel_reason(&self, id: JobId) -> Option<String> {
        let reason = |dossier: &Dossier| dossier.cancel_reason.clone();
        let noted = self
            .records
            .dossiers()
            .peek(id.slot, id.occupancy, reason)
            .flatten();
        noted.or_else(|| reason(self.records.archive().find(id)?.dossier.as_deref()?))
    }
}
