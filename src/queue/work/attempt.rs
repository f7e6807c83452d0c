//! One attempt by a worker: begun, watched if it must be, its handler called, settled.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::{EventKind, Failure, Verb};
use crate::queue::Shared;
use crate::queue::base::books::{Books, Item};
use crate::queue::base::core::Outcome;
use crate::queue::base::desk::Desk;
use crate::queue::base::switches::Setting;
use crate::queue::life::job::Job;
use crate::queue::ready::line::{Spot, Taken};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::take_panic_location;
use crate::table::{Claim, Entered, Spoils, Trace};

/// Whose attempts they are.
pub(crate) struct Attend<'a> {
    pub(crate) desk: &'a Desk,
    /// How long an attempt may take by its worker, in nanoseconds; 0 for what the queue says.
    pub(crate) limit: u64,
}

/// When a sampled job was admitted and started.
#[derive(Clone, Copy)]
struct Timing {
    admitted: u64,
    started: u64,
}

impl<T: Send + Sync, R: Send> Shared<T, R> {
    /// One attempt of the job with `ticket`, if it is valid, by a handler that gets its job by reference. The running time,
    /// if it was taken.
    #[inline]
    pub(crate) fn attempt(
        &self,
        attend: &Attend<'_>,
        taken: Taken,
        handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>,
    ) -> Option<u64> {
        let claim = match self.core.slab.activate(taken.ticket, taken.position.trace) {
            Ok(claim) => claim,
            Err(stale) => {
                self.ready.surfaced(&self.core, stale);
                return None;
            }
        };
        self.core.slab.set_position(&claim, taken.position);
        let now = self.core.switches.after_step();
        let mut deadline = 0;
        if now.any(Setting::AT_START) {
            match self.started(now, &claim) {
                true => deadline = self.begin_timed(&claim, attend),
                false => {
                    self.put_back_or_share(claim, None);
                    return None;
                }
            }
        }
        let (result, timing) = self.timed(&claim, || handler(&self.job(&claim, deadline)));
        if deadline != 0 {
            self.end_timed(&claim, attend.desk, deadline);
        }
        let ran = timing.map(|timing| self.record(attend.desk, timing, claim.attempt()));
        self.settle(claim, result, false, &attend.desk.books);
        ran
    }

    #[inline(always)]
    pub(crate) fn job<'a>(&'a self, claim: &'a Claim, deadline: u64) -> Job<'a, T> {
        Job {
            payload: self.core.slab.payload(claim),
            claim,
            deadline,
            queue: self,
        }
    }
}

impl<T, R> Shared<T, R> {
    /// The same, by a handler that consumes the payload: there is no second attempt.
    #[inline]
    pub(crate) fn attempt_owned(
        &self,
        attend: &Attend<'_>,
        taken: Taken,
        handler: &impl Fn(T) -> Result<R, Failure>,
    ) -> Option<u64> {
        let (claim, payload) = match self
            .core
            .slab
            .activate_owned(taken.ticket, taken.position.trace)
        {
            Ok((claim, Some(payload))) => (claim, payload),
            Ok((claim, None)) => {
                self.wait_for_holders(claim);
                return None;
            }
            Err(stale) => {
                self.ready.surfaced(&self.core, stale);
                return None;
            }
        };
        self.core.slab.set_position(&claim, taken.position);
        let now = self.core.switches.after_step();
        let mut deadline = 0;
        if now.any(Setting::AT_START) {
            match self.started(now, &claim) {
                true => deadline = self.begin_timed(&claim, attend),
                false => {
                    self.put_back_or_share(claim, Some(payload));
                    return None;
                }
            }
        }
        let (result, timing) = self.timed(&claim, || handler(payload));
        if deadline != 0 {
            self.end_timed(&claim, attend.desk, deadline);
        }
        let ran = timing.map(|timing| self.record(attend.desk, timing, claim.attempt()));
        self.settle(claim, result, true, &attend.desk.books);
        ran
    }

