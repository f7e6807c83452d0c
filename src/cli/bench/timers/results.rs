//! What the `timers` workload measured, for the table and the JSON file.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Contender, DELAYS, Measured};
use crate::cli::args::Impl;
use crate::cli::bench::results::{Percentiles, Spread};
use crate::cli::bench::sample::three_digits;

/// All runs of the workload.
#[derive(Debug)]
pub struct Timers {
    /// Jobs in each run.
    pub jobs: u64,
    /// A row for each contender, in the order of the table.
    pub rows: Vec<Row>,
}

/// All runs of one contender.
#[derive(Debug)]
pub struct Row {
    /// Which contender.
    pub id: Impl,
    /// Its name in the table.
    pub name: &'static str,
    /// What a reader must know to compare fairly, if anything.
    pub note: Option<&'static str>,
    /// Its runs, by repetition.
    pub runs: Vec<Run>,
    /// Of all jobs of all runs, in nanoseconds.
    lateness: Histogram<u64>,
}

/// One run in figures.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// 1, 2, 3 …; the contenders of one repetition ran side by side.
    pub repetition: u64,
    /// Delayed jobs that one thread added in a second.
    pub adds_per_second: f64,
    /// Delayed jobs that one thread cancelled in a second.
    pub cancels_per_second: f64,
    /// CPU nanoseconds of the whole process per job that was added, became due and ran.
    pub cpu_ns_per_job: Option<f64>,
    /// Start of the handler minus due instant.
    pub lateness: Percentiles,
}

impl Timers {
    /// Nothing measured yet.
    pub fn new(jobs: u64, contenders: &[Contender]) -> Self {
        let rows = contenders.iter().map(|one| Row {
            id: one.id,
            name: one.name,
            note: one.note,
            runs: Vec::new(),
            lateness: three_digits(),
        });
        Timers {
            jobs,
            rows: rows.collect(),
        }
    }

    /// The rows that have something to tell.
    pub fn measured(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.runs.is_empty())
    }

    /// The same for the JSON file.
    pub fn describe(&self) -> Document<'_> {
        let runs = self.measured().flat_map(|row| {
            let contender = row.id;
            let named = move |figures| Named { contender, figures };
            row.runs.iter().map(named)
        });
        let summary = self.measured().map(|row| Named {
            contender: row.id,
            figures: Summary {
                runs: row.runs.len(),
                lateness: row.lateness(),
                adds_per_second: row.spread(|run| Some(run.adds_per_second)),
                cancels_per_second: row.spread(|run| Some(run.cancels_per_second)),
                cpu_ns_per_job: row.spread(|run| run.cpu_ns_per_job),
            },
        });
        Document {
            jobs: self.jobs,
            least_delay_ns: *DELAYS.start(),
            most_delay_ns: *DELAYS.end(),
            runs: runs.collect(),
            summary: summary.collect(),
        }
    }
}

impl Row {
    /// Adds the figures of a run of `jobs` jobs.
    pub fn push(&mut self, repetition: u64, jobs: u64, measured: &Measured) {
        let cpu = measured.consumed.cpu;
        self.runs.push(Run {
            repetition,
            adds_per_second: measured.adds_per_second,
            cancels_per_second: measured.cancels_per_second,
            cpu_ns_per_job: cpu.map(|cpu| cpu.as_nanos() as f64 / jobs as f64),
            lateness: Percentiles::of(&measured.lateness),
        });
        self.lateness += &measured.lateness;
    }

    /// Of all jobs of all runs.
    pub fn lateness(&self) -> Percentiles {
        Percentiles::of(&self.lateness)
    }

    /// One figure of every run.
    pub fn spread(&self, figure: impl Fn(&Run) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(figure))
    }
}

/// The workload in the JSON file.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    jobs: u64,
    least_delay_ns: u64,
    most_delay_ns: u64,
    runs: Vec<Named<&'a Run>>,
    summary: Vec<Named<Summary>>,
}

#[derive(Debug, Serialize)]
struct Named<T> {
    contender: Impl,
    #[serde(flatten)]
    figures: T,
}

#[derive(Debug, Serialize)]
struct Summary {
    runs: usize,
    lateness: Percentiles,
    adds_per_second: Option<Spread>,
    cancels_per_second: Option<Spread>,
    cpu_ns_per_job: Option<Spread>,
}
