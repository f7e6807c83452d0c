//! Adding many jobs: all or none, in order, next to each other, and collectors do not starve each other.

use std::sync::Arc;

use guichet::{AddManyError, TryAddManyError};
use parking_lot::Mutex;

use super::support::*;

#[test]
fn all_are_added_in_order() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(100)
        .prefetch(1)
        .build()
        .unwrap();
    let ids = queue.add_many((0..60).collect()).unwrap();
    let more = queue.try_add_many((60..100).collect()).unwrap();
    assert_eq!((ids.len(), more.len()), (60, 40));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    queue
        .workers(1, move |job| {
            log.lock().push((job.id(), *job.payload()));
            Ok(())
        })
        .unwrap();
    settle(&queue, Books::completed(100));
    let expected: Vec<_> = ids.into_iter().chain(more).zip(0..).collect();
    assert_eq!(*seen.lock(), expected);
}

#[test]
fn none_is_added_if_not_all_fit() {
    let runtime = runtime();
    for capacity in [3, 40, 100] {
        let name = format!("numbers {capacity}");
        let queue = runtime
            .queue::<usize, ()>(&name)
            .capacity(capacity)
            .build()
            .unwrap();
        queue.try_add(0).unwrap();
        let payloads: Vec<_> = (0..capacity).collect();
        match queue.try_add_many(payloads.clone()) {
            Err(error @ TryAddManyError::Full(_)) => assert_eq!(error.into_payloads(), payloads),
            other => panic!("{other:?}"),
        }
        settle(&queue, Books { waiting: 1, ..NONE });
        // The failed attempt reserved nothing for good.
        assert_eq!(room(&queue, || 1), capacity - 1);
        settle(
            &queue,
            Books {
                waiting: capacity as u64,
                ..NONE
            },
        );
    }
}

#[test]
fn more_than_the_capacity_can_never_fit() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(3)
        .build()
        .unwrap();
    match queue.add_many(vec![1, 2, 3, 4]) {
        Err(AddManyError::TooMany {
            payloads,
            capacity: 3,
            ..
        }) => {
            assert_eq!(payloads, [1, 2, 3, 4])
        }
        other => panic!("{other:?}"),
    }
    match queue.try_add_many(vec![1, 2, 3, 4]) {
        Err(error @ TryAddManyError::TooMany { capacity: 3, .. }) => {
            assert_eq!(
                error.to_string(),
                "4 jobs at once can never fit a queue of capacity 3"
            );
            assert_eq!(error.into_payloads(), [1, 2, 3, 4]);
        }
        other => panic!("{other:?}"),
    }
    settle(&queue, NONE);
}

#[test]
fn nothing_is_always_added() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(1)
        .build()
        .unwrap();
    queue.add(1).unwrap();
    assert_eq!(queue.add_many(Vec::new()).unwrap(), []);
    assert_eq!(queue.try_add_many(Vec::new()).unwrap(), []);
    settle(&queue, Books { waiting: 1, ..NONE });
}

#[test]
fn add_many_waits_for_room_for_all() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(3)
        .build()
        .unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |_| {
            held.pass();
            Ok(())
        })
        .unwrap();
    queue.add_many(vec![1, 2, 3]).unwrap();
    let adder = {
        let queue = queue.clone();
        start(move || queue.add_many(vec![4, 5, 6]).unwrap().len())
    };
    gate.open();
    gate.open();
    let_block();
    assert!(adder.is_running(), "three jobs were added where two fit");
    gate.open();
    assert_eq!(adder.get(), 3);
    gate.open_wide();
    settle(&queue, Books::completed(6));
}

/// Two collectors that each hold half of the slots would wait for each other for ever.
#[test]
fn collectors_of_the_whole_capacity_all_get_it() {
    for capacity in [2, 3, 64] {
        let runtime = runtime();
        let queue = runtime
            .queue::<usize, ()>("numbers")
            .capacity(capacity)
            .build()
            .unwrap();
        queue.workers(2, |_| Ok(())).unwrap();
        let adders: Vec<_> = (0..4)
            .map(|_| {
                let queue = queue.clone();
                start(move || {
                    for _ in 0..50 {
                        queue.add_many((0..queue.capacity()).collect()).unwrap();
                    }
                })
            })
            .collect();
        adders.into_iter().for_each(Pending::get);
        settle(&queue, Books::completed(4 * 50 * capacity as u64));
    }
}

/// All ways in at once, in a queue as small as the largest batch.
#[test]
fn collectors_and_single_adders_share_a_small_queue() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(3)
        .build()
        .unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    let adders: Vec<_> = (0..6)
        .map(|kind| {
            let queue = queue.clone();
            start(move || {
                let mut added = 0_u64;
                for _ in 0..200 {
                    added += match kind % 3 {
                        0 => queue.add_many(vec![1, 2, 3]).unwrap().len() as u64,
                        1 => queue
                            .try_add_many(vec![1, 2])
                            .map_or(0, |ids| ids.len() as u64),
                        _ => queue.add(1).map_or(0, |_| 1),
                    };
                }
                added
            })
        })
        .collect();
    let added = adders.into_iter().map(Pending::get).sum();
    settle(&queue, Books::completed(added));
}

/// Every collector learns of the shutdown: the one that collects, and those behind it, who would find
/// room at once.
#[test]
fn shutdown_closes_all_collectors() {
    for _ in 0..50 {
        let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(2)
            .build()
            .unwrap();
        let (held, begun) = (gate.clone(), started.clone());
        queue
            .workers(1, move |_| {
                begun.bump();
                held.pass();
                Ok(())
            })
            .unwrap();
        queue.add(0).unwrap();
        started.reach(1);
        let collect = |payloads: Vec<u32>| {
            let queue = queue.clone();
            start(move || match queue.add_many(payloads.clone()) {
                Err(AddManyError::Closed(back)) => back == payloads,
                _ => false,
            })
        };
        // It takes the one vacant slot and waits for the other.
        let mut adders = vec![collect(vec![1, 2])];
        let_block();
        // Or this job takes it. Either way no slot is vacant from here on.
        let filler = queue.try_add(9).is_ok();
        adders.extend((3..6).map(|number| collect(vec![number])));
        let_block();
        let closer = start(move || runtime.shutdown(PATIENCE).in_time);
        for adder in adders {
            assert!(adder.get(), "a collector was accepted after shutdown began");
        }
        gate.open_wide();
        assert!(closer.get());
        settle(&queue, Books::completed(1 + u64::from(filler)));
    }
}

/// A handler that adds many to its own queue is refused when they do not fit, even while somebody
/// outside collects: it could wait for ever for room that only it can make.
#[test]
fn a_worker_does_not_queue_up_behind_a_collector() {
    for _ in 0..20 {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = runtime
            .queue::<u32, bool>("numbers")
            .capacity(2)
            .build()
            .unwrap();
        let (own, held) = (queue.clone(), gate.clone());
        queue
            .workers(1, move |job| {
                if *job.payload() != 0 {
                    return Ok(true);
                }
                held.pass();
                let refused = own.add_many(vec![7, 8]);
                Ok(matches!(refused, Err(AddManyError::WouldDeadlock(p)) if p == [7, 8]))
            })
            .unwrap();
        let first = queue.submit(0).unwrap();
        queue.add(1).unwrap();
        let outside = {
            let queue = queue.clone();
            start(move || queue.add_many(vec![2, 3]).unwrap().len())
        };
        let_block();
        gate.open_wide();
        assert!(value(first), "not WouldDeadlock");
        assert_eq!(outside.get(), 2);
        settle(&queue, Books::completed(4));
    }
}
