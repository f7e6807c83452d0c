//! The timed attempt that a worker shows to the clerk, and how another worker takes its place if it is stuck there.
//!
//! ```text
//! 0 ──begin──▶ ticket ──end──▶ 0: the worker goes on
//!                └──relieve──▶ RELIEVED ──end──▶ 0: the worker leaves
//! ```
//! The clerk takes no place away. It starts a thread, and that thread's first act is the step to `RELIEVED`; if the handler
//! has returned meanwhile, the step fails and the new thread leaves. So a worker leaves only if another one works in its
//! place, and at no time do more workers begin jobs than were asked for.

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use crate::sync::seeded;
use crate::table::Ticket;

/// Instead of a ticket: the worker is still in its handler, and another one does its work.
const RELIEVED: u64 = u64::MAX;

/// One worker's attempt that has a time-out.
pub(crate) struct TimedAttempt {
    /// Its ticket; 0 if there is none, `RELIEVED` if another worker has taken this one's place.
    current: CachePadded<AtomicU64>,
    /// When its time is over.
    deadline: AtomicU64,
    /// The owner is to leave. Only the owner touches it.
    relieved: AtomicBool,
    /// The last attempt that a replacement was started for, or was to be.
    sought: AtomicU64,
}

impl TimedAttempt {
    pub(crate) fn new() -> Self {
        TimedAttempt {
            current: CachePadded::new(AtomicU64::new(0)),
            deadline: AtomicU64::new(0),
            relieved: AtomicBool::new(false),
            sought: AtomicU64::new(0),
        }
    }

    /// Somebody becomes the owner.
    pub(crate) fn open(&self) {
        self.relieved.store(false, Relaxed);
    }

    /// The owner begins an attempt that is to be over by `deadline`.
    pub(crate) fn begin(&self, ticket: Ticket, deadline: u64) {
        // Who reads this deadline with the last attempt's ticket takes that for longer than it is, and looks again.
        self.deadline.store(deadline, Relaxed);
        // ORDERING: Release — the deadline, and whose the slot is, before the ticket; pairs with the Acquire in `view`.
        self.current.store(
            ticket.to_bits(),
            seeded!("relief_begin_relaxed", Relaxed => Release),
        );
    }

    /// The owner's handler has returned; whether another worker has taken its place.
    pub(crate) fn end(&self) -> bool {
        // ORDERING: Acquire — what the replacement read before its step in `relieve` was still this job's; partner: that step.
        let relieved = self
            .current
            .swap(0, seeded!("relief_end_relaxed", Relaxed => Acquire))
            == RELIEVED;
        if relieved {
            self.relieved.store(true, Relaxed);
        }
        relieved
    }

    /// The attempt, and when its time is over: never earlier than that is.
    pub(crate) fn view(&self) -> Option<(Ticket, u64)> {
        // ORDERING: Acquire — as in `begin`.
        match self
            .current
            .load(seeded!("relief_view_relaxed", Relaxed => Acquire))
        {
            0 | RELIEVED => None,
            bits => Some((Ticket::from_bits(bits), self.deadline.load(Relaxed))),
        }
    }

    /// Marks the attempt as one that a replacement is started for; false if it was marked before. Each is tried once, whether
    /// or not a thread can be had.
    pub(crate) fn seek(&self, ticket: Ticket) -> bool {
        self.sought.swap(ticket.to_bits(), Relaxed) != ticket.to_bits()
    }

    /// Whether a replacement was started for this attempt, or was to be.
    pub(crate) fn was_sought(&self, ticket: Ticket) -> bool {
        self.sought.load(Relaxed) == ticket.to_bits()
    }

    /// The replacement's first act: takes the owner's place, if its handler is still in the attempt. What `look` has found is
    /// then true of that attempt's job, since the handler held it all the while.
    pub(crate) fn relieve<X>(&self, ticket: Ticket, look: impl Fn() -> X) -> Option<X> {
        let found = look();
        // ORDERING: Release — what `look` read, before the owner goes on; pairs with the Acquire in `end`. The caller has
        // the ticket from `view`, by whose Acquire `look` finds the job of this attempt, not one before it.
        let order = seeded!("relief_take_relaxed", Relaxed => Release);
        let taken = self
            .current
            .compare_exchange(ticket.to_bits(), RELIEVED, order, Relaxed);
        taken.ok()?;
        seeded!("relief_looks_late", Some(look()) => Some(found))
    }

    /// Whether the owner is to leave; asked by the owner.
    pub(crate) fn is_relieved(&self) -> bool {
        self.relieved.load(Relaxed)
    }

    /// Whether the owner's handler runs on though another worker does its work.
    pub(crate) fn is_stuck(&self) -> bool {
        self.current.load(Relaxed) == RELIEVED
    }
}

/// How many replacements were started and have neither taken a place nor given up.
pub(crate) struct Coming(AtomicUsize);

impl Coming {
    /// None.
    pub(crate) fn new() -> Self {
        Coming(AtomicUsize::new(0))
    }

    /// One more. Only the clerk does this, so what it has counted before cannot have grown.
    pub(crate) fn enter(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One less: it has taken its place, or there is none for it.
    pub(crate) fn leave(&self) {
        // ORDERING: Release — the place taken before the count falls; pairs with the Acquire in `and_stuck`.
        self.0
            .fetch_sub(1, seeded!("relief_leave_relaxed", Relaxed => Release));
    }

    /// Those that are coming and those that have come, of whom `stuck` counts the places: one may be counted twice, none is
    /// missed.
    pub(crate) fn and_stuck(&self, stuck: impl Fn() -> usize) -> usize {
        let early = seeded!("relief_counts_backwards", Some(stuck()) => None);
        // ORDERING: Acquire — as in `leave`: who is not counted here is found in its place.
        let coming = self
            .0
            .load(seeded!("relief_count_relaxed", Relaxed => Acquire));
        coming + early.unwrap_or_else(stuck)
    }
}
