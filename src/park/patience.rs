//! How long a thread looks before it sleeps.
//!
//! A wake-up costs its waker 7–13 µs when the sleeper's core is idle, so a short look pays: growing
//! pauses, then yields. Whether yields pay depends on who waits; see [`Yields`].

use std::time::Instant;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{MODEL, thread};

/// Growing pauses: 2^0 … 2^6, about 2 µs in all.
const PAUSES: u32 = 7;
/// Then so many yields.
const YIELDS: u32 = 16;
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
}

impl Patience {
    pub(super) fn new(yields: Yields) -> Self {
        Patience {
            yields,
            origin: Instant::now(),
            no_yield_before: AtomicU64::new(0),
            pauses: num_cpus::get() > 1,
        }
    }

    /// One phase of looking. Under a model it is empty: sleeping is what is to be explored.
    pub(super) fn look(&self) -> Look<'_> {
        let end = if MODEL {
            0
        } else if self.now() < self.no_yield_before.load(Relaxed) {
            PAUSES
        } else {
            PAUSES + YIELDS
        };
        let round = if self.pauses { 0 } else { PAUSES.min(end) };
        Look {
            patience: self,
            round,
            end,
            late: 0,
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
    /// How long the last yield took, if it was late.
    late: u64,
}

impl Look<'_> {
    /// Lets a moment pass; false when the time for looking is over.
    pub(super) fn again(&mut self) -> bool {
        self.judge(|| 0);
        if self.round >= self.end {
            return false;
        }
        if self.round < PAUSES {
            for _ in 0..1 << self.round {
                std::hint::spin_loop();
            }
        } else {
            let before = self.patience.now();
            thread::yield_now();
            let took = self.patience.now() - before;
            if took > LATE_NS && self.patience.yields == Yields::Warily {
                self.late = took;
            }
        }
        self.round += 1;
        true
    }

    /// Learns from the last moment, after which so many units were found.
    pub(super) fn judge(&mut self, units: impl FnOnce() -> usize) {
        if self.late > 0 && self.late > units() as u64 * WORTH_NS {
            let until = self.patience.now() + 100 * self.late;
            self.patience.no_yield_before.store(until, Relaxed);
            self.end = self.round;
        }
        self.late = 0;
    }
}
