//! What is written down about a job: its attempts, errors, log, progress and result, while it lives and afterwards.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;

use guichet::{
    ChangeError, Clock, DeadLetter, DeadReason, Failure, FailureKind, Gone, JobId, JobState, Keep,
    ManualClock, Queue, Runtime,
};

use super::support::*;

fn numbers<R: Send + 'static>() -> (Runtime, ManualClock, Queue<u32, R>) {
    let (runtime, clock) = still();
    let builder = runtime.queue("numbers").keep_completed(10);
    let queue = builder.attempts(100).build().unwrap();
    (runtime, clock, queue)
}

#[test]
fn a_live_job_is_known_in_every_state() {
    let (runtime, _, queue) = numbers::<()>();
    let id = queue.job(1).delay(secs(1)).add().unwrap();
    let seen = |state, attempts, failures, redelivered| {
        let info = queue.job_info(id).unwrap();
        assert_eq!((info.id, info.state), (id, state));
        assert_eq!((info.attempts, info.failures), (attempts, failures));
        assert_eq!(info.errors.len() as u64, failures);
        assert_eq!(info.redelivered, redelivered);
        assert_eq!((info.reason, info.finished_at), (None, None));
        assert_eq!(queue.state(id), Some(state));
        let listed = queue.jobs(state, 0, 10);
        assert_eq!(listed.iter().map(|info| info.id).collect::<Vec<_>>(), [id]);
        assert_eq!(listed[0].attempts, attempts);
    };
    seen(JobState::Delayed, 0, 0, 0);
    runtime.advance(secs(1));
    seen(JobState::Waiting, 0, 0, 0);
    let lease = queue.try_lease().unwrap();
    seen(JobState::Active, 1, 0, 0);
    lease.fail(Failure::msg("no")).unwrap();
    seen(JobState::Waiting, 1, 1, 0);
    let lease = queue.try_lease().unwrap();
    seen(JobState::Active, 2, 1, 0);
    lease.fail(Failure::retry("no").after(secs(1))).unwrap();
    seen(JobState::Delayed, 2, 2, 0);
    queue.promote(id).unwrap();
    drop(queue.try_lease().unwrap());
    seen(JobState::Waiting, 2, 2, 1);
    let lease = queue.try_lease().unwrap();
    seen(JobState::Active, 3, 2, 1);
    lease.fail(Failure::snooze(secs(1))).unwrap();
    seen(JobState::Delayed, 2, 2, 1);
    runtime.advance(secs(1));
    queue.try_lease().unwrap().requeue().unwrap();
    seen(JobState::Waiting, 2, 2, 1);
    queue.try_lease().unwrap().complete(()).unwrap();
    let info = queue.job_info(id).unwrap();
    assert_eq!((info.state, info.attempts), (JobState::Completed, 3));
    assert_eq!((info.failures, info.redelivered), (2, 1));
    assert!(info.finished_at.is_some());
    let books = Books {
        completed: 1,
        retried: 2,
        snoozed: 1,
        requeued: 2,
        redelivered: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Page by page, everything once.
#[test]
fn lists_have_pages() {
    let (runtime, clock, queue) = numbers::<()>();
    let mut ids = [(); 3].map(|()| Vec::<JobId>::new());
    for number in 0..7 {
        ids[0].push(queue.add(number).unwrap());
    }
    for number in 0..7 {
        let job = queue.job(number).delay(secs(1));
        ids[1].push(job.add().unwrap());
    }
    let leases: Vec<_> = (0..3).map(|_| queue.try_lease().unwrap()).collect();
    ids[2] = ids[0].drain(..3).collect();
    let page = |state, from, most| -> Vec<JobId> {
        let infos = queue.jobs(state, from, most);
        assert!(infos.iter().all(|info| info.state == state));
        infos.iter().map(|info| info.id).collect()
    };
    let paged = |state, most: usize| -> Vec<JobId> {
        let pages = (0..).map(|number| page(state, most * number, most));
        let pages = pages.take_while(|page| !page.is_empty());
        pages.flatten().collect()
    };
    let states = [JobState::Waiting, JobState::Delayed, JobState::Active];
    for (state, ids) in states.into_iter().zip(&ids) {
        for most in [1, 2, 3, 100, usize::MAX / 2] {
            let mut all = paged(state, most);
            all.sort_unstable_by_key(JobId::to_string);
            let mut expected = ids.clone();
            expected.sort_unstable_by_key(JobId::to_string);
            assert_eq!(all, expected, "{state:?} by {most}");
        }
        assert!(page(state, 0, 0).is_empty());
        assert!(page(state, ids.len(), 1).is_empty());
        assert!(page(state, usize::MAX, usize::MAX).is_empty());
    }
    // Of ended ones the newest first, whatever came between.
    let mut ended = Vec::new();
    for (number, lease) in leases.into_iter().enumerate() {
        let delayed = ids[1][number];
        assert!(queue.cancel(delayed));
        ended.insert(0, delayed);
        clock.advance(NANO);
        lease.fail(Failure::discard("no")).unwrap();
        clock.advance(NANO);
    }
    for most in [1, 2, 100] {
        assert_eq!(paged(JobState::Cancelled, most), ended);
        assert_eq!(
            paged(JobState::Dead, most),
            ids[2].iter().rev().copied().collect::<Vec<_>>()
        );
    }
    assert!(
        page(JobState::Vacant, 0, 100)
            .iter()
            .all(|id| !ended.contains(id))
    );
    queue.cancel_all("that is it");
    drop(runtime);
}

#[test]
fn the_last_errors_are_kept_and_all_are_counted() {
    let (runtime, clock, queue) = numbers::<()>();
    let begun = clock.wall();
    let handler = move |job: &guichet::Job<'_, u32>| {
        clock.advance(secs(1));
        match job.attempt() {
            70 => Ok(()),
            number if number % 3 == 0 => resume_unwind(Box::new(format!("panic {number}"))),
            number => Err(Failure::msg(format!("error {number}"))),
        }
    };
    queue.workers(1, handler).unwrap();
    let id = queue.add(1).unwrap();
    runtime.run_until_idle();
    let info = queue.job_info(id).unwrap();
    assert_eq!((info.attempts, info.failures), (70, 69));
    assert_eq!(info.errors.len(), 32);
    for (error, attempt) in info.errors.iter().zip(38..) {
        let (kind, text) = match attempt % 3 {
            0 => (FailureKind::Panic, "panic"),
            _ => (FailureKind::Error, "error"),
        };
        assert_eq!((error.attempt, error.kind), (attempt, kind));
        assert_eq!(error.message, format!("{text} {attempt}"));
        assert_eq!(error.at, begun + secs(attempt.into()));
    }
    assert_eq!(info.finished_at, Some(begun + secs(70)));
}

#[test]
fn a_panic_is_located() {
    let (runtime, _, queue) = numbers::<()>();
    let line = line!() + 3;
    let handler = |job: &guichet::Job<'_, u32>| match job.is_last_attempt() {
        true => Ok(()),
        false => panic!("number {}", job.payload()),
    };
    queue.workers(1, handler).unwrap();
    let id = queue.job(7).attempts(2).add().unwrap();
    runtime.run_until_idle();
    let info = queue.job_info(id).unwrap();
    let error = &info.errors[0];
    assert_eq!(
        (error.message.as_str(), error.kind),
        ("number 7", FailureKind::Panic)
    );
    let location = error.location.as_deref().expect("it is known");
    assert!(
        location.contains(&format!("records_live.rs:{line}:")),
        "{location}"
    );
}

