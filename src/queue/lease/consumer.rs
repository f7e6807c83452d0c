//! Consumers: whose turn it is among those who lease from one queue.
//!
//! Those who want a job stand in a list, and only the head of it waits where workers wait; the others wait for their turn.
//! The head is the consumer of the highest priority, of several the one that came first, among those that may have another
//! lease and, with a single active consumer, among the leases of that one. Whoever comes to the head of the list while
//! another waits there has that one woken, who then sees that its turn is over.

use std::fmt;
use std::time::Duration;

use crate::queue::lease::held::{Lease, LeaseError};
use crate::queue::lease::search;
use crate::queue::lease::search::Hit;
use crate::queue::life::{Queue, Shared};
use crate::queue::ready::turns::Wanting;
use crate::sync::{Arc, Deadline};

/// One of those who lease jobs from a queue, with a limit of its own. Made by [`Queue::consumer`]; leaves when dropped.
///
/// ```
/// let runtime = guichet::Runtime::new()?;
/// let mail = runtime.queue::<u32, ()>("mail").build()?;
/// mail.add_many(vec![1, 2, 3])?;
/// let consumer = mail.consumer().prefetch(2).build();
/// let first = consumer.try_lease().expect("one");
/// let second = consumer.try_lease().expect("another");
/// assert!(consumer.try_lease().is_none(), "not before one of them is settled");
/// first.complete(())?;
/// assert!(consumer.try_lease().is_some());
/// # drop(second);
/// # Ok::<(), guichet::Error>(())
/// ```
pub struct Consumer<T: Send + Sync + 'static, R: Send + 'static> {
    queue: Arc<Shared<T, R>>,
    member: u64,
}

/// Configures a [`Consumer`].
#[must_use = "a consumer exists once it is built"]
pub struct ConsumerBuilder<'a, T, R> {
    queue: &'a Queue<T, R>,
    priority: i32,
    prefetch: usize,
}

impl<T: Send + Sync + 'static, R: Send + 'static> Queue<T, R> {
    /// A consumer of this queue: leases with a limit, a priority, or in turn.
    pub fn consumer(&self) -> ConsumerBuilder<'_, T, R> {
        ConsumerBuilder {
            queue: self,
            priority: 0,
            prefetch: usize::MAX,
        }
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> ConsumerBuilder<'_, T, R> {
    /// While a consumer of a higher priority waits for a job, this one gets none. Default 0; any number.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// How many unsettled leases it may have at a time; while it has them, it gets none, and its calls wait. 0 counts as 1. Default: any number.
    pub fn prefetch(mut self, leases: usize) -> Self {
        self.prefetch = leases.max(1);
        self
    }

    /// Enters the consumer.
    pub fn build(self) -> Consumer<T, R> {
        let queue = self.queue.shared.clone();
        let member = queue.ready.turns().register(self.priority, self.prefetch);
        Consumer { queue, member }
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Consumer<T, R> {
    /// Takes the next job; waits for one as long as it takes, and for its turn: until it has fewer leases than its
    /// [`prefetch`](ConsumerBuilder::prefetch), no consumer of a higher priority waits, and, in a queue with a
    /// [single active consumer](crate::QueueBuilder::single_active_consumer), it is that one.
    ///
    /// # Errors
    /// As [`Queue::lease`](crate::Queue::lease).
    pub fn lease(&self) -> Result<Lease<T, R>, LeaseError> {
        self.lease_until(None)
    }

    /// The same for at most `timeout`.
    ///
    /// # Errors
    /// As [`Queue::lease_timeout`].
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<T, R>, LeaseError> {
        self.lease_until(Some(Deadline::after(timeout)))
    }

    /// Takes the next job, if there is one and it is this consumer's turn. Does not wait.
    pub fn try_lease(&self) -> Option<Lease<T, R>> {
        loop {
            let wish = self.wish();
            if !wish.is_head() {
                return None;
            }
            let found = search::look_for_lease(&self.queue).ok().flatten()?;
            if let Ok(lease) = self.taken(wish, found) {
                return lease;
            }
        }
    }

    /// Takes up to `most` jobs, as far as its prefetch allows; waits for the first. Empty if `most` is 0.
    ///
    /// # Errors
    /// As [`Queue::lease`](crate::Queue::lease).
    pub fn lease_many(&self, most: usize) -> Result<Vec<Lease<T, R>>, LeaseError> {
        let mut leases = Vec::new();
        if most > 0 {
            leases.push(self.lease()?);
        }
        while leases.len() < most
            && let Some(lease) = self.try_lease()
        {
            leases.push(lease);
        }
        Ok(leases)
    }

    fn lease_until(&self, deadline: Option<Deadline>) -> Result<Lease<T, R>, LeaseError> {
        loop {
            let wish = self.wish();
            let found = self.search_in_turn(&wish, deadline)?;
            if let Ok(lease) = self.taken(wish, found) {
                return lease.ok_or(LeaseError::Closed);
            }
        }
    }

    /// What was found in this consumer's turn: a lease that counts against it, if it is one that it may
    /// have. Else the turn is over before anything is dropped, which may be the user's code.
    fn taken(&self, wish: Wanting<'_>, found: Hit<T, R>) -> Result<Option<Lease<T, R>>, ()> {
        match found {
            Hit::Lease(lease) => Ok(self.seat(lease)),
            nothing => {
                drop(wish);
                let none = search::leased(&self.queue, nothing);
                debug_assert!(none.is_none(), "a lease was dropped");
                Err(())
            }
        }
    }

    /// Waits for this consumer's turn, and then for a job.
    fn search_in_turn(
        &self,
        wish: &Wanting<'_>,
        deadline: Option<Deadline>,
    ) -> Result<Hit<T, R>, LeaseError> {
        let over = || self.queue.core.is_stopped();
        loop {
            if !wish.wait(deadline, over) {
                return Err(LeaseError::Timeout);
            }
            let may = || wish.is_head() || over();
            match search::search_for_lease(&self.queue, deadline, &may) {
                Ok(found) => return Ok(found),
                // Displaced, unless the time is over.
                Err(LeaseError::Timeout) if !deadline.is_some_and(|end| end.passed()) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A call stands in the list until the wish goes.
    fn wish(&self) -> Wanting<'_> {
        let (wish, displaces) = self.queue.ready.turns().wish(self.member);
        if displaces {
            // Who was head waits where workers wait.
            self.queue.ready.wake_idle();
        }
        wish
    }

    /// The lease counts against this consumer.
    fn seat(&self, lease: Lease<T, R>) -> Option<Lease<T, R>> {
        let seat = self.queue.ready.turns().take_seat(self.member);
        seat.map(|seat| lease.seated(seat))
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Drop for Consumer<T, R> {
    /// The next one takes over.
    fn drop(&mut self) {
        self.queue.ready.turns().leave(self.member);
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> fmt::Debug for Consumer<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("queue", &self.queue.core.name)
            .field("number", &self.member)
            .finish()
    }
}
