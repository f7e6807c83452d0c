//! One round's runtime and queues, and the ledgers in which everybody writes down what they see.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::time::Duration;

use guichet::{
    Backoff, BuildError, DeadLetter, DeadReason, JobError, Keep, Order, Policy, Queue,
    QueueBuilder, Runtime,
};
use parking_lot::Mutex;

use super::dice::Dice;
use super::facts::{End, Note};
use super::payload::{Kept, Pages, Payload};

/// A queue of payloads.
pub type Work = Queue<Payload, Kept>;
/// The queue of dead letters.
pub type Dead = Queue<DeadLetter<Payload>, Kept>;

/// The queues' names, in the order of their ledgers.
pub const NAMES: [&str; 5] = ["fifo", "bands", "leased", "owned", "dead"];
/// First in, first out, with time-outs and retries.
pub const FIFO: usize = 0;
/// With priorities.
pub const BANDS: usize = 1;
/// Without workers.
pub const LEASED: usize = 2;
/// Whose handlers consume the payload.
pub const OWNED: usize = 3;
/// Of dead letters.
pub const DEAD: usize = 4;

/// Events that the listener of a round may lag behind.
const EVENTS: usize = 1 << 16;

/// What is seen of one queue.
#[derive(Debug, Default)]
pub struct Ledger {
    notes: Mutex<Vec<Note>>,
    /// Times that somebody held a job.
    pub starts: AtomicU64,
    /// Holders that panicked.
    pub panics: AtomicU64,
    /// Letters that were redriven.
    pub redriven: AtomicU64,
    /// Calls of `on_completed`.
    pub completed: AtomicU64,
    /// Calls of `on_failed`.
    pub failed: AtomicU64,
}

impl Ledger {
    /// Writes down what was seen.
    pub fn note(&self, note: Note) {
        self.notes.lock().push(note);
    }

    /// The same of much.
    pub fn note_all(&self, mut notes: Vec<Note>) {
        self.notes.lock().append(&mut notes);
    }

    /// All that was written down.
    pub fn take(&self) -> Vec<Note> {
        std::mem::take(&mut self.notes.lock())
    }
}

/// One more.
pub fn count(counter: &AtomicU64) {
    // ORDERING: Relaxed — added up when all threads have ended; no partner.
    counter.fetch_add(1, Ordering::Relaxed);
}

/// How a waiter's error says that its job ended; none if it does not.
pub fn end_of(error: &JobError) -> Option<End> {
    Some(match error {
        JobError::Failed(_) => End::Failed,
        JobError::Cancelled { .. } => End::Cancelled,
        JobError::Expired => End::Expired,
        JobError::Interrupted => End::Interrupted,
        JobError::Returned => End::Returned,
        _ => return None,
    })
}

/// How a job ended that is dead for this reason.
pub fn end_for(reason: DeadReason) -> End {
    match reason {
        DeadReason::Expired => End::Expired,
        _ => End::Failed,
    }
}

/// A shutdown that a handler is to call.
pub struct Errand {
    /// For how long.
    pub timeout: Duration,
    /// Whom to tell that it is done, and whether it was in time.
    pub done: Sender<bool>,
}

/// What all threads of a round share, save the queues.
pub struct World {
    /// The dice of an attempt are named by it.
    pub seed: u64,
    /// And by this.
    pub round: u64,
    /// Every payload.
    pub pages: Pages,
    /// Results and progresses that live.
    pub alive: Arc<AtomicI64>,
    /// What is seen, by queue.
    pub ledgers: [Arc<Ledger>; 5],
    /// Whether handlers take too long, and queues are halted; else nothing holds jobs up, and there are many more of them.
    pub slow: bool,
    /// Weak: a handler that kept the runtime would keep itself.
    pub runtime: Weak<Runtime>,
    errand: Mutex<Option<Errand>>,
    /// Whether there is an errand: a look at a lock less per attempt.
    sent: AtomicBool,
}

impl World {
    /// Nothing seen yet.
    pub fn new(seed: u64, round: u64, slow: bool, runtime: &Arc<Runtime>) -> Self {
        World {
            seed,
            round,
            slow,
            pages: Pages::default(),
            alive: Arc::default(),
            ledgers: std::array::from_fn(|_| Arc::default()),
            runtime: Arc::downgrade(runtime),
            errand: Mutex::new(None),
            sent: AtomicBool::new(false),
        }
    }

    /// Sends the next handler on an errand.
    pub fn send(&self, errand: Errand) {
        *self.errand.lock() = Some(errand);
        // ORDERING: Relaxed — the lock hands the errand over; no partner.
        self.sent.store(true, Ordering::Relaxed);
    }

    /// The errand, for whoever comes first.
    pub fn errand(&self) -> Option<Errand> {
        // ORDERING: Relaxed — as in `send`.
        match self.sent.load(Ordering::Relaxed) {
            true => self.errand.lock().take(),
            false => None,
        }
    }

    /// A result or a progress.
    pub fn kept(&self, number: u64) -> Kept {
        Kept::new(number, &self.alive)
    }
}

