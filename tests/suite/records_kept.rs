//! How many records are kept, of which jobs, and how long.

use std::time::Duration;

use guichet::{DeadLetter, Failure, Gone, JobId, JobState, Keep, Queue, Runtime};

use super::support::*;

/// Its handler fails for odd numbers.
fn odd_fails(queue: &Queue<u32, ()>) {
    let handler = |job: &guichet::Job<'_, u32>| match job.payload() % 2 {
        0 => Ok(()),
        _ => Err(Failure::msg("odd")),
    };
    queue.workers(1, handler).unwrap();
}

/// Adds the jobs one after the other and runs each to its end.
fn run_each(
    runtime: &Runtime,
    queue: &Queue<u32, ()>,
    numbers: impl IntoIterator<Item = u32>,
) -> Vec<JobId> {
    let one = |number| {
        let id = queue.add(number).unwrap();
        runtime.run_until_idle();
        id
    };
    numbers.into_iter().map(one).collect()
}

fn is_kept<R: Send + 'static>(queue: &Queue<u32, R>, id: JobId) -> bool {
    let states = [
        JobState::Completed,
        JobState::Dead,
        JobState::Cancelled,
        JobState::Interrupted,
        JobState::Returned,
    ];
    let mut lists = states
        .iter()
        .flat_map(|state| queue.jobs(*state, 0, usize::MAX));
    lists.any(|info| info.id == id)
}

#[test]
fn by_default_no_success_and_the_last_thousand_failures_are_kept() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("numbers").capacity(1);
    let queue = queue.build().unwrap();
    odd_fails(&queue);
    let failed = run_each(&runtime, &queue, (0..1003).map(|number| 2 * number + 1));
    let completed = run_each(&runtime, &queue, [2, 4]);
    assert_eq!(queue.kept(JobState::Dead), 1000);
    assert_eq!(queue.kept(JobState::Completed), 0);
    for id in &failed[..3] {
        assert_eq!(queue.job_info(*id).unwrap_err(), Gone);
        assert_eq!(queue.state(*id), None);
    }
    for id in &failed[3..] {
        let info = queue.job_info(*id).unwrap();
        assert_eq!(
            (info.id, info.state, info.failures),
            (*id, JobState::Dead, 1)
        );
        assert_eq!(queue.state(*id), Some(JobState::Dead));
    }
    assert_eq!(queue.job_info(completed[0]).unwrap_err(), Gone);
    let books = Books {
        failed: 1003,
        ..Books::completed(2)
    };
    audit(&queue.stats(), books);
}

#[test]
fn the_last_successes_are_kept_if_asked_for() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").capacity(1);
    let queue = builder.keep_completed(3).keep_failed(2).build().unwrap();
    odd_fails(&queue);
    let ids = run_each(&runtime, &queue, 0..12);
    let (completed, failed): (Vec<_>, Vec<_>) = (0..12).partition(|at| at % 2 == 0);
    let list = |state| -> Vec<JobId> {
        let infos = queue.jobs(state, 0, usize::MAX);
        infos.iter().map(|info| info.id).collect()
    };
    let newest_first =
        |ats: &[usize]| -> Vec<JobId> { ats.iter().rev().map(|at| ids[*at]).collect() };
    assert_eq!(list(JobState::Completed), newest_first(&completed[3..]));
    assert_eq!(list(JobState::Dead), newest_first(&failed[4..]));
    let books = Books {
        failed: 6,
        ..Books::completed(6)
    };
    audit(&queue.stats(), books);
}

/// All ends but successes share one shelf.
#[test]
fn cancelled_expired_and_failed_jobs_are_kept_together() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").capacity(4);
    let queue = builder.keep_failed(3).build().unwrap();
    let expired = queue.job(1).ttl(secs(1)).add().unwrap();
    let failed = queue.add(2).unwrap();
    let cancelled = queue.add(3).unwrap();
    runtime.advance(secs(1));
    queue.try_lease().unwrap().fail(Failure::msg("no")).unwrap();
    assert!(queue.cancel(cancelled));
    assert_eq!(queue.kept(JobState::Dead), 2);
    assert_eq!(queue.kept(JobState::Cancelled), 1);
    let another = queue.add(4).unwrap();
    assert!(queue.cancel(another));
    assert!(!is_kept(&queue, expired), "it is the oldest");
    assert!(
        [failed, cancelled, another]
            .iter()
            .all(|id| is_kept(&queue, *id))
    );
    assert_eq!(queue.kept(JobState::Dead), 1);
    assert_eq!(queue.kept(JobState::Cancelled), 2);
    let books = Books {
        failed: 1,
        expired: 1,
        cancelled: 2,
        ..NONE
    };
    audit(&queue.stats(), books);
}

