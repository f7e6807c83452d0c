//! What listeners are told: every step of every job, in order; or how many they missed.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread;

use guichet::{Event, EventError, EventKind, JobId, Queue, Runtime, Subscription};

use crate::support::{NANO, PATIENCE, runtime, still};

const PLAIN: [EventKind; 3] = [EventKind::Added, EventKind::Started, EventKind::Completed];

/// Reads to the end: what came, and how many were missed.
fn read_all(events: Subscription) -> (Vec<Event>, u64) {
    let (mut seen, mut missed) = (Vec::new(), 0);
    for event in events {
        match event {
            Ok(event) => seen.push(event),
            Err(EventError::Lagged(more)) => missed += more,
            Err(other) => panic!("{other}"),
        }
    }
    (seen, missed)
}

/// Adds from several threads and waits until all is done.
fn work_off(runtime: &Runtime, queue: &Queue<u64, ()>, threads: u64, jobs: u64) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for number in 0..jobs {
                    queue.add(number).unwrap();
                }
            });
        }
    });
    assert!(runtime.shutdown(PATIENCE).in_time);
}

/// A plain job is added, started and completed, in this order, though several threads tell it, for every listener.
#[test]
fn one_jobs_events_come_in_order() {
    const THREADS: u64 = 3;
    const JOBS: u64 = 3_000;
    let runtime = runtime();
    let queue = runtime.queue::<u64, ()>("order").capacity(8);
    let queue = queue.event_capacity(1 << 16).build().unwrap();
    queue.workers(3, |_| Ok(())).unwrap();
    let listen = |_| {
        let events = queue.subscribe();
        thread::spawn(|| read_all(events))
    };
    let listeners: Vec<_> = (0..2).map(listen).collect();
    work_off(&runtime, &queue, THREADS, JOBS);
    for listener in listeners {
        let (seen, missed) = listener.join().unwrap();
        assert_eq!((seen.len() as u64, missed), (3 * THREADS * JOBS, 0));
        let mut jobs = HashMap::<JobId, Vec<Event>>::new();
        for event in seen {
            jobs.entry(event.job).or_default().push(event);
        }
        for told in jobs.values() {
            let kinds = told.iter().map(|event| event.kind);
            assert!(kinds.eq(PLAIN), "{told:?}");
            let numbers = told.iter().map(|event| event.sequence);
            assert!(
                numbers.eq(told[0].sequence..told[0].sequence + 3),
                "{told:?}"
            );
        }
    }
}

/// Whoever cannot follow learns exactly how much it missed, over all threads.
#[test]
fn what_was_missed_is_counted() {
    const THREADS: u64 = 4;
    const JOBS: u64 = 2_000;
    let runtime = runtime();
    let queue = runtime.queue::<u64, ()>("lag").event_capacity(4);
    let queue = queue.build().unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    let (idle, busy) = (queue.subscribe(), queue.subscribe());
    let busy = thread::spawn(|| read_all(busy));
    work_off(&runtime, &queue, THREADS, JOBS);
    for (seen, missed) in [busy.join().unwrap(), read_all(idle)] {
        assert_eq!(seen.len() as u64 + missed, 3 * THREADS * JOBS);
        assert!(!seen.is_empty() && missed > 0, "{missed} missed");
    }
}

/// At least so many of the last events are kept as the queue was told to keep.
#[test]
fn the_last_events_are_kept() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u64, ()>("kept").event_capacity(64);
    let queue = queue.build().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    let mut events = queue.subscribe();
    for number in 0..21 {
        queue.add(number).unwrap();
        runtime.run_until_idle();
    }
    for kind in PLAIN.repeat(21) {
        assert_eq!(events.try_next().map(|event| event.kind), Ok(kind));
    }
    assert_eq!(events.try_next(), Err(EventError::Empty));
}

/// Two listeners that sleep between any two jobs are woken for each.
#[test]
fn who_sleeps_is_woken() {
    let runtime = runtime();
    let queue = runtime.queue::<u64, ()>("wake").build().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    let (done, heard) = mpsc::channel();
    for _ in 0..2 {
        let (done, events) = (done.clone(), queue.subscribe());
        thread::spawn(move || {
            for event in events {
                if event.unwrap().kind == EventKind::Completed {
                    done.send(()).unwrap();
                }
            }
        });
    }
    for number in 0..1_000 {
        queue.add(number).unwrap();
        for _ in 0..2 {
            heard.recv_timeout(PATIENCE).expect("a lost wake-up");
        }
    }
    assert!(runtime.shutdown(PATIENCE).in_time);
}

/// A listener hears what happens after it subscribed, and its wait has an end.
#[test]
fn listeners_come_and_go() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u64, ()>("gone").build().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    let next = |events: &mut Subscription| events.next_timeout(NANO).map(|event| event.kind);
    queue.add(1).unwrap();
    let mut first = queue.subscribe();
    assert_eq!(next(&mut first), Err(EventError::Empty));
    runtime.run_until_idle();
    let mut second = queue.subscribe();
    assert_eq!(next(&mut second), Err(EventError::Empty));
    queue.add(2).unwrap();
    assert_eq!(next(&mut first), Ok(EventKind::Started));
    assert_eq!(next(&mut first), Ok(EventKind::Completed));
    for listener in [&mut first, &mut second] {
        assert_eq!(next(listener), Ok(EventKind::Added));
        assert_eq!(next(listener), Err(EventError::Empty));
    }
    drop((first, second));
    // Nobody listens: nothing is told.
    runtime.run_until_idle();
    let mut third = queue.subscribe();
    assert_eq!(next(&mut third), Err(EventError::Empty));
    assert!(runtime.shutdown(PATIENCE).in_time);
    assert_eq!(next(&mut third), Err(EventError::Closed));
}
