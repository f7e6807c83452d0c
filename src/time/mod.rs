//! Clocks and instants. Nothing below `queue` reads one; there, time is an argument.

use std::time::Instant;

/// Nanoseconds since the clock's origin; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// As a number for a shared cell, where 0 can mean "none".
    pub fn to_nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to here; 0 if it is later.
    pub fn since(self, earlier: u64) -> u64 {
        self.0.saturating_sub(earlier)
    }
}

/// A monotonic clock that starts when it is made.
///
/// A reading costs 15–30 ns, half of what a whole job costs, so it is taken of sampled jobs only.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub fn new() -> Self {
        Clock {
            origin: Instant::now(),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        Timestamp((self.origin.elapsed().as_nanos() as u64).max(1))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
