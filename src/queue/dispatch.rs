//! From the lane to the handler: a worker's loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::control::OPEN;
use super::desk::{BATCH, Desk};
use super::job::Job;
use super::line::{Batch, Taken};
use super::settle::Next;
use super::{Queue, Shared};
use crate::lane::Portion;
use crate::model::{Failure, PopError};
use crate::sync::Arc;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::table::{Claim, Ticket};

/// Handlers that take longer than this on average get one job at a time.
const QUICK: Duration = Duration::from_micros(10);

/// So often a worker looks at the others' desks before it goes to the lane: what lies behind a handler
/// that blocks must start, though newer jobs never cease to come.
const TURNS: u32 = 32;

/// One worker's place in its queue.
pub(crate) struct Station<T, R> {
    queue: Queue<T, R>,
    desk: Arc<Desk>,
    /// The other workers' desks, as of `known`.
    others: Vec<Arc<Desk>>,
    known: usize,
    batch: Batch,
    /// What overtakes the batch.
    urgent: Batch,
    /// A moving average of sampled running times, in nanoseconds.
    mean: u64,
    /// How often this worker went to the lane.
    turn: u32,
}

/// What a look for work found.
enum Found {
    /// Tickets, in `batch`.
    Work,
    /// No more will ever come.
    Nothing,
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    /// Registers one more worker of `queue`.
    pub(crate) fn new(queue: Queue<T, R>) -> Self {
        let desk = Arc::new(Desk::new());
        let mut stations = queue.shared.stations.lock();
        stations.push(desk.clone());
        queue.shared.station_count.store(stations.len(), Relaxed);
        drop(stations);
        Station {
            queue,
            desk,
            others: Vec::new(),
            known: 0,
            batch: Batch::new(BATCH),
            urgent: Batch::new(1),
            mean: 0,
            turn: 0,
        }
    }

    /// Runs jobs with `attempt` until the queue is drained or stopped.
    fn work(mut self, attempt: impl Fn(&Shared<T, R>, &Desk, Taken) -> Option<u64>) {
        let shared = self.queue.shared.clone();
        while let Found::Work = self.find(&shared) {
            let several = self.batch.tickets.len() > 1;
            if several {
                self.desk.lay_out(&self.batch);
                // Somebody may have gone to sleep since this worker decided to take several.
                shared.idle.notify_one();
            }
            for at in 0..self.batch.tickets.len() {
                if several {
                    self.urgent(&shared, &attempt);
                    self.desk.start(at);
                }
                if shared.is_stopped() {
                    return;
                }
                self.run(&shared, self.batch.get(at), &attempt);
            }
        }
    }

    fn run(
        &mut self,
        shared: &Shared<T, R>,
        taken: Taken,
        attempt: &impl Fn(&Shared<T, R>, &Desk, Taken) -> Option<u64>,
    ) {
        // Never handed out after its time to live; the ticket is then stale.
        if shared.mortal.load(Relaxed) {
            shared.expire(taken.ticket.slot(), shared.time.now().to_nanos());
        }
        if let Some(ran) = attempt(shared, &self.desk, taken) {
            self.mean = self.mean - self.mean / 8 + ran / 8;
        }
    }

    /// Runs what is more urgent than the batch and came after it was taken.
    #[inline]
    fn urgent(
        &mut self,
        shared: &Shared<T, R>,
        attempt: &impl Fn(&Shared<T, R>, &Desk, Taken) -> Option<u64>,
    ) {
        while shared.line.has_before(self.batch.level) && !shared.is_stopped() {
            let taken = shared.take(&mut self.urgent, Portion::ONE, self.batch.level);
            if taken.is_err() {
                return;
            }
            self.run(shared, self.urgent.get(0), attempt);
        }
    }

    /// The next tickets; waits for them.
    fn find(&mut self, shared: &Shared<T, R>) -> Found {
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(TURNS)
            && let Some(ticket) = self.unstarted(shared)
        {
            self.batch.take_over(ticket);
            return Found::Work;
        }
        let portion = self.portion(shared);
        if shared.take(&mut self.batch, portion, u32::MAX).is_ok() {
            return Found::Work;
        }
        let found = shared.idle.wait_until(
            None,
            |_| self.look(shared),
            || shared.work_left(),
            || shared.line.popped(),
        );
        found.unwrap_or(Found::Nothing)
    }

    /// One look at everything there may be to do.
    fn look(&mut self, shared: &Shared<T, R>) -> Option<Found> {
        // Asked first: only if draining had begun before it does an empty lane mean that all is done.
        // ORDERING: Acquire — every job that was added before the drain; pairs with `drain`.
        let draining = shared.phase.load(Acquire) != OPEN;
        let portion = self.portion(shared);
        let taken = shared.take(&mut self.batch, portion, u32::MAX);
        if taken.is_ok() {
            return Some(Found::Work);
        }
        if let Some(ticket) = self.unstarted(shared) {
            self.batch.take_over(ticket);
            return Some(Found::Work);
        }
        (draining || taken == Err(PopError::Closed)).then_some(Found::Nothing)
    }

