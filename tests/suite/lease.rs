//! Leases: each answer counts once, and not at all when somebody else has decided; a dropped one goes back to its place.

use std::time::Duration;

use guichet::{
    Backoff, DeadLetter, DeadReason, Failure, FailureKind, JobError, JobState, Lease, LeaseError,
    LeaseLost, Order, Queue, Revoked, Runtime,
};

use super::support::*;

/// The ways to answer.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Complete,
    Fail,
    Requeue,
    DeadLetter,
}

const ANSWERS: [Answer; 4] = [
    Answer::Complete,
    Answer::Fail,
    Answer::Requeue,
    Answer::DeadLetter,
];

impl Answer {
    fn give(self, lease: Lease<u32, u32>) -> Result<(), LeaseLost> {
        match self {
            Answer::Complete => lease.complete(7),
            Answer::Fail => lease.fail(Failure::msg("no")),
            Answer::Requeue => lease.requeue(),
            Answer::DeadLetter => lease.dead_letter("no use"),
        }
    }
}

fn leased(queue: &Queue<u32, u32>) -> Lease<u32, u32> {
    queue.try_lease().expect("there is a job")
}

/// The payloads that are leased and completed one after the other.
fn order(queue: &Queue<u32, u32>) -> Vec<u32> {
    let mut payloads = Vec::new();
    while let Some(lease) = queue.try_lease() {
        payloads.push(*lease.payload());
        lease.complete(0).unwrap();
    }
    payloads
}

#[test]
fn a_lease_shows_its_job() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").attempts(3);
    let queue = queue.order(Order::Bands(10)).build().unwrap();
    let id = queue.job(9).priority(4).attempts(2).add().unwrap();
    let lease = leased(&queue);
    assert_eq!((*lease.payload(), lease.id(), lease.priority()), (9, id, 4));
    assert_eq!((lease.attempt(), lease.is_last_attempt()), (1, false));
    assert_eq!((lease.is_redelivered(), lease.time_left()), (false, None));
    assert_eq!(lease.checkpoint(), Ok(()));
    assert_eq!(queue.state(id), Some(JobState::Active));
    lease.set_progress(0.5_f64);
    lease.log("half done");
    assert_eq!(queue.progress::<f64>(id).as_deref(), Some(&0.5));
    assert_eq!(queue.job_info(id).unwrap().log[0].text, "half done");
    lease.fail(Failure::msg("again")).unwrap();
    let lease = leased(&queue);
    assert_eq!((lease.attempt(), lease.is_last_attempt()), (2, true));
    lease.complete(1).unwrap();
    let books = Books {
        retried: 1,
        ..Books::completed(1)
    };
    settle(&queue, books);
    assert_eq!(room(&queue, || 0), queue.capacity());
}

#[test]
fn each_answer_decides_the_job() {
    for answer in ANSWERS {
        let (runtime, _) = still();
        let dead = runtime
            .queue::<DeadLetter<u32>, ()>("dead")
            .build()
            .unwrap();
        let queue = runtime.queue::<u32, u32>("jobs").capacity(1);
        let queue = queue.dead_letters(&dead).build().unwrap();
        let handle = queue.submit(9).unwrap();
        let id = handle.id();
        answer.give(leased(&queue)).unwrap();
        let died = |reason, says: &str| {
            let letter = dead.try_lease().expect("a dead letter");
            let of = letter.payload();
            assert_eq!((of.payload, of.reason, of.source), (Some(9), reason, id));
            assert_eq!((of.error.as_str(), of.attempts), (says, 1));
            letter.complete(()).unwrap();
            Books { failed: 1, ..NONE }
        };
        let books = match answer {
            Answer::Complete => {
                assert_eq!(value(handle), 7);
                Books::completed(1)
            }
            Answer::Fail => {
                assert!(matches!(outcome(handle), Err(JobError::Failed(_))));
                died(DeadReason::Exhausted, "no")
            }
            Answer::DeadLetter => {
                assert!(matches!(outcome(handle), Err(JobError::Failed(_))));
                died(DeadReason::Rejected, "no use")
            }
            Answer::Requeue => {
                assert!(!handle.is_finished());
                let again = leased(&queue);
                assert_eq!((again.attempt(), again.is_redelivered()), (1, false));
                again.complete(1).unwrap();
                assert_eq!(value(handle), 1);
                Books {
                    requeued: 1,
                    ..Books::completed(1)
                }
            }
        };
        audit(&queue.stats(), books);
        settle_all(&dead);
        assert_eq!(room(&queue, || 0), 1);
    }
}

