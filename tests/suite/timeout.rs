//! Time-outs: decided at the deadline, never twice, and the next attempt waits for the last one's handler.

use std::time::Duration;

use guichet::{EventKind, JobError, JobState};

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
