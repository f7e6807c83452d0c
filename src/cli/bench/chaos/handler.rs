//! What handlers do: whatever they may, as the dice of the attempt say.
//!
//! The dice of an attempt are named by seed, round, payload and how often the payload was held before, so they do not
//! depend on which thread runs it.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use guichet::{DeadLetter, Failure, Job, Lease, Revoked, WorkersError};

use super::dice::Dice;
use super::facts::Note;
use super::payload::{Kept, Page, Payload};
use super::world::{DEAD, Errand, OWNED, Queues, World, count, end_for};

/// What the holder of a job can do with it, whether by handler or by lease.
pub trait Handle {
    /// Whether somebody else has decided the job.
    fn check(&self) -> Result<(), Revoked>;
    /// What is left of its time.
    fn left(&self) -> Option<Duration>;
    /// Shows a progress and logs a line.
    fn tell(&self, progress: Kept);
}

impl<T> Handle for Job<'_, T> {
    fn check(&self) -> Result<(), Revoked> {
        self.checkpoint()
    }

    fn left(&self) -> Option<Duration> {
        self.time_left()
    }

    fn tell(&self, progress: Kept) {
        self.log(format!("at {}", progress.number));
        self.set_progress(progress);
    }
}

impl<T: Send + Sync + 'static> Handle for Lease<T, Kept> {
    fn check(&self) -> Result<(), Revoked> {
        self.checkpoint()
    }

    fn left(&self) -> Option<Duration> {
        self.time_left()
    }

    fn tell(&self, progress: Kept) {
        self.log(format!("at {}", progress.number));
        self.set_progress(progress);
    }
}

/// A handler that got the payload by value, and nothing else.
struct Nothing;

impl Handle for Nothing {
    fn check(&self) -> Result<(), Revoked> {
        Ok(())
    }

    fn left(&self) -> Option<Duration> {
        Some(Duration::from_millis(5))
    }

    fn tell(&self, _: Kept) {}
}

/// Starts the workers of all queues that have some.
///
/// # Errors
/// As [`Processor::start`](guichet::Processor::start).
pub fn employ(world: &Arc<World>, queues: &Queues, dice: &mut Dice) -> Result<(), WorkersError> {
    for at in [super::world::FIFO, super::world::BANDS] {
        let (world, queue) = (Arc::clone(world), &queues.work[at]);
        let mut processor = queue.processor().workers(dice.from(1, 3) as usize);
        if dice.one_in(4) {
            processor = processor.timeout(dice.micros(2_000, 20_000));
        }
        // Handlers hold queues, as those do that pass work on.
        let others = queues.clone();
        processor.start(move |job| {
            let page = &job.payload().0;
            world.ledgers[at].note(Note::Seen {
                id: job.id(),
                number: page.number,
                witness: "a handler",
            });
            attempt(&world, at, page, job, Some(&others))
        })?;
    }
    let (there, queue) = (Arc::clone(world), &queues.work[OWNED]);
    let processor = queue.processor().workers(dice.from(1, 2) as usize);
    processor
        .start_owned(move |payload: Payload| attempt(&there, OWNED, &payload.0, &Nothing, None))?;
    if dice.one_in(2) {
        let there = Arc::clone(world);
        queues.dead.workers(1, move |job| {
            let letter = job.payload();
            read(&there, letter);
            match &letter.payload {
                Some(payload) => attempt(&there, DEAD, &payload.0, job, None),
                None => {
                    count(&there.ledgers[DEAD].starts);
                    Ok(there.kept(0))
                }
            }
        })?;
    }
    Ok(())
}

/// Writes down what a letter says about its job.
pub fn read(world: &World, letter: &DeadLetter<Payload>) {
    let source = super::world::NAMES
        .iter()
        .position(|name| *name == letter.queue);
    let Some(at) = source else {
        let wrong = format!("a letter comes from a queue {:?}", letter.queue);
        world.ledgers[DEAD].note(Note::Wrong(wrong));
        return;
    };
    let ledger = &world.ledgers[at];
    ledger.note(Note::Ended {
        id: letter.source,
        end: end_for(letter.reason),
        witness: "its dead letter",
    });
    if let Some(payload) = &letter.payload {
        payload.0.look();
        ledger.note(Note::Seen {
            id: letter.source,
            number: payload.0.number,
            witness: "its dead letter",
        });
    }
}

/// One attempt, by whatever the dice say.
pub fn attempt(
    world: &World,
    at: usize,
    page: &Arc<Page>,
    job: &impl Handle,
    others: Option<&Queues>,
) -> Result<Kept, Failure> {
    let held = page.hold();
    count(&world.ledgers[at].starts);
    let mut dice = Dice::new(&[world.seed, world.round, page.number, held.before.into()]);
    if let Some(errand) = world.errand() {
        run(world, errand);
    }
    let answer = || Ok(world.kept(page.number));
    match dice.below(100) {
        0..50 => answer(),
        50..58 => {
            spin(dice.micros(20, 400));
            answer()
        }
        58..66 => Err(Failure::msg("chaos")),
        66..69 => Err(Failure::retry("chaos").after(dice.micros(0, 2_000))),
        69..72 => Err(Failure::discard("chaos")),
        72..76 => {
            count(&world.ledgers[at].panics);
            drop(held);
            // Without the hook that would print it.
            resume_unwind(Box::new("chaos"))
        }
        76..82 if world.slow => {
            overrun(job, &mut dice)?;
            answer()
        }
        82..86 => Err(Failure::snooze(dice.micros(0, 3_000))),
        86..90 => Err(Failure::requeue()),
        90..92 if world.slow => Err(Failure::rate_limited(dice.micros(50, 1_000))),
        92..96 => {
            job.check()?;
            job.tell(world.kept(page.number));
            answer()
        }
        96..98 => {
            if let Some(queues) = others {
                super::driver::add_from_inside(world, queues, at, &mut dice);
            }
            answer()
        }
        _ => {
            thread::yield_now();
            answer()
        }
    }
}

fn run(world: &World, errand: Errand) {
    if let Some(runtime) = world.runtime.upgrade() {
        let report = runtime.shutdown(errand.timeout);
        drop(runtime);
        // Nobody waits for it any more only if the round has failed.
        let _ = errand.done.send(report.in_time);
    }
}

/// Works on until its time is over and a little longer; half of them ask now and then whether they are still wanted.
pub fn overrun(job: &impl Handle, dice: &mut Dice) -> Result<(), Revoked> {
    let asks = dice.one_in(2);
    let left = job.left().unwrap_or(Duration::from_millis(1));
    let until = Instant::now() + left + dice.micros(0, 5_000);
    while Instant::now() < until {
        thread::sleep(Duration::from_micros(200)); // WORK: it takes too long
        if asks {
            job.check()?;
        }
    }
    Ok(())
}

fn spin(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}
