//! Clocks and instants. Nothing below `queue` reads one; there, time is an argument.
//!
//! Queues keep a `Time`, which reads the system's clock inline and any other through `Clock`.
//! Instants are nanoseconds since the clock's origin in a `u64`: 584 years.

mod clock;
mod manual;
mod system;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use crate::sync::Arc;
pub use clock::Clock;
pub use clock::nanos;
pub use manual::ManualClock;
pub use system::SystemClock;

/// Nanoseconds since one before the clock's origin; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(NonZeroU64);

impl Timestamp {
    /// As a number for a shared cell, where 0 can mean "none".
    pub fn to_nanos(self) -> u64 {
        self.0.get()
    }

    /// Nanoseconds from `earlier` to here; 0 if it is later.
    pub fn since(self, earlier: u64) -> u64 {
        self.0.get().saturating_sub(earlier)
    }

    /// The instant so many nanoseconds later.
    pub fn plus(self, nanos: u64) -> Self {
        Timestamp(self.0.saturating_add(nanos))
    }
}

/// A queue's clock.
///
/// A reading of the system's costs 15–30 ns, half of what a whole job costs, so it is taken of
/// sampled jobs only.
#[derive(Clone)]
pub struct Time(Source);

#[derive(Clone)]
enum Source {
    /// Inline: neither a pointer nor a table of functions is followed to it.
    System(SystemClock),
    Other(Arc<dyn Clock>),
}

impl Time {
    /// The system's clock, with its origin now.
    pub fn system() -> Self {
        Time(Source::System(SystemClock::new()))
    }

    /// The time of `clock`.
    pub fn of(clock: Arc<dyn Clock>) -> Self {
        Time(Source::Other(clock))
    }

    /// The present instant.
    #[inline]
    pub fn now(&self) -> Timestamp {
        Timestamp(NonZeroU64::MIN.saturating_add(self.reading()))
    }

    /// The wall clock's time, which may jump.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System(clock) => clock.wall(),
            Source::Other(clock) => clock.wall(),
        }
    }

    /// Turns a manual clock to `nanos`; false if the clock runs by itself.
    pub fn turn_to(&self, nanos: u64) -> bool {
        match &self.0 {
            Source::System(_) => false,
            // As `nanos` counts.
            Source::Other(clock) => clock.turn_to(Duration::from_nanos(nanos - 1)),
        }
    }

    /// Whether the clock stands still until somebody turns it.
    pub fn is_manual(&self) -> bool {
        match &self.0 {
            Source::System(_) => false,
            Source::Other(clock) => clock.is_manual(),
        }
    }

    /// The instant `delay` from now, in nanoseconds; never 0.
    pub fn after(&self, delay: Duration) -> u64 {
        self.now().plus(nanos(delay)).to_nanos()
    }

    /// The instant at which the wall clock will say `wall` if it does not jump, in nanoseconds;
    /// never 0.
    pub fn at_wall(&self, wall: SystemTime) -> u64 {
        // The wall first: what passes between the two readings makes the instant later, never early.
        let distance = wall.duration_since(self.wall());
        let now = self.now().to_nanos();
        match distance {
            Ok(ahead) => now.saturating_add(nanos(ahead)),
            Err(behind) => now.saturating_sub(nanos(behind.duration())),
        }
        .max(1)
    }

    /// What the clock says.
    #[inline]
    fn reading(&self) -> u64 {
        let now = match &self.0 {
            Source::System(clock) => clock.now(),
            Source::Other(clock) => clock.now(),
        };
        nanos(now)
    }
}
