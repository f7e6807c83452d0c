//! Workers that are stuck and are replaced, or can't be: the thread that comes takes the place, or there is no change.

use guichet::internals::sync::refuse_threads;
use guichet::{EventKind, Queue, QueueBuilder, Runtime};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread;
use std::time::Duration;

use super::timeouts::{AT_ONCE, is_timed_out};
use super::{Gate, check, finish, quiet};

/// Who does not return at once is stuck.
fn impatient(runtime: &Runtime, capacity: usize) -> QueueBuilder<usize, usize> {
    let builder = runtime.queue("numbers").capacity(capacity);
    builder.stuck_after(AT_ONCE).max_stuck(1)
}

/// The system refuses the thread that is to replace the only worker, whose handler returns after all: it serves the next job.
#[test]
fn a_refused_thread_costs_no_worker() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = impatient(&runtime, 2).build().unwrap();
        let yields = |job: &guichet::Job<'_, usize>| {
            thread::yield_now();
            Ok(*job.payload())
        };
        queue.workers(1, yields).unwrap();
        refuse_threads(true);
        let late = queue.job(0).timeout(AT_ONCE).submit().unwrap();
        let next = queue.submit(1).unwrap();
        assert!(is_timed_out(&late.wait()));
        // If nobody serves the queue any more, this is a deadlock.
        assert_eq!(next.wait().unwrap(), 1);
        let stats = finish(runtime, &queue);
        assert_eq!((stats.timed_out, stats.completed, stats.stuck), (1, 1, 0));
    });
}

/// A shutdown that has all the time there is returns no job, whatever becomes of the replacement meanwhile.
#[test]
fn a_vain_relief_returns_nothing() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = impatient(&runtime, 3).build().unwrap();
        let yields = |job: &guichet::Job<'_, usize>| {
            thread::yield_now();
            Ok(*job.payload())
        };
        queue.workers(1, yields).unwrap();
        let late = queue.job(0).timeout(AT_ONCE).submit().unwrap();
        let next = [queue.submit(1).unwrap(), queue.submit(2).unwrap()];
        let report = runtime.shutdown(Duration::MAX);
        let stats = report.queues[0].stats;
        assert!(report.in_time && stats.is_balanced(), "{stats:?}");
        assert_eq!(stats.returned, 0, "a job was returned in time");
        assert!(is_timed_out(&late.wait()));
        assert_eq!(next.map(|next| next.wait().unwrap()), [1, 2]);
    });
}

/// While one worker of one is stuck, another one works; when it has returned, it does not go on with what it has taken.
#[test]
fn a_relieved_worker_begins_nothing() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = impatient(&runtime, 4).build().unwrap();
        queue.job(0).timeout(AT_ONCE).add().unwrap();
        queue.add_many(vec![1, 2, 3]).unwrap();
        let inside = Arc::new(AtomicUsize::new(0));
        let (count, asks) = (inside.clone(), queue.clone());
        queue
            .workers(1, move |job| {
                // Who is stuck at one of these two instants may be inside beside this one.
                let before = asks.stats().stuck;
                let others = count.fetch_add(1, SeqCst) as u64;
                let stuck = before.max(asks.stats().stuck);
                assert!(others <= stuck, "{others} others run, {stuck} are stuck");
                thread::yield_now();
                count.fetch_sub(1, SeqCst);
                Ok(*job.payload())
            })
            .unwrap();
        let stats = finish(runtime, &queue);
        assert_eq!((stats.timed_out, stats.completed), (1, 3), "{stats:?}");
    });
}

/// Two workers are stuck and one may be replaced: no more than three handlers run at a time, and three do.
#[test]
fn no_more_are_replaced_than_may_be() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = impatient(&runtime, 4).timeout(AT_ONCE).build().unwrap();
        let (gate, inside) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
        let most = Arc::new(AtomicUsize::new(0));
        let (held, count, peak) = (gate.clone(), inside.clone(), most.clone());
        queue
            .workers(2, move |job| {
                peak.fetch_max(count.fetch_add(1, SeqCst) + 1, SeqCst);
                held.pass();
                count.fetch_sub(1, SeqCst);
                Ok(*job.payload())
            })
            .unwrap();
        queue.add_many(vec![0, 1, 2, 3]).unwrap();
        while inside.load(SeqCst) < 3 {
            thread::yield_now();
        }
        gate.open();
        let stats = finish(runtime, &queue);
        assert_eq!((stats.timed_out, stats.failed), (4, 4));
        // A late handler may not have come to its entry.
        let most = most.load(SeqCst);
        assert!(most <= 3, "more workers are replaced than may be");
    });
}

/// It is told of the job that is stuck, not of the one that has its slot by now.
#[test]
fn stuck_is_told_of_the_job_that_is() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue: Queue<usize, usize> = impatient(&runtime, 1).build().unwrap();
        let (mut events, asks) = (queue.subscribe(), queue.clone());
        queue
            .workers(1, move |job| {
                // Returns when its place has been taken, if that is soon.
                for _ in 0..(1 - job.payload()) * 10 {
                    if asks.stats().stuck > 0 {
                        break;
                    }
                    thread::yield_now();
                }
                Ok(*job.payload())
            })
            .unwrap();
        let late = queue.job(0).timeout(AT_ONCE).submit().unwrap();
        let id = late.id();
        queue.add(1).unwrap();
        quiet(&queue);
        finish(runtime, &queue);
        while let Ok(event) = events.try_next() {
            let stuck = event.kind == EventKind::Stuck;
            assert!(!stuck || event.job == id, "stuck was told of another job");
        }
    });
}
