//! One job's own options: how urgent, not before, not after, how often.

use std::time::{Duration, SystemTime};

use crate::model::{Backoff, JobId};
use crate::park::Oneshot;
use crate::queue::add::handle::JobHandle;
use crate::queue::base::core::Core;
use crate::queue::base::options::at_end;
use crate::queue::base::refusal::{AddError, AddTimeoutError, Refusal, TryAddError};
use crate::queue::base::terms::{Checked, NotBefore, Terms};
use crate::queue::life::Queue;
use crate::queue::ready::Ready;
use crate::queue::ready::room::Room;
use crate::sync::{Arc, Deadline};
use crate::table::Vacant;

/// A job that is being put together; made by [`Queue::job`]. It exists once it is added.
///
/// ```
/// use std::time::Duration;
/// use guichet::{JobState, Order, Runtime};
///
/// let runtime = Runtime::new()?;
/// let mail = runtime.queue::<&str, ()>("mail").order(Order::Bands(10)).build()?;
/// let id = mail.job("report").priority(1).delay(Duration::from_secs(3600)).ttl(Duration::from_secs(7200)).add()?;
/// assert_eq!(mail.state(id), Some(JobState::Delayed));
/// # Ok::<(), guichet::Error>(())
/// ```
#[must_use = "the job exists once it is added"]
#[derive(Debug)]
pub struct JobBuilder<'a, T, R> {
    queue: &'a Queue<T, R>,
    payload: T,
    terms: Terms,
}

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// A job with options of its own.
    #[inline]
    pub fn job(&self, payload: T) -> JobBuilder<'_, T, R> {
        JobBuilder {
            queue: self,
            payload,
            terms: Terms::default(),
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> JobBuilder<'_, T, R> {
    /// How urgent it is: 1, the most urgent, to the number of priorities of the queue's
    /// [`Order`](crate::Order). Default: the queue's
    /// [`default_priority`](crate::QueueBuilder::default_priority).
    pub fn priority(mut self, priority: u32) -> Self {
        self.terms.priority = Some(priority.into());
        self
    }

    /// In front of all jobs of its priority that wait when it does: last in, first out. With
    /// [`Order::Deadline`](crate::Order::Deadline) and [`Policy::Aging`](crate::Policy::Aging), of
    /// those with the same deadline or age. A retry goes behind its peers all the same.
    pub fn lifo(mut self) -> Self {
        self.terms.newest = true;
        self
    }

    /// Not before `delay` from now. The job is [`Delayed`](crate::JobState::Delayed) until then and
    /// counts against [`delayed_capacity`](crate::QueueBuilder::delayed_capacity) until it ends.
    /// Default: at once.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.terms.not_before = (!delay.is_zero()).then_some(NotBefore::Delay(delay));
        self
    }

    /// Not before the wall clock says `wall`. If the clock is set back meanwhile, the job waits on;
    /// that it was set forward is noticed only at the instant that was expected when the job was
    /// added.
    pub fn at(mut self, wall: SystemTime) -> Self {
        self.terms.not_before = Some(NotBefore::Wall(wall));
        self
    }

    /// Not after `ttl` from now: a job whose attempt has not begun by then ends with
    /// [`JobError::Expired`](crate::JobError::Expired), between two attempts too. Default: never.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.terms.ttl = Some(ttl);
        self
    }

    /// By when it should begin, from now: what [`Order::Deadline`](crate::Order::Deadline) orders
    /// by. It is handed out after that too.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.terms.deadline = Some(deadline);
        self
    }

    /// How many times it is tried in all; 1 to 1,000,000. Default: the queue's.
    pub fn attempts(mut self, total: u32) -> Self {
        self.terms.attempts = Some(total.into());
        self
    }

    /// The pauses between its attempts. Default: the queue's.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.terms.backoff = Some(backoff);
        self
    }

    /// How long each of its attempts may take; above 0. Default: what its worker's
    /// [`timeout`](crate::Processor::timeout) says, or else the
    /// [queue's](crate::QueueBuilder::timeout).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Whether its record is kept if it completes, whatever
    /// [`keep_completed`](crate::QueueBuilder::keep_completed) says. A queue that keeps none has
    /// room for 1,000 of those that ask for it.
    pub fn keep_completed(mut self, kept: bool) -> Self {
        self.terms.at_end &= !(at_end::KEEP_COMPLETED | at_end::DROP_COMPLETED);
        self.terms.at_end |= if kept {
            at_end::KEEP_COMPLETED
        } else {
            at_end::DROP_COMPLETED
        };
        self
    }

    /// Whether its record is kept if it ends otherwise, whatever
    /// [`keep_failed`](crate::QueueBuilder::keep_failed) says.
    pub fn keep_failed(mut self, kept: bool) -> Self {
        self.terms.at_end &= !(at_end::KEEP_FAILED | at_end::DROP_FAILED);
        self.terms.at_end |= if kept {
            at_end::KEEP_FAILED
        } else {
            at_end::DROP_FAILED
        };
        self
    }
}

