//! The clock of the system.

use std::time::{Duration, Instant, SystemTime};

use super::clock::Clock;

/// The system's own clocks: a monotonic one, which starts when this is made, and the wall clock.
///
/// # Examples
/// ```
/// use guichet::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// let earlier = clock.now();
/// assert!(clock.now() >= earlier);
/// assert!(!clock.is_manual());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is now.
    pub fn new() -> Self {
        SystemClock {
            origin: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}
