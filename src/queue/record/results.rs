//! The results of the last jobs, for whoever asks by id.
//!
//! A result is there before its job is seen to be completed: the attempt shows it first, and it counts once
//! the job's state says `Completed`. An attempt that came late withdraws it.
//!
//! A result is cloned for each who asks. That and its destructor are the user's code, which must not run under the lock,
//! so a result lies behind an `Arc`: the lock is held while the pointer is copied, and what leaves is given to the caller.

use std::collections::HashMap;

use crate::model::{InvalidOption, JobId, check_range, discard, unharmed};
use crate::queue::record::recent::Recent;
use crate::sync::{Arc, Mutex};

/// What a queue asks of its results.
///
/// A trait, because results that several threads may clone at a time must be `Sync`, and only a queue that keeps them
/// should demand that of its `R`: behind `dyn` the bound is met where the results are made.
pub(crate) trait ResultsById<R>: Send + Sync {
    /// Shows what an attempt is about to complete its job with, if `valid` says that it still may.
    /// What the caller has to drop comes back.
    fn show(&self, id: JobId, result: R, valid: &dyn Fn() -> bool) -> Showing<R>;

    /// The job is completed with what was shown; what is not kept any more, for the caller to drop.
    #[must_use]
    fn keep(&self, id: JobId, shown: Shown) -> Option<(JobId, Arc<R>)>;

    /// The attempt came late; what it had shown, for the caller to drop.
    #[must_use]
    fn withdraw(&self, id: JobId, shown: Shown) -> Option<Arc<R>>;

    /// A clone of the job's result, if it is kept, or shown and `completed` says that the job is.
    fn get(&self, id: JobId, completed: &dyn Fn() -> bool, clone: fn(&R) -> R) -> Option<R>;
}

/// Names what one attempt has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown(u64);

/// What came of showing a result.
pub(crate) struct Showing<R> {
    pub(crate) shown: Option<Shown>,
    /// For the caller to drop.
    pub(crate) dropped: Option<Arc<R>>,
}

/// The results that a queue keeps, and how to copy one.
pub(crate) struct Kept<R> {
    most: usize,
    by_id: Box<dyn ResultsById<R>>,
    clone: fn(&R) -> R,
}

impl<R: Clone + Send + Sync + 'static> Kept<R> {
    /// The last `most` results.
    pub(crate) fn last(most: usize) -> Self {
        Kept {
            most,
            by_id: Box::new(Results::new(most)),
            clone: R::clone,
        }
    }
}

impl<R> Kept<R> {
    /// Refuses a number out of range.
    pub(crate) fn check(&self, option: &'static str) -> Result<(), InvalidOption> {
        check_range(option, self.most as u64, 0..=10_000_000).map(drop)
    }

    /// Shows a copy of what an attempt is about to complete its job with, unless `valid` says that it may
    /// not any more. One whose clone panics is not kept.
    pub(crate) fn show(&self, id: JobId, value: &R, valid: &dyn Fn() -> bool) -> Option<Shown> {
        let copy = unharmed(|| (self.clone)(value))?;
        let Showing { shown, dropped } = self.by_id.show(id, copy, valid);
        discard(dropped);
        shown
    }

    /// The job is completed: what was shown is kept.
    pub(crate) fn keep(&self, id: JobId, shown: Shown) {
        discard(self.by_id.keep(id, shown));
    }

    /// The attempt came late.
    pub(crate) fn withdraw(&self, id: JobId, shown: Shown) {
        discard(self.by_id.withdraw(id, shown));
    }

    /// A copy of the job's result, if it is kept, or shown and `completed` says that the job is.
    pub(crate) fn get(&self, id: JobId, completed: &dyn Fn() -> bool) -> Option<R> {
        self.by_id.get(id, completed, self.clone)
    }
}

/// The last `most` results.
pub(crate) struct Results<R> {
    most: usize,
    known: Mutex<Known<R>>,
}

struct Known<R> {
    kept: Recent<Arc<R>>,
    /// Of attempts that are about to complete their jobs; the last one of each job.
    shown: HashMap<JobId, (Shown, Arc<R>)>,
    /// How many have been shown.
    count: u64,
}

impl<R> Results<R> {
    pub(crate) fn new(most: usize) -> Self {
        Results {
            most,
            known: Mutex::new(Known {
                kept: Recent::new(),
                shown: HashMap::new(),
                count: 0,
            }),
        }
    }
}

impl<R> Known<R> {
    fn take(&mut self, id: JobId, shown: Shown) -> Option<Arc<R>> {
        // A later attempt may have shown its own, beside this one.
        self.shown.get(&id).filter(|(found, _)| *found == shown)?;
        self.shown.remove(&id).map(|(_, result)| result)
    }
}

impl<R: Send + Sync> ResultsById<R> for Results<R> {
    fn show(&self, id: JobId, result: R, valid: &dyn Fn() -> bool) -> Showing<R> {
        let result = Arc::new(result);
        let mut known = self.known.lock();
        // Under the lock, so that no later attempt has shown its own before.
        if self.most == 0 || !valid() {
            let dropped = Some(result);
            return Showing {
                shown: None,
                dropped,
            };
        }
        let shown = Shown(known.count);
        known.count += 1;
        let former = known.shown.insert(id, (shown, result));
        Showing {
            shown: Some(shown),
            dropped: former.map(|(_, result)| result),
        }
    }

    fn keep(&self, id: JobId, shown: Shown) -> Option<(JobId, Arc<R>)> {
        let mut known = self.known.lock();
        let result = known.take(id, shown)?;
        known.kept.insert(id, result, |_| false);
        (known.kept.len() > self.most)
            .then(|| known.kept.pop_oldest())
            .flatten()
    }

    fn withdraw(&self, id: JobId, shown: Shown) -> Option<Arc<R>> {
        self.known.lock().take(id, shown)
    }

    fn get(&self, id: JobId, completed: &dyn Fn() -> bool, clone: fn(&R) -> R) -> Option<R> {
        let known = self.known.lock();
        let shown = || known.shown.get(&id).filter(|_| completed());
        let result = known
            .kept
            .get(id)
            .or_else(|| shown().map(|(_, result)| result));
        let result = result.cloned();
        drop(known);
        result.map(|result| clone(&result))
    }
}
