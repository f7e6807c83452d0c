//! How long a thread looks before it sleeps.
//!
//! A wake-up costs its waker 7–13 µs when the sleeper's core is idle, and the sleeper more, so a short
//! look pays: growing pauses, then yields. Whether each of them pays is learned, and whether
//! yields are allowed depends on who else is there; see [`Yields`]. What decided the numbers is in
//! `benches/LOG.md`.

use std::time::Instant;

use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::sync::{MODEL, thread};

/// Growing pauses: 2^0 … 2^6, about 2 µs in all.
const PAUSES: u32 = 7;
/// Then so many yields: about as long as it takes to wake a sleeper.
const YIELDS: u32 = 64;
/// A yield that takes longer is late.
const LATE_NS: u64 = 200_000;
/// One that takes longer gave a whole slice away; a shorter one that is late may have met a passer-by.
const SLICE_NS: u64 = 1_000_000;
/// A late yield during which a unit for each of these went through was worth it: the core went to those
/// who move them, and to be woken for each would have cost as much.
const WORTH_NS: u64 = 10_000;
/// More waiters than so many per core do not yield: one yield would lead to the next.
const CROWD: usize = 2;

/// When a waiter yields its core before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// Unless strangers are hungry: a yield that came back late while little went through went to one, and
    /// a futex sleeper is put back on a core sooner than a yielder. The 1 % rule: such a yield, if it took
    /// `d` > 1 ms, or > 200 µs as the one before did, forbids yields for `100·d`. For waiters whose delay
    /// somebody feels.
    Warily,
    /// Always. For waiters that are late because others have work: a yield lets them do a whole slice
    /// of it, where a sleeper that is woken for the first slot takes their core after each job.
    Freely,
}

/// Whether something paid lately. Racy: a lost update costs nothing but a little time.
#[derive(Debug)]
struct Habit {
    score: AtomicU32,
    refused: AtomicU32,
}

impl Habit {
    const MOST: u32 = 16;
    /// From here on it is advised; a success is worth as much, a failure 1.
    const ENOUGH: u32 = 4;
    /// Below, it is tried once in so many times.
    const TRIAL: u32 = 16;

    fn new() -> Self {
        Habit {
            score: AtomicU32::new(Self::MOST / 2),
            refused: AtomicU32::new(0),
        }
    }

    fn advises(&self) -> bool {
        if self.score.load(Relaxed) >= Self::ENOUGH {
            return true;
        }
        let refused = self.refused.load(Relaxed).wrapping_add(1);
        self.refused.store(refused, Relaxed);
        refused.is_multiple_of(Self::TRIAL)
    }

    fn learn(&self, paid: bool) {
        let before = self.score.load(Relaxed);
        let score = match paid {
            true => (before + Self::ENOUGH).min(Self::MOST),
            false => before.saturating_sub(1),
        };
        if score != before {
            self.score.store(score, Relaxed);
        }
    }
}

/// What the waiters of one line have learned about the machine.
#[derive(Debug)]
pub(super) struct Patience {
    rule: Yields,
    origin: Instant,
    /// Nanoseconds after `origin` before which nobody yields.
    no_yield_before: AtomicU64,
    /// Whether the last yield was late.
    late_before: AtomicBool,
    cores: usize,
    pausing: Habit,
    yielding: Habit,
}

impl Patience {
    pub(super) fn new(rule: Yields) -> Self {
        Patience::on_cores(num_cpus::get(), rule)
    }

    /// On a machine with so many cores.
    pub(super) fn on_cores(cores: usize, rule: Yields) -> Self {
        Patience {
            rule,
            origin: Instant::now(),
            no_yield_before: AtomicU64::new(0),
            late_before: AtomicBool::new(false),
            cores,
            pausing: Habit::new(),
            yielding: Habit::new(),
        }
    }

    /// One phase of looking. Under a model it is empty: sleeping is what is to be explored.
    pub(super) fn look(&self) -> Look<'_> {
        // Pausing is pointless where nobody else can run meanwhile.
        let pauses = !MODEL && self.cores > 1 && self.pausing.advises();
        Look {
            patience: self,
            round: 0,
            pauses: if pauses { PAUSES } else { 0 },
            yields: None,
            last: 0,
        }
    }

    /// How often to yield at `now`, where so many wait.
    pub(super) fn yields(&self, crowd: usize, now: u64) -> u32 {
        let forbidden = self.rule == Yields::Warily && now < self.no_yield_before.load(Relaxed);
        let crowded = crowd > CROWD * self.cores;
        if MODEL || forbidden || crowded || !self.yielding.advises() {
            0
        } else {
            YIELDS
        }
    }

    /// Learns of a yield that took so many nanoseconds, while so many units went through, and is over `now`.
    /// Whether it forbids others.
    pub(super) fn judge(&self, now: u64, took: u64, units: impl FnOnce() -> u64) -> bool {
        let late = took > LATE_NS && took > units() * WORTH_NS;
        let late_before = self.late_before.load(Relaxed);
        if late != late_before {
            self.late_before.store(late, Relaxed);
        }
        let convicted = late && (late_before || took > SLICE_NS);
        let forbids = convicted && self.rule == Yields::Warily;
        if forbids {
            self.no_yield_before.store(now + 100 * took, Relaxed);
        }
        forbids
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }
}

/// The rounds of one phase: pauses, then yields.
pub(super) struct Look<'a> {
    patience: &'a Patience,
    round: u32,
    pauses: u32,
    /// Not asked before the pauses are over.
    yields: Option<u32>,
    /// When the last yield was over.
    last: u64,
}

impl Look<'_> {
    /// Lets a moment pass; false when the time for looking is over. `crowd` is how many look here, and
    /// `moved` tells how many units have gone through so far.
    pub(super) fn again(&mut self, crowd: usize, moved: impl Fn() -> u64) -> bool {
        if self.pauses() {
            return true;
        }
        let yields = match self.yields {
            Some(yields) => yields,
            None => self.end_pauses(crowd),
        };
        if self.round < self.pauses + yields {
            self.round += 1;
            self.yield_core(moved);
            return true;
        }
        if yields > 0 {
            self.patience.yielding.learn(false);
        }
        false
    }

    /// The first rounds only: lets a short moment pass; false when they are over.
    pub(super) fn pauses(&mut self) -> bool {
        if self.round >= self.pauses {
            return false;
        }
        for _ in 0..1 << self.round {
            std::hint::spin_loop();
        }
        self.round += 1;
        true
    }

    /// What was waited for was found after the last moment.
    pub(super) fn found(&mut self) {
        if self.round > self.pauses {
            self.patience.yielding.learn(true);
        } else {
            self.patience.pausing.learn(true);
        }
    }

    fn end_pauses(&mut self, crowd: usize) -> u32 {
        if self.pauses > 0 {
            self.patience.pausing.learn(false);
        }
        self.last = self.patience.now();
        let yields = self.patience.yields(crowd, self.last);
        self.yields = Some(yields);
        yields
    }

    fn yield_core(&mut self, moved: impl Fn() -> u64) {
        let before = moved();
        thread::yield_now();
        let now = self.patience.now();
        let took = now.saturating_sub(self.last);
        self.last = now;
        let units = || moved().saturating_sub(before);
        if self.patience.judge(now, took, units) {
            self.yields = Some(0);
        }
    }
}
