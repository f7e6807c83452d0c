//! The report for people: header, a table per workload, notes, goals. Aligned on a terminal and in a pipe alike.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use super::goals::Goal;
use super::idle::Idle;
use super::machine::{Machine, Regime};
use super::plan::Plan;
use super::results::{Group, Percentiles, Row, Spread};
use super::task::{PRIORITIES, Workload};
use super::timers::{self, Timers};
use crate::cli::args::Impl;

const SPEED: [&str; 4] = ["level", "contender", "jobs/s\nmedian", "jobs/s\nmin–max"];
/// The ratios to whom the workload names stand between.
const COSTS: [&str; 8] = [
    "add→start µs\np50",
    "\np99",
    "\np99.9",
    "add→end µs\np50",
    "\np99",
    "\np99.9",
    "CPU ns\nper job",
    "allocs\nper job",
];
const TIMERS: [&str; 8] = [
    "contender",
    "late by µs\np50",
    "\np99",
    "\np99.9",
    "\nmax",
    "adds/s\nmedian",
    "cancels/s\nmedian",
    "CPU ns\nper job",
];

/// A column of ratios: its head, and what it says of a contender.
type Ratio = (&'static str, fn(&Group, Impl) -> Option<Spread>);

/// Everything there is to tell.
pub struct Report<'a> {
    /// Where.
    pub machine: Machine,
    /// In whose company.
    pub regime: Regime,
    /// What was planned.
    pub plan: &'a Plan,
    /// What the jobs did.
    pub workloads: &'a [Workload],
    /// What was measured.
    pub groups: &'a [Group],
    /// What idle workers cost.
    pub idle: Option<&'a Idle>,
    /// How late delayed jobs were.
    pub timers: Option<&'a Timers>,
    /// What guichet set out to reach.
    pub goals: Vec<Goal>,
    /// Whether a signal ended it early.
    pub stopped: bool,
}

impl Report<'_> {
    /// Writes the report.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "guichet {} bench", self.machine.guichet)?;
        writeln!(out, "machine  {}", self.machine.describe())?;
        writeln!(out, "regime   {}", self.regime.describe())?;
        let (reps, capacity) = (self.plan.reps, self.plan.terms.capacity);
        let every = super::sample::EVERY;
        writeln!(
            out,
            "plan     {reps} repetitions, contenders in turn; capacity {capacity}; latency of 1 job in {every}"
        )?;
        if self.stopped {
            writeln!(
                out,
                "stopped  by a signal; what follows is what had been measured"
            )?;
        }
        for workload in self.workloads {
            self.print_workload(workload, out)?;
        }
        if let Some(timers) = self.timers {
            print_timers(timers, out)?;
        }
        if let Some(idle) = self.idle {
            writeln!(out, "\n{}", describe_idle(idle))?;
        }
        let mut judged = self
            .goals
            .iter()
            .filter(|goal| goal.reached.is_some())
            .peekable();
        if judged.peek().is_some() {
            writeln!(out, "\ngoals")?;
        }
        judged.try_for_each(|goal| writeln!(out, "  {goal}"))
    }

    fn print_workload(&self, workload: &Workload, out: &mut dyn Write) -> io::Result<()> {
        let groups: Vec<&Group> = self
            .groups
            .iter()
            .filter(|group| group.workload == workload.name())
            .collect();
        if groups.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\n{} — {}; {}\n",
            workload.name(),
            describe(workload),
            self.jobs(workload)
        )?;
        let ratios = ratios(workload);
        let heads = ratios.iter().map(|(head, _)| *head);
        let mut table = table(SPEED.into_iter().chain(heads).chain(COSTS));
        for (nth, group) in groups.iter().enumerate() {
            if nth > 0 {
                table.add_row([""]);
            }
            for row in group.rows.iter().filter(|row| !row.runs.is_empty()) {
                table.add_row(cells(group, row, ratios));
            }
        }
        print_table(table, 2, out)?;
        let measured = |id| groups.iter().any(|group| group.row(id).is_some());
        let mut noted = self
            .plan
            .contenders(workload)
            .iter()
            .filter(|one| measured(one.id()))
            .filter_map(|one| one.note());
        noted.try_for_each(|note| writeln!(out, "  note: {note}"))
    }

    /// How many jobs a run has: one number, or one per pace.
    fn jobs(&self, workload: &Workload) -> String {
        let mut numbers: Vec<u64> = self
            .plan
            .contenders(workload)
            .iter()
            .map(|one| self.plan.jobs(workload, &**one))
            .collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.dedup();
        match *numbers {
            [fast, slow] => format!("{fast} jobs per run, {slow} for slow rivals"),
            _ => format!(
                "{} jobs per run",
                numbers.first().copied().unwrap_or_default()
            ),
        }
    }
}

fn describe(workload: &Workload) -> String {
    match workload {
        Workload::Empty => "jobs that do nothing".to_owned(),
        Workload::Files(corpus) => format!("lines, words and CRC-32 of {}", corpus.describe()),
        Workload::Priority => {
            format!("jobs that do nothing, each of one of {PRIORITIES} priorities")
        }
    }
}

