//! One round: a runtime, its queues, threads that do whatever may be done, a shutdown of some kind, and what was seen.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use guichet::Runtime;

use super::dice::Dice;
use super::driver::Driver;
use super::ending::{self, Ending};
use super::facts::Facts;
use super::gather::{self, Listener};
use super::handler;
use super::leaser::Leaser;
use super::world::{Books, Queues, World};

/// Longer than anything here takes, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often the conductor ends every pause: a driver that paused a queue may itself be blocked by that.
const BEAT: (u64, u64) = (2_000, 20_000);

const DRIVERS: u64 = 3;
const LEASERS: u64 = 2;

/// What a round came to.
pub struct Played {
    /// What was seen.
    pub facts: Facts,
    /// How it ended.
    pub ending: Ending,
    /// How long a shutdown whose time was over went on.
    pub overtime: Option<Duration>,
}

/// Threads of the round, each of which says so when it ends.
#[derive(Default)]
pub struct Troupe {
    threads: Vec<(String, JoinHandle<()>)>,
    exits: Option<(Sender<()>, Receiver<()>)>,
}

impl Troupe {
    /// One more.
    ///
    /// # Errors
    /// If the system refuses the thread.
    pub fn spawn(
        &mut self,
        name: String,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), String> {
        let (exit, _) = self.exits.get_or_insert_with(mpsc::channel);
        let exit = Exit(exit.clone());
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            let _exit = exit;
            body();
        });
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        self.threads.push((name, thread));
        Ok(())
    }

    /// Waits for `time`; an error if one of them ended meanwhile.
    fn play_on(&self, time: Duration) -> Result<(), String> {
        let ended = self
            .exits
            .as_ref()
            .map(|(_, exits)| exits.recv_timeout(time));
        match ended {
            Some(Ok(())) => Err(format!(
                "{} ended before the round",
                self.named(JoinHandle::is_finished)
            )),
            _ => Ok(()),
        }
    }

    /// Waits for all of them.
    ///
    /// # Errors
    /// Who does not end, or panicked.
    pub fn join(mut self) -> Result<(), String> {
        if let Some((_, exits)) = self.exits.take() {
            for _ in 0..self.threads.len() {
                if exits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    return Err(format!(
                        "{} did not end within {} s of the shutdown",
                        self.named(|thread| !thread.is_finished()),
                        PATIENCE.as_secs()
                    ));
                }
            }
        }
        for (name, thread) in self.threads {
            thread.join().map_err(|_| format!("{name} panicked"))?;
        }
        Ok(())
    }

    fn named(&self, which: impl Fn(&JoinHandle<()>) -> bool) -> String {
        let named = self.threads.iter().filter(|(_, thread)| which(thread));
        let names: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
        match names.is_empty() {
            true => "a thread".to_owned(),
            false => names.join(", "),
        }
    }
}

/// Says that its thread ends, if need be by a panic.
struct Exit(Sender<()>);

impl Drop for Exit {
    fn drop(&mut self) {
        // Nobody listens any more only if the round has failed.
        let _ = self.0.send(());
    }
}

/// Plays round `number` of `seed`, of at most `most`; shorter if `asked_to_stop` says so.
///
/// # Errors
/// What went so wrong that nothing more can be seen: a thread that does not end, a runtime that does not shut down. What
/// is stuck is left alone.
pub fn play(
    seed: u64,
    number: u64,
    most: Duration,
    asked_to_stop: &dyn Fn() -> bool,
) -> Result<Played, String> {
    let mut dice = Dice::new(&[seed, number]);
    let books = Books {
        recorded: dice.one_in(2),
        heard: dice.one_in(2),
    };
    let ending = Ending::draw(&mut dice);
    // Many are short: a shutdown is where most can go wrong.
    let length = match dice.one_in(2) {
        true => dice.micros(5_000, 200_000),
        false => dice.micros(200_000, 1_500_000),
    };
    let length = length.min(most);
    let runtime = Runtime::builder().drop_timeout(PATIENCE).build();
    let runtime = Arc::new(runtime.map_err(|error| error.to_string())?);
    let world = Arc::new(World::new(seed, number, dice.one_in(2), &runtime));
    let queues = Queues::build(&runtime, &world, books, &mut dice);
    let queues = queues.map_err(|error| error.to_string())?;
    let listeners = Listener::of_all(&queues, books)?;
    let closing = Arc::new(AtomicBool::new(false));
    let staged = stage(&world, &queues, books, &closing, &mut dice);
    let played = staged.and_then(|troupe| {
        let until = Instant::now() + length;
        while Instant::now() < until && !asked_to_stop() {
            troupe.play_on(dice.micros(BEAT.0, BEAT.1))?;
            queues.resume();
        }
        let ended = ending::end(ending, &world, &queues, runtime, &mut dice);
        // ORDERING: Relaxed — nothing is published with it; no partner.
        closing.store(true, Ordering::Relaxed);
        let overtime = ended?;
        troupe.join()?;
        Ok(overtime)
    });
    let overtime = match played {
        Ok(overtime) => overtime,
        Err(wrong) => {
            // ORDERING: Relaxed — as above.
            closing.store(true, Ordering::Relaxed);
            let stats: Vec<_> = queues.work.iter().map(|queue| queue.stats()).collect();
            let dead = queues.dead.stats();
            // Tearing down could wait for ever for what is stuck.
            mem::forget((queues, listeners));
            return Err(format!("{wrong}; {stats:?}, dead {dead:?}"));
        }
    };
    let facts = gather::facts(world, queues, listeners, books)?;
    Ok(Played {
        facts,
        ending,
        overtime,
    })
}

fn stage(
    world: &Arc<World>,
    queues: &Queues,
    books: Books,
    closing: &Arc<AtomicBool>,
    dice: &mut Dice,
) -> Result<Troupe, String> {
    handler::employ(world, queues, dice).map_err(|error| error.to_string())?;
    let mut troupe = Troupe::default();
    let names = |of: u64| Dice::new(&[world.seed, world.round, of]);
    for nth in 0..DRIVERS {
        let driver = Driver::new(world, queues, books.recorded, closing, names(1 << 60 | nth));
        troupe.spawn(format!("driver {nth}"), move || driver.run())?;
    }
    for nth in 0..LEASERS {
        let leaser = Leaser {
            world: Arc::clone(world),
            queues: queues.clone(),
            dice: names(1 << 61 | nth),
            closing: Arc::clone(closing),
        };
        troupe.spawn(format!("leaser {nth}"), move || leaser.run())?;
    }
    Ok(troupe)
}
