//! The alarm and the result cell, and a watch over those that wait; the protocols are modelled in `tests/loom`.

use std::time::Duration;

use super::*;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::{Deadline, park_until, thread};

/// Runs `body`, and ends the process if it hangs: who waits for a wake-up that is lost waits for ever.
pub(super) fn watched<O>(body: impl FnOnce() -> O) -> O {
    /// Sends the watch away, also when the body panics.
    struct Over<'a>(&'a AtomicBool, thread::Thread);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
            self.1.unpark();
        }
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let end = Deadline::after(Duration::from_secs(30));
            while !over.load(Relaxed) {
                if end.passed() {
                    eprintln!("a test hangs");
                    std::process::abort();
                }
                park_until(Some(end));
            }
        });
        let _over = Over(&over, watch.thread().clone());
        body()
    })
}

/// Waits until something is so.
pub(super) fn until(so: impl Fn() -> bool) {
    while !so() {
        thread::yield_now();
    }
}

#[test]
fn a_deadline_too_far_to_name_never_passes() {
    let far = Deadline::after(Duration::MAX);
    assert!(!far.passed() && far.remaining().is_none());
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_millis(1))
}

#[test]
fn an_alarm_that_nobody_moves_comes_in_time() {
    watched(|| {
        let (alarm, end) = (Alarm::new(), soon());
        alarm.sleep(10, Some(end), || false);
        assert!(end.passed());
    });
}

#[test]
fn news_keep_the_sleeper_awake() {
    watched(|| Alarm::new().sleep(NEVER, None, || true));
}

/// Somebody moves it when it is set and the sleeper has just looked for news.
#[test]
fn an_alarm_is_brought_forward() {
    watched(|| {
        let alarm = Alarm::new();
        let told = |instant| {
            alarm.bring_forward(instant);
            false
        };
        alarm.sleep(10, None, || told(9));
        for later in [10, 11] {
            let end = soon();
            alarm.sleep(10, Some(end), || told(later));
            assert!(end.passed(), "it lies behind the alarm");
        }
    });
}

#[test]
fn a_wake_needs_no_instant() {
    watched(|| {
        let alarm = Alarm::new();
        alarm.sleep(10, None, || {
            alarm.wake();
            false
        });
    });
}

#[test]
fn a_result_that_does_not_come_ends_in_time_and_may_come_later() {
    watched(|| {
        let cell = Oneshot::new();
        let end = soon();
        assert_eq!(cell.wait(Some(end)), None);
        assert!(end.passed() && !cell.is_set());
        assert_eq!(cell.set(7), None);
        assert!(cell.is_set());
        assert_eq!(cell.wait(None), Some(7));
    });
}

/// A reader that gave up once waits again, and is woken.
#[test]
fn a_reader_that_waits_is_woken() {
    watched(|| {
        let cell = Oneshot::new();
        assert_eq!(cell.wait(Some(soon())), None);
        assert!(format!("{cell:?}").contains("empty"), "it has left");
        thread::scope(|scope| {
            let reader = scope.spawn(|| cell.wait(None));
            until(|| format!("{cell:?}").contains("awaited"));
            assert_eq!(cell.set(7), None);
            assert_eq!(reader.join().unwrap(), Some(7));
        });
    });
}

#[test]
fn a_result_that_nobody_wants_comes_back() {
    let cell = Oneshot::new();
    assert_eq!(cell.forget(), None);
    assert_eq!(cell.set(7), Some(7));
}

#[test]
fn who_leaves_takes_what_came() {
    let cell = Oneshot::new();
    assert_eq!(cell.take(), None);
    assert_eq!(cell.set(7), None);
    assert_eq!(cell.forget(), Some(7));
}

#[test]
#[should_panic(expected = "a result was set twice")]
fn a_second_result_is_a_bug() {
    let cell = Oneshot::new();
    cell.set(1);
    cell.set(2);
}
