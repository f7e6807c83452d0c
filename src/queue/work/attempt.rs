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

/// What is known of an attempt while its handler runs.
struct Running {
    /// When its time is over, if ever.
    deadline: Option<Timestamp>,
    /// When the job was admitted and started, if it is sampled.
    timing: Option<Timing>,
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
    // The claim is not handed on before it is settled: a copy of it would stall the core.
    #[inline]
    pub(crate) fn attempt(
        &self,
        taken: Taken,
        handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>,
    ) -> Option<u64> {
        let shared = self.shared;
        match shared.begin(taken) {
            Ok((claim, now)) => {
                let running = self.before(&claim, now);
                let result = call(|| handler(&shared.job(&claim, running.deadline)));
                let ran = self.after(&claim, running);
                shared.settle(claim, result, false, &self.desk.books);
                ran
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
        let shared = self.shared;
        match shared.begin_owned(taken, Setting::HALTED) {
            Ok((claim, payload, now)) => {
                let running = self.before(&claim, now);
                let result = call(|| handler(payload));
                let ran = self.after(&claim, running);
                shared.settle(claim, result, true, &self.desk.books);
                ran
            }
            Err(why) => {
                shared.not_begun(why);
                None
            }
        }
    }

    /// The attempt has begun, and its handler is about to be called.
    #[inline(always)]
    fn before(&self, claim: &Claim, now: Setting) -> Running {
        let core = &self.shared.core;
        Running {
            deadline: match now.any(Setting::TIMED) {
                true => self.shared.begin_timed(claim, self.desk, self.limit),
                false => None,
            },
            timing: claim.marks().sampled.then(|| Timing {
                admitted: core.slab.record(claim.slot()).admitted_at(),
                started: core.time.now().to_nanos(),
            }),
        }
    }

    /// The handler has returned; how long it ran, if that was measured.
    #[inline(always)]
    fn after(&self, claim: &Claim, running: Running) -> Option<u64> {
        if let Some(deadline) = running.deadline {
            self.shared.end_timed(claim, self.desk, deadline);
        }
        let timing = running.timing?;
        Some(self.measure(timing, claim.attempt()))
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

/// Calls the handler; a panic is a failure.
#[inline(always)]
fn call<R>(handler: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    // Unwind-safe: what a panicking handler leaves behind is its own, as with a thread.
    catch_unwind(AssertUnwindSafe(handler))
        .unwrap_or_else(|panic| Err(Failure::panicked(panic, take_panic_location)))
}