/// What is true of a lease that was taken away, however its holder finds out.
fn is_lost(queue: &Queue<u32, u32>, mut lease: Lease<u32, u32>, answer: Answer, why: &Revoked) {
    let before = queue.stats();
    assert_eq!(lease.checkpoint().as_ref(), Err(why));
    assert_eq!(*lease.payload(), 9, "the payload stays with the lease");
    assert_eq!(refused(lease.extend(secs(100))).why(), why);
    let lost = refused(answer.give(lease));
    assert_eq!(lost.why(), why, "{answer:?}");
    assert_eq!(lost.to_string(), format!("the lease was lost: {why}"));
    assert_eq!(queue.stats().late, before.late + 1);
}

#[test]
fn an_answer_after_a_cancellation_is_refused() {
    for reason in [None, Some("too expensive")] {
        for answer in ANSWERS {
            is_lost_to_a_canceller(reason, answer, false);
        }
    }
}

/// The same if something had been written down about the job.
#[test]
fn an_answer_after_a_noted_jobs_cancellation_is_refused() {
    for reason in [None, Some("too expensive")] {
        for answer in ANSWERS {
            is_lost_to_a_canceller(reason, answer, true);
        }
    }
}

fn is_lost_to_a_canceller(reason: Option<&str>, answer: Answer, logs: bool) {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").capacity(1).attempts(5);
    let queue = queue.build().unwrap();
    let handle = queue.submit(9).unwrap();
    let lease = leased(&queue);
    if logs {
        lease.log("begun");
    }
    assert!(match reason {
        None => handle.cancel(),
        Some(reason) => handle.cancel_because(reason),
    });
    let reason = reason.map(str::to_owned);
    match outcome(handle) {
        Err(JobError::Cancelled { reason: told }) => assert_eq!(told, reason),
        other => panic!("{other:?}"),
    }
    is_lost(&queue, lease, answer, &Revoked::Cancelled { reason });
    let books = Books {
        cancelled: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    assert_eq!(room(&queue, || 0), 1);
}

#[test]
fn an_answer_after_the_time_is_refused() {
    for (attempts, state) in [(1, JobState::Dead), (2, JobState::Delayed)] {
        for answer in ANSWERS {
            let (runtime, _) = still();
            let queue = runtime.queue::<u32, u32>("jobs").capacity(1);
            let queue = queue.attempts(attempts).timeout(secs(10)).build().unwrap();
            let handle = queue.submit(9).unwrap();
            let (id, lease) = (handle.id(), leased(&queue));
            assert_eq!(lease.time_left(), Some(secs(10)));
            runtime.advance(secs(10) - NANO);
            assert_eq!(lease.checkpoint(), Ok(()));
            assert_eq!(queue.state(id), Some(JobState::Active));
            runtime.advance(NANO);
            assert_eq!(queue.state(id), Some(state), "decided by the clock");
            assert_eq!(lease.time_left(), Some(Duration::ZERO));
            is_lost(&queue, lease, answer, &Revoked::TimedOut);
            runtime.run_until_idle();
            let books = Books {
                late: 1,
                timed_out: 1,
                ..NONE
            };
            if attempts == 1 {
                match outcome(handle) {
                    Err(JobError::Failed(failure)) => assert!(failure.is_timeout()),
                    other => panic!("{other:?}"),
                }
                audit(&queue.stats(), Books { failed: 1, ..books });
            } else {
                let again = leased(&queue);
                assert_eq!((again.attempt(), again.is_redelivered()), (2, false));
                again.complete(2).unwrap();
                assert_eq!(value(handle), 2);
                let books = Books {
                    completed: 1,
                    retried: 1,
                    ..books
                };
                audit(&queue.stats(), books);
            }
            assert_eq!(room(&queue, || 0), 1);
        }
    }
}

/// The clock has been turned, and nobody has looked: the lease finds out itself.
#[test]
fn an_answer_that_finds_its_time_over_is_refused() {
    for answer in ANSWERS {
        let (runtime, clock) = still();
        let queue = runtime.queue::<u32, u32>("jobs").timeout(secs(10));
        let queue = queue.build().unwrap();
        let handle = queue.submit(9).unwrap();
        let lease = leased(&queue);
        clock.advance(secs(10));
        assert_eq!(refused(answer.give(lease)).why(), &Revoked::TimedOut);
        assert!(matches!(outcome(handle), Err(JobError::Failed(why)) if why.is_timeout()));
        let books = Books {
            failed: 1,
            late: 1,
            timed_out: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

#[test]
fn an_answer_after_a_shutdown_is_refused() {
    for answer in ANSWERS {
        let runtime = runtime();
        let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
        let handle = queue.submit(9).unwrap();
        let lease = leased(&queue);
        let report = runtime.shutdown(Duration::ZERO);
        assert!(!report.in_time, "a lease was out");
        assert!(matches!(outcome(handle), Err(JobError::Interrupted)));
        is_lost(&queue, lease, answer, &Revoked::ShuttingDown);
        let books = Books {
            interrupted: 1,
            late: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
        assert!(runtime.shutdown(PATIENCE).in_time);
    }
}

/// Dropping a lost lease changes nothing but the count of late answers.
#[test]
fn dropping_a_lost_lease_changes_nothing() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").capacity(2);
    let queue = queue.delivery_limit(0).build().unwrap();
    let handle = queue.submit(9).unwrap();
    let lease = leased(&queue);
    assert!(handle.cancel());
    drop(lease);
    let books = Books {
        cancelled: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    assert_eq!(queue.state(handle.id()), Some(JobState::Cancelled));
    assert_eq!(room(&queue, || 0), 2);
}

/// A payload that has another job added when it is dropped.
struct Heir(Option<Queue<Heir, u32>>);

impl Drop for Heir {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.try_add(Heir(None)).map_err(drop).unwrap();
        }
    }
}

/// The slot is given back before the holder learns why it lost: here another job is in it by then.
#[test]
fn a_lost_lease_says_why_though_its_slot_serves_another_job() {
    let (runtime, _) = still();
    let queue = runtime.queue::<Heir, u32>("heirs").capacity(1);
    let queue = queue.build().unwrap();
    let id = queue.add(Heir(Some(queue.clone()))).unwrap();
    let lease = queue.try_lease().unwrap();
    assert!(queue.cancel_because(id, "enough"));
    let lost = refused(lease.complete(1));
    let books = Books {
        cancelled: 1,
        late: 1,
        waiting: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    let reason = Some("enough".to_owned());
    assert_eq!(lost.why(), &Revoked::Cancelled { reason });
}

#[test]
fn a_dropped_lease_goes_back_to_its_place() {
    let orders = [
        Order::Fifo,
        Order::Bands(10),
        Order::Heap(10),
        Order::Deadline,
    ];
    for order_of in orders {
        for dropped in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let (runtime, _) = still();
            let queue = runtime.queue::<u32, u32>("jobs").order(order_of);
            let queue = queue.build().unwrap();
            queue.add_many(vec![1, 2, 3, 4]).unwrap();
            let mut leases: Vec<_> = (0..3).map(|_| Some(leased(&queue))).collect();
            queue.add(5).unwrap();
            for at in dropped {
                drop(leases[at].take());
            }
            audit(
                &queue.stats(),
                Books {
                    waiting: 5,
                    requeued: 3,
                    redelivered: 3,
                    ..NONE
                },
            );
            let mut seen = Vec::new();
            while let Some(lease) = queue.try_lease() {
                seen.push((*lease.payload(), lease.is_redelivered(), lease.attempt()));
                lease.complete(0).unwrap();
            }
            let expected = [
                (1, true, 1),
                (2, true, 1),
                (3, true, 1),
                (4, false, 1),
                (5, false, 1),
            ];
            assert_eq!(seen, expected, "{order_of:?} {dropped:?}");
            let books = Books {
                requeued: 3,
                redelivered: 3,
                ..Books::completed(5)
            };
            audit(&queue.stats(), books);
        }
    }
}

/// In its place among its own priority only; and twice the same.
#[test]
fn a_dropped_lease_keeps_its_place_among_priorities() {
    for order_of in [Order::Bands(10), Order::Heap(10)] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, u32>("jobs").order(order_of);
        let queue = queue.build().unwrap();
        for (payload, priority) in [(50, 5), (51, 5), (70, 7)] {
            queue.job(payload).priority(priority).add().unwrap();
        }
        for _ in 0..2 {
            let lease = leased(&queue);
            assert_eq!(*lease.payload(), 50);
        }
        queue.job(10).priority(1).add().unwrap();
        let lease = leased(&queue);
        assert_eq!(*lease.payload(), 10);
        drop(lease);
        assert_eq!(order(&queue), [10, 50, 51, 70]);
        let books = Books {
            requeued: 3,
            redelivered: 3,
            ..Books::completed(4)
        };
        audit(&queue.stats(), books);
    }
}

/// A job that was put in front goes back there.
#[test]
fn a_dropped_lease_of_a_newest_job_goes_back_to_the_front() {
    for order_of in [Order::Fifo, Order::Bands(10), Order::Heap(10)] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, u32>("jobs").order(order_of);
        let queue = queue.build().unwrap();
        queue.add_many(vec![1, 2]).unwrap();
        queue.job(3).lifo().add().unwrap();
        queue.job(4).lifo().add().unwrap();
        let (first, second) = (leased(&queue), leased(&queue));
        assert_eq!((*first.payload(), *second.payload()), (4, 3));
        drop(first);
        drop(second);
        assert_eq!(order(&queue), [4, 3, 1, 2], "{order_of:?}");
        let books = Books {
            requeued: 2,
            redelivered: 2,
            ..Books::completed(4)
        };
        audit(&queue.stats(), books);
    }
}

#[test]
fn a_worker_sees_that_a_job_was_redelivered() {
    let (runtime, log) = (still().0, Log::new());
    let queue = runtime.queue::<u32, u32>("jobs").attempts(2);
    let queue = queue.build().unwrap();
    queue.add_many(vec![1, 2]).unwrap();
    drop(leased(&queue));
    let seen = log.clone();
    queue
        .workers(1, move |job| {
            seen.push((*job.payload(), job.is_redelivered(), job.attempt()));
            match job.attempt() {
                1 => Err(Failure::msg("again")),
                _ => Ok(0),
            }
        })
        .unwrap();
    runtime.run_until_idle();
    let expected = [(1, true, 1), (2, false, 1), (1, true, 2), (2, false, 2)];
    assert_eq!(log.take(), expected);
    let books = Books {
        requeued: 1,
        redelivered: 1,
        retried: 2,
        ..Books::completed(2)
    };
    audit(&queue.stats(), books);
}

/// So many redeliveries, then the job is dead; what is requeued or fails does not count.
#[test]
fn the_delivery_limit_is_exact() {
    for limit in [0, 1, 3] {
        let (runtime, _) = still();
        let dead = runtime
            .queue::<DeadLetter<u32>, ()>("dead")
            .build()
            .unwrap();
        let queue = runtime.queue::<u32, u32>("jobs").capacity(1).attempts(2);
        let queue = queue.delivery_limit(limit).dead_letters(&dead);
        let queue = queue.build().unwrap();
        let handle = queue.submit(9).unwrap();
        leased(&queue).requeue().unwrap();
        leased(&queue).fail(Failure::msg("once")).unwrap();
        for round in 0..limit {
            let lease = leased(&queue);
            assert_eq!((lease.is_redelivered(), lease.attempt()), (round > 0, 2));
            drop(lease);
            assert_eq!(queue.state(handle.id()), Some(JobState::Waiting));
            let info = queue.job_info(handle.id()).unwrap();
            assert_eq!(info.redelivered, round + 1);
        }
        let id = handle.id();
        drop(leased(&queue));
        assert!(queue.try_lease().is_none());
        assert!(matches!(outcome(handle), Err(JobError::Failed(_))));
        let info = queue.job_info(id).unwrap();
        assert_eq!(info.reason, Some(DeadReason::DeliveryLimit));
        assert_eq!(info.redelivered, limit, "how often it was handed out again");
        let letter = dead.try_lease().expect("a dead letter");
        assert_eq!(letter.payload().reason, DeadReason::DeliveryLimit);
        assert_eq!(letter.payload().payload, Some(9));
        letter.complete(()).unwrap();
        let books = Books {
            failed: 1,
            retried: 1,
            requeued: 1 + u64::from(limit),
            redelivered: u64::from(limit),
            ..NONE
        };
        audit(&queue.stats(), books);
        settle(&dead, Books::completed(1));
        assert_eq!(room(&queue, || 0), 1);
    }
}

#[test]
fn a_lease_dropped_by_a_panic_is_a_failed_attempt() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").capacity(1).attempts(2);
    let queue = queue.delivery_limit(0).build().unwrap();
    let handle = queue.submit(9).unwrap();
    let id = handle.id();
    for attempt in [1, 2] {
        let lease = leased(&queue);
        assert_eq!((lease.attempt(), lease.is_redelivered()), (attempt, false));
        let thread = std::thread::spawn(move || {
            let _held = lease;
            std::panic::resume_unwind(Box::new("the holder panicked"));
        });
        thread.join().unwrap_err();
    }
    match outcome(handle) {
        Err(JobError::Failed(failure)) => assert!(failure.is_panic()),
        other => panic!("{other:?}"),
    }
    let info = queue.job_info(id).unwrap();
    assert_eq!(info.reason, Some(DeadReason::Exhausted));
    let kinds: Vec<_> = info.errors.iter().map(|error| error.kind).collect();
    assert_eq!(kinds, [FailureKind::Panic, FailureKind::Panic]);
    let books = Books {
        failed: 1,
        retried: 1,
        panicked: 2,
        ..NONE
    };
    audit(&queue.stats(), books);
    assert_eq!(room(&queue, || 0), 1);
}

