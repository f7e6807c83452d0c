//! `Producer`: reserves slots in batches, and gives back what it does not use.

use guichet::{AddError, JobState, TryAddError};

use super::support::*;

/// The part of the capacity that one producer may reserve.
fn batch(capacity: usize) -> usize {
    (capacity / 4).clamp(1, 32)
}

#[test]
fn reserved_slots_count_as_taken_until_they_are_given_back() {
    for capacity in [1, 3, 4, 8, 100, 200] {
        let runtime = runtime();
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(capacity)
            .build()
            .unwrap();
        let mut producer = queue.producer();
        assert_eq!(
            room(&queue, || 1),
            capacity,
            "a new producer reserves nothing"
        );
        drop(runtime);
        settle(
            &queue,
            Books {
                returned: capacity as u64,
                ..NONE
            },
        );
        assert_eq!(producer.add(1), Err(AddError::Closed(1)));

        let runtime = self::runtime();
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(capacity)
            .build()
            .unwrap();
        let mut producer = queue.producer();
        producer.add(0).unwrap();
        // A batch was reserved, or less if the first home had less.
        let left = room(&queue, || 1);
        assert!(
            left + batch(capacity) >= capacity,
            "{left} left of {capacity}"
        );
        assert!(left < capacity);
        producer.flush();
        assert_eq!(
            left + 1 + room(&queue, || 2),
            capacity,
            "flush gives the rest back"
        );
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
fn a_dropped_producer_gives_its_slots_back() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(64)
        .build()
        .unwrap();
    for round in 0..10 {
        let mut producer = queue.producer();
        producer.add(round).unwrap();
    }
    assert_eq!(room(&queue, || 1), 54);
    settle(
        &queue,
        Books {
            waiting: 64,
            ..NONE
        },
    );
}

/// The producer fills the queue to the last slot by itself, and others find it exactly full.
#[test]
fn a_producer_can_fill_the_queue() {
    for capacity in [1, 2, 3, 31, 32, 33, 64, 100, 200] {
        let runtime = runtime();
        let queue = runtime
            .queue::<usize, ()>("numbers")
            .capacity(capacity)
            .build()
            .unwrap();
        let mut producer = queue.producer();
        for number in 0..capacity {
            let id = producer.add(number).unwrap();
            assert_eq!(queue.state(id), Some(JobState::Waiting), "visible at once");
        }
        assert!(matches!(queue.try_add(0), Err(TryAddError::Full { .. })));
        settle(
            &queue,
            Books {
                waiting: capacity as u64,
                ..NONE
            },
        );
    }
}

/// A producer that blocks holds nothing back: what it had reserved is there for others meanwhile.
#[test]
fn a_blocked_producer_holds_no_slot() {
    for _ in 0..20 {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = runtime
            .queue::<u32, ()>("numbers")
            .capacity(8)
            .build()
            .unwrap();
        let held = gate.clone();
        queue
            .workers(1, move |_| {
                held.pass();
                Ok(())
            })
            .unwrap();
        let producers: Vec<_> = (0..3)
            .map(|_| {
                let mut producer = queue.producer();
                start(move || {
                    for number in 0..20 {
                        producer.add(number).unwrap();
                    }
                    // Waits as long as the others: a slot kept here would be missing there.
                    producer
                })
            })
            .collect();
        // All but the slots in use are given out: eight jobs in all, or the sum would hang.
        until("the queue is full of jobs", || queue.stats().live() == 8);
        gate.open_wide();
        let producers: Vec<_> = producers.into_iter().map(Pending::get).collect();
        settle(&queue, Books::completed(60));
        drop(producers);
    }
}

#[test]
fn slots_go_back_to_blocked_adders() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(8)
        .build()
        .unwrap();
    let mut producer = queue.producer();
    producer.add(0).unwrap();
    let taken = room(&queue, || 1);
    assert!(taken < 7, "the producer has reserved a second slot");
    let blocked: Vec<_> = (taken..7)
        .map(|_| {
            let queue = queue.clone();
            start(move || queue.add(2).is_ok())
        })
        .collect();
    let_block();
    producer.flush();
    assert!(blocked.into_iter().all(Pending::get), "flush woke too few");
    settle(&queue, Books { waiting: 8, ..NONE });
}

#[test]
fn a_producer_in_its_own_worker_is_refused_when_the_queue_is_full() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, u32>("numbers")
        .capacity(8)
        .build()
        .unwrap();
    let own = queue.clone();
    queue
        .workers(1, move |job| {
            if *job.payload() != 0 {
                return Ok(0);
            }
            let mut producer = own.producer();
            let mut added = 0;
            loop {
                match producer.add(added + 1) {
                    Ok(_) => added += 1,
                    Err(AddError::WouldDeadlock(payload)) => {
                        assert_eq!(payload, added + 1);
                        return Ok(added);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        })
        .unwrap();
    assert_eq!(value(queue.submit(0).unwrap()), 7);
    settle(&queue, Books::completed(8));
}
