//! Verbs of those who do not hold the job: cancellers, shutdown, the clerk.
//!
//! They name it by slot and occupancy, or by slot and what its record says; load the word, test, and swap
//! from the very word they loaded, so that what they tested still holds.

use super::slab::{Slab, Slot};
use super::tokens::{Entered, Spoils, Surfaced, Trace};
use super::word::{FULL, LINE, SIDE, STRAY, Ticket, WAITER, Word};
use crate::model::{JobState, Verb};
use crate::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::sync::order;

/// A job that was ended from outside.
#[must_use]
#[derive(Debug)]
pub struct Ended<T, O> {
    /// What the caller owns now.
    pub spoils: Spoils<T, O>,
    /// Where the job was.
    pub before: JobState,
    /// Its ticket, now stale, if one lies somewhere: to be taken out from the side, to surface in a line.
    pub stale: Option<(Ticket, Trace)>,
}

/// Why a waiting job did not get another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMoved {
    /// The ticket is not valid any more.
    Stale,
    /// A worker has taken the ticket and is about to begin.
    Starting,
}

impl<T, O> Slab<T, O> {
    /// `cancel`, `interrupt`, `return` or `expire`.
    ///
    /// `None` if the job is gone or the verb does not apply to its state.
    pub fn end(&self, number: u32, occupancy: u64, verb: Verb) -> Option<Ended<T, O>> {
        self.end_if(number, verb, |slot| {
            slot.occupancy.load(Relaxed) == occupancy
                || cfg!(guichet_bug = "slab_end_any_occupancy")
        })
    }

    /// `expire`: of whatever job is in the slot, if it is past its time to live at `now`.
    pub fn expire(&self, number: u32, now: u64) -> Option<Ended<T, O>> {
        self.end_if(number, Verb::Expire, |_| {
            let expiry = self.record(number).expiry(self.marks(number).optioned);
            expiry.is_some_and(|expires| expires <= now)
        })
    }

    fn end_if(
        &self,
        number: u32,
        verb: Verb,
        test: impl Fn(&Slot<T, O>) -> bool,
    ) -> Option<Ended<T, O>> {
        if number as usize >= self.capacity() {
            return None;
        }
        let mut word = self.load(number);
        loop {
            if !verb.applies_to(word.state()) || !test(self.slot(number)) {
                return None;
            }
            let new = word.apply(verb).without(WAITER);
            if cfg!(guichet_bug = "slab_end_no_pin")
                && word.holders() == 0
                && self.swap(number, word, new.without(FULL), Relaxed).is_ok()
            {
                let waiter = self.take_waiter(number, word);
                let payload = Some(self.move_payload(number));
                let vacant = None;
                return Some(self.ended(
                    number,
                    word,
                    Spoils {
                        vacant,
                        waiter,
                        payload,
                    },
                ));
            }
            // Our own hold, in the same step: nobody frees the slot while we still empty it.
            // Relaxed: payload and waiter came with the load, or with a failed swap, and the word's changes
            // in between keep its epoch only if they are surfacings or holds, which publish nothing.
            match self.swap(number, word, new.pinned(), Relaxed) {
                Ok(()) => {
                    let waiter = self.take_waiter(number, word);
                    let released = self.release(number);
                    return Some(self.ended(number, word, Spoils { waiter, ..released }));
                }
                Err(now) => word = now,
            }
        }
    }

    fn ended(&self, number: u32, before: Word, spoils: Spoils<T, O>) -> Ended<T, O> {
        let trace = match before.state() {
            JobState::Waiting if before.has(SIDE) => Some(Trace::Side),
            JobState::Waiting if before.has(LINE) => Some(Trace::Line),
            _ => None,
        };
        Ended {
            spoils,
            before: before.state(),
            stale: trace.map(|trace| (Ticket::new(number, before), trace)),
        }
    }

