//! What a queue is told beside running plain jobs, in one word that every job's path reads.
//!
//! A plain job asks it three times, each time with a load and a test: before its start, after the step that begins its attempt,
//! and after the step that ends it. Whatever else there is to do hides behind these tests.

use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::atomic::{AtomicU32, fence};
use crate::sync::{fence_after_rmw, seeded};

/// Some of the switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting(u32);

impl Setting {
    /// The queue refuses jobs; workers finish what is there.
    pub(crate) const DRAINING: Self = Setting(1 << 0);
    /// What is left is being ended; workers start nothing more.
    pub(crate) const STOPPED: Self = Setting(1 << 1);
    /// Nothing starts until somebody says so.
    pub(crate) const PAUSED: Self = Setting(1 << 2);
    /// Nothing starts until an instant.
    pub(crate) const HELD: Self = Setting(1 << 3);
    /// Some job had a time to live.
    pub(crate) const MORTAL: Self = Setting(1 << 4);
    /// Some attempt may have a time-out.
    pub(crate) const TIMED: Self = Setting(1 << 5);
    /// Somebody listens to events.
    pub(crate) const HEARD: Self = Setting(1 << 6);
    /// What becomes of completed jobs is of interest: a hook, their records, their results.
    pub(crate) const FOLLOWED: Self = Setting(1 << 7);
    /// A dead letter found no room here.
    pub(crate) const AWAITED: Self = Setting(1 << 8);

    /// Some ticket became stale where it lay, or in somebody's hand.
    pub(crate) const STRAYED: Self = Setting(1 << 10);

    /// What was left has been ended, and told.
    pub(crate) const OVER: Self = Setting(1 << 9);

    /// No more jobs are taken.
    pub(crate) const CLOSED: Self = Setting(Self::DRAINING.0 | Self::STOPPED.0);
    /// No attempt begins.
    pub(crate) const HALTED: Self = Setting(Self::PAUSED.0 | Self::HELD.0);
    /// None of them.
    pub(crate) const NONE: Self = Setting(0);
    /// No attempt begins, or none ever will.
    pub(crate) const IDLE: Self = Setting(Self::STOPPED.0 | Self::HALTED.0);
    /// Something is to be done before a worker looks at the next ticket.
    pub(crate) const BEFORE_START: Self = Setting(Self::IDLE.0 | Self::TIMED.0);

    /// Something is to be done when an attempt has begun.
    pub(crate) const AT_START: Self = Setting(Self::HALTED.0 | Self::TIMED.0 | Self::HEARD.0);

    /// Whether one of `some` is on.
    #[inline(always)]
    pub(crate) fn any(self, some: Setting) -> bool {
        self.0 & some.0 != 0
    }

    /// Whether a worker of a halted queue leaves: nobody will end a pause for it in a shutdown, while a hold ends by itself.
    pub(crate) fn dismisses(self) -> bool {
        self.any(Self::STOPPED) || self.any(Self::DRAINING) && self.any(Self::PAUSED)
    }
}

/// The switches of one queue.
pub(crate) struct Switches(AtomicU32);

impl Switches {
    /// All off.
    pub(crate) fn new() -> Self {
        Switches(AtomicU32::new(0))
    }

    /// How they are set, about now.
    #[inline(always)]
    pub(crate) fn now(&self) -> Setting {
        Setting(self.0.load(Relaxed))
    }

    /// How they are set, with what came before they were set so.
    #[inline(always)]
    pub(crate) fn seen(&self) -> Setting {
        // ORDERING: Acquire — what the thread that turned a switch did before; pairs with `turn_on`.
        Setting(self.0.load(Acquire))
    }

    /// How they are set after the caller's last step, a read-modify-write. Who turned a switch and put a fence either is
    /// seen here or sees that step.
    #[inline(always)]
    pub(crate) fn after_step(&self) -> Setting {
        if !seeded!("switch_step_no_fence") {
            // ORDERING: full fence — the caller's step before this look; partner: the fences behind `turn_on`.
            fence_after_rmw();
        }
        self.now()
    }

    /// Turns `some` on.
    pub(crate) fn turn_on(&self, some: Setting) {
        // ORDERING: Release — what the caller did before; pairs with the Acquire of `seen`.
        self.0.fetch_or(some.0, Release);
    }

    /// What the caller turned comes before whatever it does next.
    pub(crate) fn fence(&self) {
        if !seeded!("switch_turn_no_fence") {
            // ORDERING: SeqCst fence — the switch before the caller's next look or step; partner: the fence of `after_step`.
            fence(SeqCst);
        }
    }

    /// Turns `some` off.
    pub(crate) fn turn_off(&self, some: Setting) {
        // ORDERING: Release — as in `turn_on`.
        self.0.fetch_and(!some.0, Release);
    }
}