#[test]
fn extending_moves_the_deadline() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").timeout(secs(10));
    let queue = queue.build().unwrap();
    let ids = queue.add_many(vec![1, 2, 3, 4]).unwrap();
    let mut longer = leased(&queue);
    let mut shorter = leased(&queue);
    let mut twice = leased(&queue);
    let as_it_was = leased(&queue);
    runtime.advance(secs(9));
    longer.extend(secs(10)).unwrap();
    shorter.extend(NANO).unwrap();
    twice.extend(secs(2)).unwrap();
    twice.extend(secs(5)).unwrap();
    assert_eq!(longer.time_left(), Some(secs(10)));
    assert_eq!(as_it_was.time_left(), Some(secs(1)));
    runtime.advance(NANO);
    assert_eq!(shorter.checkpoint(), Err(Revoked::TimedOut));
    runtime.advance(secs(1));
    assert_eq!(as_it_was.checkpoint(), Err(Revoked::TimedOut));
    assert_eq!(twice.checkpoint(), Ok(()));
    runtime.advance(secs(4) - 2 * NANO);
    assert_eq!(queue.state(ids[2]), Some(JobState::Active));
    runtime.advance(NANO);
    assert_eq!(queue.state(ids[2]), Some(JobState::Dead));
    assert_eq!(
        refused(twice.extend(secs(1))).why(),
        &Revoked::TimedOut,
        "too late"
    );
    runtime.advance(secs(5) - NANO);
    assert_eq!(longer.checkpoint(), Ok(()));
    longer.complete(1).unwrap();
    drop((shorter, twice, as_it_was));
    let books = Books {
        failed: 3,
        timed_out: 3,
        late: 3,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
    runtime.advance(secs(1_000));
    audit(&queue.stats(), books);
}