#[test]
fn the_last_lines_of_a_log_are_kept_and_all_are_counted() {
    for (most, kept) in [(0, 0), (1, 1), (3, 3), (100, 10)] {
        let (runtime, clock) = still();
        let begun = clock.wall();
        let builder = runtime.queue::<u32, ()>("numbers").log_lines(most);
        let queue = builder.attempts(2).keep_completed(1).build().unwrap();
        let handler = move |job: &guichet::Job<'_, u32>| {
            for line in 1..=5 {
                clock.advance(secs(1));
                job.log(format!("line {line}"));
            }
            match job.is_last_attempt() {
                true => Ok(()),
                false => Err(Failure::msg("once more")),
            }
        };
        queue.workers(1, handler).unwrap();
        let id = queue.add(1).unwrap();
        runtime.run_until_idle();
        let info = queue.job_info(id).unwrap();
        assert_eq!(info.log.len(), kept, "of {most}");
        assert_eq!(info.log_dropped as usize, 10 - kept);
        for (line, number) in info.log.iter().zip(10 - kept as u32..) {
            assert_eq!(line.text, format!("line {}", number % 5 + 1));
            assert_eq!(line.attempt, number / 5 + 1);
            assert_eq!(line.at, begun + secs(u64::from(number) + 1));
        }
    }
}

