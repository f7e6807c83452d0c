//! Threads end: whatever lives a process has had, it is left with the threads that it had before.

use std::sync::Arc;
use std::time::Duration;

use guichet::{Failure, Runtime};
use parking_lot::Mutex;

use super::support::*;

const LIVES: usize = 500;

/// Threads of this process; `None` where the system does not tell.
fn threads() -> Option<usize> {
    threads_named("")
}

/// Workers, jobs that end in all ways, a delayed one that never runs; dropped.
fn dropped() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, ()>("plain")
        .capacity(8)
        .build()
        .unwrap();
    queue
        .workers(2, |job| match job.payload() % 3 {
            0 => Ok(()),
            1 => Err(Failure::msg("no")),
            _ => std::panic::resume_unwind(Box::new("no")),
        })
        .unwrap();
    queue.job(9).delay(secs(3_600)).add().unwrap();
    queue.add_many((0..6).collect()).unwrap();
}

/// Shutdown gives up on a handler, which returns later.
fn abandoned() {
    let (runtime, gate, started) = (runtime(), Gate::new(), Count::new());
    let queue = runtime.queue::<u32, ()>("held").build().unwrap();
    let (held, begun) = (gate.clone(), started.clone());
    queue
        .workers(1, move |_| {
            begun.bump();
            held.pass();
            Ok(())
        })
        .unwrap();
    let handle = queue.submit(1).unwrap();
    started.reach(1);
    assert_eq!(runtime.shutdown(Duration::ZERO).abandoned_threads, 1);
    refused(outcome(handle));
    gate.open();
}

/// Another worker is engaged for one that is stuck.
fn relieved() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime
        .queue::<u32, u32>("stuck")
        .stuck_after(Duration::ZERO);
    let queue = queue.timeout(Duration::from_millis(1)).build().unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |job| {
            if *job.payload() == 0 {
                held.pass();
            }
            Ok(*job.payload())
        })
        .unwrap();
    let stuck = queue.submit(0).unwrap();
    refused(outcome(stuck));
    until("another one is engaged", || queue.stats().stuck == 1);
    gate.open();
    assert!(runtime.shutdown(PATIENCE).in_time);
}

/// The runtime goes by the hand of its own worker.
fn by_its_own_hand() {
    let holder = Arc::new(Mutex::new(Some(runtime())));
    let queue = {
        let runtime = holder.lock();
        let runtime = runtime.as_ref().expect("nobody has taken it");
        runtime.queue::<u32, ()>("own").build().unwrap()
    };
    let own = holder.clone();
    queue
        .workers(1, move |_| {
            drop(own.lock().take());
            Ok(())
        })
        .unwrap();
    value(queue.submit(1).unwrap());
}

/// Leases are out, and their holder outlives the runtime.
fn leased() {
    let runtime = Runtime::builder().drop_timeout(Duration::ZERO);
    let runtime = runtime.build().unwrap();
    let queue = runtime.queue::<u32, ()>("leased").build().unwrap();
    queue.add(1).unwrap();
    let lease = queue.lease().unwrap();
    drop(runtime);
    drop((queue, lease));
}

/// Nothing was ever built but the runtime.
fn idle() {
    assert!(runtime().shutdown(PATIENCE).in_time);
}

#[test]
fn no_life_leaves_a_thread() {
    alone("leaks::no_life_leaves_a_thread", || {
        let Some(before) = threads() else {
            return println!("skipped: the system does not tell how many threads a process has");
        };
        let lives = [dropped, abandoned, by_its_own_hand, leased, idle];
        for number in 0..LIVES {
            lives[number % lives.len()]();
            // It waits for the clock.
            if number % 50 == 0 {
                relieved();
            }
        }
        until("all threads have ended", || threads() == Some(before));
    });
}
