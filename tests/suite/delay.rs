//! Not before an instant: delays, wall clock times, promotion, new instants, and what shutdown makes of them.

use std::time::{Duration, Instant, SystemTime};

use guichet::{
    Backoff, ChangeError, Clock, Failure, Job, JobError, JobState, Order, Queue, Runtime,
};

use super::support::*;

const DAY: Duration = secs(24 * 3600);

fn reminders(runtime: &Runtime) -> Queue<u32, ()> {
    runtime.queue("reminders").build().unwrap()
}

/// To the nanosecond, wherever the clock stands at first.
#[test]
fn a_delayed_job_begins_at_its_instant_and_not_before() {
    let delays = [
        NANO,
        Duration::from_nanos(63),
        Duration::from_nanos(64),
        Duration::from_nanos(4097),
        Duration::new(0, 999_999),
        Duration::new(0, 1_000_001),
        secs(1),
        3 * DAY,
        400 * DAY + NANO,
        100_000 * DAY,
    ];
    for start in [NANO, Duration::from_nanos(12_345_678_901)] {
        for delay in delays {
            let (runtime, clock) = still();
            let queue = reminders(&runtime);
            let log = Log::new();
            let (seen, time) = (log.clone(), clock.clone());
            queue
                .workers(1, move |_| {
                    seen.push(time.now());
                    Ok(())
                })
                .unwrap();
            clock.advance(start);
            let handle = queue.job(0).delay(delay).submit().unwrap();
            runtime.advance(delay - NANO);
            assert_eq!(queue.state(handle.id()), Some(JobState::Delayed));
            assert_eq!(clock.now(), start + delay - NANO);
            audit(&queue.stats(), Books { delayed: 1, ..NONE });
            runtime.advance(NANO);
            assert!(handle.is_finished());
            assert_eq!(log.take(), [start + delay], "from {start:?} {delay:?}");
            value(handle);
            audit(&queue.stats(), Books::completed(1));
        }
    }
}

/// Where the clock says 0, too.
#[test]
fn a_delay_that_begins_with_the_clock_is_not_cut_short() {
    let (runtime, _) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    queue.job(0).delay(NANO).add().unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), []);
    runtime.advance(NANO);
    assert_eq!(log.take(), [0]);
    audit(&queue.stats(), Books::completed(1));
}

/// In one step over it: the handler sees the instant all the same.
#[test]
fn many_delays_each_begin_at_their_own_instant() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<Duration, ()>("many").capacity(2000);
    let queue = queue.build().unwrap();
    let time = clock.clone();
    clock.advance(NANO);
    queue
        .workers(1, move |job| {
            assert_eq!(time.now(), *job.payload());
            Ok(())
        })
        .unwrap();
    let mut random = Scatter::new(1);
    for round in 0..3 {
        for number in 0..600 {
            let scale = [100, 1_000_000, 1_000_000_000, DAY.as_nanos() as u64];
            let delay = Duration::from_nanos(1 + random.below(scale[number % 4]));
            queue.job(clock.now() + delay).delay(delay).add().unwrap();
        }
        runtime.advance([secs(3), secs(7200), 2 * DAY][round]);
    }
    audit(&queue.stats(), Books::completed(1800));
}

#[test]
fn no_delay_is_no_delay() {
    let (runtime, _) = still();
    let queue = reminders(&runtime);
    let id = queue.job(0).delay(Duration::ZERO).add().unwrap();
    assert_eq!(queue.state(id), Some(JobState::Waiting));
    // The last word counts.
    let id = queue.job(1).delay(secs(5)).delay(Duration::ZERO).add();
    assert_eq!(queue.state(id.unwrap()), Some(JobState::Waiting));
    let log = scribe(&queue);
    runtime.run_until_idle();
    assert_eq!(log.take(), [0, 1]);
    audit(&queue.stats(), Books::completed(2));
}

