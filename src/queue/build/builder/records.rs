//! Options of what is kept and told of jobs: records, results, logs, events, latencies, and whom to call.

use super::QueueBuilder;
use crate::model::{Failure, JobBrief, Keep};
use crate::queue::record::results::Kept;

/// What is kept and told of jobs.
impl<T: Send + 'static, R: Send + 'static> QueueBuilder<T, R> {
    /// How many records of completed jobs are kept, and how long, for [`Queue::job_info`](crate::Queue::job_info) and
    /// [`Queue::jobs`](crate::Queue::jobs). Default none.
    pub fn keep_completed(mut self, keep: impl Into<Keep>) -> Self {
        self.keep_completed = keep.into();
        self
    }

    /// The same of jobs that failed, expired, were cancelled or interrupted. Default: the last 1,000.
    pub fn keep_failed(mut self, keep: impl Into<Keep>) -> Self {
        self.keep_failed = keep.into();
        self
    }

    /// How many results are kept for [`Queue::result`](crate::Queue::result), those of the jobs that completed last. Default
    /// none; 0 to 10,000,000.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let squares = runtime.queue::<u64, u64>("squares").keep_results(10).build()?;
    /// squares.workers(1, |job| Ok(job.payload() * job.payload()))?;
    /// let square = squares.submit(12)?;
    /// let id = square.id();
    /// square.wait()?;
    /// assert_eq!(squares.result(id), Some(144));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn keep_results(mut self, jobs: usize) -> Self
    where
        R: Clone + Sync,
    {
        self.results = Some(Kept::last(jobs));
        self
    }

    /// How many lines of each job's log are kept, the last ones. Default 100; 0 to 100,000.
    pub fn log_lines(mut self, lines: usize) -> Self {
        self.log_lines = lines;
        self
    }

    /// How many events listeners may lag behind, see [`Queue::subscribe`](crate::Queue::subscribe). Default 1,024; 2 to
    /// 16,777,216, rounded up to a power of two.
    ///
    /// So many are kept of each thread that tells events, so at least so many of all. 32 bytes each, allocated for the first
    /// event that a thread tells a listener. Threads share if there are more than twice as many as processors, or than 16. A
    /// listener that lags has as much again.
    pub fn event_capacity(mut self, events: usize) -> Self {
        self.event_capacity = events;
        self
    }

    /// Of how many jobs one is timed for the [latencies](crate::Queue::latencies). Default 64; a power of
    /// two, 1 to 65,536. Timing a job costs three readings of the clock, about 60 ns.
    pub fn sample_every(mut self, jobs: u32) -> Self {
        self.sample_every = jobs;
        self
    }

    /// Called after each completion, before who waits for the job learns of it; on the worker's thread. One that panics
    /// changes nothing.
    pub fn on_completed<F>(mut self, hook: F) -> Self
    where
        F: Fn(&JobBrief, &R) + Send + Sync + 'static,
    {
        self.hooks.completed = Some(Box::new(hook));
        self
    }

    /// Called after each failed attempt whose failure was accepted, whether or not another follows; on the worker's thread, or
    /// on the clerk's if it timed out. It comes when the job is back in line or delayed, so the next attempt may begin meanwhile.
    pub fn on_failed<F>(mut self, hook: F) -> Self
    where
        F: Fn(&JobBrief, &Failure) + Send + Sync + 'static,
    {
        self.hooks.failed = Some(Box::new(hook));
        self
    }

    /// Called once for each job whose attempts are used up, after [`on_failed`](QueueBuilder::on_failed).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use guichet::{Failure, ManualClock, Runtime};
    ///
    /// let alarms = Arc::new(AtomicU32::new(0));
    /// let count = alarms.clone();
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").attempts(3)
    ///     .on_exhausted(move |_, _| { count.fetch_add(1, Ordering::Relaxed); })
    ///     .build()?;
    /// mail.workers(1, |_| Err(Failure::msg("no")))?;
    /// mail.add("letter")?;
    /// runtime.run_until_idle();
    /// assert_eq!(alarms.load(Ordering::Relaxed), 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn on_exhausted<F>(mut self, hook: F) -> Self
    where
        F: Fn(&JobBrief, &Failure) + Send + Sync + 'static,
    {
        self.hooks.exhausted = Some(Box::new(hook));
        self
    }
}