/// To whom the contenders of `workload` are compared.
fn ratios(workload: &Workload) -> &'static [Ratio] {
    match workload {
        Workload::Empty | Workload::Files(_) => &[("ratio to\ncrossbeam", |group, id| {
            group.ratio(id, Impl::Crossbeam)
        })],
        Workload::Priority => &[
            ("ratio to\nMutex heap", |group, id| {
                group.ratio(id, Impl::MutexHeap)
            }),
            ("CPU ratio\nto Fifo", |group, id| {
                group.cpu_ratio(id, Impl::GuichetFifo)
            }),
        ],
    }
}

/// A table with these heads.
pub fn table(heads: impl IntoIterator<Item = &'static str>) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads);
    table
}

/// The first `names` columns hold names, the others figures.
///
/// # Errors
/// Those of `out`.
pub fn print_table(mut table: Table, names: usize, out: &mut dyn Write) -> io::Result<()> {
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = table.lines();
    lines.try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

fn print_timers(timers: &Timers, out: &mut dyn Write) -> io::Result<()> {
    // Fewer than of the other workloads, or fewer still after a signal.
    let Some(reps) = timers.measured().map(|row| row.runs.len()).max() else {
        return Ok(());
    };
    let jobs = timers.jobs;
    writeln!(
        out,
        "\ntimers — jobs delayed by 1 ms to 1 s, one worker; {jobs} jobs per run, repetitions: {reps}\n"
    )?;
    let mut table = table(TIMERS);
    for row in timers.measured() {
        table.add_row(cells_of_timers(row));
    }
    print_table(table, 1, out)?;
    let mut noted = timers.measured().filter_map(|row| row.note);
    noted.try_for_each(|note| writeln!(out, "  note: {note}"))
}

fn cells_of_timers(row: &timers::Row) -> Vec<String> {
    let lateness = row.lateness();
    let adds = row.spread(|run| Some(run.adds_per_second));
    let cancels = row.spread(|run| Some(run.cancels_per_second));
    let cpu = row.spread(|run| run.cpu_ns_per_job);
    let mut cells = vec![row.name.to_owned()];
    cells.extend(percentiles(&lateness));
    cells.push(micros(lateness.max_us));
    cells.extend([adds, cancels].map(|rate| or_dash(rate.map(|rate| count(rate.median)))));
    cells.push(or_dash(cpu.map(|cpu| format!("{:.0}", cpu.median))));
    cells
}

fn cells(group: &Group, row: &Row, ratios: &[Ratio]) -> Vec<String> {
    let speed = row.spread(|run| Some(run.jobs_per_second));
    let cpu = row.spread(|run| run.cpu_ns_per_job);
    let allocations = row.spread(|run| Some(run.allocations_per_job));
    let mut cells = vec![
        group.level.to_string(),
        row.name.to_owned(),
        or_dash(speed.map(|speed| count(speed.median))),
        or_dash(speed.map(|speed| format!("{}–{}", count(speed.min), count(speed.max)))),
    ];
    for (_, ratio) in ratios {
        let ratio = ratio(group, row.id);
        cells.push(or_dash(ratio.map(|ratio| format!("{:.2}", ratio.median))));
    }
    for histogram in [&row.latencies.start, &row.latencies.end] {
        cells.extend(percentiles(&Percentiles::of(histogram)));
    }
    cells.push(or_dash(cpu.map(|cpu| format!("{:.0}", cpu.median))));
    cells.push(or_dash(
        allocations.map(|allocations| format!("{:.2}", allocations.median)),
    ));
    cells
}

/// p50, p99 and p99.9, or dashes where nothing was sampled.
pub fn percentiles(of: &Percentiles) -> [String; 3] {
    [of.p50_us, of.p99_us, of.p999_us].map(|us| or_dash((of.samples > 0).then(|| micros(us))))
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

/// Three figures that matter: `0.42`, `7.31`, `42.0`, `731`, `73100`.
pub fn micros(us: f64) -> String {
    match us {
        us if us < 10.0 => format!("{us:.2}"),
        us if us < 100.0 => format!("{us:.1}"),
        us => format!("{us:.0}"),
    }
}

/// Jobs per second with a unit: `42.3M`, `815k`, `99`.
pub fn count(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{:.1}M", number / 1e6),
        number if number >= 1e3 => format!("{:.0}k", number / 1e3),
        number => format!("{number:.0}"),
    }
}

fn describe_idle(idle: &Idle) -> String {
    let cpu = or_dash(idle.cpu_ms_per_second.map(|ms| format!("{ms:.2}")));
    let mib = |kib: Option<u64>| or_dash(kib.map(|kib| format!("{:.1}", kib as f64 / 1024.0)));
    format!(
        "idle — {} workers without work burn {cpu} CPU ms per second; resident memory {} MiB at the start, {} with a \
         full backlog ({} of {} jobs), {} with the next",
        idle.workers,
        mib(idle.resident_start_kib),
        mib(idle.resident_full_kib),
        idle.accepted,
        idle.capacity,
        mib(idle.resident_again_kib),
    )
}
