//! One run of words that come at instants fixed in advance: what `hog` and `bursts` measure.
//!
//! The loop is open: the schedule does not wait for anybody, and what is late counts as late. A word
//! carries the instant from which its latency is counted, so a pause anywhere shows in all the words
//! that it held up.

use std::thread;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::contenders::{Channel, Contender, Visit};
use crate::figures::Figures;
use crate::machine::{self, Usage};
use crate::pingpong::single;
use crate::pulse;

/// Room enough for a receiver that is not scheduled for a while.
const CAPACITY: usize = 1024;
/// Latencies beyond a minute are cut off.
const LONGEST_NS: u64 = 60_000_000_000;

/// How the sender waits for the next instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// It looks at the clock all the time, and keeps its core busy with that.
    Busy,
    /// It sleeps, with `clock_nanosleep` and without leeway.
    Sleep,
}

/// From when a word's latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// From the instant in the schedule; the sender's own lateness is in it.
    Schedule,
    /// From when the sender really began on this instant's words.
    Sender,
}

/// What to run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The channel.
    pub contender: Contender,
    /// The time between two instants.
    pub every_ns: u64,
    /// Words at each instant.
    pub burst: u64,
    /// How the sender waits.
    pub wait: Wait,
    /// From when latency counts.
    pub since: Since,
    /// How long it takes.
    pub millis: u64,
}

impl Run {
    /// Runs it: the latencies `p50`, `p99`, `p999` and `max`, the sender's lateness `late50` and
    /// `late99`, all in us; `cpu`, the seconds of CPU time used per second.
    pub fn measure(self) -> Figures {
        self.contender.welcome(self)
    }

    /// Sends all words; returns how late the sender was at each instant.
    fn send<C: Channel>(self, sender: &C::Sender, start: u64) -> Histogram<u64> {
        let mut lateness = histogram();
        for nth in 1..=self.millis * 1_000_000 / self.every_ns {
            let due = start + nth * self.every_ns;
            let now = match self.wait {
                Wait::Busy => busy_until(due),
                Wait::Sleep => {
                    machine::sleep_until(due);
                    machine::now()
                }
            };
            lateness.saturating_record(now.saturating_sub(due));
            let stamp = match self.since {
                Since::Schedule => due,
                Since::Sender => now,
            };
            for _ in 0..self.burst {
                assert!(C::send(sender, stamp), "the receiver stays");
            }
        }
        lateness
    }
}

impl Visit for Run {
    type Out = Figures;

    fn visit<C: Channel>(self) -> Figures {
        let (sender, receiver) = single::<C>(CAPACITY);
        let (usage, start) = (Usage::now(), machine::now());
        let (latency, lateness) = thread::scope(|scope| {
            let receiving = scope.spawn(move || {
                let mut latency = histogram();
                while let Some(stamp) = C::recv(&receiver) {
                    latency.saturating_record(machine::now().saturating_sub(stamp));
                    pulse::beat();
                }
                latency
            });
            machine::sleep_exactly();
            let lateness = self.send::<C>(&sender, start);
            drop(sender);
            let latency = receiving.join().expect("it does not panic");
            (latency, lateness)
        });
        let (usage, wall) = (usage.since(), machine::now() - start);
        assert_eq!(
            latency.len(),
            lateness.len() * self.burst,
            "every word comes"
        );
        let us = |histogram: &Histogram<u64>, quantile| {
            histogram.value_at_quantile(quantile) as f64 / 1e3
        };
        Figures::of([
            ("p50", us(&latency, 0.5)),
            ("p99", us(&latency, 0.99)),
            ("p999", us(&latency, 0.999)),
            ("max", us(&latency, 1.0)),
            ("late50", us(&lateness, 0.5)),
            ("late99", us(&lateness, 0.99)),
            ("cpu", usage.cpu_ns as f64 / wall as f64),
        ])
    }
}

/// Looks at the clock until it is `due`; returns when that was.
fn busy_until(due: u64) -> u64 {
    loop {
        let now = machine::now();
        if now >= due {
            return now;
        }
        std::hint::spin_loop();
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("valid bounds")
}
