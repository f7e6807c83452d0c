//! Who of those who wait is woken, and when nobody is.

use super::tests::{until, watched};
use super::*;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Deadline, thread};
use std::time::Duration;

/// Those who wait for `units` above 0.
struct Waiters {
    event: EventCount,
    units: AtomicU32,
    /// How often one of them has looked before it would sleep.
    exact: AtomicU32,
}

impl Waiters {
    fn new() -> Self {
        Waiters {
            event: EventCount::new(Yields::Freely),
            units: AtomicU32::new(0),
            exact: AtomicU32::new(0),
        }
    }

    /// One more waits, and asks nobody else to.
    fn wait(&self) {
        let attempt = |care| {
            let found = (self.units.load(Relaxed) > 0).then_some(());
            if care == Care::Exact {
                self.exact.fetch_add(1, Relaxed);
            }
            found
        };
        self.event.wait_until(None, attempt, || 0, || 0);
    }

    /// The same, and takes the unit that it finds.
    fn wait_and_take(&self) {
        let attempt = |care| {
            let take = |units: u32| units.checked_sub(1);
            let found = self.units.fetch_update(Relaxed, Relaxed, take).ok();
            if care == Care::Exact {
                self.exact.fetch_add(1, Relaxed);
            }
            found
        };
        self.event.wait_until(None, attempt, || 0, || 0);
    }

    /// So many sleep, each after its last look.
    fn all_sleep(&self, number: u32) {
        until(|| self.event.sleeping() == number as usize && self.exact.load(Relaxed) == number);
    }

    /// One that finds something at once, and knows of so many units more.
    fn pass(&self, more: usize) {
        let found = self.event.wait_until(None, |_| Some(7), || more, || 0);
        assert_eq!(found, Some(7));
    }
}

/// One that searches until the gate opens.
fn search(waiters: &Waiters, gate: &AtomicU32) {
    let attempt = |_| {
        gate.fetch_max(1, Relaxed);
        until(|| gate.load(Relaxed) == 2);
        Some(())
    };
    waiters.event.wait_until(None, attempt, || 1, || 0);
}

#[test]
fn an_event_that_does_not_come_ends_in_time() {
    watched(|| {
        let event = EventCount::new(Yields::Warily);
        let soon = Deadline::after(Duration::from_millis(1));
        let found = event.wait_until(Some(soon), |_| None::<()>, || 0, || 0);
        assert_eq!(found, None);
        assert!(soon.passed() && !event.has_sleepers());
    });
}

#[test]
fn before_it_sleeps_a_waiter_looks_once_more() {
    watched(|| {
        let event = EventCount::new(Yields::Freely);
        let attempt = |care| (care == Care::Exact).then_some(7);
        assert_eq!(event.wait_until(None, attempt, || 0, || 0), Some(7));
        assert_eq!(event.sleeping(), 0);
    });
}

#[test]
fn where_nobody_sleeps_nobody_asks_for_more() {
    let event = EventCount::new(Yields::Freely);
    let more = || -> usize { panic!("nobody sleeps") };
    assert_eq!(event.wait_until(None, |_| Some(7), more, || 0), Some(7));
    event.notify_one();
    event.notify_all();
    assert_eq!(event.sleeping(), 0);
}

/// Sleepers are served in the order in which they came.
#[test]
fn the_longest_sleeper_is_woken_first() {
    let (event, turn) = (EventCount::new(Yields::Freely), AtomicU32::new(0));
    let take_turns = || {
        thread::scope(|scope| {
            for number in 1..=3 {
                let (event, turn) = (&event, &turn);
                scope.spawn(move || {
                    let mine = |_| (turn.load(Relaxed) >= number).then_some(());
                    let more = || usize::from(turn.load(Relaxed) > number);
                    event.wait_until(None, mine, more, || 0)
                });
                // The next one starts when this one is listed.
                until(|| event.sleeping() == number as usize);
            }
            for number in 1..=3 {
                turn.store(number, Relaxed);
                event.notify_one();
                // Another than the first would go back to sleep, and this would not end.
                until(|| event.sleeping() == 3 - number as usize);
            }
        });
    };
    watched(take_turns);
}

#[test]
fn one_notification_wakes_one() {
    let (waiters, served) = (Waiters::new(), AtomicU32::new(0));
    let notify = || {
        thread::scope(|scope| {
            for number in 1..=2 {
                scope.spawn(|| {
                    waiters.wait_and_take();
                    served.fetch_add(1, Relaxed);
                });
                waiters.all_sleep(number);
            }
            for number in 1..=2 {
                waiters.units.fetch_add(1, Relaxed);
                waiters.event.notify_one_after_rmw();
                // Nobody searches any more, so the next notification is not left to anybody.
                until(|| served.load(Relaxed) == number);
                until(|| waiters.event.sleeping() == 2 - number as usize);
            }
        });
    };
    watched(notify);
    // A second one would have found the unit taken, and looked once more before it slept again.
    assert_eq!(
        waiters.exact.load(Relaxed),
        2,
        "one that had no reason to was woken"
    );
}

/// Whoever made the condition true while somebody searched relies on it.
#[test]
fn who_leaves_last_wakes_the_next_if_there_is_more() {
    let waiters = Waiters::new();
    let chain = || {
        thread::scope(|scope| {
            scope.spawn(|| waiters.wait());
            waiters.all_sleep(1);
            waiters.pass(0);
            assert_eq!(waiters.event.sleeping(), 1, "there is nothing for it");
            waiters.units.store(1, Relaxed);
            waiters.pass(1);
        });
    };
    watched(chain);
    assert_eq!(waiters.exact.load(Relaxed), 1, "it was woken once");
}

/// The other begins to search when the last one, as it thought, has left and asks for more.
#[test]
fn nobody_is_woken_while_another_searches() {
    let (waiters, gate) = (Waiters::new(), AtomicU32::new(0));
    let overlap = || {
        thread::scope(|scope| {
            scope.spawn(|| waiters.wait());
            waiters.all_sleep(1);
            let more = || {
                scope.spawn(|| search(&waiters, &gate));
                until(|| gate.load(Relaxed) == 1);
                1
            };
            waiters.event.wait_until(None, |_| Some(()), more, || 0);
            assert_eq!(waiters.event.sleeping(), 1);
            waiters.event.notify_one();
            waiters.pass(1);
            assert_eq!(waiters.event.sleeping(), 1);
            // Who searches owes it to the sleeper.
            waiters.units.store(1, Relaxed);
            gate.store(2, Relaxed);
        });
    };
    watched(overlap);
    assert_eq!(waiters.exact.load(Relaxed), 1, "it was woken once");
}

#[test]
fn the_end_wakes_everybody_whoever_searches() {
    let (waiters, gate) = (Waiters::new(), AtomicU32::new(0));
    let close = || {
        thread::scope(|scope| {
            for number in 1..=3 {
                scope.spawn(|| waiters.wait());
                waiters.all_sleep(number);
            }
            scope.spawn(|| search(&waiters, &gate));
            until(|| gate.load(Relaxed) == 1);
            waiters.units.store(1, Relaxed);
            waiters.event.notify_all();
            assert_eq!(waiters.event.sleeping(), 0);
            gate.store(2, Relaxed);
        });
    };
    watched(close);
}
