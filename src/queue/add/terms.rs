//! One job's own options: how urgent, not before, not after, how often.

use std::time::{Duration, SystemTime};

use crate::model::{Backoff, EventKind, InvalidOption, JobId, Order, check_range};
use crate::park::Oneshot;
use crate::queue::add::jobs::Waiter;
use crate::queue::base::refusal::Refusal;
use crate::queue::base::switches::Setting;
use crate::queue::ready::line::Spot;
use crate::queue::ready::room::Room;
use crate::queue::record::notes::keep;
use crate::queue::{AddError, AddTimeoutError, JobHandle, Queue, Shared, TryAddError};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Arc, Deadline};
use crate::table::{Entered, Entry, Marks, Record, Trace, Vacant};

/// What was asked for; unset is the queue's.
#[derive(Clone, Copy, Debug, Default)]
struct Terms {
    priority: Option<u64>,
    newest: bool,
    not_before: Option<NotBefore>,
    ttl: Option<Duration>,
    deadline: Option<Duration>,
    attempts: Option<u64>,
    backoff: Option<Backoff>,
    timeout: Option<Duration>,
    /// Bits of `notes::keep`.
    wishes: u32,
}

#[derive(Clone, Copy, Debug)]
enum NotBefore {
    Delay(Duration),
    Wall(SystemTime),
}

/// The same, checked and in the queue's own terms.
struct Settled {
    priority: u32,
    /// What goes beyond a priority.
    special: Option<Special>,
}

struct Special {
    entry: Entry,
    spot: Spot,
    optioned: bool,
    due: u64,
    wall: u64,
    expires: u64,
    key: u64,
    attempts: u32,
    backoff: [u64; 3],
    timeout: u64,
    wishes: u32,
}

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
    /// How urgent it is: 1, the most urgent, to the number of priorities of the queue's [`Order`]. Default: the
    /// queue's [`default_priority`](crate::QueueBuilder::default_priority).
    pub fn priority(mut self, priority: u32) -> Self {
        self.terms.priority = Some(priority.into());
        self
    }

    /// In front of all jobs of its priority that wait when it does: last in, first out. With [`Order::Deadline`] and
    /// [`Policy::Aging`](crate::Policy::Aging), of those with the same deadline or age. A retry goes behind its peers all the same.
    pub fn lifo(mut self) -> Self {
        self.terms.newest = true;
        self
    }

    /// Not before `delay` from now. The job is [`Delayed`](crate::JobState::Delayed) until then and counts against
    /// [`delayed_capacity`](crate::QueueBuilder::delayed_capacity) until it ends. Default: at once.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.terms.not_before = (!delay.is_zero()).then_some(NotBefore::Delay(delay));
        self
    }

    /// Not before the wall clock says `wall`. If the clock is set back meanwhile, the job waits on; that it was set
    /// forward is noticed only at the instant that was expected when the job was added.
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

    /// By when it should begin, from now: what [`Order::Deadline`] orders by. It is handed out after that too.
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
    /// [`timeout`](crate::Processor::timeout) says, or else the [queue's](crate::QueueBuilder::timeout).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.terms.timeout = Some(limit);
        self
    }

    /// Whether its record is kept if it completes, whatever [`keep_completed`](crate::QueueBuilder::keep_completed) says. A
    /// queue that keeps none has room for 1,000 of those that ask for it.
    pub fn keep_completed(mut self, kept: bool) -> Self {
        self.terms.wishes &= !(keep::COMPLETED | keep::NOT_COMPLETED);
        self.terms.wishes |= if kept {
            keep::COMPLETED
        } else {
            keep::NOT_COMPLETED
        };
        self
    }

    /// Whether its record is kept if it ends otherwise, whatever [`keep_failed`](crate::QueueBuilder::keep_failed) says.
    pub fn keep_failed(mut self, kept: bool) -> Self {
        self.terms.wishes &= !(keep::FAILED | keep::NOT_FAILED);
        self.terms.wishes |= if kept { keep::FAILED } else { keep::NOT_FAILED };
        self
    }

    /// Adds the job if there is room, as [`Queue::try_add`].
    ///
    /// # Errors
    /// As [`Queue::try_add`], and [`TryAddError::Invalid`] if an option is out of range.
    #[inline(always)]
    pub fn try_add(self) -> Result<JobId, TryAddError<T>> {
        self.enter(Shared::slot_now).map_err(TryAddError::new)
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
        self.enter(|shared, room| shared.slot(room, None))
            .map_err(AddError::new)
    }

    /// Adds the job; waits for room for at most `timeout`, as [`Queue::add_timeout`].
    ///
    /// # Errors
    /// As [`Queue::add_timeout`], and [`AddTimeoutError::Invalid`] if an option is out of range.
    #[inline(always)]
    pub fn add_timeout(self, timeout: Duration) -> Result<JobId, AddTimeoutError<T>> {
        let deadline = Deadline::after(timeout);
        self.enter(|shared, room| shared.slot(room, Some(deadline)))
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
        match self.settle(|shared, room| shared.slot(room, deadline)) {
            Ok((vacant, settled)) => {
                let shared = &self.queue.shared;
                let cell = Arc::new(Oneshot::new());
                let id = shared.admit_on_terms(vacant, self.payload, Some(cell.clone()), settled);
                Ok(JobHandle::new(id, cell, shared.clone()))
            }
            Err(refusal) => Err((refusal, self.payload)),
        }
    }

    /// Adds the job, whose result nobody waits for, to the slot that `claim` gives for it.
    #[inline(always)]
    fn enter(
        self,
        claim: impl FnOnce(&Shared<T, R>, &Room) -> Result<Vacant, Refusal>,
    ) -> Result<JobId, (Refusal, T)> {
        match self.settle(claim) {
            Ok((vacant, settled)) => {
                let shared = &self.queue.shared;
                Ok(shared.admit_on_terms(vacant, self.payload, None, settled))
            }
            Err(refusal) => Err((refusal, self.payload)),
        }
    }

    /// The slot that `claim` gives out of the room that fits the terms, and the terms, checked.
    #[inline(always)]
    fn settle(
        &self,
        claim: impl FnOnce(&Shared<T, R>, &Room) -> Result<Vacant, Refusal>,
    ) -> Result<(Vacant, Settled), Refusal> {
        let shared = &self.queue.shared;
        let settled = shared.check(&self.terms)?;
        let vacant = claim(shared, shared.room_for(&settled))?;
        Ok((vacant, settled))
    }
}