    /// `promote`: the delayed job in a slot waits, if `named` gives its occupancy, or else if it is due at `now`.
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
                None => self.record(number).due.load(Relaxed) <= now,
            };
            if word.state() != JobState::Delayed || !wanted {
                return None;
            }
            let trace = word.way_in(trace);
            let new = match trace {
                Trace::Line => word.apply(Verb::Promote).with(LINE),
                Trace::Side => word.apply(Verb::Promote).with(SIDE),
            };
            // ORDERING: AcqRel — what the job's last attempt did, passed on from `put_off` to `activate`. A Relaxed swap would
            // do, being in the release sequence of `put_off`; no bug stands for this one.
            match self.swap(number, word, new, AcqRel) {
                Ok(()) => {
                    let ticket = Ticket::new(number, new);
                    return Some(Entered { ticket, trace });
                }
                Err(now) => word = now,
            }
        }
    }

    /// `reschedule`: the delayed job is due at another instant, and not before `wall` on the wall clock, in nanoseconds since
    /// 1970, if that is not 0. False if it is not delayed or has gone.
    ///
    /// The spoils are those of a job that was ended meanwhile.
    pub fn reschedule(
        &self,
        number: u32,
        occupancy: u64,
        due: u64,
        wall: u64,
    ) -> (bool, Option<Spoils<T, O>>) {
        let mut word = self.load(number);
        // A hold first, so that the record stays this job's.
        loop {
            let named = self.slot(number).occupancy.load(Relaxed) == occupancy;
            if !named || word.state() != JobState::Delayed {
                return (false, None);
            }
            // Relaxed: the hold keeps, and publishes nothing.
            match self.swap(number, word, word.pinned(), Relaxed) {
                Ok(()) => break,
                Err(now) => word = now,
            }
        }
        let record = self.record(number);
        record.wall.store(wall, Relaxed);
        record.due.store(due, Relaxed);
        let mut held = word.pinned();
        loop {
            // ORDERING: Release — the new instant; pairs with the Acquire of `next_instant`'s load.
            let order = order!("slab_reschedule_relaxed", Release);
            let new = held.apply(Verb::Reschedule).released();
            match self.swap(number, held, new, order) {
                Ok(()) => return (true, None),
                Err(now) if now.state() == JobState::Delayed => held = now,
                Err(_) => return (false, Some(self.release(number))),
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
            // ORDERING: AcqRel — Release: which ticket is the stray, to whoever finds it; pairs with the load in
            // `surface`. Acquire and Release: payload and attempts, passed on to `activate`.
            match self.swap(number, word, new, order!("slab_stray_relaxed", AcqRel)) {
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

    /// Whether the job ended while it waited with this ticket.
    pub fn ended_waiting(&self, ticket: Ticket) -> bool {
        let word = self.load(ticket.slot());
        word.is_terminal() && word.follows(ticket)
    }

    /// The state of the named job; `None` when its slot has another or was never used.
    pub fn state(&self, number: u32, occupancy: u64) -> Option<JobState> {
        self.look(number, occupancy).map(|(state, _)| state)
    }

    /// The named job's state and, if it waits, its valid ticket.
    pub fn look(&self, number: u32, occupancy: u64) -> Option<(JobState, Option<Ticket>)> {
        if number as usize >= self.capacity() || occupancy == 0 {
            return None;
        }
        let word = self.load(number);
        if self.slot(number).occupancy.load(Relaxed) != occupancy {
            return None;
        }
        let waiting = word.state() == JobState::Waiting;
        Some((word.state(), waiting.then(|| Ticket::new(number, word))))
    }

    /// When something is to be done about the job in a slot, whoever it is: it is due, or expires.
    pub fn next_instant(&self, number: u32) -> Option<u64> {
        let word = self.load(number);
        let optioned = self.marks(number).optioned;
        match word.state() {
            JobState::Delayed => Some(self.record(number).next_while_delayed(optioned)),
            JobState::Waiting => self.record(number).expiry(optioned),
            _ => None,
        }
    }

    /// Every slot's occupancy and state, for counts: exact when nothing moves.
    pub fn scan(&self) -> impl Iterator<Item = (u32, u64, JobState)> + '_ {
        (0..self.capacity() as u32).map(|number| {
            let word = self.load(number);
            (number, self.occupancy_of(number), word.state())
        })
    }
}
