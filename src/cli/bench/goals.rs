//! What guichet set out to reach, and whether this machine saw it. Goals inform; they never change the exit code.

use std::fmt;

use serde::Serialize;

use super::idle::Idle;
use super::results::Group;
use super::timers::Timers;
use crate::cli::args::Impl;
use crate::cli::level::Level;

/// Goals hold up to this many threads on each side; beyond, the scheduler decides more than the queue.
const THREADS: usize = 4;

/// A goal and what was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// What is wanted, in words.
    pub text: String,
    /// What was seen at the worst level; none if it was not measured.
    pub worst: Option<f64>,
    /// Which level that was, where the goal speaks of levels.
    pub at: Option<Level>,
    /// Whether the goal was reached; none if it was not measured.
    pub reached: Option<bool>,
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.reached {
            Some(true) => "PASS",
            Some(false) => "MISS",
            None => return write!(f, "{}: not measured", self.text),
        };
        write!(f, "{}: {verdict}", self.text)?;
        match (self.worst, self.at) {
            (Some(worst), Some(level)) => write!(f, " (worst {worst:.2} at {level})"),
            (Some(seen), None) => write!(f, " ({seen:.2})"),
            (None, _) => Ok(()),
        }
    }
}

/// All goals, judged by the workloads `empty`, `priority` and `timers` and by the idle measure.
pub fn check(groups: &[Group], idle: Option<&Idle>, timers: Option<&Timers>) -> Vec<Goal> {
    let mut goals = of_adding(groups);
    goals.push(at_most(
        "Bands(32) ≤ 1.3 × the CPU time of Fifo",
        1.3,
        ("priority", groups),
        |group| {
            let ratio = group.cpu_ratio(Impl::GuichetBands, Impl::GuichetFifo)?;
            Some(ratio.median)
        },
    ));
    let late = timers.and_then(|timers| {
        let mut rows = timers.measured();
        rows.find(|row| row.id == Impl::GuichetDelay)
    });
    // An early job is a fault that leaves no row behind, so whatever there is to judge was never early.
    let late = late.map(|row| row.lateness().p50_us);
    goals.push(once(
        "delayed jobs start ≤ 30 µs late at the median, and never early",
        late,
        |late| late <= 30.0,
    ));
    let burnt = idle.and_then(|idle| idle.cpu_ms_per_second);
    goals.push(once(
        "8 idle workers < 1 CPU ms per second",
        burnt,
        |burnt| burnt < 1.0,
    ));
    goals
}

fn of_adding(groups: &[Group]) -> Vec<Goal> {
    vec![
        at_least(
            "single add",
            Impl::GuichetAdd,
            0.5,
            "crossbeam",
            Impl::Crossbeam,
            groups,
        ),
        at_least(
            "producer",
            Impl::GuichetProducer,
            1.0,
            "crossbeam",
            Impl::Crossbeam,
            groups,
        ),
        at_least(
            "add_many(32)",
            Impl::GuichetAddMany,
            1.0,
            "crossbeam",
            Impl::Crossbeam,
            groups,
        ),
        at_least(
            "single add",
            Impl::GuichetAdd,
            5.0,
            "rayon spawn",
            Impl::Rayon,
            groups,
        ),
        at_most(
            "single add ≤ 100 CPU ns per job",
            100.0,
            ("empty", groups),
            |group| {
                let row = group.row(Impl::GuichetAdd)?;
                Some(row.spread(|run| run.cpu_ns_per_job)?.median)
            },
        ),
        at_most(
            "single add, no allocation per job",
            0.005,
            ("empty", groups),
            |group| {
                let row = group.row(Impl::GuichetAdd)?;
                Some(row.spread(|run| Some(run.allocations_per_job))?.median)
            },
        ),
    ]
}

fn at_least(what: &str, id: Impl, floor: f64, base: &str, of: Impl, groups: &[Group]) -> Goal {
    let seen = figures(("empty", groups), |group| Some(group.ratio(id, of)?.median));
    let worst = seen.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let text = format!("{what} ≥ {floor} × {base} at every level up to {THREADS}x{THREADS}");
    goal(text, worst, |worst| worst >= floor)
}

fn at_most(
    what: &str,
    ceiling: f64,
    of: Measured<'_>,
    figure: impl Fn(&Group) -> Option<f64>,
) -> Goal {
    let worst = figures(of, figure)
        .into_iter()
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let text = format!("{what} at every level up to {THREADS}x{THREADS}");
    goal(text, worst, |worst| worst <= ceiling)
}

/// The groups of one workload, named, among all.
type Measured<'a> = (&'static str, &'a [Group]);

fn figures(
    (workload, groups): Measured<'_>,
    figure: impl Fn(&Group) -> Option<f64>,
) -> Vec<(f64, Level)> {
    let judged = groups
        .iter()
        .filter(|group| group.workload == workload && group.level.within(THREADS));
    judged
        .filter_map(|group| Some((figure(group)?, group.level)))
        .collect()
}

fn goal(text: String, worst: Option<(f64, Level)>, reached: impl Fn(f64) -> bool) -> Goal {
    let (worst, at) = worst.unzip();
    Goal {
        text,
        worst,
        at,
        reached: worst.map(reached),
    }
}

/// A goal that speaks of no level.
fn once(text: &str, seen: Option<f64>, reached: impl Fn(f64) -> bool) -> Goal {
    Goal {
        text: text.to_owned(),
        worst: seen,
        at: None,
        reached: seen.map(reached),
    }
}
