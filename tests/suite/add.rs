//! Adding one job: room is exact, refusals give the payload back, blocked adders proceed.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use guichet::{AddError, AddTimeoutError, CallError, TryAddError};

use super::support::*;

#[test]
fn try_add_accepts_exactly_the_capacity() {
    for capacity in [1, 2, 3, 31, 32, 33, 64, 100] {
        let runtime = runtime();
        let queue = runtime
            .queue::<usize, ()>("numbers")
            .capacity(capacity)
            .build()
            .unwrap();
        for number in 0..capacity {
            queue.try_add(number).unwrap();
        }
        match queue.try_add(4711) {
            Err(TryAddError::Full {
                payload: 4711,
                waiting,
                active: 0,
                ..
            }) => {
                assert_eq!(waiting, capacity)
            }
            other => panic!("{other:?}"),
        }
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
fn full_tells_waiting_from_active() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(3)
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
    queue.try_add(1).unwrap();
    started.reach(1);
    queue.try_add(2).unwrap();
    queue.try_add(3).unwrap();
    match queue.try_add(4) {
        Err(TryAddError::Full {
            payload: 4,
            waiting: 2,
            active: 1,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    gate.open_wide();
    settle(&queue, Books::completed(3));
}

/// Whoever learns of the end of the only job finds its slot vacant.
#[test]
fn a_slot_is_free_before_its_result_is_known() {
    for prefetch in [1, 32] {
        let runtime = runtime();
        let queue = runtime
            .queue::<u32, u32>("one")
            .capacity(1)
            .prefetch(prefetch)
            .build()
            .unwrap();
        queue.workers(2, |job| Ok(*job.payload())).unwrap();
        for round in 0..5_000 {
            let handle = queue.submit(round).unwrap();
            // Looking hard finds the result as early as can be.
            for _ in 0..100_000 {
                if handle.is_finished() {
                    break;
                }
                std::hint::spin_loop();
            }
            assert_eq!(value(handle), round);
            if let Err(error) = queue.try_add(round) {
                panic!("round {round}: {error}");
            }
        }
        settle(&queue, Books::completed(10_000));
    }
}

#[test]
fn threads_that_race_for_the_last_slots_get_them_all_and_no_more() {
    for capacity in [1, 3, 31, 32, 33, 64, 65, 100] {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = runtime
            .queue::<usize, ()>("numbers")
            .capacity(capacity)
            .build()
            .unwrap();
        let barrier = Arc::new(Barrier::new(8));
        let adders: Vec<_> = (0..8)
            .map(|thread| {
                let (queue, barrier) = (queue.clone(), barrier.clone());
                start(move || {
                    barrier.wait();
                    (0..).take_while(|_| queue.try_add(thread).is_ok()).count()
                })
            })
            .collect();
        let accepted: usize = adders.into_iter().map(Pending::get).sum();
        assert_eq!(accepted, capacity);
        settle(
            &queue,
            Books {
                waiting: capacity as u64,
                ..NONE
            },
        );

        // One job ends: exactly one more fits.
        let held = gate.clone();
        queue
            .workers(1, move |_| {
                held.pass();
                Ok(())
            })
            .unwrap();
        gate.open();
        queue.add_timeout(9, PATIENCE).unwrap();
        assert!(matches!(
            queue.try_add(10),
            Err(TryAddError::Full { payload: 10, .. })
        ));
        gate.open_wide();
        settle(&queue, Books::completed(capacity as u64 + 1));
    }
}

#[test]
fn add_waits_until_a_slot_is_free() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(2)
        .build()
        .unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |_| {
            held.pass();
            Ok(())
        })
        .unwrap();
    queue.add(1).unwrap();
    queue.add(2).unwrap();
    let adders: Vec<_> = (0..4)
        .map(|number| {
            let queue = queue.clone();
            start(move || queue.add(number).map_err(|error| error.to_string()))
        })
        .collect();
    let_block();
    assert!(
        adders.iter().all(Pending::is_running),
        "an adder got a slot that was not there"
    );
    gate.open_wide();
    for adder in adders {
        adder.get().unwrap();
    }
    settle(&queue, Books::completed(6));
}

/// Each end lets one blocked adder in, however many wait.
#[test]
fn every_free_slot_lets_one_blocked_adder_in() {
    let (runtime, gate, inside) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(1)
        .build()
        .unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |_| {
            held.pass();
            Ok(())
        })
        .unwrap();
    queue.add(0).unwrap();
    let adders: Vec<_> = (0..24)
        .map(|number| {
            let (queue, inside) = (queue.clone(), inside.clone());
            start(move || {
                queue.add(number).unwrap();
                inside.bump();
            })
        })
        .collect();
    let_block();
    for ended in 1..=24 {
        gate.open();
        inside.reach(ended);
        assert_eq!(inside.get(), ended, "one end, more than one adder");
    }
    gate.open_wide();
    adders.into_iter().for_each(Pending::get);
    settle(&queue, Books::completed(25));
}

#[test]
fn add_timeout_gives_the_payload_back_when_the_time_is_over() {
    let runtime = runtime();
    let queue = runtime
        .queue::<String, ()>("texts")
        .capacity(1)
        .build()
        .unwrap();
    queue.add_timeout("first".into(), Duration::ZERO).unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(1)] {
        match queue.add_timeout("second".into(), timeout) {
            Err(error @ AddTimeoutError::Timeout(_)) => assert_eq!(error.into_payload(), "second"),
            other => panic!("{other:?}"),
        }
    }
    settle(&queue, Books { waiting: 1, ..NONE });
    queue.workers(1, |_| Ok(())).unwrap();
    // A time that no clock can name is no time at all.
    queue.add_timeout("third".into(), Duration::MAX).unwrap();
    settle(&queue, Books::completed(2));
}

