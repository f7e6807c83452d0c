//! The order of dispatch: by priority, among peers first in, first out, and the ways to another place.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use guichet::{
    AddError, AddTimeoutError, Backoff, BuildError, Failure, InvalidOption, Job, Order, Queue,
    Runtime, TryAddError,
};
use parking_lot::Mutex;

use super::support::*;

const PRIORITIZED: [Order; 10] = [
    Order::Bands(1),
    Order::Bands(2),
    Order::Bands(32),
    Order::Bands(33),
    Order::Bands(1024),
    Order::Heap(1),
    Order::Heap(3),
    Order::Heap(1 << 20),
    Order::Heap((1 << 20) + 1),
    Order::Heap(u32::MAX),
];

/// One of each kind, with at least three priorities where there are any.
const KINDS: [Order; 5] = [
    Order::Fifo,
    Order::Bands(3),
    Order::Heap(3),
    Order::Heap(u32::MAX),
    Order::Deadline,
];

fn levels(order: Order) -> u32 {
    match order {
        Order::Bands(count) | Order::Heap(count) => count,
        _ => 1,
    }
}

fn ordered<T: Send + 'static>(runtime: &Runtime, order: Order) -> Queue<T, ()> {
    let queue = runtime.queue("ordered").order(order).capacity(4096);
    queue.build().unwrap()
}

#[test]
fn the_most_urgent_is_handed_out_first_and_peers_as_they_came() {
    for order in PRIORITIZED {
        let (runtime, _) = still();
        let queue = ordered::<(u32, u32)>(&runtime, order);
        let (mut random, most) = (Scatter::new(7), levels(order));
        let mut expected = Vec::new();
        for number in 0..2000 {
            let priority = match number % 4 {
                0 => 1,
                1 => most,
                // Few different ones, so that there are peers.
                2 => 1 + random.below(most.min(40).into()) as u32,
                _ => 1 + random.below(most.into()) as u32,
            };
            let job = queue.job((priority, number)).priority(priority);
            match number % 3 {
                0 => job.add().unwrap(),
                1 => job.try_add().unwrap(),
                _ => job.submit().unwrap().id(),
            };
            expected.push((priority, number));
        }
        let log = scribe(&queue);
        runtime.run_until_idle();
        // Stable: peers stay as they came.
        expected.sort_by_key(|&(priority, _)| priority);
        assert_eq!(log.take(), expected, "{order:?}");
        audit(&queue.stats(), Books::completed(2000));
    }
}

/// What comes while jobs are handed out takes its place among those that wait.
#[test]
fn arrivals_during_the_run_take_their_places() {
    for order in PRIORITIZED {
        let (runtime, _) = still();
        let queue = ordered::<(u32, u32)>(&runtime, order);
        let most = levels(order).min(50);
        // The same in terms of a heap of the standard library.
        let model = Arc::new(Mutex::new((BinaryHeap::new(), Scatter::new(11), 0)));
        let (inner, oracle) = (queue.clone(), model.clone());
        let add_some = move || {
            let (waiting, random, added) = &mut *oracle.lock();
            for _ in 0..random.below(4) {
                if *added < 3000 {
                    let key = (1 + random.below(most.into()) as u32, *added);
                    inner.job(key).priority(key.0).add().unwrap();
                    waiting.push(Reverse(key));
                    *added += 1;
                }
            }
        };
        (0..50).for_each(|_| add_some());
        let oracle = model.clone();
        let handler = move |job: &Job<'_, (u32, u32)>| {
            let next = oracle.lock().0.pop();
            assert_eq!(next, Some(Reverse(*job.payload())));
            assert_eq!(job.priority(), job.payload().0);
            add_some();
            Ok(())
        };
        queue.workers(1, handler).unwrap();
        runtime.run_until_idle();
        let (waiting, _, added) = &*model.lock();
        assert!(waiting.is_empty() && *added > 500, "{order:?}: {added}");
        audit(&queue.stats(), Books::completed((*added).into()));
    }
}

