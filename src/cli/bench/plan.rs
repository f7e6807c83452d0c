//! What a command line comes to: which levels, how many jobs, how often, with whom.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::contenders::{self, Contender};
use super::run::Terms;
use super::task::Workload;
use crate::cli::args::{BenchArgs, WorkloadChoice};
use crate::cli::level::{Level, Levels};

/// Longer than any job here takes, even with 256 threads on a core.
const PATIENCE: Duration = Duration::from_secs(20);

/// Jobs per run and repetitions, unless the options say otherwise.
#[derive(Clone, Copy, Debug)]
struct Amounts {
    empty: u64,
    files: u64,
    reps: u64,
}

/// Chosen for two to four minutes on two cores: runs of the fastest take a tenth of a second or more, enough to dwarf the
/// wake-ups at either end.
const FULL: Amounts = Amounts {
    empty: 4_000_000,
    files: 20_000,
    reps: 5,
};
/// Chosen for less than 20 seconds.
const QUICK: Amounts = Amounts {
    empty: 400_000,
    files: 4_000,
    reps: 3,
};

/// What to measure.
pub struct Plan {
    /// The levels, in order.
    pub levels: Vec<Level>,
    /// Repetitions of each.
    pub reps: u64,
    /// Who competes.
    pub contenders: Vec<Box<dyn Contender>>,
    /// What is the same in every run.
    pub terms: Terms,
    /// Whether the workloads are wanted: empty, files, idle.
    wanted: [bool; 3],
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
        let wants = |one| options.workload == WorkloadChoice::All || options.workload == one;
        Plan {
            levels: levels.0,
            reps: options.reps.unwrap_or(amounts.reps),
            contenders: contenders::all(&options.impls),
            terms: Terms {
                capacity: options.capacity as usize,
                patience: PATIENCE,
            },
            wanted: [
                WorkloadChoice::Empty,
                WorkloadChoice::Files,
                WorkloadChoice::Idle,
            ]
            .map(wants),
            amounts,
            jobs: options.jobs,
        }
    }

    /// Whether to measure the empty workload.
    pub fn wants_empty(&self) -> bool {
        self.wanted[0]
    }

    /// Whether to measure the files workload.
    pub fn wants_files(&self) -> bool {
        self.wanted[1]
    }

    /// Whether to measure idle workers.
    pub fn wants_idle(&self) -> bool {
        self.wanted[2]
    }

    /// Jobs in a run of `contender`. Slow contenders get fewer empty jobs, lest the table take an hour, unless the
    /// user named a number: then all do the same.
    pub fn jobs(&self, workload: &Workload, contender: &dyn Contender) -> u64 {
        match workload {
            Workload::Empty => self.jobs.unwrap_or(self.amounts.empty / contender.pace()),
            Workload::Files(corpus) => corpus.whole_passes(self.jobs.unwrap_or(self.amounts.files)),
        }
    }

    /// Runs per workload.
    pub fn runs(&self) -> u64 {
        self.levels.len() as u64 * self.reps * self.contenders.len() as u64
    }

    /// The contenders in the order of repetition `nth`: turned by one each time, so that whatever a run leaves to
    /// the next (a warm cache, a busy disk, a throttled core) meets everybody in turn.
    pub fn order(&self, nth: u64) -> impl Iterator<Item = usize> {
        let number = self.contenders.len();
        (0..number).map(move |place| (place + nth as usize) % number)
    }

    /// The options as they took effect, for the JSON file.
    pub fn describe(&self) -> Options {
        Options {
            levels: self.levels.clone(),
            reps: self.reps,
            capacity: self.terms.capacity,
            jobs: self.jobs,
            contenders: self.contenders.iter().map(|one| one.name()).collect(),
            latency_sampled_one_in: super::sample::EVERY,
        }
    }
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
