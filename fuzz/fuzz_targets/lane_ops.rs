//! Programs of lane operations against a sorted map, on one thread: which item leaves, from where, and what is
//! found of one that left or changed its key. Bounded keys and keys of any width get the same program.
//!
//! ```text
//! cargo +nightly fuzz run lane_ops -- -max_total_time=60
//! ```

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use guichet::internals::lane::{Heap, Item, Place};
use guichet::internals::model::{PopError, PushError};
use libfuzzer_sys::fuzz_target;

const ID_BITS: u32 = 24;
/// More than a pusher leaves in the inbox, so that pushers relieve it too.
const IDS: u64 = 256;

#[derive(Arbitrary, Debug)]
struct Program {
    /// Of the bounded lane.
    levels: Levels,
    steps: Vec<Step>,
}

/// Tries of one tier to four.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Levels {
    Few(u8),
    Some(u16),
    Many,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Push {
        key: u32,
        id: u8,
    },
    Front {
        key: u32,
        id: u8,
    },
    /// Back to the place of the item that left last.
    Back {
        id: u8,
    },
    Pop,
    /// What is there of this id, or else what is not.
    Remove {
        id: u8,
    },
    /// Another value of this id.
    RemoveStale {
        id: u8,
    },
    Replace {
        id: u8,
        key: u32,
    },
    Close,
}

struct Pair {
    lane: Heap,
    levels: Option<u32>,
    /// By key and place.
    items: BTreeMap<(u64, i64), u64>,
    /// By id: key and place.
    present: BTreeMap<u64, (u64, i64)>,
    epoch: u64,
    back: i64,
    front: i64,
    left: u64,
    last: Option<Item>,
    closed: bool,
}

impl Pair {
    fn new(levels: Option<u32>) -> Self {
        Pair {
            lane: Heap::new(levels, IDS as usize),
            levels,
            items: BTreeMap::new(),
            present: BTreeMap::new(),
            epoch: 0,
            back: 0,
            front: 0,
            left: 0,
            last: None,
            closed: false,
        }
    }

    fn key(&self, key: u32) -> u64 {
        match self.levels {
            Some(levels) => u64::from(key % levels),
            // The widest ones too.
            None => u64::from(key).wrapping_mul(0x1_0000_0001),
        }
    }

    fn fresh(&mut self, id: u64) -> u64 {
        self.epoch += 1;
        self.epoch << ID_BITS | id
    }

    /// Whether a new item of this id may come.
    fn absent(&self, id: u8) -> bool {
        !self.present.contains_key(&u64::from(id))
    }

    fn add(&mut self, key: u64, place: i64, value: u64) {
        self.present
            .insert(value & ((1 << ID_BITS) - 1), (key, place));
        assert!(
            self.items.insert((key, place), value).is_none(),
            "the model has one item per place"
        );
    }

    fn append(&mut self, key: u64, value: u64) {
        self.add(key, self.back, value);
        self.back += 1;
    }

    fn take(&mut self, id: u64) -> Option<(u64, i64)> {
        let order = self.present.remove(&id)?;
        self.items.remove(&order);
        Some(order)
    }

    fn pop_model(&mut self) -> Option<Item> {
        let (&(key, place), &value) = self.items.first_key_value()?;
        self.take(value & ((1 << ID_BITS) - 1));
        self.left += 1;
        self.last = Some(Item { key, place, value });
        self.last
    }

    fn nothing(&self) -> PopError {
        if self.closed {
            PopError::Closed
        } else {
            PopError::Empty
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push { key, id } if self.absent(id) => self.push(self.key(key), id.into()),
            Step::Front { key, id } if self.absent(id) => {
                let place = self.front - 1;
                if self.insert(self.key(key), Place::Front, place, id.into()) {
                    self.front = place;
                }
            }
            Step::Back { id } if self.absent(id) => {
                if let Some(Item { key, place, .. }) = self.last.take() {
                    self.insert(key, Place::At(place), place, id.into());
                }
            }
            Step::Push { .. } | Step::Front { .. } | Step::Back { .. } => {}
            Step::Pop => {
                let expected = self.pop_model().ok_or(self.nothing());
                assert_eq!(self.lane.pop(), expected);
            }
            Step::Remove { id } => self.remove(id.into()),
            Step::RemoveStale { id } => {
                let stale = self.fresh(id.into());
                assert_eq!(self.lane.remove(stale), None);
            }
            Step::Replace { id, key } => self.replace(id.into(), self.key(key)),
            Step::Close => {
                assert_eq!(
                    self.lane.close(),
                    !self.closed,
                    "true for the first call only"
                );
                self.closed = true;
            }
        }
        assert_eq!(self.lane.len(), self.items.len());
        assert_eq!(self.lane.is_empty(), self.items.is_empty());
        assert_eq!(self.lane.is_closed(), self.closed);
        assert_eq!(self.lane.popped(), self.left);
    }

    fn push(&mut self, key: u64, id: u64) {
        let value = self.fresh(id);
        match self.lane.push(key, value) {
            Ok(()) => {
                assert!(!self.closed);
                self.append(key, value);
            }
            refused => assert!(self.closed && refused == Err(PushError::Closed(value))),
        }
    }

    /// Whether it was accepted.
    fn insert(&mut self, key: u64, place: Place, expected: i64, id: u64) -> bool {
        let value = self.fresh(id);
        let put = self.lane.insert(key, place, value);
        assert_eq!(
            put,
            if self.closed {
                Err(PushError::Closed(value))
            } else {
                Ok(())
            }
        );
        if put.is_ok() {
            self.add(key, expected, value);
        }
        put.is_ok()
    }

    fn remove(&mut self, id: u64) {
        let value = match self.present.get(&id) {
            Some(order) => self.items[order],
            None => self.fresh(id),
        };
        let expected = self.take(id);
        self.left += u64::from(expected.is_some());
        assert_eq!(self.lane.remove(value), expected);
    }

    fn replace(&mut self, id: u64, key: u64) {
        let new = self.fresh(id);
        let old = self.present.get(&id).map(|order| self.items[order]);
        // One that is not there is not replaced.
        let said = self.lane.replace(old.unwrap_or(new), key, || Some(new));
        assert_eq!(said, old.map(|_| true));
        if old.is_some() {
            self.take(id);
            self.append(key, new);
        }
    }

    fn finish(mut self) {
        while let Some(item) = self.pop_model() {
            assert_eq!(self.lane.pop(), Ok(item));
        }
        assert_eq!(self.lane.pop(), Err(self.nothing()));
    }
}

fuzz_target!(|program: Program| {
    let levels = match program.levels {
        Levels::Few(levels) => u32::from(levels) + 1,
        Levels::Some(levels) => u32::from(levels) + 1,
        Levels::Many => (1 << 18) + 1,
    };
    for levels in [Some(levels), None] {
        let mut pair = Pair::new(levels);
        program.steps.iter().for_each(|step| pair.step(step));
        pair.finish();
    }
});