#[test]
fn who_names_no_priority_has_the_queues() {
    let defaults = [
        (Order::Fifo, None, 1),
        (Order::Bands(1), None, 1),
        (Order::Bands(2), None, 1),
        (Order::Bands(3), None, 2),
        (Order::Bands(10), None, 5),
        (Order::Heap(u32::MAX), None, 5),
        (Order::Bands(10), Some(10), 10),
        (Order::Heap(7), Some(1), 1),
    ];
    for (order, chosen, priority) in defaults {
        let (runtime, _) = still();
        let mut builder = runtime.queue::<u32, ()>("jobs").order(order);
        if let Some(chosen) = chosen {
            builder = builder.default_priority(chosen);
        }
        let queue = builder.build().unwrap();
        let log = Log::new();
        let seen = log.clone();
        queue
            .workers(1, move |job| {
                seen.push((*job.payload(), job.priority()));
                Ok(())
            })
            .unwrap();
        queue.job(9).priority(levels(order)).add().unwrap();
        queue.add(0).unwrap();
        queue.add_many(vec![1, 2]).unwrap();
        queue.try_add_many(vec![3]).unwrap();
        let mut producer = queue.producer();
        producer.add(4).unwrap();
        drop(producer);
        queue.job(5).add().unwrap();
        drop(queue.submit(6).unwrap());
        queue.job(8).priority(1).add().unwrap();
        runtime.run_until_idle();
        let mut expected: Vec<_> = (0..=6).map(|number| (number, priority)).collect();
        expected.insert(0, (9, levels(order)));
        expected.push((8, 1));
        expected.sort_by_key(|&(_, priority)| priority);
        assert_eq!(log.take(), expected, "{order:?}");
        audit(&queue.stats(), Books::completed(9));
    }
}

#[test]
fn a_priority_out_of_range_is_refused_and_the_payload_comes_back() {
    let cases = [
        (Order::Fifo, 0),
        (Order::Fifo, 2),
        (Order::Deadline, 2),
        (Order::Bands(10), 0),
        (Order::Bands(10), 11),
        (Order::Bands(1024), u32::MAX),
        (Order::Heap(3), 4),
        (Order::Heap(u32::MAX), 0),
    ];
    for (order, priority) in cases {
        let (runtime, _) = still();
        let queue = ordered::<&str>(&runtime, order);
        let check = |payload, invalid: InvalidOption| {
            assert_eq!(payload, "letter");
            assert_eq!(invalid.option(), "priority");
            assert_eq!(invalid.range(), Some(1..=levels(order).into()));
            let text = format!("priority must be 1 to {}, not {priority}", levels(order));
            assert_eq!(invalid.to_string(), text);
        };
        let job = || queue.job("letter").priority(priority);
        match refused(job().add()) {
            AddError::Invalid(payload, invalid) => check(payload, invalid),
            other => panic!("{other}"),
        }
        match refused(job().submit()) {
            AddError::Invalid(payload, invalid) => check(payload, invalid),
            other => panic!("{other}"),
        }
        match refused(job().try_add()) {
            TryAddError::Invalid(payload, invalid) => check(payload, invalid),
            other => panic!("{other}"),
        }
        match refused(job().delay(secs(1)).add_timeout(secs(1))) {
            AddTimeoutError::Invalid(payload, invalid) => check(payload, invalid),
            other => panic!("{other}"),
        }
        audit(&queue.stats(), NONE);
    }
}

#[test]
fn a_jobs_other_options_are_checked_too() {
    let (runtime, _) = still();
    let queue = ordered::<&str>(&runtime, Order::Bands(10));
    let shaky = Backoff::fixed(secs(1)).jitter(1.5);
    let wrong = [
        ("attempts", queue.job("letter").attempts(0)),
        ("attempts", queue.job("letter").attempts(1_000_001)),
        ("jitter", queue.job("letter").backoff(shaky)),
        ("deadline", queue.job("letter").deadline(secs(1))),
    ];
    for (option, job) in wrong {
        match refused(job.add()) {
            AddError::Invalid("letter", invalid) => assert_eq!(invalid.option(), option),
            other => panic!("{other}"),
        }
    }
    queue.job("letter").attempts(1_000_000).add().unwrap();
    audit(&queue.stats(), Books { waiting: 1, ..NONE });
}

#[test]
fn an_order_without_priorities_or_with_too_many_is_refused() {
    let (runtime, _) = still();
    let build = |order| runtime.queue::<(), ()>("jobs").order(order).build();
    for order in [Order::Bands(0), Order::Bands(1025), Order::Heap(0)] {
        match refused(build(order)) {
            BuildError::Invalid(invalid) => assert_eq!(invalid.option(), "order"),
            other => panic!("{other}"),
        }
    }
    for (order, priority) in [
        (Order::Bands(10), 0),
        (Order::Bands(10), 11),
        (Order::Fifo, 2),
        (Order::Heap(4), 5),
    ] {
        let builder = runtime.queue::<(), ()>("jobs").order(order);
        match refused(builder.default_priority(priority).build()) {
            BuildError::Invalid(invalid) => assert_eq!(invalid.option(), "default_priority"),
            other => panic!("{other}"),
        }
    }
    let queue = build(Order::Bands(1024)).unwrap();
    audit(&queue.stats(), NONE);
}

