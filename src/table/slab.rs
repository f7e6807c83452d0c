//! Slots and their verbs.
//!
//! A verb pushes nothing and runs no user code: it moves what the winner now owns (result cell,
//! payload, vacant slot) into [`Spoils`] or a [`Ticket`], and the caller does with it what it must.

use std::mem::MaybeUninit;

use super::pool::Vacant;
use super::word::{FULL, LANE, Ticket, WAITER, Word};
use crate::model::{JobState, Verb};
use crate::park::Oneshot;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Arc, UnsafeCell, order};

/// One job's record. A cache line for payloads of up to 24 bytes.
#[repr(align(64))]
struct Slot<T, O> {
    word: AtomicU64,
    /// How many jobs the slot has held, the present one included.
    occupancy: AtomicU64,
    /// When the job was admitted, if that is sampled.
    admitted_at: AtomicU64,
    /// Attempts begun.
    attempts: AtomicU32,
    payload: UnsafeCell<MaybeUninit<T>>,
    waiter: UnsafeCell<Option<Arc<Oneshot<O>>>>,
}

#[cfg(all(target_pointer_width = "64", not(any(guichet_loom, guichet_shuttle))))]
const _: () = assert!(size_of::<Slot<[u64; 3], ()>>() == 64);

/// A fixed number of slots. `T` is the payload, `O` what a waiter receives.
pub struct Slab<T, O> {
    slots: Box<[Slot<T, O>]>,
}

// SAFETY: payloads are shared by `&T` only among holders, which `payload` requires `T: Sync` for,
// and moved only by whoever clears FULL; cells by whoever clears WAITER. The word orders both.
unsafe impl<T: Send, O: Send> Send for Slab<T, O> {}
// SAFETY: as above.
unsafe impl<T: Send, O: Send> Sync for Slab<T, O> {}

/// A job that now waits in its slot; its ticket must go into a lane.
#[must_use = "a ticket that is not pushed strands its job"]
#[derive(Debug)]
pub struct Admitted {
    /// To be pushed.
    pub ticket: Ticket,
    /// Names the job among all that the slot ever holds.
    pub occupancy: u64,
}

/// The right to run one attempt, and the hold that keeps the slot for it.
#[must_use = "a claim that is not settled pins its slot for ever"]
#[derive(Debug)]
pub struct Claim {
    slot: u32,
    /// As the activation left it: the first guess of the verb that settles.
    word: Word,
    attempt: u32,
}

impl Claim {
    /// The claimed slot.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// What the author of a terminal step owns from then on.
///
/// Give the slot back first, so that whoever learns of the end finds it free; then the result;
/// then drop the payload, whose destructor may do anything.
#[must_use = "a vacant slot must be given back, a waiter must be answered"]
#[derive(Debug)]
pub struct Spoils<T, O> {
    /// To be given back to the pool.
    pub vacant: Option<Vacant>,
    /// To be answered.
    pub waiter: Option<Arc<Oneshot<O>>>,
    /// To be dropped or handed back.
    pub payload: Option<T>,
}

/// How an attempt's own settling went.
#[must_use]
#[derive(Debug)]
pub struct Settled<T, O> {
    /// Whether this attempt decided the job; else it came late, and only left its hold.
    pub won: bool,
    /// What the caller owns now, either way.
    pub spoils: Spoils<T, O>,
}

impl<T, O> Slab<T, O> {
    /// `capacity` vacant slots.
    pub fn new(capacity: usize) -> Self {
        let slot = |_| Slot {
            word: AtomicU64::new(0),
            occupancy: AtomicU64::new(0),
            admitted_at: AtomicU64::new(0),
            attempts: AtomicU32::new(0),
            payload: UnsafeCell::new(MaybeUninit::uninit()),
            waiter: UnsafeCell::new(None),
        };
        Slab {
            slots: (0..capacity).map(slot).collect(),
        }
    }