#[test]
fn an_interrupted_job_is_kept_and_a_returned_one_is_not() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let interrupted = queue.add(1).unwrap();
    let returned = queue.add(2).unwrap();
    let lease = queue.try_lease().unwrap();
    lease.log("so far so good");
    runtime.shutdown(Duration::ZERO);
    assert_eq!(queue.kept(JobState::Interrupted), 1);
    assert_eq!(queue.kept(JobState::Returned), 0);
    assert!(is_kept(&queue, interrupted));
    assert!(!is_kept(&queue, returned));
    let info = queue.job_info(interrupted).unwrap();
    assert_eq!((info.state, info.attempts), (JobState::Interrupted, 1));
    assert_eq!(info.log.len(), 1);
    lease.complete(()).unwrap_err();
    let books = Books {
        interrupted: 1,
        returned: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// At the very instant, and by the clerk: nothing is asked of the queue meanwhile.
#[test]
fn records_go_when_they_reach_their_age() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers");
    let builder = builder.keep_completed(Keep::last(10).for_at_most(secs(60)));
    let builder = builder.keep_failed(Keep::last(10).for_at_most(secs(90)));
    let queue = builder.build().unwrap();
    odd_fails(&queue);
    let kept = || (queue.kept(JobState::Completed), queue.kept(JobState::Dead));
    run_each(&runtime, &queue, [0, 1]);
    runtime.advance(secs(10));
    let later = run_each(&runtime, &queue, [2, 3]);
    assert_eq!(kept(), (2, 2));
    runtime.advance(secs(50) - NANO);
    assert_eq!(kept(), (2, 2));
    runtime.advance(NANO);
    assert_eq!(kept(), (1, 2));
    runtime.advance(secs(10) - NANO);
    assert_eq!(kept(), (1, 2));
    runtime.advance(NANO);
    assert_eq!(kept(), (0, 2));
    runtime.advance(secs(20));
    assert_eq!(kept(), (0, 1));
    assert_eq!(queue.job_info(later[1]).unwrap().state, JobState::Dead);
    runtime.advance(secs(3600));
    assert_eq!(kept(), (0, 0));
    let books = Books {
        failed: 2,
        ..Books::completed(2)
    };
    audit(&queue.stats(), books);
}

/// A number above 0 without an age keeps however long, also beside a shelf with one.
#[test]
fn records_without_an_age_stay() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers");
    let queue = builder.keep_completed(Keep::last(1).for_at_most(secs(1)));
    let queue = queue.build().unwrap();
    odd_fails(&queue);
    run_each(&runtime, &queue, [0, 1]);
    runtime.advance(secs(1_000_000));
    assert_eq!(queue.kept(JobState::Completed), 0);
    assert_eq!(queue.kept(JobState::Dead), 1);
}

#[test]
fn a_real_clerk_drops_what_has_reached_its_age() {
    let runtime = runtime();
    let builder = runtime.queue::<u32, ()>("numbers");
    let age = Duration::from_millis(30);
    let builder = builder.keep_completed(Keep::last(10).for_at_most(age));
    let queue = builder.keep_failed(Keep::last(10).for_at_most(2 * age));
    let queue = queue.build().unwrap();
    odd_fails(&queue);
    for round in 0..3 {
        value(queue.submit(0).unwrap());
        outcome(queue.submit(1).unwrap()).unwrap_err();
        until("the records have gone", || {
            queue.kept(JobState::Completed) + queue.kept(JobState::Dead) == 0
        });
        let books = Books {
            failed: round + 1,
            ..Books::completed(round + 1)
        };
        audit(&queue.stats(), books);
    }
}

/// A job whose own word goes against the queue's, both ways, for both kinds of end.
#[test]
fn a_job_says_itself_whether_its_record_is_kept() {
    for queue_keeps in [0, 10] {
        let (runtime, _) = still();
        let builder = runtime.queue::<u32, ()>("numbers");
        let builder = builder.keep_completed(queue_keeps).keep_failed(queue_keeps);
        let queue = builder.build().unwrap();
        odd_fails(&queue);
        let by_default = queue_keeps > 0;
        for number in [0, 1] {
            for (completed, failed) in [
                (None, None),
                (Some(true), None),
                (Some(false), None),
                (None, Some(true)),
                (None, Some(false)),
                (Some(true), Some(false)),
                (Some(false), Some(true)),
            ] {
                let mut job = queue.job(number);
                if let Some(kept) = completed {
                    // The last word counts.
                    job = job.keep_completed(!kept).keep_completed(kept);
                }
                if let Some(kept) = failed {
                    job = job.keep_failed(!kept).keep_failed(kept);
                }
                let id = job.add().unwrap();
                runtime.run_until_idle();
                let own = if number == 0 { completed } else { failed };
                let expected = own.unwrap_or(by_default);
                assert_eq!(
                    is_kept(&queue, id),
                    expected,
                    "number {number}, queue {queue_keeps}, completed {completed:?}, failed {failed:?}"
                );
            }
        }
        let books = Books {
            failed: 7,
            ..Books::completed(7)
        };
        audit(&queue.stats(), books);
    }
}

