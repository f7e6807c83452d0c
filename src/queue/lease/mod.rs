//! Manual mode: jobs in the caller's hands, by queue and by consumer.

pub(crate) mod consumer;
pub(crate) mod held;
pub(crate) mod queue;
pub(crate) mod search;
