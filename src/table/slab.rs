//! Slots: what lies in one, how a job gets in, and the looks and steps that the verbs are made of.
//!
//! A verb pushes nothing and runs no user code: it moves what the winner now owns (result cell,
//! payload, vacant slot) into [`Spoils`](super::Spoils) or a [`Ticket`], and the caller does with it what it must.
//! A job that needs one attempt goes on in `activate.rs` and `settle.rs`; `again.rs` has the verbs that lead to another, `holders.rs`
//! what holders leave, `outside.rs` and `change.rs` the verbs of those who do not hold the job.

use std::mem::MaybeUninit;

use super::pool::Vacant;
use super::record::{Marks, Record};
use super::tokens::{Claim, Entry, Position};
use super::word::{FULL, NOTED, Ticket, Trace, WAITER, Word};
use crate::model::Verb;
use crate::park::Oneshot;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Arc, UnsafeCell, seeded};

/// The hot line of one job. A cache line for payloads of up to 24 bytes.
#[repr(align(64))]
pub(super) struct Slot<T, O> {
    pub(super) word: AtomicU64,
    /// How many jobs the slot has held, the present one included.
    pub(super) occupancy: AtomicU64,
    /// Where its ticket lay in its line, once it was taken out.
    place: AtomicU64,
    /// Attempts begun, and marks.
    pub(super) attempts: AtomicU32,
    pub(super) priority: AtomicU32,
    pub(super) payload: UnsafeCell<MaybeUninit<T>>,
    waiter: UnsafeCell<Option<Arc<Oneshot<O>>>>,
}

#[cfg(all(target_pointer_width = "64", not(any(guichet_loom, guichet_shuttle))))]
const _: () = assert!(size_of::<Slot<[u64; 3], ()>>() == 64);

/// A fixed number of slots. `T` is the payload, `O` what a waiter receives.
pub struct Slab<T, O> {
    slots: Box<[Slot<T, O>]>,
    records: Box<[Record]>,
}

// SAFETY: payloads are shared by `&T` only among holders, which `payload` requires `T: Sync` for,
// and moved only by whoever clears FULL; cells by whoever clears WAITER. The word orders both.
unsafe impl<T: Send, O: Send> Send for Slab<T, O> {}
// SAFETY: as above.
unsafe impl<T: Send, O: Send> Sync for Slab<T, O> {}

impl<T, O> Slab<T, O> {
    /// `capacity` vacant slots.
    pub fn new(capacity: usize) -> Self {
        let slot = |_| Slot {
            word: AtomicU64::new(0),
            occupancy: AtomicU64::new(0),
            place: AtomicU64::new(0),
            attempts: AtomicU32::new(0),
            priority: AtomicU32::new(0),
            payload: UnsafeCell::new(MaybeUninit::uninit()),
            waiter: UnsafeCell::new(None),
        };
        Slab {
            slots: (0..capacity).map(slot).collect(),
            records: (0..capacity).map(|_| Record::new()).collect(),
        }
    }

    /// How many slots there are.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// `admit` or `defer`: a job moves into a vacant slot. `stamp` gets the slot's number, its occupancy and its
    /// record, fills the record as far as the marks that it returns say, and names the priority.
    #[inline(always)]
    pub fn admit(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Option<Arc<Oneshot<O>>>,
        entry: Entry,
        stamp: impl FnOnce(u32, u64, &Record) -> (Marks, u32),
    ) -> (Ticket, u64) {
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
        let mut new = match entry {
            Entry::Waiting(trace) => old.admit(Verb::Admit).with(trace.flag()),
            Entry::Delayed => old.admit(Verb::Defer),
        }
        .with(FULL);
        if let Some(waiter) = waiter {
            // SAFETY: as above.
            slot.waiter.with_mut(|cell| unsafe { *cell = Some(waiter) });
            new = new.with(WAITER);
        }
        let occupancy = slot.occupancy.load(Relaxed) + 1;
        slot.occupancy.store(occupancy, Relaxed);
        let (marks, priority) = stamp(number, occupancy, self.record(number));
        slot.attempts.store(marks.to_bits(), Relaxed);
        slot.priority.store(priority, Relaxed);
        // ORDERING: Release — publishes payload, waiter, occupancy and record; pairs with the Acquire of
        // the CAS in `activate` and of the load in `end`.
        slot.word
            .store(new.0, seeded!("slab_admit_relaxed", Relaxed => Release));
        (Ticket::new(number, new), occupancy)
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
        self.slot(claim.slot())
            .payload
            .with(|cell| unsafe { (*cell).assume_init_ref() })
    }

