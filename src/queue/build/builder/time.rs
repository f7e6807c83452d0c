//! Options of how long an attempt may take, and of handlers that do not return.

use std::time::Duration;

use super::QueueBuilder;

/// How long an attempt may take, and what becomes of handlers that do not return.
impl<T: Send + 'static, R: Send + 'static> QueueBuilder<T, R> {
    /// How long an attempt may take, from its handler's start; above 0. Default: as long as it likes. A
    /// [processor](crate::Processor::timeout)'s and a [job](crate::JobBuilder::timeout)'s own go before it.
    ///
    /// When the time is over the attempt has failed ([`FailureKind::Timeout`](crate::FailureKind::Timeout)), and what follows
    /// is what follows any failure. Its handler can't be stopped: [`Job::checkpoint`](crate::Job::checkpoint) tells it, and what it
    /// returns late is not accepted. If it was the last attempt, who waits for the job learns at once; else the next one
    /// begins when its pause is over *and* the handler has returned, so that the two never run at the same time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use guichet::{JobError, ManualClock, Runtime};
    ///
    /// let clock = ManualClock::new();
    /// let runtime = Runtime::builder().clock(clock.clone()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").timeout(Duration::from_secs(60)).build()?;
    /// mail.workers(1, move |job| {
    ///     clock.advance(Duration::from_secs(61));
    ///     Ok(job.checkpoint()?)
    /// })?;
    /// let letter = mail.submit("letter")?;
    /// runtime.run_until_idle();
    /// assert!(matches!(letter.wait(), Err(JobError::Failed(why)) if why.is_timeout()));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// How long after its deadline a handler that has not returned counts as stuck. Default 5 s. Another worker is then engaged
    /// in its place, up to [`max_stuck`](QueueBuilder::max_stuck); the stuck one's thread ends when its handler returns. It
    /// goes on working if its handler returns before the other one's thread runs, or if the system refuses that thread, which
    /// is asked for once for each attempt.
    pub fn stuck_after(mut self, grace: Duration) -> Self {
        self.stuck_after = grace;
        self
    }

    /// How many stuck workers are replaced at a time. Default 4; 0 to 1,024. Each keeps its thread until its handler returns.
    pub fn max_stuck(mut self, workers: usize) -> Self {
        self.max_stuck = workers;
        self
    }

    /// Lets the next attempt of a job begin though the handler of one that timed out has not returned, `grace` after that.
    /// Default: never.
    ///
    /// This gives up one-at-a-time for these two attempts, and with it that what the first one did is visible to the second.
    pub fn overlap_after(mut self, grace: Duration) -> Self {
        self.overlap_after = Some(grace);
        self
    }
}
