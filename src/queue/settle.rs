//! The way out: one end per job is accepted, then its slot, its result and its payload go their ways.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::desk::Desk;
use super::dispatch::Timing;
use super::{Outcome, Shared};
use crate::model::{Failure, JobError, Verb};
use crate::table::{Claim, Spoils, Vacant};

impl<T, R> Shared<T, R> {
    /// Ends one attempt: `complete`, `retry` or `bury`. The running time, if it was taken.
    #[inline]
    pub(super) fn settle(
        &self,
        claim: Claim,
        result: Result<R, Failure>,
        desk: &Desk,
        timing: Timing,
    ) -> Option<u64> {
        let ran = (timing.admitted != 0).then(|| self.record(desk, timing, claim.attempt()));
        let (verb, outcome) = match result {
            Ok(value) => (Verb::Complete, Ok(value)),
            Err(failure) => {
                if failure.is_panic() {
                    desk.panicked.bump();
                }
                if claim.attempt() < self.options.attempts && !failure.is_discard() {
                    self.retry(claim, desk);
                    discard(failure);
                    return ran;
                }
                (Verb::Bury, Err(JobError::Failed(failure)))
            }
        };
        let settled = self.slab.settle(claim, verb);
        match (settled.won, verb) {
            (false, _) => desk.late.bump(),
            (true, Verb::Complete) => desk.completed.bump(),
            (true, _) => desk.failed.bump(),
        }
        self.share(settled.spoils, outcome);
        ran
    }

    /// The job waits again, behind its peers.
    #[cold]
    fn retry(&self, claim: Claim, desk: &Desk) {
        let id = self.id_of(claim.slot(), self.slab.occupancy(&claim));
        match self.slab.retry(claim) {
            Ok(ticket) => {
                desk.retried.bump();
                self.enqueue(id, ticket);
            }
            Err(spoils) => {
                desk.late.bump();
                self.share(spoils, Err(JobError::Cancelled));
            }
        }
    }

    /// Gives the slot back first, so that whoever learns of the end finds it free; then answers the
    /// waiter; and only then drops the payload, whose destructor may do anything.
    #[inline]
    pub(super) fn share(&self, spoils: Spoils<T, Outcome<R>>, outcome: Outcome<R>) {
        if let Some(vacant) = spoils.vacant {
            self.vacate(vacant);
        }
        match spoils.waiter {
            Some(waiter) => discard(waiter.set(outcome)),
            None => discard(outcome),
        }
        discard(spoils.payload);
    }

    /// A stale ticket came out of the lane; with it, perhaps, its slot.
    #[cold]
    pub(super) fn surfaced(&self, vacant: Option<Vacant>) -> Option<u64> {
        if let Some(vacant) = vacant {
            self.vacate(vacant);
        }
        None
    }

    #[inline]
    fn vacate(&self, vacant: Vacant) {
        self.pool.give_back(vacant);
        self.blocked.notify_one_after_rmw();
    }

    #[cold]
    fn record(&self, desk: &Desk, timing: Timing, attempt: u32) -> u64 {
        let now = self.clock.now();
        let ran = now.since(timing.started);
        if attempt == 1 {
            desk.waits
                .record(timing.started.saturating_sub(timing.admitted));
        }
        desk.runs.record(ran);
        desk.totals.record(now.since(timing.admitted));
        ran
    }
}

/// Drops what belongs to the user; a destructor that panics must not end a worker.
#[inline]
fn discard<V>(value: V) {
    if mem::needs_drop::<V>()
        && let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value)))
    {
        // Its own destructor may panic in turn.
        mem::forget(panic);
    }
}
