//! Cancelling: who waits never starts, who runs is told, and an old name never hits a new job.

use guichet::{Failure, JobError, JobId, JobState};

use super::support::*;

#[test]
fn a_cancelled_waiting_job_never_starts() {
    let (runtime, drops, ran) = (runtime(), Drops::new(), Count::new());
    let queue = runtime
        .queue::<Token, ()>("tokens")
        .capacity(4)
        .build()
        .unwrap();
    let first = queue.submit(drops.token()).unwrap();
    let second = queue.submit(drops.token()).unwrap();
    let id = first.id();
    assert_eq!(queue.state(id), Some(JobState::Waiting));
    assert!(queue.cancel(id));
    assert_eq!(drops.get(), 1, "the payload is dropped at once");
    assert_eq!(queue.state(id), Some(JobState::Cancelled));
    assert!(first.is_finished(), "its waiter learns at once");
    assert!(matches!(outcome(first), Err(JobError::Cancelled { .. })));
    assert!(!queue.cancel(id), "it has ended");
    settle(
        &queue,
        Books {
            waiting: 1,
            cancelled: 1,
            ..NONE
        },
    );
    let count = ran.clone();
    queue
        .workers(1, move |_| {
            count.bump();
            Ok(())
        })
        .unwrap();
    value(second);
    settle(
        &queue,
        Books {
            completed: 1,
            cancelled: 1,
            ..NONE
        },
    );
    assert_eq!(ran.get(), 1);
}

/// A documented limit: the slot comes back when the job's place in line is reached.
#[test]
fn a_cancelled_waiting_jobs_slot_is_there_when_it_is_needed() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(2)
        .build()
        .unwrap();
    let ids = queue.add_many(vec![1, 2]).unwrap();
    assert!(ids.iter().all(|id| queue.cancel(*id)));
    settle(
        &queue,
        Books {
            cancelled: 2,
            ..NONE
        },
    );
    queue.try_add(4).unwrap();
    queue.try_add(5).unwrap();
    assert!(queue.try_add(6).is_err());
    queue.workers(1, |_| Ok(())).unwrap();
    settle(
        &queue,
        Books {
            cancelled: 2,
            completed: 2,
            ..NONE
        },
    );
}

#[test]
fn a_cancelled_running_job_is_told_and_its_result_refused() {
    for succeeds in [true, false] {
        let (runtime, gate, drops, told) = (runtime(), Gate::new(), Drops::new(), Count::new());
        let queue = runtime
            .queue::<Token, Token>("tokens")
            .capacity(1)
            .attempts(3)
            .build()
            .unwrap();
        let (held, results, seen) = (gate.clone(), Drops::new(), told.clone());
        let counted = results.clone();
        queue
            .workers(1, move |job| {
                assert!(!job.is_cancelled());
                seen.bump();
                until("the handler is told", || job.is_cancelled());
                seen.bump();
                held.pass();
                match succeeds {
                    true => Ok(counted.token()),
                    false => Err(Failure::msg("no")),
                }
            })
            .unwrap();
        let handle = queue.submit(drops.token()).unwrap();
        let id = handle.id();
        told.reach(1);
        assert_eq!(queue.state(id), Some(JobState::Active));
        assert!(queue.cancel(id));
        assert!(!queue.cancel(id));
        // The waiter learns while the handler runs on.
        assert!(matches!(outcome(handle), Err(JobError::Cancelled { .. })));
        assert_eq!(queue.state(id), Some(JobState::Cancelled));
        told.reach(2);
        assert_eq!(drops.get(), 0, "the handler still reads the payload");
        assert!(
            queue.try_add(drops.token()).is_err(),
            "the handler still holds the slot"
        );
        assert_eq!(drops.get(), 1, "the refused payload");
        settle(
            &queue,
            Books {
                cancelled: 1,
                ..NONE
            },
        );
        gate.open();
        // No retry; the slot is back.
        settle(
            &queue,
            Books {
                cancelled: 1,
                late: 1,
                ..NONE
            },
        );
        until("the payload is dropped", || drops.get() == 2);
        until("the late result is dropped", || {
            results.get() == usize::from(succeeds)
        });
        gate.open();
        let next = queue.submit(drops.token()).unwrap();
        told.reach(3);
        assert!(queue.cancel(next.id()));
        settle(
            &queue,
            Books {
                cancelled: 2,
                late: 2,
                ..NONE
            },
        );
    }
}

#[test]
fn a_job_cancelled_between_attempts_is_not_tried_again() {
    let (runtime, gate, tried) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .attempts(5)
        .prefetch(1)
        .build()
        .unwrap();
    let (held, count) = (gate.clone(), tried.clone());
    queue
        .workers(1, move |job| {
            count.bump();
            held.pass();
            match job.payload() {
                0 => Err(Failure::msg("again")),
                _ => Ok(()),
            }
        })
        .unwrap();
    let failing = queue.submit(0).unwrap();
    let other = queue.submit(1).unwrap();
    gate.open();
    tried.reach(2);
    // The first failed and waits behind the second, which runs.
    assert_eq!(queue.state(failing.id()), Some(JobState::Waiting));
    assert!(queue.cancel(failing.id()));
    assert!(matches!(outcome(failing), Err(JobError::Cancelled { .. })));
    gate.open_wide();
    value(other);
    settle(
        &queue,
        Books {
            completed: 1,
            cancelled: 1,
            retried: 1,
            ..NONE
        },
    );
    assert_eq!(tried.get(), 2);
}