    /// The cold part of a slot.
    #[inline(always)]
    pub fn record(&self, slot: u32) -> &Record {
        &self.records[slot as usize]
    }

    /// The priority of the job in a slot.
    #[inline(always)]
    pub fn priority(&self, slot: u32) -> u32 {
        self.slot(slot).priority.load(Relaxed)
    }

    /// Sets it.
    pub fn set_priority(&self, slot: u32, priority: u32) {
        self.slot(slot).priority.store(priority, Relaxed);
    }

    /// Remembers where the claimed job's ticket lay.
    #[inline(always)]
    pub fn set_position(&self, claim: &Claim, position: Position) {
        let aside = position.trace == Trace::Side;
        let place = position.place << 1 | i64::from(aside);
        self.slot(claim.slot()).place.store(place as u64, Relaxed);
        if aside {
            self.record(claim.slot())
                .side_key
                .store(position.key, Relaxed);
        }
    }

    /// Where the claimed job's ticket lay.
    pub fn position(&self, claim: &Claim) -> Position {
        let place = self.slot(claim.slot()).place.load(Relaxed) as i64;
        match place & 1 {
            0 => Position::in_line(place >> 1),
            _ => {
                let key = self.record(claim.slot()).side_key.load(Relaxed);
                Position::aside(place >> 1, key)
            }
        }
    }

    /// How many jobs the claimed slot has held, the claimed one included.
    #[inline(always)]
    pub fn occupancy(&self, claim: &Claim) -> u64 {
        self.slot(claim.slot()).occupancy.load(Relaxed)
    }

    /// How many jobs a slot has held, the present one included.
    pub fn occupancy_of(&self, slot: u32) -> u64 {
        self.slot(slot).occupancy.load(Relaxed)
    }

    /// Whether somebody else has decided the claimed job: its result will not be accepted.
    #[inline]
    pub fn is_revoked(&self, claim: &Claim) -> bool {
        self.load(claim.slot()).epoch() != claim.word.epoch()
    }

    /// Something is written down about the claimed job from now on; false if it was decided already.
    pub fn note(&self, claim: &Claim) -> bool {
        // Relaxed: publishes nothing; what is written down has a lock of its own.
        self.step(claim, Relaxed, |word| word.with(NOTED)).is_some()
    }

    /// A step of the attempt itself, if nobody has decided its job: the words before and after.
    #[inline(always)]
    pub(super) fn step(
        &self,
        claim: &Claim,
        order: Ordering,
        mut new: impl FnMut(Word) -> Word,
    ) -> Option<(Word, Word)> {
        let mut word = claim.word;
        loop {
            let next = new(word);
            if seeded!("slab_step_check_then_act") && !self.is_revoked(claim) {
                self.slot(claim.slot()).word.store(next.0, order);
                return Some((word, next));
            }
            match self.swap(claim.slot(), word, next, order) {
                Ok(()) => return Some((word, next)),
                // Somebody holds the slot too, or a stray ticket has surfaced: nothing is decided.
                Err(now) if now.epoch() == claim.word.epoch() => word = now,
                Err(_) => return None,
            }
        }
    }

    #[inline(always)]
    pub(super) fn take_waiter(&self, number: u32, before: Word) -> Option<Arc<Oneshot<O>>> {
        if !before.has(WAITER) {
            return None;
        }
        let waiter = &self.slot(number).waiter;
        // SAFETY: the step from `before` cleared WAITER and was ours; `admit` for the next tenant
        // comes after the slot was given back.
        waiter.with_mut(|cell| unsafe { (*cell).take() })
    }

    #[inline(always)]
    pub(super) fn move_payload(&self, number: u32) -> T {
        // SAFETY: only called by whoever cleared FULL, once; it was the last holder.
        self.slot(number)
            .payload
            .with_mut(|cell| unsafe { (*cell).assume_init_read() })
    }

    #[inline(always)]
    pub(super) fn slot(&self, number: u32) -> &Slot<T, O> {
        &self.slots[number as usize]
    }

    /// What is special about the job in a slot.
    #[inline(always)]
    pub fn marks(&self, number: u32) -> Marks {
        Marks::from_bits(self.slot(number).attempts.load(Relaxed))
    }

    #[inline(always)]
    pub(super) fn load(&self, number: u32) -> Word {
        // ORDERING: Acquire — what the author of the word published; pairs with every verb's Release.
        Word(
            self.slot(number)
                .word
                .load(seeded!("slab_load_relaxed", Relaxed => Acquire)),
        )
    }

    #[inline(always)]
    pub(super) fn swap(
        &self,
        number: u32,
        old: Word,
        new: Word,
        order: Ordering,
    ) -> Result<(), Word> {
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