    /// How many slots there are.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// `admit`: a job moves into a vacant slot and waits. `stamp` gets the slot's number and its
    /// occupancy, and says when the job was admitted: 0 for "not sampled".
    #[inline(always)]
    pub fn admit(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Option<Arc<Oneshot<O>>>,
        stamp: impl FnOnce(u32, u64) -> u64,
    ) -> Admitted {
        let number = vacant.slot();
        let slot = self.slot(number);
        // Relaxed: `vacant` came through the pool, whose Acquire made the last tenant's end visible.
        let old = Word(slot.word.load(Relaxed));
        debug_assert!(
            old.0 == 0 || old.is_vacant() && !old.has(FULL) && !old.has(WAITER),
            "{old:?}"
        );
        // SAFETY: the slot is vacant and its only `Vacant` is here: nobody else may touch it.
        slot.payload.with_mut(|cell| unsafe {
            (*cell).write(payload);
        });
        let mut new = old.apply(Verb::Admit).with(LANE).with(FULL);
        if let Some(waiter) = waiter {
            // SAFETY: as above.
            slot.waiter.with_mut(|cell| unsafe { *cell = Some(waiter) });
            new = new.with(WAITER);
        }
        let occupancy = slot.occupancy.load(Relaxed) + 1;
        slot.occupancy.store(occupancy, Relaxed);
        slot.admitted_at.store(stamp(number, occupancy), Relaxed);
        slot.attempts.store(0, Relaxed);
        // ORDERING: Release — publishes payload, waiter and occupancy; pairs with the Acquire of
        // the CAS in `activate` and of the load in `end`.
        slot.word
            .store(new.0, order!("slab_admit_relaxed", Release));
        Admitted {
            ticket: Ticket::new(number, new),
            occupancy,
        }
    }

    /// `activate`: begins an attempt of the job that `ticket` names.
    ///
    /// A stale ticket has surfaced: that was its last trace in a lane, so its slot may now be
    /// vacant and comes back. `None` also means that another copy of the ticket was used.
    #[inline(always)]
    pub fn activate(&self, ticket: Ticket) -> Result<Claim, Option<Vacant>> {
        self.activate_and(ticket, |word| word)
    }

    /// `activate`, and moves the payload out: for handlers that take it by value.
    #[inline(always)]
    pub fn activate_owned(&self, ticket: Ticket) -> Result<(Claim, T), Option<Vacant>> {
        let claim = self.activate_and(ticket, |word| word.without(FULL))?;
        let payload = self.move_payload(claim.slot);
        Ok((claim, payload))
    }

    #[inline(always)]
    fn activate_and(
        &self,
        ticket: Ticket,
        also: impl Fn(Word) -> Word,
    ) -> Result<Claim, Option<Vacant>> {
        let slot = self.slot(ticket.slot());
        // The ticket tells the word almost surely, so the line is fetched once, exclusively.
        let mut word = Word::waiting(ticket);
        loop {
            if word.epoch() != ticket.epoch() || word.state() != JobState::Waiting {
                return Err(self.surface(ticket));
            }
            let new = also(word.apply(Verb::Activate).without(LANE).pinned());
            // ORDERING: Acquire — payload and former attempts, published by `admit` and `retry`; the
            // ticket itself may have come over a desk, which orders nothing.
            let order = order!("slab_activate_relaxed", Acquire);
            if cfg!(guichet_bug = "slab_activate_check_then_act") {
                slot.word.store(new.0, Relaxed);
            } else if let Err(now) = self.swap(ticket.slot(), word, new, order) {
                word = now;
                continue;
            }
            let attempt = slot.attempts.load(Relaxed) + 1;
            slot.attempts.store(attempt, Relaxed);
            return Ok(Claim {
                slot: ticket.slot(),
                word: new,
                attempt,
            });
        }
    }

    /// The last trace of a stale ticket leaves its lane.
    #[cold]
    fn surface(&self, ticket: Ticket) -> Option<Vacant> {
        let mut word = self.load(ticket.slot());
        loop {
            // One verb after the ticket's epoch and LANE still set: the job ended while it waited,
            // and this ticket's passage is what keeps the slot. Anything else: a used copy.
            let ended_waiting = word.epoch() == Word::waiting(ticket).apply(Verb::Cancel).epoch();
            if !(ended_waiting && word.is_terminal() && word.has(LANE)) {
                return None;
            }
            let new = word.without(LANE);
            // Relaxed: the canceller's last use of the slot came with the load, or with a failed swap;
            // this thread used nothing; and this word's value is the last of its epoch.
            match self.swap(ticket.slot(), word, new, Relaxed) {
                Ok(()) => return new.is_vacant().then(|| Vacant::new(ticket.slot())),
                Err(now) => word = now,
            }
        }
    }

