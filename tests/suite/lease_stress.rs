//! Leases under load: nobody holds what another holds, and nothing is lost between leases and workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use guichet::{Failure, JobError, LeaseError, Order, Queue};

use super::support::*;

/// Who has which job now.
#[derive(Clone)]
struct Holders(Arc<Vec<AtomicBool>>);

impl Holders {
    fn new(jobs: usize) -> Self {
        Holders(Arc::new(
            (0..jobs).map(|_| AtomicBool::new(false)).collect(),
        ))
    }

    fn take(&self, job: usize) {
        assert!(!self.0[job].swap(true, SeqCst), "job {job} is held twice");
    }

    fn leave(&self, job: usize) {
        assert!(self.0[job].swap(false, SeqCst), "nobody had job {job}");
    }
}

/// What holders did, by their own count.
#[derive(Default)]
struct Deeds {
    completed: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    requeued: AtomicU64,
    dropped: AtomicU64,
}

fn add(to: &AtomicU64) {
    to.fetch_add(1, SeqCst);
}

/// Leases jobs until the queue is closed, and answers as the dice say.
fn lease_all(queue: &Queue<usize, usize>, holders: &Holders, deeds: &Deeds, seed: u64) {
    let mut dice = Scatter::new(seed);
    loop {
        let lease = match queue.lease_timeout(PATIENCE) {
            Ok(lease) => lease,
            Err(LeaseError::Closed) => return,
            Err(other) => panic!("{other}"),
        };
        let job = *lease.payload();
        holders.take(job);
        if dice.below(4) == 0 {
            std::thread::yield_now();
        }
        holders.leave(job);
        match dice.below(10) {
            0 => {
                drop(lease);
                add(&deeds.dropped);
            }
            1 => {
                lease.requeue().unwrap();
                add(&deeds.requeued);
            }
            2 => {
                let last = lease.is_last_attempt();
                lease.fail(Failure::msg("no")).unwrap();
                add(if last { &deeds.failed } else { &deeds.retried });
            }
            3 => {
                lease.dead_letter("no use").unwrap();
                add(&deeds.failed);
            }
            _ => {
                lease.complete(job).unwrap();
                add(&deeds.completed);
            }
        }
    }
}

#[test]
fn no_two_hold_the_same_job() {
    for order in [Order::Fifo, Order::Bands(4), Order::Heap(4)] {
        for workers in [0, 2] {
            let runtime = runtime();
            let jobs = 4_000;
            let queue = runtime.queue::<usize, usize>("jobs").order(order);
            let queue = queue.capacity(64).attempts(3).delivery_limit(1_000_000);
            let queue = queue.build().unwrap();
            let (holders, deeds) = (Holders::new(jobs), Arc::new(Deeds::default()));
            if workers > 0 {
                let (held, done) = (holders.clone(), deeds.clone());
                queue
                    .workers(workers, move |job| {
                        held.take(*job.payload());
                        held.leave(*job.payload());
                        add(&done.completed);
                        Ok(*job.payload())
                    })
                    .unwrap();
            }
            let threads: Vec<_> = (0..2)
                .map(|seed| {
                    let (queue, held, deeds) = (queue.clone(), holders.clone(), deeds.clone());
                    start(move || lease_all(&queue, &held, &deeds, seed))
                })
                .collect();
            let handles: Vec<_> = (0..jobs)
                .map(|job| {
                    let priority = 1 + (job % 4) as u32;
                    let builder = queue.job(job);
                    match order {
                        Order::Fifo => builder.submit().unwrap(),
                        _ => builder.priority(priority).submit().unwrap(),
                    }
                })
                .collect();
            for (job, handle) in handles.into_iter().enumerate() {
                match outcome(handle) {
                    Ok(result) => assert_eq!(result, job),
                    Err(JobError::Failed(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            assert!(runtime.shutdown(PATIENCE).in_time);
            threads.into_iter().for_each(Pending::get);
            let count = |of: &AtomicU64| of.load(SeqCst);
            let books = Books {
                completed: count(&deeds.completed),
                failed: count(&deeds.failed),
                retried: count(&deeds.retried),
                requeued: count(&deeds.requeued) + count(&deeds.dropped),
                redelivered: count(&deeds.dropped),
                ..NONE
            };
            settle(&queue, books);
            assert_eq!(books.completed + books.failed, jobs as u64);
        }
    }
}

/// Cancellers and holders race for each job: one of them decides it, and each hears who.
#[test]
fn cancel_and_answers_race_to_one_end() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u64, u64>("jobs")
        .capacity(4)
        .build()
        .unwrap();
    let holder = {
        let queue = queue.clone();
        start(move || {
            let (mut completed, mut lost) = (0_u64, 0_u64);
            while let Ok(lease) = queue.lease_timeout(PATIENCE) {
                let payload = *lease.payload();
                match lease.complete(payload) {
                    Ok(()) => completed += 1,
                    Err(_) => lost += 1,
                }
            }
            (completed, lost)
        })
    };
    let (mut completed, mut cancelled) = (0, 0);
    for round in 0..5_000 {
        let handle = queue.submit(round).unwrap();
        for _ in 0..round % 60 {
            std::hint::spin_loop();
        }
        let won = handle.cancel();
        match outcome(handle) {
            Ok(result) => {
                assert_eq!((result, won), (round, false));
                completed += 1;
            }
            Err(JobError::Cancelled { .. }) => {
                assert!(won);
                cancelled += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(runtime.shutdown(PATIENCE).in_time);
    let (own, late) = holder.get();
    assert_eq!(own, completed);
    let books = Books {
        completed,
        cancelled,
        late,
        ..NONE
    };
    settle(&queue, books);
}

/// Extensions race with the deadline: whoever is told that it has more time has it.
#[test]
fn an_extension_that_was_granted_holds() {
    let runtime = runtime();
    let limit = std::time::Duration::from_micros(300);
    let queue = runtime.queue::<u64, u64>("jobs").timeout(limit);
    let queue = queue.capacity(1).build().unwrap();
    let (mut completed, mut failed) = (0, 0);
    for round in 0..400 {
        let handle = queue.submit(round).unwrap();
        let mut lease = queue.lease().unwrap();
        let left = lease.time_left().unwrap();
        let wait = std::time::Instant::now();
        while wait.elapsed() < left.saturating_sub(left / 16 * (round % 3) as u32) {
            std::hint::spin_loop();
        }
        match lease.extend(PATIENCE) {
            Ok(()) => {
                let_block();
                lease.complete(round).unwrap();
                assert_eq!(value(handle), round);
                completed += 1;
            }
            Err(_) => {
                lease.complete(round).unwrap_err();
                outcome(handle).unwrap_err();
                failed += 1;
            }
        }
    }
    let books = Books {
        completed,
        failed,
        timed_out: failed,
        late: failed,
        ..NONE
    };
    settle(&queue, books);
}
