//! The options and their help. Every number states its range once, in [`expects`], for help, errors and parser alike.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Effects};
use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

use super::level::{LevelError, Levels};

/// Jobs per run. The upper end keeps every per-job book of the `files` workload under half a gigabyte.
pub const JOBS: RangeInclusive<u64> = 1..=10_000_000;
/// Repetitions of every measurement.
pub const REPS: RangeInclusive<u64> = 1..=1_000;
/// Jobs a queue or channel may hold: what [`guichet::QueueBuilder::capacity`] takes.
pub const CAPACITY: RangeInclusive<u64> = 1..=(1 << 24) - 1;
/// How long a soak may be: up to a day.
pub const SECONDS: RangeInclusive<u64> = 1..=86_400;
/// What a soak's decisions may begin with.
pub const SEED: RangeInclusive<u64> = 0..=u64::MAX;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

/// A work queue inside one process, and what it costs.
#[derive(Debug, Parser)]
#[command(
    name = "guichet",
    version,
    about = "A work queue inside one process, measured on your machine",
    after_help = "Examples:\n  guichet bench --quick          a first impression in under 20 seconds\n  \
                  guichet bench                  the full comparison, under five minutes\n  \
                  guichet bench --help           all options",
    disable_help_subcommand = true,
    styles = STYLES
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure guichet and its rivals side by side on this machine
    #[command(after_help = "Examples:
  guichet bench --quick                                   a first impression
  guichet bench --workload empty --levels 1x1,2x2,8x8     only overhead, chosen levels
  guichet bench --workload files --input ~/notes          real work on your own files
  guichet bench --workload priority --levels 2x2          what 32 priorities cost
  guichet bench --workload timers --jobs 100000           how late delayed jobs start
  guichet bench --impl guichet-add,crossbeam --reps 15    two contenders, more repetitions
  guichet bench --workload chaos --seconds 60             everything at once, every job accounted for
  guichet bench --json result.json --quiet                for scripts

Exit status: 0 done, 1 a job was lost, repeated, wrong, early or unaccounted for, 2 a wrong option,
130 or 143 stopped by a signal after printing what had been measured.")]
    Bench(BenchArgs),
}

/// The options of `guichet bench`.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// What the jobs do
    #[arg(long, value_enum, value_name = "NAME", default_value_t = WorkloadChoice::All, help_heading = "What to run")]
    pub workload: WorkloadChoice,

    /// Concurrency levels as PRODUCERSxWORKERS, each 1..=256 [default: 1x1,1x2,2x1,2x2, doubling to twice
    /// the cores, and one with 8 threads per core]
    #[arg(long, value_name = "LIST", value_parser = levels, allow_hyphen_values = true, help_heading = "What to run")]
    pub levels: Option<Levels>,

    /// Contenders, separated by commas [default: all those of the workload]
    #[arg(
        long = "impl",
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        help_heading = "What to run"
    )]
    pub impls: Vec<Impl>,

    /// Directory whose files the `files` workload reads [default: guichet's own sources]
    #[arg(long, value_name = "DIR", help_heading = "What to run")]
    pub input: Option<PathBuf>,

    /// Fewer levels, repetitions and jobs: under 20 seconds in all
    #[arg(long, help_heading = "How much")]
    pub quick: bool,

    /// Jobs per run, 1..=10000000, of which `timers` takes a million at most [default: by workload; slow rivals
    /// get fewer empty jobs]
    #[arg(long, value_name = "N", value_parser = jobs, allow_negative_numbers = true, help_heading = "How much")]
    pub jobs: Option<u64>,

    /// Repetitions of every measurement, 1..=1000 [default: 5, quick 3, quick timers 1]
    #[arg(long, value_name = "N", value_parser = reps, allow_negative_numbers = true, help_heading = "How much")]
    pub reps: Option<u64>,

    /// Jobs a queue may hold, 1..=16777215; `timers` holds all its jobs
    #[arg(long, value_name = "N", value_parser = capacity, allow_negative_numbers = true, default_value = "1024", help_heading = "How much")]
    pub capacity: u64,

    /// How long `chaos` goes on, 1..=86400
    #[arg(long, value_name = "N", value_parser = seconds, allow_negative_numbers = true, default_value = "10", help_heading = "How much")]
    pub seconds: u64,

    /// What the decisions of `chaos` begin with, 0..=18446744073709551615; the interleaving of its threads does not
    /// depend on it [default: from the clock, and printed]
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true, help_heading = "What to run")]
    pub seed: Option<u64>,

    /// Also write environment, runs and summary to FILE as JSON (schema guichet-bench/1)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// No progress bar
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

