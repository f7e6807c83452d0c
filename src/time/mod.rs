//! Clocks and instants. Nothing below `queue` reads one; there, time is an argument.
//!
//! Queues keep a `Time`, which reads the system's clock inline and any other through `Clock`.
//! Instants are nanoseconds since the clock's origin in a `u64`: 584 years.

mod manual;
mod system;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

use std::time::{Duration, SystemTime};

use crate::sync::Arc;
pub use manual::ManualClock;
pub use system::SystemClock;

/// What tells a queue the time.
///
/// [`SystemClock`] runs by itself; [`ManualClock`] stands still until it is turned, which makes the
/// course of delays, retries and time-outs a matter of the test alone.
///
/// # Examples
/// A clock of one's own, which runs twice as fast as the system's:
/// ```
/// use guichet::{Clock, SystemClock};
/// use std::time::{Duration, SystemTime};
///
/// struct Hurried(SystemClock);
///
/// impl Clock for Hurried {
///     fn now(&self) -> Duration {
///         2 * self.0.now()
///     }
///     fn wall(&self) -> SystemTime {
///         self.0.wall()
///     }
/// }
///
/// let clock = Hurried(SystemClock::new());
/// let earlier = clock.now();
/// assert!(clock.now() >= earlier);
/// assert!(!clock.turn_to(Duration::from_secs(60)), "it runs by itself");
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Time since the clock's origin; never goes back.
    fn now(&self) -> Duration;

    /// The wall clock's time, which may jump.
    fn wall(&self) -> SystemTime;

    /// Turns the clock to `now`, if it is one that stands still until it is turned; false if it
    /// runs by itself. A clock that is past `now` already stays where it is, and says true.
    fn turn_to(&self, now: Duration) -> bool {
        let _ = now;
        false
    }

    /// Whether the clock stands still until somebody turns it: waiting for it to go on by itself is
    /// then in vain.
    fn is_manual(&self) -> bool {
        false
    }
}

/// Nanoseconds since one before the clock's origin; never 0.
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
        Timestamp(self.nanos())
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
        self.nanos().saturating_add(nanos(delay))
    }

    /// The instant at which the wall clock will say `wall` if it does not jump, in nanoseconds;
    /// never 0.
    pub fn at_wall(&self, wall: SystemTime) -> u64 {
        // The wall first: what passes between the two readings makes the instant later, never early.
        let distance = wall.duration_since(self.wall());
        let now = self.nanos();
        match distance {
            Ok(ahead) => now.saturating_add(nanos(ahead)),
            Err(behind) => now.saturating_sub(nanos(behind.duration())),
        }
        .max(1)
    }

    /// One more than the clock says, so that it is never 0.
    #[inline]
    fn nanos(&self) -> u64 {
        let now = match &self.0 {
            Source::System(clock) => clock.now(),
            Source::Other(clock) => clock.now(),
        };
        nanos(now).saturating_add(1)
    }
}

/// `duration` in nanoseconds, `u64::MAX` if there are more.
#[inline]
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
