//! Time-outs. There is no time under shuttle, but every time-out of a nanosecond is over as soon as anybody looks: the clerk,
//! the worker when its handler returns, or a checkpoint, whoever comes first.

use guichet::{DeadLetter, JobError, Lease, Queue, QueueBuilder, Revoked, Runtime};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread;
use std::time::Duration;

use super::{Gate, NO_TIME, audit, check, finish, quiet};

pub const AT_ONCE: Duration = Duration::from_nanos(1);

/// Nobody is replaced: the clerk would wait for that, and a wait with an end does not wait here.
fn hasty(runtime: &Runtime, attempts: u32) -> QueueBuilder<usize, usize> {
    let builder = runtime.queue("numbers").capacity(2).attempts(attempts);
    builder.timeout(AT_ONCE).max_stuck(0)
}

pub fn is_timed_out(outcome: &Result<usize, JobError>) -> bool {
    matches!(outcome, Err(JobError::Failed(why)) if why.is_timeout())
}

/// A handler whose time is over is not joined by the next attempt, and its result is refused.
#[test]
fn timed_out_attempts_run_one_at_a_time() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = hasty(&runtime, 2).build().unwrap();
        let inside = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let seen = inside.clone();
        queue
            .workers(2, move |job| {
                let inside = &seen[*job.payload()];
                assert_eq!(inside.fetch_add(1, SeqCst), 0, "two attempts at a time");
                thread::yield_now();
                if *job.payload() == 1 {
                    assert_eq!(job.checkpoint(), Err(Revoked::TimedOut));
                }
                inside.fetch_sub(1, SeqCst);
                Ok(0)
            })
            .unwrap();
        let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
        for handle in handles {
            let outcome = handle.wait();
            assert!(is_timed_out(&outcome), "{outcome:?}");
        }
        let stats = finish(runtime, &queue);
        assert_eq!((stats.timed_out, stats.retried, stats.failed), (4, 2, 2));
    });
}

/// Where it may, the next attempt runs beside the late one.
#[test]
fn timed_out_attempts_overlap() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = hasty(&runtime, 2).overlap_after(AT_ONCE).build().unwrap();
        let gate = Gate::new();
        let other = gate.clone();
        queue
            .workers(2, move |job| {
                match job.attempt() {
                    1 => other.pass(),
                    _ => other.open(),
                }
                Ok(0)
            })
            .unwrap();
        // No wait with an end: if the second attempt waits for the first one, this is a deadlock.
        let outcome = queue.submit(0).unwrap().wait();
        assert!(is_timed_out(&outcome), "{outcome:?}");
        let stats = finish(runtime, &queue);
        assert_eq!((stats.timed_out, stats.failed), (2, 1));
    });
}

/// A worker whose handler is stuck is replaced by another one, and leaves when that handler has returned.
#[test]
fn a_stuck_worker_is_replaced() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue::<usize, usize>("numbers").capacity(2);
        let builder = builder.stuck_after(AT_ONCE).max_stuck(1);
        let queue = builder.build().unwrap();
        let gate = Gate::new();
        let other = gate.clone();
        queue
            .workers(1, move |job| {
                match *job.payload() {
                    0 => other.pass(),
                    _ => other.open(),
                }
                Ok(1)
            })
            .unwrap();
        let stuck = queue.job(0).timeout(AT_ONCE).submit().unwrap();
        let next = queue.submit(1).unwrap();
        assert_eq!(next.wait().unwrap(), 1);
        assert!(is_timed_out(&stuck.wait()));
        let stats = finish(runtime, &queue);
        assert_eq!((stats.timed_out, stats.completed), (1, 1));
    });
}

/// A time-out, a cancel, a late result and a shutdown: one end per job, and a payload that is given back is there.
#[test]
fn time_out_cancel_shutdown() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = hasty(&runtime, 3).build().unwrap();
        let gate = Gate::new();
        let held = gate.clone();
        queue
            .workers(2, move |job| {
                if *job.payload() == 0 {
                    held.pass();
                }
                Ok(0)
            })
            .unwrap();
        let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
        let canceller = {
            let (queue, id) = (queue.clone(), handles[1].id());
            thread::spawn(move || queue.cancel(id))
        };
        runtime.shutdown(NO_TIME);
        let cancelled = canceller.join().unwrap();
        for handle in handles {
            match handle.wait() {
                Err(JobError::Cancelled { .. }) => assert!(cancelled),
                Err(JobError::Returned | JobError::Interrupted) => {}
                outcome => assert!(is_timed_out(&outcome), "{outcome:?}"),
            }
        }
        gate.open();
        quiet(&queue);
        let returned = queue.stats().returned as usize;
        // A returned payload comes when the late handler has left it.
        let mut back = queue.take_returned().len();
        while back < returned {
            thread::yield_now();
            back += queue.take_returned().len();
        }
        audit(&queue.stats());
    });
}

/// A lease whose time is over is lost, whoever finds that out; its job goes to the next.
#[test]
fn timed_out_leases_are_lost() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = hasty(&runtime, 2).build().unwrap();
        let handle = queue.submit(0).unwrap();
        let holders = [0, 1].map(|way| {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut lost = 0;
                while let Ok(mut lease) = queue.lease() {
                    if way == 0 {
                        assert!(lease.extend(AT_ONCE).is_err());
                    }
                    let answer = match way {
                        0 => lease.complete(7),
                        _ => Lease::requeue(lease),
                    };
                    assert_eq!(*answer.unwrap_err().why(), Revoked::TimedOut);
                    lost += 1;
                }
                lost
            })
        });
        let outcome = handle.wait();
        assert!(is_timed_out(&outcome), "{outcome:?}");
        runtime.shutdown(NO_TIME);
        let lost: usize = holders.map(|holder| holder.join().unwrap()).iter().sum();
        assert_eq!(lost, 2);
        let stats = queue.stats();
        audit(&stats);
        assert_eq!((stats.timed_out, stats.failed), (2, 1));
    });
}

/// The dead letter of a job that timed out is sent when its handler has left the payload.
#[test]
fn a_letter_waits_for_the_late_handler() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let dead: Queue<DeadLetter<usize>, ()> = runtime.queue("dead").capacity(1).build().unwrap();
        let queue = hasty(&runtime, 1).dead_letters(&dead).build().unwrap();
        let inside = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let seen = inside.clone();
        let (got, count) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let log = got.clone();
        dead.workers(1, move |job| {
            let letter = job.payload();
            let number = letter.payload.expect("its payload");
            let late = seen[number].load(SeqCst);
            assert_eq!(late, 0, "a letter was sent while a handler read it");
            assert_eq!(letter.history.len(), 1);
            log.fetch_add(1 << number, SeqCst);
            Ok(())
        })
        .unwrap();
        queue
            .workers(2, move |job| {
                inside[*job.payload()].fetch_add(1, SeqCst);
                thread::yield_now();
                inside[*job.payload()].fetch_sub(1, SeqCst);
                count.fetch_add(1, SeqCst);
                Ok(0)
            })
            .unwrap();
        queue.add(0).unwrap();
        queue.add(1).unwrap();
        while got.load(SeqCst) != 3 {
            thread::yield_now();
        }
        quiet(&queue);
        assert_eq!((queue.stats().failed, queue.stats().unsent), (2, 0));
        runtime.shutdown(NO_TIME);
    });
}
