//! The runtime: owns the threads, and ends them so that every job is accounted for.

mod builder;
mod clerk;
mod crew;
mod manual;
mod shutdown;
mod worker;

pub use builder::{Runtime, RuntimeBuilder};
pub use shutdown::{QueueReport, ShutdownReport};
pub use worker::Processor;
