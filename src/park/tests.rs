//! Time-outs, which models do not have; the protocols are modelled in `tests/loom`.

use std::time::Duration;

use super::*;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Deadline, thread};

#[test]
fn an_event_that_does_not_come_ends_in_time() {
    let event = EventCount::new(Yields::Warily);
    let soon = Deadline::after(Duration::from_millis(1));
    assert_eq!(
        event.wait_until(Some(soon), |_| None::<()>, || 0, || 0),
        None
    );
    assert!(soon.passed() && !event.has_sleepers());
}

#[test]
fn a_deadline_too_far_to_name_never_passes() {
    let far = Deadline::after(Duration::MAX);
    assert!(!far.passed() && far.remaining().is_none());
}

/// Sleepers are served in the order in which they came.
#[test]
fn the_longest_sleeper_is_woken_first() {
    let (event, turn) = (EventCount::new(Yields::Freely), AtomicU32::new(0));
    thread::scope(|scope| {
        for number in 1..=3 {
            let (event, turn) = (&event, &turn);
            scope.spawn(move || {
                let mine = |_| (turn.load(Relaxed) >= number).then_some(());
                event.wait_until(
                    None,
                    mine,
                    || usize::from(turn.load(Relaxed) > number),
                    || 0,
                )
            });
            // The next one starts when this one is listed.
            while event.sleeping() < number as usize {
                thread::yield_now();
            }
        }
        for number in 1..=3 {
            turn.store(number, Relaxed);
            event.notify_one();
            // Another than the first would go back to sleep, and this would not end.
            while event.sleeping() > 3 - number as usize {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn a_result_that_does_not_come_ends_in_time_and_may_come_later() {
    let cell = Oneshot::new();
    assert_eq!(
        cell.wait(Some(Deadline::after(Duration::from_millis(1)))),
        None
    );
    assert_eq!(cell.set(7), None);
    assert_eq!(cell.wait(None), Some(7));
}

#[test]
fn a_result_that_nobody_wants_comes_back() {
    let cell = Oneshot::new();
    assert_eq!(cell.forget(), None);
    assert_eq!(cell.set(7), Some(7));
}

#[test]
#[should_panic(expected = "a result was set twice")]
fn a_second_result_is_a_bug() {
    let cell = Oneshot::new();
    cell.set(1);
    cell.set(2);
}
