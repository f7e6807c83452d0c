//! Cancelling jobs, and taking what a shutdown gave back.

use crate::model::{JobId, JobState};
use crate::queue::life::Queue;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Cancels a job; true if that is how it ended.
    ///
    /// A waiting or delayed job never starts, its payload is dropped at once, and its slot is there when an add
    /// needs it. A running job's result will not be accepted, and
    /// [`Job::checkpoint`](crate::Job::checkpoint) tells its handler; the slot comes back when the
    /// handler returns. Who waits for the job learns at once. False if the job has ended, or is of
    /// another queue.
    ///
    /// ```
    /// use guichet::{JobError, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// let handle = queue.submit(7)?;
    /// assert!(queue.cancel(handle.id()));
    /// assert!(!queue.cancel(handle.id()));
    /// assert!(matches!(handle.wait(), Err(JobError::Cancelled { reason: None })));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn cancel(&self, id: JobId) -> bool {
        self.shared.cancel(id, None)
    }

    /// [`cancel`](Queue::cancel) with a reason, which the handler, whoever waits, and the job's record are told.
    pub fn cancel_because(&self, id: JobId, reason: impl Into<String>) -> bool {
        self.shared.cancel(id, Some(reason.into()))
    }

    /// Cancels every job that was there when this was called and has not ended; how many.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// queue.add_many(vec![1, 2, 3])?;
    /// assert_eq!(queue.cancel_all("the day is over"), 3);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn cancel_all(&self, reason: impl Into<String>) -> usize {
        let reason = reason.into();
        let live = self
            .shared
            .core
            .slab
            .scan()
            .filter(|(_, _, state)| !state.is_terminal() && *state != JobState::Vacant);
        let ids: Vec<_> = live
            .map(|(slot, occupancy, _)| self.shared.core.id_of(slot, occupancy))
            .collect();
        let cancel = |id: &&JobId| self.shared.cancel(**id, Some(reason.clone()));
        ids.iter().filter(cancel).count()
    }

    /// Takes the payloads that shutdown gave back: jobs that were accepted, and that no handler is
    /// running or has completed. Those that had failed attempts are among them; one whose attempt timed out comes when its
    /// handler has returned.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<&str, ()>("unserved").build()?;
    /// let id = queue.add("letter")?;
    /// runtime.shutdown(Duration::from_secs(1));
    /// assert_eq!(queue.take_returned(), [(id, "letter")]);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn take_returned(&self) -> Vec<(JobId, T)> {
        self.shared.take_returned()
    }
}
