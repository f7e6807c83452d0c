//! Steps: the one place in which what happens to jobs is counted and told.
//!
//! Whoever has made a verb's step on a job's word records it here, before anybody can make the next one. The
//! event's number is the epoch that the step led to, so the events of a job have a total order whatever thread tells
//! them. While nobody listens, a job costs a load and a test.

use super::Records;
use super::events::{Hub, Packed};
use crate::model::{DeadReason, Event, EventKind, FailureKind, JobId, JobState};
use crate::queue::base::books::{Books, Item};
use crate::queue::base::core::Core;
use crate::queue::base::switches::Setting;
use crate::sync::{Arc, MODEL, trace};

/// One step of one job's life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) id: JobId,
    /// That of the job's word since the step.
    pub(crate) epoch: u64,
    /// In, or after, which attempt; 0 where there is none.
    pub(crate) attempt: u32,
    pub(crate) change: Change,
}

/// What a step changed: each verb, and what it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    dead_code,
    reason = "instants and priorities are read by the trace of a model"
)]
pub(crate) enum Change {
    Admitted,
    Deferred {
        due: u64,
    },
    Started,
    Promoted,
    Reprioritized {
        priority: u32,
    },
    Rescheduled {
        due: u64,
    },
    Completed,
    /// `due` is `None` if it waits at once.
    Retried {
        failure: FailureKind,
        due: Option<u64>,
    },
    Snoozed {
        failure: FailureKind,
        due: Option<u64>,
    },
    Requeued {
        failure: FailureKind,
    },
    /// Requeued before its handler was called: that counts as nothing.
    PutBack,
    /// The attempt waits until who still reads the payload has left.
    Awaited {
        due: u64,
    },
    Failed {
        failure: FailureKind,
        reason: DeadReason,
    },
    Expired,
    Cancelled,
    Interrupted,
    Returned,
}

/// What is no step of a job's life, and is counted or told all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Note {
    /// An attempt returned whose job had been decided.
    Late,
    /// An attempt panicked.
    Panicked,
    /// An attempt's time was over.
    TimedOut,
    /// A lease was dropped, and its job handed out again.
    Redelivered,
    /// The job's handler runs on long after its time.
    Stuck { id: JobId, epoch: u64 },
    /// The job's dead letter found no room.
    LetterKept { id: JobId, epoch: u64 },
}

impl Change {
    /// What tells it.
    fn kind(self) -> EventKind {
        match self {
            Change::Admitted => EventKind::Added,
            Change::Deferred { .. } => EventKind::Deferred,
            Change::Started => EventKind::Started,
            Change::Promoted => EventKind::Promoted,
            Change::Reprioritized { .. } => EventKind::Reprioritized,
            Change::Rescheduled { .. } => EventKind::Rescheduled,
            Change::Completed => EventKind::Completed,
            Change::Retried { .. } => EventKind::Retried,
            Change::Snoozed { .. } | Change::Awaited { .. } => EventKind::Snoozed,
            Change::Requeued { .. } | Change::PutBack => EventKind::Requeued,
            Change::Failed { .. } => EventKind::Failed,
            Change::Expired => EventKind::Expired,
            Change::Cancelled => EventKind::Cancelled,
            Change::Interrupted => EventKind::Interrupted,
            Change::Returned => EventKind::Returned,
        }
    }

    /// What counts it, if anything does: beginnings are counted slot by slot.
    #[inline(always)]
    fn item(self) -> Option<Item> {
        match self {
            Change::Completed => Some(Item::Completed),
            Change::Retried { .. } => Some(Item::Retried),
            Change::Snoozed { .. } | Change::Awaited { .. } => Some(Item::Snoozed),
            Change::Requeued { .. } => Some(Item::Requeued),
            Change::Failed { .. } => Some(Item::Failed),
            Change::Expired => Some(Item::Expired),
            Change::Cancelled => Some(Item::Cancelled),
            Change::Interrupted => Some(Item::Interrupted),
            Change::Returned => Some(Item::Returned),
            Change::Admitted
            | Change::Deferred { .. }
            | Change::Started
            | Change::Promoted
            | Change::Reprioritized { .. }
            | Change::Rescheduled { .. }
            | Change::PutBack => None,
        }
    }

