//! Changes of a job by those who do not hold it: it waits, gets another instant or another place.
//!
//! A waiting job has a ticket, which the caller names; of a delayed one, which has none, what is written is written under a hold.

use super::slab::Slab;
use super::tokens::{Entered, Spoils, Surfaced};
use super::word::{FULL, LINE, NOTED, SIDE, STRAY, Ticket, Trace, Word};
use crate::model::{JobState, Verb};
use crate::sync::atomic::Ordering::{self, Relaxed};
use crate::sync::seeded;

/// Why a waiting job did not get another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMoved {
    /// The ticket is not valid any more.
    Stale,
    /// A worker has taken the ticket and is about to begin.
    Starting,
}

impl<T, O> Slab<T, O> {
    /// `promote`: the delayed job in a slot waits, if `named` gives its occupancy, or else if it is due at `now`; in any case
    /// not while a former handler runs, unless another attempt may begin beside it.
    pub fn promote(
        &self,
        number: u32,
        named: Option<u64>,
        now: u64,
        trace: Trace,
    ) -> Option<Entered> {
        let mut word = self.load(number);
        loop {
            let wanted = match named {
                Some(occupancy) => self.slot(number).occupancy.load(Relaxed) == occupancy,
                None => self.record(number).due() <= now,
            };
            let held = word.holders() > 0 && !seeded!("slab_promote_held");
            let resumes = self.record(number).may_resume(held, now);
            if word.state() != JobState::Delayed || !wanted || !resumes {
                return None;
            }
            let trace = word.way_in(trace);
            let new = match trace {
                Trace::Line => word.apply(Verb::Promote).with(LINE),
                Trace::Side => word.apply(Verb::Promote).with(SIDE),
            };
            // Relaxed: publishes nothing. What the last attempt and a decision over its head did goes on to `activate`, since this
            // swap is in the release sequences of `put_off`, `rewrite` and `release`.
            let promoted = if seeded!("slab_promote_check_then_act") {
                self.slot(number).word.store(new.0, Relaxed);
                Ok(())
            } else {
                self.swap(number, word, new, Relaxed)
            };
            match promoted {
                Ok(()) => {
                    let ticket = Ticket::new(number, new);
                    return Some(Entered { ticket, trace });
                }
                Err(now) => word = now,
            }
        }
    }

    /// `reschedule`: the delayed job is due at another instant, and not before `wall` on the wall clock, in nanoseconds since
    /// 1970, if that is not 0. The epoch of the step.
    ///
    /// # Errors
    /// It is not delayed or has gone; the spoils are those of a job that was ended meanwhile.
    pub fn reschedule(
        &self,
        number: u32,
        occupancy: u64,
        due: u64,
        wall: u64,
    ) -> Result<u64, Option<Spoils<T, O>>> {
        let named = |word: Word| self.is_delayed(number, occupancy, word);
        let write = || {
            let record = self.record(number);
            record.wall.store(wall, Relaxed);
            record.set_due(due);
        };
        // ORDERING: Release — the new instant; pairs with the Acquire of `next_instant`'s load.
        let order = seeded!("slab_reschedule_relaxed", Relaxed => Release);
        let step = |word: Word| word.apply(Verb::Reschedule);
        self.rewrite(number, named, write, || {}, step, order)
    }

    /// `reprioritize` of a delayed job, which has no ticket. The epoch of the step. Only one thread at a time
    /// may do this to a slot.
    ///
    /// # Errors
    /// It is not delayed or has gone; the spoils are those of a job that was ended meanwhile.
    pub fn reprioritize_delayed(
        &self,
        number: u32,
        occupancy: u64,
        priority: u32,
    ) -> Result<u64, Option<Spoils<T, O>>> {
        let named = |word: Word| self.is_delayed(number, occupancy, word);
        // Of this job, if it is held; else it means nothing.
        let before = self.priority(number);
        let steps = &self.record(number).reprioritized;
        let write = || {
            self.set_priority(number, priority);
            steps.fetch_add(1, Relaxed);
        };
        let undo = || {
            let cell = &self.slot(number).priority;
            // Unless somebody has changed it again.
            let _ = cell.compare_exchange(priority, before, Relaxed, Relaxed);
        };
        // ORDERING: Release — the priority, to whoever puts the job in line; pairs with the Acquire of the load
        // in `promote`.
        let order = seeded!("slab_reprioritize_delayed_relaxed", Relaxed => Release);
        let step = |word: Word| word.apply(Verb::Reprioritize);
        self.rewrite(number, named, write, undo, step, order)
    }

