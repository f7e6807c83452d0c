//! An event count with searchers: waiting for a condition that others make true.
//!
//! A waiter announces that it looks, looks for a while, enlists as a sleeper, looks *once more* and
//! parks. Whoever makes the condition true asks afterwards who sleeps, and wakes the one idle
//! longest, unless somebody awake is looking already. Both sides put a full fence between their two
//! steps, so at least one of them sees the other.
//!
//! Sources: Vyukov's eventcount; folly `EventCount.h`; the searcher rule of Go's scheduler and of
//! rayon-core's `sleep`.

use std::collections::VecDeque;
use std::fmt;

use crossbeam_utils::CachePadded;

use super::patience::{Patience, Yields};
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicU64, fence};
use crate::sync::{Deadline, Mutex, fence_after_rmw, park_until, seeded, thread};

const SLEEPER: u64 = 1;
const SEARCHER: u64 = 1 << 32;

/// `63 ── searching ── 32 | 31 ── sleeping ── 0`
#[derive(Clone, Copy)]
struct Counts(u64);

impl Counts {
    fn searching(self) -> u64 {
        self.0 >> 32
    }
    fn sleeping(self) -> u64 {
        self.0 & (SEARCHER - 1)
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} searching, {} sleeping",
            self.searching(),
            self.sleeping()
        )
    }
}

/// How carefully a waiter looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// It will look again: what is easily seen, without getting in the way of who works.
    Glance,
    /// It will sleep if there is nothing.
    Exact,
}

/// Who sleeps, the one idle longest in front.
struct Sleepers {
    queue: VecDeque<(u64, thread::Thread)>,
    /// Names the entries; a woken sleeper's key is not in the queue.
    next_key: u64,
}

/// Lets threads wait for a condition that other threads make true.
///
/// Nobody asleep: a notification is a fence and a load. Waiters are served first come, first
/// served. A waiter that is notified and then does not need it passes the notification on.
pub struct EventCount {
    counts: CachePadded<AtomicU64>,
    sleepers: Mutex<Sleepers>,
    patience: Patience,
}

impl EventCount {
    /// An event count on which nobody waits.
    pub fn new(yields: Yields) -> Self {
        EventCount {
            counts: CachePadded::new(AtomicU64::new(0)),
            sleepers: Mutex::new(Sleepers {
                queue: VecDeque::with_capacity(16),
                next_key: 0,
            }),
            patience: Patience::new(yields),
        }
    }

    /// Waits until `attempt` gives something; `None` once `deadline` has passed.
    ///
    /// `attempt` must see whatever a thread did before it called a `notify`, if it is asked to be exact;
    /// while the waiter looks around a glance will do. `more` tells for how many
    /// units more an attempt could succeed; if for any, the next sleeper is woken in turn. `moved` tells how
    /// many units have been taken so far: a waiter yields its core while that gets on.
    pub fn wait_until<X>(
        &self,
        deadline: Option<Deadline>,
        attempt: impl FnMut(Care) -> Option<X>,
        more: impl Fn() -> usize,
        moved: impl Fn() -> u64,
    ) -> Option<X> {
        self.counts.fetch_add(SEARCHER, Relaxed);
        let found = self.search(deadline, attempt, moved);
        let before = Counts(self.counts.fetch_sub(SEARCHER, Relaxed));
        debug_assert!(before.searching() > 0, "{before:?}");
        if before.searching() == 1 && before.sleeping() > 0 {
            // Who made the condition true while we searched woke nobody and relies on us.
            // ORDERING: SeqCst fence — leaving the search comes before the look that `more` takes;
            // partner: the fence of `notify_one`.
            fence(SeqCst);
            if !seeded!("event_no_chain") && more() > 0 {
                self.wake(true);
            }
        }
        found
    }

