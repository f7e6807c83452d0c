//! Handlers: who runs what, in which order, and what a handler may do to queues.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use guichet::{AddError, AddTimeoutError, CallError, Failure, JobError, TryAddError, WorkersError};
use parking_lot::Mutex;

use super::support::*;

#[test]
fn one_worker_with_prefetch_one_starts_jobs_first_in_first_out() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(7)
        .prefetch(1)
        .build()
        .unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    queue
        .workers(1, move |job| {
            log.lock().push(*job.payload());
            Ok(())
        })
        .unwrap();
    for number in 0..20_000 {
        queue.add(number).unwrap();
    }
    settle(&queue, Books::completed(20_000));
    assert!(seen.lock().iter().copied().eq(0..20_000), "not in order");
}

/// With one worker the order of each producer is kept at any prefetch, by whichever way it adds.
#[test]
fn each_producers_jobs_start_in_its_order() {
    for (prefetch, capacity) in [(1, 3), (32, 3), (32, 500)] {
        let runtime = runtime();
        let queue = runtime
            .queue::<(usize, u32), ()>("numbers")
            .capacity(capacity)
            .prefetch(prefetch)
            .build()
            .unwrap();
        let seen = Arc::new(Mutex::new(vec![Vec::new(); 4]));
        let log = seen.clone();
        queue
            .workers(1, move |job| {
                let (producer, number) = *job.payload();
                log.lock()[producer].push(number);
                Ok(())
            })
            .unwrap();
        let producers: Vec<_> = (0..4)
            .map(|me| {
                let queue = queue.clone();
                start(move || {
                    let mut producer = queue.producer();
                    let mut next = 0;
                    while next < 3_000 {
                        match (me, next % 3) {
                            (0, _) => drop(queue.add((me, next)).unwrap()),
                            (1, _) => drop(producer.add((me, next)).unwrap()),
                            (_, 0) => {
                                let run = vec![(me, next), (me, next + 1)];
                                queue.add_many(run).unwrap();
                                next += 1;
                            }
                            _ => drop(queue.submit((me, next)).unwrap()),
                        }
                        next += 1;
                    }
                })
            })
            .collect();
        producers.into_iter().for_each(Pending::get);
        settle(&queue, Books::completed(12_000));
        for (producer, numbers) in seen.lock().iter().enumerate() {
            assert!(
                numbers.iter().copied().eq(0..3_000),
                "producer {producer}: not in order"
            );
        }
    }
}

/// Whatever a worker has taken out of the line behind its present job, others can start.
#[test]
fn a_blocked_handler_does_not_hold_up_the_jobs_behind_it() {
    let runtime = runtime();
    for round in 0..200_u32 {
        let name = format!("round {round}");
        let queue = runtime
            .queue::<u32, ()>(&name)
            .capacity(300)
            .prefetch(32)
            .build()
            .unwrap();
        let gate = Gate::new();
        let backlog = [2, 3, 10, 64, 300][round as usize % 5];
        queue.add_many((0..backlog).collect()).unwrap();
        queue
            .workers(2, move |job| {
                match job.payload() {
                    0 => gate.pass(),
                    1 => gate.open(),
                    _ => {}
                }
                Ok(())
            })
            .unwrap();
        settle(&queue, Books::completed(backlog.into()));
    }
}

