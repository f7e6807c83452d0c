//! The memory orderings, and what is weaker than each.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}
use Order::{AcqRel, Acquire, Relaxed, Release, SeqCst};

impl Order {
    /// The ordering of this name, if it is stronger than Relaxed.
    pub fn strong(name: &str) -> Option<Order> {
        let all = [Acquire, Release, AcqRel, SeqCst];
        all.into_iter().find(|order| order.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Relaxed => "Relaxed",
            Acquire => "Acquire",
            Release => "Release",
            AcqRel => "AcqRel",
            SeqCst => "SeqCst",
        }
    }

    /// The orderings to try in its place: first Relaxed, which is no fence at all, then those between.
    ///
    /// To loom a SeqCst access is an AcqRel one, so that step is taken with fences only.
    pub fn weaker(self, fence: bool) -> &'static [Order] {
        match self {
            SeqCst if fence => &[Relaxed, AcqRel],
            AcqRel | SeqCst => &[Relaxed, Acquire, Release],
            _ => &[Relaxed],
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
