//! One round: a runtime, its queues, threads that do whatever may be done, a shutdown of some kind, and what was seen.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use guichet::Runtime;

use super::dice::Dice;
use super::driver::Driver;
use super::ending::{self, Ending};
use super::facts::Facts;
use super::gather::{self, Listener};
use super::handler;
use super::leaser::Leaser;
use super::troupe::{PATIENCE, Troupe};
use super::world::{Books, Queues, World};

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
