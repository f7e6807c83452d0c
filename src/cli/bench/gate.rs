//! The starting line: producers gather, the clock is read, all are released at once.
//!
//! A `Barrier` would do if every thread were sure to come. When the system refuses the 200th thread the others must be
//! sent home, hence the third state.

use parking_lot::{Condvar, Mutex};

/// Where producers wait for the start.
#[derive(Debug, Default)]
pub struct Gate {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    gathered: usize,
    verdict: Option<bool>,
}

impl Gate {
    /// Waits for the verdict: true = run, false = go home.
    #[must_use]
    pub fn arrive(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.gathered += 1;
        self.changed.notify_all();
        loop {
            if let Some(verdict) = inner.verdict {
                return verdict;
            }
            self.changed.wait(&mut inner);
        }
    }

    /// Waits until `number` threads have arrived.
    pub fn gather(&self, number: usize) {
        let mut inner = self.inner.lock();
        while inner.gathered < number {
            self.changed.wait(&mut inner);
        }
    }

    /// Releases everybody, to run or to go home.
    pub fn open(&self, verdict: bool) {
        self.inner.lock().verdict = Some(verdict);
        self.changed.notify_all();
    }
}
