//! Decisions that look random and are the same for the same seed: `SplitMix64` (Steele, Lea, Flood 2014).

use std::time::Duration;

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// One thread's, or one attempt's, source of decisions.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that these numbers name: the seed first, then the round, then whose they are.
    pub fn new(names: &[u64]) -> Self {
        let mut dice = Dice(0);
        for name in names {
            dice.0 ^= *name;
            dice.0 = dice.roll();
        }
        dice
    }

    /// 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than `count`.
    pub fn below(&mut self, count: u64) -> u64 {
        self.roll() % count
    }

    /// A number of this range, both ends included.
    pub fn from(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// So many microseconds.
    pub fn micros(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.from(least, most))
    }

    /// One of these.
    pub fn pick<X: Copy>(&mut self, among: &[X]) -> X {
        among[self.below(among.len() as u64) as usize]
    }
}
