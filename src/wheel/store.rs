//! The buckets' memory: chunks of timers, which buckets pass on to each other.
//!
//! A bucket is a stack of chunks, all full but the top one. Nothing that a bucket holds is copied when
//! it grows, as it would be in a `Vec`: hundreds of thousands of timers, in the midst of a tick. Nor
//! when the store grows, which consists of segments.

use super::entry::Entry;

/// Timers of one chunk.
const CHUNK: u32 = 64;
/// Timers of one segment.
const SEGMENT: u32 = 1 << 16;
const _: () = assert!(SEGMENT.is_multiple_of(CHUNK));

/// No chunk.
const NONE: u32 = u32::MAX;

/// A heap of timers in no order.
#[derive(Clone, Copy)]
pub(super) struct Bucket {
    top: u32,
    /// Timers in the top chunk, never 0: under an empty bucket lies a full chunk `NONE`.
    count: u32,
}

impl Bucket {
    pub(super) const EMPTY: Bucket = Bucket {
        top: NONE,
        count: CHUNK,
    };

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.top == NONE
    }

    /// The index of the last timer; the bucket is not empty.
    #[inline]
    fn last(&self) -> u32 {
        self.top * CHUNK + self.count - 1
    }
}

/// The timers of all buckets. A timer's index is one into the whole store.
pub(super) struct Store {
    /// Each is allocated whole and filled as chunks are first needed.
    segments: Vec<Vec<Entry>>,
    /// For each chunk the one under it, in a bucket or among the spare ones.
    below: Vec<u32>,
    /// The top of those that no bucket uses.
    spare: u32,
}

impl Store {
    pub(super) fn new() -> Self {
        Store {
            segments: Vec::new(),
            below: Vec::new(),
            spare: NONE,
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &Entry {
        &self.segments[(index / SEGMENT) as usize][(index % SEGMENT) as usize]
    }

    #[inline]
    fn set(&mut self, index: u32, entry: Entry) {
        self.segments[(index / SEGMENT) as usize][(index % SEGMENT) as usize] = entry;
    }

    /// Adds `entry` to `bucket`; its index.
    #[inline]
    pub(super) fn push(&mut self, bucket: &mut Bucket, entry: Entry) -> u32 {
        if bucket.count == CHUNK {
            let top = self.take();
            self.below[top as usize] = bucket.top;
            *bucket = Bucket { top, count: 0 };
        }
        bucket.count += 1;
        let index = bucket.last();
        self.set(index, entry);
        index
    }

    /// Removes the last of `bucket`.
    #[inline]
    pub(super) fn pop(&mut self, bucket: &mut Bucket) -> Option<Entry> {
        if bucket.is_empty() {
            return None;
        }
        let entry = *self.get(bucket.last());
        self.cut(bucket);
        Some(entry)
    }

    /// Removes the timer at `index` from `bucket` and puts the last in its place; returns the slot of
    /// the one that was moved so.
    #[inline]
    pub(super) fn swap_remove(&mut self, bucket: &mut Bucket, index: u32) -> Option<u32> {
        let last = bucket.last();
        let moved = (index != last).then(|| {
            let entry = *self.get(last);
            self.set(index, entry);
            entry.slot
        });
        self.cut(bucket);
        moved
    }

    /// Moves all of `bucket` to the end of `run`.
    pub(super) fn drain_into(&mut self, bucket: &mut Bucket, run: &mut Vec<Entry>) {
        while !bucket.is_empty() {
            let start = bucket.top * CHUNK;
            let segment = &self.segments[(start / SEGMENT) as usize];
            let start = (start % SEGMENT) as usize;
            run.extend_from_slice(&segment[start..start + bucket.count as usize]);
            bucket.count = 1;
            self.cut(bucket);
        }
    }

    /// Forgets the last of `bucket`.
    #[inline]
    fn cut(&mut self, bucket: &mut Bucket) {
        bucket.count -= 1;
        if bucket.count == 0 {
            let top = bucket.top;
            let below = &mut self.below[top as usize];
            *bucket = Bucket {
                top: *below,
                count: CHUNK,
            };
            *below = self.spare;
            self.spare = top;
        }
    }

    /// A chunk that no bucket uses.
    #[inline]
    fn take(&mut self) -> u32 {
        let chunk = self.spare;
        if chunk == NONE {
            return self.grow();
        }
        self.spare = self.below[chunk as usize];
        chunk
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        let chunk = self.below.len() as u32;
        self.below.push(NONE);
        if (chunk * CHUNK).is_multiple_of(SEGMENT) {
            self.segments.push(Vec::with_capacity(SEGMENT as usize));
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.resize(segment.len() + CHUNK as usize, Entry::ZERO);
        }
        chunk
    }

    /// Chunks there are, used or not.
    #[cfg(test)]
    pub(super) fn chunks(&self) -> usize {
        self.below.len()
    }
}
