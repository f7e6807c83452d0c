//! The way out: one end per job is accepted, then its slot, its result and its payload go their ways.

use std::time::Duration;

use crate::model::{
    Backoff, DeadReason, EventKind, Failure, FailureKind, JobBrief, JobError, JobId, JobState,
    Verb, discard, unharmed,
};
use crate::queue::Shared;
use crate::queue::base::books::{Books, Item};
use crate::queue::base::core::Outcome;
use crate::queue::base::switches::Setting;
use crate::queue::life::conclude::{End, Ending};
use crate::queue::ready::line::Spot;
use crate::queue::record::results::Shown;
use crate::sync::atomic::Ordering::Relaxed;
use crate::table::{Claim, Entered, Owed, Past, Spoils, Trace};

/// What follows an attempt that did not work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// The verb, after a pause.
    Again(Verb, Duration),
    /// The job's end.
    Nothing(DeadReason),
}

impl<T, R> Shared<T, R> {
    /// Ends one attempt: `complete`, `bury`, or what the options say; with `last`, no other follows. False if somebody else
    /// had decided it.
    #[inline(always)]
    pub(crate) fn settle(
        &self,
        claim: Claim,
        result: Result<R, Failure>,
        last: bool,
        books: &impl Books,
    ) -> bool {
        match result {
            Ok(value) => self.complete(claim, value, books),
            Err(failure) => self.failed(claim, failure, last, books),
        }
    }

