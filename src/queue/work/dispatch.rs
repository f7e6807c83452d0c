//! From the lane to the handler: a worker's loop.

use std::time::Duration;

use crate::lane::Portion;
use crate::model::{Failure, PopError};
use crate::queue::base::desk::{Desk, Hire};
use crate::queue::base::switches::Setting;
use crate::queue::base::tray::BATCH;
use crate::queue::life::job::Job;
use crate::queue::life::{Queue, Shared};
use crate::queue::ready::line::{Batch, Taken};
use crate::queue::work::attempt::Attend;
use crate::sync::{Arc, Backoff, seeded};
use crate::table::{Ticket, Trace};

/// Handlers that take longer than this on average get one job at a time.
const QUICK: Duration = Duration::from_micros(10);

/// So often a worker looks at the others' desks before it goes to the lane: what lies behind a handler
/// that blocks must start, though newer jobs never cease to come.
const TURNS: u32 = 32;

/// One worker's place in its queue.
pub(crate) struct Station<T: Send + 'static, R: Send + 'static> {
    queue: Queue<T, R>,
    desk: Arc<Desk>,
    /// How long an attempt may take, in nanoseconds; 0 if there is no end.
    limit: u64,
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

/// Whether a ticket in hand may be started.
enum Clearance {
    Start,
    LookAgain,
    /// The queue is halted, or another worker has this one's place: nothing is in hand any more.
    PutBack,
    /// The queue is stopped, or its pause will not end.
    Leave,
}

/// What a look for work found.
enum Found {
    /// Tickets, in `batch`.
    Work,
    /// No more will ever come.
    Nothing,
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    /// Registers one more worker of `queue`, whose attempts may take `limit` nanoseconds, if that is not 0; `hire` engages
    /// another one like it.
    pub(crate) fn new(queue: Queue<T, R>, limit: u64, hire: Option<Hire>) -> Self {
        let desk = queue.shared.ready.desks().take(hire);
        Station {
            queue,
            desk,
            limit,
            others: Vec::new(),
            known: 0,
            batch: Batch::new(BATCH),
            urgent: Batch::new(1),
            mean: 0,
            turn: 0,
        }
    }

