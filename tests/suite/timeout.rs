//! Time-outs: decided at the deadline, never twice, and the next attempt waits for the last one's handler.

use std::time::Duration;

use guichet::{Backoff, EventKind, Failure, JobError, JobState};

use super::support::*;

fn timed_out<R>(result: Result<R, JobError>) -> bool {
    matches!(result, Err(JobError::Failed(why)) if why.is_timeout())
}

/// A handler that has taken its payload leaves none for a second attempt, whatever its job says.
#[test]
fn an_owned_payload_is_not_handed_out_again_after_a_time_out() {
    let ((runtime, clock), log) = (still(), Log::new());
    // Without a destructor, so that handing it out twice does no harm beyond this test.
    let queue = runtime.queue::<u32, ()>("jobs").capacity(1);
    let queue = queue.timeout(secs(10)).build().unwrap();
    let seen = log.clone();
    queue
        .workers_owned(1, move |payload| {
            seen.push(payload);
            clock.advance(secs(11));
            Ok(())
        })
        .unwrap();
    let handle = queue.job(9).attempts(2).submit().unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [9]);
    assert!(timed_out(outcome(handle)));
    let books = Books {
        failed: 1,
        timed_out: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// A queue's own backoff is shown the job, and there is no payload to show.
#[test]
fn a_backoff_of_ones_own_is_not_asked_about_an_owned_payload() {
    let ((runtime, clock), asked) = (still(), Count::new());
    let count = asked.clone();
    let queue = runtime.queue::<u32, ()>("jobs").timeout(secs(10));
    let queue = queue.backoff_with(move |job, _| {
        count.bump();
        Some(secs(u64::from(*job.payload())))
    });
    let queue = queue.build().unwrap();
    queue
        .workers_owned(1, move |_| {
            clock.advance(secs(11));
            Ok(())
        })
        .unwrap();
    let handle = queue.job(9).attempts(2).submit().unwrap();
    runtime.run_until_idle();
    assert!(timed_out(outcome(handle)));
    assert_eq!(asked.get(), 0);
    let books = Books {
        failed: 1,
        timed_out: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// A shutdown that has time left still has what waits done by the worker that was stuck.
#[test]
fn a_worker_that_can_not_be_replaced_goes_on() {
    let (runtime, gate, log) = (runtime(), Gate::new(), Log::new());
    let queue = runtime.queue::<u32, ()>("jobs");
    let queue = queue.stuck_after(Duration::from_millis(1)).build().unwrap();
    let (held, seen) = (gate.clone(), log.clone());
    queue
        .workers(1, move |job| {
            seen.push(*job.payload());
            if *job.payload() == 0 {
                held.pass();
            }
            Ok(())
        })
        .unwrap();
    let limit = Duration::from_millis(20);
    let first = queue.job(0).timeout(limit).submit().unwrap();
    until("it runs", || first.state() == Some(JobState::Active));
    let second = queue.submit(1).unwrap();
    let closes = queue.clone();
    let closer = start(move || runtime.shutdown(PATIENCE));
    until("intake is closed", || {
        closes.try_add_many(Vec::new()).is_err()
    });
    assert!(timed_out(outcome(first)));
    // Long after it would count as stuck.
    let end = std::time::Instant::now() + Duration::from_millis(20);
    until("some time has passed", || std::time::Instant::now() > end);
    gate.open();
    assert!(closer.get().in_time);
    let books = Books {
        failed: 1,
        timed_out: 1,
        late: 1,
        ..Books::completed(1)
    };
    assert!(outcome(second).is_ok(), "there was time to run it");
    settle(&queue, books);
    assert_eq!(log.take(), [0, 1]);
}

/// A thread that was replaced and has ended leaves nothing behind, however many there were: here, no stack.
#[test]
fn replaced_threads_leave_no_stacks_behind() {
    alone("timeout::replaced_threads_leave_no_stacks_behind", || {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = runtime.queue::<u32, ()>("jobs");
        let queue = queue
            .timeout(Duration::from_millis(1))
            .stuck_after(Duration::ZERO)
            .build()
            .unwrap();
        let held = gate.clone();
        queue
            .workers(1, move |_| {
                held.pass();
                Ok(())
            })
            .unwrap();
        let rounds = 40;
        let before = mappings();
        for round in 1..=rounds {
            assert!(timed_out(outcome(queue.submit(1).unwrap())));
            until("it is replaced", || queue.stats().stuck == 1);
            gate.open();
            until("it has returned", || {
                let stats = queue.stats();
                stats.stuck == 0 && stats.late == round
            });
        }
        let books = Books {
            failed: rounds,
            timed_out: rounds,
            late: rounds,
            ..NONE
        };
        settle(&queue, books);
        if let (Some(before), Some(after)) = (before, mappings()) {
            let more = after.saturating_sub(before);
            assert!(more < rounds as usize / 2, "{more} more mappings");
        }
    });
}

/// How many pieces of memory this process has mapped, two for each thread's stack.
fn mappings() -> Option<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    Some(maps.lines().count())
}

/// Reported, replaced up to the limit, and gone when their handlers return.
#[test]
fn stuck_workers_are_replaced_and_reaped() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime.queue::<u32, ()>("stuckers").max_stuck(2);
    let queue = queue.stuck_after(Duration::ZERO).build().unwrap();
    let mut events = queue.subscribe();
    let (held, begun) = (gate.clone(), started.clone());
    queue
        .workers(2, move |job| {
            if *job.payload() == 0 {
                begun.bump();
                held.pass();
            }
            Ok(())
        })
        .unwrap();
    // A thread names itself; there may be no telling.
    let have = |threads: usize| threads_named("stuckers").is_none_or(|now| now == threads);
    until("their threads have begun", || have(2));
    let hang = || {
        let limit = Duration::from_millis(1);
        queue.job(0).timeout(limit).submit().unwrap()
    };
    for stuck in 1..=2 {
        let handle = hang();
        let id = handle.id();
        assert!(timed_out(outcome(handle)));
        until("it is stuck", || queue.stats().stuck == stuck);
        let mut told = std::iter::from_fn(|| events.next_timeout(PATIENCE).ok());
        assert!(told.any(|event| (event.job, event.kind) == (id, EventKind::Stuck)));
        // Both workers work: one waits for the other.
        let both = [queue.submit(1).unwrap(), queue.submit(2).unwrap()];
        both.into_iter().for_each(value);
        until("another thread has begun", || have(2 + stuck as usize));
    }
    // No more than two are replaced; these two take the last workers.
    let rest = [hang(), hang()];
    rest.into_iter()
        .for_each(|handle| assert!(timed_out(outcome(handle))));
    started.reach(4);
    let waits = queue.submit(3).unwrap();
    let_block();
    assert_eq!((queue.stats().stuck, waits.is_finished()), (2, false));
    gate.open_wide();
    value(waits);
    let books = Books {
        failed: 4,
        timed_out: 4,
        late: 4,
        ..Books::completed(5)
    };
    settle(&queue, books);
    until("their threads have ended", || have(2));
    assert!(runtime.shutdown(PATIENCE).in_time);
    until("all threads have ended", || have(0));
    settle(&queue, books);
}

/// The job's word goes before its worker's, that before the queue's.
#[test]
fn the_nearest_time_out_counts() {
    for (own, processor, lasts, late) in [
        (Some(1), Some(5), 2, true),
        (Some(9), Some(1), 2, false),
        (None, Some(1), 2, true),
        (None, Some(9), 4, false),
        (None, None, 4, true),
        (None, None, 2, false),
    ] {
        let (runtime, clock) = still();
        let queue = runtime.queue::<u32, ()>("jobs").timeout(secs(3));
        let queue = queue.build().unwrap();
        let workers = queue.processor().workers(1);
        let workers = match processor {
            Some(limit) => workers.timeout(secs(limit)),
            None => workers,
        };
        let time = clock.clone();
        workers
            .start(move |job| {
                assert!(job.time_left().is_some());
                time.advance(secs(lasts));
                Ok(job.checkpoint()?)
            })
            .unwrap();
        let job = queue.job(0);
        let job = match own {
            Some(limit) => job.timeout(secs(limit)),
            None => job,
        };
        let handle = job.submit().unwrap();
        runtime.run_until_idle();
        let case = (own, processor, lasts);
        assert_eq!(outcome(handle).is_err(), late, "{case:?}");
        let books = match late {
            true => Books {
                failed: 1,
                timed_out: 1,
                late: 1,
                ..NONE
            },
            false => Books::completed(1),
        };
        audit(&queue.stats(), books);
    }
}

/// Who waits for a last attempt learns at the deadline, though the handler runs on; a retry waits for that one's return.
#[test]
fn a_retry_waits_for_the_late_handler() {
    let (runtime, gate, log) = (runtime(), Gate::new(), Log::new());
    let queue = runtime.queue::<u32, ()>("jobs").attempts(2);
    let queue = queue.timeout(Duration::from_millis(5)).build().unwrap();
    let (held, seen) = (gate.clone(), log.clone());
    queue
        .workers(2, move |job| {
            seen.push(("begins", job.attempt()));
            held.pass();
            seen.push(("ends", job.attempt()));
            Ok(())
        })
        .unwrap();
    let handle = queue.submit(0).unwrap();
    until("the first attempt times out", || {
        queue.stats().timed_out == 1
    });
    let_block();
    assert_eq!(handle.state(), Some(JobState::Delayed));
    assert_eq!(queue.promote(handle.id()), Ok(()), "it waits all the same");
    assert_eq!(log.take(), [("begins", 1)]);
    gate.open();
    assert!(
        timed_out(outcome(handle)),
        "while the second handler is held"
    );
    assert_eq!(log.take(), [("ends", 1), ("begins", 2)]);
    gate.open();
    let books = Books {
        failed: 1,
        retried: 1,
        timed_out: 2,
        late: 2,
        ..NONE
    };
    settle(&queue, books);
}

/// Unless it was told not to.
#[test]
fn overlap_after_lets_a_retry_begin_beside_it() {
    let (runtime, gate, begun) = (runtime(), Gate::new(), Count::new());
    let queue = runtime.queue::<u32, u32>("jobs").attempts(2);
    let queue = queue
        .timeout(Duration::from_millis(5))
        .overlap_after(Duration::ZERO)
        .build()
        .unwrap();
    let (held, count) = (gate.clone(), begun.clone());
    queue
        .workers(2, move |job| {
            count.bump();
            if job.attempt() == 1 {
                held.pass();
            }
            Ok(job.attempt())
        })
        .unwrap();
    let handle = queue.submit(0).unwrap();
    begun.reach(2);
    // The second attempt may be late too, on a slow machine; what counts is that it began.
    let second = outcome(handle);
    gate.open();
    until("both have returned", || {
        let stats = queue.stats();
        stats.live() == 0 && stats.late == stats.timed_out
    });
    let failed = u64::from(second.is_err());
    let books = Books {
        completed: 1 - failed,
        failed,
        retried: 1,
        timed_out: 1 + failed,
        late: 1 + failed,
        ..NONE
    };
    settle(&queue, books);
}

/// The predicate sees what kind of failure it was; the backoff of the queue holds after it too.
#[test]
fn retries_after_a_time_out_follow_the_rules() {
    for retries in [true, false] {
        let (runtime, clock) = still();
        let queue = runtime.queue::<u32, u32>("jobs").attempts(2);
        let queue = queue
            .timeout(secs(1))
            .backoff(guichet::Backoff::fixed(secs(60)))
            .retry_if(move |failure| failure.is_timeout() == retries)
            .build()
            .unwrap();
        let time = clock.clone();
        queue
            .workers(1, move |job| {
                if job.attempt() == 1 {
                    time.advance(secs(2));
                }
                Ok(job.attempt())
            })
            .unwrap();
        let handle = queue.submit(0).unwrap();
        runtime.run_until_idle();
        runtime.advance(secs(59));
        assert_eq!(handle.is_finished(), !retries);
        runtime.advance(secs(1));
        assert_eq!(outcome(handle).ok(), retries.then_some(2));
        let one = |is: bool| u64::from(is);
        let books = Books {
            completed: one(retries),
            failed: one(!retries),
            retried: one(retries),
            timed_out: 1,
            late: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

/// The payload stays as long as anybody reads it, though another attempt has ended the job.
#[test]
fn a_late_lease_may_read_its_payload_to_the_end() {
    let (runtime, _) = still();
    let queue = runtime.queue::<(String, Token), ()>("jobs").attempts(2);
    let queue = queue.timeout(secs(10)).overlap_after(NANO).build().unwrap();
    let drops = Drops::new();
    queue.add(("letter".to_owned(), drops.token())).unwrap();
    let first = queue.try_lease().unwrap();
    runtime.advance(secs(10) + NANO);
    let second = queue.try_lease().expect("an attempt beside the first");
    second.complete(()).unwrap();
    assert_eq!(first.payload().0, "letter");
    assert_eq!(drops.get(), 0);
    refused(first.complete(()));
    assert_eq!(drops.get(), 1);
}

/// What a handler says after its time is not accepted: neither its failure nor the pause that it asks for.
#[test]
fn a_late_failure_does_not_move_the_next_attempt() {
    let asked = || {
        [
            Failure::msg("late"),
            Failure::retry("late").after(secs(3600)),
            Failure::snooze(secs(3600)),
        ]
    };
    for failure in asked() {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("jobs").attempts(2);
        let queue = queue.backoff(Backoff::fixed(secs(10))).timeout(secs(10));
        let queue = queue.build().unwrap();
        let id = queue.add(1).unwrap();
        let lease = queue.try_lease().expect("the job");
        runtime.advance(secs(19));
        assert!(lease.fail(failure).is_err());
        runtime.advance(secs(1));
        assert_eq!(queue.state(id), Some(JobState::Waiting));
    }
}

/// The former handler keeps the job up no longer, so it waits at once.
#[test]
fn a_job_is_promoted_beside_a_late_handler_whose_grace_is_over() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("jobs").attempts(2);
    let queue = queue.backoff(Backoff::fixed(secs(3600))).timeout(secs(10));
    let queue = queue.overlap_after(secs(5)).build().unwrap();
    let id = queue.add(1).unwrap();
    let lease = queue.try_lease().expect("the job");
    runtime.advance(secs(15));
    queue.promote(id).unwrap();
    assert_eq!(queue.state(id), Some(JobState::Waiting));
    assert!(lease.complete(()).is_err());
}