#[test]
fn a_lease_without_an_end_may_be_given_one() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    let handle = queue.submit(1).unwrap();
    let mut lease = leased(&queue);
    runtime.advance(secs(1_000_000));
    lease.extend(secs(1)).unwrap();
    runtime.advance(secs(1));
    assert!(matches!(outcome(handle), Err(JobError::Failed(why)) if why.is_timeout()));
    assert_eq!(refused(lease.complete(1)).why(), &Revoked::TimedOut);
    let books = Books {
        failed: 1,
        timed_out: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// The job's own time before the queue's; processors have no word in it.
#[test]
fn a_lease_has_its_jobs_time() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").timeout(secs(10));
    let queue = queue.build().unwrap();
    queue.job(1).timeout(secs(3)).add().unwrap();
    queue.job(2).timeout(secs(30)).add().unwrap();
    queue.add(3).unwrap();
    let left: Vec<_> = (0..3)
        .map(|_| {
            let lease = leased(&queue);
            let left = lease.time_left().unwrap();
            lease.complete(0).unwrap();
            left
        })
        .collect();
    assert_eq!(left, [secs(3), secs(30), secs(10)]);
    audit(&queue.stats(), Books::completed(3));
}

/// What a handler may say, a lease's holder may say too.
#[test]
fn a_lease_fails_as_a_handler_does() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").attempts(3);
    let queue = queue.backoff(Backoff::fixed(secs(5))).build().unwrap();
    let state = |id| queue.state(id).unwrap();
    let id = queue.add(1).unwrap();
    leased(&queue).fail(Failure::snooze(secs(2))).unwrap();
    assert_eq!(state(id), JobState::Delayed);
    runtime.advance(secs(2));
    let lease = leased(&queue);
    assert_eq!(lease.attempt(), 1);
    lease.fail(std::fmt::Error).unwrap();
    runtime.advance(secs(5) - NANO);
    assert_eq!(state(id), JobState::Delayed);
    runtime.advance(NANO);
    let lease = leased(&queue);
    assert_eq!(lease.attempt(), 2);
    lease.fail(Failure::retry("later").after(secs(60))).unwrap();
    runtime.advance(secs(60));
    let lease = leased(&queue);
    assert_eq!(lease.attempt(), 3);
    lease.fail(Failure::rate_limited(secs(1))).unwrap();
    assert_eq!(state(id), JobState::Waiting);
    assert!(queue.try_lease().is_none(), "the queue is held");
    runtime.advance(secs(1));
    let lease = leased(&queue);
    assert_eq!(lease.attempt(), 3);
    lease.fail(Failure::discard("no use")).unwrap();
    assert_eq!(
        queue.job_info(id).unwrap().reason,
        Some(DeadReason::Discarded)
    );
    let books = Books {
        failed: 1,
        snoozed: 1,
        retried: 2,
        requeued: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

#[test]
fn several_are_leased_at_a_time() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    assert!(queue.lease_many(0).unwrap().is_empty());
    queue.add_many(vec![1, 2, 3]).unwrap();
    let payloads = |leases: &[Lease<u32, u32>]| -> Vec<u32> {
        leases.iter().map(|lease| *lease.payload()).collect()
    };
    let two = queue.lease_many(2).unwrap();
    assert_eq!(payloads(&two), [1, 2]);
    let rest = queue.lease_many(usize::MAX).unwrap();
    assert_eq!(payloads(&rest), [3], "it does not wait for more");
    let waits = queue.clone();
    let waiter = start(move || waits.lease_many(5).unwrap());
    let_block();
    assert!(waiter.is_running());
    queue.add(4).unwrap();
    let four = waiter.get();
    assert_eq!(payloads(&four), [4]);
    for lease in two.into_iter().chain(rest).chain(four) {
        lease.complete(0).unwrap();
    }
    settle(&queue, Books::completed(4));
}

