//! One run: threads are made, meet at a barrier, and move all words.
//!
//! The clock runs from the first sender's start to the last receiver's end, which is when the channel
//! is empty and closed. In the loops there is nothing but the channel, a counter and a sum.

use std::ops::Range;
use std::sync::Barrier;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::contenders::{Channel, Contender, Visit};
use crate::figures::Figures;
use crate::machine::{self, Usage};
use crate::pulse::Tally;

/// What to run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The channel.
    pub contender: Contender,
    /// Its ends.
    pub cell: Cell,
    /// Its room.
    pub capacity: usize,
    /// Words in all.
    pub words: u64,
    /// Words that are sent and received together, where the channel can.
    pub batch: usize,
}

impl Run {
    /// Runs it: `wall_ns`, `rate` (words per second), `cpu_ns` per word, `switches` per 1000 words.
    pub fn measure(self) -> Figures {
        self.contender.welcome(self)
    }

    /// The words of one sender.
    fn share(self, sender: usize) -> Range<u64> {
        let (nth, senders) = (sender as u64, self.cell.senders as u64);
        self.words * nth / senders..self.words * (nth + 1) / senders
    }
}

impl Visit for Run {
    type Out = Figures;

    fn visit<C: Channel>(self) -> Figures {
        let (senders, receivers) = C::open(self.capacity, self.cell);
        let gate = &Barrier::new(self.cell.senders + self.cell.receivers + 1);
        let batch = self.batch;
        let (starts, ends, usage) = thread::scope(|scope| {
            let drinking = receivers.into_iter().map(|receiver| {
                scope.spawn(move || {
                    let mut tally = Tally::new();
                    gate.wait();
                    C::drink(&receiver, &mut tally, batch);
                    (machine::now(), tally.words, tally.sum)
                })
            });
            let drinking: Vec<_> = drinking.collect();
            let feeding = senders.into_iter().enumerate().map(|(nth, sender)| {
                scope.spawn(move || {
                    gate.wait();
                    let start = machine::now();
                    assert!(C::feed(&sender, self.share(nth), batch), "receivers stay");
                    start
                })
            });
            let feeding: Vec<_> = feeding.collect();
            let usage = Usage::now();
            gate.wait();
            let starts: Vec<u64> = feeding.into_iter().map(join).collect();
            let ends: Vec<(u64, u64, u64)> = drinking.into_iter().map(join).collect();
            (starts, ends, usage.since())
        });
        self.check(&ends);
        let start = starts.into_iter().min().expect("somebody sends");
        let end = ends
            .iter()
            .map(|end| end.0)
            .max()
            .expect("somebody receives");
        let (words, wall) = (self.words as f64, (end - start) as f64);
        Figures::of([
            ("wall_ns", wall),
            ("rate", words * 1e9 / wall),
            ("cpu_ns", usage.cpu_ns as f64 / words),
            ("switches", usage.switches as f64 * 1e3 / words),
        ])
    }
}

impl Run {
    /// A contender that loses or doubles words is not compared.
    fn check(self, ends: &[(u64, u64, u64)]) {
        let words: u64 = ends.iter().map(|end| end.1).sum();
        assert_eq!(words, self.words, "words received, words sent");
        let sum = ends.iter().fold(0_u64, |sum, end| sum.wrapping_add(end.2));
        let due = u128::from(self.words) * u128::from(self.words - 1) / 2;
        assert_eq!(sum, due as u64, "each word comes once");
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().expect("it does not panic")
}
