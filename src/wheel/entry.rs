//! One timer, and the place where it lies.

/// A bucket of one level spans `2^DIGIT` of the level below.
pub(super) const DIGIT: u32 = 8;
/// Two turns of the bucket above: the one that runs, and the next, filled ahead.
pub(super) const BUCKETS: usize = 2 << DIGIT;

/// A timer as the buckets hold it: 20 bytes, so that 10 million of them move through the caches.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(super) struct Entry {
    pub(super) due: u64,
    /// Counts insertions: the order among equal instants, which no bucket keeps.
    pub(super) sequence: u64,
    pub(super) slot: u32,
}

const _: () = assert!(size_of::<Entry>() == 20);

impl Entry {
    pub(super) const ZERO: Entry = Entry {
        due: 0,
        sequence: 0,
        slot: 0,
    };

    /// What timers are handed out by: first the instant, then the insertion.
    #[inline]
    pub(super) fn key(&self) -> u128 {
        u128::from(self.due) << 64 | u128::from(self.sequence)
    }
}

/// Where a slot's timer lies: the back-pointer that makes `cancel` cheap. One word, written and read
/// as a whole.
///
/// ```text
/// 63 ── home (32): none, run, late, or a bucket of a level ── 32 31 ── index (32) ── 0
/// The index is one into the run, the heap, or the store of all buckets.
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

/// In which container a timer lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Home(u32);

impl Home {
    /// The slot has no timer.
    pub(super) const NONE: Home = Home(0);
    /// The sorted run of the tick that was opened last.
    pub(super) const RUN: Home = Home(1);
    /// The heap of those that came after their tick was opened.
    pub(super) const LATE: Home = Home(2);
    const FIRST_BUCKET: u32 = 3;

    /// A bucket of a level.
    #[inline]
    pub(super) fn bucket(level: usize, bucket: usize) -> Self {
        Home((level * BUCKETS + bucket) as u32 + Self::FIRST_BUCKET)
    }

    /// The level, and the bucket in it, if it is one.
    #[inline]
    pub(super) fn level_and_bucket(self) -> (usize, usize) {
        let number = (self.0 - Self::FIRST_BUCKET) as usize;
        (number / BUCKETS, number % BUCKETS)
    }
}

impl Place {
    const NOWHERE: Place = Place::new(Home::NONE, 0);

    #[inline]
    pub(super) const fn new(home: Home, index: u32) -> Self {
        Place((home.0 as u64) << 32 | index as u64)
    }

    #[inline]
    pub(super) fn home(self) -> Home {
        Home((self.0 >> 32) as u32)
    }

    #[inline]
    pub(super) fn index(self) -> u32 {
        self.0 as u32
    }
}

/// The place of every slot's timer.
#[derive(Default)]
pub(super) struct Places(Vec<Place>);

impl Places {
    /// Slots for which room is made at once.
    const STEP: usize = 256;

    #[inline]
    pub(super) fn get(&self, slot: u32) -> Place {
        self.0.get(slot as usize).copied().unwrap_or(Place::NOWHERE)
    }

    /// Notes the place of a timer that is in the wheel already.
    #[inline]
    pub(super) fn set(&mut self, slot: u32, place: Place) {
        self.0[slot as usize] = place;
    }

    /// Notes that the slot has no timer any more.
    #[inline]
    pub(super) fn clear(&mut self, slot: u32) {
        self.set(slot, Place::NOWHERE);
    }

    /// Makes room for `slot`.
    #[inline]
    pub(super) fn grow(&mut self, slot: u32) {
        let slot = slot as usize;
        if slot >= self.0.len() {
            let slots = (slot + 1).next_multiple_of(Self::STEP);
            self.0.resize(slots, Place::NOWHERE);
        }
    }
}