    /// How many tickets to take at a time: a fair share, and one where another could start sooner.
    fn portion(&self, shared: &Shared<T, R>) -> Portion {
        let most = shared.options.prefetch;
        if most == 1 || self.mean > QUICK.as_nanos() as u64 || shared.idle.has_sleepers() {
            return Portion::ONE;
        }
        Portion {
            most,
            poppers: shared.station_count.load(Relaxed),
        }
    }

    /// A job that another worker has taken out of the lane and not started.
    fn unstarted(&mut self, shared: &Shared<T, R>) -> Option<(Ticket, i64)> {
        if self.known != shared.station_count.load(Relaxed) {
            let stations = shared.stations.lock();
            self.known = stations.len();
            self.others = stations.clone();
            self.others.retain(|desk| !Arc::ptr_eq(desk, &self.desk));
        }
        self.others
            .iter()
            .flat_map(|desk| desk.unstarted())
            .find(|(ticket, _)| shared.slab.is_current(*ticket))
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Station<T, R> {
    /// Works with a handler that gets its job by reference.
    pub(crate) fn serve(self, handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>) {
        self.work(|shared, desk, taken| shared.attempt(desk, taken, handler));
    }

    /// Runs the next job, if there is one; does not wait.
    pub(crate) fn step(&mut self, handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>) -> bool {
        self.run_next(|shared, desk, taken| shared.attempt(desk, taken, handler))
    }
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    /// Works with a handler that consumes its job's payload.
    pub(crate) fn serve_owned(self, handler: &impl Fn(T) -> Result<R, Failure>) {
        self.work(|shared, desk, taken| shared.attempt_owned(desk, taken, handler));
    }

    /// Runs the next job, if there is one; does not wait.
    pub(crate) fn step_owned(&mut self, handler: &impl Fn(T) -> Result<R, Failure>) -> bool {
        self.run_next(|shared, desk, taken| shared.attempt_owned(desk, taken, handler))
    }
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    fn run_next(&mut self, attempt: impl Fn(&Shared<T, R>, &Desk, Taken) -> Option<u64>) -> bool {
        let shared = self.queue.shared.clone();
        let batch = &mut self.batch;
        if shared.is_stopped() || shared.take(batch, Portion::ONE, u32::MAX).is_err() {
            return false;
        }
        self.run(&shared, self.batch.get(0), &attempt);
        true
    }
}

/// When a sampled job was admitted and started.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub(super) admitted: u64,
    pub(super) started: u64,
}

impl<T: Sync, R> Shared<T, R> {
    /// One attempt of the job with `ticket`, if it is valid, by a handler that gets its job by reference.
    #[inline]
    pub(super) fn attempt(
        &self,
        desk: &Desk,
        taken: Taken,
        handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>,
    ) -> Option<u64> {
        let claim = match self.slab.activate(taken.ticket, taken.trace) {
            Ok(claim) => claim,
            Err(stale) => return self.surfaced(stale, taken.trace),
        };
        self.slab.set_place(&claim, taken.trace, taken.place);
        let (result, timing) = self.timed(&claim, || handler(&self.job(&claim)));
        let next = |claim: &Claim, failure: &Failure| {
            self.next(claim, failure, || {
                let custom = self.hooks.backoff.as_ref()?;
                let pause = || custom(&self.job(claim), failure);
                // One that panics is as good as none.
                catch_unwind(AssertUnwindSafe(pause)).ok()
            })
        };
        self.settle(claim, result, next, desk, timing)
    }

    #[inline(always)]
    fn job<'a>(&'a self, claim: &'a Claim) -> Job<'a, T> {
        Job {
            payload: self.slab.payload(claim),
            claim,
            queue: self,
        }
    }
}

impl<T, R> Shared<T, R> {
    /// The same, by a handler that consumes the payload: there is no second attempt.
    #[inline]
    pub(super) fn attempt_owned(
        &self,
        desk: &Desk,
        taken: Taken,
        handler: &impl Fn(T) -> Result<R, Failure>,
    ) -> Option<u64> {
        let (claim, payload) = match self.slab.activate_owned(taken.ticket, taken.trace) {
            Ok(activated) => activated,
            Err(stale) => return self.surfaced(stale, taken.trace),
        };
        let (result, timing) = self.timed(&claim, || handler(payload));
        self.settle(claim, result, |_, _| Next::Nothing, desk, timing)
    }

    /// How many jobs an idle worker could start, about: those on desks count as one, and so do those in line.
    fn work_left(&self) -> usize {
        let any = |desk: &Arc<Desk>| {
            desk.unstarted()
                .any(|(ticket, _)| self.slab.is_current(ticket))
        };
        usize::from(!self.line.is_empty() || self.stations.lock().iter().any(any))
    }

    /// Runs one attempt; a panic is a failure.
    #[inline(always)]
    fn timed(
        &self,
        claim: &Claim,
        attempt: impl FnOnce() -> Result<R, Failure>,
    ) -> (Result<R, Failure>, Timing) {
        let (mut admitted, mut started) = (0, 0);
        if claim.marks().sampled {
            admitted = self.slab.record(claim.slot()).admitted_at.load(Relaxed);
            started = self.time.now().to_nanos();
        }
        // Unwind-safe: what a panicking handler leaves behind is its own, as with a thread.
        let result = catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|panic| Err(Failure::panicked(panic)));
        (result, Timing { admitted, started })
    }
}
