//! A refusal for want of room is exact: cancelled jobs' slots count as free, whatever their tickets do.
//!
//! Room for delayed jobs is apart from the other.

use std::time::Duration;

use guichet::{AddError, Backoff, Failure, JobId, JobState, Order, Queue, Runtime, TryAddError};

use super::support::*;

const ORDERS: [Order; 5] = [
    Order::Fifo,
    Order::Bands(3),
    Order::Heap(3),
    Order::Heap(u32::MAX),
    Order::Deadline,
];

fn small(runtime: &Runtime, order: Order, capacity: usize) -> Queue<u32, ()> {
    let builder = runtime.queue("small").order(order).capacity(capacity);
    builder.delayed_capacity(2).build().unwrap()
}

fn is_full<T>(refused: Result<JobId, TryAddError<T>>) -> bool {
    matches!(refused, Err(TryAddError::Full { .. }))
}

#[test]
fn every_cancelled_jobs_slot_can_be_had_at_once() {
    for order in ORDERS {
        for capacity in [1, 2, 33, 100] {
            let (runtime, _) = still();
            let queue = small(&runtime, order, capacity);
            let mut cancelled = 0;
            for _ in 0..3 {
                let ids: Vec<_> = (0..capacity).map(|_| queue.add(0).unwrap()).collect();
                assert!(is_full(queue.try_add(0)));
                assert!(ids.iter().all(|id| queue.cancel(*id)));
                cancelled += ids.len() as u64;
            }
            assert_eq!(room(&queue, || 1), capacity, "{order:?}");
            let log = scribe(&queue);
            runtime.run_until_idle();
            assert_eq!(log.take(), vec![1; capacity]);
            let books = Books {
                completed: capacity as u64,
                cancelled,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

/// Just as many as were cancelled, though the others' tickets lie among theirs; and the order of those that stay
/// is what it was.
#[test]
fn as_many_slots_as_jobs_were_cancelled() {
    for order in ORDERS {
        for priorities in [1, 3] {
            let (runtime, _) = still();
            let queue = small(&runtime, order, 60);
            let most = match order {
                Order::Fifo | Order::Deadline => 1,
                _ => priorities,
            };
            let ids: Vec<_> = (0..60)
                .map(|number| queue.job(number).priority(1 + number % most).add().unwrap())
                .collect();
            for id in ids.iter().step_by(4) {
                assert!(queue.cancel(*id));
            }
            let waiting = Books {
                waiting: 45,
                cancelled: 15,
                ..NONE
            };
            audit(&queue.stats(), waiting);
            for number in 60..75 {
                let job = queue.job(number).priority(1 + number % most);
                job.try_add().unwrap();
            }
            assert!(is_full(queue.try_add(0)));
            let log = scribe(&queue);
            runtime.run_until_idle();
            let stay = (0..75).filter(|number| number % 4 != 0 || *number >= 60);
            let mut expected: Vec<u32> = stay.collect();
            expected.sort_by_key(|number| number % most);
            assert_eq!(log.take(), expected, "{order:?}, {most} priorities");
            let books = Books {
                completed: 60,
                cancelled: 15,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

/// A job that was moved leaves its former ticket in line; cancelled, it gives its slot back all the same.
#[test]
fn moved_and_cancelled_jobs_give_their_slots_back() {
    for order in ORDERS {
        for moves in 1..=3 {
            let (runtime, _) = still();
            let queue = small(&runtime, order, 40);
            let priorities = match order {
                Order::Fifo | Order::Deadline => 1,
                _ => 3,
            };
            let ids: Vec<_> = (0..40).map(|_| queue.add(0).unwrap()).collect();
            for id in &ids {
                for count in 0..moves {
                    queue.set_priority(*id, 1 + count % priorities).unwrap();
                }
            }
            assert!(is_full(queue.try_add(0)), "moving makes no room");
            assert!(ids.iter().all(|id| queue.cancel(*id)));
            assert_eq!(room(&queue, || 1), 40, "{order:?} {moves}");
            let log = scribe(&queue);
            runtime.run_until_idle();
            assert_eq!(log.take(), [1; 40]);
            let books = Books {
                completed: 40,
                cancelled: 40,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

#[test]
fn a_full_queue_bears_any_number_of_moves() {
    for order in ORDERS {
        let (runtime, _) = still();
        let queue = small(&runtime, order, 3);
        let priorities = match order {
            Order::Fifo | Order::Deadline => 1,
            _ => 3,
        };
        let ids: Vec<_> = (0..3).map(|number| queue.add(number).unwrap()).collect();
        for count in 0..10_000 {
            let id = ids[count as usize % 3];
            queue.set_priority(id, 1 + count % priorities).unwrap();
        }
        assert!(is_full(queue.try_add(9)));
        let log = scribe(&queue);
        runtime.run_until_idle();
        let mut seen = log.take();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2], "{order:?}");
        audit(&queue.stats(), Books::completed(3));
    }
}

type Way = fn(&Queue<u32, ()>) -> JobId;

/// How a job comes to wait, before it is cancelled under the eyes of somebody who waits for its slot.
const WAYS: [Way; 4] = [
    |queue| queue.add(0).unwrap(),
    |queue| queue.job(0).lifo().add().unwrap(),
    |queue| {
        let id = queue.add(0).unwrap();
        queue.set_priority(id, 1).unwrap();
        id
    },
    |queue| {
        let id = queue.job(0).lifo().add().unwrap();
        queue.set_priority(id, 1).unwrap();
        id
    },
];

#[test]
fn a_cancel_lets_a_blocked_adder_in() {
    for order in ORDERS {
        for (way, waits) in WAYS.into_iter().enumerate() {
            let (runtime, _) = still();
            let queue = small(&runtime, order, 2);
            queue.add(1).unwrap();
            let id = waits(&queue);
            let inner = queue.clone();
            let adder = start(move || inner.add(2).unwrap());
            let_block();
            assert!(adder.is_running());
            assert!(queue.cancel(id));
            let added = adder.get();
            assert_eq!(queue.state(added), Some(JobState::Waiting), "way {way}");
            assert!(is_full(queue.try_add(3)));
            let log = scribe(&queue);
            runtime.run_until_idle();
            assert_eq!(log.take(), [1, 2], "{order:?}");
            let books = Books {
                completed: 2,
                cancelled: 1,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

/// The same when it is moved only while somebody waits, who has looked at the tickets in line before that.
#[test]
fn a_cancel_after_a_move_lets_a_blocked_adder_in() {
    for order in [Order::Fifo, Order::Bands(3), Order::Heap(3)] {
        for moves in 1..=2 {
            let (runtime, _) = still();
            let queue = small(&runtime, order, 1);
            let id = queue.add(0).unwrap();
            let inner = queue.clone();
            let adder = start(move || inner.add(2).unwrap());
            (0..10).for_each(|_| let_block());
            for _ in 0..moves {
                queue.set_priority(id, 1).unwrap();
            }
            assert!(queue.cancel(id));
            adder.get();
            let log = scribe(&queue);
            runtime.run_until_idle();
            assert_eq!(log.take(), [2], "{order:?}");
            let books = Books {
                completed: 1,
                cancelled: 1,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

/// The moved job runs to its end while its former ticket lies behind a job that runs on.
#[test]
fn the_end_of_a_moved_job_lets_a_blocked_adder_in() {
    for order in [Order::Bands(3), Order::Heap(3)] {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = small(&runtime, order, 2);
        let moved = queue.job(0).priority(3).add().unwrap();
        queue.job(1).priority(2).add().unwrap();
        let inner = queue.clone();
        let adder = start(move || inner.add(2).unwrap());
        (0..10).for_each(|_| let_block());
        queue.set_priority(moved, 1).unwrap();
        let held = gate.clone();
        queue
            .workers(1, move |job| {
                if *job.payload() == 1 {
                    held.pass();
                }
                Ok(())
            })
            .unwrap();
        adder.get();
        gate.open_wide();
        settle(&queue, Books::completed(3));
    }
}

/// The same when its time to live ends it.
#[test]
fn an_expiry_lets_a_blocked_adder_in() {
    for order in ORDERS {
        for moved in [false, true] {
            let (runtime, _) = still();
            let queue = small(&runtime, order, 1);
            let id = queue.job(0).ttl(secs(1)).add().unwrap();
            if moved {
                queue.set_priority(id, 1).unwrap();
            }
            let inner = queue.clone();
            let adder = start(move || inner.add(2).unwrap());
            let_block();
            assert!(adder.is_running());
            runtime.advance(secs(1));
            adder.get();
            let log = scribe(&queue);
            runtime.run_until_idle();
            assert_eq!(log.take(), [2], "{order:?}");
            let books = Books {
                completed: 1,
                expired: 1,
                ..NONE
            };
            audit(&queue.stats(), books);
        }
    }
}

#[test]
fn delayed_jobs_have_room_of_their_own() {
    for order in ORDERS {
        let (runtime, _) = still();
        let queue = small(&runtime, order, 3);
        let later = |number| queue.job(number).delay(secs(1));
        let ids = [later(10).add().unwrap(), later(11).add().unwrap()];
        assert!(is_full(later(12).try_add()));
        assert_eq!(room(&queue, || 1), 3);
        // Cancelled, a delayed job makes room at once, and only for its like.
        assert!(queue.cancel(ids[0]));
        assert!(is_full(queue.try_add(2)));
        later(13).try_add().unwrap();
        assert!(is_full(later(14).try_add()));
        let log = scribe(&queue);
        runtime.advance(secs(1));
        let mut seen = log.take();
        seen.sort_unstable();
        assert_eq!(seen, [1, 1, 1, 11, 13], "{order:?}");
        let books = Books {
            completed: 5,
            cancelled: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
        later(15).try_add().unwrap();
        later(16).try_add().unwrap();
        assert!(is_full(later(17).try_add()));
        runtime.advance(secs(1));
        audit(
            &queue.stats(),
            Books {
                completed: 7,
                ..books
            },
        );
    }
}

#[test]
fn the_room_for_delayed_jobs_is_as_large_as_the_other_unless_it_is_given() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("small").capacity(3);
    let queue = queue.build().unwrap();
    let later = || queue.job(1).delay(secs(1)).try_add();
    assert!((0..3).all(|_| later().is_ok()));
    assert!(is_full(later()));
    assert_eq!(room(&queue, || 1), 3);
    let books = Books {
        waiting: 3,
        delayed: 3,
        ..NONE
    };
    audit(&queue.stats(), books);
    for (capacity, delayed) in [(1, 0), (1, 16_777_215), (16_777_214, 2)] {
        let builder = runtime.queue::<u32, ()>("other").capacity(capacity);
        let refused = refused(builder.delayed_capacity(delayed).build());
        assert!(refused.to_string().starts_with("delayed_capacity"));
    }
}

#[test]
fn a_cancelled_delayed_job_lets_an_adder_of_another_in() {
    let (runtime, _) = still();
    let queue = small(&runtime, Order::Fifo, 2);
    let id = queue.job(0).delay(secs(1)).add().unwrap();
    queue.job(1).delay(secs(1)).add().unwrap();
    let inner = queue.clone();
    let adder = start(move || inner.job(2).delay(secs(1)).add().unwrap());
    let_block();
    // Ordinary room does not help it.
    queue.add(3).unwrap();
    assert!(adder.is_running());
    assert!(queue.cancel(id));
    assert_eq!(queue.state(adder.get()), Some(JobState::Delayed));
    let log = scribe(&queue);
    runtime.advance(secs(1));
    let mut seen = log.take();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3]);
    let books = Books {
        completed: 3,
        cancelled: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// From its admission to its end, wherever it is meanwhile.
#[test]
fn a_job_keeps_the_slot_it_was_admitted_with() {
    let (runtime, _) = still();
    let queue = runtime
        .queue::<u32, ()>("small")
        .capacity(1)
        .delayed_capacity(1)
        .attempts(2)
        .backoff(Backoff::fixed(secs(10)))
        .build()
        .unwrap();
    let later = |number| queue.job(number).delay(secs(1)).try_add();
    let inner = queue.clone();
    queue
        .workers(1, move |job| {
            let same = || match job.payload() {
                1 | 5 => inner.job(9),
                _ => inner.job(9).delay(secs(1)),
            };
            assert!(is_full(same().try_add()), "running, it keeps its slot");
            match same().add() {
                Err(AddError::WouldDeadlock(9)) => {}
                other => panic!("{other:?}"),
            }
            match (job.payload(), job.attempt()) {
                (1, 1) => Err(Failure::msg("again")),
                _ => Ok(()),
            }
        })
        .unwrap();
    let promoted = later(0).unwrap();
    queue.promote(promoted).unwrap();
    assert!(is_full(later(9)), "promoted, it keeps its slot");
    queue.add(1).unwrap();
    assert!(is_full(queue.try_add(9)));
    // The failing job keeps the other busy until after the pause.
    runtime.run_until_idle();
    let books = Books {
        completed: 1,
        delayed: 1,
        retried: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    assert!(
        is_full(queue.try_add(9)),
        "between attempts, it keeps its slot"
    );
    let delayed = later(2).unwrap();
    assert!(is_full(later(9)));
    queue.promote(delayed).unwrap();
    assert!(queue.cancel(delayed));
    // Cancelled while it waits: there when it is needed.
    let again = later(3).unwrap();
    assert!(queue.cancel(again));
    later(4).unwrap();
    runtime.advance(Duration::from_nanos(1));
    assert!(is_full(later(9)) && is_full(queue.try_add(9)));
    // Both end.
    runtime.advance(secs(10));
    assert_eq!(room(&queue, || 5), 1);
    later(0).unwrap();
    assert!(is_full(later(9)));
    runtime.advance(secs(1));
    let books = Books {
        completed: 5,
        cancelled: 2,
        retried: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}
