//! What is compared: something that starts jobs at their instants.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::Schedule;
use crate::cli::args::Impl;
use crate::cli::bench::contenders::Failed;

/// What starts jobs at their instants, with one thread that does them.
pub trait Timing: Sized {
    /// Which contender this is.
    const ID: Impl;
    /// Its name in the table.
    const NAME: &'static str;
    /// See [`Contender::note`](super::Contender::note).
    const NOTE: Option<&'static str>;
    /// What names a job that was added.
    type Job;

    /// Starts up, with room for `jobs` jobs that will be run by `schedule`.
    fn start(jobs: u64, schedule: &Arc<Schedule>) -> Result<Self, Failed>;
    /// Adds job `number`, due `delay` from now.
    fn add(&mut self, number: u64, delay: Duration) -> Result<Self::Job, Failed>;
    /// Cancels a job; false if it has run, or will.
    fn cancel(&mut self, job: &Self::Job) -> bool;
    /// Ends the threads.
    fn finish(self) -> Result<(), Failed>;
}
