//! The token of a running attempt: whether, and by whom, its job was decided over its handler's head.

use std::error::Error;
use std::fmt;

use crate::model::{JobId, JobState};
use crate::queue::Shared;
use crate::queue::record::dossier::Dossier;
use crate::table::Claim;

/// Who decided a job while its handler ran.
///
/// An error, so that a handler can say `job.checkpoint()?`; what it returns is not accepted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// Somebody cancelled it.
    Cancelled {
        /// Why, if whoever did it said so.
        reason: Option<String>,
    },
    /// Its attempt took longer than its time-out.
    TimedOut,
    /// A shutdown gave up on it.
    ShuttingDown,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Revoked::Cancelled { reason: None } => f.write_str("the job was cancelled"),
            Revoked::Cancelled { reason: Some(why) } => write!(f, "the job was cancelled: {why}"),
            Revoked::TimedOut => f.write_str("the attempt took longer than its time-out"),
            Revoked::ShuttingDown => f.write_str("the runtime shut down while the job ran"),
        }
    }
}

impl Error for Revoked {}

impl<T, R> Shared<T, R> {
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
