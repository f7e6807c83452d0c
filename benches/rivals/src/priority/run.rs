//! One run of one workload with one structure.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::lanes::{Bounded, Lane, MutexHeap, Skiplist, Wide};
use super::{Structure, Workload};
use crate::figures::Figures;
use crate::machine::{self, Usage};
use crate::pulse;
use guichet::internals::lane::Bands;

/// Words that `Million` and `Memory` hold.
const MANY: u64 = 1_000_000;
/// Words inside when a short queue is measured.
const FEW: u64 = 1024;
/// Pops and pushes of `Million`: few beside what is inside, so that the mixture of keys stays.
const STEPS: u64 = 250_000;
/// Steps between two looks at the clock or the flag.
const STRIDE: u64 = 64;
/// Threads of `Tail`.
const CROWD: usize = 8;

/// One run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    pub structure: Structure,
    pub workload: Workload,
    pub levels: u32,
    pub millis: u64,
}

impl Run {
    /// Runs it. What it measures depends on the workload.
    pub fn measure(self) -> Figures {
        match self.structure {
            Structure::GuichetBands => self.with::<Bands>(),
            Structure::GuichetHeap => self.with::<Bounded>(),
            Structure::GuichetWide => self.with::<Wide>(),
            Structure::MutexHeap => self.with::<MutexHeap>(),
            Structure::Skiplist => self.with::<Skiplist>(),
        }
    }

    fn with<L: Lane>(self) -> Figures {
        match self.workload {
            Workload::Million => self.million::<L>(),
            Workload::Split => self.split::<L>(),
            Workload::NearEmpty => self.near_empty::<L>(),
            Workload::Tail => self.tail::<L>(),
            Workload::Memory => self.memory::<L>(),
            Workload::Rank => self.rank::<L>(),
        }
    }

    /// A lane with words of the ids 1 to `words`.
    fn filled<L: Lane>(self, capacity: u64, words: u64) -> L {
        let lane = L::new(self.levels, capacity as usize);
        let mut keys = Keys::new(1, self.levels);
        (1..=words).for_each(|word| lane.push(keys.next(), word));
        lane
    }

    /// One thread pops a word and pushes it with another key.
    fn million<L: Lane>(self) -> Figures {
        let lane: L = self.filled(MANY, MANY);
        let (mut keys, mut room) = (Keys::new(2, self.levels), Vec::with_capacity(1));
        let (usage, start) = (Usage::now(), machine::now());
        for _ in 0..STEPS {
            let (_, word) = lane.pop(&mut room).expect("most are inside");
            lane.push(keys.next(), word);
        }
        costs(2 * STEPS, start, usage)
    }

    /// One thread pushes a word and pops it.
    fn near_empty<L: Lane>(self) -> Figures {
        let lane = L::new(self.levels, FEW as usize);
        let (mut keys, mut room) = (Keys::new(1, self.levels), Vec::with_capacity(1));
        let (usage, start) = (Usage::now(), machine::now());
        let mut word = 1;
        let mut steps = 0;
        while machine::now() - start < self.millis * 1_000_000 {
            for _ in 0..STRIDE {
                lane.push(keys.next(), word);
                (_, word) = lane.pop(&mut room).expect("it holds one");
            }
            steps += STRIDE;
        }
        costs(2 * steps, start, usage)
    }

    /// Two threads, each of which pops 32 words and then pushes them with other keys, so that as a rule one
    /// pushes while the other pops, and nobody waits for the other.
    fn split<L: Lane>(self) -> Figures {
        const TURN: usize = 32;
        let lane: L = self.filled(FEW, FEW);
        let (stop, gate) = (AtomicBool::new(false), Barrier::new(3));
        let (lane, stop, gate) = (&lane, &stop, &gate);
        let serve = move |seed: u64| {
            let (mut keys, mut steps) = (Keys::new(seed, self.levels), 0);
            let (mut words, mut room) = (Vec::with_capacity(TURN), Vec::with_capacity(1));
            gate.wait();
            while !stopped(stop) {
                for _ in 0..TURN {
                    let (_, word) = lane.pop(&mut room).expect("most are inside");
                    words.push(word);
                }
                words
                    .drain(..)
                    .for_each(|word| lane.push(keys.next(), word));
                steps += 2 * TURN as u64;
            }
            steps
        };
        thread::scope(|scope| {
            let threads = [2, 3].map(|seed| scope.spawn(move || serve(seed)));
            gate.wait();
            let (usage, start) = (Usage::now(), machine::now());
            self.stop_in_time(stop);
            let steps = threads.map(|thread| thread.join().expect("it does not panic"));
            costs(steps.iter().sum(), start, usage)
        })
    }

