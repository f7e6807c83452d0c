//! All cells of `stream`: which runs are made, and the table of what came of them.

use std::io;

use clap::Args;
use serde_json::json;

use super::floors::Conditions;
use super::run::Run;
use crate::cell::Cell;
use crate::child::{self, Order};
use crate::common::Common;
use crate::contenders::Contender;
use crate::figures::spread_percent;
use crate::machine;
use crate::progress::Progress;
use crate::regime::Regime;
use crate::report::Report;
use crate::rounds::{self, Row};
use crate::table::{self, count, digits, fault};

const HEADER: [&str; 10] = [
    "cell",
    "capacity",
    "contender",
    "words/s",
    "spread %",
    "x crossbeam",
    "x best parking",
    "CPU ns/word",
    "switches/1000",
    "floors",
];

/// What to stream.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Senders x receivers.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        default_value = "1x1,1x2,2x1,2x2,4x4,8x8,16x16"
    )]
    pub cells: Vec<Cell>,
    /// Capacities; 0 is a rendezvous, which not everybody has.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        default_value = "0,1,16,1024"
    )]
    pub capacity: Vec<usize>,
    /// In whose company.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        default_value = "quiet"
    )]
    pub regime: Vec<Regime>,
    /// Words sent and received together, by those who can; the others go one by one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: usize,
}

/// Makes all runs, prints a table per regime.
///
/// # Errors
/// When the company of a regime cannot be started.
pub fn measure(options: &Options, common: &Common, report: &mut Report) -> io::Result<()> {
    let cells = options.cells.iter();
    let cells = cells.flat_map(|cell| options.capacity.iter().map(move |room| (*cell, *room)));
    let cells: Vec<(Cell, usize)> = cells.collect();
    let suiting = |cell, capacity| common.contenders(move |who| who.suits(cell, capacity));
    let runs = cells
        .iter()
        .map(|(cell, room)| suiting(*cell, *room).len() * common.reps);
    let runs: usize = runs.sum();
    let mut progress = Progress::new(runs * options.regime.len(), common.quiet);
    for &regime in &options.regime {
        let (load, hogs) = (machine::load(), regime.enter()?);
        let mut lines = Vec::new();
        for &(cell, capacity) in &cells {
            let conditions = Conditions {
                regime,
                cell,
                capacity,
                batch: options.batch,
            };
            let rows = conditions.measure(&suiting(cell, capacity), common, &mut progress);
            lines.extend(conditions.tell(&rows, report));
        }
        drop(hogs);
        progress.pause();
        let after = machine::load();
        let (reps, batch) = (common.reps, options.batch);
        println!(
            "\nstream, {regime}: {reps} runs each, batch {batch}; load {load} before, {after} after\n"
        );
        table::print(&HEADER, 3..9, lines);
    }
    Ok(())
}

impl Conditions {
    /// The runs of one cell.
    fn measure(
        self,
        contenders: &[Contender],
        common: &Common,
        progress: &mut Progress,
    ) -> Vec<Row<Contender>> {
        let run = |contender, words| {
            let run = Run {
                contender,
                cell: self.cell,
                capacity: self.capacity,
                words,
                batch: self.batch,
            };
            child::run(&Order::Stream(run), self.regime.place())
        };
        let Conditions {
            regime,
            cell,
            capacity,
            ..
        } = self;
        rounds::calibrated(
            contenders,
            common.reps,
            common.millis(120),
            |contender, words, real| {
                if real {
                    progress.step(|| format!("{regime} {cell} capacity {capacity}, {contender}"));
                }
                run(contender, words)
            },
        )
    }

    /// The lines of one cell.
    fn tell(self, rows: &[Row<Contender>], report: &mut Report) -> Vec<Vec<String>> {
        let cell = json!({
            "bench": "stream",
            "regime": self.regime,
            "cell": self.cell.to_string(),
            "capacity": self.capacity,
            "batch": self.batch,
        });
        report.keep(&cell, rows);
        let rate = |row: &Row<Contender>| row.medians().map(|medians| medians.get("rate"));
        let crossbeam = rows
            .iter()
            .find(|row| row.contender == Contender::Crossbeam);
        let crossbeam = crossbeam.and_then(rate).unwrap_or(f64::NAN);
        let rivals = rows.iter().filter(|row| row.contender.is_parking_rival());
        let rivals = rivals.filter_map(|row| Some((row.contender, rate(row)?)));
        let best = rivals.max_by(|(_, one), (_, other)| one.total_cmp(other));
        let to_best = |rate: f64| best.map_or(f64::NAN, |(_, best)| rate / best);

        let line = |row: &Row<Contender>| {
            let who = name(
                row.contender,
                best.is_some_and(|(best, _)| best == row.contender),
            );
            let mut line = vec![self.cell.to_string(), self.capacity.to_string(), who];
            let Some(medians) = row.medians() else {
                line.push(fault(row));
                return line;
            };
            let rate = medians.get("rate");
            line.extend([
                count(rate),
                digits(spread_percent(&row.runs, "rate")),
                digits(rate / crossbeam),
                digits(to_best(rate)),
                digits(medians.get("cpu_ns")),
                digits(medians.get("switches")),
            ]);
            if row.contender.is_ours() {
                let floors = self.floors(rate / crossbeam, to_best(rate));
                let marks: Vec<String> = floors.iter().map(|floor| floor.mark()).collect();
                line.push(marks.join(", "));
                report.judge(floors);
            }
            line
        };
        let mut lines: Vec<Vec<String>> = rows.iter().map(line).collect();
        lines.push(vec![String::new()]);
        lines
    }
}

/// The name, with what must be known about it.
fn name(contender: Contender, best: bool) -> String {
    if best {
        format!("{contender} (best parking)")
    } else {
        contender.title()
    }
}
