//! Latency of one job in 64: from just before it is added to its start, and to its end.
//!
//! Reading the clock costs as much as moving a job, so the others never look at it. The stamps lie beside the queue,
//! in a table with a row per sampled job: the payload stays one word, and the row is touched after the clock was read.
//!
//! *Which* job of a group of 64 is sampled is scattered by a hash. Always taking the first would always take the first
//! of a batch of 32, which waits least in a worker's hands and longest in its producer's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hdrhistogram::Histogram;

/// One job in `EVERY` is sampled.
pub const EVERY: u64 = 64;

/// The stamps of one run's sampled jobs.
#[derive(Debug)]
pub struct Samples {
    epoch: Instant,
    rows: Box<[Row]>,
}

/// Nanoseconds since the epoch; 0 = not yet.
#[derive(Debug, Default)]
struct Row {
    added: AtomicU64,
    started: AtomicU64,
    ended: AtomicU64,
}

impl Samples {
    /// Room for the samples of `jobs` jobs.
    pub fn new(jobs: u64) -> Self {
        let rows = (0..jobs.div_ceil(EVERY)).map(|_| Row::default()).collect();
        Samples {
            epoch: Instant::now(),
            rows,
        }
    }

    /// Called just before job `number` is added: keeps the time if the job is sampled.
    #[inline]
    pub fn stamp(&self, number: u64) {
        if let Some(row) = self.row(number) {
            // ORDERING: Relaxed — the queue under test carries it to the worker; partner: `record`.
            row.added.store(self.now(), Ordering::Relaxed);
        }
    }

    /// The time if job `number` is sampled; to be handed to [`record`](Self::record) after its work.
    #[inline]
    pub fn start(&self, number: u64) -> Option<u64> {
        sampled(number).then(|| self.now())
    }

    /// Keeps the latencies of job `number`, which started at `started` and ends now.
    pub fn record(&self, number: u64, started: u64) {
        let ended = self.now();
        if let Some(row) = self.row(number) {
            // ORDERING: Relaxed — read after the run; partner: the Release in `Tally::count` that follows.
            row.started.store(started, Ordering::Relaxed);
            row.ended.store(ended, Ordering::Relaxed);
        }
    }

    /// The latencies of all sampled jobs that ran.
    pub fn latencies(&self) -> Latencies {
        let mut latencies = Latencies::default();
        for row in &self.rows {
            // ORDERING: Relaxed — the run is over; partner: the Acquire in `Tally::total` that preceded.
            let [added, started, ended] =
                [&row.added, &row.started, &row.ended].map(|at| at.load(Ordering::Relaxed));
            if ended != 0 {
                latencies.record(started.saturating_sub(added), ended.saturating_sub(added));
            }
        }
        latencies
    }

    #[inline]
    fn row(&self, number: u64) -> Option<&Row> {
        if sampled(number) {
            self.rows.get((number / EVERY) as usize)
        } else {
            None
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }
}

/// Whether job `number` is the chosen one of its 64: Fibonacci hashing of the group's number.
#[inline]
fn sampled(number: u64) -> bool {
    let group = number / EVERY;
    number % EVERY == group.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - EVERY.ilog2())
}

/// Two latency distributions in nanoseconds, both from the call of add.
#[derive(Debug, Clone)]
pub struct Latencies {
    /// To the start of the handler.
    pub start: Histogram<u64>,
    /// To the end of its work.
    pub end: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies {
            start: three_digits(),
            end: three_digits(),
        }
    }
}

impl Latencies {
    /// Adds one job.
    pub fn record(&mut self, start_ns: u64, end_ns: u64) {
        self.start += start_ns;
        self.end += end_ns;
    }

    /// Adds all jobs of `other`.
    pub fn merge(&mut self, other: &Latencies) {
        self.start += &other.start;
        self.end += &other.end;
    }
}

/// An empty histogram that keeps three significant digits.
pub fn three_digits() -> Histogram<u64> {
    Histogram::new(3).expect("three significant digits are within 0..=5")
}
