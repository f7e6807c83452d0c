//! What the soak (`guichet bench --workload chaos`) found, each in its smallest form.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use guichet::{DeadLetter, DeadReason, EventKind, Failure, JobError, JobState, Redrive};

use super::support::*;

/// A handler may hold its own queue, to pass work on; when runtime and queue are gone, so is it.
#[test]
fn a_handler_that_holds_its_queue_goes_with_it() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("own").build().unwrap();
    let (held, token) = (queue.clone(), Arc::new(()));
    let captured = token.clone();
    queue
        .workers(1, move |_| {
            let _held = (&held, &captured);
            Ok(())
        })
        .unwrap();
    assert!(runtime.shutdown(PATIENCE).in_time);
    drop((runtime, queue));
    assert_eq!(Arc::strong_count(&token), 1, "the handler lives on");
}

/// A handler that consumes its payload leaves none for another attempt, though the job asks for some, and though it is the
/// clock that ends the attempt.
#[test]
fn a_consumed_payload_is_not_tried_again_after_a_timeout() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<u32, ()>("owned").timeout(secs(1)).build();
    let (queue, calls) = (queue.unwrap(), Arc::new(AtomicU32::new(0)));
    let count = calls.clone();
    queue
        .workers_owned(1, move |_| {
            count.fetch_add(1, SeqCst);
            clock.advance(secs(2));
            Ok(())
        })
        .unwrap();
    queue.job(7).attempts(3).add().unwrap();
    runtime.run_until_idle();
    assert_eq!(calls.load(SeqCst), 1, "the payload was handed out again");
    assert_eq!(queue.stats().failed, 1);
}

/// The sequences of a letter's events have no gap where it is redriven.
#[test]
fn a_redriven_letter_has_begun_before_it_completes() {
    let (runtime, _clock) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let queue = runtime.queue::<u32, ()>("numbers").dead_letters(&dead);
    let queue = queue.build().unwrap();
    queue.workers(1, |_| Err(Failure::msg("no"))).unwrap();
    let mut events = dead.subscribe();
    queue.add(1).unwrap();
    runtime.run_until_idle();
    assert_eq!(dead.redrive(&queue, Redrive::all()).jobs.len(), 1);
    let heard = std::iter::from_fn(|| events.try_next().ok());
    let heard: Vec<_> = heard.map(|event| (event.sequence, event.kind)).collect();
    let first = heard[0].0;
    let expected = [EventKind::Added, EventKind::Started, EventKind::Completed];
    assert!(
        (first..).zip(expected).eq(heard.iter().copied()),
        "{heard:?}"
    );
}

/// A job that a shutdown returns is in `take_returned`, though whoever held it when its time was over holds it still.
#[test]
fn a_returned_job_that_timed_out_is_given_back() {
    let (runtime, _clock) = still();
    let queue = runtime.queue::<u32, ()>("leased").timeout(secs(1));
    let queue = queue.attempts(2).build().unwrap();
    let handle = queue.submit(7).unwrap();
    let id = handle.id();
    let lease = queue.try_lease().unwrap();
    runtime.advance(secs(2));
    assert_eq!(queue.state(id), Some(JobState::Delayed));
    runtime.shutdown(NANO);
    assert!(matches!(handle.wait(), Err(JobError::Returned)));
    assert!(lease.complete(()).is_err());
    assert_eq!(queue.take_returned(), [(id, 7)]);
}

/// Shutdown waits for a redrive, which has a letter in hand.
#[test]
fn a_shutdown_in_time_leaves_no_letter_in_hand() {
    let (runtime, _clock) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let queue = runtime.queue::<u32, ()>("numbers").dead_letters(&dead);
    let queue = queue.build().unwrap();
    queue.workers(1, |_| Err(Failure::msg("no"))).unwrap();
    queue.add(1).unwrap();
    runtime.run_until_idle();
    let reports = Log::new();
    dead.redrive(
        &queue,
        Redrive::all().filter(|_| {
            reports.push(runtime.shutdown(NANO));
            false
        }),
    );
    let report = reports.take().remove(0);
    assert!(
        !report.in_time || report.queues[0].stats.live() == 0,
        "{report:?}"
    );
}

/// An answer that came too late leaves no trace in the dead letter of a job that ended otherwise.
#[test]
fn a_late_rejection_is_not_why_a_job_died() {
    let (runtime, _clock) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let queue = runtime.queue::<u32, ()>("leased").timeout(secs(1));
    let queue = queue.attempts(2).dead_letters(&dead).build().unwrap();
    queue.job(7).ttl(secs(4)).add().unwrap();
    let lease = queue.try_lease().unwrap();
    runtime.advance(secs(2));
    assert!(lease.dead_letter("too late").is_err());
    runtime.advance(secs(3));
    assert_eq!(queue.stats().expired, 1);
    let letter = dead.try_lease().expect("it ended dead");
    assert_eq!(letter.payload().reason, DeadReason::Expired);
}
