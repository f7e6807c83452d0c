//! When to look at which slot again.

use std::mem;

use crate::sync::{Mutex, seeded};
use crate::wheel::{Timer, Timers};

/// Timers that are handled before others get the lock.
const BUDGET: usize = 1024;

/// When to look at which slot again.
pub(crate) struct Timetable {
    timers: Timers,
    /// Slots whose instant has come; here between two ticks, for its memory.
    fired: Mutex<Vec<(u32, u64)>>,
}

impl Timetable {
    /// Nothing is to be done after the instant `now`.
    pub(crate) fn new(now: u64) -> Self {
        Timetable {
            timers: Timers::new(now),
            fired: Mutex::new(Vec::new()),
        }
    }

    /// Whether there is something to do before `until` that the last tick did not know of.
    pub(crate) fn has_news(&self, until: u64) -> bool {
        self.timers.has_news(until)
    }

    /// Something is to be done about `slot`, at the instant that `when` says.
    pub(crate) fn announce(&self, slot: u32, when: impl Fn(u32) -> Option<Timer>) {
        self.timers.announce(slot, when);
    }

    /// Something that was to be done about `slot` may not be any more.
    pub(crate) fn review(&self, slot: u32, when: impl Fn(u32) -> Option<Timer>) {
        self.timers.review(slot, when);
    }

    /// Calls `fire` for each slot whose instant has come by the `clock`, with the instant that it is then; when to come
    /// again.
    pub(crate) fn do_due(
        &self,
        clock: impl Fn() -> u64,
        when: impl Fn(u32) -> Option<Timer>,
        fire: impl Fn(u32, u64),
    ) -> Option<u64> {
        // Not under the lock: destructors of expired payloads run here.
        let mut fired = mem::take(&mut *self.fired.lock());
        loop {
            let now = clock();
            let next = self.timers.tick(now, BUDGET, &when, &mut fired);
            if fired.is_empty() && next.is_none_or(|next| next > now) {
                *self.fired.lock() = fired;
                return next;
            }
            for (slot, due) in fired.drain(..) {
                // Another thread may have turned the wheel beyond this one's `now`.
                let now = seeded!("timing_fires_by_stale_clock", now => now.max(due));
                fire(slot, now);
            }
        }
    }
}
