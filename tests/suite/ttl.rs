//! Not after an instant: a job's time to live, and who learns of its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use guichet::{Backoff, ChangeError, Clock, Failure, JobError, JobState, Order, Queue, Runtime};

use super::support::*;

fn tokens(runtime: &Runtime, order: Order) -> Queue<Token, ()> {
    let builder = runtime.queue("tokens").order(order).capacity(1);
    builder.delayed_capacity(1).build().unwrap()
}

const EXPIRED: Books = Books { expired: 1, ..NONE };

const ORDERS: [Order; 4] = [
    Order::Fifo,
    Order::Bands(3),
    Order::Heap(3),
    Order::Deadline,
];

/// At its instant and not before, though no worker ever looks at it.
#[test]
fn a_waiting_job_expires() {
    for order in ORDERS {
        for lifo in [false, true] {
            let (runtime, drops) = (still().0, Drops::new());
            let queue = tokens(&runtime, order);
            let mut job = queue.job(drops.token()).ttl(secs(10));
            if lifo {
                job = job.lifo();
            }
            let handle = job.submit().unwrap();
            let id = handle.id();
            runtime.advance(secs(10) - NANO);
            assert!(!handle.is_finished() && drops.get() == 0);
            assert_eq!(queue.state(id), Some(JobState::Waiting));
            runtime.advance(NANO);
            assert!(handle.is_finished());
            assert_eq!(drops.get(), 1, "its payload is dropped");
            assert_eq!(queue.state(id), Some(JobState::Dead));
            assert!(matches!(outcome(handle), Err(JobError::Expired)));
            assert!(!queue.cancel(id));
            audit(&queue.stats(), EXPIRED);
            // Its slot is there, and whoever has it next lives as long as it likes.
            let next = queue.try_add(drops.token()).unwrap();
            runtime.advance(secs(100));
            assert_eq!(queue.state(next), Some(JobState::Waiting));
            queue.workers(1, |_| Ok(())).unwrap();
            runtime.run_until_idle();
            assert_eq!(drops.get(), 2);
            audit(
                &queue.stats(),
                Books {
                    completed: 1,
                    ..EXPIRED
                },
            );
        }
    }
}

/// The last nanosecond of its life is good enough to begin in, and the first after it is not.
#[test]
fn a_job_begins_before_its_end_or_never() {
    for order in ORDERS {
        for (waited, ends) in [
            (secs(10) - NANO, Books::completed(1)),
            (secs(10), EXPIRED),
            (secs(10) + NANO, EXPIRED),
        ] {
            let (runtime, clock) = still();
            let queue = runtime.queue::<u32, ()>("jobs").order(order);
            let queue = queue.build().unwrap();
            let log = scribe(&queue);
            queue.job(7).ttl(secs(10)).add().unwrap();
            // Not `Runtime::advance`: the job and its end come up at the same time.
            clock.advance(waited);
            runtime.run_until_idle();
            assert_eq!(log.take().len() as u64, ends.completed, "{waited:?}");
            audit(&queue.stats(), ends);
        }
    }
}

#[test]
fn a_life_of_no_time_is_over() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    let log = scribe(&queue);
    let handle = queue.job(7).ttl(Duration::ZERO).submit().unwrap();
    runtime.advance(secs(1));
    assert!(matches!(outcome(handle), Err(JobError::Expired)));
    assert_eq!(log.take(), []);
    // And one of all time never.
    queue
        .job(8)
        .ttl(Duration::MAX)
        .delay(secs(1 << 33))
        .add()
        .unwrap();
    runtime.advance(secs(1 << 33));
    assert_eq!(log.take(), [8]);
    audit(
        &queue.stats(),
        Books {
            completed: 1,
            ..EXPIRED
        },
    );
}

#[test]
fn a_delayed_job_expires() {
    for delay in [10, 11, 1000] {
        let (runtime, drops) = (still().0, Drops::new());
        let queue = tokens(&runtime, Order::Fifo);
        queue.workers(1, |_| Ok(())).unwrap();
        let job = queue.job(drops.token()).ttl(secs(10));
        let handle = job.delay(secs(delay)).submit().unwrap();
        runtime.advance(secs(10) - NANO);
        assert_eq!(queue.state(handle.id()), Some(JobState::Delayed));
        assert_eq!(drops.get(), 0);
        runtime.advance(NANO);
        assert_eq!(drops.get(), 1);
        assert!(matches!(outcome(handle), Err(JobError::Expired)));
        // Its room is for the next one at once.
        let next = queue.job(drops.token()).delay(secs(5)).try_add();
        assert_eq!(queue.state(next.unwrap()), Some(JobState::Delayed));
        runtime.advance(secs(2000));
        audit(
            &queue.stats(),
            Books {
                completed: 1,
                ..EXPIRED
            },
        );
    }
}

