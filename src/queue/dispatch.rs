//! From the lane to the handler: a worker's loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::control::{OPEN, STOPPED};
use super::desk::{BATCH, Desk};
use super::job::Job;
use super::{Queue, Shared};
use crate::model::Failure;
use crate::ring::PopError;
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
    batch: Vec<Ticket>,
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
        let batch = Vec::with_capacity(BATCH);
        Station {
            queue,
            desk,
            others: Vec::new(),
            known: 0,
            batch,
            mean: 0,
            turn: 0,
        }
    }

    /// Runs jobs with `attempt` until the queue is drained or stopped.
    fn work(mut self, attempt: impl Fn(&Shared<T, R>, &Desk, Ticket) -> Option<u64>) {
        let shared = self.queue.shared.clone();
        while let Found::Work = self.find(&shared) {
            let several = self.batch.len() > 1;
            if several {
                self.desk.lay_out(&self.batch);
                // Somebody may have gone to sleep since this worker decided to take several.
                shared.idle.notify_one();
            }
            for at in 0..self.batch.len() {
                if shared.phase.load(Relaxed) == STOPPED {
                    return;
                }
                if several {
                    self.desk.start(at);
                }
                if let Some(ran) = attempt(&shared, &self.desk, self.batch[at]) {
                    self.mean = self.mean - self.mean / 8 + ran / 8;
                }
            }
        }
    }

    /// The next tickets; waits for them.
    fn find(&mut self, shared: &Shared<T, R>) -> Found {
        self.batch.clear();
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(TURNS)
            && let Some(ticket) = self.unstarted(shared)
        {
            self.batch.push(ticket);
            return Found::Work;
        }
        let portion = self.portion(shared);
        if shared.lane.pop_many(&mut self.batch, portion).is_ok() {
            return Found::Work;
        }
        let found = shared.idle.wait_until(
            None,
            |_| self.look(shared),
            || shared.work_left(),
            || shared.lane.popped(),
        );
        found.unwrap_or(Found::Nothing)
    }

    /// One look at everything there may be to do.
    fn look(&mut self, shared: &Shared<T, R>) -> Option<Found> {
        // Asked first: only if draining had begun before it does an empty lane mean that all is done.
        // ORDERING: Acquire — every job that was added before the drain; pairs with `drain`.
        let draining = shared.phase.load(Acquire) != OPEN;
        let portion = self.portion(shared);
        let popped = shared.lane.pop_many(&mut self.batch, portion);
        if popped.is_ok() {
            return Some(Found::Work);
        }
        if let Some(ticket) = self.unstarted(shared) {
            self.batch.push(ticket);
            return Some(Found::Work);
        }
        (draining || popped == Err(PopError::Closed)).then_some(Found::Nothing)
    }

    /// How many tickets to take at a time: a fair share, and one where another could start sooner.
    fn portion(&self, shared: &Shared<T, R>) -> usize {
        let most = shared.options.prefetch;
        if most == 1 || self.mean > QUICK.as_nanos() as u64 || shared.idle.has_sleepers() {
            return 1;
        }
        let workers = shared.station_count.load(Relaxed).max(1);
        if workers == 1 {
            most
        } else {
            (shared.lane.len() / workers).clamp(1, most)
        }
    }

    /// A job that another worker has taken out of the lane and not started.
    fn unstarted(&mut self, shared: &Shared<T, R>) -> Option<Ticket> {
        if self.known != shared.station_count.load(Relaxed) {
            let stations = shared.stations.lock();
            self.known = stations.len();
            self.others = stations.clone();
            self.others.retain(|desk| !Arc::ptr_eq(desk, &self.desk));
        }
        self.others
            .iter()
            .flat_map(|desk| desk.unstarted())
            .find(|t| shared.slab.is_current(*t))
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Station<T, R> {
    /// Works with a handler that gets its job by reference.
    pub(crate) fn serve(self, handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>) {
        self.work(|shared, desk, ticket| {
            let claim = match shared.slab.activate(ticket) {
                Ok(claim) => claim,
                Err(surfaced) => return shared.surfaced(surfaced),
            };
            let job = Job {
                payload: shared.slab.payload(&claim),
                id: shared.id_of(claim.slot(), shared.slab.occupancy(&claim)),
                attempts: shared.options.attempts,
                claim: &claim,
                slab: &shared.slab,
            };
            let (result, timing) = shared.timed(&claim, || handler(&job));
            shared.settle(claim, result, desk, timing)
        });
    }
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    /// Works with a handler that consumes its job's payload.
    pub(crate) fn serve_owned(self, handler: &impl Fn(T) -> Result<R, Failure>) {
        self.work(|shared, desk, ticket| {
            let (claim, payload) = match shared.slab.activate_owned(ticket) {
                Ok(activated) => activated,
                Err(surfaced) => return shared.surfaced(surfaced),
            };
            let (result, timing) = shared.timed(&claim, || handler(payload));
            shared.settle(claim, result, desk, timing)
        });
    }
}

/// When a sampled job was admitted and started; 0 if it is not sampled.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub(super) admitted: u64,
    pub(super) started: u64,
}

impl<T, R> Shared<T, R> {
    /// How many jobs an idle worker could start; those on desks count as one.
    fn work_left(&self) -> usize {
        let any = |desk: &Arc<Desk>| desk.unstarted().any(|t| self.slab.is_current(t));
        if self.lane.is_empty() {
            return usize::from(self.stations.lock().iter().any(any));
        }
        self.lane.len()
    }

    /// Runs one attempt; a panic is a failure.
    #[inline(always)]
    fn timed(
        &self,
        claim: &Claim,
        attempt: impl FnOnce() -> Result<R, Failure>,
    ) -> (Result<R, Failure>, Timing) {
        let admitted = self.slab.admitted_at(claim);
        let started = if admitted == 0 {
            0
        } else {
            self.clock.now().to_nanos()
        };
        // Unwind-safe: what a panicking handler leaves behind is its own, as with a thread.
        let result = catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|panic| Err(Failure::panicked(panic)));
        (result, Timing { admitted, started })
    }
}