    /// Eight threads pop a word and push it with another key; each pop is timed.
    fn tail<L: Lane>(self) -> Figures {
        let lane: L = self.filled(FEW, FEW);
        let (stop, gate) = (AtomicBool::new(false), Barrier::new(CROWD + 1));
        let all = Mutex::new(histogram());
        thread::scope(|scope| {
            let (lane, stop, gate, all) = (&lane, &stop, &gate, &all);
            let serve = move |seed: usize| {
                let (mut keys, mut own) = (Keys::new(seed as u64 + 4, self.levels), histogram());
                let mut room = Vec::with_capacity(1);
                gate.wait();
                while !stopped(stop) {
                    for _ in 0..STRIDE {
                        let start = machine::now();
                        let (_, word) = lane.pop(&mut room).expect("eight at most are outside");
                        own.saturating_record(machine::now() - start);
                        lane.push(keys.next(), word);
                    }
                }
                let mut all = all.lock().expect("nobody panics under it");
                all.add(own).expect("the same bounds");
            };
            for seed in 0..CROWD {
                scope.spawn(move || serve(seed));
            }
            gate.wait();
            self.stop_in_time(stop);
        });
        let all = all.into_inner().expect("nobody panicked under it");
        Figures::of([
            ("p50_ns", all.value_at_quantile(0.5) as f64),
            ("p99_ns", all.value_at_quantile(0.99) as f64),
            ("p999_ns", all.value_at_quantile(0.999) as f64),
            ("rate", 2e3 * all.len() as f64 / self.millis as f64),
        ])
    }

    /// Bytes in memory: of an empty lane with room for a million, and per word.
    fn memory<L: Lane>(self) -> Figures {
        let before = resident();
        let lane = L::new(self.levels, MANY as usize);
        let empty = resident();
        let mut keys = Keys::new(1, self.levels);
        (1..=FEW).for_each(|word| lane.push(keys.next(), word));
        let few = resident();
        (FEW + 1..=MANY).for_each(|word| lane.push(keys.next(), word));
        let many = resident();
        let per = |bytes: u64, words: u64| bytes as f64 / words as f64;
        Figures::of([
            ("empty_bytes", (empty - before) as f64),
            ("bytes_of_few", per(few.saturating_sub(empty), FEW)),
            ("bytes_of_many", per(many - before, MANY)),
        ])
    }

    /// Two threads empty a lane. Neither may get a smaller key after a larger one; `errors` in a thousand.
    fn rank<L: Lane>(self) -> Figures {
        const WORDS: u64 = 200_000;
        let lane: L = self.filled(WORDS, WORDS);
        let gate = Barrier::new(2);
        let empty = || {
            let (mut largest, mut errors, mut words) = (0, 0_u64, 0_u64);
            let mut room = Vec::with_capacity(1);
            gate.wait();
            while let Some((key, _)) = lane.pop(&mut room) {
                errors += u64::from(key < largest);
                largest = largest.max(key);
                words += 1;
            }
            (errors, words)
        };
        let (one, two) = thread::scope(|scope| {
            let other = scope.spawn(empty);
            (empty(), other.join().expect("it does not panic"))
        });
        assert_eq!(one.1 + two.1, WORDS, "words popped, words pushed");
        let errors = (one.0 + two.0) as f64 * 1e3 / WORDS as f64;
        Figures::of([("errors", errors)])
    }

    fn stop_in_time(self, stop: &AtomicBool) {
        thread::sleep(Duration::from_millis(self.millis));
        // ORDERING: Relaxed — only a flag; the joins order the rest.
        stop.store(true, Ordering::Relaxed);
    }
}

/// Keys below a power of two, as if at random (xorshift64*).
struct Keys {
    state: u64,
    mask: u64,
}

impl Keys {
    fn new(seed: u64, levels: u32) -> Self {
        assert!(levels.is_power_of_two(), "{levels} levels");
        Keys {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            mask: u64::from(levels) - 1,
        }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) & self.mask
    }
}

fn costs(steps: u64, start: u64, usage: Usage) -> Figures {
    let (wall, usage) = ((machine::now() - start) as f64, usage.since());
    pulse::beat();
    Figures::of([
        ("rate", steps as f64 * 1e9 / wall),
        ("cpu_ns", usage.cpu_ns as f64 / steps as f64),
    ])
}

fn stopped(stop: &AtomicBool) -> bool {
    // ORDERING: Relaxed — only a flag; no partner.
    stop.load(Ordering::Relaxed)
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are valid")
}

/// Bytes of this process that are in memory, counted page by page.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.and_then(|number| number.parse::<u64>().ok());
    1024 * kilobytes.expect("Linux tells")
}