#[test]
fn an_ended_or_foreign_job_is_not_cancelled() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let other = runtime.queue::<u32, ()>("others").build().unwrap();
    queue
        .workers(1, |job| {
            if *job.payload() == 0 {
                Ok(())
            } else {
                Err(Failure::msg("no"))
            }
        })
        .unwrap();
    let good = queue.submit(0).unwrap();
    let good_id = good.id();
    value(good);
    let bad = queue.submit(1).unwrap();
    let bad_id = bad.id();
    outcome(bad).unwrap_err();
    assert!(!queue.cancel(good_id) && !queue.cancel(bad_id));
    let waiting = other.add(1).unwrap();
    assert!(!queue.cancel(waiting), "another queue's job");
    assert_eq!(queue.state(waiting), None);
    assert_eq!(other.state(waiting), Some(JobState::Waiting));
    // The same place in another queue's table.
    let twin = waiting
        .to_string()
        .replacen(&other.id().to_string(), &queue.id().to_string(), 1);
    let twin: JobId = twin.parse().unwrap();
    assert_eq!(twin.queue(), queue.id());
    assert!(!other.cancel(twin));
    assert_eq!(other.state(twin), None);
    settle(
        &queue,
        Books {
            completed: 1,
            failed: 1,
            ..NONE
        },
    );
    settle(&other, Books { waiting: 1, ..NONE });
}

#[test]
fn a_name_that_was_never_given_hits_nothing() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(2)
        .build()
        .unwrap();
    let id = queue.add(1).unwrap();
    let me = queue.id();
    let used = id
        .to_string()
        .split(':')
        .nth(1)
        .unwrap()
        .parse::<u32>()
        .unwrap();
    let vacant = 1 - used;
    for forged in [
        format!("{me}:{used}:0"),
        format!("{me}:{used}:2"),
        format!("{me}:{vacant}:0"),
        format!("{me}:{vacant}:1"),
        format!("{me}:2:1"),
        format!("{me}:{}:1", u32::MAX),
        format!("{me}:{used}:{}", u64::MAX),
    ] {
        let forged: JobId = forged.parse().unwrap();
        assert!(!queue.cancel(forged), "{forged}");
        assert_eq!(queue.state(forged), None, "{forged}");
    }
    settle(&queue, Books { waiting: 1, ..NONE });
}

/// The slot's next tenant is out of reach of every former tenant's name.
#[test]
fn a_stale_name_never_hits_the_next_job() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<u32, u32>("numbers")
        .capacity(1)
        .build()
        .unwrap();
    let (held, begun) = (gate.clone(), started.clone());
    queue
        .workers(1, move |job| {
            begun.bump();
            held.pass();
            Ok(*job.payload())
        })
        .unwrap();
    let mut stale: Vec<JobId> = Vec::new();
    for round in 0..50 {
        let handle = queue.submit(round).unwrap();
        started.reach(round as usize + 1);
        for id in &stale {
            assert!(!queue.cancel(*id), "{id} named a former job");
            assert_eq!(queue.state(*id), None);
        }
        assert_eq!(queue.state(handle.id()), Some(JobState::Active));
        stale.push(handle.id());
        gate.open();
        assert_eq!(value(handle), round);
    }
    settle(&queue, Books::completed(50));
}

/// Cancel against the handler's end: exactly one of them decides, and the waiter hears that one.
#[test]
fn cancel_and_completion_race_to_one_end() {
    let (runtime, drops) = (runtime(), Drops::new());
    let queue = runtime
        .queue::<Token, Token>("tokens")
        .capacity(2)
        .build()
        .unwrap();
    let results = Drops::new();
    let (counted, made) = (results.clone(), Count::new());
    let count = made.clone();
    queue
        .workers(2, move |_| {
            count.bump();
            Ok(counted.token())
        })
        .unwrap();
    let (mut completed, mut cancelled, mut before) = (0, 0, 0);
    for round in 0..10_000 {
        let handle = queue.submit(drops.token()).unwrap();
        for _ in 0..round % 40 {
            std::hint::spin_loop();
        }
        let won = queue.cancel(handle.id());
        match outcome(handle) {
            Ok(_) => completed += 1,
            Err(JobError::Cancelled { .. }) => cancelled += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(
            won,
            cancelled > before,
            "what `cancel` said against what the waiter heard"
        );
        before = cancelled;
    }
    settle_all(&queue);
    until("handlers have returned", || drops.get() == 10_000);
    let late = made.get() as u64 - completed;
    settle(
        &queue,
        Books {
            completed,
            cancelled,
            late,
            ..NONE
        },
    );
    until("every result is dropped", || results.get() == made.get());
}

/// Thousands of jobs cancelled in line give all their slots back.
#[test]
fn slots_of_cancelled_jobs_come_back() {
    let runtime = runtime();
    for prefetch in [1, 32] {
        let name = format!("numbers {prefetch}");
        let queue = runtime
            .queue::<u32, ()>(&name)
            .capacity(64)
            .prefetch(prefetch)
            .build()
            .unwrap();
        queue.workers(2, |_| Ok(())).unwrap();
        let (mut completed, mut cancelled) = (0, 0);
        for _ in 0..200 {
            let ids = queue.add_many((0..64).collect()).unwrap();
            let hit = ids.iter().filter(|id| queue.cancel(**id)).count() as u64;
            cancelled += hit;
            completed += 64 - hit;
        }
        settle_all(&queue);
        let late = queue.stats().late;
        assert!(late <= cancelled);
        queue.add_many((0..64).collect()).unwrap();
        settle_all(&queue);
        let late = queue.stats().late;
        settle(
            &queue,
            Books {
                completed: completed + 64,
                cancelled,
                late,
                ..NONE
            },
        );
    }
}
