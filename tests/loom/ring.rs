//! The ring: nothing lost, doubled or invented; FIFO per producer; `Full` and `Empty` linearizable.

use std::collections::VecDeque;

use guichet::internals::ring::{PopError, PushError, Ring};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::*};
use loom::sync::Arc;
use loom::thread;

use super::check;

fn push(ring: &Ring<u32>, value: u32) {
    while let Err(refused) = ring.push(value) {
        assert_eq!(refused, PushError::Full(value), "nobody closed the ring");
        thread::yield_now();
    }
}

fn pop(ring: &Ring<u32>) -> u32 {
    loop {
        match ring.pop() {
            Ok(value) => return value,
            Err(PopError::Empty) => thread::yield_now(),
            Err(PopError::Closed) => panic!("nobody closed the ring"),
        }
    }
}

/// Two producers and two consumers try once each; what went in comes out.
fn two_by_two(name: &str, capacity: usize) {
    check(name, move || {
        let ring = Arc::new(Ring::new(capacity));
        let producer = |value| {
            let ring = ring.clone();
            thread::spawn(move || ring.push(value).is_ok().then_some(value))
        };
        let (first, second) = (producer(1), producer(2));
        let consumer = {
            let ring = ring.clone();
            thread::spawn(move || ring.pop().ok())
        };
        let mut popped = vec![ring.pop().ok()];
        let mut pushed = vec![first.join().unwrap(), second.join().unwrap()];
        popped.push(consumer.join().unwrap());
        while let Ok(value) = ring.pop() {
            popped.push(Some(value));
        }
        assert!(
            pushed.iter().flatten().count() >= capacity,
            "`Full` while there was room"
        );
        pushed.retain(Option::is_some);
        popped.retain(Option::is_some);
        pushed.sort_unstable();
        popped.sort_unstable();
        assert_eq!(popped, pushed, "a value was lost, doubled or invented");
    });
}

#[test]
fn ring_2x2_capacity_1() {
    two_by_two("ring_2x2_capacity_1", 1);
}

#[test]
fn ring_2x2_capacity_2() {
    two_by_two("ring_2x2_capacity_2", 2);
}

/// One producer through several laps: order, and each slot's reuse.
#[test]
fn ring_1x1_laps() {
    for capacity in [1, 2] {
        check("ring_1x1_laps", move || {
            let ring = Arc::new(Ring::new(capacity));
            let producer = {
                let ring = ring.clone();
                thread::spawn(move || (1..=3).for_each(|value| push(&ring, value)))
            };
            for value in 1..=3 {
                assert_eq!(pop(&ring), value, "out of order");
            }
            producer.join().unwrap();
        });
    }
}

/// A run of two, pushed and popped with one reservation each, against single operations.
#[test]
fn ring_batch() {
    check("ring_batch", || {
        let ring = Arc::new(Ring::new(2));
        let batch = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut values = VecDeque::from([1, 2]);
                let count = ring.push_many(&mut values).unwrap_or(0);
                assert_eq!(count + values.len(), 2, "a value was lost on the way in");
                count
            })
        };
        let single = {
            let ring = ring.clone();
            thread::spawn(move || ring.push(3).is_ok())
        };
        let mut popped = Vec::new();
        let _ = ring.pop_many(&mut popped, 2);
        let (run, three) = (batch.join().unwrap(), single.join().unwrap());
        while ring.pop_many(&mut popped, 2).is_ok() {}
        let order: Vec<_> = popped.iter().copied().filter(|value| *value < 3).collect();
        assert_eq!(
            order,
            (1..=run as u32).collect::<Vec<_>>(),
            "a run was torn or reordered"
        );
        assert_eq!(
            popped.len() - run,
            three as usize,
            "a value was lost, doubled or invented"
        );
    });
}

/// After `close` no push succeeds, and what was pushed before comes out, then `Closed`.
#[test]
fn ring_close() {
    check("ring_close", || {
        let ring = Arc::new(Ring::new(2));
        let producer = {
            let ring = ring.clone();
            thread::spawn(move || ring.push(1).is_ok() as u32 + ring.push(2).is_ok() as u32)
        };
        let closer = {
            let ring = ring.clone();
            thread::spawn(move || ring.close())
        };
        let mut got = 0;
        loop {
            match ring.pop() {
                Ok(value) => {
                    got += 1;
                    assert_eq!(value, got, "out of order");
                }
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Closed) => break,
            }
        }
        assert!(closer.join().unwrap());
        assert_eq!(
            producer.join().unwrap(),
            got,
            "a push succeeded after `Closed` was popped"
        );
        assert_eq!(ring.push(3), Err(PushError::Closed(3)));
    });
}

/// Two rings, two threads: each pushes into one and finds the other empty. In any order of whole
/// operations at least one finds a value.
#[test]
fn ring_empty_is_linearizable() {
    check("ring_empty_is_linearizable", || {
        let rings = Arc::new((Ring::new(2), Ring::new(2)));
        let other = rings.clone();
        let thread = thread::spawn(move || {
            other.0.push(1).unwrap();
            other.1.pop().is_err()
        });
        rings.1.push(1).unwrap();
        let empty = rings.0.pop().is_err();
        assert!(
            !(thread.join().unwrap() && empty),
            "both rings were found empty after both pushes"
        );
    });
}

