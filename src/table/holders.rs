//! Holders beside the attempt that runs: late handlers, those who look at a job, whoever sees to its letter.
//!
//! What an ended job leaves goes to its last holder; each says by its step how many are left.

use super::pool::Vacant;
use super::slab::Slab;
use super::tokens::{Claim, Owed, Spoils};
use super::word::{FULL, LETTER, LINE, SIDE, Ticket};
use crate::model::JobState;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::seeded;

impl<T, O> Slab<T, O> {
    /// A second hold on the attempt that `ticket` names, for somebody who looks at its job; to be given up with `leave`.
    pub fn hold(&self, ticket: Ticket) -> Option<Claim> {
        let number = ticket.slot();
        let mut word = self.load(number);
        loop {
            let named = word.epoch() == ticket.epoch() || seeded!("slab_hold_any_attempt");
            if !named || word.state() != JobState::Active {
                return None;
            }
            // Relaxed: the hold keeps, and publishes nothing.
            match self.swap(number, word, word.pinned(), Relaxed) {
                Ok(()) => {
                    return Some(Claim::new(
                        number,
                        word.pinned(),
                        self.slot(number).attempts.load(Relaxed),
                    ));
                }
                Err(now) => word = now,
            }
        }
    }

    /// Gives a hold up without a word about the job.
    pub fn leave(&self, claim: Claim) -> Spoils<T, O> {
        self.release(claim.slot())
    }

    /// A holder leaves. The last one of an ended job takes the payload; whoever makes the slot
    /// vacant takes the slot.
    pub(super) fn release(&self, number: u32) -> Spoils<T, O> {
        let mut payload = None;
        let mut word = self.load(number);
        loop {
            let last = word.is_terminal() && word.holders() == 1;
            if word.has(LETTER) && (last || seeded!("slab_letter_early")) {
                // The hold goes on: whoever has it sees to the letter.
                return Spoils {
                    owed: Some(Owed::Letter(number)),
                    ..Spoils::none()
                };
            }
            let mut new = word;
            if last && word.has(FULL) {
                new = new.without(FULL);
            }
            // While a ticket is out the hold must outlive the move: the ticket's surfacing would
            // vacate the slot under it.
            let moves = new != word;
            if !(moves && (word.has(LINE) || word.has(SIDE))) {
                new = new.released();
            }
            // ORDERING: AcqRel — Release: my reads of the payload before the last holder's move;
            // Acquire: theirs before mine.
            // unseen: the Acquire alone. An ended job gains no holder, so what is replaced is what `load` or a failed
            // swap acquired; it is here for a holder who could come late.
            match self.swap(
                number,
                word,
                new,
                seeded!("slab_release_relaxed", Relaxed => AcqRel),
            ) {
                Ok(()) => {
                    if moves {
                        payload = Some(self.move_payload(number));
                    }
                    if new.holders() == word.holders() {
                        word = new;
                        continue;
                    }
                    let vacant = new.is_vacant().then(|| Vacant::new(number));
                    let waits = new.state() == JobState::Delayed
                        && (new.holders() == 0) != seeded!("slab_owed_to_first")
                        && !seeded!("slab_owed_forgotten");
                    return Spoils {
                        vacant,
                        payload,
                        owed: waits.then_some(Owed::Announcement(number)),
                        ..Spoils::none()
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// Takes the dead letter's payload, if its handler has left it, and the hold that came with
    /// [`Owed::Letter`](super::Owed); the spoils are what is left of the job.
    pub fn send_letter(&self, number: u32) -> (Option<T>, Spoils<T, O>) {
        let mut word = self.load(number);
        let full = loop {
            debug_assert!(
                word.is_terminal() && word.has(LETTER) && word.holders() > 0,
                "{word:?}"
            );
            // Relaxed: this hold is the last, and LETTER keeps the slot, so nobody else moves the payload.
            match self.swap(number, word, word.without(FULL), Relaxed) {
                Ok(()) => break word.has(FULL),
                Err(now) => word = now,
            }
        };
        let payload = full.then(|| self.move_payload(number));
        let mut word = self.load(number);
        loop {
            // Relaxed: no verb, and the slot's next tenant comes after the pool's Release and Acquire.
            let new = seeded!("slab_letter_twice", word => word.without(LETTER));
            match self.swap(number, word, new, Relaxed) {
                Ok(()) => return (payload, self.release(number)),
                Err(now) => word = now,
            }
        }
    }

    /// The dead letter can't be sent now: gives the hold up; slot and payload stay.
    pub fn keep_letter(&self, number: u32) {
        let mut word = self.load(number);
        loop {
            // ORDERING: Release — whatever the holders did before the letter is sent; pairs with the Acquire in `hold_letter`.
            let order = seeded!("slab_keep_letter_relaxed", Relaxed => Release);
            match self.swap(number, word, word.released(), order) {
                Ok(()) => return,
                Err(now) => word = now,
            }
        }
    }

    /// Holds a letter that was kept, to send it.
    pub fn hold_letter(&self, number: u32) {
        let mut word = self.load(number);
        loop {
            debug_assert!(word.is_terminal() && word.has(LETTER), "{word:?}");
            // Relaxed: what the holders did came with the load, or with a failed swap; and who holds the letter
            // between these and keeps it again, has not touched the job.
            match self.swap(number, word, word.pinned(), Relaxed) {
                Ok(()) => return,
                Err(now) => word = now,
            }
        }
    }
}
