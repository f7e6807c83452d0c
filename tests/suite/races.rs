//! Narrow windows that a review found by hand. Each test runs its window many times; before its fix each
//! of them failed within a few thousand rounds.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use guichet::{AddManyError, Failure, Job, JobState, TryAddError};

use super::support::{Gate, PATIENCE, let_block, runtime, start, until};

/// A job that was added before `shutdown` was called runs; the worker may be just about to leave.
#[test]
fn a_job_added_before_the_drain_runs() {
    for round in 0..3_000 {
        let runtime = runtime();
        let queue = runtime.queue::<u32, ()>("q").capacity(8).build().unwrap();
        queue.workers(1, |_| Ok(())).unwrap();
        (0..(round % 400) * 4).for_each(|_| spin_loop());
        queue.add(1).unwrap();
        let report = runtime.shutdown(PATIENCE);
        assert_eq!(
            report.queues[0].stats.completed, 1,
            "round {round}: {report:?}"
        );
    }
}

/// A worker that adds a batch to its own queue does not queue up behind one who waits for that worker.
#[test]
fn an_own_worker_does_not_wait_for_a_collecting_batch() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, bool>("q").capacity(2).build().unwrap();
    let (own, started, go) = (queue.clone(), Gate::new(), Gate::new());
    let (starts, goes) = (started.clone(), go.clone());
    queue
        .workers(1, move |job| {
            if *job.payload() != 1 {
                return Ok(true);
            }
            starts.open();
            goes.pass();
            Ok(matches!(own.add_many(vec![7]), Err(AddManyError::WouldDeadlock(jobs)) if jobs == [7]))
        })
        .unwrap();
    let first = queue.submit(1).unwrap();
    started.pass();
    let others = queue.clone();
    let outsider = start(move || others.add_many(vec![2, 3]).map(|ids| ids.len()));
    let_block();
    go.open();
    // The outsider may not have collected yet; then there was room for one.
    first
        .wait_timeout(PATIENCE)
        .expect("the handler hangs")
        .expect("the handler returns");
    assert_eq!(outsider.get().unwrap(), 2);
    assert!(runtime.shutdown(PATIENCE).queues[0].stats.is_balanced());
}

/// Of two shutdowns at the same time, the one that finds nothing to do waits for the other's counts.
#[test]
fn concurrent_shutdowns_report_whole_books() {
    for _ in 0..60 {
        let runtime = Arc::new(runtime());
        let queue = runtime
            .queue::<u32, ()>("q")
            .capacity(2_000)
            .build()
            .unwrap();
        queue.add_many(vec![0; 2_000]).unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let shut_down = || {
            let (runtime, barrier) = (runtime.clone(), barrier.clone());
            start(move || {
                barrier.wait();
                runtime.shutdown(PATIENCE).queues[0].stats
            })
        };
        for stats in [shut_down(), shut_down()].map(|shutdown| shutdown.get()) {
            assert_eq!(
                (stats.accepted, stats.returned),
                (2_000, 2_000),
                "{stats:?}"
            );
        }
        assert_eq!(queue.take_returned().len(), 2_000);
    }
}

/// When the time is over at once, no job is left both live and unanswered.
#[test]
fn nothing_slips_through_a_stop() {
    for round in 0..300 {
        let runtime = runtime();
        let queue = runtime
            .queue::<u32, ()>("q")
            .capacity(256)
            .prefetch(1)
            .build()
            .unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        queue
            .workers(2, move |job| {
                // After the shutdown it ends only when it is told that it was interrupted.
                while seen.load(SeqCst) && !job.is_cancelled() {
                    spin_loop();
                }
                Ok(())
            })
            .unwrap();
        let handles: Vec<_> = (0..256).map(|n| queue.submit(n).unwrap()).collect();
        let report = runtime.shutdown(Duration::ZERO);
        over.store(true, SeqCst);
        let live = report.queues[0].stats.live();
        assert!(report.in_time || live == 0, "round {round}: {report:?}");
        // A worker that was not waited for may be between a job's end and its count.
        until("the books balance", || queue.stats().is_balanced());
        for handle in handles {
            assert!(
                handle.wait_timeout(PATIENCE).is_ok(),
                "round {round}: a waiter was not answered"
            );
        }
    }
}

/// A batch that can never fit takes no room from others while it is refused.
#[test]
fn an_oversized_batch_makes_nobody_full() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("q").capacity(100).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (others, stopped) = (queue.clone(), stop.clone());
    let nuisance = start(move || {
        while !stopped.load(SeqCst) {
            assert!(others.try_add_many(vec![0; 101]).is_err());
        }
    });
    for number in 0..90 {
        let added = queue.try_add(number);
        assert!(
            !matches!(added, Err(TryAddError::Full { .. })),
            "full at {number} of 100"
        );
        let_block();
    }
    stop.store(true, SeqCst);
    nuisance.get();
}

/// What is known of a job that has ended is never less than what was known before, however the two looks fall.
#[test]
fn a_job_that_ends_while_it_is_looked_up_is_found_whole() {
    let runtime = runtime();
    let queue = runtime.queue::<bool, ()>("q").keep_completed(10_000);
    let queue = queue.build().unwrap();
    let work = |job: &Job<'_, bool>| {
        job.set_progress(100_u32);
        match *job.payload() {
            true => Ok(()),
            false => Err(Failure::msg("no")),
        }
    };
    queue.workers(1, work).unwrap();
    for round in 0..3_000 {
        let id = queue.add(round % 2 == 0).unwrap();
        let mut seen = false;
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "round {round}: it does not end");
            let info = queue.job_info(id).unwrap();
            let (shown, ended) = (info.progress::<u32>(), info.state.is_terminal());
            assert!(
                shown.is_some() || !seen && !ended,
                "round {round}: {info:?}"
            );
            assert!(info.state != JobState::Dead || info.errors.len() == 1);
            seen |= shown.is_some();
            if ended {
                break;
            }
        }
        assert!(queue.progress::<u32>(id).is_some(), "round {round}");
    }
}
