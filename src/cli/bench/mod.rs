//! `guichet bench`: guichet and its rivals, same jobs, same minute, every job checked.
//!
//! ```text
//! plan ─► for each workload, level, repetition: the contenders in turned order ─► run ─► results ─► report, JSON
//! ```
//! A run sets up threads, releases the producers at a gate, stops the clock when the last job is done, tears down,
//! and checks that each job ran exactly once ([`run`]; delayed jobs have a run of their own, [`timers`]). What can distort is kept out of the way: counting ([`tally`]),
//! latency ([`sample`]), allocations and CPU time ([`meter`]) cost a nanosecond or two per job, the same for everyone.

mod chaos;
mod contenders;
mod draw;
mod error;
mod fault;
mod files;
mod gate;
mod goals;
mod idle;
mod json;
mod machine;
mod meter;
mod plan;
mod progress;
mod report;
mod results;
mod run;
mod sample;
mod tally;
mod task;
#[cfg(test)]
mod tests;
mod timers;

use std::io::Write;
use std::sync::Arc;

use indicatif::ProgressBar;

pub use self::error::Error;
use self::files::Corpus;
use self::idle::Idle;
use self::machine::{Machine, Watch};
use self::plan::Plan;
use self::progress::progress;
use self::report::Report;
use self::results::{Group, Row};
use self::sample::Latencies;
use self::task::Workload;
use self::timers::Timers;
use super::args::{BenchArgs, WorkloadChoice};
use super::level::Level;
use super::stop::Stop;

/// Measures as the options say, prints the report to `out`, and writes the JSON file if one is wanted.
///
/// A requested stop ends the measuring after the current run; what has been measured by then is reported all the same.
/// So it is when a run fails, before the error is returned.
///
/// # Errors
/// See [`Error`], and `Output` when the report cannot be written.
pub fn run(options: &BenchArgs, stop: &Stop, out: &mut dyn Write) -> Result<(), super::Error> {
    let plan = Plan::new(options, num_cpus::get());
    plan.check()?;
    if options.workload == WorkloadChoice::Chaos {
        return match options.json {
            Some(_) => Err(Error::NoJson.into()),
            None => chaos::run(options, stop, out),
        };
    }
    // What a wrong option would break is tried before minutes of measuring, not after.
    let file = options
        .json
        .as_deref()
        .map(json::File::create)
        .transpose()?;
    let workloads = workloads(&plan, options)?;
    let mut bench = Bench {
        progress: progress(plan.runs(&workloads), options.quiet),
        plan,
        stop,
        idle: None,
        groups: Vec::new(),
        timers: None,
    };
    let (machine, watch) = (Machine::look(), Watch::begin());
    let outcome = bench.measure(&workloads);
    bench.progress.finish_and_clear();

    let report = Report {
        machine,
        regime: watch.end(),
        goals: goals::check(&bench.groups, bench.idle.as_ref(), bench.timers.as_ref()),
        plan: &bench.plan,
        workloads: &workloads,
        groups: &bench.groups,
        idle: bench.idle.as_ref(),
        timers: bench.timers.as_ref(),
        stopped: stop.requested(),
    };
    report.print(out)?;
    if let Some(file) = file {
        file.write(&report)?;
    }
    Ok(outcome?)
}

fn workloads(plan: &Plan, options: &BenchArgs) -> Result<Vec<Workload>, Error> {
    let mut workloads = Vec::new();
    if plan.wants(WorkloadChoice::Empty) {
        workloads.push(Workload::Empty);
    }
    if plan.wants(WorkloadChoice::Files) {
        let corpus = Corpus::load(&plan::input(options.input.as_deref()))?;
        workloads.push(Workload::Files(Arc::new(corpus)));
    }
    if plan.wants(WorkloadChoice::Priority) {
        workloads.push(Workload::Priority);
    }
    Ok(workloads)
}

/// A measurement under way.
struct Bench<'a> {
    plan: Plan,
    stop: &'a Stop,
    progress: ProgressBar,
    idle: Option<Idle>,
    groups: Vec<Group>,
    timers: Option<Timers>,
}

