//! How long a thread looks before it sleeps.
//!
//! A wake-up costs its waker 7–13 µs when the sleeper's core is idle, so a short look pays: growing
//! pauses, then yields. Whether yields pay depends on who waits; see [`Yields`].

use std::time::Instant;

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::sync::{MODEL, thread};

/// TUNING SCAFFOLD
fn env(name: &str, default: u32) -> u32 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}
static PAUSES_: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| env("PAUSES", 7));
static YIELDS_: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| env("YIELDS", 16));
static EARLY_: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| env("EARLY", 0));
static GAIN_: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| env("GAIN", 2));
static PROBE_: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| env("PROBE", 32));
/// A yield that takes longer is late.
const LATE_NS: u64 = 200_000;
/// A late yield after which there is a unit for each of these was worth it: the core went to those who
/// make them, and to be woken for each would have cost as much.
const WORTH_NS: u64 = 10_000;

/// When a waiter yields its core before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yields {
    /// Unless strangers are hungry: a yield that came back late and found little went to one, and a
    /// futex sleeper is put back on a core sooner than a yielder. The 1 % rule: such a yield, if it took
    /// `d` > 200 µs, forbids yields for `100·d`. For waiters whose delay somebody feels.
    Warily,
    /// Always. For waiters that are late because others have work: a yield lets them do a whole slice
    /// of it, where a sleeper that is woken for the first slot takes their core after each job.
    Freely,
}

/// What the waiters of one event count have learned about the machine.
#[derive(Debug)]
pub(super) struct Patience {
    yields: Yields,
    origin: Instant,
    /// Nanoseconds after `origin` before which nobody yields.
    no_yield_before: AtomicU64,
    /// Pausing is pointless where nobody else can run meanwhile.
    pauses: bool,
    score: AtomicU32,
    tried: AtomicU32,
}

impl Patience {
    pub(super) fn new(yields: Yields) -> Self {
        Patience {
            yields,
            origin: Instant::now(),
            no_yield_before: AtomicU64::new(0),
            pauses: num_cpus::get() > 1,
            score: AtomicU32::new(8),
            tried: AtomicU32::new(0),
        }
    }

    /// One phase of looking. Under a model it is empty: sleeping is what is to be explored.
    pub(super) fn look(&self) -> Look<'_> {
        #[allow(non_snake_case)]
        let (PAUSES, YIELDS) = (*PAUSES_, *YIELDS_);
        let end = if MODEL {
            0
        } else if self.now() < self.no_yield_before.load(Relaxed) {
            PAUSES
        } else {
            PAUSES + YIELDS
        };
        let pays = self.score.load(Relaxed) >= 4 || {
            let n = self.tried.load(Relaxed).wrapping_add(1);
            self.tried.store(n, Relaxed);
            n.is_multiple_of(*PROBE_)
        };
        let round = if self.pauses && pays {
            0
        } else {
            PAUSES.min(end)
        };
        Look {
            patience: self,
            round,
            end,
            pauses: PAUSES,
            paused: round == 0,
        }
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }
}

/// The rounds of one phase.
pub(super) struct Look<'a> {
    patience: &'a Patience,
    round: u32,
    end: u32,
    pauses: u32,
    paused: bool,
}

impl Look<'_> {
    /// Lets a moment pass; false when the time for looking is over. `moved` tells how many units have
    /// gone through so far.
    pub(super) fn again(&mut self, moved: impl Fn() -> u64) -> bool {
        if self.round >= self.end {
            return false;
        }
        if self.round < self.pauses {
            for _ in 0..1 << self.round {
                std::hint::spin_loop();
            }
        } else {
            self.end_pauses();
            let (before, moved_before) = (self.patience.now(), moved());
            thread::yield_now();
            let took = self.patience.now() - before;
            if took > LATE_NS && self.patience.yields == Yields::Warily {
                let units = moved() - moved_before;
                if took > units * WORTH_NS {
                    let until = self.patience.now() + 100 * took;
                    self.patience.no_yield_before.store(until, Relaxed);
                    self.end = self.round;
                    return true;
                }
            }
        }
        self.round += 1;
        true
    }

    fn end_pauses(&mut self) {
        if self.paused {
            self.paused = false;
            let s = self.patience.score.load(Relaxed);
            self.patience.score.store(s.saturating_sub(1), Relaxed);
        }
    }

    /// Whether a yield comes next and the early ones are over.
    pub(super) fn early(&self) -> bool {
        self.round < self.pauses + *EARLY_
    }

    /// What was waited for was found.
    pub(super) fn found(&mut self) {
        if self.paused {
            self.paused = false;
            let s = self.patience.score.load(Relaxed);
            self.patience.score.store((s + *GAIN_).min(16), Relaxed);
        }
    }
}