/// Delayed first, then waiting: the end stays where it was, also when its job is brought forward or moved.
#[test]
fn the_end_stays_when_the_beginning_moves() {
    for order in [Order::Bands(3), Order::Heap(3)] {
        for way in 0..5 {
            let (runtime, drops) = (still().0, Drops::new());
            let queue = tokens(&runtime, order);
            let job = queue.job(drops.token()).ttl(secs(10));
            let id = match way {
                3 | 4 => job.add().unwrap(),
                _ => job.delay(secs(5)).add().unwrap(),
            };
            runtime.advance(secs(1));
            match way {
                0 => {}
                1 => queue.promote(id).unwrap(),
                2 => queue.reschedule(id, secs(2)).unwrap(),
                3 => queue.set_priority(id, 1).unwrap(),
                _ => {
                    queue.set_priority(id, 3).unwrap();
                    queue.set_priority(id, 1).unwrap();
                }
            }
            runtime.advance(secs(9) - NANO);
            assert_eq!(queue.state(id), Some(JobState::Waiting), "way {way}");
            runtime.advance(NANO);
            assert_eq!(queue.state(id), Some(JobState::Dead), "way {way}");
            assert_eq!(drops.get(), 1);
            let dead = Err(ChangeError::State(JobState::Dead));
            assert_eq!(queue.set_priority(id, 1), dead);
            assert_eq!(queue.promote(id), dead);
            assert_eq!(queue.reschedule(id, secs(1)), dead);
            queue.workers(1, |_| Ok(())).unwrap();
            runtime.advance(secs(10));
            audit(&queue.stats(), EXPIRED);
        }
    }
}

/// After a pause, at once, after a snooze, given back: the next attempt would begin too late.
#[test]
fn a_job_expires_between_attempts() {
    let failures: [fn() -> Failure; 4] = [
        || Failure::msg("again"),
        || Failure::snooze(secs(60)),
        || Failure::snooze(Duration::ZERO),
        Failure::requeue,
    ];
    for fails in failures {
        for (pause, passes) in [(60, 0), (60, 20), (0, 20)] {
            let comes_back = fails().is_requeue() || fails().snoozed() == Some(Duration::ZERO);
            if comes_back && passes == 0 {
                // For ever, at the same instant.
                continue;
            }
            let (runtime, clock) = still();
            let queue = runtime
                .queue::<Token, ()>("tokens")
                .attempts(100)
                .backoff(Backoff::fixed(secs(pause)))
                .build()
                .unwrap();
            let (drops, tried) = (Drops::new(), Count::new());
            let (time, count) = (clock.clone(), tried.clone());
            queue
                .workers(1, move |_| {
                    count.bump();
                    // Time passes while it runs.
                    time.advance(secs(passes));
                    Err(fails())
                })
                .unwrap();
            let job = queue.job(drops.token()).ttl(secs(10));
            let handle = job.submit().unwrap();
            runtime.run_until_idle();
            assert_eq!(tried.get(), 1);
            runtime.advance(secs(10));
            assert_eq!((tried.get(), drops.get()), (1, 1));
            assert!(matches!(outcome(handle), Err(JobError::Expired)));
            runtime.advance(secs(100));
            let stats = queue.stats();
            assert_eq!(stats.retried + stats.snoozed + stats.requeued, 1);
            let books = Books {
                retried: stats.retried,
                snoozed: stats.snoozed,
                requeued: stats.requeued,
                ..EXPIRED
            };
            audit(&stats, books);
        }
    }
}

