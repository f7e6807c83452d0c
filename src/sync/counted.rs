//! parking_lot's lock, which says how often it is taken and where, for `tests/locks.rs`.
//!
//! Only in builds with debug assertions and the feature `internals`; all others have parking_lot's
//! own type. Counted are the calls of `lock` and `try_lock`, on all threads, while a test counts.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub use parking_lot::MutexGuard;

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNTED: parking_lot::Mutex<BTreeMap<Place, u64>> = parking_lot::Mutex::new(BTreeMap::new());

/// A line of the source.
type Place = (&'static str, u32);

/// parking_lot's lock, counted.
#[derive(Debug, Default)]
pub struct Mutex<T>(parking_lot::Mutex<T>);

#[allow(missing_docs)]
impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Mutex(parking_lot::Mutex::new(value))
    }
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        count(Location::caller());
        self.0.lock()
    }
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        count(Location::caller());
        self.0.try_lock()
    }
}

fn count(place: &'static Location<'static>) {
    // Relaxed: the test hands the others their work after this, and waits until they have done it.
    if COUNTING.load(Relaxed) {
        let place = (place.file(), place.line());
        *COUNTED.lock().entry(place).or_default() += 1;
    }
}

/// How often a lock was taken, or tried to be taken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locks(BTreeMap<Place, u64>);

impl Locks {
    /// What happens on all threads while `body` runs. One caller at a time.
    pub fn during(body: impl FnOnce()) -> Locks {
        COUNTED.lock().clear();
        COUNTING.store(true, Relaxed);
        body();
        COUNTING.store(false, Relaxed);
        Locks(std::mem::take(&mut *COUNTED.lock()))
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl fmt::Display for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((file, line), times) in &self.0 {
            writeln!(f, "{times} at {file}:{line}")?;
        }
        Ok(())
    }
}