#[test]
fn a_blocked_lease_is_woken_by_a_job() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, u32>("jobs")
        .attempts(2)
        .build()
        .unwrap();
    let wait = || {
        let queue = queue.clone();
        let waiter = start(move || queue.lease_timeout(PATIENCE).unwrap());
        let_block();
        assert!(waiter.is_running());
        waiter
    };
    let waiter = wait();
    queue.add(1).unwrap();
    let lease = waiter.get();
    // A retry, a requeue, a drop: each makes a job wait again.
    let waiter = wait();
    lease.fail(Failure::msg("again")).unwrap();
    let lease = waiter.get();
    let waiter = wait();
    lease.requeue().unwrap();
    let lease = waiter.get();
    let waiter = wait();
    drop(lease);
    let lease = waiter.get();
    assert!(lease.is_redelivered());
    // A delayed job that becomes due, or is promoted.
    let waiter = wait();
    let pause = Duration::from_millis(3);
    queue.job(2).delay(pause).add().unwrap();
    waiter.get().complete(0).unwrap();
    let waiter = wait();
    let id = queue.job(3).delay(secs(10_000)).add().unwrap();
    queue.promote(id).unwrap();
    waiter.get().complete(0).unwrap();
    lease.complete(0).unwrap();
    let books = Books {
        retried: 1,
        requeued: 2,
        redelivered: 1,
        ..Books::completed(3)
    };
    settle(&queue, books);
}

