//! What a contender is, and what it does.

use std::sync::Arc;

use super::failed::Failed;
use crate::cli::args::Impl;
use crate::cli::bench::task::{Share, Task};

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
