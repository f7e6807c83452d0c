//! Lanes made of locks, and what can be wrong with one.
//!
//! Without a flaw they must pass, and with any flaw they must be rejected. Some flaws strike now and then, as real ones
//! do; where one needs another thread at the right instant, the lane dawdles there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::program::Abilities;
use super::record::{Outcome, Seat, Subject};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// A bitmap says which lines hold something; a pop that finds one empty clears its bit.
    PlainBitmap,
    /// It looks once more then, and sets the bit again if something is there; others look in between.
    ClearsAndLooks,
    /// The newest of a level comes out first.
    Lifo,
    /// One word in 100 is lost.
    Loses,
    /// One word in 100 comes out twice.
    Doubles,
    /// One pop in 100 takes a word that nobody put in.
    Invents,
    /// One pop in 100 finds nothing although there is something.
    SaysEmpty,
    /// One pop in 20 passes over the most urgent line.
    Overtakes,
    /// One word in 20 goes to another level.
    Mislays,
    /// What is put back goes behind its peers.
    BackBehind,
    /// What is newest goes behind its peers.
    NewestBehind,
    /// A run comes out in the wrong order.
    TurnsRuns,
    /// Words are put in after the close.
    Reopens,
}

impl Flaw {
    pub const ALL: [Flaw; 13] = [
        Flaw::PlainBitmap,
        Flaw::ClearsAndLooks,
        Flaw::Lifo,
        Flaw::Loses,
        Flaw::Doubles,
        Flaw::Invents,
        Flaw::SaysEmpty,
        Flaw::Overtakes,
        Flaw::Mislays,
        Flaw::BackBehind,
        Flaw::NewestBehind,
        Flaw::TurnsRuns,
        Flaw::Reopens,
    ];
}

/// Levels of a flawed lane.
const LEVELS: usize = 3;

/// Lines by level, each under a lock of its own. How often the flaw might have struck so far.
pub struct Locked(pub Flaw, Arc<AtomicUsize>);

impl Locked {
    pub fn new(flaw: Flaw) -> Self {
        Locked(flaw, Arc::default())
    }
}

impl Subject for Locked {
    type Seat = LockedSeat;

    fn abilities(&self) -> Abilities {
        Abilities {
            levels: LEVELS,
            runs: true,
            newest: true,
            back: true,
            closes: true,
            ..Abilities::default()
        }
    }

    fn seats(&self, count: usize) -> Vec<LockedSeat> {
        let shared = Arc::new(Shared {
            flaw: self.0,
            chances: Arc::clone(&self.1),
            bits: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            lines: Default::default(),
        });
        let seat = |_| LockedSeat {
            shared: Arc::clone(&shared),
            taken: None,
        };
        (0..count).map(seat).collect()
    }
}

/// Words by place.
#[derive(Default)]
struct Line {
    words: BTreeMap<i64, u8>,
    back: i64,
    front: i64,
}

impl Line {
    fn append(&mut self, word: u8) {
        self.back += 1;
        self.words.insert(self.back, word);
    }
}

struct Shared {
    flaw: Flaw,
    chances: Arc<AtomicUsize>,
    bits: AtomicU64,
    closed: AtomicBool,
    lines: [Mutex<Line>; LEVELS],
}

impl Shared {
    /// Whether the flaw is this one and strikes now, as it does one time in `period`.
    fn strikes(&self, flaw: Flaw, period: usize) -> bool {
        self.flaw == flaw && self.chances.fetch_add(1, SeqCst) % period == period - 1
    }

    fn has_bits(&self) -> bool {
        matches!(self.flaw, Flaw::PlainBitmap | Flaw::ClearsAndLooks)
    }

    fn line(&self, level: usize) -> MutexGuard<'_, Line> {
        self.lines[level].lock().expect("no panic under the lock")
    }

    /// Does `put` to a line unless the lane is closed.
    fn put(&self, level: usize, put: impl FnOnce(&mut Line)) -> bool {
        let mut line = self.line(level);
        if self.closed.load(SeqCst) && self.flaw != Flaw::Reopens {
            return false;
        }
        put(&mut line);
        drop(line);
        if self.has_bits() {
            thread::yield_now();
            if self.bits.load(SeqCst) & 1 << level == 0 {
                self.bits.fetch_or(1 << level, SeqCst);
            }
        }
        true
    }

    fn take(&self, level: usize, most: usize) -> Vec<(i64, u8)> {
        let mut line = self.line(level);
        let mut taken = Vec::new();
        while taken.len() < most {
            let next = match self.flaw {
                Flaw::Lifo => line.words.pop_last(),
                _ => line.words.pop_first(),
            };
            let Some((place, word)) = next else { break };
            if self.strikes(Flaw::Doubles, 100) {
                line.words.insert(place, word);
            }
            taken.push((place, word));
        }
        if self.flaw == Flaw::TurnsRuns {
            taken.reverse();
        }
        taken
    }

    /// Clears the bit of a line that was found empty.
    fn clear(&self, level: usize) {
        thread::yield_now();
        self.bits.fetch_and(!(1 << level), SeqCst);
        if self.flaw == Flaw::ClearsAndLooks {
            thread::yield_now();
            if !self.line(level).words.is_empty() {
                self.bits.fetch_or(1 << level, SeqCst);
            }
        }
    }

    /// What the most urgent line has.
    fn pop(&self, most: usize) -> Option<(usize, Vec<(i64, u8)>)> {
        if self.strikes(Flaw::Invents, 100) {
            return Some((0, vec![(0, u8::MAX)]));
        }
        if self.strikes(Flaw::SaysEmpty, 100) {
            return None;
        }
        let first = usize::from(self.strikes(Flaw::Overtakes, 20));
        for level in first..LEVELS {
            if self.has_bits() && self.bits.load(SeqCst) & 1 << level == 0 {
                continue;
            }
            let taken = self.take(level, most);
            if !taken.is_empty() {
                return Some((level, taken));
            }
            if self.has_bits() {
                self.clear(level);
                // With the second look, it has to look at that line again.
                if self.flaw == Flaw::ClearsAndLooks && self.bits.load(SeqCst) & 1 << level != 0 {
                    return self.pop(most);
                }
            }
            thread::yield_now();
        }
        None
    }
}