#[test]
fn a_log_is_read_while_the_job_runs() {
    let (_runtime, _, queue) = numbers::<()>();
    let id = queue.add(1).unwrap();
    let lease = queue.try_lease().unwrap();
    lease.log("one");
    lease.log("two".to_owned());
    let log = |id| -> Vec<String> {
        let info = queue.job_info(id).unwrap();
        info.log.into_iter().map(|line| line.text).collect()
    };
    assert_eq!(log(id), ["one", "two"]);
    assert!(queue.cancel(id));
    lease.log("three");
    lease.complete(()).unwrap_err();
    assert_eq!(log(id), ["one", "two"], "it was decided already");
}

#[derive(Debug, PartialEq)]
struct Step {
    done: u32,
}

/// Live, after the attempt, and from the record, under the type that it was shown with.
#[test]
fn progress_of_any_type_is_shown() {
    let (_runtime, _, queue) = numbers::<()>();
    let handle = queue.submit(1).unwrap();
    let id = handle.id();
    let shown = || {
        let seen = queue.progress::<Step>(id).map(|step| step.done);
        assert_eq!(handle.progress::<Step>().map(|step| step.done), seen);
        let info = queue.job_info(id).unwrap();
        assert_eq!(info.progress::<Step>().map(|step| step.done), seen);
        seen
    };
    assert_eq!(shown(), None);
    let lease = queue.try_lease().unwrap();
    assert_eq!(shown(), None);
    lease.set_progress(Step { done: 1 });
    assert_eq!(shown(), Some(1));
    let held = queue.progress::<Step>(id).unwrap();
    lease.set_progress(Step { done: 2 });
    assert_eq!(shown(), Some(2));
    assert_eq!(held.done, 1, "what was read stays");
    assert_eq!(queue.progress::<u32>(id), None, "another type");
    lease.fail(Failure::msg("once more")).unwrap();
    assert_eq!(shown(), Some(2), "it stays between attempts");
    let lease = queue.try_lease().unwrap();
    lease.set_progress("another type");
    assert_eq!(shown(), None);
    assert_eq!(queue.progress::<&str>(id).as_deref(), Some(&"another type"));
    lease.set_progress(Step { done: 3 });
    lease.complete(()).unwrap();
    assert_eq!(shown(), Some(3), "from the record");
    queue.forget_ended();
    assert_eq!(queue.progress::<Step>(id), None);
    assert_eq!(handle.progress::<Step>(), None);
    let books = Books {
        retried: 1,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
}

#[test]
fn a_later_job_of_the_slot_is_not_shown_what_its_former_one_wrote() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").keep_failed(0);
    let queue = builder.capacity(1).build().unwrap();
    for ends in 0..4 {
        let former = queue.add(1).unwrap();
        let lease = queue.try_lease().unwrap();
        lease.set_progress(1_u32);
        lease.log("a line");
        match ends {
            0 => lease.complete(()).unwrap(),
            1 => lease.fail(Failure::msg("no")).unwrap(),
            2 => {
                assert!(queue.cancel_because(former, "no use"));
                lease.complete(()).unwrap_err();
            }
            _ => {
                drop(lease);
                assert!(queue.cancel_because(former, "no use"));
            }
        }
        let later = queue.add(2).unwrap();
        assert_eq!(queue.job_info(former).unwrap_err(), Gone);
        assert_eq!(queue.progress::<u32>(former), None);
        let clean = || {
            let info = queue.job_info(later).unwrap();
            assert_eq!(queue.progress::<u32>(later), None);
            assert_eq!((info.log.len(), info.failures, info.redelivered), (0, 0, 0));
            assert_eq!(info.cancel_reason, None);
        };
        clean();
        let lease = queue.try_lease().unwrap();
        assert!(!lease.is_redelivered());
        clean();
        lease.complete(()).unwrap();
    }
}