/// What `--workload` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorkloadChoice {
    /// Jobs that do nothing: pure overhead
    Empty,
    /// Jobs that read a file, count lines and words and compute its CRC-32
    Files,
    /// Empty jobs of 32 priorities, drawn at random: what order costs
    Priority,
    /// Jobs delayed by 1 ms to 1 s: how late they start, what adding and cancelling cost
    Timers,
    /// No jobs: what idle workers cost, and whether memory stays constant
    Idle,
    /// All of the above
    All,
    /// A soak, not in `all`: everything that queues can do at once, and every job accounted for
    Chaos,
}

/// The implementations that can be measured, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Impl {
    /// One `Queue::add` per job
    GuichetAdd,
    /// The same while somebody listens to the queue's events; only if named
    GuichetHeard,
    /// A `Producer` handle per thread
    GuichetProducer,
    /// `Queue::add_many`, 32 jobs at a time
    GuichetAddMany,
    /// Worker threads on a bounded crossbeam-channel
    Crossbeam,
    /// Worker threads on std's `sync_channel`, the receiver behind a mutex
    Std,
    /// Worker threads on a `Mutex<VecDeque>` with condition variables (parking_lot)
    Mutex,
    /// `ThreadPool::spawn` from outside the pool; knows no bound
    Rayon,
    /// Of `priority`: a queue without priorities, the baseline
    GuichetFifo,
    /// Of `priority`: a queue with a band for each of 32 priorities
    GuichetBands,
    /// Of `priority`: a queue whose 1048576 priorities lie in a heap
    GuichetHeap,
    /// Of `priority`: worker threads on a `Mutex<BinaryHeap>` with condition variables (parking_lot)
    MutexHeap,
    /// Of `timers`: delayed jobs of a queue with one worker
    GuichetDelay,
    /// Of `timers`: one thread that sleeps on a condition variable until its `Mutex<BinaryHeap>` has something due
    CondvarHeap,
    /// Of `timers`: one thread that looks into the same heap every millisecond
    TickLoop,
}

/// What `option` takes, in the words of its error message.
pub fn expects(option: &str) -> Option<String> {
    let whole = |range: &RangeInclusive<u64>| {
        format!("a whole number in {}..={}", range.start(), range.end())
    };
    match option {
        "--jobs" => Some(whole(&JOBS)),
        "--reps" => Some(whole(&REPS)),
        "--capacity" => Some(whole(&CAPACITY)),
        "--seconds" => Some(whole(&SECONDS)),
        "--seed" => Some(whole(&SEED)),
        "--levels" => Some(LevelError.to_string()),
        "--workload" => Some(format!("one of {}", names::<WorkloadChoice>())),
        "--impl" => Some(format!("a list of {}", names::<Impl>())),
        "--input" => Some("a directory".to_owned()),
        "--json" => Some("a file to write".to_owned()),
        _ => None,
    }
}

/// The values of an option that takes names, separated by commas.
fn names<E: ValueEnum>() -> String {
    let values = E::value_variants().iter().filter_map(E::to_possible_value);
    values
        .map(|value| value.get_name().to_owned())
        .collect::<Vec<_>>()
        .join(", ")
}

fn jobs(text: &str) -> Result<u64, OutOfRange> {
    whole(text, JOBS)
}

fn reps(text: &str) -> Result<u64, OutOfRange> {
    whole(text, REPS)
}

fn capacity(text: &str) -> Result<u64, OutOfRange> {
    whole(text, CAPACITY)
}

fn seconds(text: &str) -> Result<u64, OutOfRange> {
    whole(text, SECONDS)
}

fn seed(text: &str) -> Result<u64, OutOfRange> {
    whole(text, SEED)
}

fn levels(text: &str) -> Result<Levels, LevelError> {
    text.parse()
}

/// A whole number; underscores may group its digits, as in Rust.
fn whole(text: &str, range: RangeInclusive<u64>) -> Result<u64, OutOfRange> {
    text.replace('_', "")
        .parse()
        .ok()
        .filter(|n| range.contains(n))
        .ok_or(OutOfRange)
}

/// The number is none or lies outside its range; [`expects`] says which range.
#[derive(Debug)]
struct OutOfRange;

impl std::fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("out of range")
    }
}

impl std::error::Error for OutOfRange {}
