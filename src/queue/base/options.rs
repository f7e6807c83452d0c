//! A queue's options in its own terms, and the user's functions.

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
    pub(crate) fn keeps_failed(&self, wishes: u32) -> bool {
        wishes & keep::FAILED != 0 || wishes & keep::NOT_FAILED == 0 && self.keeps_failed
    }
}

/// The kinds of end for which a job says itself whether its record is kept.
pub(crate) mod keep {
    pub(crate) const COMPLETED: u32 = 1;
    pub(crate) const NOT_COMPLETED: u32 = 2;
    pub(crate) const FAILED: u32 = 4;
    pub(crate) const NOT_FAILED: u32 = 8;
}
