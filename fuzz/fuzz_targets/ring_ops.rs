//! Programs of ring operations against a `VecDeque`, on one thread: what an operation says and which
//! values it moves, at every capacity from 1 to 9 and over many laps.
//!
//! Every value carries a share of one `Arc`, so a value that the ring loses, keeps or makes twice
//! shows in the count at the end. Threads are the business of the models in `tests/loom`.
//!
//! ```text
//! cargo +nightly fuzz run ring_ops -- -max_total_time=60
//! ```

#![no_main]

use std::collections::VecDeque;
use std::sync::Arc;

use arbitrary::Arbitrary;
use guichet::internals::ring::{PopError, PushError, Ring};
use libfuzzer_sys::fuzz_target;

const MOST_CAPACITY: usize = 9;
/// More than any capacity, so that batches are cut.
const MOST_BATCH: usize = 12;

#[derive(Arbitrary, Debug)]
struct Program {
    capacity: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Push,
    PushMany(u8),
    Pop,
    PopMany(u8),
    Close,
    Len,
}

/// A number, and the share that shows its life.
type Value = (u32, Arc<()>);

struct Pair {
    ring: Ring<Value>,
    model: VecDeque<u32>,
    closed: bool,
    next: u32,
    shares: Arc<()>,
}

impl Pair {
    fn new(capacity: usize) -> Self {
        Pair {
            ring: Ring::new(capacity),
            model: VecDeque::new(),
            closed: false,
            next: 0,
            shares: Arc::new(()),
        }
    }

    fn value(&mut self) -> Value {
        self.next += 1;
        (self.next, self.shares.clone())
    }

    fn room(&self) -> usize {
        self.ring.capacity() - self.model.len()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push => self.push(),
            Step::PushMany(count) => self.push_many(usize::from(count) % (MOST_BATCH + 1)),
            Step::Pop => self.pop(),
            // At least one: whoever pops wants something.
            Step::PopMany(most) => self.pop_many(usize::from(most) % MOST_BATCH + 1),
            Step::Close => {
                assert_eq!(
                    self.ring.close(),
                    !self.closed,
                    "true for the first call only"
                );
                self.closed = true;
            }
            Step::Len => {
                let text = format!("{:?}", self.ring);
                assert!(
                    text.contains(&format!("len: {}", self.model.len())),
                    "{text}"
                );
            }
        }
        assert_eq!(self.ring.len(), self.model.len());
        assert_eq!(self.ring.is_empty(), self.model.is_empty());
        assert_eq!(self.ring.is_closed(), self.closed);
        assert_eq!(
            Arc::strong_count(&self.shares),
            self.model.len() + 1,
            "one share per value"
        );
    }

    fn push(&mut self) {
        let value = self.value();
        let number = value.0;
        match self.ring.push(value) {
            Ok(()) => {
                assert!(!self.closed && self.room() > 0, "accepted: {:?}", self.ring);
                self.model.push_back(number);
            }
            Err(PushError::Closed((back, _))) => {
                assert!(self.closed);
                assert_eq!(back, number);
            }
            Err(PushError::Full((back, _))) => {
                assert!(!self.closed && self.room() == 0, "refused: {:?}", self.ring);
                assert_eq!(back, number);
            }
        }
    }

    fn push_many(&mut self, count: usize) {
        let mut values: VecDeque<Value> = (0..count).map(|_| self.value()).collect();
        let numbers: Vec<u32> = values.iter().map(|value| value.0).collect();
        let expected = match self.room().min(count) {
            // An empty batch asks for nothing, so nothing refuses it.
            _ if count == 0 => Ok(0),
            _ if self.closed => Err(PushError::Closed(())),
            0 => Err(PushError::Full(())),
            fits => Ok(fits),
        };
        let pushed = self.ring.push_many(&mut values);
        assert_eq!(pushed, expected);
        let (moved, kept) = numbers.split_at(pushed.unwrap_or(0));
        self.model.extend(moved);
        assert!(
            values.iter().map(|value| value.0).eq(kept.iter().copied()),
            "the rest stays"
        );
    }

    fn nothing(&self) -> PopError {
        if self.closed {
            PopError::Closed
        } else {
            PopError::Empty
        }
    }

    fn pop(&mut self) {
        let popped = self.ring.pop().map(|value| value.0);
        assert_eq!(popped, self.model.pop_front().ok_or(self.nothing()));
    }

    fn pop_many(&mut self, most: usize) {
        // What is in `out` stays in front.
        let mut out = vec![(0, self.shares.clone())];
        let count = self.model.len().min(most);
        let popped = self.ring.pop_many(&mut out, most);
        assert_eq!(
            popped,
            if count == 0 {
                Err(self.nothing())
            } else {
                Ok(count)
            }
        );
        let expected = std::iter::once(0).chain(self.model.drain(..count));
        assert!(out.iter().map(|value| value.0).eq(expected), "{out:?}");
    }
}

fuzz_target!(|program: Program| {
    let capacity = usize::from(program.capacity) % MOST_CAPACITY + 1;
    let mut pair = Pair::new(capacity);
    assert_eq!(pair.ring.capacity(), capacity);
    program.steps.iter().for_each(|step| pair.step(step));
    let Pair { ring, shares, .. } = pair;
    drop(ring);
    assert_eq!(
        Arc::strong_count(&shares),
        1,
        "a dropped ring drops what it holds"
    );
});
