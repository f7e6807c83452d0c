//! `timers`: many timers due within 30 s, one per slot, on one thread: guichet's wheel beside others.
//!
//! What is inserted is cancelled in random order, and inserted again; then a slot's timer is set and
//! cancelled while the others stand; then time passes in steps of 1 ms until all have come. A second
//! time it passes with a look at the clock after each step, which would disturb the first.

mod structures;

use std::fmt;
use std::fs;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::child::{self, Order};
use crate::common::Common;
use crate::figures::Figures;
use crate::machine::Usage;
use crate::progress::Progress;
use crate::pulse;
use crate::regime::Place;
use crate::report::{Floor, Report};
use crate::rounds::{self, Row};
use crate::table::{self, digits, fault};
use structures::Timers;

/// A step of time, in ns.
const STEP: u64 = 1_000_000;
/// Steps within which all timers are due.
const SPAN: u64 = 30_000;
/// The steps until all have come, however a structure rounds.
const STEPS: u64 = SPAN + 2;
/// Operations between two signs of life.
const STRIDE: usize = 1 << 16;
/// The most times that a timer is set and cancelled.
const CHURN: usize = 1_000_000;
/// How much cheaper than `DelayQueue` guichet shall be at each operation.
const FLOORS: [(&str, f64); 4] = [
    ("insert", 2.0),
    ("cancel", 4.0),
    ("churn", 6.0),
    ("expire", 10.0),
];
/// CPU time that one step may take in guichet, in us.
const FLOOR_WORST: f64 = 1_000.0;
/// Memory per timer in guichet, in bytes.
const FLOOR_BYTES: f64 = 40.0;

/// What holds the timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// guichet's wheel.
    Guichet,
    /// `tokio_util::time::DelayQueue`.
    DelayQueue,
    /// `hierarchical_hash_wheel_timer`, the wheel that can cancel.
    HashWheel,
    /// A binary heap that drops cancelled timers when they come.
    LazyHeap,
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// One run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    structure: Structure,
    timers: usize,
}

impl Run {
    /// Runs it: CPU time in ns of `insert`, `cancel`, `churn` and `expire` per timer; `worst`, of one
    /// step in us; `bytes` per timer.
    pub fn measure(self) -> Figures {
        match self.structure {
            Structure::Guichet => self.with::<structures::Guichet>(),
            Structure::DelayQueue => self.with::<structures::DelayQueue>(),
            Structure::HashWheel => self.with::<structures::HashWheel>(),
            Structure::LazyHeap => self.with::<structures::LazyHeap>(),
        }
    }

    fn with<T: Timers>(self) -> Figures {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let within = STEP..SPAN * STEP;
        let mut due = || within.start + random.next() % (within.end - within.start);
        let mut dues: Vec<u64> = (0..self.timers).map(|_| due()).collect();
        let mut order: Vec<u32> = (0..self.slots()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, (random.next() % (at as u64 + 1)) as usize);
        }
        let clock = cpu_ns(|| T::pass_without_timers(STEPS));

        let resident_before = resident();
        let mut timers = T::new();
        let insert = cpu_ns(|| fill(&mut timers, &dues));
        let bytes = resident().saturating_sub(resident_before);
        let cancel = cpu_ns(|| alive(&order, |&slot| timers.cancel(slot)));
        fill(&mut timers, &dues);
        let churned = self.timers.min(CHURN);
        let churn = cpu_ns(|| {
            alive(&dues[..churned], |&due| {
                timers.insert(self.slots(), due);
                timers.cancel(self.slots());
            });
        });
        let expire = cpu_ns(|| self.expire(&mut timers, pulse::beat));
        dues.iter_mut().for_each(|due| *due += STEPS * STEP);
        fill(&mut timers, &dues);
        let (mut worst, mut before) = (0, Usage::now().cpu_ns);
        self.expire(&mut timers, || {
            let now = Usage::now().cpu_ns;
            worst = worst.max(now - before);
            before = now;
            pulse::beat();
        });
        let each = |cpu: u64| cpu as f64 / self.timers as f64;
        Figures::of([
            ("insert", each(insert)),
            ("cancel", each(cancel)),
            ("churn", churn as f64 / churned as f64),
            ("expire", each(expire.saturating_sub(clock))),
            ("worst", worst as f64 / 1e3),
            ("bytes", each(bytes)),
        ])
    }

    fn slots(self) -> u32 {
        u32::try_from(self.timers).expect("slots are numbered with 32 bits")
    }

    fn expire<T: Timers>(self, timers: &mut T, stepped: impl FnMut()) {
        let fired = timers.pass(STEPS, stepped);
        assert_eq!(fired, self.timers, "timers that came, timers set");
    }
}

