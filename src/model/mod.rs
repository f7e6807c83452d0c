//! The vocabulary: what a job is called, which states it has, what a handler may say.
//!
//! Pure values without threads, clocks or memory orders, and what keeps the user's panics from doing harm, so that every floor
//! can use them.

mod backoff;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod backoff_tests;
mod event;
mod failure;
mod id;
mod options;
mod order;
mod outcome;
mod records;
mod refusal;
mod revoked;
mod state;
#[cfg(test)]
mod tests;
mod unharmed;

pub use backoff::Backoff;
pub use event::{Event, EventKind};
pub use failure::{Failure, FailureKind};
pub use id::{JobId, ParseJobIdError};
pub use options::{InvalidOption, check_range};
pub use order::{Order, Policy};
pub use outcome::JobError;
pub use records::{AttemptError, DeadReason, JobBrief, Keep, LogLine};
pub use refusal::{PopError, PushError};
pub use revoked::Revoked;
pub use state::{JobState, Verb};
#[cfg_attr(guichet_loom, allow(unused_imports))]
pub(crate) use unharmed::{discard, unharmed};
