//! What is written down about a job while it lives: failed attempts, log lines, progress.
//!
//! A failed attempt is noted under the lock of its job's dossier together with the step that decides the attempt, so each
//! attempt is noted once, by whoever decided it: its worker or the clerk.

use std::any::Any;

use super::Records;
use crate::model::{
    AttemptError, DeadReason, Failure, JobId, JobState, LogLine, discard, unharmed,
};
use crate::queue::base::core::Core;
use crate::queue::record::dossier::Dossier;
use crate::sync::Arc;
use crate::table::Claim;

impl<R> Records<R> {
    /// Notes a failed attempt if `step` decides it. With it comes the slot's former dossier, if there is one,
    /// for the caller to drop: it may hold values of the user's.
    pub(crate) fn with_error<T, X, E>(
        &self,
        core: &Core<T, R>,
        id: JobId,
        attempt: u32,
        failure: &Failure,
        step: impl FnOnce() -> Result<X, E>,
    ) -> (Result<X, E>, Option<Box<Dossier>>) {
        let error = self.error_of(core, attempt, failure);
        self.dossiers.with(id.slot, id.occupancy, |dossier| {
            // The lock keeps everybody else from the dossier meanwhile.
            step().inspect(|_| dossier.fail(error))
        })
    }

    /// The same for the last attempt, if anybody will want to know.
    pub(crate) fn with_death<T, X, E>(
        &self,
        core: &Core<T, R>,
        id: JobId,
        attempt: u32,
        kept: bool,
        (failure, reason): (&Failure, DeadReason),
        step: impl FnOnce() -> Result<X, E>,
    ) -> Result<X, E> {
        if !kept && !core.options.sends_letters {
            return step();
        }
        let error = self.error_of(core, attempt, failure);
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
    pub(crate) fn forget<T>(&self, core: &Core<T, R>, id: JobId) {
        let state = core.slab.state(id.slot, id.occupancy);
        if state.is_some() && core.slab.is_held(id.slot) {
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

    fn error_of<T>(&self, core: &Core<T, R>, attempt: u32, failure: &Failure) -> AttemptError {
        // The text is the user's code.
        let text = unharmed(|| failure.error().to_string());
        AttemptError {
            attempt,
            kind: failure.kind(),
            message: text.unwrap_or_else(|| "an error whose text panics".to_owned()),
            location: failure.location().map(str::to_owned),
            at: core.time.wall(),
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
    pub(crate) fn write<T>(
        &self,
        core: &Core<T, R>,
        claim: &Claim,
        write: impl FnOnce(&mut Dossier),
    ) {
        let id = core.id(claim);
        match core.slab.note(claim) {
            true => self.with_dossier(id, write),
            // With what was to be written.
            false => discard(write),
        }
    }

    pub(crate) fn write_log<T>(&self, core: &Core<T, R>, claim: &Claim, text: String) {
        let line = LogLine {
            attempt: claim.attempt(),
            at: core.time.wall(),
            text,
        };
        let most = core.options.log_lines;
        self.write(core, claim, |dossier| dossier.log(line, most));
    }

    pub(crate) fn write_progress<T>(
        &self,
        core: &Core<T, R>,
        claim: &Claim,
        value: Arc<dyn Any + Send + Sync>,
    ) {
        let mut before = None;
        self.write(core, claim, |dossier| before = dossier.show(value));
        discard(before);
    }
}
