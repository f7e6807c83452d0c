//! A clock that the test turns: what runs when, on which thread, and what a handler may do there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, SystemTime};

use guichet::{
    AddError, Backoff, Clock, Failure, JobError, JobHandle, JobState, Runtime, SystemClock,
};

use super::support::*;

const DAY: Duration = secs(24 * 3600);

#[test]
fn a_reminder_in_three_days() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<&str, ()>("reminders").build().unwrap();
    let log = scribe(&queue);
    queue
        .job("renew the passport")
        .delay(3 * DAY)
        .add()
        .unwrap();
    for _ in 0..2 {
        runtime.advance(DAY);
        assert_eq!(log.take(), Vec::<&str>::new());
    }
    runtime.advance(DAY);
    assert_eq!(log.take(), ["renew the passport"]);
    assert_eq!(clock.now(), 3 * DAY);
    audit(&queue.stats(), Books::completed(1));
}

/// Nothing runs by itself, and what runs does so here.
#[test]
fn handlers_run_on_the_thread_that_turns_the_clock() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, thread::ThreadId>("jobs").build();
    let queue = queue.unwrap();
    queue.workers(3, |_| Ok(thread::current().id())).unwrap();
    let first = queue.submit(0).unwrap();
    let_block();
    assert_eq!(queue.state(first.id()), Some(JobState::Waiting));
    runtime.run_until_idle();
    assert_eq!(value(first), thread::current().id());
    let second = queue.job(0).delay(secs(1)).submit().unwrap();
    let runtime = Arc::new(runtime);
    let turner = runtime.clone();
    let other = start(move || {
        turner.advance(secs(1));
        thread::current().id()
    });
    assert_eq!(other.get(), value(second));
    audit(&queue.stats(), Books::completed(2));
}

/// What a handler adds with a delay counts from its own instant, and runs on the way if it is due on the way.
#[test]
fn advance_stops_at_every_instant() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<u64, ()>("chain").build().unwrap();
    let log = Log::new();
    let (seen, inner, time) = (log.clone(), queue.clone(), clock.clone());
    queue
        .workers(1, move |job| {
            seen.push((*job.payload(), time.now(), time.wall()));
            if *job.payload() > 0 {
                let next = inner.job(job.payload() - 1);
                next.delay(secs(job.payload() - 1)).add()?;
            }
            Ok(())
        })
        .unwrap();
    let wall = clock.wall();
    queue.job(4).delay(secs(10)).add().unwrap();
    runtime.advance(secs(100));
    let expected = [(4, 10), (3, 13), (2, 15), (1, 16), (0, 16)];
    let expected = expected.map(|(job, at)| (job, secs(at), wall + secs(at)));
    assert_eq!(log.take(), expected);
    assert_eq!(clock.now(), secs(100), "it ends where it was told to");
    audit(&queue.stats(), Books::completed(5));
}

#[test]
fn run_until_idle_leaves_the_clock_where_it_is() {
    let (runtime, clock) = still();
    clock.advance(secs(7));
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    let log = scribe(&queue);
    queue.job(1).delay(secs(1)).add().unwrap();
    queue.add(0).unwrap();
    runtime.run_until_idle();
    runtime.advance(Duration::ZERO);
    assert_eq!((log.take(), clock.now()), (vec![0], secs(7)));
    audit(
        &queue.stats(),
        Books {
            delayed: 1,
            ..Books::completed(1)
        },
    );
    clock.advance(secs(1));
    runtime.run_until_idle();
    assert_eq!(log.take(), [1]);
    audit(&queue.stats(), Books::completed(2));
}

/// The clock ends somewhere, and so does the call.
#[test]
fn the_end_of_time_is_reached() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    let log = scribe(&queue);
    queue.job(0).delay(100_000 * DAY).add().unwrap();
    runtime.advance(Duration::MAX);
    assert_eq!(clock.now(), Duration::from_nanos(u64::MAX - 1));
    assert_eq!(log.take(), [0]);
    runtime.advance(Duration::MAX);
    audit(&queue.stats(), Books::completed(1));
}

#[test]
fn run_until_idle_inside_a_handler_does_nothing() {
    let (runtime, _) = still();
    let (runtime, log) = (Arc::new(runtime), Log::new());
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    let (seen, turner) = (log.clone(), Arc::downgrade(&runtime));
    queue
        .workers(2, move |job| {
            seen.push((*job.payload(), "begins"));
            turner.upgrade().unwrap().run_until_idle();
            seen.push((*job.payload(), "ends"));
            Ok(())
        })
        .unwrap();
    queue.add_many(vec![0, 1]).unwrap();
    runtime.run_until_idle();
    let expected = [(0, "begins"), (0, "ends"), (1, "begins"), (1, "ends")];
    assert_eq!(log.take(), expected);
    audit(&queue.stats(), Books::completed(2));
}

