//! The state word of a slot, and the ticket that names one epoch of it.
//!
//! ```text
//! word    63 ───────── 24 23 ── 20   19     18     17    16 ─ 8  7 ───── 0
//!         epoch (40)      state (4)  LANE   FULL   WAITER  spare  holders (8)
//! ticket  63 ───────── 24 23 ───────────────────────────────────────── 0
//!         epoch (40)      slot (24)
//! LANE    a ticket of this slot, valid or stale, lies in a lane
//! FULL    the payload is in the slot; whoever clears the bit owns it
//! WAITER  a result cell is in the slot; whoever clears the bit owns it
//! holders running handlers, late ones included, and a settler that still empties the slot
//! ```
//! An epoch need only outlive one load-to-CAS window and one lane passage; jobs are named by a
//! 64-bit occupancy instead. Holders of an ended job come and go without an epoch, so there a word's
//! value can recur.

use std::fmt;

use crate::model::{JobState, Verb};

pub(super) const SLOT_BITS: u32 = 24;
const HOLDERS: u64 = 0xff;
const STATE_SHIFT: u32 = 20;
const FLAGS: u64 = (1 << STATE_SHIFT) - 1;

/// One bit of a word.
#[derive(Clone, Copy)]
pub(super) struct Flag(u64);

pub(super) const LANE: Flag = Flag(1 << 19);
pub(super) const FULL: Flag = Flag(1 << 18);
pub(super) const WAITER: Flag = Flag(1 << 17);

const _: () = assert!(
    STATE_SHIFT + 4 == SLOT_BITS,
    "epochs of word and ticket must align"
);
const _: () = assert!((LANE.0 | FULL.0 | WAITER.0) & (HOLDERS | !FLAGS) == 0);

/// What a slot's atomic word says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word(pub(super) u64);

impl Word {
    /// The word as the admission that gave out `ticket` left it, but for a waiter.
    #[inline(always)]
    pub(super) fn waiting(ticket: Ticket) -> Self {
        let state = (JobState::Waiting as u64) << STATE_SHIFT;
        Word((ticket.epoch() << SLOT_BITS) | state | LANE.0 | FULL.0)
    }

    /// Changes with every verb, and only then.
    #[inline(always)]
    pub fn epoch(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// Where the job is in its life.
    #[inline(always)]
    pub fn state(self) -> JobState {
        JobState::from_bits((self.0 >> STATE_SHIFT) & 0xf)
    }

    #[inline(always)]
    pub(super) fn is_terminal(self) -> bool {
        self.0 & (8 << STATE_SHIFT) != 0
    }

    #[inline(always)]
    pub(super) fn has(self, flag: Flag) -> bool {
        self.0 & flag.0 != 0
    }

    #[inline(always)]
    pub(super) fn holders(self) -> u64 {
        self.0 & HOLDERS
    }

    /// Nothing refers to the slot any more.
    #[inline(always)]
    pub(super) fn is_vacant(self) -> bool {
        self.is_terminal() && self.holders() == 0 && !self.has(LANE)
    }

    /// The only way to a new state: the next epoch, the verb's target, flags and holders kept.
    #[inline(always)]
    pub(super) fn apply(self, verb: Verb) -> Self {
        debug_assert!(verb.applies_to(self.state()), "{verb:?} on {self:?}");
        let step = if cfg!(guichet_bug = "word_no_epoch") {
            0
        } else {
            1
        };
        let epoch = (self.epoch() + step) << SLOT_BITS;
        Word(epoch | (verb.target() as u64) << STATE_SHIFT | self.0 & FLAGS)
    }

    #[inline(always)]
    pub(super) fn with(self, flag: Flag) -> Self {
        Word(self.0 | flag.0)
    }

    #[inline(always)]
    pub(super) fn without(self, flag: Flag) -> Self {
        Word(self.0 & !flag.0)
    }

    #[inline(always)]
    pub(super) fn pinned(self) -> Self {
        assert!(
            self.holders() < HOLDERS,
            "more than {HOLDERS} holders of one slot"
        );
        Word(self.0 + 1)
    }

    #[inline(always)]
    pub(super) fn released(self) -> Self {
        debug_assert!(self.holders() > 0, "{self:?}");
        Word(self.0 - 1)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} epoch {} holders {}",
            self.state(),
            self.epoch(),
            self.holders()
        )?;
        for (flag, name) in [(LANE, " LANE"), (FULL, " FULL"), (WAITER, " WAITER")] {
            if self.has(flag) {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

/// What lanes carry: a slot, and the epoch at which it was to be taken.
///
/// Stale as soon as any verb was applied to the slot; then it is dropped on sight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

impl Ticket {
    #[inline(always)]
    pub(super) fn new(slot: u32, word: Word) -> Self {
        Ticket((word.epoch() << SLOT_BITS) | u64::from(slot))
    }

    /// The slot it names.
    #[inline(always)]
    pub fn slot(self) -> u32 {
        (self.0 & ((1 << SLOT_BITS) - 1)) as u32
    }

    #[inline(always)]
    pub(super) fn epoch(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// As a number, for a shared cell.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// From what `to_bits` gave.
    pub fn from_bits(bits: u64) -> Self {
        Ticket(bits)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {} epoch {}", self.slot(), self.epoch())
    }
}
