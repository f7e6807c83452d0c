//! The implementations that are compared, behind one trait.
//!
//! A contender sets up its workers, hands out producers, and tears down; the runs, clocks, samples and checks are the
//! caller's. The trait is crossed once per producer, never per job: the loops inside are monomorphic.

mod channels;
mod guichet;
mod locked;
mod rayon;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use super::task::{Share, Task};
use crate::cli::args::Impl;

/// One implementation.
pub trait Contender: Send + Sync {
    /// Which one.
    fn id(&self) -> Impl;

    /// The name in the table.
    fn name(&self) -> &'static str;

    /// What a reader must know to compare fairly, if anything.
    fn note(&self) -> Option<&'static str> {
        None
    }

    /// Whether it takes part only if it is named.
    fn on_request(&self) -> bool {
        false
    }

    /// How many times fewer empty jobs than the fastest are enough for a steady figure.
    fn pace(&self) -> u64 {
        1
    }

    /// Starts `workers` workers that do `task`, behind a bound of `capacity` where there is one.
    ///
    /// # Errors
    /// The system refused a thread, or the implementation its options.
    fn start(
        &self,
        workers: usize,
        capacity: usize,
        task: &Arc<Task>,
    ) -> Result<Box<dyn Running>, Failed>;
}

/// A contender at work.
pub trait Running {
    /// What one producer thread does; called once for each of them.
    fn producer(&self) -> Producing;

    /// Ends the workers, after every producer has ended.
    ///
    /// # Errors
    /// The implementation's own books do not agree with the task.
    fn finish(self: Box<Self>) -> Result<(), Failed>;
}

/// The work of a producer: adds its share, or says why it could not.
pub type Producing = Box<dyn FnOnce(Share) -> Result<(), Failed> + Send>;

/// Why a contender could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed(String);

impl Failed {
    /// `what` failed, because of `source`.
    pub fn new(what: &str, source: impl fmt::Display) -> Self {
        Failed(format!("{what}: {source}"))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

/// The contenders of the workloads without priorities in the order of the table, or those of `chosen`.
pub fn all(chosen: &[Impl]) -> Vec<Box<dyn Contender>> {
    let every: [Box<dyn Contender>; 8] = [
        Box::new(guichet::Guichet::Add),
        Box::new(guichet::Guichet::Heard),
        Box::new(guichet::Guichet::Producer),
        Box::new(guichet::Guichet::AddMany),
        Box::new(channels::CROSSBEAM),
        Box::new(channels::STD),
        Box::new(channels::MUTEX),
        Box::new(rayon::Rayon),
    ];
    of(chosen, every)
}

/// The contenders of the workload `priority` in the order of the table, or those of `chosen`.
pub fn prioritised(chosen: &[Impl]) -> Vec<Box<dyn Contender>> {
    let every: [Box<dyn Contender>; 4] = [
        Box::new(guichet::Guichet::Fifo),
        Box::new(guichet::Guichet::Bands),
        Box::new(guichet::Guichet::Heap),
        Box::new(channels::MUTEX_HEAP),
    ];
    of(chosen, every)
}

fn of(
    chosen: &[Impl],
    every: impl IntoIterator<Item = Box<dyn Contender>>,
) -> Vec<Box<dyn Contender>> {
    every
        .into_iter()
        .filter(|one| match chosen.is_empty() {
            true => !one.on_request(),
            false => chosen.contains(&one.id()),
        })
        .collect()
}