    /// How the attempt failed, if it did.
    fn failure(self) -> Option<FailureKind> {
        match self {
            Change::Retried { failure, .. }
            | Change::Snoozed { failure, .. }
            | Change::Requeued { failure }
            | Change::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// Where a job is that has ended with it.
    pub(super) fn end(self) -> JobState {
        match self {
            Change::Completed => JobState::Completed,
            Change::Failed { .. } | Change::Expired => JobState::Dead,
            Change::Cancelled => JobState::Cancelled,
            Change::Interrupted => JobState::Interrupted,
            Change::Returned => JobState::Returned,
            _ => unreachable!("{self:?} ends no job"),
        }
    }

    /// Why it ended dead, if it did.
    pub(crate) fn reason(self) -> Option<DeadReason> {
        match self {
            Change::Failed { reason, .. } => Some(reason),
            Change::Expired => Some(DeadReason::Expired),
            _ => None,
        }
    }
}

impl<R> Records<R> {
    /// Counts a step in the books `by` whoever made it, and tells it, if anybody listens; with it, the switches as they
    /// are after the step.
    #[inline(always)]
    pub(crate) fn record<T>(&self, core: &Core<T, R>, step: Step, by: &impl Books) -> Setting {
        self.record_lazily(core, step.change, by, || step)
    }

    /// The same where the step is put together only if somebody listens.
    #[inline(always)]
    pub(crate) fn record_lazily<T>(
        &self,
        core: &Core<T, R>,
        change: Change,
        by: &impl Books,
        step: impl FnOnce() -> Step,
    ) -> Setting {
        if let Some(item) = change.item() {
            by.enter(item);
        }
        let now = match change {
            // Without a fence: who does not see a listener had begun to add before it listened.
            Change::Admitted | Change::Deferred { .. } => core.switches.now(),
            _ => core.switches.after_step(),
        };
        match MODEL {
            // A model's trace shows the steps, too.
            true => {
                let step = step();
                trace(|| format!("{step:?}"));
                if now.any(Setting::HEARD) {
                    self.tell(step);
                }
            }
            false if now.any(Setting::HEARD) => self.tell(step()),
            false => {}
        }
        now
    }

    /// Counts what is no step, or tells it.
    pub(crate) fn note<T>(&self, core: &Core<T, R>, note: Note, by: &impl Books) {
        let (kind, id, epoch) = match note {
            Note::Late => return by.enter(Item::Late),
            Note::Panicked => return by.enter(Item::Panicked),
            Note::TimedOut => return by.enter(Item::TimedOut),
            Note::Redelivered => return by.enter(Item::Redelivered),
            Note::Stuck { id, epoch } => (EventKind::Stuck, id, epoch),
            Note::LetterKept { id, epoch } => (EventKind::LetterKept, id, epoch),
        };
        if core.switches.after_step().any(Setting::HEARD) {
            self.tell_event(Event {
                job: id,
                sequence: epoch,
                kind,
                attempt: 0,
                failure: None,
            });
        }
    }

    #[cold]
    fn tell(&self, step: Step) {
        self.tell_event(Event {
            job: step.id,
            sequence: step.epoch,
            kind: step.change.kind(),
            attempt: step.attempt,
            failure: step.change.failure(),
        });
    }

    fn tell_event(&self, event: Event) {
        if let Some(hub) = self.hub.get() {
            hub.tell(Packed::new(&event));
        }
    }

    /// From now on every step is told; where.
    pub(crate) fn listen<T>(&self, core: &Core<T, R>) -> Arc<Hub> {
        let capacity = core.options.event_capacity;
        let hub = self.hub.get_or_init(|| Arc::new(Hub::new(capacity)));
        let mut listeners = hub.listeners.lock();
        *listeners += 1;
        core.switches.turn_on(Setting::HEARD);
        // ORDERING: SeqCst fence — the switch before this returns; partner: the fence behind every step, `after_step`.
        core.switches.fence();
        drop(listeners);
        hub.clone()
    }

    /// Those who wait for an event look once more.
    pub(crate) fn wake_listeners(&self) {
        if let Some(hub) = self.hub.get() {
            hub.wake_all();
        }
    }
}
