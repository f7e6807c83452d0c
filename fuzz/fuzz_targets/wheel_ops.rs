//! Programs of wheel operations against a sorted map: which timers come, in which order and when, with
//! any budget and any jump of the clock.
//!
//! Instants are coarse or fine, near or far, equal to another timer's or beside it, on the edge of a
//! bucket or the last of all; few slots make the program move and cancel what is there.
//!
//! ```text
//! cargo +nightly fuzz run wheel_ops -- -max_total_time=60
//! ```

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use guichet::internals::wheel::Wheel;
use libfuzzer_sys::fuzz_target;

const SLOTS: u8 = 48;
/// More calls than it takes to get through all that is left.
const PATIENCE: usize = 10_000;

#[derive(Arbitrary, Debug)]
struct Program {
    start: Instant,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Insert(u8, Instant),
    Cancel(u8),
    Advance(Instant, u8),
    /// Advances without a limit when `next` says so, that many times.
    Follow(u8),
}

/// An instant, from where the clock stands.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Instant {
    /// So many units of `2^bits` ns later.
    Later {
        units: u16,
        bits: u8,
    },
    /// So many units of `2^bits` ns earlier.
    Earlier {
        units: u16,
        bits: u8,
    },
    /// Beside the timer of that slot.
    Beside {
        slot: u8,
        off: i8,
    },
    /// Beside the next multiple of `2^bits` ns.
    Edge {
        bits: u8,
        off: i8,
    },
    Last,
}

/// The wheel and what it should hold.
struct Pair {
    wheel: Wheel,
    now: u64,
    timers: BTreeMap<(u64, u64), u32>,
    keys: BTreeMap<u32, (u64, u64)>,
    inserted: u64,
}

fn number(slot: u8) -> u32 {
    u32::from(slot % SLOTS)
}

impl Pair {
    fn new(now: u64) -> Self {
        Pair {
            wheel: Wheel::new(now),
            now,
            timers: BTreeMap::new(),
            keys: BTreeMap::new(),
            inserted: 0,
        }
    }

    fn instant(&self, instant: Instant) -> u64 {
        let span = |units: u16, bits: u8| u64::from(units) << (bits % 48);
        match instant {
            Instant::Later { units, bits } => self.now.saturating_add(span(units, bits)),
            Instant::Earlier { units, bits } => self.now.saturating_sub(span(units, bits)),
            Instant::Beside { slot, off } => {
                let due = self.keys.get(&number(slot)).map_or(self.now, |key| key.0);
                due.saturating_add_signed(off.into())
            }
            Instant::Edge { bits, off } => {
                let edge = self.now.checked_next_multiple_of(1 << (bits % 60));
                edge.unwrap_or(u64::MAX).saturating_add_signed(off.into())
            }
            Instant::Last => u64::MAX,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Insert(slot, due) => self.insert(number(slot), self.instant(due)),
            Step::Cancel(slot) => {
                assert_eq!(self.wheel.cancel(number(slot)), self.forget(number(slot)));
            }
            Step::Advance(now, budget) => {
                self.advance(self.instant(now), budget.into());
            }
            Step::Follow(times) => {
                for _ in 0..times {
                    let Some(next) = self.wheel.next() else { break };
                    assert!(
                        self.advance(next.max(self.now), usize::MAX),
                        "no limit, all done"
                    );
                }
            }
        }
        self.compare();
    }

    fn insert(&mut self, slot: u32, due: u64) {
        self.forget(slot);
        self.wheel.insert(slot, due);
        self.inserted += 1;
        self.keys.insert(slot, (due, self.inserted));
        self.timers.insert((due, self.inserted), slot);
    }

    fn forget(&mut self, slot: u32) -> bool {
        let key = self.keys.remove(&slot);
        key.is_some_and(|key| self.timers.remove(&key).is_some())
    }

    fn advance(&mut self, now: u64, budget: usize) -> bool {
        self.now = self.now.max(now);
        let mut handed_out = 0;
        let done = self.wheel.advance(now, budget, |slot, due| {
            let ((first, _), expected) = self.timers.pop_first().expect("a timer that was set");
            assert_eq!((slot, due), (expected, first));
            assert!(due <= self.now, "{due} is later than {}", self.now);
            self.keys.remove(&slot);
            handed_out += 1;
        });
        assert!(handed_out <= budget);
        if done {
            assert!(
                self.first().is_none_or(|first| first > self.now),
                "it was due"
            );
            let next = self.wheel.next();
            assert!(next.is_none_or(|next| next > self.now), "a needless call");
        }
        done
    }

    fn first(&self) -> Option<u64> {
        self.timers.keys().next().map(|key| key.0)
    }

    fn compare(&self) {
        assert_eq!(self.wheel.pending(), self.timers.len());
        for slot in 0..SLOTS.into() {
            assert_eq!(self.wheel.due(slot), self.keys.get(&slot).map(|key| key.0));
        }
        let (next, first) = (self.wheel.next(), self.first());
        assert_eq!(next.is_some(), first.is_some());
        assert!(next <= first, "{next:?} is after {first:?}");
    }
}

fuzz_target!(|program: Program| {
    let start = Pair::new(0).instant(program.start);
    let mut pair = Pair::new(start);
    program.steps.iter().for_each(|step| pair.step(step));
    let calls = (0..PATIENCE).find(|_| pair.advance(u64::MAX, 3));
    assert!(calls.is_some(), "{} never come", pair.wheel.pending());
    assert!(pair.wheel.pending() == 0 && pair.timers.is_empty());
});
