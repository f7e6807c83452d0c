//! What every bounded channel of crossbeam's shape keeps, topic by topic.

use super::subject;

mod basics;
mod capacity_one;
mod disconnect;
mod drops;
mod errors;
mod handles;
mod iterators;
mod linear;
mod memory;
mod messages;
mod model;
mod operations;
mod panics;
mod patterns;
mod ping_pong;
mod pipelines;
mod rendezvous;
mod stress;
mod thread_exit;
mod timeouts;
mod traits;
mod wakeups;
