//! Dead letters: what arrives in the dead queue, and when.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use guichet::{
    Backoff, Clock, DeadLetter, DeadReason, Failure, FailureKind, Job, JobError, JobId, JobState,
    Lease, ManualClock, Queue, Redrive, Runtime,
};

use super::support::*;

pub type Payload = (u32, Token);
pub type Dead = Queue<DeadLetter<Payload>, ()>;

pub const FAILED: Books = Books { failed: 1, ..NONE };

pub fn dead_queue(runtime: &Runtime, capacity: usize) -> Dead {
    runtime.queue("dead").capacity(capacity).build().unwrap()
}

/// What a letter said, once its payload was dropped.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub number: u32,
    pub reason: DeadReason,
    pub kind: Option<FailureKind>,
    pub error: String,
    pub attempts: u32,
    pub failed_at: SystemTime,
    pub source: JobId,
    pub history: Vec<(u32, FailureKind, String)>,
}

pub fn read(lease: &Lease<DeadLetter<Payload>, ()>, queue: &str) -> Read {
    let letter = lease.payload();
    assert_eq!(letter.queue, queue);
    let history = letter.history.iter();
    Read {
        number: letter.payload.as_ref().expect("its payload").0,
        reason: letter.reason,
        kind: letter.kind,
        error: letter.error.clone(),
        attempts: letter.attempts,
        failed_at: letter.failed_at,
        source: letter.source,
        history: history
            .map(|error| (error.attempt, error.kind, error.message.clone()))
            .collect(),
    }
}

/// The only letter there is, which is then done with.
pub fn only_letter(dead: &Dead, queue: &str) -> Read {
    // A letter that another thread sends is said to wait before it is in line.
    let lease = dead.lease_timeout(secs(60)).expect("a letter has arrived");
    assert!(dead.try_lease().is_none(), "one letter for one job");
    let read = read(&lease, queue);
    lease.complete(()).unwrap();
    read
}

// ------------------------------------------------------------------------------------ what arrives --

/// What becomes of a job whose handler says this is told in its letter.
#[test]
fn every_end_by_a_handler_arrives_with_all_that_is_known() {
    use FailureKind::*;
    let history = |errors: &[(u32, FailureKind, &str)]| {
        let errors = errors.iter();
        let errors = errors.map(|(attempt, kind, text)| (*attempt, *kind, text.to_string()));
        errors.collect::<Vec<_>>()
    };
    let late = "the attempt took longer than its time-out";
    let cases = [
        (
            DeadReason::Exhausted,
            history(&[(1, Error, "try 1"), (2, Error, "try 2")]),
            NONE,
        ),
        (
            DeadReason::Discarded,
            history(&[(1, Discard, "never")]),
            NONE,
        ),
        (
            DeadReason::NotRetried,
            history(&[(1, Error, "hopeless")]),
            NONE,
        ),
        (
            DeadReason::Exhausted,
            history(&[(1, Panic, "bang 1"), (2, Panic, "bang 2")]),
            Books {
                panicked: 2,
                ..NONE
            },
        ),
        (
            DeadReason::Exhausted,
            history(&[(1, Timeout, late), (2, Timeout, late)]),
            Books {
                late: 2,
                timed_out: 2,
                ..NONE
            },
        ),
        (
            DeadReason::Discarded,
            history(&[(1, Error, "first"), (2, Discard, "second")]),
            NONE,
        ),
        (
            DeadReason::NotRetried,
            history(&[(1, Error, "no pause")]),
            NONE,
        ),
    ];
    for (number, (reason, history, books)) in (0..).zip(cases) {
        let ((runtime, clock), drops) = (still(), Drops::new());
        let dead = dead_queue(&runtime, 4);
        let queue = runtime
            .queue::<Payload, ()>("source")
            .attempts(2)
            .timeout(secs(1))
            .retry_if(|failure| failure.to_string() != "hopeless")
            .backoff_with(|_, failure| {
                (failure.to_string() != "no pause").then_some(Duration::ZERO)
            })
            .dead_letters(&dead)
            .build()
            .unwrap();
        let time = clock.clone();
        let handler = move |job: &Job<'_, Payload>| match (job.payload().0, job.attempt()) {
            (0, attempt) => Err(Failure::msg(format!("try {attempt}"))),
            (1, _) => Err(Failure::discard("never")),
            (2, _) => Err(Failure::msg("hopeless")),
            (3, attempt) => panic!("bang {attempt}"),
            (4, _) => {
                time.advance(secs(2));
                Ok(())
            }
            (5, 1) => Err(Failure::msg("first")),
            (5, _) => Err(Failure::discard("second")),
            _ => Err(Failure::msg("no pause")),
        };
        queue.workers(1, handler).unwrap();
        clock.advance(secs(1000));
        let handle = queue.submit((number, drops.token())).unwrap();
        let id = handle.id();
        runtime.run_until_idle();
        assert!(matches!(outcome(handle), Err(JobError::Failed(_))));
        assert_eq!(drops.get(), 0, "the payload moves");
        audit(&dead.stats(), Books { waiting: 1, ..NONE });
        let lease = dead.try_lease().unwrap();
        let places = lease.payload().history.iter().map(|error| &error.location);
        for (place, (_, kind, _)) in places.zip(&history) {
            assert_eq!(place.is_some(), *kind == Panic, "{place:?}");
            assert!(place.iter().all(|place| place.contains("letters.rs")));
        }
        let last = lease.payload().history.last().map(|error| error.at);
        assert_eq!(last, Some(clock.wall()), "as long as nothing passed since");
        let last = history.last().unwrap().clone();
        let expected = Read {
            number,
            reason,
            kind: Some(last.1),
            error: last.2,
            attempts: last.0,
            failed_at: clock.wall(),
            source: id,
            history,
        };
        assert_eq!(read(&lease, "source"), expected);
        drop(lease);
        assert_eq!(only_letter(&dead, "source"), expected, "as before");
        assert_eq!(drops.get(), 1);
        let retried = u64::from(expected.attempts) - 1;
        audit(
            &queue.stats(),
            Books {
                failed: 1,
                retried,
                ..books
            },
        );
        audit(
            &dead.stats(),
            Books {
                completed: 1,
                requeued: 1,
                redelivered: 1,
                ..NONE
            },
        );
        assert_eq!(queue.stats().unsent, 0);
        // The record stays here.
        let info = queue.job_info(id).unwrap();
        assert_eq!((info.state, info.reason), (JobState::Dead, Some(reason)));
        assert_eq!(info.errors.len(), expected.history.len());
    }
}

