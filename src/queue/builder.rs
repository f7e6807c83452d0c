//! Options of a queue, all checked in `build`.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::host::Adopted;
use super::line::Line;
use super::room::Room;
use super::{BuildError, Host, Job, Queue, Shared};
use crate::lane::MOST_LEVELS;
use crate::model::{Backoff, Failure, Order, Policy, check_range};
use crate::park::{EventCount, Yields};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use crate::sync::{Arc, MODEL, Mutex, Weak, next_queue_number};
use crate::table::{MAX_SLOTS, Slab};
use crate::wheel::Timers;

/// What a queue was built with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) capacity: usize,
    pub(super) delayed_capacity: usize,
    pub(super) order: Order,
    pub(super) default_priority: u32,
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) prefetch: usize,
    pub(super) sample_every: u64,
}

type BackoffFn<T> = Box<dyn Fn(&Job<'_, T>, &Failure) -> Option<Duration> + Send + Sync>;
type RetryIf = Box<dyn Fn(&Failure) -> bool + Send + Sync>;

/// The user's own functions.
pub(super) struct Hooks<T> {
    pub(super) backoff: Option<BackoffFn<T>>,
    pub(super) retry_if: Option<RetryIf>,
}

/// Configures a queue; see [`Runtime::queue`](crate::Runtime::queue).
#[must_use = "a queue exists once it is built"]
pub struct QueueBuilder<T, R> {
    host: Weak<dyn Host>,
    name: String,
    capacity: usize,
    delayed_capacity: Option<usize>,
    order: Order,
    policy: Policy,
    default_priority: Option<u32>,
    attempts: u32,
    backoff: Backoff,
    hooks: Hooks<T>,
    prefetch: usize,
    sample_every: u32,
    jobs: PhantomData<fn(T) -> R>,
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
            },
            prefetch: 32,
            sample_every: 64,
            jobs: PhantomData,
        }
    }

    /// How many jobs that are not added with a delay may wait or run at a time. Default 1,024; 1 to 16,777,214.
    ///
    /// Their slots are allocated in `build`: a slot takes 64 bytes with a payload of up to 24, what is known of its
    /// job beyond that 88, its place in line 8.
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
        F: Fn(&Job<'_, T>, &Failure) -> Option<Duration> + Send + Sync + 'static,
    {
        self.hooks.backoff = Some(Box::new(pause));
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

    /// Checks the options and makes the queue.
    ///
    /// # Errors
    /// [`BuildError::Invalid`] names the option and its range; [`BuildError::BadName`] and
    /// [`BuildError::NameTaken`] if the runtime can't have a queue of this name; [`BuildError::ShutDown`] if it is shut down or gone.
    pub fn build(self) -> Result<Queue<T, R>, BuildError> {
        let options = self.check()?;
        if self.name.is_empty() || self.name.contains('\0') {
            return Err(BuildError::BadName(self.name));
        }
        let host = self.host.upgrade().ok_or(BuildError::ShutDown)?;
        let (now, later) = (options.capacity, options.delayed_capacity);
        let time = host.time();
        let shared = Arc::new(Shared {
            number: next_queue_number(),
            name: self.name,
            options,
            timers: Timers::new(time.now().to_nanos()),
            time,
            alarm: host.alarm(),
            host: self.host,
            phase: AtomicU8::new(super::control::OPEN),
            slab: Slab::new(now + later),
            room: Room::new(0, now, homes()),
            later: Room::new(now as u32, later, 2),
            line: Line::new(self.order, self.policy, now + later),
            strays: AtomicU64::new(0),
            fired: Mutex::new(Vec::new()),
            mortal: AtomicBool::new(false),
            hooks: self.hooks,
            idle: EventCount::new(Yields::Warily),
            serving: AtomicUsize::new(0),
            stations: Mutex::new(Vec::new()),
            station_count: AtomicUsize::new(0),
            cancelled: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            interrupted: AtomicU64::new(0),
            returned: AtomicU64::new(0),
            returns: Mutex::new(Vec::new()),
        });
        match host.adopt(shared.clone()) {
            Adopted::Yes => Ok(Queue { shared }),
            Adopted::NameTaken => Err(BuildError::NameTaken(shared.name.clone())),
            Adopted::ShutDown => Err(BuildError::ShutDown),
        }
    }
}

impl<T, R> QueueBuilder<T, R> {
    fn check(&self) -> Result<Options, BuildError> {
        let slots = MAX_SLOTS as u64;
        let capacity = check_range("capacity", self.capacity as u64, 1..=slots - 1)?;
        let delayed = match self.delayed_capacity {
            Some(given) => check_range("delayed_capacity", given as u64, 1..=slots - capacity)?,
            None => capacity.min(slots - capacity),
        };
        let levels = self.order.priorities();
        let most_levels = match self.order {
            Order::Bands(_) => MOST_LEVELS,
            _ => u32::MAX,
        };
        check_range("order", levels.into(), 1..=most_levels.into())?;
        let default = self.default_priority.unwrap_or(levels.div_ceil(2).min(5));
        self.check_policy()?;
        self.backoff.check()?;
        let sample_every = check_range("sample_every", self.sample_every.into(), 1..=65_536)?;
        if !sample_every.is_power_of_two() {
            return Err(BuildError::SampleNotPowerOfTwo(self.sample_every));
        }
        Ok(Options {
            capacity: capacity as usize,
            delayed_capacity: delayed as usize,
            order: self.order,
            default_priority: check_range("default_priority", default.into(), 1..=levels.into())?
                as u32,
            attempts: check_range("attempts", self.attempts.into(), 1..=1_000_000)? as u32,
            backoff: self.backoff,
            prefetch: check_range("prefetch", self.prefetch as u64, 1..=32)? as usize,
            sample_every,
        })
    }

    fn check_policy(&self) -> Result<(), BuildError> {
        let fits = match (self.policy, self.order) {
            (Policy::Strict, _) => true,
            (Policy::Aging { per }, Order::Bands(_) | Order::Heap(_)) => !per.is_zero(),
            (Policy::Weighted, Order::Bands(_)) => true,
            _ => false,
        };
        match fits {
            true => Ok(()),
            false => Err(BuildError::PolicyOfOrder(self.policy, self.order)),
        }
    }
}

/// Homes of vacant slots: enough that threads which add at the same time rarely share one.
fn homes() -> usize {
    if MODEL {
        2
    } else {
        (4 * num_cpus::get()).min(64)
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
