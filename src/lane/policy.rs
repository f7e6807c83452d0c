//! Turns in proportion to weights.

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// A round of turns in which level `l` of `n` has `n - l`, spread evenly.
pub struct Schedule {
    round: Box<[u16]>,
    turns: AtomicU64,
}

impl Schedule {
    /// Turns for `levels` levels.
    pub fn new(levels: u32) -> Self {
        // Turn k of a level with weight w falls at (k + 1/2) / w of the round.
        let turns_of = |level: u32| {
            let weight = levels - level;
            (0..weight).map(move |turn| (2 * turn + 1, weight, level))
        };
        let mut round: Vec<_> = (0..levels).flat_map(turns_of).collect();
        round.sort_by_key(|&(twice, weight, level)| {
            ((u64::from(twice) << 32) / u64::from(weight), level)
        });
        Schedule {
            round: round
                .into_iter()
                .map(|(_, _, level)| level as u16)
                .collect(),
            turns: AtomicU64::new(0),
        }
    }

    /// Whose turn it is.
    pub fn next(&self) -> u32 {
        let turn = self.turns.fetch_add(1, Relaxed);
        u32::from(self.round[(turn % self.round.len() as u64) as usize])
    }
}