pub struct LockedSeat {
    shared: Arc<Shared>,
    taken: Option<(usize, i64, u8)>,
}

fn done(accepted: bool, then: Outcome) -> Outcome {
    if accepted { then } else { Outcome::Closed }
}

impl Seat for LockedSeat {
    fn push(&mut self, level: usize, words: &[u8]) -> Outcome {
        let shared = &self.shared;
        let line = match shared.strikes(Flaw::Mislays, 20) {
            true => (level + 1) % LEVELS,
            false => level,
        };
        let accepted = shared.put(line, |line| {
            let kept = words.iter().filter(|_| !shared.strikes(Flaw::Loses, 100));
            kept.for_each(|word| line.append(*word));
        });
        done(accepted, Outcome::Got(level, words.to_vec()))
    }

    fn pop(&mut self, most: usize) -> Outcome {
        let Some((level, taken)) = self.shared.pop(most) else {
            return Outcome::Nothing;
        };
        self.taken = Some((level, taken[0].0, taken[0].1));
        let words = taken.into_iter().map(|(_, word)| word);
        Outcome::Got(level, words.collect())
    }

    fn newest(&mut self, level: usize, word: u8) -> Outcome {
        let behind = self.shared.flaw == Flaw::NewestBehind;
        let accepted = self.shared.put(level, |line| match behind {
            true => line.append(word),
            false => {
                line.front -= 1;
                line.words.insert(line.front, word);
            }
        });
        done(accepted, Outcome::Got(level, vec![word]))
    }

    fn put_back(&mut self) -> Outcome {
        let (level, place, word) = self.taken.take().expect("a pop came before");
        let behind = self.shared.flaw == Flaw::BackBehind;
        let accepted = self.shared.put(level, |line| match behind {
            true => line.append(word),
            false => drop(line.words.insert(place, word)),
        });
        done(accepted, Outcome::Done)
    }

    fn close(&mut self) {
        let _all: Vec<_> = (0..LEVELS).map(|level| self.shared.line(level)).collect();
        self.shared.closed.store(true, SeqCst);
    }
}

/// What can be wrong with a heap that has an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapFlaw {
    None,
    /// Words that move from the inbox to the order are counted in neither.
    CountsLate,
    /// A pop takes the first of the order and leaves the inbox alone.
    LeavesInbox,
}

impl HeapFlaw {
    pub const ALL: [HeapFlaw; 2] = [HeapFlaw::CountsLate, HeapFlaw::LeavesInbox];
}

/// A heap with an inbox, which is found empty without the heap's lock.
pub struct Inboxed(pub HeapFlaw);

impl Subject for Inboxed {
    type Seat = InboxSeat;

    fn abilities(&self) -> Abilities {
        Abilities {
            levels: LEVELS,
            ..Abilities::default()
        }
    }

    fn seats(&self, count: usize) -> Vec<InboxSeat> {
        let (inbox, order, stored) = (Arc::default(), Arc::default(), Arc::default());
        let seat = |_| InboxSeat {
            flaw: self.0,
            inbox: Arc::clone(&inbox),
            order: Arc::clone(&order),
            stored: Arc::clone(&stored),
        };
        (0..count).map(seat).collect()
    }
}

type Words = Arc<Mutex<Vec<(usize, u8)>>>;

pub struct InboxSeat {
    flaw: HeapFlaw,
    inbox: Words,
    /// What comes first first.
    order: Words,
    /// How many words the order holds or is about to get.
    stored: Arc<AtomicUsize>,
}

impl Seat for InboxSeat {
    fn push(&mut self, level: usize, words: &[u8]) -> Outcome {
        let mut inbox = self.inbox.lock().expect("no panic under the lock");
        inbox.push((level, words[0]));
        Outcome::Got(level, words.to_vec())
    }

    fn pop(&mut self, _: usize) -> Outcome {
        let inbox = || self.inbox.lock().expect("no panic under the lock");
        if inbox().is_empty() && self.stored.load(SeqCst) == 0 {
            return Outcome::Nothing;
        }
        let mut order = self.order.lock().expect("no panic under the lock");
        if self.flaw != HeapFlaw::LeavesInbox || order.is_empty() {
            let mut arrivals = inbox();
            if self.flaw != HeapFlaw::CountsLate {
                self.stored.store(order.len() + arrivals.len(), SeqCst);
            }
            let arrivals = std::mem::take(&mut *arrivals);
            thread::yield_now();
            for arrival in arrivals {
                let at = order.partition_point(|other| other.0 <= arrival.0);
                order.insert(at, arrival);
            }
        }
        let first = (!order.is_empty()).then(|| order.remove(0));
        self.stored.store(order.len(), SeqCst);
        first.map_or(Outcome::Nothing, |(level, word)| {
            Outcome::Got(level, vec![word])
        })
    }
}
