//! Counts and latencies, each written by one worker and read by anybody.

mod counter;
mod latency;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

pub use counter::Counter;
pub use latency::{Latency, LatencySummary};
