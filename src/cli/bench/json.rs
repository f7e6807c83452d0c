//! The report for programs: one JSON file, schema `guichet-bench/1`.
//!
//! ```text
//! schema       "guichet-bench/1"; a change that breaks readers changes the number
//! environment  machine, regime
//! options      as they took effect
//! runs         every single run with its workload, level and contender
//! summary      per workload, level and contender: spreads over the runs, percentiles over all their samples
//! timers       delays, runs and summary of the workload of delayed jobs
//! idle, goals  as printed
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::goals::Goal;
use super::idle::Idle;
use super::machine::{Machine, Regime};
use super::plan::Options;
use super::report::Report;
use super::results::{Percentiles, Run, Spread};
use super::timers;
use crate::cli::args::Impl;
use crate::cli::level::Level;

/// The file to write at the end, opened at the beginning.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    file: fs::File,
}

impl File {
    /// Opens `path` for writing. What it holds is kept until there is something better.
    ///
    /// # Errors
    /// `Json` when it cannot be opened.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = file.map_err(|source| Error::Json {
            path: path.to_owned(),
            source,
        })?;
        Ok(File {
            path: path.to_owned(),
            file,
        })
    }

    /// Replaces the content by `report`.
    ///
    /// # Errors
    /// `Json` when it cannot be written.
    pub fn write(self, report: &Report<'_>) -> Result<(), Error> {
        let File { path, file } = self;
        replace(&file, &Document::new(report)).map_err(|source| Error::Json { path, source })
    }
}

fn replace(file: &fs::File, document: &Document<'_>) -> io::Result<()> {
    // A pipe or a device has no length to set, and needs none.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    let mut out = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    environment: Environment<'a>,
    options: Options,
    stopped: bool,
    runs: Vec<Named<&'a Run>>,
    summary: Vec<Named<Summary>>,
    timers: Option<timers::Document<'a>>,
    idle: Option<&'a Idle>,
    goals: &'a [Goal],
}

#[derive(Serialize)]
struct Environment<'a> {
    machine: &'a Machine,
    regime: &'a Regime,
}

/// Figures with what they are about.
#[derive(Serialize)]
struct Named<T> {
    workload: &'static str,
    level: Level,
    contender: Impl,
    #[serde(flatten)]
    figures: T,
}

#[derive(Serialize)]
struct Summary {
    runs: usize,
    jobs_per_second: Option<Spread>,
    ratio_to_crossbeam: Option<Spread>,
    ratio_to_fifo: Option<Spread>,
    ratio_to_mutex_heap: Option<Spread>,
    cpu_ratio_to_fifo: Option<Spread>,
    cpu_ns_per_job: Option<Spread>,
    allocations_per_job: Option<Spread>,
    add_to_start: Percentiles,
    add_to_end: Percentiles,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report<'_>) -> Self {
        let (mut runs, mut summary) = (Vec::new(), Vec::new());
        for group in report.groups {
            for row in group.rows.iter().filter(|row| !row.runs.is_empty()) {
                let (workload, level, contender) = (group.workload, group.level, row.id);
                runs.extend(row.runs.iter().map(|figures| Named {
                    workload,
                    level,
                    contender,
                    figures,
                }));
                let figures = Summary {
                    runs: row.runs.len(),
                    jobs_per_second: row.spread(|run| Some(run.jobs_per_second)),
                    ratio_to_crossbeam: group.ratio(row.id, Impl::Crossbeam),
                    ratio_to_fifo: group.ratio(row.id, Impl::GuichetFifo),
                    ratio_to_mutex_heap: group.ratio(row.id, Impl::MutexHeap),
                    cpu_ratio_to_fifo: group.cpu_ratio(row.id, Impl::GuichetFifo),
                    cpu_ns_per_job: row.spread(|run| run.cpu_ns_per_job),
                    allocations_per_job: row.spread(|run| Some(run.allocations_per_job)),
                    add_to_start: Percentiles::of(&row.latencies.start),
                    add_to_end: Percentiles::of(&row.latencies.end),
                };
                summary.push(Named {
                    workload,
                    level,
                    contender,
                    figures,
                });
            }
        }
        Document {
            schema: "guichet-bench/1",
            environment: Environment {
                machine: &report.machine,
                regime: &report.regime,
            },
            options: report.plan.describe(),
            stopped: report.stopped,
            runs,
            summary,
            timers: report.timers.map(timers::Timers::describe),
            idle: report.idle,
            goals: &report.goals,
        }
    }
}
