//! Failed attempts: how many there are, what each sees, and what the waiter learns at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use guichet::{Failure, JobError};
use parking_lot::Mutex;

use super::support::*;

/// `attempts` counts all tries; the flag for the last is true exactly there.
#[test]
fn a_job_is_tried_so_many_times_in_all() {
    for attempts in [1, 2, 3, 7] {
        let runtime = runtime();
        let queue = runtime
            .queue::<(), ()>("stubborn")
            .attempts(attempts)
            .build()
            .unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        queue
            .workers(2, move |job| {
                log.lock().push((job.attempt(), job.is_last_attempt()));
                Err(Failure::msg(format!("try {}", job.attempt())))
            })
            .unwrap();
        match outcome(queue.submit(()).unwrap()) {
            Err(JobError::Failed(why)) => assert_eq!(why.to_string(), format!("try {attempts}")),
            other => panic!("{other:?}"),
        }
        let expected: Vec<_> = (1..=attempts).map(|n| (n, n == attempts)).collect();
        assert_eq!(*seen.lock(), expected);
        settle(
            &queue,
            Books {
                failed: 1,
                retried: u64::from(attempts) - 1,
                ..NONE
            },
        );
    }
}

#[test]
fn an_attempt_that_works_ends_the_job() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, u32>("stubborn")
        .attempts(10)
        .build()
        .unwrap();
    queue
        .workers(2, |job| match job.attempt() == *job.payload() {
            true => Ok(job.attempt()),
            false => Err(Failure::msg("not yet")),
        })
        .unwrap();
    let handles: Vec<_> = (1..=10)
        .map(|number| queue.submit(number).unwrap())
        .collect();
    for (handle, number) in handles.into_iter().zip(1..) {
        assert_eq!(value(handle), number);
    }
    settle(
        &queue,
        Books {
            completed: 10,
            retried: 45,
            ..NONE
        },
    );
}

#[test]
fn discard_ends_the_job_at_once() {
    let runtime = runtime();
    let queue = runtime
        .queue::<(), ()>("hopeless")
        .attempts(5)
        .build()
        .unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let count = tries.clone();
    queue
        .workers(1, move |job| {
            count.fetch_add(1, SeqCst);
            match job.attempt() {
                2 => Err(Failure::discard("never")),
                _ => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    match outcome(queue.submit(()).unwrap()) {
        Err(JobError::Failed(why)) => {
            assert!(why.is_discard() && !why.is_panic());
            assert_eq!(why.to_string(), "never");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(tries.load(SeqCst), 2);
    settle(
        &queue,
        Books {
            failed: 1,
            retried: 1,
            ..NONE
        },
    );
}

/// A panic is a failed attempt with the panic's text; the worker lives on.
#[test]
fn a_panic_is_a_failed_attempt() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, u32>("shaky")
        .attempts(2)
        .build()
        .unwrap();
    queue
        .workers(1, |job| match (job.payload(), job.attempt()) {
            (0, 1) => panic!("a first try of {}", job.payload()),
            (1, _) => panic!("a plain text"),
            (2, _) => panic!("number {}", 2),
            (3, _) => std::panic::panic_any(3_u8),
            _ => Ok(job.attempt()),
        })
        .unwrap();
    assert_eq!(value(queue.submit(0).unwrap()), 2);
    let texts = ["a plain text", "number 2", "a panic without a text"];
    for (number, text) in (1..).zip(texts) {
        match outcome(queue.submit(number).unwrap()) {
            Err(JobError::Failed(why)) => {
                assert!(why.is_panic() && !why.is_discard());
                assert_eq!(why.error().to_string(), text);
                let place = why.location().expect("a panic's place is known");
                assert!(place.starts_with("tests/suite/retry.rs:"), "{place}");
                assert_eq!(
                    why.to_string(),
                    format!("the handler panicked at {place}: {text}")
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(value(queue.submit(4).unwrap()), 1);
    settle(
        &queue,
        Books {
            completed: 2,
            failed: 3,
            retried: 4,
            panicked: 7,
            ..NONE
        },
    );
}

/// All attempts see the one payload, where it was put, and it is dropped once, at the end.
#[test]
fn attempts_share_the_payload() {
    let (runtime, drops) = (runtime(), Drops::new());
    let queue = runtime
        .queue::<(AtomicU32, Token), u32>("shared")
        .attempts(4)
        .build()
        .unwrap();
    let dropped = drops.clone();
    queue
        .workers(2, move |job| {
            assert_eq!(dropped.get(), 0);
            match job.payload().0.fetch_add(1, SeqCst) {
                3 => Ok(job.attempt()),
                _ => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    assert_eq!(
        value(queue.submit((AtomicU32::new(0), drops.token())).unwrap()),
        4
    );
    until("the payload is dropped", || drops.get() == 1);
    settle(
        &queue,
        Books {
            completed: 1,
            retried: 3,
            ..NONE
        },
    );
}

/// A failed attempt goes behind its peers, and keeps its slot: a retry is never refused.
#[test]
fn a_retry_waits_behind_its_peers() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(3)
        .attempts(3)
        .prefetch(1)
        .build()
        .unwrap();
    queue.add_many(vec![0, 1, 2]).unwrap();
    assert!(queue.try_add(3).is_err(), "the queue is full throughout");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    queue
        .workers(1, move |job| {
            log.lock().push((*job.payload(), job.attempt()));
            match job.payload() {
                1 => Ok(()),
                _ => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    settle(
        &queue,
        Books {
            completed: 1,
            failed: 2,
            retried: 4,
            ..NONE
        },
    );
    let expected = [(0, 1), (1, 1), (2, 1), (0, 2), (2, 2), (0, 3), (2, 3)];
    assert_eq!(*seen.lock(), expected);
}

/// The error of the last attempt reaches the waiter as it was returned.
#[test]
fn the_last_error_can_be_downcast() {
    let runtime = runtime();
    let queue = runtime.queue::<&str, u32>("texts").build().unwrap();
    queue.workers(1, |job| Ok(job.payload().parse()?)).unwrap();
    assert_eq!(value(queue.submit("7").unwrap()), 7);
    match outcome(queue.submit("seven").unwrap()) {
        Err(error @ JobError::Failed(_)) => {
            let source = std::error::Error::source(&error).expect("the error inside");
            assert!(source.is::<std::num::ParseIntError>());
            assert_eq!(
                error.to_string(),
                "the job's last attempt failed: invalid digit found in string"
            );
        }
        other => panic!("{other:?}"),
    }
    settle(
        &queue,
        Books {
            completed: 1,
            failed: 1,
            ..NONE
        },
    );
}

/// One attempt's effects are visible to the next, on whichever thread it runs.
#[test]
fn attempts_of_one_job_never_overlap() {
    let runtime = runtime();
    let queue = runtime
        .queue::<Mutex<Vec<u32>>, Vec<u32>>("lists")
        .capacity(8)
        .attempts(20)
        .build()
        .unwrap();
    queue
        .workers(4, |job| {
            // `try_lock` fails if another attempt of this job is inside.
            let mut list = job.payload().try_lock().expect("two attempts at a time");
            list.push(job.attempt());
            match job.is_last_attempt() {
                true => Ok(list.clone()),
                false => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    let handles: Vec<_> = (0..50)
        .map(|_| queue.submit(Mutex::default()).unwrap())
        .collect();
    for handle in handles {
        assert!(value(handle).into_iter().eq(1..=20));
    }
    settle(
        &queue,
        Books {
            completed: 50,
            retried: 50 * 19,
            ..NONE
        },
    );
}