/// Workers that a handler engages, for a queue of its own making too, belong to those that must become idle.
#[test]
fn what_a_handler_sets_up_runs_too() {
    let (runtime, log) = (still().0, Log::new());
    let first = runtime.queue::<u32, ()>("first").build().unwrap();
    let second = runtime.queue::<u32, ()>("second").build().unwrap();
    let (seen, inner) = (log.clone(), second.clone());
    first
        .workers(1, move |_| {
            inner.add(2)?;
            let seen = seen.clone();
            let handler = move |job: &guichet::Job<'_, u32>| {
                seen.push(*job.payload());
                Ok(())
            };
            inner.workers(1, handler).map_err(Failure::from)?;
            Ok(())
        })
        .unwrap();
    first.add(1).unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [2]);
    audit(&first.stats(), Books::completed(1));
    audit(&second.stats(), Books::completed(1));
}

#[test]
fn two_queues_take_turns() {
    let (runtime, log) = (still().0, Log::new());
    let engage = |name: &'static str| {
        let queue = runtime.queue::<u32, ()>(name).build().unwrap();
        let seen = log.clone();
        let handler = move |job: &guichet::Job<'_, u32>| {
            seen.push((name, *job.payload()));
            Ok(())
        };
        queue.workers(1, handler).unwrap();
        queue
    };
    let (first, second) = (engage("first"), engage("second"));
    second.add_many(vec![0, 1]).unwrap();
    first.add_many(vec![0, 1, 2]).unwrap();
    runtime.run_until_idle();
    let expected = [
        ("first", 0),
        ("second", 0),
        ("first", 1),
        ("second", 1),
        ("first", 2),
    ];
    assert_eq!(log.take(), expected);
    audit(&first.stats(), Books::completed(3));
    audit(&second.stats(), Books::completed(2));
}

/// One queue's handler feeds another's, and waits for room there only if it need not wait for itself.
#[test]
fn a_handler_passes_work_on() {
    let (runtime, log) = (still().0, Log::new());
    let first = runtime.queue::<u32, ()>("first").build().unwrap();
    let second = runtime.queue::<u32, ()>("second").build().unwrap();
    let to = second.clone();
    first
        .workers(1, move |job| {
            to.job(job.payload() * 10).delay(secs(1)).add()?;
            Ok(())
        })
        .unwrap();
    let seen = log.clone();
    second
        .workers(1, move |job| {
            seen.push(*job.payload());
            Ok(())
        })
        .unwrap();
    first.add_many(vec![1, 2, 3]).unwrap();
    runtime.advance(secs(1));
    assert_eq!(log.take(), [10, 20, 30]);
    audit(&first.stats(), Books::completed(3));
    audit(&second.stats(), Books::completed(3));
}

#[test]
fn a_handler_that_takes_its_payload_works_without_threads_too() {
    let (runtime, drops) = (still().0, Drops::new());
    let queue = runtime.queue::<Token, Token>("tokens").build().unwrap();
    queue.workers_owned(1, Ok).unwrap();
    let handle = queue.job(drops.token()).delay(secs(1)).submit().unwrap();
    runtime.advance(secs(1));
    let back = value(handle);
    assert_eq!(drops.get(), 0);
    drop(back);
    assert_eq!(drops.get(), 1);
    audit(&queue.stats(), Books::completed(1));
}

/// However many attempts the job may have: its time-out leaves nothing for another one.
#[test]
fn a_handler_that_takes_its_payload_times_out_once() {
    let ((runtime, clock), drops) = (still(), Drops::new());
    let queue = runtime.queue::<Token, ()>("tokens").build().unwrap();
    queue
        .workers_owned(1, move |_| {
            clock.advance(secs(2));
            Ok(())
        })
        .unwrap();
    let job = queue.job(drops.token()).attempts(3).timeout(secs(1));
    let handle = job.submit().unwrap();
    runtime.run_until_idle();
    assert!(matches!(outcome(handle), Err(JobError::Failed(why)) if why.is_timeout()));
    runtime.advance(secs(60));
    assert_eq!(drops.get(), 1);
    let stats = queue.stats();
    assert_eq!((stats.failed, stats.retried, stats.late), (1, 0, 1));
}

