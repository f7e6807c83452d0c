//! In which order a queue hands its jobs out.

use std::time::Duration;

/// How a queue orders its jobs. Set with [`QueueBuilder::order`](crate::QueueBuilder::order).
///
/// Priorities count from 1, the most urgent. A job whose priority is not set has the queue's default one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// First in, first out. The default; there is one priority.
    #[default]
    Fifo,
    /// So many priorities, 1 to 1,024, first in, first out within each; without a lock.
    Bands(u32),
    /// So many priorities, any number, first in, first out within each. Dispatch takes a short lock, adding does not.
    Heap(u32),
    /// Earliest deadline first, see [`JobBuilder::deadline`](crate::JobBuilder::deadline); jobs without one last, first in,
    /// first out. Dispatch takes a short lock.
    Deadline,
}

impl Order {
    /// How many priorities there are.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn priorities(self) -> u32 {
        match self {
            Order::Fifo | Order::Deadline => 1,
            Order::Bands(count) | Order::Heap(count) => count,
        }
    }
}

/// What becomes of less urgent jobs while more urgent ones keep coming. Set with
/// [`QueueBuilder::policy`](crate::QueueBuilder::policy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// They wait as long as there is a more urgent one. The default.
    #[default]
    Strict,
    /// A job rises by one priority for every `per` that it has waited. For [`Order::Bands`] and [`Order::Heap`];
    /// dispatch takes a short lock.
    Aging {
        /// Above 0.
        per: Duration,
    },
    /// Of `n` priorities, priority `p` has `n + 1 - p` turns in a round; a turn that it can't use goes to the
    /// most urgent job, and a look that finds nothing is a turn. For [`Order::Bands`]. Workers take one job at a time.
    Weighted,
}
