//! A job's result, for the one who submitted it.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use crate::model::{JobError, JobId, JobState};
use crate::park::Oneshot;
use crate::queue::base::core::Outcome;
use crate::queue::base::current::current_worker;
use crate::queue::base::job_view::Inquiry;
use crate::sync::{Arc, Deadline};

/// The right to one job's result. A wait always ends: with a value or with the reason for none.
///
/// Dropping it detaches the job, which runs all the same. An unread result holds no slot.
#[must_use = "without its handle a submitted job's result is dropped; `add` is cheaper"]
pub struct JobHandle<R> {
    id: JobId,
    /// `None` once the result was taken out.
    cell: Option<Arc<Oneshot<Outcome<R>>>>,
    queue: Arc<dyn Inquiry>,
}

impl<R> JobHandle<R> {
    pub(crate) fn new(id: JobId, cell: Arc<Oneshot<Outcome<R>>>, queue: Arc<dyn Inquiry>) -> Self {
        JobHandle {
            id,
            cell: Some(cell),
            queue,
        }
    }

    /// The job's name.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Whether the job has ended, so that a wait will not wait.
    pub fn is_finished(&self) -> bool {
        self.cell.as_ref().is_some_and(|cell| cell.is_set())
    }

    /// The job's state; `None` when its slot serves a later job and its record is not kept.
    pub fn state(&self) -> Option<JobState> {
        self.queue.state(self.id)
    }

    /// Cancels the job, as [`Queue::cancel`](crate::Queue::cancel).
    pub fn cancel(&self) -> bool {
        self.queue.cancel(self.id, None)
    }

    /// Cancels the job for a reason, as [`Queue::cancel_because`](crate::Queue::cancel_because).
    pub fn cancel_because(&self, reason: impl Into<String>) -> bool {
        self.queue.cancel(self.id, Some(reason.into()))
    }

    /// How far the job is, if its handler [said so](crate::Job::set_progress) with a value of this
    /// type.
    pub fn progress<P: Any + Send + Sync>(&self) -> Option<Arc<P>> {
        self.queue.progress(self.id)?.downcast().ok()
    }

    /// Waits for the job's end and gives its value.
    ///
    /// # Errors
    /// How the job ended if it gave no value; [`JobError::WouldDeadlock`] at once if the job has
    /// not ended and the caller is a worker of the same queue, which might be the one to run it.
    /// The handle is used up either way; the job goes on.
    ///
    /// ```
    /// use guichet::{Failure, JobError, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let halves = runtime.queue::<u32, u32>("halves").build()?;
    /// halves.workers(1, |job| match job.payload() % 2 {
    ///     0 => Ok(job.payload() / 2),
    ///     _ => Err(Failure::msg("odd")),
    /// })?;
    /// assert_eq!(halves.submit(8)?.wait()?, 4);
    /// assert!(matches!(halves.submit(7)?.wait(), Err(JobError::Failed(why)) if why.to_string() == "odd"));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn wait(self) -> Result<R, JobError> {
        if self.would_deadlock() {
            return Err(JobError::WouldDeadlock);
        }
        match self.wait_until(None) {
            Ok(outcome) => outcome,
            Err(_) => unreachable!("a wait without an end does not time out"),
        }
    }

    /// Waits for the job's end for at most `timeout`; the handle comes back when the time is over.
    ///
    /// # Errors
    /// The inner result is that of [`wait`](JobHandle::wait); the outer error is the handle.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<R, JobError>, Self> {
        if self.would_deadlock() {
            return Ok(Err(JobError::WouldDeadlock));
        }
        self.wait_until(Some(Deadline::after(timeout)))
    }

    pub(crate) fn wait_until(mut self, deadline: Option<Deadline>) -> Result<Outcome<R>, Self> {
        let cell = self
            .cell
            .as_ref()
            .expect("the result is taken out once, by value");
        match cell.wait(deadline) {
            Some(outcome) => {
                self.cell = None;
                Ok(outcome)
            }
            None => Err(self),
        }
    }

    fn would_deadlock(&self) -> bool {
        !self.is_finished() && current_worker().is_some_and(|worker| worker.queue == self.id.queue)
    }
}

impl<R> Drop for JobHandle<R> {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            drop(cell.forget());
        }
    }
}

impl<R> fmt::Debug for JobHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("id", &self.id)
            .field("cell", &self.cell)
            .finish()
    }
}