/// Longer than clocks count: it waits, can be cancelled, and comes back at shutdown.
#[test]
fn a_huge_delay_waits() {
    let (runtime, clock) = still();
    let queue = reminders(&runtime);
    clock.advance(DAY);
    let first = queue.job(1).delay(Duration::MAX).add().unwrap();
    let almost = Duration::from_nanos(u64::MAX - 1);
    let second = queue.job(2).delay(almost).add().unwrap();
    let wall = SystemTime::UNIX_EPOCH + 200_000 * DAY;
    let third = queue.job(3).at(wall).add().unwrap();
    let log = scribe(&queue);
    runtime.advance(36_500 * DAY);
    assert_eq!(log.take(), []);
    for id in [first, second, third] {
        assert_eq!(queue.state(id), Some(JobState::Delayed));
    }
    assert!(queue.cancel(first));
    queue.reschedule(second, Duration::MAX).unwrap();
    queue.reschedule(third, secs(1)).unwrap();
    runtime.advance(secs(1));
    assert_eq!(log.take(), [3]);
    let report = runtime.shutdown(secs(1));
    assert_eq!(queue.take_returned(), [(second, 2)]);
    let books = Books {
        completed: 1,
        cancelled: 1,
        returned: 1,
        ..NONE
    };
    audit(&report.queues[0].stats, books);
}

#[test]
fn jobs_due_at_one_instant_go_as_they_were_added() {
    for (earlier, later) in [(1, 1), (20, 20), (2000, 0), (2000, 1), (2000, 2000)] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("many").capacity(4000);
        let queue = queue.build().unwrap();
        for number in 0..earlier {
            queue.job(number).delay(secs(2)).add().unwrap();
        }
        runtime.advance(secs(1));
        for number in earlier..earlier + later {
            queue.job(number).delay(secs(1)).add().unwrap();
        }
        let log = scribe(&queue);
        runtime.advance(secs(1));
        let order = log.take();
        let sorted = order.iter().copied().eq(0..earlier + later);
        assert!(sorted, "{earlier} and {later}: {order:?}");
        audit(&queue.stats(), Books::completed((earlier + later).into()));
    }
}

#[test]
fn however_many_are_due_none_is_left() {
    let (runtime, clock) = still();
    let queue = runtime.queue::<u32, ()>("many").capacity(2000);
    let queue = queue.build().unwrap();
    let log = scribe(&queue);
    for number in 0..2000 {
        queue.job(number).delay(secs(2)).add().unwrap();
    }
    clock.advance(secs(2));
    runtime.run_until_idle();
    assert_eq!(log.take().len(), 2000);
    audit(&queue.stats(), Books::completed(2000));
}