#[test]
fn the_newest_goes_in_front_of_its_peers_only() {
    for order in KINDS {
        let (runtime, _) = still();
        let queue = ordered::<u32>(&runtime, order);
        let (urgent, usual) = (1, levels(order).min(2));
        queue.job(0).priority(usual).add().unwrap();
        queue.job(1).priority(usual).add().unwrap();
        queue.job(2).priority(usual).lifo().add().unwrap();
        queue.job(3).priority(usual).lifo().try_add().unwrap();
        queue.job(4).priority(usual).add().unwrap();
        if usual > urgent {
            queue.job(8).priority(3).lifo().add().unwrap();
            queue.job(9).priority(urgent).add().unwrap();
        }
        let log = scribe(&queue);
        runtime.run_until_idle();
        let expected: &[u32] = match usual > urgent {
            true => &[9, 3, 2, 0, 1, 4, 8],
            false => &[3, 2, 0, 1, 4],
        };
        assert_eq!(log.take(), expected, "{order:?}");
        audit(&queue.stats(), Books::completed(expected.len() as u64));
    }
}

/// A delayed one goes in front when it is due.
#[test]
fn the_newest_of_delayed_jobs_goes_in_front_when_it_is_due() {
    for order in KINDS {
        let (runtime, clock) = still();
        let queue = ordered::<u32>(&runtime, order);
        queue.job(2).delay(secs(1)).lifo().add().unwrap();
        queue.job(3).delay(secs(2)).lifo().add().unwrap();
        queue.add_many(vec![0, 1]).unwrap();
        clock.advance(secs(2));
        let log = scribe(&queue);
        runtime.run_until_idle();
        assert_eq!(log.take(), [3, 2, 0, 1], "{order:?}");
        audit(&queue.stats(), Books::completed(4));
    }
}

