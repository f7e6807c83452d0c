//! Consumers: whose turn it is among those who lease from one queue.
//!
//! Those who want a job stand in a list, and only the head of it waits where workers wait; the others wait for their turn.
//! The head is the consumer of the highest priority, of several the one that came first, among those that may have another
//! lease and, with a single active consumer, among the leases of that one. Whoever comes to the head of the list while
//! another waits there has that one woken, who then sees that its turn is over.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use crate::park::{EventCount, Yields};
use crate::queue::lease::search::Hit;
use crate::queue::lease::{Lease, LeaseError};
use crate::queue::{Queue, Shared};
use crate::sync::{Arc, Deadline, Mutex};

/// Who consumes from one queue.
pub(crate) struct Roster {
    list: Mutex<List>,
    /// Those whose turn it is not.
    bench: EventCount,
}

#[derive(Default)]
struct List {
    members: Vec<Member>,
    /// Calls that wait for a job, as they came.
    wanting: Vec<Wish>,
    next: u64,
}

struct Member {
    number: u64,
    priority: i32,
    /// How many leases it may have.
    prefetch: usize,
    leases: usize,
}

struct Wish {
    number: u64,
    member: u64,
}

impl Roster {
    pub(crate) fn new() -> Self {
        Roster {
            list: Mutex::new(List::default()),
            bench: EventCount::new(Yields::Warily),
        }
    }

    pub(crate) fn wake_all(&self) {
        self.bench.notify_all();
    }
}

impl List {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn member(&mut self, number: u64) -> Option<&mut Member> {
        self.members.iter_mut().find(|one| one.number == number)
    }

    /// Whether a call of this member's may get a job.
    fn may(&self, member: u64, single: bool) -> bool {
        let rank = |one: &Member| (Reverse(one.priority), one.number);
        let active = self.members.iter().min_by_key(|one| rank(one));
        let itself = self.members.iter().find(|one| one.number == member);
        itself.is_some_and(|one| one.leases < one.prefetch)
            && (!single || active.is_some_and(|active| active.number == member))
    }

    /// Whose turn it is.
    fn head(&self, single: bool) -> Option<u64> {
        let priority = |wish: &Wish| {
            let member = self.members.iter().find(|one| one.number == wish.member);
            member.map_or(0, |one| one.priority)
        };
        let able = self
            .wanting
            .iter()
            .filter(|wish| self.may(wish.member, single));
        let first = able.min_by_key(|wish| (Reverse(priority(wish)), wish.number));
        first.map(|wish| wish.number)
    }
}

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
        let mut list = queue.roster.list.lock();
        let number = list.number();
        list.members.push(Member {
            number,
            priority: self.priority,
            prefetch: self.prefetch,
            leases: 0,
        });
        drop(list);
        Consumer {
            queue,
            member: number,
        }
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Consumer<T, R> {
    /// Takes the next job; waits for one as long as it takes, and for its turn: until it has fewer leases than its
    /// [`prefetch`](ConsumerBuilder::prefetch), no consumer of a higher priority waits, and, in a queue with a
    /// [single active consumer](crate::QueueBuilder::single_active_consumer), it is that one.
    ///
    /// # Errors
    /// As [`Queue::lease`].
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
            if !self.is_head(wish.0) {
                return None;
            }
            let found = self.queue.look_for_lease().ok().flatten()?;
            if let Ok(lease) = self.taken(wish, found) {
                return lease;
            }
        }
    }

    /// Takes up to `most` jobs, as far as its prefetch allows; waits for the first. Empty if `most` is 0.
    ///
    /// # Errors
    /// As [`Queue::lease`].
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
                let none = self.queue.leased(nothing);
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
        let roster = &self.queue.roster;
        loop {
            let turn = |_| (self.is_head(wish.0) || self.queue.core.is_stopped()).then_some(());
            if roster
                .bench
                .wait_until(deadline, turn, || 1, || 0)
                .is_none()
            {
                return Err(LeaseError::Timeout);
            }
            let may = || self.is_head(wish.0) || self.queue.core.is_stopped();
            match self.queue.search_for_lease(deadline, &may) {
                Ok(found) => return Ok(found),
                // Displaced, unless the time is over.
                Err(LeaseError::Timeout) if !deadline.is_some_and(|end| end.passed()) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A call stands in the list until the guard goes.
    fn wish(&self) -> Wanting<'_> {
        let roster = &self.queue.roster;
        let mut list = roster.list.lock();
        let number = list.number();
        list.wanting.push(Wish {
            number,
            member: self.member,
        });
        let displaces = list.head(self.queue.core.options.single_active) == Some(number);
        let several = list.wanting.len() > 1;
        drop(list);
        let guard = Wanting(number, roster);
        if displaces && several {
            // Who was head waits where workers wait.
            self.queue.idle.notify_all();
        }
        guard
    }

    fn is_head(&self, wish: u64) -> bool {
        let list = self.queue.roster.list.lock();
        list.head(self.queue.core.options.single_active) == Some(wish)
    }

    /// The lease counts against this consumer.
    fn seat(&self, lease: Lease<T, R>) -> Option<Lease<T, R>> {
        let seat = Seat {
            queue: self.queue.clone(),
            member: self.member,
        };
        self.queue.roster.list.lock().member(self.member)?.leases += 1;
        Some(lease.seated(seat))
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Drop for Consumer<T, R> {
    /// The next one takes over.
    fn drop(&mut self) {
        let roster = &self.queue.roster;
        let mut list = roster.list.lock();
        list.members.retain(|one| one.number != self.member);
        drop(list);
        roster.wake_all();
    }
}

/// A call in the list.
struct Wanting<'a>(u64, &'a Roster);

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        let mut list = self.1.list.lock();
        list.wanting.retain(|wish| wish.number != self.0);
        let others = !list.wanting.is_empty();
        drop(list);
        if others {
            self.1.wake_all();
        }
    }
}

/// The roster that a lease counts in, whatever the queue's types.
pub(crate) trait Seats: Send + Sync {
    fn give_back(&self, member: u64);
}

impl<T: Send, R: Send> Seats for Shared<T, R> {
    fn give_back(&self, member: u64) {
        if let Some(member) = self.roster.list.lock().member(member) {
            member.leases -= 1;
        }
        self.roster.wake_all();
    }
}

/// One lease's place among those that its consumer may have.
pub(crate) struct Seat {
    queue: Arc<dyn Seats>,
    member: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.queue.give_back(self.member);
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
