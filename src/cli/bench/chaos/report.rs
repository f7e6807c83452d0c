//! What a soak came to: rounds, jobs by queue and by end, attempts, shutdowns.

use std::io::{self, Write};
use std::time::Duration;

use guichet::{EventKind, QueueStats};

use super::ending::ENDINGS;
use super::facts::ENDS;
use super::round::Played;
use super::world::NAMES;
use crate::cli::bench::report::{print_table, table};

/// Sums over all rounds.
pub struct Totals {
    /// The run's seed.
    pub seed: u64,
    /// How long the rounds took.
    pub elapsed: Duration,
    rounds: u64,
    /// By queue.
    queues: [Sums; NAMES.len()],
    payloads: u64,
    endings: [u64; ENDINGS.len()],
    /// How long shutdowns whose time was over went on.
    overtimes: Vec<Duration>,
}

/// One queue's.
#[derive(Clone, Copy, Default)]
struct Sums {
    stats: QueueStats,
    attempts: u64,
    redriven: u64,
    /// Of rounds with a listener.
    letters_kept: u64,
    /// Likewise.
    stuck: u64,
}

/// A row of the table: what it shows, and where to find it.
type Row = (&'static str, fn(&Sums) -> u64);

const ROWS: [Row; 11] = [
    ("redriven", |sums| sums.redriven),
    ("attempts", |sums| sums.attempts),
    ("retried", |sums| sums.stats.retried),
    ("snoozed", |sums| sums.stats.snoozed),
    ("requeued", |sums| sums.stats.requeued),
    ("redelivered", |sums| sums.stats.redelivered),
    ("panicked", |sums| sums.stats.panicked),
    ("timed out", |sums| sums.stats.timed_out),
    ("late", |sums| sums.stats.late),
    ("stuck *", |sums| sums.stuck),
    ("letters kept *", |sums| sums.letters_kept),
];

impl Totals {
    /// No round yet.
    pub fn new(seed: u64) -> Self {
        Totals {
            seed,
            elapsed: Duration::ZERO,
            rounds: 0,
            queues: [Sums::default(); NAMES.len()],
            payloads: 0,
            endings: [0; ENDINGS.len()],
            overtimes: Vec::new(),
        }
    }

    /// A round that was right.
    pub fn add(&mut self, played: &Played) {
        self.rounds += 1;
        self.payloads += played.facts.payloads.len() as u64;
        for ((kind, _), times) in ENDINGS.iter().zip(&mut self.endings) {
            *times += u64::from(*kind == played.ending);
        }
        self.overtimes.extend(played.overtime);
        for (sums, queue) in self.queues.iter_mut().zip(&played.facts.queues) {
            sums.add(&queue.stats);
            sums.attempts += queue.starts;
            sums.redriven += queue.redriven;
            let steps = queue.heard.iter().flat_map(|heard| &heard.steps);
            for step in steps {
                sums.stuck += u64::from(step.kind == EventKind::Stuck);
                sums.letters_kept += u64::from(step.kind == EventKind::LetterKept);
            }
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn print(&self, stopped: bool, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "guichet {} bench", env!("CARGO_PKG_VERSION"))?;
        if stopped {
            writeln!(
                out,
                "stopped  by a signal; what follows is what had been done"
            )?;
        }
        writeln!(
            out,
            "\nchaos — everything at once, every job accounted for; --seed {}: {} rounds in {:.1} s, {} payloads\n",
            self.seed,
            self.rounds,
            self.elapsed.as_secs_f64(),
            self.payloads
        )?;
        let mut rows = table(["jobs"].into_iter().chain(NAMES).chain(["all"]));
        rows.add_row(self.row("accepted", |sums| sums.stats.accepted));
        for end in ENDS {
            rows.add_row(self.row(end.name(), |sums| end.counted(&sums.stats)));
        }
        for (name, figure) in ROWS {
            rows.add_row(self.row(name, figure));
        }
        print_table(rows, 1, out)?;
        writeln!(out, "  * as heard in rounds with a listener, about half")?;
        let kinds = ENDINGS.iter().zip(self.endings);
        let kinds: Vec<String> = kinds
            .map(|((_, name), times)| format!("{times} {name}"))
            .collect();
        writeln!(out, "\nshutdowns: {}", kinds.join(", "))?;
        let Some(longest) = self.overtimes.iter().max() else {
            return Ok(());
        };
        writeln!(
            out,
            "{} ran out of time and returned after that, the latest by {:.1} ms",
            self.overtimes.len(),
            1e3 * longest.as_secs_f64()
        )
    }

    fn row(&self, name: &str, figure: impl Fn(&Sums) -> u64) -> Vec<String> {
        let figures: Vec<u64> = self.queues.iter().map(figure).collect();
        let all = figures.iter().sum::<u64>();
        let cells = figures.into_iter().chain([all]);
        let cells = cells.map(|figure| figure.to_string());
        [name.to_owned()].into_iter().chain(cells).collect()
    }
}

impl Sums {
    fn add(&mut self, round: &QueueStats) {
        let sum = &mut self.stats;
        for (total, more) in [
            (&mut sum.accepted, round.accepted),
            (&mut sum.completed, round.completed),
            (&mut sum.failed, round.failed),
            (&mut sum.cancelled, round.cancelled),
            (&mut sum.expired, round.expired),
            (&mut sum.interrupted, round.interrupted),
            (&mut sum.returned, round.returned),
            (&mut sum.retried, round.retried),
            (&mut sum.snoozed, round.snoozed),
            (&mut sum.requeued, round.requeued),
            (&mut sum.redelivered, round.redelivered),
            (&mut sum.panicked, round.panicked),
            (&mut sum.timed_out, round.timed_out),
            (&mut sum.late, round.late),
        ] {
            *total += more;
        }
    }
}
