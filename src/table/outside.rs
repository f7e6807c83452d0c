//! Verbs of those who do not hold the job: cancellers, shutdown, the clerk.
//!
//! They name it by slot and occupancy, or by slot and what its record says; load the word, test, and swap
//! from the very word they loaded, so that what they tested still holds.

use super::record::{Marks, count};
use super::slab::{Slab, Slot};
use super::tokens::{Entered, Spoils, Surfaced};
use super::word::{FREE, FULL, LETTER, LINE, NOTED, SIDE, STRAY, Ticket, Trace, WAITER, Word};
use crate::model::{JobState, Verb};
use crate::sync::atomic::Ordering::{self, Relaxed, Release};
use crate::sync::order;

/// A job that was ended from outside. Its author holds the slot until `let_go`, so that nobody else gets
/// it before the end is written down.
#[must_use = "a job that is not let go pins its slot for ever"]
#[derive(Debug)]
pub struct Pinned<T, O> {
    slot: u32,
    /// The waiter; with a seeded bug, all that the author is to have.
    spoils: Spoils<T, O>,
    /// Where the job was.
    pub before: JobState,
    /// Whether somebody held it.
    pub held: bool,
    /// The epoch of its end.
    pub epoch: u64,
    /// Whether something is written down about the job.
    pub noted: bool,
    /// Which of the slot's jobs it was.
    pub occupancy: u64,
    /// How many of its attempts had begun and count.
    pub attempts: u32,
    /// What it said about its record.
    pub wishes: u32,
    /// Its ticket, now stale, if one lies somewhere: to be taken out from the side, to surface in a line.
    pub stale: Option<(Ticket, Trace)>,
}

/// What is read of a job before the swap that ends it.
struct Known {
    occupancy: u64,
    attempts: u32,
    wishes: u32,
}

/// Why a waiting job did not get another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMoved {
    /// The ticket is not valid any more.
    Stale,
    /// A worker has taken the ticket and is about to begin.
    Starting,
}

impl<T, O> Pinned<T, O> {
    /// The slot that it pins.
    pub fn slot(&self) -> u32 {
        self.slot
    }
}

impl<T, O> Slab<T, O> {
    /// `cancel`, `interrupt` or `return`. Of a job that is returned the last holder owes the payload, as if it were a letter.
    ///
    /// `None` if the job is gone or the verb does not apply to its state.
    pub fn end(&self, number: u32, occupancy: u64, verb: Verb) -> Option<Pinned<T, O>> {
        let owed = verb == Verb::Return;
        self.end_if(number, verb, owed, |slot, _| {
            slot.occupancy.load(Relaxed) == occupancy
                || cfg!(guichet_bug = "slab_end_any_occupancy")
        })
    }

    /// `expire`: of whatever job is in the slot, if it is past its time to live at `now`. With `letter` the last holder owes
    /// the dead letter.
    pub fn expire(&self, number: u32, now: u64, letter: bool) -> Option<Pinned<T, O>> {
        self.end_if(number, Verb::Expire, letter, |_, _| {
            self.has_expired(number, now)
        })
    }

    /// `bury` over the head of the handler whose attempt `ticket` names. With `letter` the last holder owes the dead letter.
    pub fn revoke(&self, ticket: Ticket, letter: bool) -> Option<Pinned<T, O>> {
        self.end_if(ticket.slot(), Verb::Bury, letter, |_, word| {
            word.epoch() == ticket.epoch() || cfg!(guichet_bug = "slab_revoke_any_attempt")
        })
    }

