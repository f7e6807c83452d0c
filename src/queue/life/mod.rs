//! The verbs: each moment of a job's life once.

pub(crate) mod conclude;
pub(crate) mod control;
pub(crate) mod job;
pub(crate) mod letters;
pub(crate) mod revoked;
pub(crate) mod settle;
pub(crate) mod timing;
pub(crate) mod watch;
