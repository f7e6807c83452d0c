//! Where a program is performed: runtime, queue and clock, the prelude, and the handlers.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use guichet::{
    Clock, DeadLetter, Failure, JobHandle, JobId, Lease, Order, Queue, Runtime, WorkersError,
};
use shuttle::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::board::{Board, Payload, Records, Room};
use super::program::{Prelude, Program, Verdict};

pub type Held = Lease<Payload, usize>;

/// Everything that is due is so within this time.
pub const DAY: Duration = Duration::from_secs(24 * 3600);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const NO_TIME: Duration = Duration::ZERO;

/// A counter that somebody turns, until it is let go.
#[derive(Clone)]
pub struct Counter(Arc<(AtomicU64, AtomicBool)>);

impl Counter {
    pub fn new() -> Self {
        Counter(Arc::new((AtomicU64::new(0), AtomicBool::new(false))))
    }

    pub fn turn(&self) {
        self.0.0.fetch_add(2 * DAY.as_nanos() as u64, SeqCst);
    }

    /// It turns with each reading from now on.
    pub fn let_go(&self) {
        self.0.1.store(true, Relaxed);
    }
}

impl Clock for Counter {
    fn now(&self) -> Duration {
        let (nanos, free) = &*self.0;
        if free.load(Relaxed) {
            self.turn();
        }
        Duration::from_nanos(nanos.load(SeqCst))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }
}

/// What the actors of one execution share.
pub struct Stage {
    pub program: Arc<Program>,
    pub runtime: Runtime,
    pub queue: Queue<Payload, usize>,
    pub dead: Option<Queue<DeadLetter<Payload>, ()>>,
    pub board: Arc<Board>,
    pub clock: Counter,
    /// Whether a false `Full` is a failure.
    pub exact: bool,
    /// Leases that nobody settles before the end.
    pub leases: Mutex<Vec<Held>>,
    pub handles: Mutex<Vec<(usize, JobHandle<usize>)>>,
}

/// Tells, by being dropped, that all workers which have it have left.
struct Crew(Arc<Board>);

impl Drop for Crew {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.write(|records| records.left += 1);
        }
    }
}

impl Stage {
    pub fn new(program: Arc<Program>, hope: Arc<Mutex<String>>) -> Self {
        let shape = &program.shape;
        let board = Board::new(program.actors.len(), shape.clinging, hope);
        let clock = Counter::new();
        let runtime = Runtime::builder().without_clerk().clock(clock.clone());
        let runtime = runtime.build().unwrap();
        let dead = |runtime: &Runtime| runtime.queue("dead").capacity(1).build().unwrap();
        let dead = shape.letters.then(|| dead(&runtime));
        let builder = runtime
            .queue("jobs")
            .order(shape.order)
            .capacity(shape.capacity);
        let builder = builder.delayed_capacity(shape.delayed_capacity);
        let builder = builder.prefetch(shape.prefetch).attempts(shape.attempts);
        let builder = builder.backoff(guichet::Backoff::none()).event_capacity(64);
        let builder = builder
            .stuck_after(HOUR)
            .max_stuck(shape.timed.unwrap_or(0));
        let builder = match &dead {
            Some(dead) => builder.dead_letters(dead),
            None => builder,
        };
        let queue = builder.build().unwrap();
        Stage {
            program,
            runtime,
            queue,
            dead,
            board,
            clock,
            exact: std::env::var_os("MATRIX_INEXACT").is_none(),
            leases: Mutex::default(),
            handles: Mutex::default(),
        }
    }

    pub fn levels(&self) -> u32 {
        match self.program.shape.order {
            Order::Bands(levels) | Order::Heap(levels) => levels,
            _ => 1,
        }
    }

    fn default_priority(&self) -> u32 {
        self.levels().div_ceil(2)
    }

    pub fn payload(&self, room: Room) -> Payload {
        self.board.payload(room, self.default_priority())
    }