    /// `retry` over the head of the handler whose attempt `ticket` names: the job is delayed until `due`, and until the
    /// handler has returned or `overlap` has come, if that is not 0. The epoch of the step.
    ///
    /// # Errors
    /// The attempt was decided already.
    pub fn revoke_for_retry(
        &self,
        ticket: Ticket,
        due: u64,
        overlap: u64,
    ) -> Result<u64, Option<Spoils<T, O>>> {
        let named = |word: Word| {
            // Without a payload there is no other attempt.
            let named = word.epoch() == ticket.epoch() || seeded!("slab_revoke_again_any_attempt");
            word.has(FULL) && word.state() == JobState::Active && named
        };
        let write = || {
            let record = self.record(ticket.slot());
            record.set_overlap(overlap);
            record.set_pause(due);
        };
        // ORDERING: Release — the instants, to `next_instant`; and, to the Acquire of `activate`, the attempt's number,
        // which the caller has by the name of the attempt.
        let order = seeded!("slab_revoke_relaxed", Relaxed => Release);
        let step = |word: Word| word.put_off(Verb::Retry).with(NOTED);
        self.rewrite(ticket.slot(), named, write, || {}, step, order)
    }

    /// Whether `word` says that the named job is delayed.
    fn is_delayed(&self, number: u32, occupancy: u64, word: Word) -> bool {
        word.state() == JobState::Delayed && self.slot(number).occupancy.load(Relaxed) == occupancy
    }

    /// One verb of a job that the caller does not hold and of which it writes something: holds it first, so that
    /// what it writes stays this job's. The epoch of the step; or, after `undo`, the spoils of a job that was ended
    /// meanwhile.
    fn rewrite(
        &self,
        number: u32,
        wanted: impl Fn(Word) -> bool,
        write: impl FnOnce(),
        undo: impl FnOnce(),
        verb: impl Fn(Word) -> Word,
        order: Ordering,
    ) -> Result<u64, Option<Spoils<T, O>>> {
        let mut word = self.load(number);
        loop {
            if !wanted(word) {
                return Err(None);
            }
            if seeded!("slab_rewrite_no_hold") {
                write();
                let step = self.swap(number, word, verb(word), order);
                return step.map(|()| verb(word).epoch()).map_err(|_| None);
            }
            // Relaxed: the hold keeps, and publishes nothing.
            match self.swap(number, word, word.pinned(), Relaxed) {
                Ok(()) => break,
                Err(now) => word = now,
            }
        }
        write();
        let mut held = word.pinned();
        loop {
            let new = verb(held).released();
            match self.swap(number, held, new, order) {
                Ok(()) => return Ok(new.epoch()),
                // Held by others too, or not any more: nothing was decided.
                Err(now) if now.epoch() == word.epoch() => held = now,
                Err(_) => {
                    undo();
                    return Err(Some(self.release(number)));
                }
            }
        }
    }

    /// `reprioritize`: the waiting job with `ticket` gets a new one, which must go to the side. `present` says that
    /// the old one was found there, which only whoever may take it out knows; else it must lie in a line,
    /// where it becomes a stray.
    pub fn reprioritize(&self, ticket: Ticket, present: bool) -> Result<Ticket, NotMoved> {
        let number = ticket.slot();
        let mut word = self.load(number);
        loop {
            if !word.admits(ticket) {
                return Err(NotMoved::Stale);
            }
            let mut new = word.apply(Verb::Reprioritize);
            if !present {
                if word.has(SIDE) {
                    return Err(NotMoved::Starting);
                }
                self.record(number).stray.store(ticket.to_bits(), Relaxed);
                new = new.with(SIDE).with(STRAY);
            }
            // ORDERING: Release — which ticket is the stray, to whoever finds it; pairs with the load in `surface`.
            // Payload and attempts stay published by the word's author, in whose release sequence this is.
            match self.swap(
                number,
                word,
                new,
                seeded!("slab_stray_relaxed", Relaxed => Release),
            ) {
                Ok(()) => return Ok(Ticket::new(number, new)),
                Err(now) => word = now,
            }
        }
    }

    /// Moves a ticket that was taken out of a line to the side, where the caller must put it; else it has
    /// surfaced, perhaps with its slot.
    pub fn set_aside(&self, ticket: Ticket) -> Result<(), Surfaced> {
        let number = ticket.slot();
        let mut word = self.load(number);
        loop {
            if !word.admits(ticket) {
                return Err(self.surface(ticket, Trace::Line));
            }
            // Relaxed: no verb; payload and attempts stay published by the word's author, in whose release
            // sequence this is.
            match self.swap(number, word, word.without(LINE).with(SIDE), Relaxed) {
                Ok(()) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }
}
