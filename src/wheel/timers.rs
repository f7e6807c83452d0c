//! A wheel that many threads tell of instants, and one asks.
//!
//! What is due is written in the slots, not here: an announcement says only "look at this slot again", and
//! `when`, asked under the lock, says at which instant something is to be done about it, if at any. So an
//! announcement that comes late, twice, or for a slot that serves another job by now does no harm.
//! Announcing takes no lock unless the inbox is full.
//!
//! Among equal instants the order is that of the announcements, each job's by its own. A slot alone does not
//! tell them apart: a former job of it may have left a timer for the same instant, or an announcement that
//! nobody has read yet. So `when` names the step that set the instant, an announcement carries the name that
//! it found, and a timer keeps that of the announcement that put it into the wheel. If `when` says another
//! one, the timer's own announcement is still to come, and puts it behind those before.

use super::Wheel;
use crate::ring::Ring;
use crate::sync::{Mutex, seeded};

/// Announcements that find room without the lock.
const INBOX: usize = if cfg!(any(guichet_loom, guichet_shuttle)) {
    2
} else {
    1024
};

/// The timer that a slot should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When something is to be done about the slot.
    pub due: u64,
    /// Names the step that set this instant: among the timers of one slot, a number of its own. One
    /// that comes round again costs no more than the order among equal instants.
    pub step: u32,
}

/// A wheel and its inbox.
pub struct Timers {
    /// Slots, and the step that each announces.
    inbox: Ring<(u32, u32)>,
    known: Mutex<Known>,
}

/// What is known of all slots.
struct Known {
    wheel: Wheel,
    /// By slot, the step that was announced when its timer was set.
    steps: Vec<u32>,
}

impl Timers {
    /// Timers at the instant `now`.
    pub fn new(now: u64) -> Self {
        Timers {
            inbox: Ring::new(INBOX),
            known: Mutex::new(Known {
                wheel: Wheel::new(now),
                steps: Vec::new(),
            }),
        }
    }

    /// Somebody has changed what `when` says of `slot`. The next `tick` knows it.
    pub fn announce(&self, slot: u32, when: impl Fn(u32) -> Option<Timer>) {
        // Without a timer to come, whoever gives it one announces that.
        let step = when(slot).map_or(0, |timer| timer.step);
        if self.inbox.push((slot, step)).is_err() {
            let mut known = self.known.lock();
            self.drain(&mut known, &when);
            known.set(slot, step, when(slot));
        }
    }

    /// The same, known at once: takes a cancelled timer out.
    pub fn review(&self, slot: u32, when: impl Fn(u32) -> Option<Timer>) {
        let mut known = self.known.lock();
        self.drain(&mut known, &when);
        let timer = when(slot);
        known.set(slot, timer.map_or(0, |timer| timer.step), timer);
    }

    /// Appends the slots whose instant has come to `fired`, each with that instant, in order of instant
    /// and announcement, after at most `budget` steps; when to ask again, `now` if there is more to do,
    /// `None` if nothing is left.
    ///
    /// An instant may lie after `now`, if another caller read the clock later and came first. What has
    /// been handed out is in the wheel no more, so the caller takes the instant for the time.
    pub fn tick(
        &self,
        now: u64,
        budget: usize,
        when: impl Fn(u32) -> Option<Timer>,
        fired: &mut Vec<(u32, u64)>,
    ) -> Option<u64> {
        let mut known = self.known.lock();
        self.drain(&mut known, &when);
        let wheel = &mut known.wheel;
        match wheel.advance(now, budget, |slot, due| fired.push((slot, due))) {
            true => wheel.next(),
            false => Some(now),
        }
    }

    /// Whether there are announcements that no `tick` has seen, or that others have put into the wheel and that want a look
    /// before `until`. A caller that fenced sees all from before a partner's fence.
    pub fn has_news(&self, until: u64) -> bool {
        if !self.inbox.is_empty() {
            return true;
        }
        // Who empties the inbox fills the wheel under this lock.
        !seeded!("timers_ask_inbox_only")
            && self
                .known
                .lock()
                .wheel
                .next()
                .is_some_and(|next| next < until)
    }

    /// No longer than it takes to empty the inbox once: others go on announcing.
    fn drain(&self, known: &mut Known, when: &impl Fn(u32) -> Option<Timer>) {
        for _ in 0..INBOX {
            match self.inbox.pop() {
                Ok((slot, step)) => known.set(slot, step, when(slot)),
                Err(_) => return,
            }
        }
    }
}

impl Known {
    /// Sets the timer of `slot`, for which `step` was announced. What stands there already keeps its place.
    fn set(&mut self, slot: u32, step: u32, timer: Option<Timer>) {
        let Some(Timer { due, step: author }) = timer else {
            self.wheel.cancel(slot);
            return;
        };
        let at = slot as usize;
        if self.wheel.due(slot) == Some(due) && self.steps[at] == author {
            return;
        }
        self.wheel.insert(slot, due);
        if at >= self.steps.len() {
            self.steps.resize(at + 1, 0);
        }
        // Not `author`, if that has not been announced yet: its place is where its announcement is.
        self.steps[at] = step;
    }
}
