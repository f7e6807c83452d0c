//! What tells the time.

use std::time::{Duration, SystemTime};

/// What tells a queue the time.
///
/// [`SystemClock`](super::SystemClock) runs by itself; [`ManualClock`](super::ManualClock) stands still until it is turned, which makes the
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

/// `duration` in nanoseconds, `u64::MAX` if there are more.
#[inline]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
