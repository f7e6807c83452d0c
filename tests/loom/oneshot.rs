//! The result cell: the reader always wakes, and the value is dropped once, whoever leaves first.

use guichet::internals::park::Oneshot;
use guichet::internals::sync::Deadline;
use loom::sync::Arc;
use loom::thread;
use std::time::Duration;

use super::check;

/// A deadline, which in a model has always passed.
fn at_once() -> Option<Deadline> {
    Some(Deadline::after(Duration::ZERO))
}

/// A value whose memory loom watches.
struct Value(loom::cell::UnsafeCell<u32>);

fn value() -> Value {
    Value(loom::cell::UnsafeCell::new(7))
}

fn read(value: &Value) {
    value.0.with(|cell| assert_eq!(unsafe { *cell }, 7));
}

#[test]
fn oneshot_wait() {
    check("oneshot_wait", || {
        let cell = Arc::new(Oneshot::new());
        let writer = {
            let cell = cell.clone();
            thread::spawn(move || assert!(cell.set(value()).is_none()))
        };
        read(&cell.wait(None).expect("a wait without an end has a value"));
        writer.join().unwrap();
    });
}

#[test]
fn oneshot_time_out_then_wait() {
    check("oneshot_time_out_then_wait", || {
        let cell = Arc::new(Oneshot::new());
        let writer = {
            let cell = cell.clone();
            thread::spawn(move || assert!(cell.set(value()).is_none()))
        };
        let got = cell.wait(at_once()).or_else(|| cell.wait(None));
        read(&got.expect("the value was lost in the time-out"));
        writer.join().unwrap();
    });
}

/// Exactly one side ends up with the value.
#[test]
fn oneshot_forget() {
    check("oneshot_forget", || {
        let cell = Arc::new(Oneshot::new());
        let writer = {
            let cell = cell.clone();
            thread::spawn(move || cell.set(value()))
        };
        let mine = cell.wait(at_once()).or_else(|| cell.forget());
        let back = writer.join().unwrap();
        assert!(
            mine.is_some() != back.is_some(),
            "the value was doubled or lost"
        );
        mine.iter().chain(&back).for_each(read);
    });
}
