//! The user's functions.

use std::time::Duration;

use super::core::Core;
use super::job_view::JobView;
use crate::model::{Failure, JobBrief, unharmed};
use crate::table::Claim;

pub(crate) type BackoffFn<T, R> = Box<
    dyn Fn(&Core<T, R>, &(dyn JobView + Sync), &Claim, &Failure) -> Option<Duration> + Send + Sync,
>;
type RetryIf = Box<dyn Fn(&Failure) -> bool + Send + Sync>;
type OnCompleted<R> = Box<dyn Fn(&JobBrief, &R) + Send + Sync>;
type OnFailure = Box<dyn Fn(&JobBrief, &Failure) + Send + Sync>;

/// The user's own functions.
pub(crate) struct Hooks<T, R> {
    pub(crate) backoff: Option<BackoffFn<T, R>>,
    pub(crate) retry_if: Option<RetryIf>,
    pub(crate) completed: Option<OnCompleted<R>>,
    pub(crate) failed: Option<OnFailure>,
    pub(crate) exhausted: Option<OnFailure>,
}

impl<T, R> Hooks<T, R> {
    /// An attempt failed.
    pub(crate) fn on_failed(&self, brief: &JobBrief, failure: &Failure) {
        if let Some(hook) = &self.failed {
            unharmed(|| hook(brief, failure));
        }
    }
}