/// Also of a job that was added in front of everybody.
#[test]
fn a_retry_goes_behind_its_peers_and_before_the_less_urgent() {
    for order in KINDS {
        for pause in [Duration::ZERO, secs(1)] {
            let (runtime, _) = still();
            let queue = runtime
                .queue::<u32, ()>("jobs")
                .order(order)
                .attempts(2)
                .backoff(Backoff::fixed(pause))
                .build()
                .unwrap();
            let usual = levels(order).min(2);
            queue.job(1).priority(usual).add().unwrap();
            queue.job(2).priority(usual).add().unwrap();
            queue.job(0).priority(usual).lifo().add().unwrap();
            let least = levels(order).min(3);
            queue.job(3).priority(least).add().unwrap();
            let log = Log::new();
            let seen = log.clone();
            queue
                .workers(1, move |job| {
                    seen.push(*job.payload());
                    match (job.payload(), job.attempt()) {
                        (0 | 1, 1) => Err(Failure::msg("again")),
                        _ => Ok(()),
                    }
                })
                .unwrap();
            runtime.advance(secs(1));
            let expected = match (least > usual, pause.is_zero()) {
                (true, true) => [0, 1, 2, 0, 1, 3],
                _ => [0, 1, 2, 3, 0, 1],
            };
            assert_eq!(log.take(), expected, "{order:?} {pause:?}");
            let books = Books {
                completed: 4,
                retried: 2,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

/// Back to its place, in front of peers who came later, and behind whoever went in front meanwhile.
#[test]
fn a_job_given_back_takes_its_old_place_and_uses_no_attempt() {
    for order in KINDS {
        let (runtime, _) = still();
        let queue = ordered::<u32>(&runtime, order);
        let (urgent, usual) = (1, levels(order).min(2));
        for number in 0..3 {
            queue.job(number).priority(usual).add().unwrap();
        }
        let log = Log::new();
        let (seen, inner) = (log.clone(), queue.clone());
        let mut times_left = 5;
        let left = Mutex::new(move || {
            times_left -= 1;
            times_left
        });
        queue
            .workers(1, move |job| {
                seen.push(*job.payload());
                assert!(job.attempt() == 1 && job.is_last_attempt());
                if *job.payload() != 0 {
                    return Ok(());
                }
                match left.lock()() {
                    4 => drop(inner.job(7).priority(usual).add()),
                    3 => drop(inner.job(8).priority(usual).lifo().add()),
                    2 => drop(inner.job(9).priority(urgent).add()),
                    0 => return Ok(()),
                    _ => {}
                }
                Err(Failure::requeue())
            })
            .unwrap();
        runtime.run_until_idle();
        let expected: &[u32] = match usual > urgent {
            true => &[0, 0, 8, 0, 9, 0, 0, 1, 2, 7],
            false => &[0, 0, 8, 0, 0, 0, 1, 2, 7, 9],
        };
        assert_eq!(log.take(), expected, "{order:?}");
        let books = Books {
            completed: 6,
            requeued: 4,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

/// After a retry its place is the one behind its peers.
#[test]
fn a_retried_job_given_back_takes_the_place_of_its_retry() {
    for order in KINDS {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("jobs").order(order).attempts(3);
        let queue = queue.build().unwrap();
        queue.add_many(vec![0, 1]).unwrap();
        let log = Log::new();
        let (seen, inner) = (log.clone(), queue.clone());
        let visits = Mutex::new(0);
        queue
            .workers(1, move |job| {
                seen.push((*job.payload(), job.attempt()));
                if *job.payload() != 0 {
                    return Ok(());
                }
                let mut visits = visits.lock();
                *visits += 1;
                match *visits {
                    1 => Err(Failure::msg("again")),
                    2 => {
                        inner.add(2).unwrap();
                        Err(Failure::requeue())
                    }
                    3 => Err(Failure::msg("again")),
                    _ => Ok(()),
                }
            })
            .unwrap();
        runtime.run_until_idle();
        let expected = [(0, 1), (1, 1), (0, 2), (0, 2), (2, 1), (0, 3)];
        assert_eq!(log.take(), expected, "{order:?}");
        let books = Books {
            completed: 3,
            retried: 2,
            requeued: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

/// By priority, then by the instant, then as they were added; however late somebody looks.
#[test]
fn due_jobs_go_by_priority_then_instant_then_as_they_came() {
    for order in [
        Order::Fifo,
        Order::Bands(3),
        Order::Heap(3),
        Order::Heap(u32::MAX),
    ] {
        let (runtime, clock) = still();
        let queue = ordered::<(u32, u64, u32)>(&runtime, order);
        let mut random = Scatter::new(3);
        let mut expected = Vec::new();
        for number in 0..3000 {
            let priority = 1 + random.below(levels(order).min(3).into()) as u32;
            let due = match number % 3 {
                0 => 1 + random.below(20),
                1 => 1_000_000 * (1 + random.below(20)),
                _ => 1_000_000_000_000 * (1 + random.below(20)),
            };
            let job = queue.job((priority, due, number));
            let delay = Duration::from_nanos(due);
            job.priority(priority).delay(delay).add().unwrap();
            expected.push((priority, due, number));
        }
        let delayed = Books {
            delayed: 3000,
            ..NONE
        };
        audit(&queue.stats(), delayed);
        clock.advance(secs(1_000_000));
        let log = scribe(&queue);
        runtime.run_until_idle();
        expected.sort();
        assert_eq!(log.take(), expected, "{order:?}");
        audit(&queue.stats(), Books::completed(3000));
    }
}

/// A worker that has taken several jobs out of the line starts none of them before a more urgent one.
#[test]
fn an_urgent_arrival_overtakes_what_a_worker_has_taken() {
    for levels in [2, 33] {
        let (runtime, gate, begun) = (runtime(), Gate::new(), Count::new());
        let queue = runtime
            .queue::<u32, ()>("jobs")
            .order(Order::Bands(levels))
            .default_priority(levels)
            .prefetch(32)
            .build()
            .unwrap();
        queue.add_many((0..40).collect()).unwrap();
        let log = Log::new();
        let (seen, held, started) = (log.clone(), gate.clone(), begun.clone());
        queue
            .workers(1, move |job| {
                seen.push(*job.payload());
                started.bump();
                held.pass();
                Ok(())
            })
            .unwrap();
        begun.reach(1);
        queue.job(100).priority(1).add().unwrap();
        queue.job(101).priority(1).add().unwrap();
        gate.open();
        begun.reach(2);
        queue.job(102).priority(1).add().unwrap();
        gate.open_wide();
        settle(&queue, Books::completed(43));
        let expected: Vec<u32> = [0, 100, 101, 102].into_iter().chain(1..40).collect();
        assert_eq!(log.take(), expected, "{levels} priorities");
    }
}

/// Threads: whatever the workers do at the same time, each job is handed out once.
#[test]
fn every_job_of_every_priority_runs_once() {
    for order in [
        Order::Bands(7),
        Order::Heap(7),
        Order::Heap(u32::MAX),
        Order::Deadline,
    ] {
        let (runtime, log) = (runtime(), Log::new());
        let queue = runtime.queue::<u32, ()>("jobs").order(order).capacity(64);
        let queue = queue.build().unwrap();
        let seen = log.clone();
        queue
            .workers(2, move |job| {
                seen.push(*job.payload());
                Ok(())
            })
            .unwrap();
        let adders: Vec<_> = (0..2)
            .map(|adder| {
                let queue = queue.clone();
                start(move || {
                    for number in 0..5000 {
                        let priority = 1 + number % levels(order).min(7);
                        let job = queue.job(adder * 5000 + number).priority(priority);
                        match number % 5 {
                            0 => job.lifo().add().unwrap(),
                            _ => job.add().unwrap(),
                        };
                    }
                })
            })
            .collect();
        adders.into_iter().for_each(Pending::get);
        settle(&queue, Books::completed(10_000));
        let mut seen = log.take();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..10_000), "{order:?}");
    }
}
