//! Changing a job that has not begun, and the refusals for all others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use guichet::{ChangeError, Failure, Job, JobId, JobState, Order, Queue, Runtime};
use parking_lot::Mutex;

use super::support::*;

const ORDERS: [Order; 3] = [Order::Bands(5), Order::Heap(5), Order::Heap(u32::MAX)];

fn ordered(runtime: &Runtime, order: Order) -> Queue<u32, ()> {
    let builder = runtime.queue("ordered").order(order).default_priority(3);
    builder.build().unwrap()
}

#[test]
fn a_moved_job_goes_behind_its_new_peers() {
    for order in ORDERS {
        let (runtime, _) = still();
        let queue = ordered(&runtime, order);
        let add = |number: u32, priority: u32| queue.job(number).priority(priority).add().unwrap();
        add(10, 1);
        let down = add(20, 2);
        let up = add(40, 4);
        let twice = add(30, 3);
        add(11, 1);
        add(41, 4);
        let same = add(31, 3);
        add(32, 3);
        queue.set_priority(down, 4).unwrap();
        queue.set_priority(up, 1).unwrap();
        queue.set_priority(twice, 1).unwrap();
        queue.set_priority(twice, 5).unwrap();
        queue.set_priority(same, 3).unwrap();
        // Who comes later goes behind who was moved.
        add(12, 1);
        add(50, 5);
        let newest = queue.job(13).priority(1).lifo().add().unwrap();
        let log = scribe(&queue);
        assert_eq!(queue.state(newest), Some(JobState::Waiting));
        runtime.run_until_idle();
        let expected = [13, 10, 11, 40, 12, 32, 31, 41, 20, 30, 50];
        assert_eq!(log.take(), expected, "{order:?}");
        audit(&queue.stats(), Books::completed(11));
    }
}

/// Against a list that is sorted anew for every move.
#[test]
fn any_number_of_moves_leaves_the_right_order() {
    for order in ORDERS {
        let (runtime, _) = still();
        let queue = ordered(&runtime, order);
        let mut random = Scatter::new(9);
        let mut line: Vec<(u32, u32)> = Vec::new();
        let mut ids = Vec::new();
        for number in 0..300 {
            let priority = 1 + random.below(5) as u32;
            ids.push(queue.job(number).priority(priority).add().unwrap());
            line.push((priority, number));
            for _ in 0..random.below(4) {
                let moved = random.below(u64::from(number) + 1) as u32;
                let priority = 1 + random.below(5) as u32;
                queue.set_priority(ids[moved as usize], priority).unwrap();
                line.retain(|(_, number)| *number != moved);
                line.push((priority, moved));
            }
        }
        line.sort_by_key(|(priority, _)| *priority);
        let log = Log::new();
        let seen = log.clone();
        let handler = move |job: &Job<'_, u32>| {
            seen.push((job.priority(), *job.payload()));
            Ok(())
        };
        queue.workers(1, handler).unwrap();
        runtime.run_until_idle();
        assert_eq!(log.take(), line, "{order:?}");
        audit(&queue.stats(), Books::completed(300));
    }
}

