//! A level and a place in its line, as one number: the smaller, the sooner.
//!
//! ```text
//! 63 ── level (10) ── 54 53 ── place + 2^53 (54) ── 0
//! ```

use std::fmt;

const PLACE_BITS: u32 = 54;
/// Makes places of both signs compare as numbers.
const ZERO: u64 = 1 << (PLACE_BITS - 1);

/// Which of two waiting words comes first: by level, then by place.
///
/// Places of a line are its positions; whoever was put in front of all of them has a negative one. Positions
/// run out after 2^53 words in one line: five years at 50 million per second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(u64);

impl Rank {
    /// Behind everything.
    pub const LAST: Rank = Rank(u64::MAX);

    /// The rank of `place` in the line of `level`, which is below 1,024.
    pub fn new(level: u32, place: i64) -> Self {
        debug_assert!(level < 1 << (64 - PLACE_BITS), "level {level}");
        debug_assert!(place.unsigned_abs() < ZERO, "place {place}");
        Rank(u64::from(level) << PLACE_BITS | ZERO.wrapping_add_signed(place))
    }

    /// In front of everything on `level`.
    pub fn first_of(level: u32) -> Self {
        Rank(u64::from(level) << PLACE_BITS)
    }

    /// The level, 0 the most urgent.
    pub fn level(self) -> u32 {
        (self.0 >> PLACE_BITS) as u32
    }

    /// The place in its level's line.
    pub fn place(self) -> i64 {
        (self.0 & (2 * ZERO - 1)) as i64 - ZERO as i64
    }

    /// The rank `offset` places behind this one.
    pub fn behind(self, offset: usize) -> Self {
        Rank(self.0 + offset as u64)
    }

    /// As a number, for a shared cell.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// From what `to_bits` gave.
    pub fn from_bits(bits: u64) -> Self {
        Rank(bits)
    }
}

impl fmt::Debug for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level {} place {}", self.level(), self.place())
    }
}
