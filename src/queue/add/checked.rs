//! A job's options, checked and in the queue's own terms; and how a job is admitted on them.

use std::time::{Duration, SystemTime};

use crate::model::{Backoff, EventKind, InvalidOption, JobId, Order, check_range};
use crate::queue::Shared;
use crate::queue::add::jobs::Waiter;
use crate::queue::base::switches::Setting;
use crate::queue::ready::line::Spot;
use crate::queue::ready::room::Room;
use crate::sync::atomic::Ordering::Relaxed;
use crate::table::{Entered, Entry, Marks, Record, Trace, Vacant};

/// What was asked for; unset is the queue's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    pub(super) priority: Option<u64>,
    pub(super) newest: bool,
    pub(super) not_before: Option<NotBefore>,
    pub(super) ttl: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) attempts: Option<u64>,
    pub(super) backoff: Option<Backoff>,
    pub(super) timeout: Option<Duration>,
    /// Bits of `notes::keep`.
    pub(super) wishes: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum NotBefore {
    Delay(Duration),
    Wall(SystemTime),
}

/// The same, checked and in the queue's own terms.
pub(super) struct Checked {
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

impl Terms {
    /// Whether there is more than a priority.
    #[inline(always)]
    fn is_special(&self) -> bool {
        self.newest || self.not_before.is_some() || self.is_optioned()
    }

    /// Whether there is what a record holds for few jobs.
    #[inline(always)]
    fn is_optioned(&self) -> bool {
        self.ttl.is_some()
            || self.deadline.is_some()
            || self.attempts.is_some()
            || self.backoff.is_some()
            || self.timeout.is_some()
            || self.wishes != 0
    }
}

impl<T, R> Shared<T, R> {
    /// Where its slot comes from.
    #[inline(always)]
    pub(super) fn room_for(&self, checked: &Checked) -> &Room {
        match &checked.special {
            Some(special) if special.entry == Entry::Delayed => &self.later,
            _ => &self.room,
        }
    }

    /// The terms in the queue's own, if it can give what they ask for.
    #[inline(always)]
    pub(super) fn check(&self, terms: &Terms) -> Result<Checked, InvalidOption> {
        Ok(Checked {
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
            let needed = "a queue of Order::Deadline";
            return Err(InvalidOption::unfit("deadline", needed));
        }
        let attempts = self.check_attempts(terms)?;
        let backoff = terms.backoff.unwrap_or(self.options.backoff);
        backoff.check()?;
        let timeout = terms.timeout.map_or(Ok(0), check_timeout)?;
        let (due, wall) = match terms.not_before {
            None => (0, 0),
            Some(NotBefore::Delay(delay)) => (self.time.after(delay), 0),
            Some(NotBefore::Wall(wall)) => (self.time.at_wall(wall), since_1970(wall)),
        };
        Ok(Special {
            entry: match terms.not_before {
                Some(_) => Entry::Delayed,
                None if terms.newest => Entry::Waiting(Trace::Side),
                None => Entry::Waiting(self.line.end()),
            },
            spot: match terms.newest {
                true => Spot::Newest,
                false => Spot::End,
            },
            optioned: terms.is_optioned(),
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

    /// How many attempts are written down; 0 leaves attempts and pauses to the queue.
    fn check_attempts(&self, terms: &Terms) -> Result<u32, InvalidOption> {
        match terms.attempts {
            Some(total) => Ok(check_range("attempts", total, 1..=1_000_000)? as u32),
            None if terms.backoff.is_some() => Ok(self.options.attempts),
            None => Ok(0),
        }
    }

    /// A priority of this queue's.
    pub(crate) fn check_priority(&self, priority: u64) -> Result<u32, InvalidOption> {
        let most = self.options.order.priorities();
        Ok(check_range("priority", priority, 1..=most.into())? as u32)
    }

    /// `admit`, push, wake; what goes beyond a priority is written down before.
    #[inline(always)]
    pub(super) fn admit_on_terms(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        terms: Checked,
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