    /// Turns the clock and does what is due, as the clerk would.
    pub fn turn(&self) {
        self.clock.turn();
        self.runtime.do_due();
    }

    pub fn prelude(&self) {
        let shape = &self.program.shape;
        if shape.early && shape.workers > 0 {
            self.engage(shape.workers).expect("threads are not refused");
        }
        match shape.prelude {
            Prelude::Empty => {}
            Prelude::Waiting | Prelude::Full | Prelude::Leased => {
                (0..shape.jobs).for_each(|_| self.submit_one());
            }
            Prelude::Cancelled => {
                let ids: Vec<_> = (0..shape.jobs).map(|_| self.submit(None)).collect();
                let cancelled = self.cancel(ids[shape.jobs / 2]);
                assert!(cancelled || shape.early);
            }
            Prelude::Delayed => {
                let former = self.submit(Some(DAY));
                assert!(self.cancel(former));
                for at in 0..shape.jobs.min(shape.delayed_capacity) {
                    self.submit(Some(HOUR * (shape.jobs - at) as u32));
                }
            }
            Prelude::TimedOut => {
                self.submit(None);
                let begun = |records: &mut Records| records.busy > 0;
                self.board.wait_until("the prelude's job begins", begun);
                self.turn();
                (1..shape.jobs).for_each(|_| self.submit_one());
            }
        }
        if shape.prelude == Prelude::Leased {
            let lease = self.queue.try_lease().expect("jobs wait");
            self.took(&lease);
            self.leases.lock().unwrap().push(lease);
        }
        if !shape.early && shape.workers > 0 {
            self.engage(shape.workers).expect("threads are not refused");
        }
    }

    fn submit_one(&self) {
        self.submit(None);
    }

    /// One of the prelude's jobs.
    fn submit(&self, delay: Option<Duration>) -> JobId {
        let shape = &self.program.shape;
        let room = match delay {
            None => Room::Now,
            Some(_) => Room::Later,
        };
        let payload = self.payload(room);
        let number = payload.number;
        let job = self.queue.job(payload).delay(delay.unwrap_or(NO_TIME));
        let job = match shape.mortal {
            true => job.ttl(DAY + HOUR),
            false => job,
        };
        let job = match shape.timed {
            Some(_) => job.timeout(HOUR),
            None => job,
        };
        let handle = job.submit().expect("there is room for the prelude's jobs");
        let id = handle.id();
        self.board.added(number, id);
        self.handles.lock().unwrap().push((number, handle));
        id
    }

    pub fn engage(&self, count: usize) -> Result<(), WorkersError> {
        let board = &self.board;
        board.write(|records| {
            records.engaged += 1;
            records.workers += count;
        });
        let crew = Crew(board.clone());
        let (gated, verdict) = (self.program.shape.gated, self.program.shape.verdict);
        let engaged = self.queue.workers(count, move |job| {
            let (board, number) = (&crew.0, job.payload().number);
            board.trace(|| format!("job {number} begins"));
            let (id, priority) = (job.id(), job.priority());
            board.write(|records| {
                records.busy += 1;
                records.begin(number, id, priority);
            });
            if gated {
                board.pass_gate();
            }
            let relaxed = board.write(|records| {
                records.busy -= 1;
                records.end(number);
                let fresh = std::mem::take(&mut records.jobs[number].fresh);
                let relaxed = records.relaxed || !fresh;
                records.held |= !relaxed && verdict == Verdict::RateLimited;
                relaxed
            });
            match verdict {
                _ if relaxed => Ok(number),
                Verdict::Done => Ok(number),
                Verdict::Retry => Err(Failure::msg("again")),
                Verdict::Snooze => Err(Failure::snooze(HOUR)),
                Verdict::Requeue => Err(Failure::requeue()),
                Verdict::Discard => Err(Failure::discard("no")),
                Verdict::RateLimited => Err(Failure::rate_limited(HOUR)),
            }
        });
        if engaged.is_err() {
            board.write(|records| records.workers -= count);
        }
        engaged
    }
}
