//! A queue's options in its own terms.

use crate::model::{Backoff, InvalidOption, Order, Policy, check_range};

/// What a queue was built with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) capacity: usize,
    pub(crate) delayed_capacity: usize,
    pub(crate) order: Order,
    pub(crate) policy: Policy,
    pub(crate) default_priority: u32,
    pub(crate) attempts: u32,
    pub(crate) backoff: Backoff,
    pub(crate) prefetch: usize,
    pub(crate) sample_every: u64,
    /// How long an attempt may take, in nanoseconds; 0 if there is no end.
    pub(crate) timeout: u64,
    /// How long after its deadline a handler's thread counts as stuck, in nanoseconds.
    pub(crate) stuck_after: u64,
    pub(crate) max_stuck: usize,
    /// How long after its deadline another attempt may begin beside a handler that runs on, in nanoseconds; 0 if never.
    pub(crate) overlap_after: u64,
    pub(crate) delivery_limit: u32,
    pub(crate) log_lines: usize,
    pub(crate) event_capacity: usize,
    pub(crate) keeps_completed: bool,
    pub(crate) keeps_failed: bool,
    pub(crate) single_active: bool,
    /// Whether dead jobs go to a queue of their own.
    pub(crate) sends_letters: bool,
}

impl Options {
    /// A priority of this queue's.
    pub(crate) fn check_priority(&self, priority: u64) -> Result<u32, InvalidOption> {
        let most = self.order.priorities();
        Ok(check_range("priority", priority, 1..=most.into())? as u32)
    }

    /// Whether the record of a job that does not complete is kept.
    pub(crate) fn keeps_failed(&self, at_end: u32) -> bool {
        at_end & at_end::KEEP_FAILED != 0 || at_end & at_end::DROP_FAILED == 0 && self.keeps_failed
    }
}

/// What a job says itself of what is to be done at its end, looked at once when it has ended.
pub(crate) mod at_end {
    /// Its record is kept if it completes.
    pub(crate) const KEEP_COMPLETED: u32 = 1;
    /// Its record is not kept if it completes.
    pub(crate) const DROP_COMPLETED: u32 = 2;
    /// Its record is kept if it ends otherwise.
    pub(crate) const KEEP_FAILED: u32 = 4;
    /// Its record is not kept if it ends otherwise.
    pub(crate) const DROP_FAILED: u32 = 8;
}
