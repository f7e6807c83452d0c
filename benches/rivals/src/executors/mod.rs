//! `executors`: empty jobs from outside to two workers, as fast as they go.
//!
//! Queues of jobs know more than channels do, and this is what knowing it costs. A bare channel with
//! two threads that receive is the yardstick.

mod crews;

use std::fmt;
use std::sync::Barrier;
use std::thread;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::child::{self, Order};
use crate::common::Common;
use crate::figures::{Figures, spread_percent};
use crate::machine::{self, Usage};
use crate::progress::Progress;
use crate::pulse;
use crate::regime::Place;
use crate::report::{Floor, Report};
use crate::rounds::{self, Row};
use crate::table::{self, count, digits, fault};
use crews::Crew;

/// Threads that run jobs.
const WORKERS: usize = 2;
/// Jobs that may wait, where there is a bound.
const CAPACITY: usize = 1024;
/// CPU time that a job through guichet may take, in ns.
const FLOOR_CPU_NS: f64 = 100.0;
/// How much faster than rayon's `spawn` guichet shall be.
const FLOOR_TO_RAYON: f64 = 5.0;

/// Who runs the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// `Queue::add`.
    GuichetAdd,
    /// `Producer::add`.
    GuichetProducer,
    /// `Queue::add_many`, 32 jobs at a time.
    GuichetAddMany,
    /// Threads on a crossbeam channel.
    Crossbeam,
    /// `rayon::ThreadPool::spawn`.
    Rayon,
    /// `threadpool::ThreadPool::execute`.
    Threadpool,
    /// `rusty_pool::ThreadPool::execute`.
    RustyPool,
}

impl Executor {
    /// guichet's ways: how fast each shall be in terms of crossbeam.
    fn over_crossbeam(self) -> Option<f64> {
        match self {
            Executor::GuichetAdd => Some(0.5),
            Executor::GuichetProducer | Executor::GuichetAddMany => Some(0.8),
            _ => None,
        }
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// One run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    executor: Executor,
    submitters: usize,
    jobs: u64,
}

impl Run {
    /// Runs it: `wall_ns`, `rate` (jobs per second), `cpu_ns` per job.
    pub fn measure(self) -> Figures {
        match self.executor {
            Executor::GuichetAdd => self.with(crews::Guichet::start(crews::Way::Add)),
            Executor::GuichetProducer => self.with(crews::Guichet::start(crews::Way::Producer)),
            Executor::GuichetAddMany => self.with(crews::Guichet::start(crews::Way::AddMany)),
            Executor::Crossbeam => self.with(crews::Crossbeam::start()),
            Executor::Rayon => self.with(crews::Rayon::start()),
            Executor::Threadpool => self.with(crews::Threadpool::start()),
            Executor::RustyPool => self.with(crews::RustyPool::start()),
        }
    }

    fn with<C: Crew>(self, crew: C) -> Figures {
        let gate = &Barrier::new(self.submitters + 1);
        let submitters = self.submitters as u64;
        let (start, usage) = thread::scope(|scope| {
            let submit = |nth: u64| {
                let jobs = self.jobs * nth / submitters..self.jobs * (nth + 1) / submitters;
                let submitter = crew.submitter();
                scope.spawn(move || {
                    gate.wait();
                    let start = machine::now();
                    C::submit(submitter, jobs);
                    start
                })
            };
            let submitting: Vec<_> = (0..submitters).map(submit).collect();
            let usage = Usage::now();
            gate.wait();
            let starts = submitting.into_iter().map(|submitter| submitter.join());
            let start = starts.map(|start| start.expect("it does not panic")).min();
            (start.expect("somebody submits"), usage)
        });
        crew.finish();
        let (wall, usage) = ((machine::now() - start) as f64, usage.since());
        assert_eq!(pulse::total(), self.jobs, "jobs that ran, jobs submitted");
        let jobs = self.jobs as f64;
        Figures::of([
            ("wall_ns", wall),
            ("rate", jobs * 1e9 / wall),
            ("cpu_ns", usage.cpu_ns as f64 / jobs),
            ("switches", usage.switches as f64 * 1e3 / jobs),
        ])
    }
}

/// Whom to measure.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Executors to compare; all by default.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub executor: Vec<Executor>,
    /// Threads that submit.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        default_value = "1,2"
    )]
    pub submitters: Vec<usize>,
}