#[test]
fn jobs_that_expire_arrive() {
    let ((runtime, clock), drops) = (still(), Drops::new());
    let dead = dead_queue(&runtime, 4);
    let queue = runtime
        .queue::<Payload, ()>("source")
        .attempts(2)
        .dead_letters(&dead)
        .build()
        .unwrap();
    queue
        .workers(1, |_| Err(Failure::retry("once").after(secs(100))))
        .unwrap();
    let expired = |number, source, history: &[(u32, FailureKind, String)]| Read {
        number,
        reason: DeadReason::Expired,
        kind: history.last().map(|error| error.1),
        error: match history.last() {
            Some(error) => error.2.clone(),
            None => "its time to live was over before it ran".to_owned(),
        },
        attempts: history.len() as u32,
        failed_at: clock.wall(),
        source,
        history: history.to_vec(),
    };
    // While it waits, when its instant comes.
    queue.pause();
    let id = queue.job((1, drops.token())).ttl(secs(1)).add().unwrap();
    runtime.advance(secs(1));
    assert_eq!(only_letter(&dead, "source"), expired(1, id, &[]));
    // While it waits, at its dispatch.
    let id = queue.job((2, drops.token())).ttl(secs(1)).add().unwrap();
    clock.advance(secs(2));
    queue.resume();
    runtime.run_until_idle();
    assert_eq!(only_letter(&dead, "source"), expired(2, id, &[]));
    // While it is delayed.
    let job = queue.job((3, drops.token()));
    let id = job.delay(secs(10)).ttl(secs(1)).add().unwrap();
    runtime.advance(secs(1));
    assert_eq!(only_letter(&dead, "source"), expired(3, id, &[]));
    // Between two attempts.
    let id = queue.job((4, drops.token())).ttl(secs(50)).add().unwrap();
    runtime.advance(secs(50));
    let history = [(1, FailureKind::Error, "once".to_owned())];
    assert_eq!(only_letter(&dead, "source"), expired(4, id, &history));
    assert_eq!(drops.get(), 4);
    audit(
        &queue.stats(),
        Books {
            expired: 4,
            retried: 1,
            ..NONE
        },
    );
    audit(&dead.stats(), Books::completed(4));
}

