//! Options of what follows a failure: another attempt, a pause before it, or a dead letter.

use std::time::Duration;

use super::QueueBuilder;
use crate::model::{Backoff, Failure};
use crate::queue::life::Queue;
use crate::queue::life::job::Job;
use crate::queue::ready::letters::DeadLetter;

/// What follows a failure.
impl<T: Send + 'static, R: Send + 'static> QueueBuilder<T, R> {
    /// How many times a job is tried in all, the first time included. Default 1; 1 to 1,000,000.
    ///
    /// After a failed attempt a job goes behind its peers, at once or after a [`backoff`](QueueBuilder::backoff).
    pub fn attempts(mut self, total: u32) -> Self {
        self.attempts = total;
        self
    }

    /// The pause between a failed attempt and the next. Default [`Backoff::none`].
    ///
    /// The job is delayed meanwhile, and keeps its slot.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// A pause of one's own: asked after each failed attempt that is not the last, with the job and the failure; `None` means
    /// that no further attempt is made. If it panics, [`backoff`](QueueBuilder::backoff) is used.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime
    ///     .queue::<u32, ()>("numbers")
    ///     .attempts(5)
    ///     .backoff_with(|job, _| (*job.payload() != 13).then_some(Duration::from_millis(1)))
    ///     .build()?;
    /// queue.workers(1, |_| Err(guichet::Failure::msg("no")))?;
    /// assert!(queue.submit(13)?.wait().is_err());
    /// assert_eq!(queue.stats().retried, 0);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn backoff_with<F>(mut self, pause: F) -> Self
    where
        T: Sync,
        F: Fn(&Job<'_, T>, &Failure) -> Option<Duration> + Send + Sync + 'static,
    {
        self.hooks.backoff = Some(Box::new(move |core, view, claim, failure| {
            pause(
                &Job::new(core.slab.payload(claim), claim, None, view),
                failure,
            )
        }));
        self
    }

    /// Which failures are worth another attempt: asked after each failed attempt that is not the last. Default: all but
    /// [`Failure::discard`]. If it panics, the failure is.
    ///
    /// ```
    /// use guichet::{Failure, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime
    ///     .queue::<u32, ()>("numbers")
    ///     .attempts(5)
    ///     .retry_if(|failure| !failure.is_panic())
    ///     .build()?;
    /// queue.workers(1, |_| std::panic::resume_unwind(Box::new("broken")))?;
    /// assert!(queue.submit(1)?.wait().is_err());
    /// assert_eq!(queue.stats().retried, 0);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn retry_if<F>(mut self, worth: F) -> Self
    where
        F: Fn(&Failure) -> bool + Send + Sync + 'static,
    {
        self.hooks.retry_if = Some(Box::new(worth));
        self
    }

    /// How often a job is handed out again because its [lease](crate::Lease) was dropped; one more and it ends dead
    /// ([`DeadReason::DeliveryLimit`](crate::DeadReason::DeliveryLimit)). Default 20; 0 to 1,000,000.
    pub fn delivery_limit(mut self, times: u32) -> Self {
        self.delivery_limit = times;
        self
    }

    /// Where dead jobs go: those whose last attempt failed, that their handlers discarded, that expired. Default: nowhere;
    /// their [records](QueueBuilder::keep_failed) are all that is left.
    ///
    /// Each becomes a [`DeadLetter`] in `queue`, exactly once, as soon as no handler reads its payload any more. While that
    /// queue is full, the job keeps its slot here ([`QueueStats::unsent`](crate::QueueStats::unsent)), so a full queue of dead
    /// letters that nobody reads fills this one too.
    ///
    /// ```
    /// use guichet::{DeadLetter, Failure, ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let dead = runtime.queue::<DeadLetter<&str>, ()>("dead").build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").dead_letters(&dead).build()?;
    /// mail.workers(1, |_| Err(Failure::discard("no such address")))?;
    /// mail.add("letter")?;
    /// runtime.run_until_idle();
    /// let letter = dead.try_lease().expect("it was moved here");
    /// assert_eq!(letter.payload().payload, Some("letter"));
    /// assert_eq!(letter.payload().error, "no such address");
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn dead_letters<S: Send + 'static>(mut self, queue: &Queue<DeadLetter<T>, S>) -> Self {
        self.dead = Some(queue.shared.clone());
        self
    }
}
