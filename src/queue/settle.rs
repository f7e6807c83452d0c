//! The way out: one end per job is accepted, then its slot, its result and its payload go their ways.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::desk::Desk;
use super::dispatch::Timing;
use super::line::Spot;
use super::{Outcome, Shared};
use crate::model::{Backoff, Failure, JobError, Verb};
use crate::sync::atomic::Ordering::Relaxed;
use crate::table::{Claim, Spoils, Surfaced, Trace};

/// What follows an attempt that did not work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// The verb, after a pause.
    Again(Verb, Duration),
    Nothing,
}

impl<T, R> Shared<T, R> {
    /// Ends one attempt: `complete`, `bury`, or what `next` says. The running time, if it was taken.
    #[inline]
    pub(super) fn settle(
        &self,
        claim: Claim,
        result: Result<R, Failure>,
        next: impl FnOnce(&Claim, &Failure) -> Next,
        desk: &Desk,
        timing: Timing,
    ) -> Option<u64> {
        let ran = claim
            .marks()
            .sampled
            .then(|| self.record(desk, timing, claim.attempt()));
        let (verb, outcome) = match result {
            Ok(value) => (Verb::Complete, Ok(value)),
            Err(failure) => {
                if failure.is_panic() {
                    desk.panicked.bump();
                }
                if let Next::Again(verb, pause) = next(&claim, &failure) {
                    self.again(claim, verb, pause, desk);
                    discard(failure);
                    return ran;
                }
                (Verb::Bury, Err(JobError::Failed(failure)))
            }
        };
        let slot = claim.slot();
        let settled = self.slab.settle(claim, verb);
        let kept = settled.spoils.vacant.is_none();
        match (settled.won, verb) {
            (false, _) => desk.late.bump(),
            (true, Verb::Complete) => desk.completed.bump(),
            (true, _) => desk.failed.bump(),
        }
        self.share(settled.spoils, outcome);
        if kept {
            self.nudge(slot);
        }
        ran
    }

    /// What the options say about a failed attempt; `custom` is asked for the pause if the queue has a function of its own.
    #[cold]
    pub(super) fn next(
        &self,
        claim: &Claim,
        failure: &Failure,
        custom: impl FnOnce() -> Option<Option<Duration>>,
    ) -> Next {
        if let Some(pause) = failure.snoozed() {
            return Next::Again(Verb::Snooze, pause);
        }
        if failure.is_requeue() {
            return Next::Again(Verb::Requeue, Duration::ZERO);
        }
        if failure.is_discard() || claim.attempt() >= self.attempts_of(claim) {
            return Next::Nothing;
        }
        // A predicate that panics changes no outcome: as if there were none.
        if let Some(retry_if) = &self.hooks.retry_if
            && !catch_unwind(AssertUnwindSafe(|| retry_if(failure))).unwrap_or(true)
        {
            return Next::Nothing;
        }
        match custom() {
            Some(None) => Next::Nothing,
            Some(Some(pause)) => Next::Again(Verb::Retry, pause),
            None => Next::Again(Verb::Retry, self.pause(claim)),
        }
    }

    /// How many attempts the claimed job has in all.
    #[inline]
    pub(super) fn attempts_of(&self, claim: &Claim) -> u32 {
        if claim.marks().optioned {
            match self.slab.record(claim.slot()).attempts.load(Relaxed) {
                0 => {}
                own => return own,
            }
        }
        self.options.attempts
    }

    /// The pause after the claimed job's failed attempt, by its own backoff or the queue's.
    fn pause(&self, claim: &Claim) -> Duration {
        let record = self.slab.record(claim.slot());
        let own = claim.marks().optioned && record.attempts.load(Relaxed) != 0;
        let backoff = match own {
            true => {
                let [base, cap, shape] = &record.backoff;
                Backoff::from_bits([base, cap, shape].map(|cell| cell.load(Relaxed)))
            }
            false => self.options.backoff,
        };
        let name = self.slab.occupancy(claim) << 24 | u64::from(claim.slot());
        backoff.delay(
            claim.attempt(),
            scramble(name ^ u64::from(claim.attempt()) << 56),
        )
    }

    /// The job waits again, behind its peers or where it was, at once or after a pause.
    #[cold]
    fn again(&self, claim: Claim, verb: Verb, pause: Duration, desk: &Desk) {
        let counter = match verb {
            Verb::Snooze => &desk.snoozed,
            Verb::Requeue => &desk.requeued,
            _ => &desk.retried,
        };
        let (slot, id) = (
            claim.slot(),
            self.id_of(claim.slot(), self.slab.occupancy(&claim)),
        );
        let (spot, trace) = match verb {
            Verb::Requeue => {
                let (trace, place) = self.slab.place(&claim);
                (Spot::Back(trace, place), Trace::Side)
            }
            _ => (Spot::End, self.line.end()),
        };
        // Counted before anybody can learn of the attempt's end.
        let done = if pause.is_zero() {
            self.slab.retry(claim, verb, trace).map(|entered| {
                counter.bump();
                self.enqueue(id, entered, spot);
            })
        } else {
            let due = self.time.after(pause);
            self.put_off(claim, verb, due).map(|()| {
                counter.bump();
                self.delayed_until(id, due);
            })
        };
        match done {
            Ok(()) if self.mortal.load(Relaxed) => self.review(slot),
            Ok(()) => {}
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

    /// A stale ticket came up; with it, perhaps, its slot.
    #[cold]
    pub(super) fn surfaced(&self, stale: Surfaced, trace: Trace) -> Option<u64> {
        let vacant = match trace {
            Trace::Line => self.note(stale),
            Trace::Side => stale.vacant,
        };
        vacant.into_iter().for_each(|slot| self.vacate(slot));
        None
    }

    #[cold]
    fn record(&self, desk: &Desk, timing: Timing, attempt: u32) -> u64 {
        let now = self.time.now();
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

/// 64 bits that look random: jobs that failed together shall not come back together, and a test shall see the same
/// pauses every time. Source: the finalizer of Steele, Lea and Flood, *Fast Splittable Pseudorandom Number
/// Generators* (2014).
fn scramble(name: u64) -> u64 {
    let mut bits = name.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
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
