//! What a slot knows of its job beyond the hot line: touched only for jobs that were sampled or have options.

use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

/// The cold part of a slot. Instants are nanoseconds of the queue's clock.
///
/// All cells are Relaxed: they are written by whoever makes the next step on the state word, before it, and
/// read after that word was loaded or between a load and a swap from it.
pub struct Record {
    /// When the job was admitted, if it is sampled.
    admitted_at: AtomicU64,
    /// When a delayed job is due.
    pub(super) due: AtomicU64,
    /// How many steps since the one that set `due` have left it as it was.
    pub(super) reprioritized: AtomicU32,
    /// The wall clock's time, in nanoseconds since 1970, before which it is not due either; 0 if none is set.
    pub(super) wall: AtomicU64,
    /// After which it is not handed out any more; 0 if never.
    expires: AtomicU64,
    /// What a heap orders by, if that is not the priority.
    key: AtomicU64,
    /// What ordered its ticket, if that was taken from the side.
    pub(super) side_key: AtomicU64,
    /// Whether the job goes in front of its peers when it is due.
    pub(super) newest: AtomicBool,
    /// The former ticket that lies in a line, while STRAY is set.
    pub(super) stray: AtomicU64,
    /// Its own pauses between attempts, packed; meaningless while `attempts` is 0.
    backoff: [AtomicU64; 3],
    /// Its own number of attempts; 0 for the queue's.
    attempts: AtomicU32,
    /// How long its attempts may take, in nanoseconds; 0 for what its worker says.
    timeout: AtomicU64,
    /// While it is delayed and a former handler still runs: from when on another attempt may begin beside that; 0 if never.
    pub(super) overlap: AtomicU64,
    /// What else is to be done at its end: bits that the table does not read.
    pub(super) at_end: AtomicU32,
}

/// What a job may say itself; the queue's word counts where it says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// After which instant it is not handed out any more; 0 if never.
    pub expires: u64,
    /// How often it is tried in all; 0 for the queue's number and pauses.
    pub attempts: u32,
    /// Its pauses, packed.
    pub backoff: [u64; 3],
    /// How long its attempts may take, in nanoseconds; 0 for what its worker says.
    pub timeout: u64,
    /// What else is to be done at its end.
    pub at_end: u32,
}

impl Record {
    pub(super) fn new() -> Self {
        Record {
            admitted_at: AtomicU64::new(0),
            due: AtomicU64::new(0),
            reprioritized: AtomicU32::new(0),
            wall: AtomicU64::new(0),
            expires: AtomicU64::new(0),
            key: AtomicU64::new(0),
            side_key: AtomicU64::new(0),
            newest: AtomicBool::new(false),
            stray: AtomicU64::new(0),
            backoff: [const { 0 }; 3].map(AtomicU64::new),
            attempts: AtomicU32::new(0),
            timeout: AtomicU64::new(0),
            overlap: AtomicU64::new(0),
            at_end: AtomicU32::new(0),
        }
    }

    /// When the job was admitted, in nanoseconds, if it is sampled.
    pub fn admitted_at(&self) -> u64 {
        self.admitted_at.load(Relaxed)
    }

    /// The job is sampled.
    #[inline(always)]
    pub fn set_admitted_at(&self, now: u64) {
        self.admitted_at.store(now, Relaxed);
    }

    /// When a delayed job is due.
    pub fn due(&self) -> u64 {
        self.due.load(Relaxed)
    }

    /// The wall clock's time before which a delayed job is not due; 0 if none is set.
    pub fn wall(&self) -> u64 {
        self.wall.load(Relaxed)
    }

    /// Whether the job goes in front of its peers when it is due.
    pub fn is_newest(&self) -> bool {
        self.newest.load(Relaxed)
    }

    /// What a heap orders a job with a deadline by.
    pub fn key(&self) -> u64 {
        self.key.load(Relaxed)
    }

