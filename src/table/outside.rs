//! Ends of a job by those who do not hold it: cancellers, shutdown, the clerk.
//!
//! They name it by slot and occupancy, or by slot and what its record says; load the word, test, and swap
//! from the very word they loaded, so that what they tested still holds.

use super::record::{Marks, count};
use super::slab::{Slab, Slot};
use super::tokens::Spoils;
use super::word::{FREE, FULL, LETTER, LINE, NOTED, SIDE, Ticket, Trace, WAITER, Word};
use crate::model::{JobState, Verb};
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::seeded;

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
    pub at_end: u32,
    /// Its ticket, now stale, if one lies somewhere: to be taken out from the side, to surface in a line.
    pub stale: Option<(Ticket, Trace)>,
}

/// What is read of a job before the swap that ends it.
struct Known {
    occupancy: u64,
    attempts: u32,
    at_end: u32,
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
            slot.occupancy.load(Relaxed) == occupancy || seeded!("slab_end_any_occupancy")
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
            word.epoch() == ticket.epoch() || seeded!("slab_revoke_any_attempt")
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
                at_end: match Marks::from_bits(attempts).optioned {
                    true => self.record(number).at_end(),
                    false => 0,
                },
            };
            let mut new = word.apply(verb).without(WAITER);
            if letter {
                new = new.with(LETTER);
            }
            if seeded!("slab_end_no_pin")
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
                return Some(self.ended(number, word, known, spoils));
            }
            // Our own hold, in the same step: nobody frees the slot while we still empty it. Payload and
            // waiter came with the load, or with a failed swap, and the word's changes in between keep
            // its epoch only if they are surfacings or holds, which publish nothing.
            // ORDERING: Release — what the caller counted before the ticket became stale, to whoever finds
            // it so; pairs with the load in `surface`.
            // unseen: the count lies above this floor.
            let ended = if seeded!("slab_end_check_then_act") {
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
                    return Some(self.ended(number, word, known, spoils));
                }
                Err(now) => word = now,
            }
        }
    }

    /// The author of an end gives its hold up: what is left of the job.
    pub fn let_go(&self, ended: Pinned<T, O>) -> Spoils<T, O> {
        match seeded!("slab_end_no_pin") && ended.spoils.payload.is_some() {
            true => ended.spoils,
            false => Spoils {
                waiter: ended.spoils.waiter,
                ..self.release(ended.slot)
            },
        }
    }

    fn ended(&self, number: u32, before: Word, known: Known, spoils: Spoils<T, O>) -> Pinned<T, O> {
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
            at_end: known.at_end,
            stale: trace.map(|trace| (Ticket::new(number, before), trace)),
        }
    }
}
