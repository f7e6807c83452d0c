//! The `timers` workload: delayed jobs by the real clock. How late do they start, and what do adding and cancelling cost?
//!
//! All jobs of a run are added at once, as fast as one thread can, with delays drawn evenly from [`DELAYS`]; one worker
//! does nothing with them but read the clock. A job counts as due at the instant before it is added plus its delay, so
//! one that starts earlier than that is early without doubt, and a fault.
//!
//! Before that, adding and cancelling are timed with jobs that are due far too late to get in the way.

mod byhand;
mod guichet;
mod results;
mod schedule;
#[cfg(test)]
mod tests;
mod timing;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

pub use self::results::{Document, Row, Timers};
use self::schedule::Schedule;
use self::timing::Timing;
use super::draw::draw;
use super::fault::Fault;
use super::meter::{Consumed, Meter};
use crate::cli::args::Impl;

/// Delays of the jobs, in nanoseconds.
const DELAYS: RangeInclusive<u64> = 1_000_000..=1_000_000_000;
/// What is added to them where nothing is to become due.
const FAR: Duration = Duration::from_secs(3600);
/// Jobs that are at least added and cancelled to time it; fewer take too short a time.
const CHURN: u64 = 200_000;

/// One implementation.
pub struct Contender {
    /// Which one.
    pub id: Impl,
    /// The name in the table.
    pub name: &'static str,
    /// What a reader must know to compare fairly, if anything.
    pub note: Option<&'static str>,
    measure: fn(u64, Duration) -> Result<Measured, Fault>,
}

impl Contender {
    fn of<T: Timing>() -> Self {
        Contender {
            id: T::ID,
            name: T::NAME,
            note: T::NOTE,
            measure: measure::<T>,
        }
    }

    /// Makes one run of `jobs` jobs, which fails if nothing happens for as long as `patience`.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn measure(&self, jobs: u64, patience: Duration) -> Result<Measured, Fault> {
        (self.measure)(jobs, patience)
    }
}

/// All contenders in the order of the table, or those of `chosen`.
pub fn contenders(chosen: &[Impl]) -> Vec<Contender> {
    let every = [
        Contender::of::<guichet::Delaying>(),
        Contender::of::<byhand::Heap<byhand::Alarm>>(),
        Contender::of::<byhand::Heap<byhand::Tick>>(),
    ];
    every
        .into_iter()
        .filter(|one| chosen.is_empty() || chosen.contains(&one.id))
        .collect()
}

/// What a run measured.
#[derive(Debug)]
pub struct Measured {
    /// From the first add to the end of the last job.
    consumed: Consumed,
    /// Handler start minus due instant, in nanoseconds.
    lateness: Histogram<u64>,
    /// Delayed jobs that one thread adds in a second.
    adds_per_second: f64,
    /// Delayed jobs that one thread cancels in a second.
    cancels_per_second: f64,
}

fn measure<T: Timing>(jobs: u64, patience: Duration) -> Result<Measured, Fault> {
    let (adds_per_second, cancels_per_second) = churn::<T>(jobs)?;
    let (consumed, lateness) = punctuality::<T>(jobs, patience)?;
    Ok(Measured {
        consumed,
        lateness,
        adds_per_second,
        cancels_per_second,
    })
}

/// Adds and cancels per second.
fn churn<T: Timing>(jobs: u64) -> Result<(f64, f64), Fault> {
    let schedule = Arc::new(Schedule::new(jobs));
    let mut system = T::start(jobs, &schedule)?;
    let (mut adding, mut cancelling) = (Duration::ZERO, Duration::ZERO);
    let rounds = CHURN.div_ceil(jobs);
    let mut added = Vec::with_capacity(jobs as usize);
    for _ in 0..rounds {
        let begun = Instant::now();
        for number in 0..jobs {
            added.push(system.add(number, FAR + delay(number))?);
        }
        adding += begun.elapsed();
        let begun = Instant::now();
        let cancelled = added.drain(..).filter(|job| system.cancel(job)).count() as u64;
        cancelling += begun.elapsed();
        if cancelled != jobs {
            let books = format!(
                "{cancelled} of {jobs} jobs could be cancelled an hour before they were due"
            );
            return Err(Fault::Unsound(books));
        }
    }
    system.finish()?;
    schedule.verify_none().map_err(Fault::Unsound)?;
    let per_second = |time: Duration| (rounds * jobs) as f64 / time.as_secs_f64();
    Ok((per_second(adding), per_second(cancelling)))
}

/// How late the jobs are.
fn punctuality<T: Timing>(
    jobs: u64,
    patience: Duration,
) -> Result<(Consumed, Histogram<u64>), Fault> {
    let schedule = Arc::new(Schedule::new(jobs));
    let mut system = T::start(jobs, &schedule)?;
    let meter = Meter::start();
    for number in 0..jobs {
        let delay = delay(number);
        schedule.expect(number, delay);
        system.add(number, delay)?;
    }
    let waited = schedule.wait(patience);
    let consumed = meter.read();
    if let Err(ran) = waited {
        // Tearing down could wait for ever for what is stuck, so it is left alone.
        std::mem::forget(system);
        return Err(Fault::Stalled { ran, jobs });
    }
    let finished = system.finish();
    // The schedule's own books name the fault more exactly than the contender's.
    let lateness = schedule.verify().map_err(Fault::Unsound)?;
    finished?;
    Ok((consumed, lateness))
}

/// The delay of job `number`, the same in every run.
fn delay(number: u64) -> Duration {
    let (least, most) = (DELAYS.start(), DELAYS.end());
    Duration::from_nanos(least + draw(number) % (most - least + 1))
}