const HEADER: [&str; 9] = [
    "submitters",
    "executor",
    "jobs/s",
    "spread %",
    "x crossbeam",
    "x rayon",
    "CPU ns/job",
    "switches/1000",
    "floors",
];

/// Makes all runs, prints a table.
pub fn measure(options: &Options, common: &Common, report: &mut Report) {
    let chosen = |who: &Executor| options.executor.is_empty() || options.executor.contains(who);
    let executors = Executor::value_variants().iter().copied();
    let executors: Vec<Executor> = executors.filter(chosen).collect();
    let runs = executors.len() * options.submitters.len() * common.reps;
    let mut progress = Progress::new(runs, common.quiet);
    let mut lines = Vec::new();
    for &submitters in &options.submitters {
        let rows = cell(submitters, &executors, common, &mut progress);
        report.keep(
            &json!({ "bench": "executors", "submitters": submitters }),
            &rows,
        );
        let rate = |who| {
            let row = rows.iter().find(|row| row.contender == who);
            let medians = row.and_then(Row::medians);
            medians.map_or(f64::NAN, |medians| medians.get("rate"))
        };
        let yardsticks = (rate(Executor::Crossbeam), rate(Executor::Rayon));
        lines.extend(
            rows.iter()
                .map(|row| line(submitters, row, yardsticks, report)),
        );
        lines.push(vec![String::new()]);
    }
    drop(progress);
    println!("\nexecutors: {WORKERS} workers, {} runs each", common.reps);
    println!("  room for {CAPACITY} jobs in guichet and crossbeam, no bound elsewhere\n");
    table::print(&HEADER, 2..8, lines);
}

fn cell(
    submitters: usize,
    executors: &[Executor],
    common: &Common,
    progress: &mut Progress,
) -> Vec<Row<Executor>> {
    let run = |executor, jobs| {
        let run = Run {
            executor,
            submitters,
            jobs,
        };
        child::run(&Order::Executors(run), Place::Anywhere)
    };
    rounds::calibrated(
        executors,
        common.reps,
        common.millis(120),
        |executor, jobs, real| {
            if real {
                progress.step(|| format!("{submitters} submitter(s), {executor}"));
            }
            run(executor, jobs)
        },
    )
}

fn line(
    submitters: usize,
    row: &Row<Executor>,
    (crossbeam, rayon): (f64, f64),
    report: &mut Report,
) -> Vec<String> {
    let mut line = vec![submitters.to_string(), row.contender.to_string()];
    let Some(medians) = row.medians() else {
        line.push(fault(row));
        return line;
    };
    let (rate, cpu) = (medians.get("rate"), medians.get("cpu_ns"));
    line.extend([
        count(rate),
        digits(spread_percent(&row.runs, "rate")),
        digits(rate / crossbeam),
        digits(rate / rayon),
        digits(cpu),
        digits(medians.get("switches")),
    ]);
    if let Some(limit) = row.contender.over_crossbeam() {
        let what = format!("executors {} with {submitters} submitter(s)", row.contender);
        let floors = [
            Floor::at_least(limit, rate / crossbeam, format!("{what}, x crossbeam")),
            Floor::at_least(FLOOR_TO_RAYON, rate / rayon, format!("{what}, x rayon")),
            Floor::at_most(FLOOR_CPU_NS, cpu, format!("{what}, CPU ns per job")),
        ];
        line.push(floors.each_ref().map(Floor::mark).join(", "));
        report.judge(floors);
    }
    line
}