/// A name is only a text: one that was never given to a job must do no harm to any.
#[test]
fn a_made_up_name_spoils_nothing() {
    let (runtime, _) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let builder = runtime.queue::<u32, ()>("numbers").capacity(1);
    let builder = builder.delayed_capacity(1).dead_letters(&dead);
    let queue = builder.delivery_limit(2).build().unwrap();
    for slot in [0, 1, 2, u32::MAX] {
        for occupancy in [0, 1, 2, 1000, u64::MAX] {
            let id: JobId = format!("{}:{slot}:{occupancy}", queue.id())
                .parse()
                .unwrap();
            assert!(!queue.cancel(id));
            assert!(!queue.cancel_because(id, "it never was"));
            assert_eq!(queue.state(id), None);
            assert_eq!(queue.job_info(id).unwrap_err(), Gone);
            assert_eq!(queue.progress::<u32>(id), None);
            assert_eq!(queue.set_priority(id, 1), Err(ChangeError::Gone));
            assert_eq!(queue.promote(id), Err(ChangeError::Gone));
            assert_eq!(queue.reschedule(id, secs(1)), Err(ChangeError::Gone));
        }
    }
    let id = queue.add(1).unwrap();
    let lease = queue.try_lease().unwrap();
    lease.log("a line");
    lease.set_progress(1_u32);
    drop(lease);
    let info = queue.job_info(id).unwrap();
    assert_eq!((info.log.len(), info.redelivered), (1, 1));
    assert_eq!(info.progress::<u32>().as_deref(), Some(&1));
    let lease = queue.try_lease().unwrap();
    assert!(lease.is_redelivered());
    lease.dead_letter("no use").unwrap();
    let letter = dead.try_lease().unwrap();
    assert_eq!(letter.payload().reason, DeadReason::Rejected);
    assert_eq!(letter.payload().error, "no use");
    letter.complete(()).unwrap();
}

#[test]
fn the_last_results_are_kept() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, String>("numbers").capacity(2);
    let queue = builder.keep_results(3).build().unwrap();
    let handler = |job: &guichet::Job<'_, u32>| match job.payload() % 2 {
        0 => Ok(job.payload().to_string()),
        _ => Err(Failure::msg("odd")),
    };
    queue.workers(1, handler).unwrap();
    let ids: Vec<_> = (0..10)
        .map(|number| {
            let id = queue.add(number).unwrap();
            assert_eq!(queue.result(id), None);
            runtime.run_until_idle();
            id
        })
        .collect();
    for (number, id) in ids.iter().enumerate() {
        let kept = number >= 4 && number % 2 == 0;
        let expected = kept.then(|| number.to_string());
        assert_eq!(queue.result(*id), expected, "number {number}");
        assert_eq!(queue.result(*id), expected, "as often as one likes");
    }
    let handle = queue.submit(20).unwrap();
    let id = handle.id();
    runtime.run_until_idle();
    assert_eq!(value(handle), "20");
    assert_eq!(
        queue.result(id).as_deref(),
        Some("20"),
        "who waits takes none away"
    );
    assert_eq!(queue.result(ids[4]), None);
    let other = runtime.queue::<u32, String>("others").keep_results(3);
    let other = other.build().unwrap();
    assert_eq!(other.result(id), None, "another queue's");
    let books = Books {
        failed: 5,
        ..Books::completed(6)
    };
    audit(&queue.stats(), books);
}