/// An attempt that has begun may end well, however long it takes; or badly, when it was the last.
#[test]
fn a_running_job_does_not_expire() {
    for works in [true, false] {
        let (runtime, clock) = still();
        let queue = runtime.queue::<Token, u32>("tokens").build().unwrap();
        let (drops, inner) = (Drops::new(), queue.clone());
        queue
            .workers(1, move |job| {
                clock.advance(secs(60));
                assert!(!job.is_cancelled());
                assert_eq!(inner.state(job.id()), Some(JobState::Active));
                match works {
                    true => Ok(7),
                    false => Err(Failure::msg("no")),
                }
            })
            .unwrap();
        let job = queue.job(drops.token()).ttl(secs(10));
        let handle = job.submit().unwrap();
        runtime.advance(secs(100));
        let books = match outcome(handle) {
            Ok(7) if works => Books::completed(1),
            Err(JobError::Failed(_)) if !works => Books { failed: 1, ..NONE },
            other => panic!("{other:?}"),
        };
        assert_eq!(drops.get(), 1);
        audit(&queue.stats(), books);
    }
}

/// A job that ended otherwise does not end once more.
#[test]
fn an_ended_job_does_not_expire() {
    let (runtime, drops) = (still().0, Drops::new());
    let queue = runtime.queue::<Token, ()>("tokens").build().unwrap();
    let job = || queue.job(drops.token()).ttl(secs(10));
    let cancelled = job().add().unwrap();
    let delayed = job().delay(secs(5)).add().unwrap();
    assert!(queue.cancel(cancelled) && queue.cancel(delayed));
    let mut completed = job().submit().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    runtime.run_until_idle();
    value(completed);
    runtime.advance(secs(100));
    completed = job().submit().unwrap();
    let report = runtime.shutdown(secs(1));
    value(completed);
    let books = Books {
        completed: 2,
        cancelled: 2,
        ..NONE
    };
    assert_eq!(drops.get(), 4);
    audit(&report.queues[0].stats, books);
}

/// Threads and the system's clock: whatever runs has begun in time, and every waiter learns one end.
#[test]
fn jobs_expire_while_threads_serve() {
    let (runtime, gate, begun) = (runtime(), Gate::new(), Count::new());
    let queue = runtime.queue::<Token, ()>("tokens").build().unwrap();
    let (held, started, drops) = (gate.clone(), begun.clone(), Drops::new());
    queue
        .workers(1, move |_| {
            started.bump();
            held.pass();
            Ok(())
        })
        .unwrap();
    let running = queue.job(drops.token()).ttl(secs(3600)).submit().unwrap();
    begun.reach(1);
    let short = Duration::from_micros(200);
    let handles: Vec<_> = (0..50)
        .map(|number| {
            let job = queue.job(drops.token()).ttl(short);
            match number % 2 {
                0 => job.submit().unwrap(),
                _ => job.delay(secs(60)).submit().unwrap(),
            }
        })
        .collect();
    for handle in handles {
        assert!(matches!(outcome(handle), Err(JobError::Expired)));
    }
    gate.open_wide();
    value(running);
    until("payloads are dropped", || drops.get() == 51);
    let books = Books {
        completed: 1,
        expired: 50,
        ..NONE
    };
    settle(&queue, books);
    assert_eq!(begun.get(), 1);
}

/// A clock that threads take for one that runs by itself, and whose jump the clerk therefore sleeps through.
#[derive(Clone)]
struct Jumpy(Arc<AtomicU64>);

impl Clock for Jumpy {
    fn now(&self) -> Duration {
        secs(self.0.load(SeqCst))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.now()
    }
}

/// A worker asks itself before it begins: the clerk may be late.
#[test]
fn a_worker_begins_nothing_that_is_past_its_end() {
    for prefetch in [1, 32] {
        let clock = Jumpy(Arc::new(AtomicU64::new(1)));
        let runtime = Runtime::builder().clock(clock.clone()).build().unwrap();
        let queue = runtime.queue::<u32, ()>("jobs").prefetch(prefetch);
        let queue = queue.build().unwrap();
        let expired: Vec<_> = (1..10)
            .map(|number| queue.job(number).ttl(secs(7200)).submit().unwrap())
            .collect();
        let first = queue.job(0).lifo().submit().unwrap();
        let (gate, begun) = (Gate::new(), Count::new());
        let (held, started) = (gate.clone(), begun.clone());
        queue
            .workers(1, move |_| {
                started.bump();
                held.pass();
                Ok(())
            })
            .unwrap();
        begun.reach(1);
        clock.0.store(7201, SeqCst);
        gate.open_wide();
        value(first);
        for handle in expired {
            assert!(matches!(outcome(handle), Err(JobError::Expired)));
        }
        let books = Books {
            expired: 9,
            ..Books::completed(1)
        };
        settle(&queue, books);
        assert_eq!(begun.get(), 1);
    }
}