    /// Whether `ticket` is valid still: its job waits.
    pub fn is_current(&self, ticket: Ticket) -> bool {
        let word = self.load(ticket.slot());
        word.epoch() == ticket.epoch() && word.state() == JobState::Waiting
    }

    /// The payload of a claimed job.
    #[inline(always)]
    pub fn payload<'a>(&'a self, claim: &'a Claim) -> &'a T
    where
        T: Sync,
    {
        assert!(
            claim.word.has(FULL),
            "the payload was moved out when the attempt began"
        );
        // SAFETY: the claim holds the slot, so FULL cannot be cleared while it lives, and nothing
        // writes to a payload in place.
        self.slot(claim.slot)
            .payload
            .with(|cell| unsafe { (*cell).assume_init_ref() })
    }

    /// When the claimed job was admitted; 0 if that was not sampled.
    #[inline(always)]
    pub fn admitted_at(&self, claim: &Claim) -> u64 {
        self.slot(claim.slot).admitted_at.load(Relaxed)
    }

    /// How many jobs the claimed slot has held, the claimed one included.
    #[inline(always)]
    pub fn occupancy(&self, claim: &Claim) -> u64 {
        self.slot(claim.slot).occupancy.load(Relaxed)
    }

    /// Whether somebody else has decided the claimed job: its result will not be accepted.
    #[inline]
    pub fn is_revoked(&self, claim: &Claim) -> bool {
        self.load(claim.slot).epoch() != claim.word.epoch()
    }

    /// `complete` or `bury`: the attempt decides its job, unless somebody was faster.
    #[inline(always)]
    pub fn settle(&self, claim: Claim, verb: Verb) -> Settled<T, O> {
        debug_assert!(
            matches!(verb, Verb::Complete | Verb::Bury),
            "{verb:?} settles no attempt"
        );
        // Nobody joins a running attempt without deciding it, so the word is as the activation left
        // it, with this claim its only holder, or it is lost. One step decides, empties and vacates.
        let new = claim
            .word
            .apply(verb)
            .without(WAITER)
            .without(FULL)
            .released();
        let decided = if cfg!(guichet_bug = "slab_settle_check_then_act") {
            let unchanged = self.load(claim.slot) == claim.word;
            if unchanged {
                self.slot(claim.slot).word.store(new.0, Relaxed);
            }
            unchanged
        } else {
            // Relaxed: this thread alone touches what it takes below, and the next tenant's first
            // use comes after the pool's Release and Acquire.
            self.swap(claim.slot, claim.word, new, Relaxed).is_ok()
        };
        if !decided {
            return Settled {
                won: false,
                spoils: self.release(claim.slot),
            };
        }
        let waiter = self.take_waiter(claim.slot, claim.word);
        let payload = claim.word.has(FULL).then(|| self.move_payload(claim.slot));
        let vacant = Some(Vacant::new(claim.slot));
        Settled {
            won: true,
            spoils: Spoils {
                vacant,
                waiter,
                payload,
            },
        }
    }

    /// `retry`: the attempt failed and its job waits again; the ticket must be pushed.
    ///
    /// The spoils of a late attempt come back instead if somebody else decided the job.
    pub fn retry(&self, claim: Claim) -> Result<Ticket, Spoils<T, O>> {
        let new = claim.word.apply(Verb::Retry).with(LANE).released();
        // ORDERING: Release — this attempt's effects before the next attempt's beginning (public
        // contract); pairs with the Acquire in `activate`.
        let order = order!("slab_retry_relaxed", Release);
        match self.swap(claim.slot, claim.word, new, order) {
            Ok(()) => Ok(Ticket::new(claim.slot, new)),
            Err(_) => Err(self.release(claim.slot)),
        }
    }

