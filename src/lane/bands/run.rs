//! What a pop asks for, and what it took.

use crate::lane::Rank;
use crate::lane::front::IN_LINE;
use crate::ring::{Chain, Taken};

/// Words that a pop took: of one level, next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Level of all of them, and the first one's place; the others' follow.
    pub rank: Rank,
    /// How many.
    pub count: usize,
    /// Orders words of one rank; to be given back with the word.
    pub tie: u64,
    /// Whether it is a single word out of the front.
    pub from_front: bool,
}

impl Run {
    pub(super) fn of_line(level: u32, taken: Taken) -> Self {
        Run {
            rank: Rank::new(level, taken.position as i64),
            count: taken.count,
            tie: IN_LINE,
            from_front: false,
        }
    }

    pub(super) fn single(rank: Rank, tie: u64) -> Self {
        Run {
            rank,
            count: 1,
            tie,
            from_front: true,
        }
    }
}

/// How many words a pop wants.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// At the most so many.
    pub most: usize,
    /// And no more than its share of a line that so many poppers live on.
    pub poppers: usize,
}

impl Portion {
    /// A single word.
    pub const ONE: Portion = Portion {
        most: 1,
        poppers: 1,
    };

    #[inline(always)]
    pub(super) fn of(self, line: &Chain) -> usize {
        match self.most > 1 && self.poppers > 1 {
            true => (line.len() / self.poppers).clamp(1, self.most),
            false => self.most,
        }
    }
}
