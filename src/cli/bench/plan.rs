//! What a command line comes to: which levels, how many jobs, how often, with whom.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::contenders::{self, Contender};
use super::error::Error;
use super::run::Terms;
use super::task::Workload;
use super::timers;
use crate::cli::args::{BenchArgs, WorkloadChoice};
use crate::cli::level::{Level, Levels};

/// Longer than any job here takes, even with 256 threads on a core.
const PATIENCE: Duration = Duration::from_secs(20);
/// More delayed jobs than this would not be done with in the second in which they are due.
const MOST_TIMERS: u64 = 1_000_000;

/// Jobs per run and repetitions, unless the options say otherwise.
#[derive(Clone, Copy, Debug)]
struct Amounts {
    empty: u64,
    files: u64,
    priority: u64,
    timers: u64,
    reps: u64,
    /// A repetition of `timers` takes a second for each contender, whatever the number of jobs.
    timers_reps: u64,
}

/// Chosen for less than five minutes on two cores: runs of the fastest take a tenth of a second or more, enough to dwarf the
/// wake-ups at either end.
const FULL: Amounts = Amounts {
    empty: 4_000_000,
    files: 20_000,
    priority: 1_000_000,
    timers: 20_000,
    reps: 5,
    timers_reps: 5,
};
/// Chosen for less than 20 seconds.
const QUICK: Amounts = Amounts {
    empty: 400_000,
    files: 4_000,
    priority: 200_000,
    timers: 2_000,
    reps: 3,
    timers_reps: 1,
};

/// What to measure.
pub struct Plan {
    /// The levels, in order.
    pub levels: Vec<Level>,
    /// Repetitions of each.
    pub reps: u64,
    /// Repetitions of the `timers` workload.
    pub timers_reps: u64,
    /// What is the same in every run.
    pub terms: Terms,
    /// Who competes in the `timers` workload.
    pub timers: Vec<timers::Contender>,
    /// Who competes in the workloads `empty` and `files`.
    orderless: Vec<Box<dyn Contender>>,
    /// Who competes in the workload `priority`.
    prioritised: Vec<Box<dyn Contender>>,
    chosen: WorkloadChoice,
    /// Whether the user named contenders.
    named: bool,
    amounts: Amounts,
    /// Jobs per run as the user wished.
    jobs: Option<u64>,
}

impl Plan {
    /// The plan for these options on a machine of `cores`.
    pub fn new(options: &BenchArgs, cores: usize) -> Self {
        let amounts = if options.quick { QUICK } else { FULL };
        let levels = match (&options.levels, options.quick) {
            (Some(levels), _) => levels.clone(),
            (None, true) => Levels::quick(),
            (None, false) => Levels::sweep(cores),
        };
        Plan {
            levels: levels.0,
            reps: options.reps.unwrap_or(amounts.reps),
            timers_reps: options.reps.unwrap_or(amounts.timers_reps),
            terms: Terms {
                capacity: options.capacity as usize,
                patience: PATIENCE,
            },
            timers: timers::contenders(&options.impls),
            orderless: contenders::all(&options.impls),
            prioritised: contenders::prioritised(&options.impls),
            chosen: options.workload,
            named: !options.impls.is_empty(),
            amounts,
            jobs: options.jobs,
        }
    }

    /// Whether to measure this workload.
    pub fn wants(&self, one: WorkloadChoice) -> bool {
        self.chosen == WorkloadChoice::All || self.chosen == one
    }

    /// Who competes in `workload`.
    pub fn contenders(&self, workload: &Workload) -> &[Box<dyn Contender>] {
        match workload {
            Workload::Empty | Workload::Files(_) => &self.orderless,
            Workload::Priority => &self.prioritised,
        }
    }