    /// Where a job is to go that is being admitted, and when.
    pub fn set_entry(&self, due: u64, wall: u64, key: u64, newest: bool) {
        self.set_due(due);
        self.wall.store(wall, Relaxed);
        self.key.store(key, Relaxed);
        self.newest.store(newest, Relaxed);
    }

    /// The options of a job that is being admitted.
    pub fn set_own(&self, own: &Own) {
        self.expires.store(own.expires, Relaxed);
        self.attempts.store(own.attempts, Relaxed);
        self.timeout.store(own.timeout, Relaxed);
        self.at_end.store(own.at_end, Relaxed);
        for (cell, bits) in self.backoff.iter().zip(own.backoff) {
            cell.store(bits, Relaxed);
        }
    }

    /// How often the job is tried in all, if it says so itself. Means nothing of a job without options, as what follows.
    #[inline]
    pub fn attempts(&self) -> Option<u32> {
        match self.attempts.load(Relaxed) {
            0 => None,
            own => Some(own),
        }
    }

    /// The job's own pauses between its attempts, packed, if it has its own number of attempts.
    pub fn backoff(&self) -> Option<[u64; 3]> {
        self.attempts()?;
        let [base, cap, shape] = &self.backoff;
        Some([base, cap, shape].map(|cell| cell.load(Relaxed)))
    }

    /// How long its attempts may take, in nanoseconds; 0 for what its worker says.
    pub fn timeout(&self) -> u64 {
        self.timeout.load(Relaxed)
    }

    /// What else is to be done at its end: bits that the table does not read.
    pub fn at_end(&self) -> u32 {
        self.at_end.load(Relaxed)
    }

    /// A job pauses between two attempts, until `due`: what was said of its first wait is over.
    pub fn set_pause(&self, due: u64) {
        self.wall.store(0, Relaxed);
        self.newest.store(false, Relaxed);
        self.set_due(due);
    }

    /// From when on another attempt of a delayed job may begin beside a handler that still runs; 0 if never.
    pub fn set_overlap(&self, overlap: u64) {
        self.overlap.store(overlap, Relaxed);
    }

    /// A delayed job gets another instant, from its next step on.
    pub fn set_due(&self, due: u64) {
        self.reprioritized.store(0, Relaxed);
        self.due.store(due, Relaxed);
    }

    /// When a delayed job may wait again, if that is known: while a former handler runs, its return is waited for.
    pub(super) fn due_while_delayed(&self, held: bool) -> Option<u64> {
        let due = self.due.load(Relaxed);
        match (held, self.overlap.load(Relaxed)) {
            (false, _) => Some(due),
            (true, 0) => None,
            (true, overlap) => Some(due.max(overlap)),
        }
    }

    /// Whether a delayed job may wait for its next attempt.
    pub(super) fn may_resume(&self, held: bool, now: u64) -> bool {
        !held || matches!(self.overlap.load(Relaxed), 1.. if self.overlap.load(Relaxed) <= now)
    }

    /// When the job expires, if it does. Without options the cell may hold a former tenant's.
    pub(super) fn expiry(&self, optioned: bool) -> Option<u64> {
        let expires = if optioned {
            self.expires.load(Relaxed)
        } else {
            0
        };
        (expires != 0).then_some(expires)
    }
}

/// Marks of one job, beside its count of attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its latencies are taken.
    pub sampled: bool,
    /// Its record holds options of its own.
    pub optioned: bool,
}

const SAMPLED: u32 = 1 << 31;
const OPTIONED: u32 = 1 << 30;

impl Marks {
    pub(super) fn to_bits(self) -> u32 {
        (u32::from(self.sampled) * SAMPLED) | (u32::from(self.optioned) * OPTIONED)
    }

    #[inline(always)]
    pub(super) fn from_bits(bits: u32) -> Self {
        Marks {
            sampled: bits & SAMPLED != 0,
            optioned: bits & OPTIONED != 0,
        }
    }
}

/// The count of attempts without the marks beside it.
#[inline(always)]
pub(super) fn count(bits: u32) -> u32 {
    bits & (OPTIONED - 1)
}