/// Handles of all queues.
#[derive(Clone)]
pub struct Queues {
    /// Those of payloads.
    pub work: [Work; 4],
    /// The one of dead letters.
    pub dead: Dead,
}

/// Which books a round's queues keep; without any, jobs take the shortest path.
#[derive(Clone, Copy, Debug)]
pub struct Books {
    /// Hooks and the record of every job.
    pub recorded: bool,
    /// A listener from the first job to the last.
    pub heard: bool,
}

impl Queues {
    /// Queues as the dice say.
    ///
    /// # Errors
    /// As [`QueueBuilder::build`].
    pub fn build(
        runtime: &Runtime,
        world: &World,
        books: Books,
        dice: &mut Dice,
    ) -> Result<Self, BuildError> {
        let dead = common(runtime.queue(NAMES[DEAD]), world, DEAD, books, dice);
        let mut dead = dead.capacity(dice.from(1, 8) as usize);
        if dice.one_in(2) {
            dead = dead
                .timeout(dice.micros(2_000, 20_000))
                .attempts(dice.from(1, 3) as u32);
        }
        let dead = dead.build()?;
        let fifo = work(runtime, world, FIFO, &dead, books, dice)
            .timeout(dice.micros(2_000, 20_000))
            .build()?;
        let order = dice.pick(&[
            Order::Bands(1),
            Order::Bands(5),
            Order::Bands(32),
            Order::Heap(1000),
            Order::Deadline,
        ]);
        let policy = match order {
            Order::Bands(_) => dice.pick(&[
                Policy::Strict,
                Policy::Weighted,
                Policy::Aging {
                    per: Duration::from_micros(500),
                },
            ]),
            _ => Policy::Strict,
        };
        let mut bands = work(runtime, world, BANDS, &dead, books, dice)
            .order(order)
            .policy(policy);
        if dice.one_in(3) {
            bands = bands.timeout(dice.micros(2_000, 20_000));
        }
        let bands = bands.build()?;
        let mut leased =
            work(runtime, world, LEASED, &dead, books, dice).delivery_limit(dice.below(4) as u32);
        if dice.one_in(3) {
            leased = leased.single_active_consumer();
        }
        if !dice.one_in(3) {
            leased = leased.timeout(dice.micros(2_000, 20_000));
        }
        let leased = leased.build()?;
        let mut owned = work(runtime, world, OWNED, &dead, books, dice).attempts(1);
        if dice.one_in(2) {
            owned = owned.timeout(dice.micros(2_000, 20_000));
        }
        Ok(Queues {
            work: [fifo, bands, leased, owned.build()?],
            dead,
        })
    }

    /// Ends every pause and every hold.
    pub fn resume(&self) {
        self.work.iter().for_each(Queue::resume);
        self.dead.resume();
    }
}

fn work(
    runtime: &Runtime,
    world: &World,
    at: usize,
    dead: &Dead,
    books: Books,
    dice: &mut Dice,
) -> QueueBuilder<Payload, Kept> {
    let pause = dice.micros(100, 2_000);
    let backoff = dice.pick(&[
        Backoff::none(),
        Backoff::fixed(pause),
        Backoff::exponential(pause).jitter(0.5).cap(4 * pause),
    ]);
    let builder = common(runtime.queue(NAMES[at]), world, at, books, dice);
    builder
        .capacity(dice.from(4, 64) as usize)
        .delayed_capacity(dice.from(4, 32) as usize)
        .attempts(dice.from(1, 4) as u32)
        .backoff(backoff)
        .stuck_after(dice.micros(50, 3_000))
        .max_stuck(dice.below(4) as usize)
        .dead_letters(dead)
}

fn common<T: Send + 'static>(
    builder: QueueBuilder<T, Kept>,
    world: &World,
    at: usize,
    books: Books,
    dice: &mut Dice,
) -> QueueBuilder<T, Kept> {
    let mut builder = builder
        .prefetch(dice.pick(&[1, 4, 32]))
        .sample_every(dice.pick(&[1, 8, 64]))
        .log_lines(dice.below(4) as usize);
    if books.heard {
        builder = builder.event_capacity(EVENTS);
    }
    if !books.recorded {
        return builder.keep_failed(Keep::last(dice.below(3) as usize));
    }
    let all = Keep::last(10_000_000);
    builder = builder
        .keep_completed(all)
        .keep_failed(all)
        .keep_results(64);
    if at == DEAD {
        return builder;
    }
    // A hook that held the world would hold the queue that holds it.
    let (completed, failed, exhausted) = (
        Arc::clone(&world.ledgers[at]),
        Arc::clone(&world.ledgers[at]),
        Arc::clone(&world.ledgers[at]),
    );
    let ended = |id, end| Note::Ended {
        id,
        end,
        witness: "a hook",
    };
    builder
        .on_completed(move |job, answer: &Kept| {
            count(&completed.completed);
            completed.note(ended(job.id, End::Completed));
            completed.note(Note::Seen {
                id: job.id,
                number: answer.number,
                witness: "on_completed",
            });
        })
        .on_failed(move |_, _| count(&failed.failed))
        .on_exhausted(move |job, _| exhausted.note(ended(job.id, End::Failed)))
}
