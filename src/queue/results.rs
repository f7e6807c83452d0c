//! The results of the last jobs, for whoever asks by id.
//!
//! A result is cloned for each who asks. That and its destructor are the user's code, which must not run under the lock,
//! so a result lies behind an `Arc`: the lock is held while the pointer is copied, and what leaves is given to the caller.

use super::recent::Recent;
use crate::model::{InvalidOption, JobId, check_range, discard, unharmed};
use crate::sync::{Arc, Mutex};

/// What a queue asks of its results.
///
/// A trait, because results that several threads may clone at a time must be `Sync`, and only a queue that keeps them
/// should demand that of its `R`: behind `dyn` the bound is met where the results are made.
pub(super) trait ResultsById<R>: Send + Sync {
    /// Keeps the result of a job that has none yet; what is not kept any more, for the caller to drop.
    #[must_use]
    fn store(&self, id: JobId, result: R) -> Option<(JobId, Arc<R>)>;

    /// A clone of the job's result, if it is kept.
    fn get(&self, id: JobId, clone: fn(&R) -> R) -> Option<R>;
}

/// The results that a queue keeps, and how to copy one.
pub(super) struct Kept<R> {
    most: usize,
    by_id: Box<dyn ResultsById<R>>,
    clone: fn(&R) -> R,
}

impl<R: Clone + Send + Sync + 'static> Kept<R> {
    /// The last `most` results.
    pub(super) fn last(most: usize) -> Self {
        Kept {
            most,
            by_id: Box::new(Results::new(most)),
            clone: R::clone,
        }
    }
}

impl<R> Kept<R> {
    /// Refuses a number out of range.
    pub(super) fn check(&self, option: &'static str) -> Result<(), InvalidOption> {
        check_range(option, self.most as u64, 0..=10_000_000).map(drop)
    }

    /// Keeps a copy of a job's result. One whose clone panics is not kept.
    pub(super) fn keep(&self, id: JobId, value: &R) {
        if let Some(copy) = unharmed(|| (self.clone)(value)) {
            discard(self.by_id.store(id, copy));
        }
    }

    /// A copy of a job's result, if it is kept.
    pub(super) fn get(&self, id: JobId) -> Option<R> {
        self.by_id.get(id, self.clone)
    }
}

/// The last `most` results.
pub(super) struct Results<R> {
    most: usize,
    kept: Mutex<Recent<Arc<R>>>,
}

impl<R> Results<R> {
    pub(super) fn new(most: usize) -> Self {
        Results {
            most,
            kept: Mutex::new(Recent::new()),
        }
    }
}

impl<R: Send + Sync> ResultsById<R> for Results<R> {
    fn store(&self, id: JobId, result: R) -> Option<(JobId, Arc<R>)> {
        let result = Arc::new(result);
        if self.most == 0 {
            return Some((id, result));
        }
        let mut kept = self.kept.lock();
        kept.insert(id, result, |_| false);
        (kept.len() > self.most)
            .then(|| kept.pop_oldest())
            .flatten()
    }

    fn get(&self, id: JobId, clone: fn(&R) -> R) -> Option<R> {
        let result = self.kept.lock().get(id).cloned();
        result.map(|result| clone(&result))
    }
}
