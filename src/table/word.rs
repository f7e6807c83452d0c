//! The state word of a slot, and the ticket that names one epoch of it.
//!
//! ```text
//! word    63 ───────── 24 23 ── 20   19    18    17    16     15     14    13     12    11 ─ 8  7 ───── 0
//!         epoch (40)      state (4)  LINE  SIDE  STRAY FULL  WAITER  FREE  NOTED  LETTER  spare  holders (8)
//! ticket  63 ───────── 24 23 ───────────────────────────────────────── 0
//!         epoch (40)      slot (24)
//! LINE    a ticket of this slot, valid or stale, lies in a line of a lane, or on a desk
//! SIDE    a ticket of this slot lies where tickets can be taken out: a lane's front, or a heap
//! STRAY   the ticket in the line is a former one; the record says which
//! FULL    the payload is in the slot; whoever clears the bit owns it
//! WAITER  a result cell is in the slot; whoever clears the bit owns it
//! FREE    the last attempt does not count: the next one has its number
//! NOTED   something is written down about the job outside the table
//! LETTER  the job is dead, and its dead letter has not been sent: it keeps slot and payload
//! holders running handlers, late ones included, and a settler that still empties the slot
//! ```
//! An epoch need only outlive one load-to-CAS window and one lane passage; jobs are named by a
//! 64-bit occupancy instead. Holders of an ended job come and go without an epoch, so there a word's
//! value can recur.

use std::fmt;

use crate::lane::ID_BITS;
use crate::model::{JobState, Verb};
use crate::sync::seeded;

pub(super) const SLOT_BITS: u32 = 24;
const HOLDERS: u64 = 0xff;
const STATE_SHIFT: u32 = 20;
const FLAGS: u64 = (1 << STATE_SHIFT) - 1;

/// One bit of a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(u64);

pub(super) const LINE: Flag = Flag(1 << 19);
pub(super) const SIDE: Flag = Flag(1 << 18);
pub(super) const STRAY: Flag = Flag(1 << 17);
pub(super) const FULL: Flag = Flag(1 << 16);
pub(super) const WAITER: Flag = Flag(1 << 15);
pub(super) const FREE: Flag = Flag(1 << 14);
pub(super) const NOTED: Flag = Flag(1 << 13);
pub(super) const LETTER: Flag = Flag(1 << 12);

const _: () = assert!(
    STATE_SHIFT + 4 == SLOT_BITS,
    "epochs of word and ticket must align"
);
const _: () = assert!(
    (LINE.0 | SIDE.0 | STRAY.0 | FULL.0 | WAITER.0 | FREE.0 | NOTED.0 | LETTER.0)
        & (HOLDERS | !FLAGS)
        == 0
);
const _: () = assert!(SLOT_BITS == ID_BITS, "a lane must find a ticket's slot");

/// Where a ticket lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// In a line: it stays there until it comes up.
    Line,
    /// Where it can be taken out: a lane's front, or a heap.
    Side,
}

impl Trace {
    #[inline(always)]
    pub(super) fn flag(self) -> Flag {
        match self {
            Trace::Line => LINE,
            Trace::Side => SIDE,
        }
    }
}

/// What a slot's atomic word says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word(pub(super) u64);

impl Word {
    /// The most likely word of a job whose valid ticket was just taken from where `trace` says.
    #[inline(always)]
    pub(super) fn waiting(ticket: Ticket, trace: Flag) -> Self {
        let state = (JobState::Waiting as u64) << STATE_SHIFT;
        Word((ticket.epoch() << SLOT_BITS) | state | trace.0 | FULL.0)
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

    /// Whether the job waits and `ticket` is its valid one.
    #[inline(always)]
    pub(super) fn admits(self, ticket: Ticket) -> bool {
        self.epoch() == ticket.epoch() && self.state() == JobState::Waiting
    }

    /// Whether one verb was applied since `ticket` was given out.
    pub(super) fn follows(self, ticket: Ticket) -> bool {
        // Epochs wrap, so this one's low bits are compared.
        self.0 >> SLOT_BITS == (ticket.0 >> SLOT_BITS).wrapping_add(1) & (u64::MAX >> SLOT_BITS)
    }

    /// Where a new ticket can go: to the line, unless a former one lies there.
    #[inline(always)]
    pub(super) fn way_in(self, wanted: Trace) -> Trace {
        if self.has(LINE) { Trace::Side } else { wanted }
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
        let letter = seeded!("word_letter_vacant", 0 => LETTER.0);
        let kept = LINE.0 | SIDE.0 | letter | HOLDERS;
        self.is_terminal() && self.0 & kept == 0
    }

    /// The only way to a new state: the next epoch, the verb's target, flags and holders kept.
    #[inline(always)]
    pub(super) fn apply(self, verb: Verb) -> Self {
        match verb.target() {
            Some(target) => self.lead_to(verb, target),
            None => self.lead_to(verb, self.state()),
        }
    }

    /// `admit` or `defer`: nothing of the former tenant is left.
    #[inline(always)]
    pub(super) fn admit(self, verb: Verb) -> Self {
        Word(self.apply(verb).0 & !FLAGS)
    }

    /// `retry` or `snooze` with a pause.
    pub(super) fn put_off(self, verb: Verb) -> Self {
        debug_assert!(matches!(verb, Verb::Retry | Verb::Snooze), "{verb:?}");
        self.lead_to(verb, JobState::Delayed)
    }

    #[inline(always)]
    fn lead_to(self, verb: Verb, target: JobState) -> Self {
        debug_assert!(verb.applies_to(self.state()), "{verb:?} on {self:?}");
        let step = seeded!("word_no_epoch", 0 => 1);
        let epoch = (self.epoch() + step) << SLOT_BITS;
        Word(epoch | (target as u64) << STATE_SHIFT | self.0 & FLAGS)
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
        let flags = [
            (LINE, " LINE"),
            (SIDE, " SIDE"),
            (STRAY, " STRAY"),
            (FULL, " FULL"),
            (WAITER, " WAITER"),
            (FREE, " FREE"),
            (NOTED, " NOTED"),
            (LETTER, " LETTER"),
        ];
        for (flag, name) in flags {
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

    /// The epoch that it names.
    #[inline(always)]
    pub fn epoch(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// The epoch after this one: what the next verb leads to.
    pub fn next_epoch(self) -> u64 {
        (self.epoch() + 1) & (u64::MAX >> SLOT_BITS)
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
