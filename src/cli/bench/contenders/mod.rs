//! The implementations that are compared, behind one trait.
//!
//! A contender sets up its workers, hands out producers, and tears down; the runs, clocks, samples and checks are the
//! caller's. The trait is crossed once per producer, never per job: the loops inside are monomorphic.

mod channel;
mod channels;
mod contender;
mod failed;
mod guichet;
mod locked;
mod rayon;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use self::contender::Running;
pub use self::contender::{Contender, Producing};
pub use self::failed::Failed;
use crate::cli::args::Impl;

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