impl<T, R> Shared<T, R> {
    #[inline(always)]
    fn room_for(&self, settled: &Settled) -> &Room {
        match &settled.special {
            Some(special) if special.entry == Entry::Delayed => &self.later,
            _ => &self.room,
        }
    }

    #[inline(always)]
    fn check(&self, terms: &Terms) -> Result<Settled, InvalidOption> {
        Ok(Settled {
            priority: match terms.priority {
                Some(given) => self.check_priority(given)?,
                None => self.options.default_priority,
            },
            special: match terms.is_special() {
                true => Some(self.check_special(terms)?),
                false => None,
            },
        })
    }

    fn check_special(&self, terms: &Terms) -> Result<Special, InvalidOption> {
        if terms.deadline.is_some() && self.options.order != Order::Deadline {
            return Err(InvalidOption::unfit(
                "deadline",
                "a queue of Order::Deadline",
            ));
        }
        let own = terms.attempts.is_some() || terms.backoff.is_some();
        let attempts = match terms.attempts {
            Some(total) => check_range("attempts", total, 1..=1_000_000)? as u32,
            None if own => self.options.attempts,
            None => 0,
        };
        let backoff = terms.backoff.unwrap_or(self.options.backoff);
        backoff.check()?;
        let timeout = terms.timeout.map_or(Ok(0), check_timeout)?;
        let entry = match terms.not_before {
            Some(_) => Entry::Delayed,
            None if terms.newest => Entry::Waiting(Trace::Side),
            None => Entry::Waiting(self.line.end()),
        };
        let (due, wall) = match terms.not_before {
            None => (0, 0),
            Some(NotBefore::Delay(delay)) => (self.time.after(delay), 0),
            Some(NotBefore::Wall(wall)) => (self.time.at_wall(wall), since_1970(wall)),
        };
        Ok(Special {
            entry,
            spot: if terms.newest {
                Spot::Newest
            } else {
                Spot::End
            },
            optioned: own
                || terms.ttl.is_some()
                || terms.deadline.is_some()
                || terms.timeout.is_some()
                || terms.wishes != 0,
            due,
            wall,
            expires: terms.ttl.map_or(0, |ttl| self.time.after(ttl)),
            key: terms.deadline.map_or(u64::MAX, |end| self.time.after(end)),
            attempts,
            backoff: backoff.to_bits(),
            timeout,
            wishes: terms.wishes,
        })
    }