#[test]
fn jobs_that_die_in_a_lease_arrive() {
    use FailureKind::*;
    type End = fn(&Runtime, &ManualClock, Lease<Payload, ()>);
    let none = NONE;
    let cases: [(End, DeadReason, FailureKind, &str, Books); 6] = [
        (
            |_, _, lease| lease.dead_letter("not ours").unwrap(),
            DeadReason::Rejected,
            Error,
            "not ours",
            none,
        ),
        (
            |_, _, lease| lease.fail(Failure::msg("no")).unwrap(),
            DeadReason::Exhausted,
            Error,
            "no",
            none,
        ),
        (
            |_, _, lease| lease.fail(Failure::discard("never")).unwrap(),
            DeadReason::Discarded,
            Discard,
            "never",
            none,
        ),
        (
            |_, _, lease| drop(lease),
            DeadReason::DeliveryLimit,
            Error,
            "its lease was dropped too often",
            none,
        ),
        (
            |_, _, lease| {
                let held = AssertUnwindSafe(lease);
                let unwound = catch_unwind(move || {
                    let _held = held;
                    panic!("the holder");
                });
                assert!(unwound.is_err());
            },
            DeadReason::Exhausted,
            Panic,
            "the thread that held the lease panicked",
            Books {
                panicked: 1,
                ..NONE
            },
        ),
        (
            |runtime, _, lease| {
                runtime.advance(secs(1));
                lease.complete(()).unwrap_err();
            },
            DeadReason::Exhausted,
            Timeout,
            "the attempt took longer than its time-out",
            Books {
                late: 1,
                timed_out: 1,
                ..NONE
            },
        ),
    ];
    for (end, reason, kind, error, books) in cases {
        let ((runtime, clock), drops) = (still(), Drops::new());
        let dead = dead_queue(&runtime, 1);
        let builder = runtime.queue::<Payload, ()>("source").delivery_limit(0);
        let queue = builder
            .timeout(secs(1))
            .dead_letters(&dead)
            .build()
            .unwrap();
        let source = queue.add((7, drops.token())).unwrap();
        end(&runtime, &clock, queue.try_lease().unwrap());
        let expected = Read {
            number: 7,
            reason,
            kind: Some(kind),
            error: error.to_owned(),
            attempts: 1,
            failed_at: clock.wall(),
            source,
            history: vec![(1, kind, error.to_owned())],
        };
        assert_eq!(only_letter(&dead, "source"), expected);
        assert_eq!(drops.get(), 1);
        audit(&queue.stats(), Books { failed: 1, ..books });
        audit(&dead.stats(), Books::completed(1));
    }
}

/// The handler has the payload; what is known of the job arrives all the same.
#[test]
fn a_payload_that_was_handed_over_is_not_in_the_letter() {
    let ((runtime, clock), drops) = (still(), Drops::new());
    let dead = dead_queue(&runtime, 8);
    let queue = runtime
        .queue::<Payload, ()>("source")
        .dead_letters(&dead)
        .build()
        .unwrap();
    let time = clock.clone();
    let processor = queue.processor().timeout(secs(1));
    processor
        .start_owned(move |(number, _token)| match number {
            0 => Err(Failure::msg("no")),
            1 => panic!("bang"),
            2 => Err(Failure::snooze(secs(1))),
            _ => {
                time.advance(secs(2));
                Ok(())
            }
        })
        .unwrap();
    for number in 0..4 {
        queue.add((number, drops.token())).unwrap();
    }
    // This one nobody has.
    let job = queue.job((4, drops.token()));
    job.delay(secs(1)).ttl(NANO).add().unwrap();
    runtime.advance(secs(10));
    assert_eq!(drops.get(), 4);
    let leases: Vec<_> = std::iter::from_fn(|| dead.try_lease()).collect();
    let read = |lease: &Lease<DeadLetter<Payload>, ()>| {
        let letter = lease.payload();
        (letter.payload.is_some(), letter.reason)
    };
    let mut letters: Vec<_> = leases.iter().map(read).collect();
    letters.sort_by_key(|(payload, _)| *payload);
    let (gone, kept) = ((false, DeadReason::Exhausted), (true, DeadReason::Expired));
    assert_eq!(letters, [gone, gone, gone, gone, kept]);
    leases
        .into_iter()
        .for_each(|lease| lease.requeue().unwrap());
    // What has no payload can't be tried again.
    let target = runtime.queue::<Payload, ()>("target").build().unwrap();
    let done = dead.redrive(&target, Redrive::all());
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (1, 4, false));
    assert_eq!(target.cancel_all("seen"), 1);
    assert_eq!(drops.get(), 5);
    let books = Books {
        failed: 4,
        expired: 1,
        panicked: 1,
        late: 1,
        timed_out: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    let books = Books {
        completed: 1,
        waiting: 4,
        requeued: 5,
        ..NONE
    };
    audit(&dead.stats(), books);
    audit(
        &target.stats(),
        Books {
            cancelled: 1,
            ..NONE
        },
    );
}