#[test]
fn a_blocked_lease_is_woken_by_a_resume_and_by_the_end_of_a_hold() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    let wait = || {
        let queue = queue.clone();
        let waiter = start(move || queue.lease_timeout(PATIENCE).unwrap());
        let_block();
        assert!(waiter.is_running());
        waiter
    };
    queue.pause();
    queue.add(1).unwrap();
    assert!(queue.try_lease().is_none());
    let nothing = queue.lease_timeout(Duration::from_millis(1));
    assert_eq!(refused(nothing), LeaseError::Timeout);
    let waiter = wait();
    queue.resume();
    waiter.get().complete(0).unwrap();
    queue.pause();
    let waiter = wait();
    queue.add(2).unwrap();
    queue.resume();
    waiter.get().complete(0).unwrap();
    queue.hold(Duration::from_millis(3));
    queue.add(3).unwrap();
    let lease = queue.lease_timeout(PATIENCE).unwrap();
    lease.complete(0).unwrap();
    settle(&queue, Books::completed(3));
}

#[test]
fn a_blocked_lease_is_woken_by_the_end_of_its_runtime() {
    for paused in [false, true] {
        for dropped in [false, true] {
            let runtime = runtime();
            let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
            if paused {
                queue.pause();
            }
            let blocked: Vec<_> = (0..3)
                .map(|way| {
                    let queue = queue.clone();
                    start(move || match way {
                        0 => refused(queue.lease()),
                        1 => refused(queue.lease_timeout(PATIENCE)),
                        _ => refused(queue.lease_many(2)),
                    })
                })
                .collect();
            let_block();
            match dropped {
                true => drop(runtime),
                false => assert!(runtime.shutdown(PATIENCE).in_time),
            }
            for waiter in blocked {
                assert_eq!(waiter.get(), LeaseError::Closed);
            }
            assert_eq!(refused(queue.lease()), LeaseError::Closed);
            assert_eq!(
                refused(queue.lease_timeout(Duration::ZERO)),
                LeaseError::Closed
            );
            assert!(queue.try_lease().is_none());
            settle(&queue, NONE);
        }
    }
}

