//! Adding jobs without options, one by one and in batches.

use std::time::Duration;

use crate::model::JobId;
use crate::queue::add::handle::JobHandle;
use crate::queue::base::core::Core;
use crate::queue::base::refusal::{
    AddError, AddManyError, AddTimeoutError, CallError, Refusal, TryAddError, TryAddManyError,
};
use crate::queue::life::{Queue, Shared};
use crate::queue::ready::Ready;
use crate::queue::ready::room::Room;
use crate::sync::Deadline;
use crate::table::Vacancies;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Adds a job if there is room. Never waits.
    ///
    /// # Errors
    /// [`TryAddError::Full`] if at some instant during the call all `capacity` slots were taken: by
    /// jobs that wait, run or pause between two attempts, by a
    /// [`Producer`](crate::Producer)'s reservation, or by a batch that is being added. A job
    /// that was cancelled while it waited takes none once `cancel` has returned: if another thread
    /// is just taking it out of line, the call yields to that thread, which runs none of your code
    /// meanwhile. So it never sleeps, but this one step is not lock-free. [`TryAddError::Closed`]
    /// once shutdown began. Both give the payload back.
    ///
    /// ```
    /// use guichet::{Runtime, TryAddError};
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<&str, ()>("one").capacity(1).build()?;
    /// queue.try_add("first")?;
    /// assert!(matches!(queue.try_add("second"), Err(TryAddError::Full { payload: "second", .. })));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn try_add(&self, payload: T) -> Result<JobId, TryAddError<T>> {
        self.job(payload).try_add()
    }

    /// Adds a job; waits for room as long as it takes.
    ///
    /// Blocked callers are woken in the order in which they blocked. A caller that finds room does
    /// not queue up behind them, and one that is overtaken in this way blocks anew.
    ///
    /// # Errors
    /// [`AddError::Closed`] once shutdown began, also for a caller that is waiting;
    /// [`AddError::WouldDeadlock`] if the queue is full and the caller is one of its own workers.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// let id = queue.add(7)?;
    /// assert_eq!(id.queue(), queue.id());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn add(&self, payload: T) -> Result<JobId, AddError<T>> {
        self.job(payload).add()
    }

    /// Adds a job; waits for room for at most `timeout`.
    ///
    /// # Errors
    /// As [`add`](Queue::add), and [`AddTimeoutError::Timeout`].
    ///
    /// ```
    /// use guichet::{AddTimeoutError, Runtime};
    /// use std::time::Duration;
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").capacity(1).build()?;
    /// queue.add(1)?;
    /// let refused = queue.add_timeout(2, Duration::from_millis(1));
    /// assert!(matches!(refused, Err(AddTimeoutError::Timeout(2))));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn add_timeout(&self, payload: T, timeout: Duration) -> Result<JobId, AddTimeoutError<T>> {
        self.job(payload).add_timeout(timeout)
    }

    /// Adds all jobs or none, next to each other in line as far as other adders allow; waits for
    /// room for all.
    ///
    /// One caller at a time collects room; it keeps what it has while it waits for the rest. A
    /// thread whose own [`Producer`](crate::Producer) holds reserved slots should flush it
    /// before.
    ///
    /// # Errors
    /// All payloads come back: [`AddManyError::TooMany`] if they exceed the capacity, else as
    /// [`add`](Queue::add).
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").capacity(4).build()?;
    /// assert_eq!(queue.add_many(vec![1, 2, 3])?.len(), 3);
    /// assert!(queue.add_many(vec![0; 5]).is_err());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn add_many(&self, payloads: Vec<T>) -> Result<Vec<JobId>, AddManyError<T>> {
        add_batch(&self.shared, payloads, Ready::slots).map_err(AddManyError::new)
    }

    /// Adds all jobs or none. Never waits.
    ///
    /// # Errors
    /// All payloads come back: [`TryAddManyError::TooMany`] if they exceed the capacity,
    /// [`TryAddManyError::Full`] if there was no room for all, [`TryAddManyError::Closed`] once
    /// shutdown began. While it collects room, that room counts as taken, so two batches at the
    /// same time may refuse each other.
    pub fn try_add_many(&self, payloads: Vec<T>) -> Result<Vec<JobId>, TryAddManyError<T>> {
        add_batch(&self.shared, payloads, Ready::slots_now).map_err(TryAddManyError::new)
    }

    /// Adds a job whose result the caller wants; waits for room as [`add`](Queue::add) does.
    ///
    /// Allocates the result's cell. Dropping the handle detaches it; the job runs all the same.
    ///
    /// # Errors
    /// As [`add`](Queue::add).
    pub fn submit(&self, payload: T) -> Result<JobHandle<R>, AddError<T>> {
        self.job(payload).submit()
    }

    /// Adds a job and waits for its result, for at most `timeout` in all.
    ///
    /// When the time is over the job is detached: it stays in the queue and runs, and its result is
    /// dropped.
    ///
    /// # Errors
    /// [`CallError::Refused`] gives the payload back; [`CallError::Timeout`] names the job that
    /// goes on; [`CallError::Job`] says how the job ended if it gave no value.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let squares = runtime.queue::<u64, u64>("squares").build()?;
    /// squares.workers(1, |job| Ok(job.payload() * job.payload()))?;
    /// assert_eq!(squares.call(12, Duration::from_secs(30))?, 144);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn call(&self, payload: T, timeout: Duration) -> Result<R, CallError<T>> {
        if self.shared.core.is_own_worker() {
            return Err(CallError::Refused(AddTimeoutError::WouldDeadlock(payload)));
        }
        let deadline = Deadline::after(timeout);
        let handle = self
            .job(payload)
            .submit_until(Some(deadline))
            .map_err(|refused| CallError::Refused(AddTimeoutError::new(refused)))?;
        match handle.wait_until(Some(deadline)) {
            Ok(outcome) => outcome.map_err(CallError::Job),
            Err(handle) => Err(CallError::Timeout(handle.id())),
        }
    }
}

/// All jobs or none, to the slots that `claim` gives for them.
fn add_batch<T: Send, R: Send>(
    shared: &Shared<T, R>,
    payloads: Vec<T>,
    claim: impl FnOnce(&Ready, &Core<T, R>, &Room, usize) -> Result<Vec<Vacancies>, Refusal>,
) -> Result<Vec<JobId>, (Refusal, Vec<T>)> {
    let room = shared.ready.room();
    let (jobs, capacity) = (payloads.len(), room.capacity());
    if jobs > capacity {
        return Err((Refusal::TooMany { jobs, capacity }, payloads));
    }
    match claim(&shared.ready, &shared.core, room, jobs) {
        Ok(reserved) => Ok(shared.admit_many(reserved, payloads)),
        Err(refusal) => Err((refusal, payloads)),
    }
}