impl Bench<'_> {
    fn measure(&mut self, workloads: &[Workload]) -> Result<(), Error> {
        // Idle first: later, the memory that earlier runs left behind would blur the picture.
        if self.plan.wants(WorkloadChoice::Idle) {
            self.progress.set_message("idle workers");
            self.idle = Some(idle::measure().map_err(Error::Idle)?);
        }
        for workload in workloads {
            self.warm_up(workload)?;
            for level in self.plan.levels.clone() {
                self.sweep(workload, level)?;
            }
        }
        if self.plan.wants(WorkloadChoice::Timers) {
            let mut timers = Timers::new(self.plan.timers_jobs(), &self.plan.timers);
            let outcome = self.delay(&mut timers);
            self.timers = Some(timers);
            outcome?;
        }
        Ok(())
    }

    /// A short run of everybody that counts for nothing: first use of code, files and memory costs extra.
    fn warm_up(&self, workload: &Workload) -> Result<(), Error> {
        for contender in self.plan.contenders(workload) {
            if self.stop.requested() {
                break;
            }
            self.progress
                .set_message(format!("{} warm-up {}", workload.name(), contender.name()));
            let level = Level::new(2, 2);
            let jobs = self.plan.jobs(workload, &**contender).div_ceil(20);
            run::measure(&**contender, level, workload, jobs, self.plan.terms).map_err(
                |fault| Error::Run {
                    contender: contender.name(),
                    workload: workload.name(),
                    level,
                    fault,
                },
            )?;
        }
        Ok(())
    }

    /// All repetitions of all contenders at one level.
    fn sweep(&mut self, workload: &Workload, level: Level) -> Result<(), Error> {
        let rows = self.plan.contenders(workload).iter().map(|one| Row {
            id: one.id(),
            name: one.name(),
            runs: Vec::new(),
            latencies: Latencies::default(),
        });
        let mut group = Group {
            workload: workload.name(),
            level,
            rows: rows.collect(),
        };
        let outcome = self.repeat(workload, level, &mut group);
        if group.rows.iter().any(|row| !row.runs.is_empty()) {
            self.groups.push(group);
        }
        outcome
    }

    fn repeat(&self, workload: &Workload, level: Level, group: &mut Group) -> Result<(), Error> {
        let contenders = self.plan.contenders(workload);
        for repetition in 1..=self.plan.reps {
            for index in plan::order(contenders.len(), repetition - 1) {
                if self.stop.requested() {
                    return Ok(());
                }
                let contender = &*contenders[index];
                let (name, what) = (contender.name(), workload.name());
                self.progress.set_message(format!(
                    "{what} {level} {repetition}/{} {name}",
                    self.plan.reps
                ));
                let jobs = self.plan.jobs(workload, contender);
                let measured = run::measure(contender, level, workload, jobs, self.plan.terms);
                let measured = measured.map_err(|fault| Error::Run {
                    contender: name,
                    workload: what,
                    level,
                    fault,
                })?;
                group.rows[index].push(repetition, jobs, &measured);
                self.progress.inc(1);
            }
        }
        Ok(())
    }

    /// All repetitions of all contenders with delayed jobs.
    fn delay(&self, timers: &mut Timers) -> Result<(), Error> {
        let (contenders, reps) = (&self.plan.timers, self.plan.timers_reps);
        for repetition in 1..=reps {
            for index in plan::order(contenders.len(), repetition - 1) {
                if self.stop.requested() {
                    return Ok(());
                }
                let contender = &contenders[index];
                self.progress
                    .set_message(format!("timers {repetition}/{reps} {}", contender.name));
                let measured = contender.measure(timers.jobs, self.plan.terms.patience);
                let measured = measured.map_err(|fault| Error::Run {
                    contender: contender.name,
                    workload: "timers",
                    level: Level::new(1, 1),
                    fault,
                })?;
                timers.rows[index].push(repetition, timers.jobs, &measured);
                self.progress.inc(1);
            }
        }
        Ok(())
    }
}
