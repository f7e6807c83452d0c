//! How a round ends: with a shutdown of one kind or another.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use guichet::{Runtime, ShutdownReport};

use super::dice::Dice;
use super::troupe::PATIENCE;
use super::world::{Errand, Queues, World};

/// How long a handler may take to come for an errand.
const WILLING: Duration = Duration::from_millis(200);

/// The kinds of shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With time enough.
    Generous,
    /// With hardly any.
    Tiny,
    /// Called by a handler.
    Inside,
    /// Called by two threads at once.
    Twice,
    /// By dropping the runtime.
    Dropped,
}

/// All of them, in the order of the report.
pub const ENDINGS: [(Ending, &str); 5] = [
    (Ending::Generous, "with time enough"),
    (Ending::Tiny, "with hardly any"),
    (Ending::Inside, "from inside a handler"),
    (Ending::Twice, "by two threads at once"),
    (Ending::Dropped, "by dropping the runtime"),
];

impl Ending {
    /// One of them.
    pub fn draw(dice: &mut Dice) -> Self {
        ENDINGS[dice.below(ENDINGS.len() as u64) as usize].0
    }
}

/// Shuts the runtime down, and waits until all its threads have left. Gives how long a shutdown with
/// hardly any time went on when that was over.
///
/// # Errors
/// If they don't, or a report is wrong.
pub fn end(
    ending: Ending,
    world: &World,
    queues: &Queues,
    runtime: Arc<Runtime>,
    dice: &mut Dice,
) -> Result<Option<Duration>, String> {
    let mut overtime = None;
    let tiny = dice.micros(0, 3_000);
    let either = |dice: &mut Dice| match dice.one_in(2) {
        true => PATIENCE,
        false => tiny,
    };
    match ending {
        Ending::Generous => {
            let report = runtime.shutdown(PATIENCE);
            all_over(&report)?;
            let interrupted = report
                .queues
                .iter()
                .find(|queue| queue.stats.interrupted > 0);
            if let Some(queue) = interrupted {
                let wrong = format!("{} interrupted jobs with time left", queue.name);
                return Err(stuck(runtime, wrong));
            }
        }
        Ending::Tiny => {
            let started = Instant::now();
            let report = runtime.shutdown(tiny);
            match report.in_time {
                true => all_over(&report)?,
                false => overtime = Some(started.elapsed().saturating_sub(tiny)),
            }
        }
        Ending::Inside => {
            queues.resume();
            let (done, outcome) = mpsc::channel();
            let timeout = either(dice);
            world.send(Errand { timeout, done });
            if outcome.recv_timeout(WILLING).is_err() {
                match world.errand() {
                    // Nobody came.
                    Some(errand) => drop(runtime.shutdown(errand.timeout)),
                    None if outcome.recv_timeout(2 * PATIENCE).is_err() => {
                        let wrong = "a shutdown from inside a handler did not return";
                        return Err(stuck(runtime, wrong.to_owned()));
                    }
                    None => {}
                }
            }
        }
        Ending::Twice => {
            let (one, other) = (either(dice), either(dice));
            thread::scope(|scope| {
                scope.spawn(|| runtime.shutdown(one));
                runtime.shutdown(other);
            });
        }
        Ending::Dropped => {
            // The only one: handlers have one only while they are on an errand.
            drop(runtime);
            return Ok(None);
        }
    }
    let report = runtime.shutdown(PATIENCE);
    match all_over(&report) {
        Ok(()) => Ok(overtime),
        Err(wrong) => Err(stuck(runtime, wrong)),
    }
}

/// A runtime that does not end is left alone: dropping it would wait for it again.
fn stuck(runtime: Arc<Runtime>, wrong: String) -> String {
    mem::forget(runtime);
    wrong
}

/// A shutdown that was in time leaves nothing behind.
fn all_over(report: &ShutdownReport) -> Result<(), String> {
    if !report.in_time {
        let threads = report.abandoned_threads;
        return Err(format!(
            "shutdown gave up on {threads} threads after {} s",
            PATIENCE.as_secs()
        ));
    }
    let open = |stats: &guichet::QueueStats| !stats.is_balanced() || stats.live() != 0;
    match report.queues.iter().find(|queue| open(&queue.stats)) {
        None => Ok(()),
        Some(queue) => Err(format!(
            "shutdown was in time, and its report says of {}: {:?}",
            queue.name, queue.stats
        )),
    }
}