#[test]
fn a_lease_that_does_not_come_in_time() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(2)] {
        assert_eq!(refused(queue.lease_timeout(timeout)), LeaseError::Timeout);
    }
    queue.add(1).unwrap();
    // One that is there comes, however short the time.
    queue
        .lease_timeout(Duration::ZERO)
        .unwrap()
        .complete(0)
        .unwrap();
    settle(&queue, Books::completed(1));
}

/// A job past its time to live is nobody's.
#[test]
fn an_expired_job_is_not_leased() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    let handle = queue.job(1).ttl(secs(1)).submit().unwrap();
    queue.add(2).unwrap();
    clock.advance(secs(1));
    let lease = leased(&queue);
    assert_eq!(*lease.payload(), 2);
    assert!(matches!(outcome(handle), Err(JobError::Expired)));
    lease.complete(0).unwrap();
    let books = Books {
        expired: 1,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
}

#[test]
fn a_lease_may_go_to_another_thread() {
    let runtime = runtime();
    let queue = runtime.queue::<String, usize>("texts").build().unwrap();
    let handle = queue.submit("letter".to_owned()).unwrap();
    let lease = queue.lease().unwrap();
    let thread = start(move || {
        let length = lease.payload().len();
        lease.complete(length)
    });
    thread.get().unwrap();
    assert_eq!(value(handle), 6);
    settle(&queue, Books::completed(1));
}

