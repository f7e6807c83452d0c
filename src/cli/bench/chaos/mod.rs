//! The `chaos` workload: an accounting soak. Everything that may be done to queues, by many threads, round after round.
//!
//! ```text
//! seed, round ─► queues, threads, handlers ─► a shutdown of some kind ─► facts ─► check
//! ```
//! A round of about a second has a runtime of its own with five [queues](world): small ones, so that adders block;
//! time-outs of milliseconds; retries, delays, time to live; leases that are dropped; dead letters that find no room.
//! [Drivers](driver), [leasers](leaser) and [handlers](handler) do what their dice say, the [ending](ending) shuts down
//! amid all that, and the [check] then asks whether every job ended once and every payload is accounted for.
//!
//! The seed decides what each thread, and each attempt, decides; what meets what is up to the scheduler. So a seed that
//! failed once need not fail each time.

mod check;
mod dice;
mod driver;
mod ending;
mod facts;
mod gather;
mod handler;
mod leaser;
mod lives;
mod meddle;
mod payload;
mod report;
mod round;
#[cfg(test)]
mod tests;
mod troupe;
mod world;
mod wrong;

use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::ProgressBar;

use self::report::Totals;
pub use self::wrong::Wrong;
use crate::cli::args::BenchArgs;
use crate::cli::bench::error::Error;
use crate::cli::bench::progress::progress;
use crate::cli::stop::Stop;

/// A round that would be shorter than this is not begun.
const SHORTEST: Duration = Duration::from_millis(50);
/// A run that takes no longer shows no progress.
const BRIEF: u64 = 2;

/// Plays rounds for as long as the options say, prints what they came to, and stops at the first that is wrong.
///
/// # Errors
/// That round; or `Output` when the report cannot be written.
pub fn run(
    options: &BenchArgs,
    stop: &Stop,
    out: &mut dyn Write,
) -> Result<(), crate::cli::error::Error> {
    let seed = options.seed.unwrap_or_else(seed_of_now);
    let quiet = options.quiet || options.seconds <= BRIEF;
    let progress = progress(options.seconds, quiet);
    let mut totals = Totals::new(seed);
    let outcome = soak(
        Duration::from_secs(options.seconds),
        stop,
        &progress,
        &mut totals,
    );
    progress.finish_and_clear();
    totals.print(stop.requested(), out)?;
    outcome.map_err(Error::Chaos)?;
    Ok(())
}

fn soak(
    time: Duration,
    stop: &Stop,
    progress: &ProgressBar,
    totals: &mut Totals,
) -> Result<(), Wrong> {
    let begun = Instant::now();
    let seed = totals.seed;
    for round in 1.. {
        let left = time.saturating_sub(begun.elapsed());
        if stop.requested() || (round > 1 && left < SHORTEST) {
            break;
        }
        progress.set_message(format!("seed {seed}, round {round}"));
        let wrong = |what| Wrong { seed, round, what };
        let played = round::play(seed, round, left, &|| stop.requested()).map_err(wrong)?;
        check::check(&played.facts).map_err(wrong)?;
        totals.add(&played);
        totals.elapsed = begun.elapsed();
        progress.set_position(totals.elapsed.as_secs());
    }
    Ok(())
}

/// Another one each time.
fn seed_of_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
