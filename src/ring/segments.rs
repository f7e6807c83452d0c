//! The store of segments, and their places: 0 while empty, else the word.
//!
//! The chains of one store take their segments from it and give each back, whose next user waits until all places are 0.

use super::Ring;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::{Backoff, seeded};

/// Positions of one segment; small under loom, so that models cross from one to the next.
pub(super) const LAP: u64 = if cfg!(guichet_loom) { 4 } else { 64 };
/// Places of one segment.
pub(super) const PLACES: u64 = LAP - 1;

pub(super) struct Segment {
    pub(super) words: [AtomicU64; PLACES as usize],
    /// The segment behind this one, counted from 1; 0 while there is none.
    pub(super) next: AtomicU32,
}

/// The store of segments.
pub struct Segments {
    segments: Box<[Segment]>,
    vacant: Ring<u32>,
}

impl Segments {
    /// Enough for `capacity` words in `chains` chains.
    pub fn new(capacity: usize, chains: usize) -> Self {
        // A chain of n words spans at most n / PLACES + 2 segments, and may have one more ready.
        let count = capacity.div_ceil(PLACES as usize) + 3 * chains + 1;
        let segment = |_| Segment {
            words: [const { 0 }; PLACES as usize].map(AtomicU64::new),
            next: AtomicU32::new(0),
        };
        let vacant = Ring::new(count);
        for number in 0..count as u32 {
            assert!(vacant.push(number).is_ok(), "{count} segments fit");
        }
        Segments {
            segments: (0..count).map(segment).collect(),
            vacant,
        }
    }

    pub(super) fn get(&self, number: u32) -> &Segment {
        &self.segments[number as usize]
    }

    /// A clean segment: waits until one is vacant, and until the last poppers have emptied their places in it. They are
    /// about to: words and chains account for fewer segments than there are.
    pub(super) fn take(&self) -> u32 {
        let mut backoff = Backoff::default();
        let number = loop {
            match self.vacant.pop() {
                Ok(number) => break number,
                Err(_) => backoff.snooze(),
            }
        };
        for place in &self.get(number).words {
            // Relaxed: who reads the 0 writes the next word after it, and whoever wrote the 0 had read the last word.
            while place.load(Relaxed) != 0 {
                backoff.snooze();
            }
        }
        number
    }

    pub(super) fn give_back(&self, number: u32) {
        assert!(self.vacant.push(number).is_ok(), "a segment too many");
    }
}

/// Fills a place that this thread has claimed.
#[inline(always)]
pub(super) fn fill(place: &AtomicU64, word: u64) {
    debug_assert!(word != 0, "0 stands for an empty place");
    // ORDERING: Release — what the pusher did before; pairs with the Acquire in `filled`.
    place.store(word, seeded!("chain_publish_relaxed", Relaxed => Release));
}

/// How many of these places, from the first one on, are filled.
#[inline(always)]
pub(super) fn filled(places: &[AtomicU64]) -> usize {
    let filled = |place: &&AtomicU64| {
        // ORDERING: Acquire — what the pusher did before; pairs with the Release store in `fill`.
        place.load(seeded!("chain_filled_relaxed", Relaxed => Acquire)) != 0
    };
    places.iter().take_while(filled).count()
}
