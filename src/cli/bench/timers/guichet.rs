//! guichet's delayed jobs: a clerk sleeps until the next is due, a worker does them.

use std::sync::Arc;
use std::time::Duration;

use guichet::{Failure, Job, JobId, Queue, Runtime};

use super::schedule::Schedule;
use super::timing::Timing;
use crate::cli::args::Impl;
use crate::cli::bench::contenders::Failed;

/// How long a shutdown may take; all jobs have run or are cancelled by then, so any wait is a fault.
const GRACE: Duration = Duration::from_secs(10);

/// A queue of delayed jobs.
pub struct Delaying {
    runtime: Runtime,
    queue: Queue<u64, ()>,
}

impl Timing for Delaying {
    const ID: Impl = Impl::GuichetDelay;
    const NAME: &'static str = "guichet delay";
    const NOTE: Option<&'static str> = None;
    type Job = JobId;

    fn start(jobs: u64, schedule: &Arc<Schedule>) -> Result<Self, Failed> {
        let runtime = Runtime::new().map_err(|error| Failed::new("Runtime::new", error))?;
        let queue = runtime.queue::<u64, ()>("timers").capacity(1);
        let queue = queue.delayed_capacity(jobs as usize).build();
        let queue = queue.map_err(|error| Failed::new("QueueBuilder::build", error))?;
        let schedule = Arc::clone(schedule);
        let handler = move |job: &Job<'_, u64>| -> Result<(), Failure> {
            schedule.run(*job.payload());
            Ok(())
        };
        queue
            .workers(1, handler)
            .map_err(|error| Failed::new("Queue::workers", error))?;
        Ok(Delaying { runtime, queue })
    }

    fn add(&mut self, number: u64, delay: Duration) -> Result<JobId, Failed> {
        let job = self.queue.job(number).delay(delay);
        job.add()
            .map_err(|error| Failed::new("JobBuilder::add", error))
    }

    fn cancel(&mut self, job: &JobId) -> bool {
        self.queue.cancel(*job)
    }

    fn finish(self) -> Result<(), Failed> {
        if !self.runtime.shutdown(GRACE).in_time {
            return Err(Failed::new(
                "Runtime::shutdown",
                "the worker is still running",
            ));
        }
        let stats = self.queue.stats();
        if stats.accepted != stats.completed + stats.cancelled {
            let books = format!(
                "{} accepted, {} completed, {} cancelled",
                stats.accepted, stats.completed, stats.cancelled
            );
            return Err(Failed::new("QueueStats", books));
        }
        Ok(())
    }
}
