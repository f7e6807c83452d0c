//! Positions and stamps of a ring of any capacity.
//!
//! ```text
//! position  63      62 ────────── bits  bits-1 ───── 0
//!           CLOSED  lap                 index              bits = ⌈log2 capacity⌉
//! stamp     2·lap: free for that lap · 2·lap + 1: full in that lap
//! ```
//! Positions only grow, so a word that is equal is the same one. At 10^9 operations a second the
//! lap of the smallest ring wraps after 146 years.

/// The arithmetic of one capacity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laps {
    capacity: u64,
    bits: u32,
}

impl Laps {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity as u64;
        assert!(
            capacity <= 1 << 32,
            "a ring holds at most 2^32 values, not {capacity}"
        );
        Laps {
            capacity,
            bits: capacity.next_power_of_two().trailing_zeros(),
        }
    }

    #[inline(always)]
    pub(super) fn index(self, position: u64) -> usize {
        (position & ((1 << self.bits) - 1)) as usize
    }

    /// The position `count` places after `position`; `count` is at most the capacity.
    #[inline(always)]
    pub(super) fn advance(self, position: u64, count: usize) -> u64 {
        debug_assert!(
            count as u64 <= self.capacity,
            "{count} of {}",
            self.capacity
        );
        let index = self.index(position) as u64 + count as u64;
        if index < self.capacity {
            position + count as u64
        } else {
            ((self.lap(position) + 1) << self.bits) + (index - self.capacity)
        }
    }

    /// How many places `to` lies after `from`; 0 if it lies before.
    #[inline(always)]
    pub(super) fn distance(self, from: u64, to: u64) -> usize {
        self.places(to).saturating_sub(self.places(from)) as usize
    }

    /// How many places lie before `position`.
    #[inline(always)]
    pub(super) fn places(self, position: u64) -> u64 {
        self.lap(position) * self.capacity + self.index(position) as u64
    }

    /// The stamp of a slot that may be filled at `position`.
    #[inline(always)]
    pub(super) fn free(self, position: u64) -> u64 {
        self.lap(position) << 1
    }

    /// The stamp of a slot that was filled at `position`.
    #[inline(always)]
    pub(super) fn full(self, position: u64) -> u64 {
        self.free(position) + 1
    }

    /// The stamp of a slot that was emptied at `position`: free for the next lap.
    #[inline(always)]
    pub(super) fn freed(self, position: u64) -> u64 {
        self.free(position) + 2
    }

    #[inline(always)]
    fn lap(self, position: u64) -> u64 {
        position >> self.bits
    }
}