/// Also one that got the slot of a cancelled one.
#[test]
fn a_later_job_in_a_former_slot_does_not_go_before_its_elders() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("few").delayed_capacity(2);
    let queue = queue.build().unwrap();
    let log = scribe(&queue);
    let first = queue.job(0).delay(secs(1)).add().unwrap();
    queue.job(1).delay(secs(1)).add().unwrap();
    assert!(queue.cancel(first));
    queue.job(2).delay(secs(1)).add().unwrap();
    runtime.advance(secs(1));
    assert_eq!(log.take(), [1, 2]);
    let books = Books {
        completed: 2,
        cancelled: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Of delayed jobs that wait already, the one that was due first is in front.
#[test]
fn a_due_job_goes_behind_those_that_wait() {
    let (runtime, _) = still();
    let queue = reminders(&runtime);
    queue.job(2).delay(secs(2)).add().unwrap();
    queue.job(1).delay(secs(1)).add().unwrap();
    queue.add(0).unwrap();
    runtime.advance(secs(3));
    queue.add(3).unwrap();
    audit(&queue.stats(), Books { waiting: 4, ..NONE });
    let log = scribe(&queue);
    runtime.run_until_idle();
    assert_eq!(log.take(), [0, 1, 2, 3]);
    audit(&queue.stats(), Books::completed(4));
}

#[test]
fn a_wall_clock_time_in_the_past_is_now() {
    let (runtime, clock) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    clock.advance(DAY);
    let pasts = [
        clock.wall(),
        clock.wall() - NANO,
        clock.wall() - 100 * DAY,
        SystemTime::UNIX_EPOCH,
        SystemTime::UNIX_EPOCH - 100 * DAY,
    ];
    for (number, past) in (0..).zip(pasts) {
        queue.job(number).at(past).add().unwrap();
        runtime.run_until_idle();
        assert_eq!(log.take(), [number], "{past:?}");
    }
    audit(&queue.stats(), Books::completed(5));
}

#[test]
fn a_wall_clock_time_is_kept_to_the_nanosecond() {
    let (runtime, clock) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    queue.job(0).at(clock.wall() + 3 * DAY).add().unwrap();
    runtime.advance(3 * DAY - NANO);
    assert_eq!(log.take(), []);
    runtime.advance(NANO);
    assert_eq!(log.take(), [0]);
    audit(&queue.stats(), Books::completed(1));
}

#[test]
fn a_wall_clock_that_was_set_back_keeps_its_job_waiting() {
    let (runtime, clock) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    let wall = clock.wall() + secs(3600);
    let id = queue.job(0).at(wall).add().unwrap();
    queue.job(1).delay(secs(3600)).add().unwrap();
    runtime.advance(secs(1800));
    clock.set_wall(wall - DAY);
    runtime.advance(secs(1800));
    // Durations don't follow the wall clock.
    assert_eq!(log.take(), [1]);
    assert_eq!(queue.state(id), Some(JobState::Delayed));
    // Set back once more.
    runtime.advance(secs(3600));
    clock.set_wall(wall - 2 * DAY);
    runtime.advance(2 * DAY - NANO);
    assert_eq!(log.take(), []);
    runtime.advance(NANO);
    assert_eq!((log.take(), clock.wall()), (vec![0], wall));
    audit(&queue.stats(), Books::completed(2));
}

/// A documented limit: set forward is noticed at the instant that was expected.
#[test]
fn a_wall_clock_that_was_set_forward_brings_nothing_forward() {
    let (runtime, clock) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    queue.job(0).at(clock.wall() + secs(3600)).add().unwrap();
    clock.set_wall(clock.wall() + DAY);
    runtime.advance(secs(3600) - NANO);
    assert_eq!(log.take(), []);
    runtime.advance(NANO);
    assert_eq!(log.take(), [0]);
    audit(&queue.stats(), Books::completed(1));
}

/// The new instant counts, whatever the wall clock says.
#[test]
fn a_job_for_a_wall_clock_time_can_be_given_another_instant() {
    let (runtime, clock) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    let sooner = queue.job(0).at(clock.wall() + DAY).add().unwrap();
    let later = queue.job(1).at(clock.wall() + secs(1)).add().unwrap();
    let now = queue.job(2).at(clock.wall() + DAY).add().unwrap();
    queue.reschedule(sooner, secs(2)).unwrap();
    queue.reschedule(later, 2 * DAY).unwrap();
    queue.promote(now).unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [2]);
    runtime.advance(secs(2));
    assert_eq!(log.take(), [0]);
    runtime.advance(DAY);
    assert_eq!(log.take(), []);
    runtime.advance(DAY);
    assert_eq!(log.take(), [1]);
    audit(&queue.stats(), Books::completed(3));
}