/// It counts when the job is due, also after a failed attempt.
#[test]
fn a_delayed_job_can_be_moved() {
    for order in ORDERS {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("jobs").order(order).attempts(2);
        let queue = queue.backoff(guichet::Backoff::fixed(secs(1)));
        let queue = queue.default_priority(3).build().unwrap();
        let up = queue.job(1).delay(secs(1)).add().unwrap();
        let down = queue.job(2).delay(secs(1)).priority(1).add().unwrap();
        let failing = queue.job(3).priority(2).add().unwrap();
        let log = Log::new();
        let seen = log.clone();
        queue
            .workers(1, move |job| {
                seen.push((*job.payload(), job.priority()));
                match (job.payload(), job.attempt()) {
                    (3, 1) => Err(Failure::msg("again")),
                    _ => Ok(()),
                }
            })
            .unwrap();
        runtime.run_until_idle();
        queue.set_priority(up, 1).unwrap();
        queue.set_priority(down, 5).unwrap();
        queue.set_priority(failing, 4).unwrap();
        assert_eq!(queue.state(up), Some(JobState::Delayed));
        queue.add(0).unwrap();
        runtime.advance(secs(1));
        let expected = [(3, 2), (0, 3), (1, 1), (3, 4), (2, 5)];
        assert_eq!(log.take(), expected, "{order:?}");
        let books = Books {
            completed: 4,
            retried: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

/// Behind its peers is behind all others there.
#[test]
fn orders_with_one_priority_move_a_job_to_the_end() {
    for order in [
        Order::Fifo,
        Order::Deadline,
        Order::Bands(1),
        Order::Heap(1),
    ] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("jobs").order(order);
        let queue = queue.build().unwrap();
        let ids = queue.add_many(vec![0, 1, 2]).unwrap();
        queue.set_priority(ids[0], 1).unwrap();
        for priority in [0, 2] {
            match queue.set_priority(ids[1], priority) {
                Err(ChangeError::Invalid(invalid)) => {
                    assert_eq!(
                        (invalid.option(), invalid.range()),
                        ("priority", Some(1..=1))
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        let log = scribe(&queue);
        runtime.run_until_idle();
        assert_eq!(log.take(), [1, 2, 0], "{order:?}");
        audit(&queue.stats(), Books::completed(3));
    }
}

/// What each of the three calls says.
fn refusals(queue: &Queue<u32, ()>, id: JobId) -> [Result<(), ChangeError>; 3] {
    [
        queue.set_priority(id, 1),
        queue.promote(id),
        queue.reschedule(id, secs(1)),
    ]
}

fn in_state(state: JobState) -> Result<(), ChangeError> {
    Err(ChangeError::State(state))
}

#[test]
fn a_job_in_another_state_stays_as_it_is() {
    for order in ORDERS {
        let (runtime, _) = still();
        let queue = ordered(&runtime, order);
        let inner = queue.clone();
        queue
            .workers(1, move |job| {
                let running = in_state(JobState::Active);
                assert_eq!(
                    refusals(&inner, job.id()),
                    [(); 3].map(|()| running.clone())
                );
                match job.payload() {
                    0 => Ok(()),
                    _ => Err(Failure::msg("no")),
                }
            })
            .unwrap();
        let waiting = queue.add(0).unwrap();
        assert_eq!(queue.promote(waiting), in_state(JobState::Waiting));
        assert_eq!(
            queue.reschedule(waiting, secs(1)),
            in_state(JobState::Waiting)
        );
        let dead = queue.add(1).unwrap();
        let cancelled = queue.add(0).unwrap();
        assert!(queue.cancel(cancelled));
        runtime.run_until_idle();
        let delayed = queue.job(0).delay(secs(1)).add().unwrap();
        runtime.shutdown(secs(1));
        for (id, state) in [
            (waiting, JobState::Completed),
            (dead, JobState::Dead),
            (cancelled, JobState::Cancelled),
            (delayed, JobState::Returned),
        ] {
            assert_eq!(queue.state(id), Some(state));
            assert_eq!(refusals(&queue, id), [(); 3].map(|()| in_state(state)));
        }
        assert_eq!(
            in_state(JobState::Dead).unwrap_err().to_string(),
            "the job can't be changed in state Dead"
        );
        let books = Books {
            completed: 1,
            failed: 1,
            cancelled: 1,
            returned: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

#[test]
fn a_foreign_or_former_job_is_gone() {
    let (runtime, _) = still();
    let queue = ordered(&runtime, Order::Bands(5));
    let builder = runtime.queue::<u32, ()>("small").order(Order::Bands(5));
    let small = builder.capacity(1).delayed_capacity(1).build().unwrap();
    let gone = [(); 3].map(|()| Err(ChangeError::Gone));
    let waiting = queue.add(0).unwrap();
    let delayed = queue.job(0).delay(secs(1)).add().unwrap();
    assert_eq!(refusals(&small, waiting), gone);
    assert_eq!(refusals(&small, delayed), gone);
    for delay in [Duration::ZERO, secs(5)] {
        let former = small.job(1).delay(delay).add().unwrap();
        assert!(small.cancel(former));
        let next = small.job(2).delay(delay).priority(4).add().unwrap();
        assert_eq!(refusals(&small, former), gone);
        assert_eq!(small.set_priority(next, 2), Ok(()));
    }
    assert_eq!(ChangeError::Gone.to_string(), "the job is gone");
    let live = Books {
        waiting: 1,
        delayed: 1,
        ..NONE
    };
    audit(&queue.stats(), live);
    audit(
        &small.stats(),
        Books {
            cancelled: 2,
            ..live
        },
    );
}

/// A job that a worker has taken out of the line, with others, and not begun can be moved and cancelled.
#[test]
fn a_job_behind_a_long_one_can_be_moved() {
    let (runtime, gate, begun) = (runtime(), Gate::new(), Count::new());
    let queue = runtime.queue::<u32, ()>("jobs").order(Order::Bands(5));
    let queue = queue.capacity(20).build().unwrap();
    let ids = queue.add_many((0..20).collect()).unwrap();
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
    queue.set_priority(ids[7], 5).unwrap();
    queue.set_priority(ids[9], 1).unwrap();
    assert!(queue.cancel(ids[8]) && queue.cancel(ids[10]));
    assert_eq!(queue.set_priority(ids[8], 1), in_state(JobState::Cancelled));
    // Their slots are there, on whatever desk their tickets lie.
    queue.try_add(20).unwrap();
    queue.try_add(21).unwrap();
    assert!(queue.try_add(22).is_err());
    gate.open_wide();
    let books = Books {
        completed: 20,
        cancelled: 2,
        ..NONE
    };
    settle(&queue, books);
    let middle = (1..=6).chain(11..=21);
    let expected: Vec<u32> = [0, 9].into_iter().chain(middle).chain([7]).collect();
    assert_eq!(log.take(), expected);
}

/// Threads: moved, promoted and cancelled while workers take jobs, each job has one end.
#[test]
fn changes_race_with_workers() {
    for order in ORDERS {
        let runtime = runtime();
        let queue = runtime.queue::<u32, ()>("jobs").order(order).capacity(256);
        let queue = queue.build().unwrap();
        let runs: Arc<Vec<AtomicU32>> = Arc::new((0..6000).map(|_| AtomicU32::new(0)).collect());
        let counts = runs.clone();
        queue
            .workers(2, move |job| {
                counts[*job.payload() as usize].fetch_add(1, SeqCst);
                Ok(())
            })
            .unwrap();
        let ids = Arc::new(Mutex::new(Vec::new()));
        let changers: Vec<_> = (0..2)
            .map(|seed| {
                let (queue, ids) = (queue.clone(), ids.clone());
                start(move || {
                    let mut random = Scatter::new(seed);
                    let mut cancelled = 0;
                    loop {
                        let known: Vec<JobId> = ids.lock().clone();
                        // Mostly of the latest, which are live.
                        for id in known.iter().rev().take(200) {
                            match random.below(8) {
                                0 => cancelled += u64::from(queue.cancel(*id)),
                                1 | 2 => drop(queue.promote(*id)),
                                3 => drop(queue.reschedule(*id, Duration::from_micros(5))),
                                _ => {
                                    let priority = 1 + random.below(5) as u32;
                                    drop(queue.set_priority(*id, priority));
                                }
                            }
                        }
                        if known.len() == 6000 {
                            return cancelled;
                        }
                    }
                })
            })
            .collect();
        for number in 0..6000 {
            let job = queue.job(number).priority(1 + number % 5);
            let id = match number % 4 {
                0 => job.delay(Duration::from_micros(50)).add(),
                1 => job.lifo().add(),
                _ => job.add(),
            };
            ids.lock().push(id.unwrap());
        }
        let cancelled: u64 = changers.into_iter().map(Pending::get).sum();
        settle_all(&queue);
        let stats = queue.stats();
        let books = Books {
            completed: 6000 - cancelled,
            cancelled,
            late: stats.late,
            ..NONE
        };
        audit(&stats, books);
        let ran: u32 = runs.iter().map(|runs| runs.load(SeqCst)).sum();
        assert_eq!(u64::from(ran), books.completed + books.late);
        assert!(runs.iter().all(|runs| runs.load(SeqCst) <= 1), "{order:?}");
    }
}