/// Gives a slot to each instant.
fn fill<T: Timers>(timers: &mut T, dues: &[u64]) {
    let mut slots = 0..;
    alive(dues, |&due| {
        timers.insert(slots.next().expect("endless"), due)
    });
}

/// Calls `work` with each of the items, and gives a sign of life now and then.
fn alive<T>(items: &[T], mut work: impl FnMut(&T)) {
    for chunk in items.chunks(STRIDE) {
        pulse::beat();
        chunk.iter().for_each(&mut work);
    }
}

fn cpu_ns(work: impl FnOnce()) -> u64 {
    let usage = Usage::now();
    work();
    usage.since().cpu_ns
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has this file");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("a number of kB") * 1024
}

/// Numbers that look random, the same in each run: `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Whom to measure.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Structures to compare; all by default.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub structure: Vec<Structure>,
    /// Timers that stand at once.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub timers: usize,
}

const HEADER: [&str; 9] = [
    "structure",
    "insert",
    "cancel",
    "insert+cancel",
    "expire",
    "x DelayQueue",
    "worst step us",
    "bytes",
    "floors",
];

/// Makes all runs, prints a table.
pub fn measure(options: &Options, common: &Common, report: &mut Report) {
    let chosen = |who: &Structure| options.structure.is_empty() || options.structure.contains(who);
    let structures = Structure::value_variants().iter().copied();
    let structures: Vec<Structure> = structures.filter(chosen).collect();
    let timers = options.timers;
    let mut progress = Progress::new(structures.len() * common.reps, common.quiet);
    let rows = rounds::in_turn(&structures, common.reps, |structure| {
        progress.step(|| structure.to_string());
        child::run(&Order::Timers(Run { structure, timers }), Place::Anywhere)
    });
    drop(progress);
    report.keep(&json!({ "bench": "timers", "timers": timers }), &rows);
    println!(
        "\ntimers: {timers} within {} s, {} runs each",
        SPAN / 1_000,
        common.reps
    );
    println!("  CPU ns per timer; floors in terms of DelayQueue, in that order\n");
    let yardstick = rows
        .iter()
        .find(|row| row.contender == Structure::DelayQueue);
    let yardstick = yardstick.and_then(Row::medians).unwrap_or_default();
    let lines = rows
        .iter()
        .map(|row| line(row, &yardstick, report))
        .collect();
    table::print(&HEADER, 1..8, lines);
}

fn line(row: &Row<Structure>, yardstick: &Figures, report: &mut Report) -> Vec<String> {
    let mut line = vec![row.contender.to_string()];
    let Some(medians) = row.medians() else {
        line.push(fault(row));
        return line;
    };
    let ratio = |name| yardstick.get(name) / medians.get(name);
    line.extend(FLOORS.map(|(name, _)| digits(medians.get(name))));
    line.push(FLOORS.map(|(name, _)| digits(ratio(name))).join(" / "));
    line.extend(["worst", "bytes"].map(|name| digits(medians.get(name))));
    if row.contender == Structure::Guichet {
        let mut floors = Vec::new();
        if !yardstick.get("insert").is_nan() {
            let floor = |(name, limit)| {
                let what = format!("timers, {name}, x DelayQueue");
                Floor::at_least(limit, ratio(name), what)
            };
            floors.extend(FLOORS.map(floor));
        }
        let at_most = |limit, name, what| Floor::at_most(limit, medians.get(name), what);
        floors.push(at_most(FLOOR_WORST, "worst", "timers, worst step, us"));
        floors.push(at_most(FLOOR_BYTES, "bytes", "timers, bytes per timer"));
        let marks: Vec<String> = floors.iter().map(Floor::mark).collect();
        line.push(marks.join(", "));
        report.judge(floors);
    }
    line
}