    fn end_if(
        &self,
        number: u32,
        verb: Verb,
        letter: bool,
        test: impl Fn(&Slot<T, O>, Word) -> bool,
    ) -> Option<Pinned<T, O>> {
        if number as usize >= self.capacity() {
            return None;
        }
        let mut word = self.load(number);
        loop {
            if !verb.applies_to(word.state()) || !test(self.slot(number), word) {
                return None;
            }
            // Of the job that ends here, if the swap succeeds.
            let slot = self.slot(number);
            let attempts = slot.attempts.load(Relaxed);
            let known = Known {
                occupancy: slot.occupancy.load(Relaxed),
                attempts,
                wishes: match Marks::from_bits(attempts).optioned {
                    true => self.record(number).keep(),
                    false => 0,
                },
            };
            let mut new = word.apply(verb).without(WAITER);
            if letter {
                new = new.with(LETTER);
            }
            if cfg!(guichet_bug = "slab_end_no_pin")
                && word.holders() == 0
                && self.swap(number, word, new.without(FULL), Relaxed).is_ok()
            {
                let waiter = self.take_waiter(number, word);
                let payload = Some(self.move_payload(number));
                let spoils = Spoils {
                    waiter,
                    payload,
                    ..Spoils::none()
                };
                return Some(self.ended(number, word, verb, known, spoils));
            }
            // Our own hold, in the same step: nobody frees the slot while we still empty it. Payload and
            // waiter came with the load, or with a failed swap, and the word's changes in between keep
            // its epoch only if they are surfacings or holds, which publish nothing.
            // ORDERING: Release — what the caller counted before the ticket became stale, to whoever finds
            // it so; pairs with the load in `surface`.
            // unseen: the count lies above this floor.
            let ended = if cfg!(guichet_bug = "slab_end_check_then_act") {
                self.slot(number).word.store(new.pinned().0, Relaxed);
                Ok(())
            } else {
                self.swap(number, word, new.pinned(), Release)
            };
            match ended {
                Ok(()) => {
                    let waiter = self.take_waiter(number, word);
                    let spoils = Spoils {
                        waiter,
                        ..Spoils::none()
                    };
                    return Some(self.ended(number, word, verb, known, spoils));
                }
                Err(now) => word = now,
            }
        }
    }

    /// The author of an end gives its hold up: what is left of the job.
    pub fn let_go(&self, ended: Pinned<T, O>) -> Spoils<T, O> {
        match cfg!(guichet_bug = "slab_end_no_pin") && ended.spoils.payload.is_some() {
            true => ended.spoils,
            false => Spoils {
                waiter: ended.spoils.waiter,
                ..self.release(ended.slot)
            },
        }
    }

    fn ended(
        &self,
        number: u32,
        before: Word,
        _verb: Verb,
        known: Known,
        spoils: Spoils<T, O>,
    ) -> Pinned<T, O> {
        let trace = match before.state() {
            JobState::Waiting if before.has(SIDE) => Some(Trace::Side),
            JobState::Waiting if before.has(LINE) => Some(Trace::Line),
            _ => None,
        };
        Pinned {
            slot: number,
            spoils,
            before: before.state(),
            held: before.holders() > 0,
            epoch: Ticket::new(number, before).next_epoch(),
            noted: before.has(NOTED),
            occupancy: known.occupancy,
            attempts: count(known.attempts) - u32::from(before.has(FREE)),
            wishes: known.wishes,
            stale: trace.map(|trace| (Ticket::new(number, before), trace)),
        }
    }

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
            let held = word.holders() > 0 && !cfg!(guichet_bug = "slab_promote_held");
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
            let promoted = if cfg!(guichet_bug = "slab_promote_check_then_act") {
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

    /// Whether `word` says that the named job is delayed.
    fn is_delayed(&self, number: u32, occupancy: u64, word: Word) -> bool {
        word.state() == JobState::Delayed && self.slot(number).occupancy.load(Relaxed) == occupancy
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
        let order = order!("slab_reschedule_relaxed", Release);
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
        let order = order!("slab_reprioritize_delayed_relaxed", Release);
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
            let named = word.epoch() == ticket.epoch()
                || cfg!(guichet_bug = "slab_revoke_again_any_attempt");
            word.has(FULL) && word.state() == JobState::Active && named
        };
        let write = || {
            let record = self.record(ticket.slot());
            record.set_overlap(overlap);
            record.set_pause(due);
        };
        // ORDERING: Release — the instants, to `next_instant`; and, to the Acquire of `activate`, the attempt's number,
        // which the caller has by the name of the attempt.
        let order = order!("slab_revoke_relaxed", Release);
        let step = |word: Word| word.put_off(Verb::Retry).with(NOTED);
        self.rewrite(ticket.slot(), named, write, || {}, step, order)
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
            if cfg!(guichet_bug = "slab_rewrite_no_hold") {
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
            match self.swap(number, word, new, order!("slab_stray_relaxed", Release)) {
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
