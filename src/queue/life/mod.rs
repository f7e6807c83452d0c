//! The verbs: each moment of a job's life once.

pub(crate) mod admit;
pub(crate) mod begin;
pub(crate) mod control;
pub(crate) mod finish;
pub(crate) mod job;
pub(crate) mod letters;
pub(crate) mod retry;
pub(crate) mod revoked;
pub(crate) mod timing;
pub(crate) mod watch;