    /// Returns as a searcher, whichever way it ends.
    fn search<X>(
        &self,
        deadline: Option<Deadline>,
        mut attempt: impl FnMut(Care) -> Option<X>,
        moved: impl Fn() -> u64,
    ) -> Option<X> {
        loop {
            let mut look = self.patience.look();
            while look.again(0, &moved) {
                if let Some(found) = attempt(Care::Glance) {
                    look.found();
                    return Some(found);
                }
            }
            let key = self.enlist();
            if !seeded!("event_no_fence") {
                // ORDERING: SeqCst fence — being listed comes before the last look; partner: the
                // fence of `notify_one`, whose caller either is seen by this look or sees us.
                fence(SeqCst);
            }
            if !seeded!("event_no_recheck")
                && let Some(found) = attempt(Care::Exact)
            {
                self.delist(key);
                return Some(found);
            }
            while self.is_listed(key) {
                if deadline.is_some_and(|end| end.passed()) && self.delist(key) {
                    return attempt(Care::Exact);
                }
                park_until(deadline);
            }
        }
    }

    /// Wakes the waiter that slept longest, unless an awake one is looking.
    ///
    /// Call it after the step that may make a waiter's attempt succeed.
    #[inline]
    pub fn notify_one(&self) {
        // ORDERING: SeqCst fence — the caller's step comes before the look at `counts`; partners:
        // the fences of `search` and `wait_until`.
        fence(SeqCst);
        self.notify_one_fenced();
    }

    /// `notify_one` for a caller whose step was a read-modify-write: cheaper on x86.
    #[inline]
    pub fn notify_one_after_rmw(&self) {
        if !seeded!("event_notify_no_fence") {
            // ORDERING: full fence — as in `notify_one`.
            fence_after_rmw();
        }
        self.notify_one_fenced();
    }

    /// Wakes every waiter: the condition is true for all of them, and for good.
    pub fn notify_all(&self) {
        // No fence: this takes the lock. Who enlists later looks once more afterwards, and sees what
        // came before the lock; who was listed is woken.
        while self.wake(false) {}
    }

    /// Whether anybody sleeps: a hint.
    #[inline]
    pub fn has_sleepers(&self) -> bool {
        Counts(self.counts.load(Relaxed)).sleeping() > 0
    }

    #[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
    pub(super) fn sleeping(&self) -> usize {
        Counts(self.counts.load(Relaxed)).sleeping() as usize
    }

    #[inline]
    fn notify_one_fenced(&self) {
        let counts = Counts(self.counts.load(Relaxed));
        if counts.sleeping() > 0 && counts.searching() == 0 {
            self.wake(true);
        }
    }

    /// Wakes the waiter that slept longest; with `calm`, none while somebody searches. Whether it did.
    #[cold]
    fn wake(&self, calm: bool) -> bool {
        let mut sleepers = self.sleepers.lock();
        if calm && Counts(self.counts.load(Relaxed)).searching() > 0 {
            return false;
        }
        let Some((_, sleeper)) = sleepers.queue.pop_front() else {
            return false;
        };
        // The woken thread searches from now on, before it runs: nobody wakes a second one.
        self.counts.fetch_add(SEARCHER - SLEEPER, Relaxed);
        drop(sleepers);
        sleeper.unpark();
        true
    }

    /// A searcher becomes a sleeper; its key.
    fn enlist(&self) -> u64 {
        let mut sleepers = self.sleepers.lock();
        let key = sleepers.next_key;
        sleepers.next_key += 1;
        sleepers.queue.push_back((key, thread::current()));
        self.counts.fetch_sub(SEARCHER - SLEEPER, Relaxed);
        key
    }

    /// A sleeper becomes a searcher by itself; false if it was woken before and is one already.
    fn delist(&self, key: u64) -> bool {
        let mut sleepers = self.sleepers.lock();
        let Some(at) = sleepers.queue.iter().position(|entry| entry.0 == key) else {
            return false;
        };
        sleepers.queue.remove(at);
        self.counts.fetch_add(SEARCHER - SLEEPER, Relaxed);
        true
    }

    fn is_listed(&self, key: u64) -> bool {
        self.sleepers
            .lock()
            .queue
            .iter()
            .any(|entry| entry.0 == key)
    }
}

impl fmt::Debug for EventCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventCount")
            .field(&Counts(self.counts.load(Relaxed)))
            .finish()
    }
}
