//! What every room may use: a queue's name and options, its clock, its flags, and its table.

use super::current::current_worker;
use super::host::Host;
use super::options::Options;
use super::switches::{Setting, Switches};
use crate::model::{JobError, JobId};
use crate::park::Alarm;
use crate::sync::{Arc, Weak};
use crate::table::{Claim, Marks, Slab};
use crate::time::Time;

/// What somebody who waits for a job learns.
pub(crate) type Outcome<R> = Result<R, JobError>;

/// What all parts of one queue read.
pub(crate) struct Core<T, R> {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) options: Options,
    pub(crate) time: Time,
    /// The runtime.
    pub(crate) host: Weak<dyn Host>,
    pub(crate) switches: Switches,
    pub(crate) slab: Slab<T, Outcome<R>>,
    /// Wakes the runtime's clerk.
    pub(crate) alarm: Arc<Alarm>,
}

impl<T, R> Core<T, R> {
    /// The name of the job that had a slot as number `occupancy`.
    #[inline(always)]
    pub(crate) fn id_of(&self, slot: u32, occupancy: u64) -> JobId {
        JobId {
            queue: self.number,
            slot,
            occupancy,
        }
    }

    /// The claimed job's name.
    #[inline(always)]
    pub(crate) fn id(&self, claim: &Claim) -> JobId {
        self.id_of(claim.slot(), self.slab.occupancy(claim))
    }

    /// Whether jobs are taken.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        !self.switches.now().any(Setting::CLOSED)
    }

    /// Whether what is left is being ended.
    pub(crate) fn is_stopped(&self) -> bool {
        self.switches.now().any(Setting::STOPPED)
    }

    /// Whether the calling thread is one of this queue's workers.
    pub(crate) fn is_own_worker(&self) -> bool {
        current_worker().is_some_and(|worker| worker.queue == self.number)
    }

    /// What the job in `slot` says itself about its record.
    pub(crate) fn at_end(&self, slot: u32, marks: Marks) -> u32 {
        match marks.optioned {
            true => self.slab.record(slot).at_end(),
            false => 0,
        }
    }

    /// How many attempts the claimed job has in all.
    #[inline]
    pub(crate) fn attempts_of(&self, claim: &Claim) -> u32 {
        let own = match claim.marks().optioned {
            true => self.slab.record(claim.slot()).attempts(),
            false => None,
        };
        own.unwrap_or(self.options.attempts)
    }
}
