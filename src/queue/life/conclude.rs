//! A job has ended: whoever decided it tells listeners, keeps its record and result, and calls hooks, before anybody
//! who waits for it learns.
//!
//! Cold for most queues: a plain job's completion comes here only if somebody wants to know.

use crate::model::{
    DeadReason, EventKind, Failure, JobBrief, JobError, JobId, JobState, discard, unharmed,
};
use crate::queue::Shared;
use crate::queue::base::core::Outcome;
use crate::queue::record::archive::Finished;
use crate::queue::record::dossier::Dossier;
use crate::queue::record::notes::keep;
use crate::table::{Ended, Ticket, Trace};

/// One job's end.
pub(crate) struct End {
    pub(crate) id: JobId,
    /// That of its last step.
    pub(crate) epoch: u64,
    pub(crate) state: JobState,
    pub(crate) reason: Option<DeadReason>,
    /// How many attempts had begun.
    pub(crate) attempts: u32,
    /// Whether something is written down about it.
    pub(crate) noted: bool,
    /// What it said itself about its record.
    pub(crate) wishes: u32,
    /// Whether its handler may run on.
    pub(crate) running: bool,
}

/// What came of it.
pub(crate) enum Ending<'a, R> {
    Value(&'a R),
    Failure(&'a Failure),
    Neither,
}

impl End {
    fn brief(&self) -> JobBrief {
        JobBrief {
            id: self.id,
            attempt: self.attempts,
            ended: true,
        }
    }
}

impl<T, R> Shared<T, R> {
    /// What is to be done about an end, by whoever decided it.
    #[cold]
    pub(crate) fn conclude(&self, end: &End, ending: Ending<'_, R>) {
        let (kind, failure) = match (end.state, &ending) {
            (JobState::Completed, _) => (EventKind::Completed, None),
            (JobState::Dead, Ending::Failure(failure)) => (EventKind::Failed, Some(failure.kind())),
            (JobState::Dead, _) => (EventKind::Expired, None),
            (JobState::Cancelled, _) => (EventKind::Cancelled, None),
            (JobState::Interrupted, _) => (EventKind::Interrupted, None),
            _ => (EventKind::Returned, None),
        };
        self.tell(kind, end.id, end.epoch, end.attempts, failure);
        self.keep_record(end);
        match ending {
            Ending::Value(value) => {
                if let Some(hook) = &self.hooks.completed {
                    unharmed(|| hook(&end.brief(), value));
                }
            }
            Ending::Failure(failure) => {
                self.on_failed(&end.brief(), failure);
                if let (Some(DeadReason::Exhausted), Some(hook)) =
                    (end.reason, &self.hooks.exhausted)
                {
                    unharmed(|| hook(&end.brief(), failure));
                }
            }
            Ending::Neither => {}
        }
    }

    pub(crate) fn on_failed(&self, brief: &JobBrief, failure: &Failure) {
        if let Some(hook) = &self.hooks.failed {
            unharmed(|| hook(brief, failure));
        }
    }

    /// Whether the record of a job that does not complete is kept.
    pub(crate) fn keeps_failed(&self, wishes: u32) -> bool {
        wishes & keep::FAILED != 0
            || wishes & keep::NOT_FAILED == 0 && self.core.options.keeps_failed
    }

    fn keep_record(&self, end: &End) {
        let (kept, anyway) = match end.state {
            JobState::Completed => (
                self.core.options.keeps_completed && end.wishes & keep::NOT_COMPLETED == 0,
                end.wishes & keep::COMPLETED != 0,
            ),
            // It is given back: `take_returned` has it.
            JobState::Returned => (false, false),
            _ => (
                self.keeps_failed(end.wishes),
                end.wishes & keep::FAILED != 0,
            ),
        };
        let (slot, occupancy) = (end.id.slot, end.id.occupancy);
        let dead = end.state == JobState::Dead;
        // A reason may have been noted in the step that ended it.
        let noted = dead || end.noted || end.state == JobState::Cancelled;
        if kept || anyway {
            self.store_record(end, noted, anyway);
        }
        // Not before the record is there: who looks the job up finds the one or the other. A letter is written from it too, and
        // a handler that runs on may ask why it was cancelled: it is forgotten when that returns.
        discard(match dead {
            true if self.dead.is_some() => self.dossiers.done_with(slot, occupancy),
            false if !noted || end.running => None,
            _ => self.dossiers.take(slot, occupancy),
        });
    }

    fn store_record(&self, end: &End, noted: bool, anyway: bool) {
        let (slot, occupancy) = (end.id.slot, end.id.occupancy);
        let copy = |dossier: &Dossier| Box::new(dossier.clone());
        let dossier = match noted {
            true => self.dossiers.peek(slot, occupancy, copy),
            false => None,
        };
        let finished = Finished {
            id: end.id,
            state: end.state,
            reason: end.reason,
            attempts: end.attempts,
            finished: self.core.time.now().to_nanos(),
            at: self.core.time.wall(),
            dossier,
        };
        let until = self.archive.until(&finished);
        self.archive.store(finished, anyway).discard();
        if let Some(until) = until {
            self.core.alarm.bring_forward(until);
        }
    }

    /// Ends a job from outside by `end`: a ticket of it that becomes stale counts as a stray.
    pub(crate) fn ending(
        &self,
        end: impl FnOnce() -> Option<Ended<T, Outcome<R>>>,
    ) -> Option<Ended<T, Outcome<R>>> {
        self.ready.making_stray(&self.core, end, |ended| {
            ended.as_ref().is_some_and(|ended| ended.stale.is_some())
        })
    }

    /// The same by whoever has the job's `ticket` in hand, from where `trace` says: it is dropped at once.
    pub(crate) fn ending_in_hand(
        &self,
        (ticket, trace): (Ticket, Trace),
        end: impl FnOnce() -> Option<Ended<T, Outcome<R>>>,
    ) -> Option<Ended<T, Outcome<R>>> {
        let mut ended = self.ending(end)?;
        // It may be a former one of the job's, stale before.
        self.ready.drop_stale(&self.core, ticket, trace);
        ended.stale.take_if(|(stale, _)| *stale == ticket);
        Some(ended)
    }

    /// A job was ended from outside: takes its ticket out of where it lies, tells, and shares the spoils.
    /// It may run the user's code, and does so only when nobody can wait for the ticket.
    pub(crate) fn ended(
        &self,
        slot: u32,
        ended: Ended<T, Outcome<R>>,
        reason: Option<DeadReason>,
        outcome: Outcome<R>,
    ) {
        let end = End {
            id: self.core.id_of(slot, ended.occupancy),
            epoch: ended.epoch,
            state: ended.state,
            reason,
            attempts: ended.attempts,
            noted: ended.noted,
            wishes: ended.wishes,
            running: ended.held,
        };
        let ending = match &outcome {
            Err(JobError::Failed(failure)) => Ending::Failure(failure),
            _ => Ending::Neither,
        };
        if let Some((ticket, Trace::Side)) = ended.stale {
            self.ready.take_out(&self.core, ticket);
        }
        let before = ended.before;
        let spoils = match cfg!(guichet_bug = "conclude_lets_go_early") {
            false => {
                self.conclude(&end, ending);
                self.core.slab.let_go(ended)
            }
            true => {
                let spoils = self.core.slab.let_go(ended);
                self.conclude(&end, ending);
                spoils
            }
        };
        if before == JobState::Delayed {
            self.review(slot);
        }
        // A handler that ran on and has returned meanwhile found the job held, and left this to us.
        let left = end.running && spoils.vacant.is_some();
        let dossier = left.then(|| self.dossiers.take(slot, end.id.occupancy));
        if spoils.vacant.is_none() {
            self.ready.nudge(&self.core, slot);
        }
        self.share(spoils, outcome);
        discard(dossier);
    }
}