/// Whoever waits for a worker that it is itself is told so, threads or not.
#[test]
fn a_handler_does_not_wait_for_its_own_queue() {
    let (runtime, log) = (still().0, Log::<&str>::new());
    let queue = runtime.queue::<u32, ()>("jobs").capacity(2);
    let queue = queue.delayed_capacity(1).build().unwrap();
    let (seen, inner) = (log.clone(), queue.clone());
    queue
        .workers(1, move |job| {
            if *job.payload() != 0 {
                return Ok(());
            }
            let other: JobHandle<()> = inner.submit(1)?;
            match inner.add(2) {
                Err(AddError::WouldDeadlock(2)) => seen.push("full"),
                other => panic!("{other:?}"),
            }
            inner.job(3).delay(secs(1)).add()?;
            match inner.job(4).delay(secs(1)).add() {
                Err(AddError::WouldDeadlock(4)) => seen.push("full of delayed jobs"),
                other => panic!("{other:?}"),
            }
            match other.wait() {
                Err(JobError::WouldDeadlock) => seen.push("not ended"),
                other => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    let handle = queue.submit(0).unwrap();
    runtime.run_until_idle();
    value(handle);
    let expected = ["full", "full of delayed jobs", "not ended"];
    assert_eq!(log.take(), expected);
    runtime.advance(secs(1));
    audit(&queue.stats(), Books::completed(3));
}

#[test]
fn a_panic_is_a_failed_attempt_without_threads_too() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("shaky").attempts(2);
    let queue = queue.backoff(Backoff::fixed(secs(1))).build().unwrap();
    queue
        .workers(1, |job| match job.attempt() {
            1 => std::panic::resume_unwind(Box::new("broken")),
            attempt => Ok(attempt),
        })
        .unwrap();
    let handle = queue.submit(0).unwrap();
    runtime.advance(secs(1));
    assert_eq!(value(handle), 2);
    let books = Books {
        retried: 1,
        panicked: 1,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
}

/// What waits is run, what is delayed comes back, and what comes later is refused.
#[test]
fn shutdown_does_the_work_itself() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    let unserved = runtime.queue::<u32, ()>("unserved").build().unwrap();
    let log = scribe(&queue);
    queue.add_many(vec![0, 1, 2]).unwrap();
    let due = queue.job(3).delay(secs(1)).add().unwrap();
    let late = queue.job(4).delay(secs(2)).add().unwrap();
    let never = unserved.add(5).unwrap();
    clock.advance(secs(1));
    assert_eq!(queue.state(due), Some(JobState::Delayed));
    let report = runtime.shutdown(Duration::ZERO);
    assert!(report.in_time && report.abandoned_threads == 0);
    assert_eq!(log.take(), [0, 1, 2, 3]);
    assert_eq!(queue.take_returned(), [(late, 4)]);
    assert_eq!(unserved.take_returned(), [(never, 5)]);
    assert!(matches!(queue.add(9), Err(AddError::Closed(9))));
    let later = queue.job(9).delay(secs(1)).add();
    assert!(matches!(later, Err(AddError::Closed(9))));
    runtime.advance(secs(10));
    assert_eq!(log.take(), []);
    let books = Books {
        returned: 1,
        ..Books::completed(4)
    };
    audit(&report.queues[0].stats, books);
    audit(&queue.stats(), books);
    audit(
        &unserved.stats(),
        Books {
            returned: 1,
            ..NONE
        },
    );
    // Once more, and by the drop.
    assert!(runtime.shutdown(Duration::ZERO).in_time);
    drop(runtime);
    audit(&queue.stats(), books);
}

/// A clock that runs by itself, twice as fast as the system's.
struct Hurried(SystemClock, AtomicU64);

impl Clock for Hurried {
    fn now(&self) -> Duration {
        self.1.fetch_add(1, SeqCst);
        2 * self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }
}

#[test]
fn another_clock_runs_the_threads() {
    let clock = Hurried(SystemClock::new(), AtomicU64::new(0));
    let runtime = Runtime::builder().clock(clock).build().unwrap();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    queue.workers(2, |job| Ok(*job.payload())).unwrap();
    let job = queue.job(7).delay(Duration::from_millis(2));
    assert_eq!(value(job.submit().unwrap()), 7);
    // It does nothing here: the clock isn't to be turned.
    let far = queue.job(8).delay(DAY).submit().unwrap();
    runtime.advance(2 * DAY);
    runtime.run_until_idle();
    assert!(!far.is_finished());
    settle(
        &queue,
        Books {
            delayed: 1,
            ..Books::completed(1)
        },
    );
    assert!(queue.cancel(far.id()));
}