/// A job's own attempts don't give it a second one: its payload is gone. Marks have no destructor, so that a payload
/// which is handed out twice fails the test and harms nobody.
#[test]
fn a_payload_is_handed_over_once_whatever_the_jobs_options_say() {
    let (runtime, clock) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let builder = runtime.queue::<u32, ()>("source").dead_letters(&dead);
    let queue = builder.build().unwrap();
    let (seen, time) = (Log::new(), clock.clone());
    let log = seen.clone();
    let processor = queue.processor().timeout(secs(1));
    processor
        .start_owned(move |number| {
            log.push(number);
            time.advance(secs(2));
            Ok(())
        })
        .unwrap();
    let handle = queue.job(1).attempts(3).submit().unwrap();
    runtime.advance(secs(100));
    assert_eq!(seen.take(), [1], "its payload was handed over once");
    assert!(matches!(outcome(handle), Err(JobError::Failed(why)) if why.is_timeout()));
    audit(
        &queue.stats(),
        Books {
            late: 1,
            timed_out: 1,
            ..FAILED
        },
    );
    let letter = dead.try_lease().unwrap();
    assert_eq!(letter.payload().payload, None);
    letter.complete(()).unwrap();
    audit(&dead.stats(), Books::completed(1));
}

/// Cancelled, returned and interrupted jobs did not die.
#[test]
fn other_ends_send_no_letter() {
    let (runtime, drops, gate) = (runtime(), Drops::new(), Gate::new());
    let started = Count::new();
    let dead = dead_queue(&runtime, 8);
    let queue = runtime
        .queue::<Payload, ()>("source")
        .dead_letters(&dead)
        .build()
        .unwrap();
    let (pass, begun) = (gate.clone(), started.clone());
    queue
        .workers(2, move |_| {
            begun.bump();
            pass.pass();
            Err(Failure::msg("too late"))
        })
        .unwrap();
    let cancelled = queue.submit((0, drops.token())).unwrap();
    let interrupted = queue.submit((1, drops.token())).unwrap();
    started.reach(2);
    let waiting = queue.submit((2, drops.token())).unwrap();
    let delayed = queue.job((3, drops.token())).delay(secs(1000));
    let delayed = delayed.submit().unwrap();
    let returned = queue.submit((4, drops.token())).unwrap();
    assert!(cancelled.cancel() && waiting.cancel_because("no use") && delayed.cancel());
    for handle in [cancelled, waiting, delayed] {
        assert!(matches!(outcome(handle), Err(JobError::Cancelled { .. })));
    }
    let report = runtime.shutdown(Duration::ZERO);
    assert!(!report.in_time);
    assert!(matches!(outcome(interrupted), Err(JobError::Interrupted)));
    assert!(matches!(outcome(returned), Err(JobError::Returned)));
    gate.open_wide();
    let books = Books {
        cancelled: 3,
        interrupted: 1,
        returned: 1,
        late: 2,
        ..NONE
    };
    settle(&queue, books);
    until("the handlers' payloads are dropped", || drops.get() == 4);
    assert_eq!(queue.take_returned().len(), 1);
    assert_eq!(drops.get(), 5);
    audit(&dead.stats(), NONE);
    assert!(dead.take_returned().is_empty());
}

// ---------------------------------------------------------------------------------------- exactly when --

