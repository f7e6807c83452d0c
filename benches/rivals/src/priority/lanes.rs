//! The priority queues, behind one face. The smallest key comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_skiplist::SkipMap;
use guichet::internals::lane;

/// A priority queue of words with keys below a number of levels. At most one word of an id, its low 24
/// bits, is inside.
pub trait Lane: Sync + Sized {
    /// An empty one.
    fn new(levels: u32, capacity: usize) -> Self;

    /// Adds `word`, which is not 0. There is room.
    fn push(&self, key: u64, word: u64);

    /// Takes out the first word and tells its key. `room` is the caller's, and empty.
    fn pop(&self, room: &mut Vec<u64>) -> Option<(u64, u64)>;
}

const ROOM: &str = "there is room, and nobody closes it";

impl Lane for lane::Bands {
    fn new(levels: u32, capacity: usize) -> Self {
        lane::Bands::new(levels, capacity)
    }

    #[inline]
    fn push(&self, key: u64, word: u64) {
        lane::Bands::push(self, key as u32, word).expect(ROOM);
    }

    #[inline]
    fn pop(&self, room: &mut Vec<u64>) -> Option<(u64, u64)> {
        let run = self.pop_run(room, lane::Portion::ONE, u32::MAX).ok()?;
        let word = room.pop().expect("a run holds a word");
        Some((u64::from(run.rank.level()), word))
    }
}

/// The strict lane with bounded keys.
pub struct Bounded(lane::Heap);

impl Lane for Bounded {
    fn new(levels: u32, capacity: usize) -> Self {
        Bounded(lane::Heap::new(Some(levels), capacity))
    }

    #[inline]
    fn push(&self, key: u64, word: u64) {
        self.0.push(key, word).expect(ROOM);
    }

    #[inline]
    fn pop(&self, _: &mut Vec<u64>) -> Option<(u64, u64)> {
        let item = self.0.pop().ok()?;
        Some((item.key, item.value))
    }
}

/// The strict lane with keys of any width.
pub struct Wide(lane::Heap);

impl Lane for Wide {
    fn new(_: u32, capacity: usize) -> Self {
        Wide(lane::Heap::new(None, capacity))
    }

    #[inline]
    fn push(&self, key: u64, word: u64) {
        self.0.push(key, word).expect(ROOM);
    }

    #[inline]
    fn pop(&self, _: &mut Vec<u64>) -> Option<(u64, u64)> {
        let item = self.0.pop().ok()?;
        Some((item.key, item.value))
    }
}

/// What anybody would write first: a binary heap behind a lock, first in first out by a number.
#[derive(Default)]
pub struct MutexHeap(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    heap: BinaryHeap<Reverse<(u64, u64, u64)>>,
    next: u64,
}

impl Lane for MutexHeap {
    fn new(_: u32, _: usize) -> Self {
        MutexHeap::default()
    }

    #[inline]
    fn push(&self, key: u64, word: u64) {
        let mut inner = self.0.lock().expect("nobody panics under it");
        let number = inner.next;
        inner.next += 1;
        inner.heap.push(Reverse((key, number, word)));
    }

    #[inline]
    fn pop(&self, _: &mut Vec<u64>) -> Option<(u64, u64)> {
        let mut inner = self.0.lock().expect("nobody panics under it");
        let Reverse((key, _, word)) = inner.heap.pop()?;
        Some((key, word))
    }
}

/// crossbeam-skiplist.
#[derive(Default)]
pub struct Skiplist {
    map: SkipMap<(u64, u64), u64>,
    next: AtomicU64,
}

impl Lane for Skiplist {
    fn new(_: u32, _: usize) -> Self {
        Skiplist::default()
    }

    #[inline]
    fn push(&self, key: u64, word: u64) {
        // ORDERING: Relaxed — only uniqueness counts; no partner.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.map.insert((key, number), word);
    }

    #[inline]
    fn pop(&self, _: &mut Vec<u64>) -> Option<(u64, u64)> {
        let entry = self.map.pop_front()?;
        Some((entry.key().0, *entry.value()))
    }
}
