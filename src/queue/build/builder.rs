//! The options of a queue; `validate.rs` checks them.

use std::fmt;
use std::time::Duration;

use crate::model::{Backoff, Failure, JobBrief, Keep, Order, Policy};
use crate::queue::base::hooks::Hooks;
use crate::queue::base::host::Host;
use crate::queue::life::Queue;
use crate::queue::life::job::Job;
use crate::queue::ready::letters::{DeadLetter, Graveyard};
use crate::queue::record::results::Kept;
use crate::sync::{Arc, Weak};

/// Configures a queue; see [`Runtime::queue`](crate::Runtime::queue).
#[must_use = "a queue exists once it is built"]
pub struct QueueBuilder<T, R> {
    pub(crate) host: Weak<dyn Host>,
    pub(crate) name: String,
    pub(crate) capacity: usize,
    pub(crate) delayed_capacity: Option<usize>,
    pub(crate) order: Order,
    pub(crate) policy: Policy,
    pub(crate) default_priority: Option<u32>,
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    pub(crate) hooks: Hooks<T, R>,
    pub(crate) prefetch: usize,
    pub(crate) sample_every: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stuck_after: Duration,
    pub(crate) max_stuck: usize,
    pub(crate) overlap_after: Option<Duration>,
    pub(crate) delivery_limit: u32,
    pub(crate) log_lines: usize,
    pub(crate) event_capacity: usize,
    pub(crate) keep_completed: Keep,
    pub(crate) keep_failed: Keep,
    pub(crate) results: Option<Kept<R>>,
    pub(crate) single_active: bool,
    pub(crate) dead: Option<Arc<dyn Graveyard<T>>>,
}

impl<T: Send + 'static, R: Send + 'static> QueueBuilder<T, R> {
    pub(crate) fn new(host: Weak<dyn Host>, name: &str) -> Self {
        QueueBuilder {
            host,
            name: name.to_owned(),
            capacity: 1024,
            delayed_capacity: None,
            order: Order::Fifo,
            policy: Policy::Strict,
            default_priority: None,
            attempts: 1,
            backoff: Backoff::none(),
            hooks: Hooks {
                backoff: None,
                retry_if: None,
                completed: None,
                failed: None,
                exhausted: None,
            },
            prefetch: 32,
            sample_every: 64,
            timeout: None,
            stuck_after: Duration::from_secs(5),
            max_stuck: 4,
            overlap_after: None,
            delivery_limit: 20,
            log_lines: 100,
            event_capacity: 1024,
            keep_completed: Keep::none(),
            keep_failed: Keep::last(1000),
            results: None,
            single_active: false,
            dead: None,
        }
    }

    /// How many jobs that are not added with a delay may wait or run at a time. Default 1,024; 1 to 16,777,214.
    ///
    /// Their slots are allocated in `build`: a slot takes 64 bytes with a payload of up to 24, what is known of its
    /// job beyond that 128, its place in line 8.
    pub fn capacity(mut self, jobs: usize) -> Self {
        self.capacity = jobs;
        self
    }

    /// How many jobs that are added with a delay may be delayed, wait or run at a time: they have slots of their own, so that
    /// reminders do not keep today's jobs out. Default: the capacity, as far as there are numbers for slots; 1 to
    /// 16,777,214, and together with the capacity at most 16,777,215.
    pub fn delayed_capacity(mut self, jobs: usize) -> Self {
        self.delayed_capacity = Some(jobs);
        self
    }

    /// In which order jobs are handed out. Default [`Order::Fifo`].
    ///
    /// ```
    /// use guichet::{Order, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let mail = runtime.queue::<&str, ()>("mail").order(Order::Bands(10)).build()?;
    /// mail.job("password reset").priority(1).add()?;
    /// assert!(mail.job("newsletter").priority(11).add().is_err());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// What becomes of less urgent jobs while more urgent ones keep coming. Default [`Policy::Strict`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The priority of jobs that do not name one. Default: 5, or the middle one of fewer than 10.
    pub fn default_priority(mut self, priority: u32) -> Self {
        self.default_priority = Some(priority);
        self
    }

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

    /// How many jobs a worker may take out of the line at a time. Default 32; 1 to 32.
    ///
    /// Jobs leave the line first in, first out, always. With 1 they also *start* in this order. With
    /// more, a worker that has taken several starts them one after the other, and a worker that
    /// runs out takes over what another has not started; nobody takes more than one while a worker
    /// sleeps or while handlers take more than 10 µs on average.
    pub fn prefetch(mut self, jobs: usize) -> Self {
        self.prefetch = jobs;
        self
    }

    /// Of how many jobs one is timed for the [latencies](Queue::latencies). Default 64; a power of
    /// two, 1 to 65,536. Timing a job costs three readings of the clock, about 60 ns.
    pub fn sample_every(mut self, jobs: u32) -> Self {
        self.sample_every = jobs;
        self
    }

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

    /// How often a job is handed out again because its [lease](crate::Lease) was dropped; one more and it ends dead
    /// ([`DeadReason::DeliveryLimit`](crate::DeadReason::DeliveryLimit)). Default 20; 0 to 1,000,000.
    pub fn delivery_limit(mut self, times: u32) -> Self {
        self.delivery_limit = times;
        self
    }

    /// Only one [consumer](crate::Consumer) at a time gets jobs: the one of the highest priority, of several the one that came
    /// first. When it leaves, the next one takes over. Such a queue has no workers.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<u32, ()>("mail").single_active_consumer().build()?;
    /// mail.add_many(vec![1, 2])?;
    /// let (first, second) = (mail.consumer().build(), mail.consumer().build());
    /// assert!(second.try_lease().is_none());
    /// first.try_lease().expect("it is the active one").complete(())?;
    /// drop(first);
    /// assert!(second.try_lease().is_some());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn single_active_consumer(mut self) -> Self {
        self.single_active = true;
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

    /// How many records of completed jobs are kept, and how long, for [`Queue::job_info`] and [`Queue::jobs`]. Default none.
    pub fn keep_completed(mut self, keep: impl Into<Keep>) -> Self {
        self.keep_completed = keep.into();
        self
    }

    /// The same of jobs that failed, expired, were cancelled or interrupted. Default: the last 1,000.
    pub fn keep_failed(mut self, keep: impl Into<Keep>) -> Self {
        self.keep_failed = keep.into();
        self
    }

    /// How many results are kept for [`Queue::result`], those of the jobs that completed last. Default none; 0 to 10,000,000.
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

    /// How many events listeners may lag behind, see [`Queue::subscribe`]. Default 1,024; 2 to 16,777,216, rounded up to a
    /// power of two.
    ///
    /// So many are kept of each thread that tells events, so at least so many of all. 32 bytes each, allocated for the first
    /// event that a thread tells a listener. Threads share if there are more than twice as many as processors, or than 16. A
    /// listener that lags has as much again.
    pub fn event_capacity(mut self, events: usize) -> Self {
        self.event_capacity = events;
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
    /// on the clerk's if it timed out. A retry without a pause may begin on another worker meanwhile.
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

impl<T, R> fmt::Debug for QueueBuilder<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueBuilder")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .field("order", &self.order)
            .field("policy", &self.policy)
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff)
            .field("prefetch", &self.prefetch)
            .field("sample_every", &self.sample_every)
            .finish_non_exhaustive()
    }
}
