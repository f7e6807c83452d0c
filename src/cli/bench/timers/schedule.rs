//! The books of one run: when each job was due, when it started, and how often.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::cli::bench::sample::three_digits;
use crate::cli::bench::tally::Tally;

/// Which job was due when. The thread that makes it is the one that waits.
#[derive(Debug)]
pub struct Schedule {
    epoch: Instant,
    rows: Box<[Row]>,
    tally: Tally,
}

/// Nanoseconds since the epoch.
#[derive(Debug, Default)]
struct Row {
    due: AtomicU64,
    started: AtomicU64,
}

impl Schedule {
    /// For jobs `0..jobs`.
    pub fn new(jobs: u64) -> Self {
        Schedule {
            epoch: Instant::now(),
            rows: (0..jobs).map(|_| Row::default()).collect(),
            tally: Tally::new(jobs, 1, 1),
        }
    }

    /// Called just before job `number` is added: it is due `delay` from now.
    pub fn expect(&self, number: u64, delay: Duration) {
        let due = self.now() + delay.as_nanos() as u64;
        // ORDERING: Relaxed — the structure under test carries it to the worker; partner: `verify`.
        self.rows[number as usize].due.store(due, Ordering::Relaxed);
    }

    /// The worker's side: job `number` starts.
    pub fn run(&self, number: u64) {
        let started = self.now();
        let row = &self.rows[number as usize];
        // ORDERING: Relaxed — read after the run; partner: the Release in `Tally::count` that follows.
        row.started.store(started, Ordering::Relaxed);
        self.tally.count(number);
    }

    /// Waits until all jobs have run.
    ///
    /// # Errors
    /// How many have run, if none did for as long as `patience`.
    pub fn wait(&self, patience: Duration) -> Result<(), u64> {
        match self.tally.wait(patience) {
            true => Ok(()),
            false => Err(self.tally.total().jobs),
        }
    }

    /// Checks, once the worker is gone, that each job ran exactly once and none was early; how late they were.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&self) -> Result<Histogram<u64>, String> {
        let jobs = self.rows.len() as u64;
        self.tally.total().verify(jobs)?;
        let mut lateness = three_digits();
        let (mut early, mut worst) = (0, 0);
        for row in &self.rows {
            // ORDERING: Relaxed — the run is over; partner: the Acquire in `Tally::total` that preceded.
            let [due, started] = [&row.due, &row.started].map(|at| at.load(Ordering::Relaxed));
            match started.checked_sub(due) {
                Some(late) => lateness += late,
                None => (early, worst) = (early + 1, worst.max(due - started)),
            }
        }
        if early > 0 {
            return Err(format!(
                "{early} of {jobs} jobs started before they were due, the worst of them {worst} ns"
            ));
        }
        Ok(lateness)
    }

    /// Checks, once the worker is gone, that no job ran.
    ///
    /// # Errors
    /// How many did.
    pub fn verify_none(&self) -> Result<(), String> {
        match self.tally.total().jobs {
            0 => Ok(()),
            ran => Err(format!("{ran} jobs ran, though all had been cancelled")),
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }
}