/// Whatever ends it.
#[test]
fn a_job_says_so_for_every_end_that_is_no_success() {
    for kept in [true, false] {
        let (runtime, _) = still();
        let builder = runtime.queue::<u32, ()>("numbers");
        let queue = builder.keep_failed(if kept { 0 } else { 100 });
        let queue = queue.build().unwrap();
        let job = |number| queue.job(number).keep_failed(kept);
        let expired = job(0).ttl(secs(1)).add().unwrap();
        runtime.advance(secs(1));
        let cancelled = job(1).add().unwrap();
        assert!(queue.cancel(cancelled));
        let told = job(2).delay(secs(1)).add().unwrap();
        assert!(queue.cancel_because(told, "no use"));
        let revoked = job(3).add().unwrap();
        let lease = queue.try_lease().unwrap();
        assert!(queue.cancel_because(revoked, "no use either"));
        lease.complete(()).unwrap_err();
        let rejected = job(4).add().unwrap();
        queue.try_lease().unwrap().dead_letter("no").unwrap();
        let late = job(5).timeout(secs(1)).add().unwrap();
        let lease = queue.try_lease().unwrap();
        runtime.advance(secs(1));
        lease.complete(()).unwrap_err();
        let interrupted = job(6).add().unwrap();
        let lease = queue.try_lease().unwrap();
        runtime.shutdown(Duration::ZERO);
        lease.complete(()).unwrap_err();
        let all = [
            expired,
            cancelled,
            told,
            revoked,
            rejected,
            late,
            interrupted,
        ];
        for (number, id) in all.into_iter().enumerate() {
            assert_eq!(is_kept(&queue, id), kept, "number {number}");
        }
        let info = |id| queue.job_info(id).unwrap();
        if kept {
            assert_eq!(info(told).cancel_reason.as_deref(), Some("no use"));
            assert_eq!(
                info(revoked).cancel_reason.as_deref(),
                Some("no use either")
            );
            assert_eq!(info(rejected).errors[0].message, "no");
        }
    }
}

/// A queue that keeps none has room for a thousand that ask for it.
#[test]
fn those_that_ask_for_it_have_an_end_too() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").capacity(1);
    let queue = builder.keep_failed(0).build().unwrap();
    odd_fails(&queue);
    for number in 0..1002 {
        let job = queue.job(number % 2);
        job.keep_completed(true).keep_failed(true).add().unwrap();
        runtime.run_until_idle();
    }
    for number in 0..1002 {
        queue.job(number % 2).keep_completed(true).add().unwrap();
        runtime.run_until_idle();
    }
    assert_eq!(queue.kept(JobState::Completed), 1000);
    assert_eq!(queue.kept(JobState::Dead), 501);
}

/// A dead queue's jobs have records as all others have.
#[test]
fn the_letter_of_a_job_without_a_record_is_complete() {
    let (runtime, _) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let builder = runtime.queue::<u32, ()>("numbers").keep_failed(0);
    let queue = builder.attempts(2).dead_letters(&dead).build().unwrap();
    odd_fails(&queue);
    let source = run_each(&runtime, &queue, [1])[0];
    assert_eq!(queue.kept(JobState::Dead), 0);
    let lease = dead.try_lease().unwrap();
    let letter = lease.payload();
    assert_eq!((letter.source, letter.attempts), (source, 2));
    assert_eq!(letter.history.len(), 2);
    assert_eq!(letter.error, "odd");
    lease.complete(()).unwrap();
}

#[test]
fn forgetting_makes_room_and_ends_nothing() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").keep_completed(2);
    let queue = builder.keep_failed(2).build().unwrap();
    odd_fails(&queue);
    run_each(&runtime, &queue, 0..8);
    queue.pause();
    let live = queue.add(8).unwrap();
    queue.forget_ended();
    for state in [JobState::Completed, JobState::Dead] {
        assert_eq!(queue.kept(state), 0);
        assert!(queue.jobs(state, 0, 10).is_empty());
    }
    assert_eq!(queue.job_info(live).unwrap().state, JobState::Waiting);
    queue.resume();
    let ids = run_each(&runtime, &queue, [10, 11]);
    let completed = queue.jobs(JobState::Completed, 0, 10);
    let completed: Vec<_> = completed.iter().map(|info| info.id).collect();
    assert_eq!(completed, [ids[0], live]);
    assert!(is_kept(&queue, ids[1]));
    let books = Books {
        failed: 5,
        ..Books::completed(6)
    };
    audit(&queue.stats(), books);
}

#[test]
fn what_is_out_of_range_is_refused() {
    let (runtime, _) = still();
    let builder = || runtime.queue::<u32, u32>("numbers");
    for refused in [
        builder().keep_completed(10_000_001).build(),
        builder().keep_failed(usize::MAX).build(),
        builder().keep_results(10_000_001).build(),
        builder().log_lines(100_001).build(),
        builder().event_capacity(1).build(),
    ] {
        refused.unwrap_err();
    }
    let builder = builder().keep_completed(10_000_000).log_lines(100_000);
    builder.keep_results(0).keep_failed(0).build().unwrap();
}