#[test]
fn a_promoted_job_goes_behind_its_peers_at_once() {
    for order in [Order::Fifo, Order::Bands(3), Order::Heap(3)] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("reminders").order(order);
        let queue = queue.build().unwrap();
        let ids: Vec<_> = (0..3)
            .map(|number| queue.job(number).delay(secs(10)).add().unwrap())
            .collect();
        queue.add(9).unwrap();
        queue.promote(ids[1]).unwrap();
        queue.promote(ids[0]).unwrap();
        assert_eq!(queue.state(ids[0]), Some(JobState::Waiting));
        let waits = ChangeError::State(JobState::Waiting);
        assert_eq!(queue.promote(ids[0]), Err(waits));
        let log = scribe(&queue);
        runtime.run_until_idle();
        assert_eq!(log.take(), [9, 1, 0], "{order:?}");
        // Its timer is gone: nothing happens at its old instant, and the other keeps its own.
        runtime.advance(secs(10));
        assert_eq!(log.take(), [2]);
        audit(&queue.stats(), Books::completed(4));
    }
}

#[test]
fn a_rescheduled_job_is_due_at_its_new_instant_only() {
    let (runtime, _) = still();
    let queue = reminders(&runtime);
    let log = scribe(&queue);
    let id = queue.job(0).delay(secs(10)).add().unwrap();
    let other = queue.job(1).delay(secs(10)).add().unwrap();
    runtime.advance(secs(5));
    queue.reschedule(id, secs(10)).unwrap();
    queue.reschedule(other, secs(3)).unwrap();
    queue.reschedule(other, secs(1)).unwrap();
    runtime.advance(secs(1) - NANO);
    assert_eq!(log.take(), []);
    runtime.advance(NANO);
    assert_eq!(log.take(), [1]);
    runtime.advance(secs(9) - NANO);
    assert_eq!(log.take(), []);
    runtime.advance(NANO);
    assert_eq!(log.take(), [0]);
    let third = queue.job(2).delay(DAY).add().unwrap();
    queue.reschedule(third, Duration::ZERO).unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [2], "no delay is now");
    audit(&queue.stats(), Books::completed(3));
}

