//! Every variant of every error: what it says, that it is an error, and what it becomes for `?`.

use std::error::Error as _;
use std::fmt::Display;

use guichet::*;

use super::support::*;

const CLOSED: &str = "the queue takes no more jobs: its runtime is shut down or shutting down";
const DEADLOCK: &str =
    "the queue is full, and its own worker can't wait for room that it may have to make";

/// A payload that can neither be printed nor compared: errors ask nothing of it.
struct Opaque;

fn is_error(error: &(impl std::error::Error + Send + Sync + 'static), text: &str) {
    assert_eq!(error.to_string(), text);
    let debug = format!("{error:?}");
    assert!(!debug.is_empty());
    let boxed: &(dyn std::error::Error + Send + Sync) = error;
    assert!(boxed.source().is_none());
}

fn refusal(error: impl Into<Error> + Display) {
    let text = error.to_string();
    match error.into() {
        Error::Refused(why) => assert_eq!(why, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusals_say_why_and_give_the_payload_back() {
    is_error(&AddError::Closed(Opaque), CLOSED);
    is_error(&AddError::WouldDeadlock(Opaque), DEADLOCK);
    is_error(&AddTimeoutError::Closed(Opaque), CLOSED);
    is_error(&AddTimeoutError::WouldDeadlock(Opaque), DEADLOCK);
    is_error(
        &AddTimeoutError::Timeout(Opaque),
        "the queue had no room in time",
    );
    is_error(&TryAddError::Closed(Opaque), CLOSED);
    is_error(&AddManyError::Closed(vec![Opaque]), CLOSED);
    is_error(&AddManyError::WouldDeadlock(vec![Opaque]), DEADLOCK);
    is_error(&TryAddManyError::Closed(vec![Opaque]), CLOSED);
    is_error(
        &TryAddManyError::Full(vec![1, 2]),
        "the queue has no room for 2 jobs at once",
    );
    refusal(AddError::Closed(1));
    refusal(AddTimeoutError::Timeout(1));
    refusal(AddManyError::Closed(vec![1]));
    refusal(TryAddManyError::Full(vec![1]));
    refusal(TryAddError::Closed(1));
    assert_eq!(AddError::WouldDeadlock(7).into_payload(), 7);
    assert_eq!(AddTimeoutError::WouldDeadlock(7).into_payload(), 7);
    assert_eq!(TryAddError::Closed(7).into_payload(), 7);
    assert_eq!(AddManyError::WouldDeadlock(vec![7]).into_payloads(), [7]);
    assert_eq!(TryAddManyError::Closed(vec![7]).into_payloads(), [7]);
}

#[test]
fn a_full_queue_says_how_full() {
    let runtime = runtime();
    let queue = runtime
        .queue::<Opaque, ()>("opaque")
        .capacity(2)
        .build()
        .unwrap();
    queue.add_many(vec![Opaque, Opaque]).unwrap();
    let Err(full) = queue.try_add(Opaque) else {
        panic!("accepted")
    };
    assert_eq!(
        full.to_string(),
        "the queue is full: 2 jobs are in line and 0 with workers"
    );
    refusal(full);
    let Err(many) = queue.add_many(vec![Opaque, Opaque, Opaque]) else {
        panic!("accepted")
    };
    assert_eq!(
        many.to_string(),
        "3 jobs at once can never fit a queue of capacity 2"
    );
    settle(&queue, Books { waiting: 2, ..NONE });
}

#[test]
fn calls_say_what_became_of_the_job() {
    let id: JobId = "3:1:2".parse().unwrap();
    is_error(
        &CallError::<Opaque>::Timeout(id),
        "job 3:1:2 has not ended in time and goes on, detached",
    );
    is_error(
        &CallError::Refused(AddTimeoutError::Timeout(Opaque)),
        "the job was not added: the queue had no room in time",
    );
    assert_eq!(
        CallError::<Opaque>::Job(JobError::Cancelled { reason: None }).to_string(),
        "the job was cancelled"
    );
    refusal(CallError::<u32>::Timeout(id));
    refusal(CallError::Refused(AddTimeoutError::Closed(1)));
    let job = Error::from(CallError::<u32>::Job(JobError::Returned));
    assert!(matches!(job, Error::Job(JobError::Returned)));
}

#[test]
fn job_errors_say_how_the_job_ended() {
    is_error(
        &JobError::Cancelled { reason: None },
        "the job was cancelled",
    );
    is_error(
        &JobError::Interrupted,
        "the job was still running when the runtime shut down",
    );
    is_error(
        &JobError::Returned,
        "the runtime shut down before the job ran",
    );
    is_error(
        &JobError::WouldDeadlock,
        "a worker can't wait for a job of its own queue: it may be the one to run it",
    );
    let failed = JobError::Failed(Failure::msg("no"));
    assert_eq!(failed.to_string(), "the job's last attempt failed: no");
    assert_eq!(failed.source().unwrap().to_string(), "no");
    let wrapped = Error::from(failed);
    assert_eq!(wrapped.source().unwrap().to_string(), "no");
}

#[test]
fn options_are_checked_when_the_queue_is_built() {
    let runtime = runtime();
    let invalid = |result: Result<Queue<u32, ()>, BuildError>, option: &str, text: &str| {
        let error = refused(result);
        assert_eq!(error.to_string(), text);
        match &error {
            BuildError::Invalid(invalid) => assert_eq!(invalid.option(), option),
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            Error::from(error),
            Error::Build(BuildError::Invalid(_))
        ));
    };
    let queue = || runtime.queue::<u32, ()>("numbers");
    invalid(
        queue().capacity(0).build(),
        "capacity",
        "capacity must be 1 to 16777214, not 0",
    );
    let text = "capacity must be 1 to 16777214, not 16777216";
    invalid(queue().capacity(1 << 24).build(), "capacity", text);
    invalid(
        queue().attempts(0).build(),
        "attempts",
        "attempts must be 1 to 1000000, not 0",
    );
    let text = "attempts must be 1 to 1000000, not 1000001";
    invalid(queue().attempts(1_000_001).build(), "attempts", text);
    invalid(
        queue().prefetch(0).build(),
        "prefetch",
        "prefetch must be 1 to 32, not 0",
    );
    invalid(
        queue().prefetch(33).build(),
        "prefetch",
        "prefetch must be 1 to 32, not 33",
    );
    let text = "sample_every must be 1 to 65536, not 0";
    invalid(queue().sample_every(0).build(), "sample_every", text);
    let text = "sample_every must be 1 to 65536, not 131072";
    invalid(queue().sample_every(131_072).build(), "sample_every", text);
    let odd = refused(queue().sample_every(48).build());
    assert_eq!(odd, BuildError::SampleNotPowerOfTwo(48));
    is_error(
        &odd,
        "sample_every must be a power of two from 1 to 65536, not 48",
    );
    is_error(&BuildError::ShutDown, "the runtime is shut down");
    let taken = BuildError::NameTaken("mail".into());
    is_error(&taken, "the runtime has a queue named \"mail\" already");

    for name in ["", "zero\0byte"] {
        let bad = refused(runtime.queue::<u32, ()>(name).build());
        assert_eq!(bad, BuildError::BadName(name.into()));
        let text = "a queue's name must be one character or more, without NUL, not ";
        is_error(&bad, &format!("{text}{name:?}"));
    }

    // The ends of the ranges are inside, and a refused build has not taken the name.
    let all = queue()
        .capacity(1)
        .attempts(1_000_000)
        .prefetch(32)
        .sample_every(65_536)
        .build();
    settle(&all.unwrap(), NONE);
}

#[test]
fn worker_counts_are_checked() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    for (count, text) in [
        (0, "workers must be 1 to 1024, not 0"),
        (1025, "workers must be 1 to 1024, not 1025"),
    ] {
        let errors = [
            queue.workers(count, |_| Ok(())),
            queue.workers_owned(count, |_| Ok(())),
        ];
        for error in errors.into_iter().map(refused) {
            assert_eq!(error.to_string(), text);
            let WorkersError::Invalid(invalid) = &error else {
                panic!("{error:?}")
            };
            assert_eq!(
                (invalid.option(), invalid.range()),
                ("workers", Some(1..=1024))
            );
            assert!(matches!(Error::from(error), Error::Workers(_)));
        }
    }
    is_error(&WorkersError::ShutDown, "the runtime is shut down");
    let owned = WorkersError::OwnedWithRetries { attempts: 2 };
    assert!(owned.to_string().contains("attempts = 1, not 2"), "{owned}");
    let spawn = WorkersError::Spawn(std::io::Error::other("no more threads"));
    assert_eq!(
        spawn.to_string(),
        "the system refused a thread: no more threads"
    );
    assert!(spawn.source().is_some());
    assert!(Error::from(spawn).source().is_some());
    settle(&queue, NONE);
}

#[test]
fn texts_that_are_no_ids_are_refused() {
    for text in [
        "", "1", "1:2", "1:2:3:4", "a:1:1", "+1:1:1", "01:1:1", "1::1", "1:1:-1",
    ] {
        let error = refused(text.parse::<JobId>());
        is_error(
            &error,
            "a job id is three numbers, `queue:slot:occupancy`, such as 3:17:42",
        );
        assert!(matches!(Error::from(error), Error::Id(_)));
    }
}
