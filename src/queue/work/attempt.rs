//! One attempt by a worker: begun, watched if it must be, its handler called, settled.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::Failure;
use crate::queue::base::desk::Desk;
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::queue::life::job::Job;
use crate::queue::ready::line::Taken;
use crate::sync::take_panic_location;
use crate::table::Claim;
use crate::time::Timestamp;

/// Whose attempts they are.
pub(crate) struct Attend<'a, T, R> {
    pub(crate) shared: &'a Shared<T, R>,
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

impl<T: Send + Sync, R: Send> Attend<'_, T, R> {
    /// One attempt of the job whose ticket was taken, if it is valid, by a handler that gets its job by reference. The
    /// running time, if it was measured.
    #[inline]
    pub(crate) fn attempt(
        &self,
        taken: Taken,
        handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>,
    ) -> Option<u64> {
        let shared = self.shared;
        match shared.begin(taken) {
            Ok((claim, now)) => {
                let call = |claim: &Claim, deadline| handler(&shared.job(claim, deadline));
                self.finish(claim, now, false, call)
            }
            Err(why) => {
                shared.not_begun(why);
                None
            }
        }
    }
}

impl<T: Send, R: Send> Attend<'_, T, R> {
    /// The same, by a handler that consumes the payload: there is no second attempt.
    #[inline]
    pub(crate) fn attempt_owned(
        &self,
        taken: Taken,
        handler: &impl Fn(T) -> Result<R, Failure>,
    ) -> Option<u64> {
        match self.shared.begin_owned(taken, Setting::HALTED) {
            Ok((claim, payload, now)) => self.finish(claim, now, true, |_, _| handler(payload)),
            Err(why) => {
                self.shared.not_begun(why);
                None
            }
        }
    }

    /// Calls the handler and settles; with `last` no other attempt can follow.
    #[inline(always)]
    fn finish(
        &self,
        claim: Claim,
        now: Setting,
        last: bool,
        call: impl FnOnce(&Claim, Option<Timestamp>) -> Result<R, Failure>,
    ) -> Option<u64> {
        let shared = self.shared;
        let deadline = match now.any(Setting::TIMED) {
            true => shared.begin_timed(&claim, self.desk, self.limit),
            false => None,
        };
        let timing = self.timing(&claim);
        // Unwind-safe: what a panicking handler leaves behind is its own, as with a thread.
        let result = catch_unwind(AssertUnwindSafe(|| call(&claim, deadline)))
            .unwrap_or_else(|panic| Err(Failure::panicked(panic, take_panic_location)));
        if let Some(deadline) = deadline {
            shared.end_timed(&claim, self.desk, deadline);
        }
        let ran = timing.map(|timing| self.measure(timing, claim.attempt()));
        shared.settle(claim, result, last, &self.desk.books);
        ran
    }

    /// When the job was admitted and started, if it is sampled.
    #[inline(always)]
    fn timing(&self, claim: &Claim) -> Option<Timing> {
        let core = &self.shared.core;
        claim.marks().sampled.then(|| Timing {
            admitted: core.slab.record(claim.slot()).admitted_at(),
            started: core.time.now().to_nanos(),
        })
    }

    #[cold]
    fn measure(&self, timing: Timing, attempt: u32) -> u64 {
        let (now, desk) = (self.shared.core.time.now(), self.desk);
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
