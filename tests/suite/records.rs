//! Records: what is known of a job while it lives, and afterwards as long as its record is kept.

use std::env;
use std::process::Command;

use guichet::{DeadReason, Failure, Gone, JobState, Keep, Revoked};

use super::support::*;

/// Of a job that has ended and whose record is not kept nothing is known once its slot serves another.
#[test]
fn without_a_record_a_job_that_has_ended_is_gone() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("numbers").keep_failed(1);
    let queue = queue.capacity(1).build().unwrap();
    queue
        .workers(1, |job| match job.payload() {
            0 => Ok(()),
            _ => Err(Failure::msg("no")),
        })
        .unwrap();
    let [completed, evicted, kept, last] = [0, 1, 2, 0].map(|number| {
        let id = queue.add(number).unwrap();
        runtime.run_until_idle();
        id
    });
    assert_eq!(queue.job_info(completed).unwrap_err(), Gone);
    assert_eq!(queue.job_info(evicted).unwrap_err(), Gone);
    assert_eq!(queue.job_info(kept).unwrap().errors.len(), 1);
    assert_eq!(queue.job_info(last).unwrap().state, JobState::Completed);
    queue.forget_ended();
    assert_eq!(queue.job_info(kept).unwrap_err(), Gone);
    let books = Books {
        completed: 2,
        failed: 2,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Whether it waits or is delayed, whether or not anything is written about it.
#[test]
fn the_record_of_a_cancelled_job_says_why() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let delayed = queue.job(0).delay(secs(1)).add().unwrap();
    let noted = queue.add(1).unwrap();
    let lease = queue.try_lease().unwrap();
    lease.log("it was seen");
    lease.requeue().unwrap();
    let waiting = queue.add(2).unwrap();
    for id in [delayed, noted, waiting] {
        assert!(queue.cancel_because(id, "no use"));
        let info = queue.job_info(id).unwrap();
        assert_eq!(info.state, JobState::Cancelled);
        assert_eq!(info.cancel_reason.as_deref(), Some("no use"), "job {id}");
    }
    let books = Books {
        cancelled: 3,
        requeued: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// The record and the handler both get it.
#[test]
fn the_handler_of_a_cancelled_job_is_told_why_whatever_it_has_written() {
    for writes in [false, true] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
        let id = queue.add(1).unwrap();
        let lease = queue.try_lease().unwrap();
        if writes {
            lease.log("it was seen");
        }
        assert!(queue.cancel_because(id, "no use"));
        let reason = Some("no use".to_owned());
        let expected = Revoked::Cancelled { reason };
        assert_eq!(
            lease.checkpoint(),
            Err(expected.clone()),
            "writes: {writes}"
        );
        let lost = lease.complete(()).unwrap_err();
        assert_eq!(*lost.why(), expected, "writes: {writes}");
        let info = queue.job_info(id).unwrap();
        assert_eq!(info.cancel_reason.as_deref(), Some("no use"));
        let books = Books {
            cancelled: 1,
            late: 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

/// So often it was handed out again; the last drop led to its death instead.
#[test]
fn redelivered_counts_what_was_handed_out_again() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").delivery_limit(2);
    let queue = builder.build().unwrap();
    let id = queue.add(1).unwrap();
    for times in 0..3 {
        let info = queue.job_info(id).unwrap();
        assert_eq!((info.redelivered, info.attempts), (times, 0));
        drop(queue.try_lease().expect("it is handed out"));
    }
    let info = queue.job_info(id).unwrap();
    assert_eq!(info.reason, Some(DeadReason::DeliveryLimit));
    assert_eq!((queue.stats().redelivered, info.redelivered), (2, 2));
    let books = Books {
        failed: 1,
        requeued: 2,
        redelivered: 2,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// What an attempt says after it was decided takes no other attempt's place.
#[test]
fn a_late_failure_pushes_no_error_out() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").attempts(100);
    let queue = builder.timeout(secs(1)).build().unwrap();
    let id = queue.add(1).unwrap();
    for _ in 0..40 {
        let lease = queue.try_lease().unwrap();
        lease.fail(Failure::msg("no")).unwrap();
    }
    let lease = queue.try_lease().unwrap();
    runtime.advance(secs(1));
    lease.fail(Failure::msg("late")).unwrap_err();
    let info = queue.job_info(id).unwrap();
    let attempts: Vec<_> = info.errors.iter().map(|error| error.attempt).collect();
    assert_eq!(info.failures, 41);
    assert_eq!(attempts, (10..=41).collect::<Vec<_>>());
    assert!(queue.cancel(id));
    let books = Books {
        cancelled: 1,
        retried: 41,
        late: 1,
        timed_out: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// A value whose destructor always panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

/// Runs the test of this name once more in a process of its own, which must survive it; true there.
fn survives(name: &str) -> bool {
    const MARK: &str = "GUICHET_TEST_INSIDE";
    if env::var_os(MARK).is_some_and(|inside| inside == name) {
        return true;
    }
    let program = env::current_exe().unwrap();
    let arguments = ["--exact", &format!("records::{name}"), "--test-threads=1"];
    let child = Command::new(program)
        .args(arguments)
        .env(MARK, name)
        .output();
    let child = child.unwrap();
    assert!(
        child.status.success(),
        "{name} in a process of its own: {}",
        child.status
    );
    false
}

/// The user's destructors run one by one: one that panics while another does would end the process.
#[test]
fn forgetting_several_values_whose_destructors_panic_harms_nobody() {
    if !survives("forgetting_several_values_whose_destructors_panic_harms_nobody") {
        return;
    }
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    queue
        .workers(1, |job| {
            job.set_progress(Bomb);
            Err(Failure::msg("no"))
        })
        .unwrap();
    queue.add_many(vec![1, 2, 3]).unwrap();
    runtime.run_until_idle();
    assert_eq!(queue.kept(JobState::Dead), 3);
    queue.forget_ended();
    assert_eq!(queue.kept(JobState::Dead), 0);
    audit(&queue.stats(), Books { failed: 3, ..NONE });
}

#[test]
fn several_values_whose_destructors_panic_may_reach_their_age_at_once() {
    if !survives("several_values_whose_destructors_panic_may_reach_their_age_at_once") {
        return;
    }
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers");
    let builder = builder.keep_completed(Keep::last(10).for_at_most(secs(60)));
    let queue = builder.build().unwrap();
    queue
        .workers(1, |job| {
            job.set_progress(Bomb);
            Ok(())
        })
        .unwrap();
    queue.add_many(vec![1, 2, 3]).unwrap();
    runtime.run_until_idle();
    assert_eq!(queue.kept(JobState::Completed), 3);
    runtime.advance(secs(60));
    assert_eq!(queue.kept(JobState::Completed), 0);
    audit(&queue.stats(), Books::completed(3));
}
