//! The lanes of the library by themselves.

use std::sync::Arc;

use guichet::internals::lane::{Bands, Heap, Item, Place, Portion, Rank};
use guichet::internals::model::{PopError, PushError};

use super::program::Abilities;
use super::record::{Outcome, Seat, Subject};

/// Lines by level, of which these are used.
pub struct Lines {
    pub levels: &'static [u32],
    /// Words have places of their own, too.
    pub front: bool,
}

impl Subject for Lines {
    type Seat = LinesSeat;

    fn abilities(&self) -> Abilities {
        Abilities {
            levels: self.levels.len(),
            runs: true,
            newest: self.front,
            back: self.front,
            collects: self.front,
            closes: true,
            ..Abilities::default()
        }
    }

    fn seats(&self, count: usize) -> Vec<LinesSeat> {
        let last = self.levels.last().expect("there are some");
        let bands = Arc::new(Bands::new(last + 1, 64));
        let seat = |_| LinesSeat {
            bands: Arc::clone(&bands),
            levels: self.levels,
            taken: None,
        };
        (0..count).map(seat).collect()
    }
}

pub struct LinesSeat {
    bands: Arc<Bands>,
    levels: &'static [u32],
    taken: Option<(Rank, u64, u64)>,
}

fn nothing(why: PopError) -> Outcome {
    match why {
        PopError::Empty => Outcome::Nothing,
        PopError::Closed => Outcome::Closed,
    }
}

fn put<T, W>(put: Result<T, PushError<W>>, then: impl FnOnce(T) -> Outcome) -> Outcome {
    match put {
        Ok(value) => then(value),
        Err(PushError::Closed(_)) => Outcome::Closed,
        Err(PushError::Full(_)) => unreachable!("there is room for all"),
    }
}

fn wide(words: &[u8]) -> Vec<u64> {
    words.iter().map(|&word| word.into()).collect()
}

impl Seat for LinesSeat {
    fn push(&mut self, level: usize, words: &[u8]) -> Outcome {
        let line = self.levels[level];
        match words {
            [word] => put(self.bands.push(line, (*word).into()), |()| {
                Outcome::Got(level, vec![*word])
            }),
            _ => put(self.bands.push_run(line, &wide(words)), |count| {
                Outcome::Got(level, words[..count].to_vec())
            }),
        }
    }

    fn pop(&mut self, most: usize) -> Outcome {
        let (mut out, portion) = (Vec::new(), Portion { most, poppers: 1 });
        let run = match self.bands.pop_run(&mut out, portion, u32::MAX) {
            Ok(run) => run,
            Err(why) => return nothing(why),
        };
        self.taken = Some((run.rank, run.tie, out[0]));
        let mut levels = self.levels.iter();
        let level = levels.position(|level| *level == run.rank.level());
        let words = out.iter().map(|word| *word as u8);
        Outcome::Got(level.expect("a level that is used"), words.collect())
    }

    fn newest(&mut self, level: usize, word: u8) -> Outcome {
        let newest = self.bands.insert_newest(self.levels[level], word.into());
        put(newest, |()| Outcome::Got(level, vec![word]))
    }

    fn put_back(&mut self) -> Outcome {
        let (rank, tie, word) = self.taken.take().expect("a pop came before");
        put(self.bands.insert(rank, tie, word), |()| Outcome::Done)
    }

    fn collect(&mut self) {
        self.bands.collect(|_| true);
    }

    fn close(&mut self) {
        self.bands.close();
    }
}

/// The heap, with a list for each of so many keys, or comparing keys.
pub struct Ordered(pub Option<u32>);

/// How many keys are used.
const KEYS: usize = 3;

impl Subject for Ordered {
    type Seat = HeapSeat;

    fn abilities(&self) -> Abilities {
        Abilities {
            levels: KEYS,
            newest: true,
            back: true,
            removes: true,
            moves: true,
            closes: true,
            ..Abilities::default()
        }
    }

    fn seats(&self, count: usize) -> Vec<HeapSeat> {
        let heap = Arc::new(Heap::new(self.0, 64));
        let seat = |_| HeapSeat {
            heap: Arc::clone(&heap),
            taken: None,
        };
        (0..count).map(seat).collect()
    }
}

pub struct HeapSeat {
    heap: Arc<Heap>,
    taken: Option<Item>,
}

impl Seat for HeapSeat {
    fn push(&mut self, level: usize, words: &[u8]) -> Outcome {
        let pushed = self.heap.push(level as u64, words[0].into());
        put(pushed, |()| Outcome::Got(level, words.to_vec()))
    }

    fn pop(&mut self, _: usize) -> Outcome {
        match self.heap.pop() {
            Ok(item) => {
                self.taken = Some(item);
                Outcome::Got(item.key as usize, vec![item.value as u8])
            }
            Err(why) => nothing(why),
        }
    }

    fn newest(&mut self, level: usize, word: u8) -> Outcome {
        let put_in = self.heap.insert(level as u64, Place::Front, word.into());
        put(put_in, |()| Outcome::Got(level, vec![word]))
    }

    fn put_back(&mut self) -> Outcome {
        let Item { key, place, value } = self.taken.take().expect("a pop came before");
        let put_in = self.heap.insert(key, Place::At(place), value);
        put(put_in, |()| Outcome::Done)
    }

    fn remove(&mut self, word: u8) -> Outcome {
        let removed = self.heap.remove(word.into());
        removed.map_or(Outcome::Nothing, |_| Outcome::Done)
    }

    fn move_to(&mut self, word: u8, level: usize) -> Outcome {
        let word = word.into();
        let moved = self.heap.replace(word, level as u64, || Some(word));
        moved.map_or(Outcome::Nothing, |_| Outcome::Done)
    }

    fn close(&mut self) {
        self.heap.close();
    }
}
