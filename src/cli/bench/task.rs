//! One run's work, as every contender sees it: `stamp` before adding a job, `run` in the worker, `verify` at the end.
//!
//! A job is a number, `0..jobs`: one word of payload. What it means is looked up here, so all contenders carry the
//! same thing and differ in nothing but how they carry it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::draw::draw;
use super::files::{Corpus, Ledger};
use super::gate::Gate;
use super::sample::{Latencies, Samples};
use super::tally::Tally;

/// What the jobs of a run do.
#[derive(Clone, Debug)]
pub enum Workload {
    /// Nothing.
    Empty,
    /// Digest a file of the corpus.
    Files(Arc<Corpus>),
    /// Nothing, but in the order of the priorities that [`priority`] draws.
    Priority,
}

/// Priorities of the jobs of the workload `priority`: 1, the most urgent, to this.
pub const PRIORITIES: u32 = 32;

/// The priority of job `number`; the same in every run, and as likely as any other.
#[inline]
pub fn priority(number: u64) -> u32 {
    1 + (draw(number) % u64::from(PRIORITIES)) as u32
}

impl Workload {
    /// The name, as `--workload` takes it.
    pub fn name(&self) -> &'static str {
        match self {
            Workload::Empty => "empty",
            Workload::Files(_) => "files",
            Workload::Priority => "priority",
        }
    }
}

/// The work of one run and the books kept about it.
#[derive(Debug)]
pub struct Task {
    jobs: u64,
    ledger: Option<Ledger>,
    samples: Samples,
    tally: Tally,
}

impl Task {
    /// `jobs` jobs for `workers` threads; the calling thread is the one that will [`wait`](Self::wait).
    pub fn new(workload: &Workload, jobs: u64, workers: usize) -> Self {
        // A file takes tens of microseconds, so counting it at once is cheap, and the waiter sleeps to the end.
        let (ledger, stride) = match workload {
            Workload::Empty | Workload::Priority => (None, 64),
            Workload::Files(corpus) => (Some(Ledger::new(corpus, jobs)), 1),
        };
        Task {
            jobs,
            ledger,
            samples: Samples::new(jobs),
            tally: Tally::new(jobs, workers, stride),
        }
    }

    /// How many jobs there are.
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    /// The worker's side: does job `number`.
    #[inline]
    pub fn run(&self, number: u64) {
        let started = self.samples.start(number);
        if let Some(ledger) = &self.ledger {
            ledger.run(number);
        }
        if let Some(started) = started {
            self.samples.record(number, started);
        }
        self.tally.count(number);
    }

    /// Waits until all jobs have run.
    ///
    /// # Errors
    /// How many have run, if none did for as long as `patience`.
    pub fn wait(&self, patience: Duration) -> Result<(), u64> {
        if self.tally.wait(patience) {
            Ok(())
        } else {
            Err(self.tally.total().jobs)
        }
    }

    /// Checks, once the workers are gone, that each job ran exactly once and found what it should.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(&self) -> Result<(), String> {
        if let Some(ledger) = &self.ledger {
            ledger.verify()?;
        }
        self.tally.total().verify(self.jobs)
    }

    /// The latencies of the sampled jobs.
    pub fn latencies(&self) -> Latencies {
        self.samples.latencies()
    }
}

/// One producer's part of a task.
#[derive(Debug)]
pub struct Share {
    task: Arc<Task>,
    gate: Arc<Gate>,
    numbers: Range<u64>,
}

impl Share {
    /// Cuts `task` into `producers` parts that start together at `gate`.
    pub fn cut(
        task: &Arc<Task>,
        gate: &Arc<Gate>,
        producers: usize,
    ) -> impl Iterator<Item = Share> {
        let (jobs, producers) = (task.jobs, producers as u64);
        (0..producers).map(move |nth| Share {
            task: Arc::clone(task),
            gate: Arc::clone(gate),
            numbers: jobs * nth / producers..jobs * (nth + 1) / producers,
        })
    }

    /// Waits for the start, then hands every job to `add`, one by one, until it fails.
    pub fn each<E>(self, mut add: impl FnMut(u64) -> Result<(), E>) -> Result<(), E> {
        if self.gate.arrive() {
            for number in self.numbers {
                self.task.samples.stamp(number);
                add(number)?;
            }
        }
        Ok(())
    }

    /// Waits for the start, then hands the jobs to `add` in batches of `size`, the last one perhaps smaller.
    pub fn batches<E>(
        self,
        size: usize,
        mut add: impl FnMut(Vec<u64>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.gate.arrive() {
            let Range { mut start, end } = self.numbers;
            while start < end {
                let next = end.min(start + size as u64);
                let batch: Vec<u64> = (start..next).collect();
                (start..next).for_each(|number| self.task.samples.stamp(number));
                add(batch)?;
                start = next;
            }
        }
        Ok(())
    }
}
