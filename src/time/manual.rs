//! A clock for tests.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::clock::{Clock, nanos};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::{AcqRel, Acquire};
use crate::sync::{Arc, Mutex};

/// A clock that stands still until it is turned.
///
/// Clones share one time: keep one to turn, and give the other away. Its wall clock moves along
/// with it. Time ends at `u64::MAX` nanoseconds (584 years) after the origin, and the wall clock
/// where the platform's [`SystemTime`] does; both stay there.
///
/// # Examples
/// ```
/// use guichet::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let (start, watch) = (clock.wall(), clock.clone());
/// assert_eq!(watch.now(), Duration::ZERO);
///
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(watch.now(), Duration::from_secs(90));
/// assert_eq!(watch.wall(), start + Duration::from_secs(90));
/// ```
#[derive(Clone)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

struct Shared {
    now_nanos: AtomicU64,
    wall: Mutex<Reading>,
}

/// What the wall clock said when it was last set.
#[derive(Clone, Copy)]
struct Reading {
    wall: SystemTime,
    at_nanos: u64,
}

/// From 1970-01-01 to 2000-01-01, both at 00:00:00 UTC.
const YEAR_2000: Duration = Duration::from_secs(10_957 * 24 * 60 * 60);

impl ManualClock {
    /// A clock at its origin, whose wall clock says 2000-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::at_wall(SystemTime::UNIX_EPOCH + YEAR_2000)
    }

    /// A clock at its origin, whose wall clock says `wall`.
    pub fn at_wall(wall: SystemTime) -> Self {
        let reading = Reading { wall, at_nanos: 0 };
        ManualClock {
            shared: Arc::new(Shared {
                now_nanos: AtomicU64::new(0),
                wall: Mutex::new(reading),
            }),
        }
    }

    /// Lets `time` pass.
    pub fn advance(&self, time: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(time)));
        // ORDERING: AcqRel and Acquire — who sees the later time sees what was done before it came;
        // pairs with the load in `now_nanos`, and with itself and `turn_to`, which go on from it.
        let _ = self.shared.now_nanos.fetch_update(AcqRel, Acquire, later);
    }

    /// Makes the wall clock jump to `wall`; no time passes.
    pub fn set_wall(&self, wall: SystemTime) {
        let mut reading = self.shared.wall.lock();
        let at_nanos = self.now_nanos();
        *reading = Reading { wall, at_nanos };
    }

    fn now_nanos(&self) -> u64 {
        // ORDERING: Acquire — what was done before this time came; pairs with `advance` and `turn_to`.
        self.shared.now_nanos.load(Acquire)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.now_nanos())
    }

    fn wall(&self) -> SystemTime {
        let reading = self.shared.wall.lock();
        // Under the lock: the time is then not before the reading.
        let passed = self.now_nanos() - reading.at_nanos;
        later(reading.wall, passed)
    }

    fn turn_to(&self, now: Duration) -> bool {
        // ORDERING: AcqRel — as in `advance`, with the same partners.
        self.shared.now_nanos.fetch_max(nanos(now), AcqRel);
        true
    }

    fn is_manual(&self) -> bool {
        true
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock")
            .field("now", &self.now())
            .field("wall", &self.wall())
            .finish()
    }
}

/// `nanos` after `wall`, or the last instant before it that the platform can name.
fn later(wall: SystemTime, nanos: u64) -> SystemTime {
    wall.checked_add(Duration::from_nanos(nanos))
        .unwrap_or_else(|| {
            // The distance to the last instant is less than `nanos`: its bits, from the highest.
            let steps = (0..u64::BITS)
                .rev()
                .map(|bit| Duration::from_nanos(1 << bit));
            steps.fold(wall, |wall, step| wall.checked_add(step).unwrap_or(wall))
        })
}
