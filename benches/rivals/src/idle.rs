//! `idle`: what eight receivers cost that wait for a word which does not come.

use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cell::Cell;
use crate::child::{self, Order};
use crate::common::Common;
use crate::contenders::{Channel, Contender, Visit};
use crate::figures::Figures;
use crate::machine::{self, Usage};
use crate::progress::Progress;
use crate::regime::Place;
use crate::report::{Floor, Report};
use crate::rounds::{self, Row};
use crate::table::{self, digits, fault};

/// Receivers that wait.
const WAITERS: usize = 8;
/// CPU time they may use, in ms per second.
const FLOOR_MS: f64 = 0.2;
/// The time before, in which they may still spin, yield and go to bed.
const SETTLING: Duration = Duration::from_millis(250);

/// One run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    contender: Contender,
    millis: u64,
}

impl Run {
    /// Runs it: `settling`, the ms of CPU time used before, start of the threads included; `cpu`, the
    /// ms used per second then; `switches` per second.
    pub fn measure(self) -> Figures {
        self.contender.welcome(self)
    }
}

impl Visit for Run {
    type Out = Figures;

    fn visit<C: Channel>(self) -> Figures {
        let receivers = if self.contender.suits(cell(WAITERS), 1) {
            WAITERS
        } else {
            1
        };
        let (senders, receivers) = C::open(16, cell(receivers));
        thread::scope(|scope| {
            let usage = Usage::now();
            for receiver in receivers {
                scope.spawn(move || assert_eq!(C::recv(&receiver), None, "nobody sends"));
            }
            thread::sleep(SETTLING); // WORK: the idleness that is measured, its beginning apart
            let settling = usage.since();
            let (usage, start) = (Usage::now(), machine::now());
            thread::sleep(Duration::from_millis(self.millis)); // WORK: the idleness that is measured
            let (usage, wall) = (usage.since(), machine::now() - start);
            drop(senders);
            Figures::of([
                ("settling", settling.cpu_ns as f64 / 1e6),
                ("cpu", usage.cpu_ns as f64 * 1e3 / wall as f64),
                ("switches", usage.switches as f64 * 1e9 / wall as f64),
            ])
        })
    }
}

fn cell(receivers: usize) -> Cell {
    Cell {
        senders: 1,
        receivers,
    }
}

const HEADER: [&str; 5] = [
    "contender",
    "CPU ms/s",
    "switches/s",
    "settling ms",
    "floors",
];

/// Makes all runs, prints a table.
pub fn measure(common: &Common, report: &mut Report) {
    let contenders = common.contenders(|who| who.suits(cell(1), 1));
    let mut progress = Progress::new(contenders.len() * common.reps, common.quiet);
    let rows = rounds::in_turn(&contenders, common.reps, |contender| {
        progress.step(|| contender.to_string());
        let run = Run {
            contender,
            millis: common.millis(1000),
        };
        child::run(&Order::Idle(run), Place::Anywhere)
    });
    drop(progress);
    report.keep(&json!({ "bench": "idle" }), &rows);
    println!(
        "\nidle: {WAITERS} receivers (std-mpsc: 1) wait, {} runs each\n",
        common.reps
    );
    let lines = rows.iter().map(|row| line(row, report)).collect();
    table::print(&HEADER, 1..4, lines);
}

fn line(row: &Row<Contender>, report: &mut Report) -> Vec<String> {
    let mut line = vec![row.contender.title()];
    let Some(medians) = row.medians() else {
        line.push(fault(row));
        return line;
    };
    line.extend(["cpu", "switches", "settling"].map(|name| digits(medians.get(name))));
    if row.contender.is_ours() {
        let what = format!("idle, {WAITERS} receivers, CPU ms/s");
        let floor = Floor::at_most(FLOOR_MS, medians.get("cpu"), what);
        line.push(floor.mark());
        report.judge([floor]);
    }
    line
}
