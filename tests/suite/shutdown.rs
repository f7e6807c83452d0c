//! Shutdown: what is there is finished or accounted for, every waiter learns, and no thread is left.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use guichet::{AddError, Failure, JobError, JobState, Runtime};
use parking_lot::Mutex;

use super::support::*;

/// How long a runtime that is dropped waits, if it was told nothing.
const DEFAULT_SECONDS: u32 = 5;

#[test]
fn shutdown_finishes_what_is_there() {
    let runtime = runtime();
    let numbers = runtime
        .queue::<u32, ()>("numbers")
        .attempts(2)
        .build()
        .unwrap();
    let texts = runtime.queue::<String, ()>("texts").build().unwrap();
    numbers
        .workers(2, |job| {
            match job.payload() % 2 == 0 || job.is_last_attempt() {
                true => Ok(()),
                false => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    texts.workers(1, |_| Ok(())).unwrap();
    numbers.add_many((0..1_000).collect()).unwrap();
    texts.add_many(vec!["a".into(), "b".into()]).unwrap();
    let report = runtime.shutdown(PATIENCE);
    assert!(report.in_time);
    assert_eq!(report.abandoned_threads, 0);
    let names: Vec<_> = report
        .queues
        .iter()
        .map(|queue| queue.name.as_str())
        .collect();
    assert_eq!(names, ["numbers", "texts"]);
    let books = Books {
        completed: 1_000,
        retried: 500,
        ..NONE
    };
    audit(&report.queues[0].stats, books);
    audit(&report.queues[1].stats, Books::completed(2));
    settle(&numbers, books);
    settle(&texts, Books::completed(2));
    assert!(numbers.take_returned().is_empty());
}

/// After the deadline what waits is given back and what runs is interrupted; all waiters learn.
#[test]
fn the_deadline_returns_and_interrupts() {
    for timeout in [Duration::ZERO, Duration::from_millis(5)] {
        for prefetch in [1, 32] {
            let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
            let queue = runtime
                .queue::<u32, u32>("numbers")
                .prefetch(prefetch)
                .build()
                .unwrap();
            let handles: Vec<_> = (0..5).map(|number| queue.submit(number).unwrap()).collect();
            let (held, begun) = (gate.clone(), started.clone());
            let told = Count::new();
            let seen = told.clone();
            queue
                .workers(2, move |job| {
                    begun.bump();
                    until("the handler is told", || job.is_cancelled());
                    seen.bump();
                    held.pass();
                    Ok(*job.payload())
                })
                .unwrap();
            started.reach(2);
            let report = runtime.shutdown(timeout);
            assert!(!report.in_time);
            assert_eq!(report.abandoned_threads, 2);
            let books = Books {
                returned: 3,
                interrupted: 2,
                ..NONE
            };
            audit(&report.queues[0].stats, books);
            let mut returned = queue.take_returned();
            returned.sort();
            let expected: Vec<_> = handles
                .iter()
                .map(|handle| handle.id())
                .zip(0..)
                .collect::<Vec<_>>();
            let (mut back, mut cut) = (Vec::new(), 0);
            for (handle, named) in handles.into_iter().zip(expected) {
                let state = queue.state(named.0);
                match outcome(handle) {
                    Err(JobError::Returned) => {
                        assert_eq!(state, Some(JobState::Returned));
                        back.push(named);
                    }
                    Err(JobError::Interrupted) => {
                        assert_eq!(state, Some(JobState::Interrupted));
                        cut += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
            back.sort();
            assert_eq!((returned, cut), (back, 2));
            assert!(queue.take_returned().is_empty(), "taken once");
            told.reach(2);
            gate.open_wide();
            settle(&queue, Books { late: 2, ..books });
            // The threads are gone now, and a second shutdown joins them.
            let again = runtime.shutdown(PATIENCE);
            assert_eq!((again.in_time, again.abandoned_threads), (true, 0));
            audit(&again.queues[0].stats, Books { late: 2, ..books });
        }
    }
}

#[test]
fn jobs_that_failed_before_are_returned_too() {
    let (runtime, gate, tried) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .attempts(9)
        .prefetch(1)
        .build()
        .unwrap();
    let (held, count) = (gate.clone(), tried.clone());
    queue
        .workers(1, move |job| {
            count.bump();
            match job.payload() {
                0 => Err(Failure::msg("again")),
                _ => {
                    held.pass();
                    Ok(())
                }
            }
        })
        .unwrap();
    let gated = queue.submit(1).unwrap();
    tried.reach(1);
    let failing = queue.submit(0).unwrap();
    let last = queue.submit(2).unwrap();
    gate.open();
    value(gated);
    // The failing job has failed once and waits behind the one that is held.
    tried.reach(3);
    let report = runtime.shutdown(Duration::ZERO);
    let stats = report.queues[0].stats;
    assert_eq!(
        (stats.returned, stats.interrupted, stats.retried),
        (1, 1, 1)
    );
    assert_eq!(queue.take_returned(), [(failing.id(), 0)]);
    assert!(matches!(outcome(failing), Err(JobError::Returned)));
    assert!(matches!(outcome(last), Err(JobError::Interrupted)));
    gate.open();
    let books = Books {
        completed: 1,
        returned: 1,
        interrupted: 1,
        retried: 1,
        late: 1,
        ..NONE
    };
    settle(&queue, books);
}

/// Nobody to wait for: the jobs come back at once, from shutdown as from drop.
#[test]
fn a_queue_without_workers_returns_its_jobs() {
    for dropped in [false, true] {
        let runtime = runtime();
        let queue = runtime
            .queue::<u32, ()>("unserved")
            .capacity(4)
            .build()
            .unwrap();
        let handle = queue.submit(1).unwrap();
        let ids = queue.add_many(vec![2, 3, 4]).unwrap();
        assert!(queue.cancel(ids[0]));
        let books = Books {
            returned: 3,
            cancelled: 1,
            ..NONE
        };
        if dropped {
            drop(runtime);
        } else {
            let report = runtime.shutdown(PATIENCE);
            assert!(report.in_time);
            audit(&report.queues[0].stats, books);
        }
        let mut returned = queue.take_returned();
        returned.sort_by_key(|(_, payload)| *payload);
        assert_eq!(returned, [(handle.id(), 1), (ids[1], 3), (ids[2], 4)]);
        assert!(matches!(outcome(handle), Err(JobError::Returned)));
        settle(&queue, books);
    }
}

#[test]
fn shutdown_twice_says_the_same() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    queue.add_many((0..50).collect()).unwrap();
    for timeout in [PATIENCE, Duration::ZERO, PATIENCE] {
        let report = runtime.shutdown(timeout);
        assert!(report.in_time);
        audit(&report.queues[0].stats, Books::completed(50));
    }
    settle(&queue, Books::completed(50));
}

#[test]
fn a_runtime_without_queues_shuts_down() {
    let runtime = runtime();
    let report = runtime.shutdown(PATIENCE);
    assert!(report.in_time && report.queues.is_empty());
}

/// Two threads shut down at once: both return, both reports are whole, nothing is counted twice.
#[test]
fn two_threads_may_shut_down() {
    for workers in [0, 2] {
        for _ in 0..200 {
            let runtime = Arc::new(runtime());
            let queue = runtime
                .queue::<u32, ()>("numbers")
                .capacity(40)
                .build()
                .unwrap();
            queue.add_many((0..40).collect()).unwrap();
            if workers > 0 {
                queue.workers(workers, |_| Ok(())).unwrap();
            }
            let closers: Vec<_> = (0..2)
                .map(|_| {
                    let (runtime, queue) = (runtime.clone(), queue.clone());
                    start(move || {
                        let report = runtime.shutdown(PATIENCE);
                        assert!(report.in_time);
                        (report.queues[0].stats, queue.take_returned().len())
                    })
                })
                .collect();
            let reports: Vec<_> = closers.into_iter().map(Pending::get).collect();
            let books = match workers {
                0 => Books {
                    returned: 40,
                    ..NONE
                },
                _ => Books::completed(40),
            };
            reports.iter().for_each(|(stats, _)| audit(stats, books));
            let returned: usize = reports.iter().map(|(_, returned)| returned).sum();
            assert_eq!(returned as u64, books.returned);
            settle(&queue, books);
        }
    }
}

/// From inside a handler shutdown waits for the other workers; the calling job ends as it says.
#[test]
fn a_handler_may_shut_down() {
    for fails in [false, true] {
        let runtime = Arc::new(runtime());
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(40)
            .build()
            .unwrap();
        let report = Arc::new(Mutex::new(None));
        let (own, slot) = (runtime.clone(), report.clone());
        queue
            .workers(3, move |job| match job.payload() {
                0 => {
                    *slot.lock() = Some(own.shutdown(PATIENCE));
                    if fails {
                        Err(Failure::msg("no"))
                    } else {
                        Ok(())
                    }
                }
                _ => Ok(()),
            })
            .unwrap();
        queue.add_many((1..20).collect()).unwrap();
        let handle = queue.submit(0).unwrap();
        assert_eq!(outcome(handle).is_err(), fails);
        let report = report.lock().take().expect("it was shut down");
        assert!(report.in_time);
        assert_eq!(report.abandoned_threads, 0);
        audit(
            &report.queues[0].stats,
            Books {
                completed: 19,
                active: 1,
                ..NONE
            },
        );
        assert_eq!(queue.add(1), Err(AddError::Closed(1)));
        assert!(runtime.shutdown(PATIENCE).in_time);
        let (completed, failed) = if fails { (19, 1) } else { (20, 0) };
        settle(
            &queue,
            Books {
                completed,
                failed,
                ..NONE
            },
        );
    }
}

/// With no time left a handler that shuts down is interrupted like every other.
#[test]
fn a_handler_that_shuts_down_with_no_time_left_is_interrupted() {
    let (runtime, gate, started) = (Arc::new(runtime()), Gate::new(), Count::new());
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let (own, held, begun) = (runtime.clone(), gate.clone(), started.clone());
    queue
        .workers(2, move |job| {
            begun.bump();
            begun.reach(2);
            if *job.payload() == 0 {
                let report = own.shutdown(Duration::ZERO);
                assert!(!report.in_time && job.is_cancelled());
                audit(
                    &report.queues[0].stats,
                    Books {
                        interrupted: 2,
                        ..NONE
                    },
                );
                held.open();
            } else {
                held.pass();
            }
            Ok(())
        })
        .unwrap();
    let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
    for handle in handles {
        assert!(matches!(outcome(handle), Err(JobError::Interrupted)));
    }
    settle(
        &queue,
        Books {
            interrupted: 2,
            late: 2,
            ..NONE
        },
    );
}

/// Two handlers that shut down at once do not wait for each other.
#[test]
fn two_handlers_may_shut_down() {
    let (runtime, started) = (Arc::new(runtime()), Count::new());
    let queue = runtime.queue::<u32, bool>("numbers").build().unwrap();
    let (own, begun) = (runtime.clone(), started.clone());
    queue
        .workers(2, move |_| {
            begun.bump();
            begun.reach(2);
            Ok(own.shutdown(PATIENCE * 4).in_time)
        })
        .unwrap();
    let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
    let in_time: Vec<_> = handles.into_iter().map(value).collect();
    assert_eq!(in_time, [true, true]);
    settle(&queue, Books::completed(2));
}

/// Dropped by its own worker the runtime only signals, since that worker can't wait for itself.
#[test]
fn a_runtime_dropped_by_its_own_handler_drains() {
    let holder = Arc::new(Mutex::new(Some(runtime())));
    let queue = {
        let runtime = holder.lock();
        runtime
            .as_ref()
            .unwrap()
            .queue::<u32, ()>("numbers")
            .build()
            .unwrap()
    };
    let (own, closed) = (holder.clone(), queue.clone());
    queue.add_many((1..10).collect()).unwrap();
    let handle = queue.submit(0).unwrap();
    queue.add_many((10..20).collect()).unwrap();
    queue
        .workers(1, move |job| {
            if *job.payload() == 0 {
                drop(own.lock().take());
                assert_eq!(closed.add(1), Err(AddError::Closed(1)));
            }
            Ok(())
        })
        .unwrap();
    value(handle);
    settle(&queue, Books::completed(20));
}

#[test]
fn a_dropped_runtime_waits_for_its_jobs() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let (held, begun) = (gate.clone(), started.clone());
    queue
        .workers(1, move |_| {
            begun.bump();
            held.pass();
            Ok(())
        })
        .unwrap();
    queue.add_many(vec![1, 2, 3]).unwrap();
    started.reach(1);
    let opener = start(move || {
        let_block();
        gate.open_wide();
    });
    drop(runtime);
    audit(&queue.stats(), Books::completed(3));
    opener.get();
    settle(&queue, Books::completed(3));
}

/// After its own time: the default is [`DEFAULT_SECONDS`], and the handler does not return for longer.
#[test]
fn a_dropped_runtime_gives_up_after_its_time() {
    let runtime = Runtime::builder()
        .drop_timeout(Duration::ZERO)
        .build()
        .unwrap();
    let (gate, started) = (Gate::new(), Count::new());
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let (held, begun) = (gate.clone(), started.clone());
    queue
        .workers(1, move |_| {
            begun.bump();
            held.pass();
            Ok(())
        })
        .unwrap();
    let running = queue.submit(1).unwrap();
    started.reach(1);
    let waiting = queue.submit(2).unwrap();
    let (dropped, is_dropped) = channel();
    let dropper = start(move || {
        drop(runtime);
        let _ = dropped.send(());
    });
    // One by one: a machine that stands still for a while uses up no more than one of them.
    let second = |_| is_dropped.recv_timeout(Duration::from_secs(1)).is_ok();
    let gave_up = (1..DEFAULT_SECONDS).any(second);
    gate.open();
    assert!(gave_up, "it waits longer than it was told to");
    dropper.get();
    assert!(matches!(outcome(running), Err(JobError::Interrupted)));
    assert!(matches!(outcome(waiting), Err(JobError::Returned)));
    settle(
        &queue,
        Books {
            interrupted: 1,
            returned: 1,
            late: 1,
            ..NONE
        },
    );
}

/// Jobs that are added while the runtime shuts down are refused or accounted for.
#[test]
fn adders_race_with_shutdown() {
    for round in 0..150_u64 {
        let runtime = runtime();
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(16)
            .build()
            .unwrap();
        if round % 3 > 0 {
            queue.workers(round as usize % 3, |_| Ok(())).unwrap();
        }
        let adders: Vec<_> = (0..3)
            .map(|kind| {
                let queue = queue.clone();
                start(move || {
                    let (mut accepted, mut producer) = (0, queue.producer());
                    loop {
                        let added = match kind {
                            0 => queue.add(1).map(|_| 1).ok(),
                            1 => producer.add(1).map(|_| 1).ok(),
                            _ => queue.add_many(vec![1, 2]).map(|_| 2).ok(),
                        };
                        match added {
                            Some(added) => accepted += added,
                            None => return accepted,
                        }
                    }
                })
            })
            .collect();
        for _ in 0..round {
            std::hint::spin_loop();
        }
        assert!(runtime.shutdown(PATIENCE).in_time);
        let accepted: u64 = adders.into_iter().map(Pending::get).sum();
        let returned = queue.take_returned().len() as u64;
        settle(
            &queue,
            Books {
                completed: accepted - returned,
                returned,
                ..NONE
            },
        );
    }
}

/// A wait for a job of a queue that nobody serves must not outlast the drain that returns this job.
#[test]
fn a_handler_that_waits_for_an_unserved_queue_does_not_hold_up_the_drain() {
    let (runtime, started) = (runtime(), Count::new());
    let served = runtime.queue::<u32, ()>("served").build().unwrap();
    let unserved = runtime.queue::<u32, ()>("unserved").build().unwrap();
    let (begun, other) = (started.clone(), unserved.clone());
    served
        .workers(1, move |job| {
            let inner = other.submit(*job.payload())?;
            begun.bump();
            assert!(matches!(inner.wait(), Err(JobError::Returned)));
            Ok(())
        })
        .unwrap();
    let handle = served.submit(1).unwrap();
    started.reach(1);
    let closer = start(move || runtime.shutdown(PATIENCE / 2).in_time);
    value(handle);
    assert!(closer.get());
    settle(&served, Books::completed(1));
    settle(
        &unserved,
        Books {
            returned: 1,
            ..NONE
        },
    );
}
