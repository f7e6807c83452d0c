//! What follows an attempt that did not work: another one, or the job's end.
//!
//! One decision, `next`, whoever asks: the worker whose handler has returned, or the clerk when the attempt's time is over.

use std::time::Duration;

use crate::model::{Backoff, DeadReason, Failure, FailureKind, JobBrief, Verb, discard, unharmed};
use crate::queue::base::books::Books;
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::queue::ready::line::Spot;
use crate::queue::record::step::{Change, Note, Step};
use crate::table::{Claim, Entered, Trace};

/// What follows an attempt that did not work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// The verb, after a pause.
    Again(Verb, Duration),
    /// The job's end.
    Nothing(DeadReason),
}

/// Where a job is that has another attempt.
enum Place {
    /// It waits, and its ticket goes to a spot in line.
    Waits(Entered, Spot),
    /// It is delayed until an instant.
    Delayed(u64),
}

impl<T: Send, R: Send> Shared<T, R> {
    #[cold]
    pub(crate) fn failed(
        &self,
        claim: Claim,
        failure: Failure,
        last: bool,
        by: &impl Books,
    ) -> bool {
        if failure.is_panic() {
            self.records.note(&self.core, Note::Panicked, by);
        }
        let next = match (last, failure.is_discard()) {
            (_, true) => Next::Nothing(DeadReason::Discarded),
            (true, _) => Next::Nothing(DeadReason::Exhausted),
            (false, _) => self.next(&claim, &failure),
        };
        match next {
            Next::Again(verb, pause) => self.again(claim, verb, pause, failure, by),
            Next::Nothing(reason) => self.bury(claim, reason, failure, by),
        }
    }

    /// What the options say about a failed attempt.
    #[cold]
    pub(crate) fn next(&self, claim: &Claim, failure: &Failure) -> Next {
        if let Some(pause) = failure.snoozed() {
            return Next::Again(Verb::Snooze, pause);
        }
        if matches!(
            failure.kind(),
            FailureKind::Requeue | FailureKind::RateLimited
        ) {
            return Next::Again(Verb::Requeue, Duration::ZERO);
        }
        if claim.attempt() >= self.core.attempts_of(claim) {
            return Next::Nothing(DeadReason::Exhausted);
        }
        // A predicate that panics changes no outcome: as if there were none.
        if let Some(retry_if) = &self.hooks.retry_if
            && !unharmed(|| retry_if(failure)).unwrap_or(true)
        {
            return Next::Nothing(DeadReason::NotRetried);
        }
        if let Some(pause) = failure.retry_after() {
            return Next::Again(Verb::Retry, pause);
        }
        // The same goes for a backoff of one's own.
        let custom = self.hooks.backoff.as_ref();
        match custom.and_then(|custom| unharmed(|| custom(&self.core, self, claim, failure))) {
            Some(None) => Next::Nothing(DeadReason::NotRetried),
            Some(Some(pause)) => Next::Again(Verb::Retry, pause),
            None => Next::Again(Verb::Retry, self.pause(claim)),
        }
    }

    /// The pause after the claimed job's failed attempt, by its own backoff or the queue's.
    fn pause(&self, claim: &Claim) -> Duration {
        let record = self.core.slab.record(claim.slot());
        let own = match claim.marks().optioned {
            true => record.backoff(),
            false => None,
        };
        let backoff = own.map_or(self.core.options.backoff, Backoff::from_bits);
        let name = self.core.slab.occupancy(claim) << 24 | u64::from(claim.slot());
        backoff.delay(
            claim.attempt(),
            scramble(name ^ u64::from(claim.attempt()) << 56),
        )
    }

    /// The job waits again, behind its peers or where it was, at once or after a pause.
    #[cold]
    pub(crate) fn again(
        &self,
        claim: Claim,
        verb: Verb,
        pause: Duration,
        failure: Failure,
        by: &impl Books,
    ) -> bool {
        let due = (!pause.is_zero()).then(|| self.core.time.after(pause));
        let step = self.step_of(&claim, verb, due, &failure);
        let id = step.id;
        let (spot, trace) = match verb {
            Verb::Requeue => (Spot::Back(self.core.slab.position(&claim)), Trace::Side),
            _ => (Spot::End, self.ready.end()),
        };
        let leave = || match due {
            None => {
                let entered = self.core.slab.retry(claim, verb, trace)?;
                Ok(Place::Waits(entered, spot))
            }
            Some(due) => self.put_off(claim, verb, due).map(|()| Place::Delayed(due)),
        };
        let (done, former) = match verb {
            Verb::Retry => self
                .records
                .with_error(&self.core, id, step.attempt, &failure, leave),
            // As there: a time-out decides under this lock, and both write the job's instant before their step.
            Verb::Snooze => (self.records.dossiers().locked(id.slot, leave), None),
            _ => (leave(), None),
        };
        let done = match done {
            Ok(place) => {
                self.goes_on(step, place, &failure, by);
                true
            }
            Err(spoils) => {
                self.late(id, spoils, by);
                false
            }
        };
        // One by one: two destructors that panic at a time would end the process.
        discard(failure);
        discard(former);
        done
    }

    /// `retry` of an attempt that goes on running, unless it was decided meanwhile.
    pub(crate) fn retry_running(&self, claim: &Claim, failure: &Failure, pause: Duration) {
        let due = self.core.time.after(pause);
        let overlap = match self.core.options.overlap_after {
            0 => 0,
            grace => self.core.time.after(Duration::from_nanos(grace)),
        };
        let step = self.step_of(claim, Verb::Retry, Some(due), failure);
        let (id, common) = (step.id, self.records.common());
        let (retried, former) =
            self.records
                .with_error(&self.core, id, step.attempt, failure, || {
                    let ticket = claim.ticket();
                    self.core.slab.revoke_for_retry(ticket, due, overlap)
                });
        match retried {
            Ok(epoch) => {
                self.records.note(&self.core, Note::TimedOut, common);
                let step = Step { epoch, ..step };
                self.goes_on(step, Place::Delayed(due), failure, common);
            }
            Err(spoils) => spoils
                .into_iter()
                .for_each(|spoils| self.share_looker(id, spoils)),
        }
        discard(former);
    }

    /// The step after which the claimed job has another attempt.
    fn step_of(&self, claim: &Claim, verb: Verb, due: Option<u64>, failure: &Failure) -> Step {
        let failure = failure.kind();
        Step {
            id: self.core.id(claim),
            epoch: claim.ticket().next_epoch(),
            attempt: claim.attempt(),
            change: match verb {
                Verb::Snooze => Change::Snoozed { failure, due },
                Verb::Requeue => Change::Requeued { failure },
                _ => Change::Retried { failure, due },
            },
        }
    }

    /// A job has another attempt: counted and told before anybody can begin it, put where it waits, and then said to the
    /// user.
    fn goes_on(&self, step: Step, place: Place, failure: &Failure, by: &impl Books) {
        self.records.record(&self.core, step, by);
        if let Some(pause) = failure.limited() {
            self.ready.hold_for(&self.core, pause);
        }
        match place {
            Place::Waits(entered, spot) => self.enqueue(step.id, entered, spot),
            Place::Delayed(due) => self.delayed_until(step.id, due),
        }
        if self.core.switches.now().any(Setting::MORTAL) {
            self.review(step.id.slot);
        }
        // The user's code only now: until its ticket lay in line nobody could find a job that was
        // cancelled, though its slot is needed.
        if let Change::Retried { .. } = step.change {
            let brief = JobBrief {
                id: step.id,
                attempt: step.attempt,
                ended: false,
            };
            self.hooks.on_failed(&brief, failure);
        }
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
