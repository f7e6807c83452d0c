//! One job's options: as they were asked for, and checked, in the queue's own terms.

use std::time::{Duration, SystemTime};

use super::core::Core;
use super::options::Options;
use crate::model::{Backoff, InvalidOption, Order, check_range};
use crate::table::{Own, Record};
use crate::time::nanos;

/// What was asked for; unset is the queue's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) priority: Option<u64>,
    pub(crate) newest: bool,
    pub(crate) not_before: Option<NotBefore>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) attempts: Option<u64>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) timeout: Option<Duration>,
    /// Bits of `options::at_end`.
    pub(crate) at_end: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum NotBefore {
    Delay(Duration),
    Wall(SystemTime),
}

/// The same, checked and in the queue's own terms.
pub(crate) struct Checked {
    pub(crate) priority: u32,
    /// What goes beyond a priority.
    pub(crate) special: Option<Special>,
}

/// What goes beyond a priority.
pub(crate) struct Special {
    pub(crate) delayed: bool,
    pub(crate) newest: bool,
    pub(crate) optioned: bool,
    pub(crate) due: u64,
    wall: u64,
    key: u64,
    pub(crate) own: Own,
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
            || self.at_end != 0
    }
}

impl Terms {
    /// The same in the queue's own terms, if it can give what they ask for.
    #[inline(always)]
    pub(crate) fn check<T, R>(&self, core: &Core<T, R>) -> Result<Checked, InvalidOption> {
        Ok(Checked {
            priority: match self.priority {
                Some(given) => core.options.check_priority(given)?,
                None => core.options.default_priority,
            },
            special: match self.is_special() {
                true => Some(self.check_special(core)?),
                false => None,
            },
        })
    }

    fn check_special<T, R>(&self, core: &Core<T, R>) -> Result<Special, InvalidOption> {
        let (options, time) = (&core.options, &core.time);
        if self.deadline.is_some() && options.order != Order::Deadline {
            let needed = "a queue of Order::Deadline";
            return Err(InvalidOption::unfit("deadline", needed));
        }
        let attempts = self.check_attempts(options)?;
        let backoff = self.backoff.unwrap_or(options.backoff);
        backoff.check()?;
        let timeout = self.timeout.map_or(Ok(0), check_timeout)?;
        let (due, wall) = match self.not_before {
            None => (0, 0),
            Some(NotBefore::Delay(delay)) => (time.after(delay), 0),
            Some(NotBefore::Wall(wall)) => (time.at_wall(wall), since_1970(wall)),
        };
        Ok(Special {
            delayed: self.not_before.is_some(),
            newest: self.newest,
            optioned: self.is_optioned(),
            due,
            wall,
            key: self.deadline.map_or(u64::MAX, |end| time.after(end)),
            own: Own {
                expires: self.ttl.map_or(0, |ttl| time.after(ttl)),
                attempts,
                backoff: backoff.to_bits(),
                timeout,
                at_end: self.at_end,
            },
        })
    }

    /// How many attempts are written down; 0 leaves attempts and pauses to the queue.
    fn check_attempts(&self, options: &Options) -> Result<u32, InvalidOption> {
        match self.attempts {
            Some(total) => Ok(check_range("attempts", total, 1..=1_000_000)? as u32),
            None if self.backoff.is_some() => Ok(options.attempts),
            None => Ok(0),
        }
    }
}

impl Checked {
    /// Whether the job is delayed at first.
    #[inline(always)]
    pub(crate) fn is_delayed(&self) -> bool {
        matches!(&self.special, Some(special) if special.delayed)
    }
}

impl Special {
    pub(crate) fn write(&self, record: &Record) {
        record.set_entry(self.due, self.wall, self.key, self.newest);
        if self.optioned {
            record.set_own(&self.own);
        }
    }
}

/// A time-out in nanoseconds; it must be above 0.
pub(crate) fn check_timeout(limit: Duration) -> Result<u64, InvalidOption> {
    check_range("timeout", nanos(limit), 1..=u64::MAX)
}

/// For a shared cell, where 0 means "none".
pub(crate) fn since_1970(wall: SystemTime) -> u64 {
    let since = wall
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)
}
