//! A round that was wrong.

use std::fmt;

/// What was wrong, and how to see it again.
#[derive(Debug)]
pub struct Wrong {
    /// The run's seed.
    pub seed: u64,
    /// From 1.
    pub round: u64,
    /// In words.
    pub what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "chaos: --seed {}, round {}: {}",
            self.seed, self.round, self.what
        )
    }
}

impl std::error::Error for Wrong {}
