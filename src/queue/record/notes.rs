//! What is written down about a job while it lives: failed attempts, log lines, progress.
//!
//! A failed attempt is noted under the lock of its job's dossier together with the step that decides the attempt, so each
//! attempt is noted once, by whoever decided it: its worker or the clerk.

use std::any::Any;

use crate::model::{
    AttemptError, DeadReason, Failure, JobId, JobState, LogLine, discard, unharmed,
};
use crate::queue::Shared;
use crate::queue::record::dossier::Dossier;
use crate::sync::Arc;
use crate::sync::atomic::Ordering::Relaxed;
use crate::table::{Claim, Marks};

/// The kinds of end for which a job says itself whether its record is kept.
pub(crate) mod keep {
    pub(crate) const COMPLETED: u32 = 1;
    pub(crate) const NOT_COMPLETED: u32 = 2;
    pub(crate) const FAILED: u32 = 4;
    pub(crate) const NOT_FAILED: u32 = 8;
}

impl<T, R> Shared<T, R> {
    /// Notes a failed attempt if `step` decides it. With it comes the slot's former dossier, if there is one,
    /// for the caller to drop: it may hold values of the user's.
    pub(crate) fn with_error<X, E>(
        &self,
        id: JobId,
        attempt: u32,
        failure: &Failure,
        step: impl FnOnce() -> Result<X, E>,
    ) -> (Result<X, E>, Option<Box<Dossier>>) {
        let error = self.error_of(attempt, failure);
        self.dossiers.with(id.slot, id.occupancy, |dossier| {
            // The lock keeps everybody else from the dossier meanwhile.
            step().inspect(|_| dossier.fail(error))
        })
    }

    /// The same for the last attempt, if anybody will want to know.
    pub(crate) fn with_death<X, E>(
        &self,
        id: JobId,
        attempt: u32,
        kept: bool,
        (failure, reason): (&Failure, DeadReason),
        step: impl FnOnce() -> Result<X, E>,
    ) -> Result<X, E> {
        if !kept && self.dead.is_none() {
            return step();
        }
        let error = self.error_of(attempt, failure);
        self.with_dossier(id, |dossier| {
            step().inspect(|_| {
                dossier.death = Some((reason, error.at));
                dossier.fail(error);
            })
        })
    }

    /// A handler returns whose job was decided meanwhile: nobody asks for its dossier any more, if the job has ended and no other
    /// handler of it runs on.
    #[cold]
    pub(crate) fn forget(&self, id: JobId) {
        let state = self.core.slab.state(id.slot, id.occupancy);
        if state.is_some() && self.core.slab.is_held(id.slot) {
            return;
        }
        if state.is_none_or(|state| state.is_terminal() && state != JobState::Dead) {
            discard(self.dossiers.take(id.slot, id.occupancy));
        }
    }

    /// Calls `f` with the job's dossier.
    pub(crate) fn with_dossier<X>(&self, id: JobId, f: impl FnOnce(&mut Dossier) -> X) -> X {
        let (result, stale) = self.dossiers.with(id.slot, id.occupancy, f);
        discard(stale);
        result
    }

    fn error_of(&self, attempt: u32, failure: &Failure) -> AttemptError {
        // The text is the user's code.
        let text = unharmed(|| failure.error().to_string());
        AttemptError {
            attempt,
            kind: failure.kind(),
            message: text.unwrap_or_else(|| "an error whose text panics".to_owned()),
            location: failure.location().map(str::to_owned),
            at: self.core.time.wall(),
        }
    }

    /// What the job in `slot` says itself about its record.
    pub(crate) fn wishes(&self, slot: u32, marks: Marks) -> u32 {
        match marks.optioned {
            true => self.core.slab.record(slot).keep.load(Relaxed),
            false => 0,
        }
    }

    /// How often a lease of the job was dropped.
    pub(crate) fn redelivered(&self, id: JobId) -> u32 {
        let times = |dossier: &Dossier| dossier.redelivered;
        self.dossiers
            .peek(id.slot, id.occupancy, times)
            .unwrap_or(0)
    }

    /// Writes about a job whose attempt the caller runs; nothing if it was decided already.
    pub(crate) fn write(&self, claim: &Claim, write: impl FnOnce(&mut Dossier)) {
        let id = self.core.id(claim);
        match self.core.slab.note(claim) {
            true => self.with_dossier(id, write),
            // With what was to be written.
            false => discard(write),
        }
    }

    pub(crate) fn write_log(&self, claim: &Claim, text: String) {
        let line = LogLine {
            attempt: claim.attempt(),
            at: self.core.time.wall(),
            text,
        };
        let most = self.core.options.log_lines;
        self.write(claim, |dossier| dossier.log(line, most));
    }

    pub(crate) fn write_progress(&self, claim: &Claim, value: Arc<dyn Any + Send + Sync>) {
        let mut before = None;
        self.write(claim, |dossier| before = dossier.show(value));
        discard(before);
    }
}
