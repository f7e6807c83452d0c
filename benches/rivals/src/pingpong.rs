//! `pingpong`: one word to and fro between two threads over two channels.
//!
//! Both threads wait all the time for one another, so this is what waking costs. A round trip is two
//! messages; half of it is what one message takes.

use std::io;
use std::thread;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cell::Cell;
use crate::child::{self, Order};
use crate::common::Common;
use crate::contenders::{Channel, Contender, Visit};
use crate::figures::{Figures, spread_percent};
use crate::machine::{self, Usage};
use crate::progress::Progress;
use crate::pulse;
use crate::regime::Regime;
use crate::report::{Floor, Report};
use crate::rounds::{self, Row};
use crate::table::{self, digits, fault};

/// Nanoseconds that a round trip over capacity 1 may take when nobody disturbs.
const FLOOR_NS: f64 = 800.0;
/// Round trips between two looks at the clock.
const STRIDE: u64 = 64;

/// One run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    contender: Contender,
    capacity: usize,
    millis: u64,
}

impl Run {
    /// Runs it: `round_ns`, `cpu_ns` per round trip, `switches` per round trip.
    pub fn measure(self) -> Figures {
        self.contender.welcome(self)
    }
}

impl Visit for Run {
    type Out = Figures;

    fn visit<C: Channel>(self) -> Figures {
        let (ping, pinged) = single::<C>(self.capacity);
        let (pong, ponged) = single::<C>(self.capacity);
        thread::scope(|scope| {
            scope.spawn(move || {
                while let Some(word) = C::recv(&pinged) {
                    assert!(C::send(&pong, word + 1), "somebody waits for it");
                }
            });
            let (usage, start) = (Usage::now(), machine::now());
            let (mut rounds, mut end) = (0, start);
            while end - start < self.millis * 1_000_000 {
                for _ in 0..STRIDE {
                    assert!(C::send(&ping, rounds), "somebody waits for it");
                    assert_eq!(C::recv(&ponged), Some(rounds + 1), "the echo");
                    rounds += 1;
                }
                pulse::beat();
                end = machine::now();
            }
            let usage = usage.since();
            drop(ping);
            let rounds = rounds as f64;
            Figures::of([
                ("round_ns", (end - start) as f64 / rounds),
                ("cpu_ns", usage.cpu_ns as f64 / rounds),
                ("switches", usage.switches as f64 / rounds),
            ])
        })
    }
}

/// A channel with one end on each side.
pub fn single<C: Channel>(capacity: usize) -> (C::Sender, C::Receiver) {
    let (senders, receivers) = C::open(capacity, Cell::PAIR);
    let sender = senders.into_iter().next().expect("one was asked for");
    let receiver = receivers.into_iter().next().expect("one was asked for");
    (sender, receiver)
}

/// Which games to play.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Capacities of both channels.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        default_value = "1,0"
    )]
    pub capacity: Vec<usize>,
    /// In whose company.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "LIST",
        default_value = "quiet,onecore"
    )]
    pub regime: Vec<Regime>,
}

const HEADER: [&str; 9] = [
    "regime",
    "capacity",
    "contender",
    "round trip ns",
    "half ns",
    "spread %",
    "CPU ns/round",
    "switches/round",
    "floors",
];

/// Makes all runs, prints a table.
///
/// # Errors
/// When the company of a regime cannot be started.
pub fn measure(options: &Options, common: &Common, report: &mut Report) -> io::Result<()> {
    let places = options.regime.len() * options.capacity.len();
    let runs = places * common.reps * common.contenders(|_| true).len();
    let mut progress = Progress::new(runs, common.quiet);
    let mut lines = Vec::new();
    for &regime in &options.regime {
        let hogs = regime.enter()?;
        for &capacity in &options.capacity {
            let contenders = common.contenders(|who| who.suits(Cell::PAIR, capacity));
            let rows = rounds::in_turn(&contenders, common.reps, |contender| {
                progress.step(|| format!("{regime} capacity {capacity}, {contender}"));
                let run = Run {
                    contender,
                    capacity,
                    millis: common.millis(120),
                };
                child::run(&Order::PingPong(run), regime.place())
            });
            let cell = json!({ "bench": "pingpong", "regime": regime, "capacity": capacity });
            report.keep(&cell, &rows);
            lines.extend(rows.iter().map(|row| line(regime, capacity, row, report)));
            lines.push(vec![String::new()]);
        }
        drop(hogs);
    }
    drop(progress);
    println!("\npingpong: {} runs each\n", common.reps);
    table::print(&HEADER, 3..8, lines);
    Ok(())
}

fn line(regime: Regime, capacity: usize, row: &Row<Contender>, report: &mut Report) -> Vec<String> {
    let mut line = vec![
        regime.to_string(),
        capacity.to_string(),
        row.contender.title(),
    ];
    let Some(medians) = row.medians() else {
        line.push(fault(row));
        return line;
    };
    let round = medians.get("round_ns");
    line.extend([
        digits(round),
        digits(round / 2.0),
        digits(spread_percent(&row.runs, "round_ns")),
        digits(medians.get("cpu_ns")),
        digits(medians.get("switches")),
    ]);
    if row.contender.is_ours() && (regime, capacity) == (Regime::Quiet, 1) {
        let floor = Floor::at_most(
            FLOOR_NS,
            round,
            "pingpong quiet capacity 1, ns per round trip",
        );
        line.push(floor.mark());
        report.judge([floor]);
    }
    line
}
