//! Options of which job is handed out next, to whom, and how many at a time.

use super::QueueBuilder;
use crate::model::{Order, Policy};

/// Which job is handed out next, to whom, and how many at a time.
impl<T: Send + 'static, R: Send + 'static> QueueBuilder<T, R> {
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
}