/// The waiter learns at the deadline; the payload moves when the handler has left it.
#[test]
fn a_letter_comes_when_no_handler_reads_the_payload_any_more() {
    let (runtime, drops, gate) = (runtime(), Drops::new(), Gate::new());
    let dead = dead_queue(&runtime, 1);
    let queue = runtime
        .queue::<Payload, ()>("source")
        .capacity(2)
        .timeout(Duration::from_millis(1))
        .dead_letters(&dead)
        .build()
        .unwrap();
    let (pass, dropped, moved) = (gate.clone(), drops.clone(), Count::new());
    let reads = moved.clone();
    queue
        .workers(1, move |job| {
            pass.pass();
            // Still where it was, though its job is dead and another one has come and gone.
            assert_eq!((job.payload().0, dropped.get()), (5, 1));
            reads.bump();
            Ok(())
        })
        .unwrap();
    let handle = queue.submit((5, drops.token())).unwrap();
    let id = handle.id();
    assert!(matches!(outcome(handle), Err(JobError::Failed(why)) if why.is_timeout()));
    assert_eq!(queue.state(id), Some(JobState::Dead));
    let_block();
    audit(&dead.stats(), NONE);
    assert_eq!(queue.stats().unsent, 0, "it is not kept for want of room");
    assert_eq!(drops.get(), 0);
    // It keeps its slot.
    let other = queue
        .job((6, drops.token()))
        .delay(secs(1000))
        .add()
        .unwrap();
    assert!(queue.cancel(other));
    assert_eq!(drops.get(), 1);
    gate.open();
    until("the letter comes", || dead.stats().waiting == 1);
    assert_eq!(moved.get(), 1);
    let read = only_letter(&dead, "source");
    assert_eq!((read.source, read.reason), (id, DeadReason::Exhausted));
    assert_eq!(read.kind, Some(FailureKind::Timeout));
    assert_eq!(drops.get(), 2);
    settle(
        &queue,
        Books {
            cancelled: 1,
            late: 1,
            timed_out: 1,
            ..FAILED
        },
    );
    settle(&dead, Books::completed(1));
}

/// What a handler says after its time is not what its job died of.
#[test]
fn a_late_word_changes_nothing_in_the_letter() {
    let verdicts: [fn() -> Result<(), Failure>; 4] = [
        || Ok(()),
        || Err(Failure::msg("late")),
        || Err(Failure::discard("late")),
        || panic!("late"),
    ];
    for verdict in verdicts {
        let ((runtime, clock), drops) = (still(), Drops::new());
        let dead = dead_queue(&runtime, 1);
        let builder = runtime.queue::<Payload, ()>("source").timeout(secs(1));
        let queue = builder.dead_letters(&dead).build().unwrap();
        let time = clock.clone();
        queue
            .workers(1, move |job| {
                time.advance(secs(1));
                assert!(job.checkpoint().is_err());
                time.advance(secs(5));
                verdict()
            })
            .unwrap();
        let source = queue.add((1, drops.token())).unwrap();
        let death = clock.wall() + secs(1);
        runtime.run_until_idle();
        let error = "the attempt took longer than its time-out".to_owned();
        let expected = Read {
            number: 1,
            reason: DeadReason::Exhausted,
            kind: Some(FailureKind::Timeout),
            error: error.clone(),
            attempts: 1,
            failed_at: death,
            source,
            history: vec![(1, FailureKind::Timeout, error)],
        };
        assert_eq!(only_letter(&dead, "source"), expected);
        let panicked = queue.stats().panicked;
        let books = Books {
            late: 1,
            timed_out: 1,
            panicked,
            ..FAILED
        };
        audit(&queue.stats(), books);
        audit(&dead.stats(), Books::completed(1));
        assert_eq!(drops.get(), 1);
    }
}

/// Nor of a job that lived on and expired.
#[test]
fn a_late_word_is_no_reason_for_a_later_death() {
    let (runtime, clock) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let queue = runtime
        .queue::<u32, ()>("source")
        .attempts(2)
        .backoff(Backoff::fixed(secs(100)))
        .timeout(secs(1))
        .dead_letters(&dead)
        .build()
        .unwrap();
    let time = clock.clone();
    queue
        .workers(1, move |_| {
            time.advance(secs(2));
            Err(Failure::discard("late"))
        })
        .unwrap();
    queue.job(1).ttl(secs(50)).add().unwrap();
    let death = clock.wall() + secs(50);
    runtime.advance(secs(60));
    let letter = dead.try_lease().unwrap();
    assert_eq!(letter.payload().reason, DeadReason::Expired);
    assert_eq!(letter.payload().failed_at, death);
    letter.complete(()).unwrap();
    let books = Books {
        expired: 1,
        retried: 1,
        late: 1,
        timed_out: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    audit(&dead.stats(), Books::completed(1));
}
