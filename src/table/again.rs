//! Steps after which the job has another attempt: it waits or is delayed again.

use super::slab::Slab;
use super::tokens::{Claim, Entered, Spoils};
use super::word::{FREE, FULL, Flag, NOTED, Ticket, Trace, Word};
use crate::model::Verb;
use crate::sync::seeded;

impl<T, O> Slab<T, O> {
    /// `retry`, `snooze` or `requeue`: the job waits again, and its ticket must go into a lane, to `trace` if
    /// that is free. Only a retry has used its attempt.
    ///
    /// The spoils of a late attempt come back instead if somebody else decided the job.
    pub fn retry(&self, claim: Claim, verb: Verb, trace: Trace) -> Result<Entered, Spoils<T, O>> {
        // ORDERING: Release — this attempt's effects before the next attempt's beginning (public
        // contract); pairs with the Acquire in `activate`.
        let order = seeded!("slab_retry_relaxed", Relaxed => Release);
        let mut entered = trace;
        let waiting = |word: Word| {
            entered = word.way_in(trace);
            word.apply(verb)
                .with(entered.flag())
                .with(after(verb))
                .released()
        };
        match self.step(&claim, order, waiting) {
            Some((_, new)) => Ok(Entered {
                ticket: Ticket::new(claim.slot(), new),
                trace: entered,
            }),
            None => Err(self.release(claim.slot())),
        }
    }

    /// `retry` or `snooze` with a pause: the job is delayed until the instant that the caller has put into its record.
    pub fn put_off(&self, claim: Claim, verb: Verb) -> Result<(), Spoils<T, O>> {
        // ORDERING: Release — as in `retry`; pairs with the Acquire in `activate`, by way of `promote`.
        let order = seeded!("slab_put_off_relaxed", Relaxed => Release);
        let delayed = |word: Word| word.put_off(verb).with(after(verb)).released();
        match self.step(&claim, order, delayed) {
            Some(_) => Ok(()),
            None => Err(self.release(claim.slot())),
        }
    }

    /// `requeue` of an attempt that was given its payload by value and has not used it.
    pub fn requeue_with(
        &self,
        claim: Claim,
        payload: T,
        trace: Trace,
    ) -> Result<Entered, Spoils<T, O>> {
        // SAFETY: the activation cleared FULL for this claim, so nobody else touches the payload until it is set again.
        self.slot(claim.slot()).payload.with_mut(|cell| unsafe {
            (*cell).write(payload);
        });
        let mut entered = trace;
        let waiting = |word: Word| {
            entered = word.way_in(trace);
            let word = word.apply(Verb::Requeue).with(entered.flag());
            word.with(FREE).with(FULL).released()
        };
        // ORDERING: Release — the payload, as in `admit`; pairs with the Acquire in `activate`.
        match self.step(
            &claim,
            seeded!("slab_requeue_with_relaxed", Relaxed => Release),
            waiting,
        ) {
            Some((_, new)) => Ok(Entered {
                ticket: Ticket::new(claim.slot(), new),
                trace: entered,
            }),
            None => {
                let payload = Some(self.move_payload(claim.slot()));
                Err(Spoils {
                    payload,
                    ..self.release(claim.slot())
                })
            }
        }
    }
}

/// What a verb leaves for the next attempt to know.
fn after(verb: Verb) -> Flag {
    match verb {
        // Only a retry has used its attempt, and only a failed attempt is written down.
        Verb::Retry => NOTED,
        _ => FREE,
    }
}