#[test]
fn results_that_are_not_asked_for_are_not_kept() {
    for keeps in [None, Some(0)] {
        let (runtime, _) = still();
        let builder = runtime.queue::<u32, u32>("numbers");
        let builder = match keeps {
            None => builder,
            Some(most) => builder.keep_results(most),
        };
        let queue = builder.build().unwrap();
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let id = queue.add(1).unwrap();
        runtime.run_until_idle();
        assert_eq!(queue.result(id), None);
    }
}

/// Panics wherever the queue calls it, while this thread has armed it.
struct Mine;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

/// Until it is dropped mines go off. What a queue holds when it is dropped itself goes with the queue, as with a `Vec`.
struct Armed;

impl Armed {
    fn new() -> Self {
        ARMED.set(true);
        Armed
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        ARMED.set(false);
    }
}

impl Mine {
    fn explode() {
        if ARMED.get() && !std::thread::panicking() {
            resume_unwind(Box::new("a mine"));
        }
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        Self::explode();
    }
}

impl Clone for Mine {
    fn clone(&self) -> Self {
        resume_unwind(Box::new("a mine"));
    }
}

impl fmt::Debug for Mine {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        resume_unwind(Box::new("a mine"));
    }
}

impl fmt::Display for Mine {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        resume_unwind(Box::new("a mine"));
    }
}

impl Error for Mine {}

#[test]
fn progress_that_panics_when_dropped_changes_nothing() {
    for keep in [
        Keep::none(),
        Keep::last(1),
        Keep::last(1).for_at_most(secs(1)),
    ] {
        let (runtime, _) = still();
        let builder = runtime.queue::<u32, u32>("numbers").capacity(1);
        let queue = builder.keep_completed(keep).keep_failed(keep);
        let queue = queue.attempts(2).build().unwrap();
        let handler = |job: &guichet::Job<'_, u32>| {
            job.set_progress(Mine);
            job.set_progress(Mine);
            match job.payload() % 2 {
                0 => Ok(7),
                _ => Err(Failure::msg("odd")),
            }
        };
        queue.workers(1, handler).unwrap();
        let _armed = Armed::new();
        for number in 0..6 {
            let handle = queue.submit(number).unwrap();
            runtime.run_until_idle();
            match number % 2 {
                0 => assert_eq!(value(handle), 7),
                _ => drop(outcome(handle).unwrap_err()),
            }
        }
        runtime.advance(secs(1));
        let books = Books {
            failed: 3,
            retried: 3,
            ..Books::completed(3)
        };
        audit(&queue.stats(), books);
    }
}

/// Of a job that is cancelled while it waits, while it runs, and of one that dies.
#[test]
fn such_progress_of_a_job_that_is_ended_from_outside_changes_nothing() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, ()>("numbers").capacity(1);
    let queue = builder.keep_failed(0).timeout(secs(1)).build().unwrap();
    let _armed = Armed::new();
    for ends in 0..4 {
        let id = queue.add(1).unwrap();
        let lease = queue.try_lease().unwrap();
        lease.set_progress(Mine);
        match ends {
            0 => {
                lease.requeue().unwrap();
                assert!(queue.cancel(id));
            }
            1 => {
                assert!(queue.cancel_because(id, "no use"));
                lease.complete(()).unwrap_err();
            }
            2 => {
                runtime.advance(secs(1));
                lease.fail(Failure::msg("late")).unwrap_err();
            }
            _ => lease.dead_letter("no").unwrap(),
        }
        assert!(queue.state(id).is_none_or(JobState::is_terminal));
    }
    let books = Books {
        cancelled: 2,
        failed: 2,
        requeued: 1,
        late: 2,
        timed_out: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    assert_eq!(room(&queue, || 1), 1);
}