    #[inline(always)]
    fn complete(&self, claim: Claim, value: R, books: &impl Books) -> bool {
        let (past, occupancy) = (claim.past(), self.core.slab.occupancy(&claim));
        let wishes = self.wishes(claim.slot(), claim.marks());
        if self.results.is_some() {
            return self.complete_with_result(claim, value, books);
        }
        let whole = match self.core.slab.settle_whole(claim, Verb::Complete) {
            Ok(whole) => whole,
            Err(claim) => return self.complete_in_steps(claim, None, value, books),
        };
        books.enter(Item::Completed);
        let asked = self.core.switches.after_step().any(Setting::AT_END);
        if asked || whole.noted || wishes != 0 {
            self.completed(
                past,
                occupancy,
                (whole.noted, wishes),
                Ending::Value(&value),
            );
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
    fn complete_with_result(&self, claim: Claim, value: R, books: &impl Books) -> bool {
        let id = self.core.id(&claim);
        let valid = || !self.core.slab.is_revoked(&claim);
        let results = self.results.as_ref();
        let shown = results.and_then(|results| results.show(id, &value, &valid));
        self.complete_in_steps(claim, shown, value, books)
    }

    /// `complete`, where somebody else holds the job, or has decided it, or its result is kept.
    #[cold]
    fn complete_in_steps(
        &self,
        claim: Claim,
        shown: Option<Shown>,
        value: R,
        books: &impl Books,
    ) -> bool {
        let (past, occupancy) = (claim.past(), self.core.slab.occupancy(&claim));
        let wishes = self.wishes(claim.slot(), claim.marks());
        let settled = self.core.slab.settle_in_steps(claim, Verb::Complete);
        books.enter(if settled.won {
            Item::Completed
        } else {
            Item::Late
        });
        if let (Some(results), Some(shown)) = (&self.results, shown) {
            let id = self.core.id_of(past.slot(), occupancy);
            match settled.won {
                true => results.keep(id, shown),
                false => results.withdraw(id, shown),
            }
        }
        if settled.won {
            let known = (settled.noted, wishes);
            self.completed(past, occupancy, known, Ending::Value(&value));
        }
        // Before anything of the user's is dropped.
        let kept = settled.spoils.vacant.is_none();
        let late = cfg!(guichet_bug = "settle_nudges_late");
        if kept && !late {
            self.ready.nudge(&self.core, past.slot());
        }
        self.share(settled.spoils, Ok(value));
        if kept && late {
            self.ready.nudge(&self.core, past.slot());
        }
        if !settled.won {
            self.forget(self.core.id_of(past.slot(), occupancy));
        }
        settled.won
    }

    #[cold]
    fn completed(
        &self,
        past: Past,
        occupancy: u64,
        (noted, wishes): (bool, u32),
        ending: Ending<'_, R>,
    ) {
        let end = End {
            id: self.core.id_of(past.slot(), occupancy),
            epoch: past.next_epoch(),
            state: JobState::Completed,
            reason: None,
            attempts: past.attempt(),
            noted,
            wishes,
            running: false,
        };
        self.conclude(&end, ending);
    }

    /// `complete`, of a job whose result nobody waits for and that has none.
    pub(crate) fn complete_for_nobody(&self, claim: Claim) {
        let (past, occupancy) = (claim.past(), self.core.slab.occupancy(&claim));
        let wishes = self.wishes(claim.slot(), claim.marks());
        let settled = self.core.slab.settle(claim, Verb::Complete);
        match settled.won {
            true => {
                self.common.enter(Item::Completed);
                let known = (settled.noted, wishes);
                self.completed(past, occupancy, known, Ending::Neither);
            }
            false => self.common.enter(Item::Late),
        }
        self.share_late(settled.spoils);
    }

    #[cold]
    pub(crate) fn failed(
        &self,
        claim: Claim,
        failure: Failure,
        last: bool,
        books: &impl Books,
    ) -> bool {
        if failure.is_panic() {
            books.enter(Item::Panicked);
        }
        let next = match (last, failure.is_discard()) {
            (_, true) => Next::Nothing(DeadReason::Discarded),
            (true, _) => Next::Nothing(DeadReason::Exhausted),
            (false, _) => self.next(&claim, &failure),
        };
        match next {
            Next::Again(verb, pause) => self.again(claim, verb, pause, failure, books),
            Next::Nothing(reason) => self.bury(claim, reason, failure, books),
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
        if claim.attempt() >= self.attempts_of(claim) {
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
        match custom.and_then(|custom| unharmed(|| custom(self, claim, failure))) {
            Some(None) => Next::Nothing(DeadReason::NotRetried),
            Some(Some(pause)) => Next::Again(Verb::Retry, pause),
            None => Next::Again(Verb::Retry, self.pause(claim)),
        }
    }

    /// How many attempts the claimed job has in all.
    #[inline]
    pub(crate) fn attempts_of(&self, claim: &Claim) -> u32 {
        if claim.marks().optioned {
            match self.core.slab.record(claim.slot()).attempts.load(Relaxed) {
                0 => {}
                own => return own,
            }
        }
        self.core.options.attempts
    }

    /// The pause after the claimed job's failed attempt, by its own backoff or the queue's.
    fn pause(&self, claim: &Claim) -> Duration {
        let record = self.core.slab.record(claim.slot());
        let own = claim.marks().optioned && record.attempts.load(Relaxed) != 0;
        let backoff = match own {
            true => {
                let [base, cap, shape] = &record.backoff;
                Backoff::from_bits([base, cap, shape].map(|cell| cell.load(Relaxed)))
            }
            false => self.core.options.backoff,
        };
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
        books: &impl Books,
    ) -> bool {
        let (item, kind) = match verb {
            Verb::Snooze => (Item::Snoozed, EventKind::Snoozed),
            Verb::Requeue => (Item::Requeued, EventKind::Requeued),
            _ => (Item::Retried, EventKind::Retried),
        };
        let (slot, attempt) = (claim.slot(), claim.attempt());
        let id = self.core.id_of(slot, self.core.slab.occupancy(&claim));
        let epoch = claim.ticket().next_epoch();
        let (spot, trace) = match verb {
            Verb::Requeue => (Spot::Back(self.core.slab.position(&claim)), Trace::Side),
            _ => (Spot::End, self.ready.end()),
        };
        let due = self.core.time.after(pause);
        let step = || match pause.is_zero() {
            true => self.core.slab.retry(claim, verb, trace).map(Some),
            false => self.put_off(claim, verb, due).map(|()| None),
        };
        let (done, former): (Result<Option<Entered>, _>, _) = match verb {
            Verb::Retry => self.with_error(id, attempt, &failure, step),
            // As there: a time-out decides under this lock, and both write the job's instant before their step.
            Verb::Snooze => (self.dossiers.locked(slot, step), None),
            _ => (step(), None),
        };
        let Ok(entered) = done.map_err(|spoils| {
            books.enter(Item::Late);
            self.share_late(spoils);
            self.forget(id);
        }) else {
            discard((failure, former));
            return false;
        };
        // Counted and told before anybody can begin the next attempt.
        books.enter(item);
        self.tell(kind, id, epoch, attempt, Some(failure.kind()));
        if let Some(pause) = failure.limited() {
            self.ready.hold_for(&self.core, pause);
        }
        match entered {
            Some(entered) => self.enqueue(id, entered, spot),
            None => self.delayed_until(id, due),
        }
        if self.core.switches.now().any(Setting::MORTAL) {
            self.review(slot);
        }
        // The user's code only now: until its ticket lay in line nobody could find a job that was
        // cancelled, though its slot is needed.
        if verb == Verb::Retry {
            let brief = JobBrief {
                id,
                attempt,
                ended: false,
            };
            self.on_failed(&brief, &failure);
        }
        discard((failure, former));
        true
    }

    /// The attempt was the last.
    #[cold]
    pub(crate) fn bury(
        &self,
        claim: Claim,
        reason: DeadReason,
        failure: Failure,
        books: &impl Books,
    ) -> bool {
        let (slot, attempts) = (claim.slot(), claim.attempt());
        let wishes = self.wishes(slot, claim.marks());
        let id = self.core.id_of(slot, self.core.slab.occupancy(&claim));
        let epoch = claim.ticket().next_epoch();
        let kept = self.keeps_failed(wishes);
        let settled = self.with_death(id, attempts, kept, (&failure, reason), || {
            let settled = match self.dead.is_some() {
                true => self.core.slab.bury_with_letter(claim),
                false => self.core.slab.settle(claim, Verb::Bury),
            };
            match settled.won {
                true => Ok(settled),
                false => Err(settled),
            }
        });
        let won = settled.is_ok();
        books.enter(if won { Item::Failed } else { Item::Late });
        let (Ok(settled) | Err(settled)) = settled;
        let kept = settled.spoils.vacant.is_none();
        if won {
            let end = End {
                id,
                epoch,
                state: JobState::Dead,
                reason: Some(reason),
                attempts,
                noted: settled.noted,
                wishes,
                running: false,
            };
            self.conclude(&end, Ending::Failure(&failure));
        }
        if kept {
            self.ready.nudge(&self.core, slot);
        }
        self.share(settled.spoils, Err(JobError::Failed(failure)));
        if !won {
            self.forget(id);
        }
        won
    }

    /// Gives the slot back first, so that whoever learns of the end finds it free; then answers the
    /// waiter; and only then drops the payload, whose destructor may do anything.
    pub(crate) fn share(&self, spoils: Spoils<T, Outcome<R>>, outcome: Outcome<R>) {
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
        self.forget(id);
    }

    /// What a hold left behind whose job was decided by somebody else: nobody waits for an answer from here.
    #[cold]
    pub(crate) fn share_late(&self, spoils: Spoils<T, Outcome<R>>) {
        self.share(spoils, Err(JobError::Cancelled { reason: None }));
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
