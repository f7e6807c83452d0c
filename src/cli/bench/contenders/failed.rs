//! What a contender could not do.

use std::fmt;

/// Why a contender could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed(String);

impl Failed {
    /// `what` failed, because of `source`.
    pub fn new(what: &str, source: impl fmt::Display) -> Self {
        Failed(format!("{what}: {source}"))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}