/// The same of two full rings that are popped.
#[test]
fn ring_full_is_linearizable() {
    check("ring_full_is_linearizable", || {
        let rings = Arc::new((Ring::new(1), Ring::new(1)));
        rings.0.push(0).unwrap();
        rings.1.push(0).unwrap();
        let other = rings.clone();
        let thread = thread::spawn(move || {
            other.0.pop().unwrap();
            other.1.push(1).is_err()
        });
        rings.1.pop().unwrap();
        let full = rings.0.push(1).is_err();
        assert!(
            !(thread.join().unwrap() && full),
            "both rings were found full after both pops"
        );
    });
}

/// An unfinished push in front must not make a finished one behind it invisible.
#[test]
fn ring_no_false_empty() {
    check("ring_no_false_empty", || {
        let ring = Arc::new(Ring::new(2));
        let slow = {
            let ring = ring.clone();
            thread::spawn(move || ring.push(1).unwrap())
        };
        ring.push(2).unwrap();
        assert!(ring.pop().is_ok(), "a completed push was not seen");
        slow.join().unwrap();
    });
}

/// The destructor of the ring drops what is left, each value once.
#[test]
fn ring_drop_of_the_rest() {
    check("ring_drop_of_the_rest", || {
        let ring = Arc::new(Ring::new(2));
        let value = Arc::new(());
        let other = (ring.clone(), value.clone());
        let thread = thread::spawn(move || drop(other.0.push(other.1)));
        drop(ring.pop());
        thread.join().unwrap();
        drop(ring);
        assert_eq!(
            Arc::strong_count(&value),
            1,
            "a value was leaked or dropped twice"
        );
    });
}

/// Three threads, one value besides this one's at any time: a push into the ring of two is not `Full`,
/// though this thread may learn of the second push before the pop that made room for it.
#[test]
fn ring_full_sees_causes() {
    check("ring_full_sees_causes", || {
        let shared = Arc::new((Ring::new(2), AtomicU32::new(0)));
        shared.0.push(1).unwrap();
        let popper = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.0.pop().unwrap();
                shared.1.store(1, Release);
            })
        };
        let pusher = {
            let shared = shared.clone();
            thread::spawn(move || {
                if shared.1.load(Acquire) == 1 {
                    let _ = shared.0.push(1);
                }
            })
        };
        assert!(
            shared.0.push(2).is_ok(),
            "`Full` with at most one value inside"
        );
        popper.join().unwrap();
        pusher.join().unwrap();
    });
}

/// What came before a push that got in is visible to who closed the ring behind it.
#[test]
fn ring_close_sees_causes() {
    check("ring_close_sees_causes", || {
        let shared = Arc::new((Ring::new(1), AtomicU32::new(0)));
        let other = shared.clone();
        let pusher = thread::spawn(move || {
            other.1.store(1, Relaxed);
            other.0.push(1).is_ok()
        });
        shared.0.close();
        let seen = shared.1.load(Relaxed) == 1;
        let got_in = pusher.join().unwrap();
        assert!(seen || !got_in, "a push got in, and its cause was not seen");
    });
}

/// The mirror image: the second value was pushed before the first one's pop, so this pop finds one.
#[test]
fn ring_empty_sees_causes() {
    check("ring_empty_sees_causes", || {
        let shared = Arc::new((Ring::new(3), AtomicU32::new(0)));
        shared.0.push(1).unwrap();
        let pusher = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.0.push(2).unwrap();
                shared.1.store(1, Release);
            })
        };
        let popper = {
            let shared = shared.clone();
            thread::spawn(move || {
                if shared.1.load(Acquire) == 1 {
                    let _ = shared.0.pop();
                }
            })
        };
        assert!(shared.0.pop().is_ok(), "`Empty` while a value was inside");
        pusher.join().unwrap();
        popper.join().unwrap();
    });
}

/// The length is never more than fits, nor 0 for a ring that is never empty.
#[test]
fn ring_len() {
    check("ring_len, not above", || {
        let ring = Arc::new(Ring::new(1));
        let other = ring.clone();
        let moving = thread::spawn(move || {
            other.push(1).unwrap();
            other.pop().unwrap();
            other.push(2).unwrap();
        });
        assert!(ring.len() <= 1, "more than fits");
        moving.join().unwrap();
    });
    check("ring_len, not below", || {
        let ring = Arc::new(Ring::new(2));
        ring.push(0).unwrap();
        let other = ring.clone();
        let moving = thread::spawn(move || {
            other.push(1).unwrap();
            other.pop().unwrap();
            other.push(2).unwrap();
        });
        assert!(!ring.is_empty(), "it never was");
        moving.join().unwrap();
    });
}
