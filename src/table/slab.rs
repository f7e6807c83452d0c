//! Slots and their verbs.
//!
//! A verb pushes nothing and runs no user code: it moves what the winner now owns (result cell,
//! payload, vacant slot) into [`Spoils`] or a [`Ticket`], and the caller does with it what it must.
//! Here is the path of a job that needs one attempt; `again.rs` has those that lead to another, `holders.rs` what
//! holders leave, `outside.rs` the verbs of those who do not hold the job.

use std::mem::MaybeUninit;

use super::pool::Vacant;
use super::record::{Marks, Record};
use super::tokens::{Claim, Entry, Position, Settled, Spoils, Surfaced, Whole};
use super::word::{FREE, FULL, LETTER, LINE, NOTED, STRAY, Ticket, Trace, WAITER, Word};
use crate::model::Verb;
use crate::park::Oneshot;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Arc, UnsafeCell, order};

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
            .store(new.0, order!("slab_admit_relaxed", Release));
        (Ticket::new(number, new), occupancy)
    }

    /// `activate`: begins an attempt of the job whose `ticket` came from where `trace` says.
    ///
    /// # Errors
    /// The ticket is stale, and has surfaced.
    #[inline(always)]
    pub fn activate(&self, ticket: Ticket, trace: Trace) -> Result<Claim, Surfaced> {
        self.activate_and(ticket, trace, |word| word)
    }

    /// `activate`, and moves the payload out: for handlers that take it by value. `None` if somebody still holds the slot, who
    /// may be reading the payload: a late handler, or who looks at the job.
    #[inline(always)]
    pub fn activate_owned(
        &self,
        ticket: Ticket,
        trace: Trace,
    ) -> Result<(Claim, Option<T>), Surfaced> {
        let empty = |word: Word| {
            let held = word.holders() > 1 && !cfg!(guichet_bug = "slab_take_held");
            if held { word } else { word.without(FULL) }
        };
        let claim = self.activate_and(ticket, trace, empty)?;
        let payload = (!claim.has_payload()).then(|| self.move_payload(claim.slot));
        Ok((claim, payload))
    }

    #[inline(always)]
    fn activate_and(
        &self,
        ticket: Ticket,
        trace: Trace,
        also: impl Fn(Word) -> Word,
    ) -> Result<Claim, Surfaced> {
        let slot = self.slot(ticket.slot());
        // The ticket tells the word almost surely, so the line is fetched once, exclusively.
        let mut word = Word::waiting(ticket, trace.flag());
        loop {
            if !word.admits(ticket) {
                return Err(self.surface(ticket, trace));
            }
            let active = word.apply(Verb::Activate).without(trace.flag());
            let active = match cfg!(guichet_bug = "slab_free_kept") {
                true => active,
                false => active.without(FREE),
            };
            let new = also(active.pinned());
            // ORDERING: Acquire — payload and former attempts, published by `admit` and `retry`, and the reads of who held the
            // slot; the ticket itself may have come over a desk, which orders nothing.
            let order = order!("slab_activate_relaxed", Acquire);
            if cfg!(guichet_bug = "slab_activate_check_then_act") {
                slot.word.store(new.0, Relaxed);
            } else if let Err(now) = self.swap(ticket.slot(), word, new, order) {
                word = now;
                continue;
            }
            let counts = !word.has(FREE) || cfg!(guichet_bug = "slab_free_ignored");
            let attempts = slot.attempts.load(Relaxed) + u32::from(counts);
            slot.attempts.store(attempts, Relaxed);
            return Ok(Claim {
                slot: ticket.slot(),
                word: new,
                attempts,
            });
        }
    }

    /// A stale ticket has left its lane.
    #[cold]
    pub fn surface(&self, ticket: Ticket, trace: Trace) -> Surfaced {
        let mut word = self.load(ticket.slot());
        loop {
            // Another copy of the ticket may have been used; then nothing is owed. Only the one that the
            // slot still counts on gives its trace up.
            let counted = if trace == Trace::Line && word.has(STRAY) {
                self.record(ticket.slot()).stray.load(Relaxed) == ticket.to_bits()
            } else {
                // One verb after the ticket's epoch, and the trace still there: the job ended while it waited.
                word.has(trace.flag()) && word.is_terminal() && word.follows(ticket)
            };
            if !counted {
                return Surfaced {
                    counted,
                    vacant: None,
                };
            }
            let mut new = word.without(trace.flag());
            if trace == Trace::Line {
                new = new.without(STRAY);
            }
            // Relaxed: the canceller's last use of the slot came with the load, or with a failed swap;
            // this thread used nothing; and a word with this flag is the last of its epoch to have it.
            match self.swap(ticket.slot(), word, new, Relaxed) {
                Ok(()) => {
                    return Surfaced {
                        counted,
                        vacant: new.is_vacant().then(|| Vacant::new(ticket.slot())),
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// Whether `ticket` is valid: its job waits.
    pub fn is_current(&self, ticket: Ticket) -> bool {
        self.load(ticket.slot()).admits(ticket)
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
        self.slot(claim.slot).place.store(place as u64, Relaxed);
        if aside {
            self.record(claim.slot)
                .side_key
                .store(position.key, Relaxed);
        }
    }

    /// Where the claimed job's ticket lay.
    pub fn position(&self, claim: &Claim) -> Position {
        let place = self.slot(claim.slot).place.load(Relaxed) as i64;
        match place & 1 {
            0 => Position::in_line(place >> 1),
            _ => {
                let key = self.record(claim.slot).side_key.load(Relaxed);
                Position::aside(place >> 1, key)
            }
        }
    }

    /// How many jobs the claimed slot has held, the claimed one included.
    #[inline(always)]
    pub fn occupancy(&self, claim: &Claim) -> u64 {
        self.slot(claim.slot).occupancy.load(Relaxed)
    }

    /// How many jobs a slot has held, the present one included.
    pub fn occupancy_of(&self, slot: u32) -> u64 {
        self.slot(slot).occupancy.load(Relaxed)
    }

    /// Whether somebody else has decided the claimed job: its result will not be accepted.
    #[inline]
    pub fn is_revoked(&self, claim: &Claim) -> bool {
        self.load(claim.slot).epoch() != claim.word.epoch()
    }

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
        if !alone || cfg!(guichet_bug = "slab_settle_check_then_act") {
            return Err(claim);
        }
        let new = old.apply(verb).without(WAITER).without(FULL).released();
        // ORDERING: Acquire — as in `settle_and`.
        let order = order!("slab_settle_relaxed", Acquire);
        match self.swap(claim.slot, old, new, order) {
            Ok(()) => Ok(Whole {
                vacant: Vacant::new(claim.slot),
                waiter: self.take_waiter(claim.slot, old),
                payload: old.has(FULL).then(|| self.move_payload(claim.slot)),
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
            let alone = word.holders() == 1 || cfg!(guichet_bug = "slab_settle_ignores_holders");
            match alone && !word.has(LINE) && !letter {
                true => new.without(FULL).released(),
                false if letter => new.with(LETTER),
                false => new,
            }
        };
        let decided = if cfg!(guichet_bug = "slab_settle_check_then_act") {
            let unchanged = self.load(claim.slot) == claim.word;
            let new = decide(claim.word);
            if unchanged {
                self.slot(claim.slot).word.store(new.0, Relaxed);
            }
            unchanged.then_some((claim.word, new))
        } else {
            // ORDERING: Acquire — the reads of those who held the slot too and left, before the payload moves; pairs with the
            // Release in `release`. No Release: the next tenant's first use comes after the pool's Release and Acquire.
            let order = order!("slab_settle_steps_relaxed", Acquire);
            self.step(&claim, order, decide)
        };
        let Some((old, new)) = decided else {
            return Settled {
                won: false,
                noted: false,
                spoils: self.release(claim.slot),
            };
        };
        let waiter = self.take_waiter(claim.slot, old);
        let emptied = old.has(FULL) && !new.has(FULL);
        let ignored = cfg!(guichet_bug = "slab_settle_ignores_holders") && emptied;
        let spoils = if new.holders() == 0 || ignored {
            Spoils {
                vacant: Some(Vacant::new(claim.slot)),
                waiter,
                payload: old.has(FULL).then(|| self.move_payload(claim.slot)),
                owed: None,
            }
        } else {
            Spoils {
                waiter,
                ..self.release(claim.slot)
            }
        };
        Settled {
            won: true,
            noted: old.has(NOTED),
            spoils,
        }
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
            if cfg!(guichet_bug = "slab_step_check_then_act") && !self.is_revoked(claim) {
                self.slot(claim.slot).word.store(next.0, order);
                return Some((word, next));
            }
            match self.swap(claim.slot, word, next, order) {
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
                .load(order!("slab_load_relaxed", Acquire)),
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
