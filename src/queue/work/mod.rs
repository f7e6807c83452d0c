//! The worker: its loop, one attempt, its registration.

pub(crate) mod attempt;
pub(crate) mod dispatch;
pub(crate) mod shift;
