//! The options of a queue: what they are, and how many jobs it holds. The others are set, by subject, in `builder/`;
//! `validate.rs` checks them.

mod failure;
mod order;
mod records;
mod time;

use std::fmt;
use std::time::Duration;

use crate::model::{Backoff, Keep, Order, Policy};
use crate::queue::base::hooks::Hooks;
use crate::queue::base::host::Host;
use crate::queue::ready::letters::Graveyard;
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
