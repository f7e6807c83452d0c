//! `priority`: words that leave by urgency, through guichet's lanes and what else there is.
//!
//! A step is one push or one pop. CPU time is the figure to trust; the ratio is that of the mutexed
//! binary heap's CPU time per step to the structure's, with the same keys in the same cell.

mod lanes;
mod run;

use std::fmt;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::child::{self, Order};
use crate::common::Common;
use crate::figures::{Figures, spread_percent};
use crate::progress::Progress;
use crate::regime::Place;
use crate::report::{Floor, Report};
use crate::rounds::{self, Row};
use crate::table::{self, count, digits, fault};
pub use run::Run;

/// Levels of a queue with bands.
const BANDS: u32 = 32;
/// Levels of a queue with a strict lane.
const LEVELS: u32 = 1 << 20;
/// What a pop among eight threads may take, in ns.
const FLOOR_TAIL_NS: f64 = 1_000.0;

/// What holds the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// FIFO lines under a bitmap; up to 1,024 levels.
    GuichetBands,
    /// The strict lane over a trie.
    GuichetHeap,
    /// The strict lane with keys of any width.
    GuichetWide,
    /// `Mutex<BinaryHeap<(key, number, word)>>`.
    MutexHeap,
    /// `crossbeam_skiplist::SkipMap<(key, number), word>`.
    Skiplist,
}

/// What is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// A million words inside; one thread pops and pushes.
    Million,
    /// A thousand inside; two threads, of which as a rule one pushes while the other pops.
    Split,
    /// Empty; one thread pushes and pops.
    NearEmpty,
    /// A thousand inside; eight threads pop and push, pops are timed.
    Tail,
    /// What it takes of memory.
    Memory,
    /// Whether two threads that empty it ever get what is more urgent after what is less.
    Rank,
}

macro_rules! named {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let value = self.to_possible_value();
                f.pad(value.as_ref().map_or("", |value| value.get_name()))
            }
        }
    )*};
}
named!(Structure, Workload);

impl Structure {
    /// How many times the mutexed heap's speed it shall reach.
    fn floor(self, workload: Workload, levels: u32) -> Option<f64> {
        match (self, workload, levels) {
            (Structure::GuichetBands, Workload::Million, BANDS) => Some(20.0),
            (Structure::GuichetBands, Workload::Split, BANDS) => Some(4.0),
            (Structure::GuichetBands, Workload::NearEmpty, BANDS) => Some(0.8),
            (Structure::GuichetHeap, Workload::Million, LEVELS) => Some(4.0),
            _ => None,
        }
    }
}

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Structures to compare; all by default.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub structure: Vec<Structure>,
    /// Workloads; all by default.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub workload: Vec<Workload>,
    /// Keys are below this, a power of two; bands take part up to 1,024.
    #[arg(long, value_delimiter = ',', value_name = "LIST", default_values_t = [BANDS, LEVELS])]
    pub levels: Vec<u32>,
}

fn chosen<T: ValueEnum + PartialEq + Copy>(wanted: &[T]) -> Vec<T> {
    let all = T::value_variants().iter().copied();
    all.filter(|one| wanted.is_empty() || wanted.contains(one))
        .collect()
}

const HEADER: [&str; 11] = [
    "workload",
    "levels",
    "structure",
    "steps/s",
    "spread %",
    "CPU ns/step",
    "x mutex-heap",
    "pop p50 ns",
    "p99 ns",
    "p99.9 ns",
    "floors",
];

const MEMORY_HEADER: [&str; 6] = [
    "levels",
    "structure",
    "empty MB",
    "bytes/word, 1k",
    "bytes/word, 1M",
    "rank errors/1000",
];

/// Makes all runs, prints two tables.
pub fn measure(options: &Options, common: &Common, report: &mut Report) {
    let (structures, workloads) = (chosen(&options.structure), chosen(&options.workload));
    let runs = structures.len() * workloads.len() * options.levels.len() * common.reps;
    let mut progress = Progress::new(runs, common.quiet);
    let (mut lines, mut sizes) = (Vec::new(), Vec::new());
    for &levels in &options.levels {
        let fits = |who: &&Structure| levels <= 1024 || **who != Structure::GuichetBands;
        let structures: Vec<Structure> = structures.iter().filter(fits).copied().collect();
        let mut size = vec![Vec::new(); structures.len()];
        for &workload in &workloads {
            let rows = rounds::in_turn(&structures, common.reps, |structure| {
                progress.step(|| format!("{workload} {levels} levels, {structure}"));
                let run = Run {
                    structure,
                    workload,
                    levels,
                    millis: common.millis(150),
                };
                child::run(&Order::Priority(run), Place::Anywhere)
            });
            let cell = json!({ "bench": "priority", "workload": workload, "levels": levels });
            report.keep(&cell, &rows);
            if matches!(workload, Workload::Memory | Workload::Rank) {
                for (size, row) in size.iter_mut().zip(&rows) {
                    size.extend(figures_of_size(workload, row));
                }
                continue;
            }
            let yardstick = rows
                .iter()
                .find(|row| row.contender == Structure::MutexHeap);
            let yardstick = yardstick.and_then(Row::medians).unwrap_or_default();
            lines.extend(
                rows.iter()
                    .map(|row| line(workload, levels, row, &yardstick, report)),
            );
            lines.push(vec![String::new()]);
        }
        for (structure, figures) in structures.iter().zip(size) {
            let mut line = vec![levels.to_string(), structure.to_string()];
            line.extend(figures);
            sizes.push(line);
        }
    }
    drop(progress);
    println!("\npriority: {} runs each\n", common.reps);
    table::print(&HEADER, 3..10, lines);
    println!("\nroom for a million words, 8 bytes of each of which are the word itself\n");
    table::print(&MEMORY_HEADER, 2..6, sizes);
}

fn figures_of_size(workload: Workload, row: &Row<Structure>) -> Vec<String> {
    let Some(medians) = row.medians() else {
        return vec![fault(row)];
    };
    match workload {
        Workload::Memory => vec![
            digits(medians.get("empty_bytes") / 1e6),
            digits(medians.get("bytes_of_few")),
            digits(medians.get("bytes_of_many")),
        ],
        _ => vec![digits(medians.get("errors"))],
    }
}

fn line(
    workload: Workload,
    levels: u32,
    row: &Row<Structure>,
    yardstick: &Figures,
    report: &mut Report,
) -> Vec<String> {
    let structure = row.contender;
    let mut line = vec![
        workload.to_string(),
        levels.to_string(),
        structure.to_string(),
    ];
    let Some(medians) = row.medians() else {
        line.push(fault(row));
        return line;
    };
    let ratio = yardstick.get("cpu_ns") / medians.get("cpu_ns");
    let tail = medians.get("p999_ns");
    line.extend([
        count(medians.get("rate")),
        digits(spread_percent(&row.runs, "rate")),
        digits(medians.get("cpu_ns")),
        digits(ratio),
        digits(medians.get("p50_ns")),
        digits(medians.get("p99_ns")),
        digits(tail),
    ]);
    let what = format!("priority {workload}, {levels} levels, {structure}");
    let floor = match structure.floor(workload, levels) {
        Some(limit) => Floor::at_least(limit, ratio, format!("{what}, x mutex-heap")),
        None if (structure, workload) == (Structure::GuichetBands, Workload::Tail) => {
            Floor::at_most(FLOOR_TAIL_NS, tail, format!("{what}, p99.9 of pop in ns"))
        }
        None => return line,
    };
    line.push(floor.mark());
    report.judge([floor]);
    line
}
