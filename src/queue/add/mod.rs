//! The doors in: how jobs are added, with and without options, and what the caller gets for it.

pub(crate) mod builder;
pub(crate) mod handle;
pub(crate) mod jobs;
pub(crate) mod producer;
