//! How a queue is made: its options, and their check.

pub(crate) mod builder;
pub(crate) mod managed;
pub(crate) mod validate;