    /// Checks that somebody competes, where somebody is to.
    ///
    /// # Errors
    /// `Nobody` if the contenders chosen and the workload chosen have nothing to do with each other.
    pub fn check(&self) -> Result<(), Error> {
        let (workload, nobody) = match self.chosen {
            WorkloadChoice::Empty => ("empty", self.orderless.is_empty()),
            WorkloadChoice::Files => ("files", self.orderless.is_empty()),
            WorkloadChoice::Priority => ("priority", self.prioritised.is_empty()),
            WorkloadChoice::Timers => ("timers", self.timers.is_empty()),
            // Nobody competes in it.
            WorkloadChoice::Chaos => ("chaos", self.named),
            WorkloadChoice::Idle | WorkloadChoice::All => return Ok(()),
        };
        if nobody {
            return Err(Error::Nobody { workload });
        }
        Ok(())
    }

    /// Jobs in a run of `contender`. Slow contenders get fewer empty jobs, lest the table take an hour, unless the
    /// user named a number: then all do the same.
    pub fn jobs(&self, workload: &Workload, contender: &dyn Contender) -> u64 {
        match workload {
            Workload::Empty => self.jobs.unwrap_or(self.amounts.empty / contender.pace()),
            Workload::Files(corpus) => corpus.whole_passes(self.jobs.unwrap_or(self.amounts.files)),
            Workload::Priority => self
                .jobs
                .unwrap_or(self.amounts.priority / contender.pace()),
        }
    }

    /// Jobs in a run of the `timers` workload.
    pub fn timers_jobs(&self) -> u64 {
        self.jobs.unwrap_or(self.amounts.timers).min(MOST_TIMERS)
    }

    /// Runs in all: those of `workloads`, and of `timers` if it is wanted.
    pub fn runs(&self, workloads: &[Workload]) -> u64 {
        let contenders = workloads
            .iter()
            .map(|one| self.contenders(one).len() as u64);
        let swept = self.levels.len() as u64 * self.reps * contenders.sum::<u64>();
        let delayed = match self.wants(WorkloadChoice::Timers) {
            true => self.timers_reps * self.timers.len() as u64,
            false => 0,
        };
        swept + delayed
    }

    /// The options as they took effect, for the JSON file.
    pub fn describe(&self) -> Options {
        Options {
            levels: self.levels.clone(),
            reps: self.reps,
            capacity: self.terms.capacity,
            jobs: self.jobs,
            contenders: self.names(),
            latency_sampled_one_in: super::sample::EVERY,
        }
    }

    /// Everybody who competes in something that is wanted.
    fn names(&self) -> Vec<&'static str> {
        let wants = |workloads: &[WorkloadChoice]| workloads.iter().any(|one| self.wants(*one));
        let mut names = Vec::new();
        if wants(&[WorkloadChoice::Empty, WorkloadChoice::Files]) {
            names.extend(self.orderless.iter().map(|one| one.name()));
        }
        if wants(&[WorkloadChoice::Priority]) {
            names.extend(self.prioritised.iter().map(|one| one.name()));
        }
        if wants(&[WorkloadChoice::Timers]) {
            names.extend(self.timers.iter().map(|one| one.name));
        }
        names
    }
}

/// The contenders, `number` of them, in the order of repetition `nth`: turned by one each time, so that whatever a run
/// leaves to the next (a warm cache, a busy disk, a throttled core) meets everybody in turn.
pub fn order(number: usize, nth: u64) -> impl Iterator<Item = usize> {
    (0..number).map(move |place| (place + nth as usize) % number)
}

/// The options as they took effect.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    levels: Vec<Level>,
    reps: u64,
    capacity: usize,
    jobs: Option<u64>,
    contenders: Vec<&'static str>,
    latency_sampled_one_in: u64,
}

/// Where the files come from: the user's directory, or this crate's sources, or those of the current directory.
pub fn input(chosen: Option<&Path>) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    match chosen {
        Some(path) => path.to_owned(),
        None if sources.is_dir() => sources,
        None => PathBuf::from("src"),
    }
}
