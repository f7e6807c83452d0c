//! `bursts`: a hundred words every ten milliseconds, and nothing in between.
//!
//! The receiver falls asleep before every burst. Who polls or spins to be quick then pays for it
//! here in CPU time; who sleeps deeply pays in latency.

use serde_json::json;

use crate::cell::Cell;
use crate::child::{self, Order};
use crate::common::Common;
use crate::contenders::Contender;
use crate::paced::{Run, Since, Wait};
use crate::progress::Progress;
use crate::regime::Place;
use crate::report::Report;
use crate::rounds::{self, Row};
use crate::table::{self, digits, fault};

/// The time from burst to burst.
const EVERY_NS: u64 = 10_000_000;
/// Words of a burst.
const BURST: u64 = 100;

const HEADER: [&str; 5] = ["contender", "CPU ms/s", "p50 us", "p99 us", "max us"];

/// Makes all runs, prints a table.
pub fn measure(common: &Common, report: &mut Report) {
    let contenders = common.contenders(|who| who.suits(Cell::PAIR, 1));
    let mut progress = Progress::new(contenders.len() * common.reps, common.quiet);
    let rows = rounds::in_turn(&contenders, common.reps, |contender| {
        progress.step(|| contender.to_string());
        let run = Run {
            contender,
            every_ns: EVERY_NS,
            burst: BURST,
            wait: Wait::Sleep,
            since: Since::Sender,
            millis: common.millis(1000),
        };
        child::run(&Order::Paced(run), Place::Anywhere)
    });
    drop(progress);
    report.keep(&json!({ "bench": "bursts" }), &rows);
    println!(
        "\nbursts: {BURST} words every 10 ms, {} runs each",
        common.reps
    );
    println!("  latency from the burst's first `send` to the receipt of each word\n");
    table::print(&HEADER, 1..5, rows.iter().map(line).collect());
}

fn line(row: &Row<Contender>) -> Vec<String> {
    let mut line = vec![row.contender.title()];
    match row.medians() {
        None => line.push(fault(row)),
        Some(medians) => {
            line.push(digits(medians.get("cpu") * 1e3));
            line.extend(["p50", "p99", "max"].map(|name| digits(medians.get(name))));
        }
    }
    line
}
