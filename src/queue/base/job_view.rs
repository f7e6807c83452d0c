//! A job, as its handler asks about it, and as whoever waits for its result does.

use std::any::Any;
use std::time::Duration;

use crate::model::{JobId, JobState, Revoked};
use crate::sync::Arc;
use crate::table::Claim;
use crate::time::Timestamp;

/// What a queue knows of a job, without its types. Asked only by the handlers that want to know.
pub(crate) trait JobView {
    fn id(&self, claim: &Claim) -> JobId;
    fn attempts(&self, claim: &Claim) -> u32;
    fn priority(&self, claim: &Claim) -> u32;
    fn is_revoked(&self, claim: &Claim) -> bool;
    fn is_shutting_down(&self) -> bool;
    fn decided(&self, claim: &Claim, deadline: Option<Timestamp>) -> Option<Revoked>;
    fn time_until(&self, instant: Timestamp) -> Duration;
    fn is_redelivered(&self, claim: &Claim) -> bool;
    fn show(&self, claim: &Claim, progress: Arc<dyn Any + Send + Sync>);
    fn log(&self, claim: &Claim, line: String);
}

/// The job's queue, without its payload's type.
pub(crate) trait Inquiry: Send + Sync {
    fn cancel(&self, id: JobId, reason: Option<String>) -> bool;
    fn state(&self, id: JobId) -> Option<JobState>;
    fn progress(&self, id: JobId) -> Option<Arc<dyn Any + Send + Sync>>;
}
