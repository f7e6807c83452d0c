//! One level of the wheel: a ring of buckets and a bitmap of those that hold anything.

use super::entry::{BUCKETS, Entry};
use super::store::{Bucket, Store};

const WORDS: usize = BUCKETS / 64;
const _: () = assert!((BUCKETS / 2).is_multiple_of(64));

#[derive(Default)]
pub(super) struct Level {
    /// Allocated when the level is used for the first time.
    buckets: Box<[Bucket]>,
    occupied: [u64; WORDS],
}

impl Level {
    /// The bucket for `number`, the position on an endless row of which the level is a window.
    #[inline]
    pub(super) fn wrap(number: u64) -> usize {
        number as usize % BUCKETS
    }

    /// Adds `entry` to a bucket; its index in the store.
    #[inline]
    pub(super) fn push(&mut self, bucket: usize, entry: Entry, store: &mut Store) -> u32 {
        if self.buckets.is_empty() {
            self.buckets = vec![Bucket::EMPTY; BUCKETS].into();
        }
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        store.push(&mut self.buckets[bucket], entry)
    }

    /// Removes one of a bucket's timers.
    #[inline]
    pub(super) fn pop(&mut self, bucket: usize, store: &mut Store) -> Option<Entry> {
        let popped = store.pop(self.buckets.get_mut(bucket)?);
        self.note_emptied(bucket);
        popped
    }

    /// Removes the timer at `index` of the store; returns the slot of the one that lies there now, if
    /// one does.
    #[inline]
    pub(super) fn swap_remove(
        &mut self,
        bucket: usize,
        index: u32,
        store: &mut Store,
    ) -> Option<u32> {
        let moved = store.swap_remove(&mut self.buckets[bucket], index);
        self.note_emptied(bucket);
        moved
    }

    /// Moves a bucket's timers to the end of `run`.
    pub(super) fn drain_into(&mut self, bucket: usize, run: &mut Vec<Entry>, store: &mut Store) {
        store.drain_into(&mut self.buckets[bucket], run);
        self.note_emptied(bucket);
    }

    /// The first number from `from` on whose bucket holds anything.
    #[inline]
    pub(super) fn first_occupied(&self, from: u64) -> Option<u64> {
        let start = Self::wrap(from);
        // Spans are whole words, so what lies before the start in its word is over, not far ahead.
        let mut looked_at = !0 << (start % 64);
        for step in 0..WORDS {
            let word = (start / 64 + step) % WORDS;
            let bits = self.occupied[word] & looked_at;
            if bits != 0 {
                let bucket = word * 64 + bits.trailing_zeros() as usize;
                let distance = (bucket + BUCKETS - start) % BUCKETS;
                return Some(from + distance as u64);
            }
            looked_at = !0;
        }
        None
    }

    #[inline]
    fn note_emptied(&mut self, bucket: usize) {
        if self.buckets[bucket].is_empty() {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
    }
}