/// A waiter whose time is over leaves no trace: later notifications reach those who still wait.
#[test]
fn adders_that_gave_up_do_not_swallow_a_wake_up() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(1)
        .build()
        .unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |_| {
            held.pass();
            Ok(())
        })
        .unwrap();
    queue.add(0).unwrap();
    let mut refused = 0;
    for round in 0..200 {
        let patient = {
            let queue = queue.clone();
            start(move || queue.add(round).is_ok())
        };
        let hasty: Vec<_> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                start(move || queue.add_timeout(round, Duration::from_micros(50)).is_ok())
            })
            .collect();
        let hasty = hasty
            .into_iter()
            .map(|adder| usize::from(!adder.get()))
            .sum::<usize>();
        assert_eq!(hasty, 3, "the only slot is taken");
        refused += hasty;
        gate.open();
        assert!(patient.get(), "round {round}");
    }
    assert_eq!(refused, 600);
    gate.open_wide();
    settle(&queue, Books::completed(201));
}

/// Shutdown wakes everybody who waits for room, whichever way they wait, with their payloads.
#[test]
fn shutdown_wakes_blocked_adders_as_closed() {
    for _ in 0..50 {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(2)
            .build()
            .unwrap();
        let held = gate.clone();
        queue
            .workers(1, move |_| {
                held.pass();
                Ok(())
            })
            .unwrap();
        queue.add_many(vec![1, 2]).unwrap();
        let blocked = {
            let q = queue.clone();
            let add = start(move || matches!(q.add(3), Err(AddError::Closed(3))));
            let q = queue.clone();
            let timed = start(move || {
                matches!(
                    q.add_timeout(4, PATIENCE * 2),
                    Err(AddTimeoutError::Closed(4))
                )
            });
            let q = queue.clone();
            let submit = start(move || matches!(q.submit(5), Err(AddError::Closed(5))));
            let q = queue.clone();
            let call = start(move || {
                let refused = q.call(6, PATIENCE * 2);
                matches!(refused, Err(CallError::Refused(AddTimeoutError::Closed(6))))
            });
            let q = queue.clone();
            let producer = start(move || matches!(q.producer().add(7), Err(AddError::Closed(7))));
            let q = queue.clone();
            let many = start(move || {
                q.add_many(vec![8, 9])
                    .is_err_and(|e| e.into_payloads() == [8, 9])
            });
            [add, timed, submit, call, producer, many]
        };
        let_block();
        let closer = start(move || runtime.shutdown(PATIENCE).in_time);
        // The worker still holds both slots' jobs while these wake.
        for (number, adder) in blocked.into_iter().enumerate() {
            assert!(adder.get(), "adder {number} was not told Closed");
        }
        gate.open_wide();
        assert!(closer.get());
        settle(&queue, Books::completed(2));
    }
}

#[test]
fn every_way_in_is_closed_after_shutdown() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(2)
        .build()
        .unwrap();
    let mut producer = queue.producer();
    runtime.shutdown(Duration::ZERO);
    assert_eq!(queue.try_add(1), Err(TryAddError::Closed(1)));
    assert_eq!(queue.add(2), Err(AddError::Closed(2)));
    assert_eq!(
        queue.add_timeout(3, PATIENCE),
        Err(AddTimeoutError::Closed(3))
    );
    assert!(matches!(queue.submit(4), Err(AddError::Closed(4))));
    let called = queue.call(5, PATIENCE);
    assert!(matches!(
        called,
        Err(CallError::Refused(AddTimeoutError::Closed(5)))
    ));
    assert_eq!(producer.add(6), Err(AddError::Closed(6)));
    assert_eq!(refused(queue.add_many(vec![7, 8])).into_payloads(), [7, 8]);
    assert_eq!(refused(queue.try_add_many(vec![9])).into_payloads(), [9]);
    settle(&queue, NONE);
}

#[test]
fn jobs_get_names_of_their_own() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(4)
        .build()
        .unwrap();
    let other = runtime
        .queue::<u32, ()>("others")
        .capacity(4)
        .build()
        .unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    let mut ids: Vec<_> = (0..1000).map(|number| queue.add(number).unwrap()).collect();
    ids.push(other.add(1).unwrap());
    assert!(ids[..1000].iter().all(|id| id.queue() == queue.id()));
    assert_eq!(ids[1000].queue(), other.id());
    assert_ne!(queue.id(), other.id());
    for id in &ids {
        assert_eq!(id.to_string().parse(), Ok(*id));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1001, "an id was given twice");
    settle(&queue, Books::completed(1000));
    settle(&other, Books { waiting: 1, ..NONE });
}
