//! The books: every accepted job is live or has exactly one end. That the counts are there in time is seen by
//! `tests/shuttle`.

use std::time::Duration;

use guichet::{Failure, JobState, QueueStats};

use super::support::*;

/// One queue sees every end there is.
#[test]
fn every_end_is_counted_once() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<&str, ()>("all ends")
        .capacity(16)
        .attempts(2)
        .prefetch(1)
        .build()
        .unwrap();
    let (held, begun) = (gate.clone(), started.clone());
    queue
        .workers(1, move |job| match *job.payload() {
            "complete" => Ok(()),
            "fail" => Err(Failure::msg("no")),
            "discard" => Err(Failure::discard("no")),
            "panic" => panic!("no"),
            _ => {
                begun.bump();
                held.pass();
                Ok(())
            }
        })
        .unwrap();
    for (kind, books) in [
        (
            "complete",
            Books {
                completed: 1,
                ..NONE
            },
        ),
        (
            "fail",
            Books {
                completed: 1,
                failed: 1,
                retried: 1,
                ..NONE
            },
        ),
        (
            "discard",
            Books {
                completed: 1,
                failed: 2,
                retried: 1,
                ..NONE
            },
        ),
        (
            "panic",
            Books {
                completed: 1,
                failed: 3,
                retried: 2,
                panicked: 2,
                ..NONE
            },
        ),
    ] {
        let _ = outcome(queue.submit(kind).unwrap());
        audit(&queue.stats(), books);
    }
    let ended = queue.stats();
    let base = Books {
        completed: 1,
        failed: 3,
        retried: 2,
        panicked: 2,
        ..NONE
    };
    let running = queue.submit("cancelled while it runs").unwrap();
    started.reach(1);
    let waiting = queue.submit("cancelled while it waits").unwrap();
    audit(
        &queue.stats(),
        Books {
            active: 1,
            waiting: 1,
            ..base
        },
    );
    assert!(queue.cancel(waiting.id()) && queue.cancel(running.id()));
    let base = Books {
        cancelled: 2,
        ..base
    };
    audit(&queue.stats(), base);
    gate.open();
    settle(&queue, Books { late: 1, ..base });
    let _running = queue.submit("interrupted").unwrap();
    started.reach(2);
    queue.add("returned").unwrap();
    let report = runtime.shutdown(Duration::ZERO);
    let base = Books {
        late: 1,
        interrupted: 1,
        returned: 1,
        ..base
    };
    audit(&report.queues[0].stats, base);
    gate.open();
    settle(&queue, Books { late: 2, ..base });
    assert_eq!(ended.accepted, 4);
}

#[test]
fn states_follow_the_job() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime
        .queue::<u32, u32>("numbers")
        .capacity(2)
        .attempts(2)
        .keep_failed(0)
        .build()
        .unwrap();
    let (held, begun) = (gate.clone(), started.clone());
    let handle = queue.submit(1).unwrap();
    let id = handle.id();
    assert_eq!(queue.state(id), Some(JobState::Waiting));
    queue
        .workers(1, move |job| {
            begun.bump();
            held.pass();
            match job.payload() {
                1 => Ok(1),
                _ => Err(Failure::discard("no")),
            }
        })
        .unwrap();
    started.reach(1);
    assert_eq!(queue.state(id), Some(JobState::Active));
    gate.open();
    value(handle);
    assert_eq!(queue.state(id), Some(JobState::Completed));
    let handle = queue.submit(2).unwrap();
    let id = handle.id();
    gate.open();
    outcome(handle).unwrap_err();
    assert_eq!(queue.state(id), Some(JobState::Dead));
    assert!(queue.state(id).unwrap().is_terminal());
    // Two tenants later nobody remembers.
    gate.open_wide();
    for _ in 0..4 {
        outcome(queue.submit(1).unwrap()).unwrap();
    }
    assert_eq!(queue.state(id), None);
    settle(
        &queue,
        Books {
            completed: 5,
            failed: 1,
            ..NONE
        },
    );
}

/// Counts taken while jobs move are off by at most the transitions in flight.
#[test]
fn counts_under_load_are_off_by_what_moves_at_most() {
    const CAPACITY: u64 = 8;
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("numbers")
        .capacity(8)
        .build()
        .unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    let feeder = {
        let queue = queue.clone();
        start(move || {
            for number in 0..100_000 {
                queue.add(number).unwrap();
            }
        })
    };
    let mut last = QueueStats::default();
    while feeder.is_running() {
        let stats = queue.stats();
        assert!(stats.waiting + stats.active <= CAPACITY, "{stats:?}");
        assert!(stats.accepted >= last.accepted && stats.completed >= last.completed);
        last = stats;
    }
    settle(&queue, Books::completed(100_000));
}

/// Every job is timed on request, and each of its three times once.
#[test]
fn latencies_count_the_sampled_jobs() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("all")
        .sample_every(1)
        .attempts(3)
        .build()
        .unwrap();
    queue
        .workers(2, |job| {
            if job.is_last_attempt() {
                Ok(())
            } else {
                Err(Failure::msg("again"))
            }
        })
        .unwrap();
    assert_eq!(queue.latencies().run.samples, 0);
    for number in 0..500 {
        value(queue.submit(number).unwrap());
    }
    settle(
        &queue,
        Books {
            completed: 500,
            retried: 1_000,
            ..NONE
        },
    );
    let latencies = queue.latencies();
    assert_eq!(latencies.sampled_one_in, 1);
    assert_eq!(latencies.wait.samples, 500, "once per job");
    assert_eq!(latencies.run.samples, 1_500, "once per attempt");

    let queue = runtime
        .queue::<u32, ()>("some")
        .capacity(64)
        .sample_every(8)
        .build()
        .unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    for number in 0..6_400 {
        value(queue.submit(number).unwrap());
    }
    let samples = queue.latencies().run.samples;
    assert!(
        (6_400 / 8 - 64..=6_400 / 8 + 64).contains(&samples),
        "{samples} of 6400"
    );
    settle(&queue, Books::completed(6_400));
}