    /// A priority of this queue's.
    pub(crate) fn check_priority(&self, priority: u64) -> Result<u32, InvalidOption> {
        let most = self.options.order.priorities();
        Ok(check_range("priority", priority, 1..=most.into())? as u32)
    }

    #[inline(always)]
    fn admit_on_terms(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        terms: Settled,
    ) -> JobId {
        match terms.special {
            None => self.admit(vacant, payload, waiter, terms.priority),
            Some(special) => self.admit_special(vacant, payload, waiter, terms.priority, special),
        }
    }

    fn admit_special(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        priority: u32,
        special: Special,
    ) -> JobId {
        let slot = vacant.slot();
        let mortal = special.expires != 0;
        if mortal {
            self.switches.turn_on(Setting::MORTAL);
        }
        if special.timeout != 0 {
            self.switches.turn_on(Setting::TIMED);
        }
        let stamp = |slot: u32, occupancy: u64, record: &Record| {
            let marks = Marks {
                optioned: special.optioned,
                ..self.sample(slot, occupancy, record)
            };
            special.write(record);
            (marks, priority)
        };
        let (ticket, occupancy) = self
            .slab
            .admit(vacant, payload, waiter, special.entry, stamp);
        let id = self.id_of(slot, occupancy);
        let kind = match special.entry {
            Entry::Waiting(_) => EventKind::Added,
            Entry::Delayed => EventKind::Deferred,
        };
        self.tell_added(kind, id, ticket);
        match special.entry {
            Entry::Waiting(trace) => {
                if mortal {
                    self.announce(slot, special.expires);
                }
                self.enqueue(id, Entered { ticket, trace }, special.spot);
            }
            Entry::Delayed => self.delayed_until(id, special.due),
        }
        id
    }
}

impl Terms {
    /// Whether there is more than a priority.
    #[inline(always)]
    fn is_special(&self) -> bool {
        self.newest
            || self.not_before.is_some()
            || self.ttl.is_some()
            || self.deadline.is_some()
            || self.attempts.is_some()
            || self.backoff.is_some()
            || self.timeout.is_some()
            || self.wishes != 0
    }
}

impl Special {
    fn write(&self, record: &Record) {
        record.set_due(self.due);
        record.wall.store(self.wall, Relaxed);
        record.key.store(self.key, Relaxed);
        record
            .newest
            .store(matches!(self.spot, Spot::Newest), Relaxed);
        if self.optioned {
            record.expires.store(self.expires, Relaxed);
            record.attempts.store(self.attempts, Relaxed);
            record.timeout.store(self.timeout, Relaxed);
            record.keep.store(self.wishes, Relaxed);
            for (cell, bits) in record.backoff.iter().zip(self.backoff) {
                cell.store(bits, Relaxed);
            }
        }
    }
}

/// A time-out in nanoseconds; it must be above 0.
pub(crate) fn check_timeout(limit: Duration) -> Result<u64, InvalidOption> {
    let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    check_range("timeout", nanos, 1..=u64::MAX)
}

/// For a shared cell, where 0 means "none".
pub(crate) fn since_1970(wall: SystemTime) -> u64 {
    let since = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)
}