/// The runtime goes first: its leases are void, and their payloads stay until they are dropped.
#[test]
fn a_lease_outlives_its_runtime() {
    let drops = Drops::new();
    let runtime = Runtime::builder().drop_timeout(Duration::ZERO);
    let runtime = runtime.build().unwrap();
    let queue = runtime.queue::<Token, u32>("tokens").build().unwrap();
    queue.add(drops.token()).unwrap();
    queue.add(drops.token()).unwrap();
    let (first, second) = (queue.lease().unwrap(), queue.lease().unwrap());
    drop(runtime);
    assert_eq!(refused(first.complete(1)).why(), &Revoked::ShuttingDown);
    assert_eq!(drops.get(), 1);
    let books = Books {
        interrupted: 2,
        late: 1,
        ..NONE
    };
    settle(&queue, books);
    drop(queue);
    assert_eq!(drops.get(), 1, "the lease keeps its payload");
    let _: &Token = second.payload();
    drop(second);
    assert_eq!(drops.get(), 2);
}

/// A handler may lease from another queue, and from its own.
#[test]
fn a_handler_may_lease() {
    let runtime = runtime();
    let other = runtime.queue::<u32, u32>("others").build().unwrap();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    let (theirs, own) = (other.clone(), queue.clone());
    queue
        .workers(1, move |job| {
            if *job.payload() > 0 {
                return Ok(1);
            }
            theirs.lease().unwrap().complete(2).unwrap();
            own.lease().unwrap().complete(3).unwrap();
            Ok(0)
        })
        .unwrap();
    other.pause();
    let foreign = other.submit(0).unwrap();
    let first = queue.submit(0).unwrap();
    until("it runs", || first.state() == Some(JobState::Active));
    let second = queue.submit(1).unwrap();
    other.resume();
    assert_eq!((value(foreign), value(first), value(second)), (2, 0, 3));
    settle(&queue, Books::completed(2));
    settle(&other, Books::completed(1));
}