// Always inlined: where no option is set, all that options would need is left out.
impl<T: Send + 'static, R: Send + 'static> JobBuilder<'_, T, R> {
    /// Adds the job if there is room, as [`Queue::try_add`].
    ///
    /// # Errors
    /// As [`Queue::try_add`], and [`TryAddError::Invalid`] if an option is out of range.
    #[inline(always)]
    pub fn try_add(self) -> Result<JobId, TryAddError<T>> {
        self.admit(Ready::slot_now).map_err(TryAddError::new)
    }

    /// Adds the job; waits for room as long as it takes, as [`Queue::add`].
    ///
    /// # Errors
    /// As [`Queue::add`], and [`AddError::Invalid`] if an option is out of range.
    ///
    /// ```
    /// use guichet::{AddError, Order, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let mail = runtime.queue::<&str, ()>("mail").order(Order::Bands(10)).build()?;
    /// mail.job("now").priority(1).add()?;
    /// let refused = mail.job("never").priority(0).add();
    /// assert!(matches!(&refused, Err(AddError::Invalid("never", _))));
    /// assert_eq!(refused.unwrap_err().to_string(), "priority must be 1 to 10, not 0");
    /// # Ok::<(), guichet::Error>(())
    /// ```
    #[inline(always)]
    pub fn add(self) -> Result<JobId, AddError<T>> {
        self.admit(|ready, core, room| ready.slot(core, room, None))
            .map_err(AddError::new)
    }

    /// Adds the job; waits for room for at most `timeout`, as [`Queue::add_timeout`].
    ///
    /// # Errors
    /// As [`Queue::add_timeout`], and [`AddTimeoutError::Invalid`] if an option is out of range.
    #[inline(always)]
    pub fn add_timeout(self, timeout: Duration) -> Result<JobId, AddTimeoutError<T>> {
        let deadline = Deadline::after(timeout);
        self.admit(|ready, core, room| ready.slot(core, room, Some(deadline)))
            .map_err(AddTimeoutError::new)
    }

    /// Adds the job, whose result the caller wants, as [`Queue::submit`].
    ///
    /// # Errors
    /// As [`add`](JobBuilder::add).
    #[inline(always)]
    pub fn submit(self) -> Result<JobHandle<R>, AddError<T>> {
        self.submit_until(None).map_err(AddError::new)
    }

    /// Adds the job, whose result the caller wants; waits for room up to `deadline`.
    #[inline(always)]
    pub(crate) fn submit_until(
        self,
        deadline: Option<Deadline>,
    ) -> Result<JobHandle<R>, (Refusal, T)> {
        match self.claim_slot(|ready, core, room| ready.slot(core, room, deadline)) {
            Ok((vacant, checked)) => {
                let shared = &self.queue.shared;
                let cell = Arc::new(Oneshot::new());
                let id = shared.admit_on_terms(vacant, self.payload, Some(cell.clone()), checked);
                Ok(JobHandle::new(id, cell, shared.clone()))
            }
            Err(refusal) => Err((refusal, self.payload)),
        }
    }

    /// Adds the job, whose result nobody waits for, to the slot that `claim` gives for it.
    #[inline(always)]
    fn admit(
        self,
        claim: impl FnOnce(&Ready, &Core<T, R>, &Room) -> Result<Vacant, Refusal>,
    ) -> Result<JobId, (Refusal, T)> {
        match self.claim_slot(claim) {
            Ok((vacant, checked)) => {
                let shared = &self.queue.shared;
                Ok(shared.admit_on_terms(vacant, self.payload, None, checked))
            }
            Err(refusal) => Err((refusal, self.payload)),
        }
    }

    /// The slot that `claim` gives out of the room that fits the terms, and the terms, checked.
    #[inline(always)]
    fn claim_slot(
        &self,
        claim: impl FnOnce(&Ready, &Core<T, R>, &Room) -> Result<Vacant, Refusal>,
    ) -> Result<(Vacant, Checked), Refusal> {
        let shared = &self.queue.shared;
        let checked = self.terms.check(&shared.core)?;
        let room = match checked.is_delayed() {
            true => shared.ready.later(),
            false => shared.ready.room(),
        };
        let vacant = claim(&shared.ready, &shared.core, room)?;
        Ok((vacant, checked))
    }
}
