//! A wheel that many threads tell of instants, and one asks.
//!
//! What is due is written in the slots, not here: an announcement says only "look at this slot again", and
//! `when`, asked under the lock, says at which instant something is to be done about it, if at any. So an
//! announcement that comes late, twice, or for a slot that serves another job by now does no harm.
//! Announcing takes no lock unless the inbox is full.

use super::Wheel;
use crate::ring::Ring;
use crate::sync::Mutex;

/// Announcements that find room without the lock.
const INBOX: usize = if cfg!(any(guichet_loom, guichet_shuttle)) {
    2
} else {
    1024
};

/// A wheel and its inbox.
pub struct Timers {
    inbox: Ring<u32>,
    wheel: Mutex<Wheel>,
}

impl Timers {
    /// Timers at the instant `now`.
    pub fn new(now: u64) -> Self {
        Timers {
            inbox: Ring::new(INBOX),
            wheel: Mutex::new(Wheel::new(now)),
        }
    }

    /// Somebody has changed what `when` says of `slot`. The next `tick` knows it.
    pub fn announce(&self, slot: u32, when: impl Fn(u32) -> Option<u64>) {
        if self.inbox.push(slot).is_err() {
            let mut wheel = self.wheel.lock();
            self.drain(&mut wheel, &when);
            set(&mut wheel, slot, &when);
        }
    }

    /// The same, known at once: takes a cancelled timer out.
    pub fn review(&self, slot: u32, when: impl Fn(u32) -> Option<u64>) {
        let mut wheel = self.wheel.lock();
        self.drain(&mut wheel, &when);
        set(&mut wheel, slot, &when);
    }

    /// Appends the slots whose instant has come by `now` to `fired`, in order of instant and announcement, after at
    /// most `budget` steps; when to ask again, `now` if there is more to do, `None` if nothing is left.
    pub fn tick(
        &self,
        now: u64,
        budget: usize,
        when: impl Fn(u32) -> Option<u64>,
        fired: &mut Vec<u32>,
    ) -> Option<u64> {
        let mut wheel = self.wheel.lock();
        self.drain(&mut wheel, &when);
        match wheel.advance(now, budget, |slot, _| fired.push(slot)) {
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
        !cfg!(guichet_bug = "timers_ask_inbox_only")
            && self.wheel.lock().next().is_some_and(|next| next < until)
    }

    /// No longer than it takes to empty the inbox once: others go on announcing.
    fn drain(&self, wheel: &mut Wheel, when: &impl Fn(u32) -> Option<u64>) {
        for _ in 0..INBOX {
            match self.inbox.pop() {
                Ok(slot) => set(wheel, slot, when),
                Err(_) => return,
            }
        }
    }
}

fn set(wheel: &mut Wheel, slot: u32, when: &impl Fn(u32) -> Option<u64>) {
    match when(slot) {
        Some(at) if wheel.due(slot) == Some(at) => {}
        Some(at) => wheel.insert(slot, at),
        None => {
            wheel.cancel(slot);
        }
    }
}
