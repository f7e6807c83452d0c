//! Verbs of an attempt that decides its job: the job ends, and its slot is emptied at once or in steps.

use super::pool::Vacant;
use super::slab::Slab;
use super::tokens::{Claim, Settled, Spoils, Whole};
use super::word::{FULL, LETTER, LINE, NOTED, WAITER, Word};
use crate::model::Verb;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::seeded;

impl<T, O> Slab<T, O> {
    /// `complete` or `bury`: the attempt decides its job, unless somebody was faster.
    pub fn settle(&self, claim: Claim, verb: Verb) -> Settled<T, O> {
        match self.settle_whole(claim, verb) {
            Ok(whole) => whole.into(),
            Err(claim) => self.settle_in_steps(claim, verb),
        }
    }

    /// The same for the usual case, that the word is as the activation left it: one step decides, empties and vacates. For a
    /// path so busy that what it gives must not go through memory.
    ///
    /// # Errors
    /// The claim, if it is not so: then [`settle_in_steps`](Self::settle_in_steps).
    #[inline(always)]
    pub fn settle_whole(&self, claim: Claim, verb: Verb) -> Result<Whole<T, O>, Claim> {
        let old = claim.word;
        let alone = old.holders() == 1 && !old.has(LINE);
        if !alone || seeded!("slab_settle_check_then_act") {
            return Err(claim);
        }
        let new = old.apply(verb).without(WAITER).without(FULL).released();
        // ORDERING: Acquire — as in `settle_and`.
        let order = seeded!("slab_settle_relaxed", Relaxed => Acquire);
        match self.swap(claim.slot(), old, new, order) {
            Ok(()) => Ok(Whole {
                vacant: Vacant::new(claim.slot()),
                waiter: self.take_waiter(claim.slot(), old),
                payload: old.has(FULL).then(|| self.move_payload(claim.slot())),
                noted: old.has(NOTED),
            }),
            Err(_) => Err(claim),
        }
    }

    /// `settle`, whoever else holds the slot.
    pub fn settle_in_steps(&self, claim: Claim, verb: Verb) -> Settled<T, O> {
        self.settle_and(claim, verb, false)
    }

    /// `bury`, and the last holder owes the dead letter.
    pub fn bury_with_letter(&self, claim: Claim) -> Settled<T, O> {
        self.settle_and(claim, Verb::Bury, true)
    }

    fn settle_and(&self, claim: Claim, verb: Verb, letter: bool) -> Settled<T, O> {
        debug_assert!(
            matches!(verb, Verb::Complete | Verb::Bury),
            "{verb:?} settles no attempt"
        );
        // If this claim is the slot's only user, one step decides, empties and vacates. While others
        // hold the slot or a ticket or letter keeps it, it decides, and emptying takes steps of its own.
        let decide = |word: Word| {
            let new = word.apply(verb).without(WAITER);
            let alone = word.holders() == 1 || seeded!("slab_settle_ignores_holders");
            match alone && !word.has(LINE) && !letter {
                true => new.without(FULL).released(),
                false if letter => new.with(LETTER),
                false => new,
            }
        };
        let decided = if seeded!("slab_settle_check_then_act") {
            let unchanged = self.load(claim.slot()) == claim.word;
            let new = decide(claim.word);
            if unchanged {
                self.slot(claim.slot()).word.store(new.0, Relaxed);
            }
            unchanged.then_some((claim.word, new))
        } else {
            // ORDERING: Acquire — the reads of those who held the slot too and left, before the payload moves; pairs with the
            // Release in `release`. No Release: the next tenant's first use comes after the pool's Release and Acquire.
            let order = seeded!("slab_settle_steps_relaxed", Relaxed => Acquire);
            self.step(&claim, order, decide)
        };
        let Some((old, new)) = decided else {
            return Settled {
                won: false,
                noted: false,
                spoils: self.release(claim.slot()),
            };
        };
        let waiter = self.take_waiter(claim.slot(), old);
        let emptied = old.has(FULL) && !new.has(FULL);
        let ignored = seeded!("slab_settle_ignores_holders") && emptied;
        let spoils = if new.holders() == 0 || ignored {
            Spoils {
                vacant: Some(Vacant::new(claim.slot())),
                waiter,
                payload: old.has(FULL).then(|| self.move_payload(claim.slot())),
                owed: None,
            }
        } else {
            Spoils {
                waiter,
                ..self.release(claim.slot())
            }
        };
        Settled {
            won: true,
            noted: old.has(NOTED),
            spoils,
        }
    }
}