/// A pause between two attempts is a delay like any other.
#[test]
fn a_job_between_attempts_can_be_promoted_and_rescheduled() {
    let (runtime, clock) = still();
    let queue = runtime
        .queue::<u32, ()>("jobs")
        .attempts(2)
        .backoff(Backoff::fixed(secs(60)))
        .build()
        .unwrap();
    let log = Log::new();
    let (seen, time) = (log.clone(), clock.clone());
    queue
        .workers(1, move |job: &Job<'_, u32>| {
            seen.push((*job.payload(), job.attempt(), time.now().as_secs()));
            match job.is_last_attempt() {
                true => Ok(()),
                false => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    let ids = queue.add_many(vec![0, 1, 2]).unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [(0, 1, 0), (1, 1, 0), (2, 1, 0)]);
    let paused = Books {
        delayed: 3,
        retried: 3,
        ..NONE
    };
    audit(&queue.stats(), paused);
    runtime.advance(secs(1));
    queue.promote(ids[2]).unwrap();
    queue.reschedule(ids[1], secs(30)).unwrap();
    runtime.advance(secs(60));
    assert_eq!(log.take(), [(2, 2, 1), (1, 2, 31), (0, 2, 60)]);
    let books = Books {
        completed: 3,
        retried: 3,
        ..NONE
    };
    audit(&queue.stats(), books);
}

#[test]
fn a_cancelled_delayed_job_never_starts() {
    let (runtime, drops) = (still().0, Drops::new());
    let queue = runtime.queue::<Token, ()>("tokens").build().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    let job = queue.job(drops.token()).delay(secs(1));
    let handle = job.submit().unwrap();
    assert!(queue.cancel(handle.id()) && !queue.cancel(handle.id()));
    assert_eq!(drops.get(), 1, "its payload is dropped at once");
    assert!(matches!(outcome(handle), Err(JobError::Cancelled { .. })));
    runtime.advance(secs(2));
    let books = Books {
        cancelled: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Shutdown waits for no instant: what is delayed comes back, between two attempts too.
#[test]
fn delayed_jobs_come_back_at_shutdown() {
    let (runtime, drops) = (still().0, Drops::new());
    let queue = runtime
        .queue::<(u32, Token), ()>("tokens")
        .attempts(2)
        .backoff(Backoff::fixed(secs(60)))
        .build()
        .unwrap();
    queue
        .workers(1, |job| match job.payload().0 {
            0 => Ok(()),
            _ => Err(Failure::msg("again")),
        })
        .unwrap();
    let failing = queue.submit((1, drops.token())).unwrap();
    runtime.run_until_idle();
    let delayed = queue.job((2, drops.token())).delay(secs(1));
    let delayed = delayed.submit().unwrap();
    let waiting = queue.submit((0, drops.token())).unwrap();
    let ids = [failing.id(), delayed.id()];
    let report = runtime.shutdown(secs(1));
    assert!(report.in_time && report.abandoned_threads == 0);
    value(waiting);
    assert_eq!(drops.get(), 1);
    for handle in [failing, delayed] {
        assert_eq!(queue.state(handle.id()), Some(JobState::Returned));
        assert!(matches!(outcome(handle), Err(JobError::Returned)));
    }
    let mut returned = queue.take_returned();
    returned.sort_by_key(|(_, (number, _))| *number);
    let back: Vec<_> = returned.iter().map(|(id, _)| *id).collect();
    assert_eq!(back, ids);
    drop(returned);
    assert_eq!(drops.get(), 3);
    let books = Books {
        completed: 1,
        returned: 2,
        retried: 1,
        ..NONE
    };
    audit(&report.queues[0].stats, books);
}

/// The same with threads, and the system's clock.
#[test]
fn threads_return_delayed_jobs_at_shutdown() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("jobs")
        .attempts(2)
        .backoff(Backoff::fixed(DAY))
        .build()
        .unwrap();
    let fail = |_: &Job<'_, u32>| Err(Failure::msg("again"));
    queue.workers(2, fail).unwrap();
    let failing = queue.submit(0).unwrap();
    until("it pauses", || {
        queue.state(failing.id()) == Some(JobState::Delayed)
    });
    let delayed = queue.job(1).delay(DAY).submit().unwrap();
    let report = runtime.shutdown(PATIENCE);
    assert!(report.in_time);
    for handle in [failing, delayed] {
        assert!(matches!(outcome(handle), Err(JobError::Returned)));
    }
    assert_eq!(queue.take_returned().len(), 2);
    let books = Books {
        returned: 2,
        retried: 1,
        ..NONE
    };
    audit(&report.queues[0].stats, books);
}

/// With the system's clock the clerk wakes a worker in time, and never too early.
#[test]
fn a_short_delay_passes_by_itself() {
    let runtime = runtime();
    let queue = runtime.queue::<Instant, Duration>("jobs").build().unwrap();
    let handler = |job: &Job<'_, Instant>| Ok(job.payload().elapsed());
    queue.workers(2, handler).unwrap();
    let mut completed = 0;
    for delay in [NANO, Duration::from_micros(50), Duration::from_millis(1)] {
        for _ in 0..5 {
            let job = queue.job(Instant::now()).delay(delay);
            let passed = value(job.submit().unwrap());
            assert!(passed >= delay, "{passed:?}, not {delay:?}");
            let wall = SystemTime::now() + delay;
            let job = queue.job(Instant::now()).at(wall);
            value(job.submit().unwrap());
            assert!(SystemTime::now() >= wall);
            completed += 2;
        }
    }
    // What was to wait for long is brought forward, and what comes later does not hold up what comes sooner.
    let long = queue.job(Instant::now()).delay(DAY).submit().unwrap();
    let short = queue.job(Instant::now()).delay(Duration::from_millis(1));
    value(short.submit().unwrap());
    queue
        .reschedule(long.id(), Duration::from_millis(1))
        .unwrap();
    value(long);
    settle(&queue, Books::completed(completed + 2));
}