    /// `cancel`, `interrupt` or `return` by somebody who does not hold the slot, by name.
    ///
    /// `None` if the job is gone or the verb does not apply to its state.
    pub fn end(&self, number: u32, occupancy: u64, verb: Verb) -> Option<Spoils<T, O>> {
        let slot = self.slots.get(number as usize)?;
        let mut word = self.load(number);
        loop {
            let named = slot.occupancy.load(Relaxed) == occupancy
                || cfg!(guichet_bug = "slab_end_any_occupancy");
            if !named || !verb.applies_to(word.state()) {
                return None;
            }
            let new = word.apply(verb).without(WAITER);
            if cfg!(guichet_bug = "slab_end_no_pin")
                && word.holders() == 0
                && self.swap(number, word, new.without(FULL), Relaxed).is_ok()
            {
                let waiter = self.take_waiter(number, word);
                let payload = Some(self.move_payload(number));
                return Some(Spoils {
                    vacant: None,
                    waiter,
                    payload,
                });
            }
            // Our own hold, in the same step: nobody frees the slot while we still empty it.
            // Relaxed: payload and waiter came with the load, or with a failed swap, and a live word's
            // value is the only one of its epoch.
            match self.swap(number, word, new.pinned(), Relaxed) {
                Ok(()) => {
                    let waiter = self.take_waiter(number, word);
                    return Some(Spoils {
                        waiter,
                        ..self.release(number)
                    });
                }
                Err(now) => word = now,
            }
        }
    }

    /// A holder leaves. The last one of an ended job takes the payload; whoever makes the slot
    /// vacant takes the slot.
    fn release(&self, number: u32) -> Spoils<T, O> {
        let mut payload = None;
        let mut word = self.load(number);
        loop {
            let last = word.is_terminal() && word.holders() == 1;
            let mut new = word;
            if last && word.has(FULL) {
                new = new.without(FULL);
            }
            // While a ticket is out the hold must outlive the move: the ticket's surfacing would
            // vacate the slot under it.
            let moves = new != word;
            if !(moves && word.has(LANE)) {
                new = new.released();
            }
            // ORDERING: AcqRel — Release: my reads of the payload before the last holder's move;
            // Acquire: theirs before mine.
            match self.swap(number, word, new, order!("slab_release_relaxed", AcqRel)) {
                Ok(()) => {
                    if moves {
                        payload = Some(self.move_payload(number));
                    }
                    if new.holders() == word.holders() {
                        word = new;
                        continue;
                    }
                    let vacant = new.is_vacant().then(|| Vacant::new(number));
                    return Spoils {
                        vacant,
                        waiter: None,
                        payload,
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// The state of the named job; `None` when its slot has another or was never used.
    pub fn state(&self, number: u32, occupancy: u64) -> Option<JobState> {
        let slot = self.slots.get(number as usize)?;
        let word = self.load(number);
        (occupancy > 0 && slot.occupancy.load(Relaxed) == occupancy).then(|| word.state())
    }

    /// Every slot's occupancy and state, for counts: exact when nothing moves.
    pub fn scan(&self) -> impl Iterator<Item = (u32, u64, JobState)> + '_ {
        self.slots.iter().enumerate().map(|(number, slot)| {
            let word = self.load(number as u32);
            (number as u32, slot.occupancy.load(Relaxed), word.state())
        })
    }

    #[inline(always)]
    fn take_waiter(&self, number: u32, before: Word) -> Option<Arc<Oneshot<O>>> {
        if !before.has(WAITER) {
            return None;
        }
        let waiter = &self.slot(number).waiter;
        // SAFETY: the step from `before` cleared WAITER and was ours; `admit` for the next tenant
        // comes after the slot was given back.
        waiter.with_mut(|cell| unsafe { (*cell).take() })
    }

    #[inline(always)]
    fn move_payload(&self, number: u32) -> T {
        // SAFETY: only called by whoever cleared FULL, once; it was the last holder.
        self.slot(number)
            .payload
            .with_mut(|cell| unsafe { (*cell).assume_init_read() })
    }

    #[inline(always)]
    fn slot(&self, number: u32) -> &Slot<T, O> {
        &self.slots[number as usize]
    }

    #[inline(always)]
    fn load(&self, number: u32) -> Word {
        // ORDERING: Acquire — what the author of the word published; pairs with every verb's Release.
        Word(
            self.slot(number)
                .word
                .load(order!("slab_load_relaxed", Acquire)),
        )
    }

    #[inline(always)]
    fn swap(&self, number: u32, old: Word, new: Word, order: Ordering) -> Result<(), Word> {
        let word = &self.slot(number).word;
        // ORDERING: Acquire on failure — the word is used as if it had been loaded.
        word.compare_exchange(old.0, new.0, order, Acquire)
            .map(drop)
            .map_err(Word)
    }
}

impl<T, O> Drop for Slab<T, O> {
    /// Drops the payloads that are still there.
    fn drop(&mut self) {
        for number in 0..self.capacity() as u32 {
            if self.load(number).has(FULL) {
                drop(self.move_payload(number));
            }
        }
    }
}