/// The same with warm workers that sleep, search or work when the jobs come.
#[test]
fn a_blocked_handler_does_not_hold_up_later_jobs() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(200)
        .prefetch(32)
        .build()
        .unwrap();
    queue
        .workers(2, move |job| {
            match job.payload() {
                40 => gate.pass(),
                41 => gate.open(),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    for round in 1..=500 {
        for number in 0..100 {
            queue.add(number).unwrap();
        }
        settle(&queue, Books::completed(100 * round));
    }
}

/// A job that lies behind a blocked handler starts although newer jobs never cease to come.
#[test]
fn a_prefetched_job_is_not_starved_by_newer_jobs() {
    const ENOUGH: u64 = 200_000;
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(400)
        .prefetch(32)
        .build()
        .unwrap();
    queue.add_many((0..300).collect()).unwrap();
    let (newer, second_ran) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (fed, ran, own) = (newer.clone(), second_ran.clone(), queue.clone());
    queue
        .workers(2, move |job| {
            match job.payload() {
                0 => gate.pass(),
                1 => {
                    ran.store(true, SeqCst);
                    gate.open();
                }
                // Every job that runs before the second one adds another: the line is never empty.
                _ if !ran.load(SeqCst) && fed.load(SeqCst) < ENOUGH => {
                    own.try_add(2)?;
                    if fed.fetch_add(1, SeqCst) + 1 == ENOUGH {
                        gate.open();
                    }
                }
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    settle_all(&queue);
    let newer = newer.load(SeqCst);
    settle(&queue, Books::completed(300 + newer));
    assert!(
        newer < ENOUGH,
        "{newer} newer jobs ran before the second one"
    );
}

#[test]
fn handlers_run_at_the_same_time() {
    let (runtime, here) = (runtime(), Count::new());
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let arrived = here.clone();
    queue
        .workers(4, move |_| {
            arrived.bump();
            arrived.reach(4);
            Ok(())
        })
        .unwrap();
    queue.add_many(vec![1, 2, 3, 4]).unwrap();
    settle(&queue, Books::completed(4));
}

#[test]
fn workers_can_be_added_while_others_work() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, &'static str>("numbers")
        .build()
        .unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |_| {
            held.pass();
            Ok("first")
        })
        .unwrap();
    let first = queue.submit(1).unwrap();
    until("the first job runs", || queue.stats().active == 1);
    let second = queue.submit(2).unwrap();
    queue.workers(1, |_| Ok("second")).unwrap();
    assert_eq!(value(second), "second");
    gate.open();
    assert_eq!(value(first), "first");
    settle(&queue, Books::completed(2));
}

#[test]
fn worker_threads_bear_the_queues_name() {
    let runtime = runtime();
    let queue = runtime.queue::<(), String>("mail").build().unwrap();
    queue
        .workers(1, |_| {
            Ok(thread::current().name().unwrap_or("none").to_owned())
        })
        .unwrap();
    assert_eq!(value(queue.submit(()).unwrap()), "mail-0");
    settle(&queue, Books::completed(1));
}

#[test]
fn a_handler_sees_its_job() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, String>("numbers")
        .attempts(2)
        .build()
        .unwrap();
    queue
        .workers(1, |job| {
            assert_eq!(
                (job.attempt(), job.is_last_attempt(), job.is_cancelled()),
                (1, false, false)
            );
            Ok(format!("{} {:?}", job.id(), job))
        })
        .unwrap();
    let handle = queue.submit(7).unwrap();
    let id = handle.id();
    let seen = value(handle);
    assert!(seen.starts_with(&id.to_string()), "{seen}");
    assert!(seen.contains("payload: 7"), "{seen}");
    settle(&queue, Books::completed(1));
}

/// A handler that takes its payload by value needs no `Sync`.
#[test]
fn owned_payloads_are_consumed() {
    let (runtime, drops) = (runtime(), Drops::new());
    let queue = runtime
        .queue::<(Cell<u32>, Token), (u32, Token)>("cells")
        .build()
        .unwrap();
    queue
        .workers_owned(2, |(cell, token)| Ok((cell.get() + 1, token)))
        .unwrap();
    for number in 0..1_000 {
        let handle = queue.submit((Cell::new(number), drops.token())).unwrap();
        assert_eq!(value(handle).0, number + 1);
        assert_eq!(
            drops.get(),
            number as usize + 1,
            "the payload came back with the result"
        );
    }
    settle(&queue, Books::completed(1_000));
}

#[test]
fn owned_payloads_leave_nothing_for_a_second_attempt() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, u32>("numbers")
        .attempts(3)
        .build()
        .unwrap();
    let error = refused(queue.workers_owned(1, Ok));
    assert!(
        matches!(error, WorkersError::OwnedWithRetries { attempts: 3, .. }),
        "{error:?}"
    );
    settle(&queue, NONE);
}

#[test]
fn owned_handlers_fail_and_panic_like_others() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, u32>("numbers").build().unwrap();
    queue
        .workers_owned(1, |number| match number {
            0 => Err(Failure::msg("zero")),
            1 => panic!("one"),
            _ => Ok(number),
        })
        .unwrap();
    let outcomes: Vec<_> = (0..3)
        .map(|number| outcome(queue.submit(number).unwrap()))
        .collect();
    assert!(matches!(&outcomes[0], Err(JobError::Failed(why)) if why.to_string() == "zero"));
    assert!(matches!(&outcomes[1], Err(JobError::Failed(why)) if why.is_panic()));
    assert!(matches!(outcomes[2], Ok(2)));
    settle(
        &queue,
        Books {
            completed: 1,
            failed: 2,
            panicked: 1,
            ..NONE
        },
    );
}

