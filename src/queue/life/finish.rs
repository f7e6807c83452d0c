//! The way out: one end per job is decided, and published in one order.
//!
//! Whoever makes the step that ends a job has an [`Ended`], which owns all that is left of it. Publishing it counts
//! and tells the end, keeps the record, calls the hooks, gives the slot back, answers who waits for the job, and
//! drops the payload: each learns of the end only when what it may look for is there. A plain job's completion takes
//! the same way in one piece.

use crate::model::{DeadReason, Failure, JobError, JobId, JobState, Verb, discard, unharmed};
use crate::queue::base::books::Books;
use crate::queue::base::core::{Core, Outcome};
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::queue::record::dossier::Dossier;
use crate::queue::record::end::End;
use crate::queue::record::results::Shown;
use crate::queue::record::step::{Change, Note, Step};
use crate::sync::seeded;
use crate::table::{Claim, Owed, Pinned, Settled, Spoils, Trace};

/// A job that has ended, as far as only the thread that decided it knows.
#[must_use = "an end that is not published keeps the slot, and whoever waits for the job"]
pub(crate) struct Ended<T, R> {
    end: End,
    outcome: Outcome<R>,
    left: Left<T, R>,
    /// A former job's dossier, to be dropped at last: it may hold values of the user's.
    former: Option<Box<Dossier>>,
}

/// What is left of a job that has ended.
enum Left<T, R> {
    /// By its last attempt.
    Spoils(Spoils<T, Outcome<R>>),
    /// By whoever ended it from outside, and holds its slot.
    Pinned(Pinned<T, Outcome<R>>),
}

const _: () = {
    const fn sent<X: Send>() {}
    // Whoever decides an end need not publish it.
    sent::<Ended<Vec<u8>, String>>();
};

impl<T, R> Ended<T, R> {
    /// That of a job which was ended from outside.
    pub(crate) fn outside(
        core: &Core<T, R>,
        pinned: Pinned<T, Outcome<R>>,
        change: Change,
        outcome: Outcome<R>,
    ) -> Self {
        let step = Step {
            id: core.id_of(pinned.slot(), pinned.occupancy),
            epoch: pinned.epoch,
            attempt: pinned.attempts,
            change,
        };
        let end = End {
            step,
            noted: pinned.noted,
            at_end: pinned.at_end,
            running: pinned.held,
        };
        Ended {
            end,
            outcome,
            left: Left::Pinned(pinned),
            former: None,
        }
    }

    /// Drops a former job's dossier when all else is done.
    pub(crate) fn and_drop(self, former: Option<Box<Dossier>>) -> Self {
        Ended { former, ..self }
    }
}

impl<T: Send, R: Send> Shared<T, R> {
    /// Ends one attempt: `complete`, `bury`, or what the options say; with `last`, no other follows. False if somebody else
    /// had decided it.
    #[inline(always)]
    pub(crate) fn settle(
        &self,
        claim: Claim,
        result: Result<R, Failure>,
        last: bool,
        by: &impl Books,
    ) -> bool {
        match result {
            Ok(value) => self.complete(claim, value, by),
            Err(failure) => self.failed(claim, failure, last, by),
        }
    }

    #[inline(always)]
    fn complete(&self, claim: Claim, value: R, by: &impl Books) -> bool {
        let (past, occupancy) = (claim.past(), self.core.slab.occupancy(&claim));
        let at_end = self.core.at_end(claim.slot(), claim.marks());
        if self.records.results().is_some() {
            return self.complete_with_result(claim, value, by);
        }
        let whole = match self.core.slab.settle_whole(claim, Verb::Complete) {
            Ok(whole) => whole,
            Err(claim) => return self.complete_in_steps(claim, None, Ok(value), by),
        };
        let change = Change::Completed;
        let step = || Step {
            id: self.core.id_of(past.slot(), occupancy),
            epoch: past.next_epoch(),
            attempt: past.attempt(),
            change,
        };
        let now = self.records.record_lazily(&self.core, change, by, step);
        if now.any(Setting::FOLLOWED) || whole.noted || at_end != 0 {
            let end = End {
                step: step(),
                noted: whole.noted,
                at_end,
                running: false,
            };
            self.follow(&end, Ok(&value));
        }
        self.ready.vacate(&self.core, whole.vacant);
        match whole.waiter {
            Some(waiter) => discard(waiter.set(Ok(value))),
            None => discard(value),
        }
        discard(whole.payload);
        true
    }

