//! `hog`: a steady trickle of words beside a process that wants all the CPU time it can get.
//!
//! One sender, one receiver, 20,000 words a second. What counts is how soon the receiver runs after
//! a word was due, while its core is wanted by somebody else.

use std::io;

use clap::Args;
use serde_json::json;

use crate::cell::Cell;
use crate::child::{self, Order};
use crate::common::Common;
use crate::contenders::Contender;
use crate::machine;
use crate::paced::{Run, Since, Wait};
use crate::progress::Progress;
use crate::regime::{Hogs, Place};
use crate::report::{Floor, Report};
use crate::rounds::{self, Row};
use crate::table::{self, digits, fault};

/// 20,000 words a second.
const EVERY_NS: u64 = 50_000;
/// The median latency that may be, in us, with a sender that keeps its own core.
const FLOOR_US: f64 = 5.0;

/// How many hogs.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Processes that burn CPU time beside the run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub hogs: usize,
}

const HEADER: [&str; 10] = [
    "sender",
    "contender",
    "p50 us",
    "p99 us",
    "p99.9 us",
    "max us",
    "late p50 us",
    "late p99 us",
    "CPU s/s",
    "floors",
];

/// Makes all runs, prints a table.
///
/// # Errors
/// When the hogs cannot be started.
pub fn measure(options: &Options, common: &Common, report: &mut Report) -> io::Result<()> {
    let contenders = common.contenders(|who| who.suits(Cell::PAIR, 1));
    let mut progress = Progress::new(2 * contenders.len() * common.reps, common.quiet);
    let hogs = Hogs::start(options.hogs)?;
    let mut lines = Vec::new();
    for wait in [Wait::Busy, Wait::Sleep] {
        let rows = rounds::in_turn(&contenders, common.reps, |contender| {
            progress.step(|| format!("sender {wait:?}, {contender}"));
            let run = Run {
                contender,
                every_ns: EVERY_NS,
                burst: 1,
                wait,
                since: Since::Schedule,
                millis: common.millis(1000),
            };
            child::run(&Order::Paced(run), Place::Anywhere)
        });
        report.keep(
            &json!({ "bench": "hog", "hogs": options.hogs, "sender": wait }),
            &rows,
        );
        lines.extend(rows.iter().map(|row| line(wait, row, report)));
        lines.push(vec![String::new()]);
    }
    drop(progress);
    drop(hogs);
    let (cores, reps) = (machine::cores().len(), common.reps);
    println!(
        "\nhog: {} hog(s) on {cores} cores, {reps} runs each, 20000 words/s",
        options.hogs
    );
    println!("  latency from the instant in the schedule to the receipt; late: the sender itself");
    println!("  busy: the sender looks at the clock all the time; sleep: clock_nanosleep\n");
    table::print(&HEADER, 2..9, lines);
    Ok(())
}

fn line(wait: Wait, row: &Row<Contender>, report: &mut Report) -> Vec<String> {
    let mut line = vec![format!("{wait:?}").to_lowercase(), row.contender.title()];
    let Some(medians) = row.medians() else {
        line.push(fault(row));
        return line;
    };
    let figures = ["p50", "p99", "p999", "max", "late50", "late99", "cpu"];
    line.extend(figures.map(|name| digits(medians.get(name))));
    if row.contender.is_ours() && wait == Wait::Busy {
        let floor = Floor::at_most(FLOOR_US, medians.get("p50"), "hog busy sender, p50 us");
        line.push(floor.mark());
        report.judge([floor]);
    }
    line
}
