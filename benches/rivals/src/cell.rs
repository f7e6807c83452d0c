//! How many threads send and how many receive, written `2x1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Senders x receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Threads that send.
    pub senders: usize,
    /// Threads that receive.
    pub receivers: usize,
}

impl Cell {
    /// One of each.
    pub const PAIR: Cell = Cell {
        senders: 1,
        receivers: 1,
    };
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.senders, self.receivers)
    }
}

impl FromStr for Cell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse().ok().filter(|number| (1..=64).contains(number));
        let parts = text.split_once('x');
        parts
            .and_then(|(senders, receivers)| {
                Some(Cell {
                    senders: number(senders)?,
                    receivers: number(receivers)?,
                })
            })
            .ok_or_else(|| format!("`{text}` is not like 2x1, with 1 to 64 threads on a side"))
    }
}
