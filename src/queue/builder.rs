//! Options of a queue, all checked in `build`.

use std::fmt;
use std::marker::PhantomData;

use super::host::Adopted;
use super::{BuildError, Host, Queue, Shared};
use crate::model::check_range;
use crate::park::{EventCount, Yields};
use crate::ring::Ring;
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
use crate::sync::{Arc, MODEL, Mutex, Weak, next_queue_number};
use crate::table::{MAX_SLOTS, Pool, Slab};
use crate::time::Clock;

/// What a queue was built with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) capacity: usize,
    pub(super) attempts: u32,
    pub(super) prefetch: usize,
    pub(super) sample_every: u64,
}

/// Configures a queue; see [`Runtime::queue`](crate::Runtime::queue).
#[must_use = "a queue exists once it is built"]
pub struct QueueBuilder<T, R> {
    host: Weak<dyn Host>,
    name: String,
    capacity: usize,
    attempts: u32,
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
            attempts: 1,
            prefetch: 32,
            sample_every: 64,
            jobs: PhantomData,
        }
    }

    /// How many jobs may wait or run at a time. Default 1,024; 1 to 16,777,215.
    ///
    /// Their slots are allocated in `build`, and nothing more afterwards: a slot takes 64 bytes with a
    /// payload of up to 24, its place in line another 16.
    pub fn capacity(mut self, jobs: usize) -> Self {
        self.capacity = jobs;
        self
    }

    /// How many times a job is tried in all, the first time included. Default 1; 1 to 1,000,000.
    ///
    /// A failed attempt goes to the end of the line at once.
    pub fn attempts(mut self, total: u32) -> Self {
        self.attempts = total;
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
        let options = Options {
            capacity: check_range("capacity", self.capacity as u64, 1..=MAX_SLOTS as u64)? as usize,
            attempts: check_range("attempts", self.attempts.into(), 1..=1_000_000)? as u32,
            prefetch: check_range("prefetch", self.prefetch as u64, 1..=32)? as usize,
            sample_every: check_range("sample_every", self.sample_every.into(), 1..=65_536)?,
        };
        if self.name.is_empty() || self.name.contains('\0') {
            return Err(BuildError::BadName(self.name));
        }
        if !options.sample_every.is_power_of_two() {
            return Err(BuildError::SampleNotPowerOfTwo(self.sample_every));
        }
        let host = self.host.upgrade().ok_or(BuildError::ShutDown)?;
        let shared = Arc::new(Shared {
            number: next_queue_number(),
            name: self.name,
            options,
            clock: Clock::new(),
            host: self.host,
            phase: AtomicU8::new(super::control::OPEN),
            slab: Slab::new(options.capacity),
            pool: Pool::new(options.capacity, homes()),
            lane: Ring::new(options.capacity),
            idle: EventCount::new(Yields::Warily),
            blocked: EventCount::new(Yields::Freely),
            serving: AtomicUsize::new(0),
            bulk: Mutex::new(()),
            stations: Mutex::new(Vec::new()),
            station_count: AtomicUsize::new(0),
            cancelled: AtomicU64::new(0),
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
            .field("attempts", &self.attempts)
            .field("prefetch", &self.prefetch)
            .field("sample_every", &self.sample_every)
            .finish_non_exhaustive()
    }
}
