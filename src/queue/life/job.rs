//! What a handler sees of its job.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use crate::model::{JobId, Revoked};
use crate::queue::base::job_view::JobView;
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::sync::Arc;
use crate::table::Claim;
use crate::time::Timestamp;

/// One attempt of a job, as its handler gets it.
pub struct Job<'a, T> {
    payload: &'a T,
    claim: &'a Claim,
    /// When its time is over, if ever.
    deadline: Option<Timestamp>,
    queue: &'a (dyn JobView + Sync),
}

impl<'a, T> Job<'a, T> {
    #[inline(always)]
    pub(crate) fn new(
        payload: &'a T,
        claim: &'a Claim,
        deadline: Option<Timestamp>,
        queue: &'a (dyn JobView + Sync),
    ) -> Self {
        Job {
            payload,
            claim,
            deadline,
            queue,
        }
    }

    /// What was added.
    pub fn payload(&self) -> &'a T {
        self.payload
    }

    /// The job's name.
    pub fn id(&self) -> JobId {
        self.queue.id(self.claim)
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.claim.attempt()
    }

    /// How urgent it is; 1 is the most urgent.
    pub fn priority(&self) -> u32 {
        self.queue.priority(self.claim)
    }

    /// Whether no attempt follows if this one fails.
    ///
    /// ```
    /// use guichet::{Failure, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let stubborn = runtime.queue::<(), u32>("stubborn").attempts(3).build()?;
    /// stubborn.workers(1, |job| match job.is_last_attempt() {
    ///     true => Ok(job.attempt()),
    ///     false => Err(Failure::msg("not yet")),
    /// })?;
    /// assert_eq!(stubborn.submit(())?.wait()?, 3);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn is_last_attempt(&self) -> bool {
        self.attempt() >= self.queue.attempts(self.claim)
    }

    /// Whether the job was decided over the handler's head, by a cancellation, its time-out or a shutdown: nobody
    /// will take its result. One load; a long handler asks now and then and returns.
    pub fn is_cancelled(&self) -> bool {
        self.queue.is_revoked(self.claim)
    }

    /// The same as an error, for `?`: says who decided it. Also looks at the clock, if the attempt has a time-out.
    ///
    /// # Errors
    /// [`Revoked`], once the job was decided.
    ///
    /// ```
    /// use guichet::{JobError, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let copies = runtime.queue::<u32, ()>("copies").build()?;
    /// copies.workers(1, |job| loop {
    ///     job.checkpoint()?;
    ///     std::thread::yield_now();
    /// })?;
    /// let copy = copies.submit(1)?;
    /// copies.cancel_because(copy.id(), "not needed any more");
    /// assert!(matches!(copy.wait(), Err(JobError::Cancelled { reason: Some(why) }) if why == "not needed any more"));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn checkpoint(&self) -> Result<(), Revoked> {
        match self.queue.decided(self.claim, self.deadline) {
            None => Ok(()),
            Some(by) => Err(by),
        }
    }

    /// Whether a shutdown has begun, so that a long job may come to an end before its deadline.
    pub fn is_shutting_down(&self) -> bool {
        self.queue.is_shutting_down()
    }

    /// How long is left of the attempt's time; `None` if it has no end.
    pub fn time_left(&self) -> Option<Duration> {
        Some(self.queue.time_until(self.deadline?))
    }

    /// Whether the job was handed out before to somebody who [dropped its lease](crate::Lease).
    pub fn is_redelivered(&self) -> bool {
        self.queue.is_redelivered(self.claim)
    }

    /// Shows how far the work is, to [`Queue::progress`](crate::Queue::progress) and
    /// [`JobHandle::progress`](crate::JobHandle::progress). Of any type; the last value counts. Takes a lock of the job's own
    /// and allocates. Nothing once the job was decided.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let copies = runtime.queue::<u32, ()>("copies").keep_completed(1).build()?;
    /// copies.workers(1, |job| {
    ///     job.set_progress(0.5_f64);
    ///     Ok(())
    /// })?;
    /// let copy = copies.submit(1)?;
    /// let id = copy.id();
    /// copy.wait()?;
    /// assert_eq!(copies.progress::<f64>(id).as_deref(), Some(&0.5));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn set_progress(&self, progress: impl Any + Send + Sync) {
        self.queue.show(self.claim, Arc::new(progress));
    }

    /// Adds a line to the job's log, which [`Queue::job_info`](crate::Queue::job_info) shows; the last
    /// [`log_lines`](crate::QueueBuilder::log_lines) are kept. Nothing once the job was decided.
    pub fn log(&self, line: impl Into<String>) {
        self.queue.log(self.claim, line.into());
    }
}

impl<T: fmt::Debug> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id())
            .field("attempt", &self.attempt())
            .field("payload", &self.payload)
            .finish()
    }
}

impl<T: Send + Sync, R: Send> Shared<T, R> {
    /// What the handler of the claimed attempt sees, whose time is over at `deadline`, if ever.
    #[inline(always)]
    pub(crate) fn job<'a>(&'a self, claim: &'a Claim, deadline: Option<Timestamp>) -> Job<'a, T> {
        Job::new(self.core.slab.payload(claim), claim, deadline, self)
    }
}

impl<T: Send, R: Send> JobView for Shared<T, R> {
    fn id(&self, claim: &Claim) -> JobId {
        self.core.id(claim)
    }

    fn attempts(&self, claim: &Claim) -> u32 {
        self.core.attempts_of(claim)
    }

    fn priority(&self, claim: &Claim) -> u32 {
        self.core.slab.priority(claim.slot())
    }

    fn is_revoked(&self, claim: &Claim) -> bool {
        self.core.slab.is_revoked(claim)
    }

    fn is_shutting_down(&self) -> bool {
        self.core.switches.now().any(Setting::CLOSED)
    }

    fn decided(&self, claim: &Claim, deadline: Option<Timestamp>) -> Option<Revoked> {
        if let Some(deadline) = deadline {
            self.check_deadline(claim, deadline);
        }
        self.revoked(claim)
    }

    fn time_until(&self, instant: Timestamp) -> Duration {
        Duration::from_nanos(instant.since(self.core.time.now().to_nanos()))
    }

    fn is_redelivered(&self, claim: &Claim) -> bool {
        self.records.redelivered(self.core.id(claim)) > 0
    }

    fn show(&self, claim: &Claim, progress: Arc<dyn Any + Send + Sync>) {
        self.records.write_progress(&self.core, claim, progress);
    }

    fn log(&self, claim: &Claim, line: String) {
        self.records.write_log(&self.core, claim, line);
    }
}