/// While there is room a handler may add to its own queue; when there is none it is refused, since it
/// might wait for itself.
#[test]
fn a_worker_is_refused_where_it_would_wait_for_itself() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(2)
        .build()
        .unwrap();
    let own = queue.clone();
    queue
        .workers(1, move |job| {
            if *job.payload() != 0 {
                return Ok(());
            }
            let queued = own.submit(1).expect("there is room for one");
            assert_eq!(own.add(2), Err(AddError::WouldDeadlock(2)));
            assert_eq!(
                own.add_timeout(3, PATIENCE),
                Err(AddTimeoutError::WouldDeadlock(3))
            );
            assert!(matches!(own.submit(4), Err(AddError::WouldDeadlock(4))));
            assert_eq!(refused(own.add_many(vec![5])).into_payloads(), [5]);
            assert!(matches!(
                own.try_add(6),
                Err(TryAddError::Full { payload: 6, .. })
            ));
            let call = own.call(7, PATIENCE);
            let refused = CallError::Refused(AddTimeoutError::WouldDeadlock(7));
            assert_eq!(call.unwrap_err().to_string(), refused.to_string());
            assert!(matches!(queued.wait(), Err(JobError::WouldDeadlock)));
            Ok(())
        })
        .unwrap();
    value(queue.submit(0).unwrap());
    settle(&queue, Books::completed(2));
}

/// A wait that does not wait is allowed: the job has ended.
#[test]
fn a_worker_may_take_a_result_that_is_there() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime.queue::<u32, u32>("numbers").build().unwrap();
    let (own, opened) = (queue.clone(), gate.clone());
    queue
        .workers(2, move |job| match job.payload() {
            0 => {
                let other = own.submit(1)?;
                gate.pass();
                until("the other job ends", || other.is_finished());
                Ok(other.wait()?)
            }
            _ => {
                opened.open();
                Ok(42)
            }
        })
        .unwrap();
    assert_eq!(value(queue.submit(0).unwrap()), 42);
    settle(&queue, Books::completed(2));
}

/// Between queues a handler may wait, for room and for results.
#[test]
fn a_worker_may_wait_for_another_queue() {
    let runtime = runtime();
    let back = runtime
        .queue::<u32, u32>("back")
        .capacity(1)
        .build()
        .unwrap();
    let front = runtime.queue::<u32, u32>("front").build().unwrap();
    back.workers(1, |job| Ok(job.payload() * 2)).unwrap();
    let next = back.clone();
    front
        .workers(4, move |job| {
            next.add(0)?;
            next.add_many(vec![0])?;
            let waited = next.submit(*job.payload())?.wait()?;
            let called = next.call(*job.payload(), PATIENCE)?;
            Ok(waited + called)
        })
        .unwrap();
    let handles: Vec<_> = (0..200)
        .map(|number| front.submit(number).unwrap())
        .collect();
    for (handle, number) in handles.into_iter().zip(0..) {
        assert_eq!(value(handle), 4 * number);
    }
    settle(&front, Books::completed(200));
    settle(&back, Books::completed(800));
}

/// What happened before `add` is visible in the handler, and the handler's effects to who waits.
/// Every thread's part is plain data behind no lock of its own.
#[test]
fn effects_travel_with_the_job() {
    let runtime = runtime();
    let queue = runtime
        .queue::<Vec<u64>, Vec<u64>>("lists")
        .capacity(3)
        .build()
        .unwrap();
    queue
        .workers(2, |job| Ok(job.payload().iter().map(|n| n + 1).collect()))
        .unwrap();
    for round in 0..2_000 {
        let result = value(queue.submit(vec![round; 8]).unwrap());
        assert_eq!(result, vec![round + 1; 8]);
    }
    settle(&queue, Books::completed(2_000));
}

/// Several workers share the work: with one job each held, all four hold one.
#[test]
fn no_two_workers_get_the_same_job() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(64)
        .build()
        .unwrap();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let (log, twice) = (seen.clone(), Count::new());
    let again = twice.clone();
    queue
        .workers(4, move |job| {
            if !log.lock().insert((job.id(), *job.payload())) {
                again.bump();
            }
            Ok(())
        })
        .unwrap();
    for number in 0..20_000 {
        queue.add(number).unwrap();
    }
    settle(&queue, Books::completed(20_000));
    assert_eq!((seen.lock().len(), twice.get()), (20_000, 0));
}

/// A handler may share its job with threads of its own, rayon's say.
#[test]
fn a_job_can_be_shared() {
    fn is_sync<X: Sync>() {}
    is_sync::<guichet::Job<'_, u32>>();
}
