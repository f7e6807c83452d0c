//! What the verbs take and give: a ticket and its place, the right to an attempt, the spoils of an end.

use super::pool::Vacant;
use super::record::{self, Marks};
use super::word::{FULL, Ticket, Trace, Word};
use crate::park::Oneshot;
use crate::sync::Arc;

/// Where a ticket lay, so that it can go back there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// In a line, or on the side.
    pub trace: Trace,
    /// Its place there.
    pub place: i64,
    /// What orders tickets on the side: a front's tie, a heap's key. Means nothing of a ticket in a line.
    pub key: u64,
}

impl Position {
    /// A place in a line.
    pub fn in_line(place: i64) -> Self {
        Position {
            trace: Trace::Line,
            place,
            key: 0,
        }
    }

    /// A place on the side.
    pub fn aside(place: i64, key: u64) -> Self {
        Position {
            trace: Trace::Side,
            place,
            key,
        }
    }
}

/// A job that now waits; its ticket must go where `trace` says.
#[must_use = "a ticket that is not put into a lane strands its job"]
#[derive(Clone, Copy, Debug)]
pub struct Entered {
    /// The job's only valid ticket.
    pub ticket: Ticket,
    /// Where it must go: to the side, if a former one still lies in a line.
    pub trace: Trace,
}

/// How a job is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It waits, and its ticket goes where the trace says.
    Waiting(Trace),
    /// It is delayed.
    Delayed,
}

/// What a stale ticket was worth.
#[must_use = "a vacant slot must be given back"]
#[derive(Debug)]
pub struct Surfaced {
    /// The slot counted on it; else another copy of it was used.
    pub counted: bool,
    /// It was the slot's last trace.
    pub vacant: Option<Vacant>,
}

/// The right to run one attempt, and the hold that keeps the slot for it.
///
/// Two words, which are passed in registers: three cells would be written one by one and copied as one, and the
/// copy would wait for them.
#[must_use = "a claim that is not settled pins its slot for ever"]
#[derive(Debug)]
pub struct Claim {
    /// As the activation left it: the first guess of the verb that settles.
    pub(super) word: Word,
    /// `63 ── attempt's number, the job's marks ── 32 31 ── slot ── 0`
    named: u64,
}

impl Claim {
    /// Of the attempt that `word` has begun.
    #[inline(always)]
    pub(super) fn new(slot: u32, word: Word, attempts: u32) -> Self {
        let named = u64::from(attempts) << 32 | u64::from(slot);
        Claim { word, named }
    }

    /// The claimed slot.
    #[inline(always)]
    pub fn slot(&self) -> u32 {
        self.named as u32
    }

    /// Names this attempt, and no other, as a number for a shared cell.
    #[inline(always)]
    pub fn ticket(&self) -> Ticket {
        Ticket::new(self.slot(), self.word)
    }

    #[inline(always)]
    fn attempts(&self) -> u32 {
        (self.named >> 32) as u32
    }

    /// Which attempt this is, from 1.
    #[inline(always)]
    pub fn attempt(&self) -> u32 {
        record::count(self.attempts())
    }

    /// What is special about the job.
    #[inline(always)]
    pub fn marks(&self) -> Marks {
        Marks::from_bits(self.attempts())
    }

    /// Whether the payload is in the slot; else it was moved out when the attempt began, and there can't be another one.
    #[inline(always)]
    pub fn has_payload(&self) -> bool {
        self.word.has(FULL)
    }

    /// What can still be said of the attempt when the claim is used up.
    #[inline(always)]
    pub fn past(&self) -> Past {
        let (word, named) = (self.word, self.named);
        Past(Claim { word, named })
    }
}

/// What there is to say of an attempt whose claim is used up. No right to anything.
#[derive(Debug)]
pub struct Past(Claim);

impl Past {
    /// The slot of its job then.
    #[inline(always)]
    pub fn slot(&self) -> u32 {
        self.0.slot()
    }

    /// The epoch that the step behind it led to.
    pub fn next_epoch(&self) -> u64 {
        self.0.ticket().next_epoch()
    }

    /// Which attempt it was.
    pub fn attempt(&self) -> u32 {
        self.0.attempt()
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
    /// What else there is to do.
    pub owed: Option<Owed>,
}

impl<T, O> Spoils<T, O> {
    #[inline(always)]
    pub(super) fn none() -> Self {
        Spoils {
            vacant: None,
            waiter: None,
            payload: None,
            owed: None,
        }
    }
}

/// What few steps leave to their author, beside their spoils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// The dead letter of the job in this slot: the author holds it until `send_letter` or `keep_letter`.
    Letter(u32),
    /// The delayed job in this slot waited for its former handler: it is to be announced.
    Announcement(u32),
}

/// What an attempt's own settling gives when nobody else had to do with its job.
#[must_use]
#[derive(Debug)]
pub struct Whole<T, O> {
    /// To be given back to the pool.
    pub vacant: Vacant,
    /// To be answered.
    pub waiter: Option<Arc<Oneshot<O>>>,
    /// To be dropped.
    pub payload: Option<T>,
    /// Whether something is written down about the job.
    pub noted: bool,
}

impl<T, O> From<Whole<T, O>> for Settled<T, O> {
    fn from(whole: Whole<T, O>) -> Self {
        Settled {
            won: true,
            noted: whole.noted,
            spoils: Spoils {
                vacant: Some(whole.vacant),
                waiter: whole.waiter,
                payload: whole.payload,
                owed: None,
            },
        }
    }
}

/// How an attempt's own settling went.
#[must_use]
#[derive(Debug)]
pub struct Settled<T, O> {
    /// Whether this attempt decided the job; else it came late, and only left its hold.
    pub won: bool,
    /// Whether something is written down about the job.
    pub noted: bool,
    /// What the caller owns now, either way.
    pub spoils: Spoils<T, O>,
}