/// It is dropped by the queue as the one before it would have been.
#[test]
fn such_progress_that_comes_too_late_changes_nothing() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let id = queue.add(1).unwrap();
    let lease = queue.try_lease().unwrap();
    assert!(queue.cancel(id));
    let _armed = Armed::new();
    lease.set_progress(Mine);
    lease.complete(()).unwrap_err();
    let books = Books {
        cancelled: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// The letter arrives, and the slot comes back.
#[test]
fn such_progress_of_a_job_that_dies_costs_no_letter() {
    for keeps in [1, 0] {
        let (runtime, _) = still();
        let dead = runtime
            .queue::<DeadLetter<u32>, ()>("dead")
            .build()
            .unwrap();
        let builder = runtime.queue::<u32, ()>("numbers").capacity(1);
        let builder = builder.keep_failed(keeps).dead_letters(&dead);
        let queue = builder.build().unwrap();
        let _armed = Armed::new();
        for number in 0..3 {
            queue.try_add(number).expect("there is room");
            let lease = queue.try_lease().unwrap();
            lease.set_progress(Mine);
            lease.fail(Failure::msg("no")).unwrap();
            let letter = dead.try_lease().expect("it arrived");
            assert_eq!(letter.payload().payload, Some(number));
            assert_eq!(letter.payload().error, "no");
            letter.complete(()).unwrap();
        }
        audit(&queue.stats(), Books { failed: 3, ..NONE });
        audit(&dead.stats(), Books::completed(3));
    }
}

#[test]
fn an_error_without_a_text_is_an_error() {
    let (runtime, _, queue) = numbers::<()>();
    let handler = |job: &guichet::Job<'_, u32>| match job.payload() {
        1 => Err(Failure::retry(Mine)),
        _ => Err(Failure::discard(Mine)),
    };
    queue.workers(1, handler).unwrap();
    let _armed = Armed::new();
    for (number, failures) in [(1, 2), (2, 1)] {
        let id = queue.job(number).attempts(2).add().unwrap();
        runtime.run_until_idle();
        let info = queue.job_info(id).unwrap();
        assert_eq!((info.state, info.failures), (JobState::Dead, failures));
        assert!(!info.errors[0].message.is_empty());
    }
    let books = Books {
        failed: 2,
        retried: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

#[test]
fn a_result_that_cannot_be_cloned_is_not_kept() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, Mine>("numbers").keep_results(1);
    let queue = builder.capacity(1).build().unwrap();
    queue.workers(1, |_| Ok(Mine)).unwrap();
    let _armed = Armed::new();
    for number in 0..3 {
        let id = queue.try_add(number).unwrap();
        runtime.run_until_idle();
        assert!(queue.result(id).is_none());
    }
    audit(&queue.stats(), Books::completed(3));
}

/// Clones, but its clones panic when they are dropped.
struct Twin;

impl Clone for Twin {
    fn clone(&self) -> Self {
        Twin
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        Mine::explode();
    }
}

#[test]
fn results_that_panic_when_they_are_pushed_out_change_nothing() {
    let (runtime, _) = still();
    let builder = runtime.queue::<u32, Twin>("numbers").keep_results(1);
    let queue = builder.capacity(1).build().unwrap();
    queue.workers(1, |_| Ok(Twin)).unwrap();
    let _armed = Armed::new();
    for number in 0..3 {
        let id = queue.try_add(number).unwrap();
        runtime.run_until_idle();
        std::mem::forget(queue.result(id).expect("it is the last one"));
    }
    audit(&queue.stats(), Books::completed(3));
}