    /// Runs jobs with `attempt` until the queue is drained or stopped, or another worker does this one's work.
    fn work(mut self, attempt: impl Fn(&Attend<'_, T, R>, Taken) -> Option<u64>) {
        let shared = self.queue.shared.clone();
        while let Found::Work = self.find(&shared) {
            let several = self.batch.tickets.len() > 1;
            if several {
                self.lay_out();
                // Somebody may have gone to sleep since this worker decided to take several.
                shared.ready.wake_one();
            }
            let mut at = 0;
            while at < self.batch.tickets.len() {
                if several {
                    self.urgent(&shared, &attempt);
                }
                let now = shared.core.switches.now();
                if now.any(Setting::BEFORE_START) {
                    match self.goes_on(&shared, at, now) {
                        Clearance::Start => {}
                        // Something more urgent may have come.
                        Clearance::LookAgain => continue,
                        Clearance::PutBack => break,
                        // What is in view stays there: nobody may lay out something else over it.
                        Clearance::Leave => return,
                    }
                }
                if several {
                    self.desk.tray.start(at);
                }
                self.run(&shared, self.batch.get(at), &attempt);
                at += 1;
            }
        }
    }

    /// Whether another worker has taken this one's place while a handler ran, so that it starts nothing more.
    #[inline]
    fn is_relieved(&self) -> bool {
        self.desk.timed.is_relieved() && !seeded!("relief_batch_kept")
    }

    /// The tickets from number `at` on go back to where they lay: this worker leaves.
    #[cold]
    fn give_back(&self, shared: &Shared<T, R>, at: usize) {
        for at in at..self.batch.tickets.len() {
            self.desk.tray.start(at);
            shared.give_back_unstarted(self.batch.get(at));
        }
    }

    /// Something is to be done before this worker starts ticket number `at`.
    #[cold]
    fn goes_on(&mut self, shared: &Shared<T, R>, at: usize, now: Setting) -> Clearance {
        if self.is_relieved() {
            self.give_back(shared, at);
            return Clearance::PutBack;
        }
        if now.any(Setting::IDLE) {
            if self.batch.first.trace == Trace::Side {
                // Whoever changes a priority must find it; and there is only one.
                shared.line_up_again(self.batch.get(at));
                return Clearance::PutBack;
            }
            // The others can be found where they are: by their jobs, and on the desk by other workers and
            // by adders who need the slots of stale ones. A single one is not there yet.
            let single = self.batch.tickets.len() == 1;
            if single && !seeded!("dispatch_pause_hides_ticket") {
                self.lay_out();
            }
            let goes_on = self.waits_in_hand(shared);
            if single && goes_on {
                self.desk.tray.start(at);
            }
            return match goes_on {
                true => Clearance::LookAgain,
                false => Clearance::Leave,
            };
        }
        Clearance::Start
    }

    /// Shows the batch to the other workers.
    fn lay_out(&self) {
        let Batch { tickets, first, .. } = &self.batch;
        self.desk.tray.lay_out(tickets, first.place);
    }

    /// Waits with tickets in hand until the queue is not halted any more; false if it has stopped.
    fn waits_in_hand(&self, shared: &Shared<T, R>) -> bool {
        let look = || {
            let now = shared.core.switches.now();
            let leaves = now.dismisses();
            (leaves || !now.any(Setting::HALTED)).then_some(!leaves)
        };
        let found = shared.ready.wait_for_work(&shared.core, None, look);
        found.unwrap_or(false)
    }

    fn run(
        &mut self,
        shared: &Shared<T, R>,
        taken: Taken,
        attempt: &impl Fn(&Attend<'_, T, R>, Taken) -> Option<u64>,
    ) {
        let attend = Attend {
            shared,
            desk: &self.desk,
            limit: self.limit,
        };
        if let Some(ran) = attempt(&attend, taken) {
            self.mean = self.mean - self.mean / 8 + ran / 8;
        }
    }

    /// Runs what is more urgent than the batch and came after it was taken.
    #[inline]
    fn urgent(
        &mut self,
        shared: &Shared<T, R>,
        attempt: &impl Fn(&Attend<'_, T, R>, Taken) -> Option<u64>,
    ) {
        while shared.ready.has_before(self.batch.level)
            && !shared.core.switches.now().any(Setting::IDLE)
            && !self.is_relieved()
        {
            let taken = shared
                .ready
                .take(&mut self.urgent, Portion::ONE, self.batch.level);
            if taken.is_err() {
                return;
            }
            self.run(shared, self.urgent.get(0), attempt);
        }
    }

    /// The next tickets; waits for them.
    fn find(&mut self, shared: &Shared<T, R>) -> Found {
        let now = shared.core.switches.now();
        // What is left is ended by whoever stopped the queue. It may be current for a while, and is not to be looked at in vain.
        if self.desk.timed.is_relieved() || now.any(Setting::STOPPED) {
            return Found::Nothing;
        }
        if !now.any(Setting::HALTED) {
            self.turn = self.turn.wrapping_add(1);
            if self.turn.is_multiple_of(TURNS)
                && let Some(ticket) = self.unstarted(shared)
            {
                self.batch.take_over(ticket);
                return Found::Work;
            }
            let portion = self.portion(shared);
            if shared
                .ready
                .take(&mut self.batch, portion, u32::MAX)
                .is_ok()
            {
                return Found::Work;
            }
        }
        let found = shared
            .ready
            .wait_for_work(&shared.core, None, || self.look(shared));
        found.unwrap_or(Found::Nothing)
    }

    /// One look at everything there may be to do.
    fn look(&mut self, shared: &Shared<T, R>) -> Option<Found> {
        let mut backoff = Backoff::default();
        loop {
            // Asked first: only if draining had begun before it does an empty lane mean that all is done.
            let now = shared.core.switches.seen();
            if now.any(Setting::HALTED) {
                return now.dismisses().then_some(Found::Nothing);
            }
            let portion = self.portion(shared);
            let taken = shared.ready.take(&mut self.batch, portion, u32::MAX);
            if taken.is_ok() {
                return Some(Found::Work);
            }
            if let Some(ticket) = self.unstarted(shared) {
                self.batch.take_over(ticket);
                return Some(Found::Work);
            }
            if shared.ready.has_moved() {
                backoff.snooze();
                continue;
            }
            let draining = now.any(Setting::CLOSED);
            return (draining || taken == Err(PopError::Closed)).then_some(Found::Nothing);
        }
    }

    /// How many tickets to take at a time: a fair share, and one where another could start sooner.
    fn portion(&self, shared: &Shared<T, R>) -> Portion {
        let most = shared.core.options.prefetch;
        if most == 1 || self.mean > QUICK.as_nanos() as u64 || shared.ready.has_sleepers() {
            return Portion::ONE;
        }
        Portion {
            most,
            poppers: shared.ready.desks().count(),
        }
    }

    /// A job that another worker has taken out of the lane and not started.
    fn unstarted(&mut self, shared: &Shared<T, R>) -> Option<(Ticket, i64)> {
        if self.known != shared.ready.desks().count() {
            self.others = shared.ready.desks().all();
            self.known = self.others.len();
            self.others.retain(|desk| !Arc::ptr_eq(desk, &self.desk));
        }
        self.others
            .iter()
            .flat_map(|desk| desk.tray.unstarted())
            .find(|(ticket, _)| shared.core.slab.is_current(*ticket))
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Station<T, R> {
    /// Works with a handler that gets its job by reference.
    pub(crate) fn serve(self, handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>) {
        self.work(|attend, taken| attend.attempt(taken, handler));
    }

    /// Runs the next job, if there is one; does not wait.
    pub(crate) fn step(&mut self, handler: &impl Fn(&Job<'_, T>) -> Result<R, Failure>) -> bool {
        self.run_next(|attend, taken| attend.attempt(taken, handler))
    }
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    /// Works with a handler that consumes its job's payload.
    pub(crate) fn serve_owned(self, handler: &impl Fn(T) -> Result<R, Failure>) {
        self.work(|attend, taken| attend.attempt_owned(taken, handler));
    }

    /// Runs the next job, if there is one; does not wait.
    pub(crate) fn step_owned(&mut self, handler: &impl Fn(T) -> Result<R, Failure>) -> bool {
        self.run_next(|attend, taken| attend.attempt_owned(taken, handler))
    }
}

impl<T: Send + 'static, R: Send + 'static> Station<T, R> {
    fn run_next(&mut self, attempt: impl Fn(&Attend<'_, T, R>, Taken) -> Option<u64>) -> bool {
        let shared = self.queue.shared.clone();
        let batch = &mut self.batch;
        let halted = shared.core.switches.now().any(Setting::IDLE);
        if halted || shared.ready.take(batch, Portion::ONE, u32::MAX).is_err() {
            return false;
        }
        self.run(&shared, self.batch.get(0), &attempt);
        true
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for Station<T, R> {
    /// The desk is free for another worker.
    fn drop(&mut self) {
        self.desk.close();
        self.queue.shared.ready.desks().give_back(self.desk.clone());
    }
}