    /// `complete`, where the result is kept.
    #[cold]
    fn complete_with_result(&self, claim: Claim, value: R, by: &impl Books) -> bool {
        let id = self.core.id(&claim);
        let valid = || !self.core.slab.is_revoked(&claim);
        let results = self.records.results();
        let shown = results.and_then(|results| results.show(id, &value, &valid));
        self.complete_in_steps(claim, shown, Ok(value), by)
    }

    /// `complete`, where somebody else holds the job, or has decided it, or its result is kept.
    #[cold]
    fn complete_in_steps(
        &self,
        claim: Claim,
        shown: Option<Shown>,
        outcome: Outcome<R>,
        by: &impl Books,
    ) -> bool {
        let end = self.end_of(&claim, Change::Completed);
        let settled = self.core.slab.settle_in_steps(claim, Verb::Complete);
        if let (Some(results), Some(shown)) = (self.records.results(), shown) {
            match settled.won {
                true => results.keep(end.step.id, shown),
                false => results.withdraw(end.step.id, shown),
            }
        }
        let ended = self.decide(end, settled, outcome, by);
        ended.map(|ended| self.publish(ended, by)).is_some()
    }

    /// `complete`, of a job whose result nobody waits for and that has none.
    pub(crate) fn complete_for_nobody(&self, claim: Claim) {
        let common = self.records.common();
        self.complete_in_steps(
            claim,
            None,
            Err(JobError::Cancelled { reason: None }),
            common,
        );
    }

    /// The attempt was the last.
    #[cold]
    pub(crate) fn bury(
        &self,
        claim: Claim,
        reason: DeadReason,
        failure: Failure,
        by: &impl Books,
    ) -> bool {
        let end = self.end_of(
            &claim,
            Change::Failed {
                failure: failure.kind(),
                reason,
            },
        );
        let kept = self.core.options.keeps_failed(end.at_end);
        let (id, attempts) = (end.step.id, end.step.attempt);
        let death = (&failure, reason);
        let settled = self
            .records
            .with_death(&self.core, id, attempts, kept, death, || {
                let settled = match self.core.options.sends_letters {
                    true => self.core.slab.bury_with_letter(claim),
                    false => self.core.slab.settle(claim, Verb::Bury),
                };
                match settled.won {
                    true => Ok(settled),
                    false => Err(settled),
                }
            });
        let (Ok(settled) | Err(settled)) = settled;
        let ended = self.decide(end, settled, Err(JobError::Failed(failure)), by);
        ended.map(|ended| self.publish(ended, by)).is_some()
    }

    /// The end to which the claimed attempt leads.
    fn end_of(&self, claim: &Claim, change: Change) -> End {
        let step = Step {
            id: self.core.id(claim),
            epoch: claim.past().next_epoch(),
            attempt: claim.attempt(),
            change,
        };
        End {
            step,
            noted: false,
            at_end: self.core.at_end(claim.slot(), claim.marks()),
            running: false,
        }
    }

    /// The first half of an end: what the attempt's step has come to. `None` if somebody else had decided the job.
    fn decide(
        &self,
        end: End,
        settled: Settled<T, Outcome<R>>,
        outcome: Outcome<R>,
        by: &impl Books,
    ) -> Option<Ended<T, R>> {
        if !settled.won {
            self.late(end.step.id, settled.spoils, by);
            discard(outcome);
            return None;
        }
        let end = End {
            noted: settled.noted,
            ..end
        };
        Some(Ended {
            end,
            outcome,
            left: Left::Spoils(settled.spoils),
            former: None,
        })
    }

    /// An attempt has returned whose job was decided by somebody else.
    #[cold]
    pub(crate) fn late(&self, id: JobId, spoils: Spoils<T, Outcome<R>>, by: &impl Books) {
        self.records.note(&self.core, Note::Late, by);
        if spoils.vacant.is_none() {
            self.ready.nudge(&self.core, id.slot);
        }
        self.share_looker(id, spoils);
    }