    /// An attempt has begun: tells it. False if the queue is halted, so that it must be taken back before a handler is called.
    #[cold]
    pub(crate) fn started(&self, now: Setting, claim: &Claim) -> bool {
        self.tell_started(claim);
        !now.any(Setting::HALTED)
    }

    /// The attempt needs the payload for itself, and somebody may still be reading it: the job is delayed until that one has
    /// left.
    #[cold]
    pub(crate) fn wait_for_holders(&self, claim: Claim) {
        let id = self.core.id(&claim);
        let (epoch, due) = (claim.past().next_epoch(), self.core.time.now().to_nanos());
        self.tell_started(&claim);
        self.core
            .slab
            .record(claim.slot())
            .overlap
            .store(0, Relaxed);
        match self.put_off(claim, Verb::Snooze, due) {
            Ok(()) => {
                self.common.enter(Item::Snoozed);
                self.tell(EventKind::Snoozed, id, epoch, 0, None);
                self.delayed_until(id, due);
            }
            Err(spoils) => self.share_late(spoils),
        }
    }

    /// A worker that leaves has not started this ticket: its job waits again, unless somebody else has taken it.
    #[cold]
    pub(crate) fn give_back_unstarted(&self, taken: Taken) {
        match self.core.slab.activate(taken.ticket, taken.position.trace) {
            Ok(claim) => {
                self.core.slab.set_position(&claim, taken.position);
                self.tell_started(&claim);
                self.put_back_or_share(claim, None);
            }
            Err(stale) => self.ready.surfaced(&self.core, stale),
        }
    }

    /// Puts a ticket back that was taken from the side and not used.
    pub(crate) fn line_up_again(&self, taken: Taken) {
        let entered = Entered {
            ticket: taken.ticket,
            trace: Trace::Side,
        };
        if !self
            .ready
            .line_up(&self.core, entered, Spot::Back(taken.position))
        {
            // Until its ticket is dropped the slot is its job's.
            let slot = taken.ticket.slot();
            self.refused(
                self.core.id_of(slot, self.core.slab.occupancy_of(slot)),
                entered,
            );
        }
    }

    /// The attempt was none: the job waits again, with its payload if that was taken, where it lay.
    ///
    /// # Errors
    /// Somebody has decided the job meanwhile: what is left of it may be the user's code.
    #[cold]
    pub(crate) fn put_back(
        &self,
        claim: Claim,
        payload: Option<T>,
    ) -> Result<(), Spoils<T, Outcome<R>>> {
        let id = self.core.id(&claim);
        let position = self.core.slab.position(&claim);
        let entered = match payload {
            Some(payload) => self.core.slab.requeue_with(claim, payload, Trace::Side),
            None => self.core.slab.retry(claim, Verb::Requeue, Trace::Side),
        };
        let entered = entered?;
        self.tell(EventKind::Requeued, id, entered.ticket.epoch(), 0, None);
        self.enqueue(id, entered, Spot::Back(position));
        Ok(())
    }

    /// The same, and drops what is left of a job that was decided meanwhile.
    #[cold]
    pub(crate) fn put_back_or_share(&self, claim: Claim, payload: Option<T>) {
        if let Err(spoils) = self.put_back(claim, payload) {
            self.share_late(spoils);
        }
    }

    /// Runs one attempt; a panic is a failure.
    #[inline(always)]
    fn timed(
        &self,
        claim: &Claim,
        attempt: impl FnOnce() -> Result<R, Failure>,
    ) -> (Result<R, Failure>, Option<Timing>) {
        let timing = claim.marks().sampled.then(|| Timing {
            admitted: self
                .core
                .slab
                .record(claim.slot())
                .admitted_at
                .load(Relaxed),
            started: self.core.time.now().to_nanos(),
        });
        // Unwind-safe: what a panicking handler leaves behind is its own, as with a thread.
        let result = catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|panic| Err(Failure::panicked(panic, take_panic_location)));
        (result, timing)
    }

    #[cold]
    fn record(&self, desk: &Desk, timing: Timing, attempt: u32) -> u64 {
        let now = self.core.time.now();
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