    /// The second half: everybody learns of an end, each when what belongs to it is there. It runs the user's code, so the caller searches
    /// for nothing, and has no ticket in hand.
    #[cold]
    pub(crate) fn publish(&self, ended: Ended<T, R>, by: &impl Books) {
        let Ended {
            end,
            outcome,
            left,
            former,
        } = ended;
        // Until its ticket is out of line an add may wait for the slot.
        if let Left::Pinned(pinned) = &left
            && let Some((ticket, Trace::Side)) = pinned.stale
        {
            self.ready.take_out(&self.core, ticket);
        }
        self.records.record(&self.core, end.step, by);
        let early = seeded!("conclude_lets_go_early");
        let spoils = match (early, left) {
            (false, left) => {
                self.follow(&end, outcome.as_ref());
                self.let_go(left)
            }
            (true, left) => {
                let spoils = self.let_go(left);
                self.follow(&end, outcome.as_ref());
                spoils
            }
        };
        // A handler that ran on and has returned meanwhile found the job held, and left this to us.
        let left = end.running && spoils.vacant.is_some();
        let dossiers = self.records.dossiers();
        let dossier = left.then(|| dossiers.take(end.step.id.slot, end.step.id.occupancy));
        // Before anything of the user's is dropped.
        let kept = spoils.vacant.is_none();
        let late = seeded!("settle_nudges_late");
        if kept && !late {
            self.ready.nudge(&self.core, end.step.id.slot);
        }
        self.share(spoils, outcome);
        if kept && late {
            self.ready.nudge(&self.core, end.step.id.slot);
        }
        // One by one: two destructors that panic at a time would end the process.
        discard(dossier);
        discard(former);
    }

    fn let_go(&self, left: Left<T, R>) -> Spoils<T, Outcome<R>> {
        match left {
            Left::Spoils(spoils) => spoils,
            Left::Pinned(pinned) => {
                let (slot, before) = (pinned.slot(), pinned.before);
                let spoils = self.core.slab.let_go(pinned);
                if before == JobState::Delayed {
                    self.review(slot);
                }
                spoils
            }
        }
    }

    /// What is to be done about an end before anybody who waits for the job learns of it: its record is kept, hooks are
    /// called.
    #[cold]
    fn follow(&self, end: &End, outcome: Result<&R, &JobError>) {
        self.records.keep_record(&self.core, end);
        let hooks = &self.hooks;
        match outcome {
            Ok(value) => {
                if let Some(hook) = &hooks.completed {
                    unharmed(|| hook(&end.brief(), value));
                }
            }
            Err(JobError::Failed(failure)) => {
                hooks.on_failed(&end.brief(), failure);
                let exhausted = end.step.change.reason() == Some(DeadReason::Exhausted);
                if let (true, Some(hook)) = (exhausted, &hooks.exhausted) {
                    unharmed(|| hook(&end.brief(), failure));
                }
            }
            Err(_) => {}
        }
    }

    /// Gives the slot back first, so that whoever learns of the end finds it free; then answers the
    /// waiter; and only then drops the payload, whose destructor may do anything.
    fn share(&self, spoils: Spoils<T, Outcome<R>>, outcome: Outcome<R>) {
        match spoils.vacant {
            Some(vacant) => self.ready.vacate(&self.core, vacant),
            // Whoever has got the slot owes nothing else.
            None => self.pay(spoils.owed),
        }
        match spoils.waiter {
            Some(waiter) => discard(waiter.set(outcome)),
            None => discard(outcome),
        }
        discard(spoils.payload);
    }

    #[cold]
    fn pay(&self, owed: Option<Owed>) {
        match owed {
            None => {}
            Some(Owed::Letter(slot)) => self.hand_over(slot),
            Some(Owed::Announcement(slot)) => self.resume_when_due(slot),
        }
    }

    /// The same of one who only looked at the job, or changed it: if the job ended meanwhile, its handler or whoever
    /// ended it found it held, and left its dossier.
    #[cold]
    pub(crate) fn share_looker(&self, id: JobId, spoils: Spoils<T, Outcome<R>>) {
        self.share_late(spoils);
        self.records.forget(&self.core, id);
    }

    /// What a hold left behind whose job was decided by somebody else: nobody waits for an answer from here.
    #[cold]
    pub(crate) fn share_late(&self, spoils: Spoils<T, Outcome<R>>) {
        self.share(spoils, Err(JobError::Cancelled { reason: None }));
    }
}
