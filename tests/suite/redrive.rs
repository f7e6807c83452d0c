//! The way back: dead letters that are tried again.

use std::time::Duration;

use guichet::{Clock, DeadLetter, Failure, JobState, Lease, Queue, Redrive, Runtime};

use super::letters::*;
use super::support::*;

/// A dead queue with letters of these numbers, and the queue that they are of.
fn letters(runtime: &Runtime, drops: &Drops, numbers: u32) -> (Dead, Queue<Payload, ()>) {
    let dead = dead_queue(runtime, 100);
    let builder = runtime.queue::<Payload, ()>("source").attempts(2);
    let queue = builder.dead_letters(&dead).build().unwrap();
    let items = (0..numbers).map(|number| (number, drops.token())).collect();
    queue.add_many(items).unwrap();
    for _ in 0..numbers {
        queue
            .try_lease()
            .unwrap()
            .fail(Failure::discard("no"))
            .unwrap();
    }
    audit(
        &dead.stats(),
        Books {
            waiting: numbers.into(),
            ..NONE
        },
    );
    (dead, queue)
}

/// The numbers of the jobs in line, which are then done with.
fn numbers(queue: &Queue<Payload, ()>) -> Vec<u32> {
    let leases: Vec<_> = std::iter::from_fn(|| queue.try_lease()).collect();
    let read = |lease: Lease<Payload, ()>| {
        let number = lease.payload().0;
        assert_eq!((lease.attempt(), lease.is_last_attempt()), (1, false));
        lease.complete(()).unwrap();
        number
    };
    leases.into_iter().map(read).collect()
}

fn numbers_of_letters(dead: &Dead) -> Vec<u32> {
    let leases: Vec<_> = std::iter::from_fn(|| dead.try_lease()).collect();
    let read = |lease: Lease<DeadLetter<Payload>, ()>| {
        let number = read(&lease, "source").number;
        lease.complete(()).unwrap();
        number
    };
    leases.into_iter().map(read).collect()
}

/// Attempts begin anew, and a job that comes back is accepted again.
#[test]
fn redriven_letters_are_new_jobs() {
    let ((runtime, _), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 5);
    let done = dead.redrive(&queue, Redrive::all());
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (5, 0, false));
    for id in &done.jobs {
        assert_eq!(queue.state(*id), Some(JobState::Waiting));
        let info = queue.job_info(*id).unwrap();
        assert_eq!((info.attempts, info.failures), (0, 0));
    }
    let books = Books {
        failed: 5,
        waiting: 5,
        ..NONE
    };
    audit(&queue.stats(), books);
    assert_eq!(queue.stats().accepted, 10);
    audit(&dead.stats(), Books::completed(5));
    assert_eq!(drops.get(), 0);
    assert_eq!(numbers(&queue), [0, 1, 2, 3, 4]);
    assert_eq!(drops.get(), 5);
    let books = Books {
        failed: 5,
        completed: 5,
        ..NONE
    };
    audit(&queue.stats(), books);
    let again = dead.redrive(&queue, Redrive::all());
    assert_eq!(
        (again.jobs.len(), again.skipped, again.stopped),
        (0, 0, false)
    );
}

#[test]
fn redrive_takes_what_the_filter_wants_and_leaves_the_rest_in_place() {
    let ((runtime, _), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 8);
    let even = |letter: &DeadLetter<Payload>| letter.payload.as_ref().unwrap().0.is_multiple_of(2);
    let done = dead.redrive(&queue, Redrive::all().filter(even).limit(3));
    // It does not look further than it has to.
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (3, 2, false));
    assert_eq!(numbers(&queue), [0, 2, 4]);
    // One whose filter panics stays.
    let picky = |letter: &DeadLetter<Payload>| match letter.payload.as_ref().unwrap().0 {
        1 => panic!("no opinion"),
        number => number == 6,
    };
    let done = dead.redrive(&queue, Redrive::all().filter(picky));
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (1, 4, false));
    assert_eq!(numbers(&queue), [6]);
    let none = dead.redrive(&queue, Redrive::all().limit(0));
    assert_eq!((none.jobs.len(), none.skipped, none.stopped), (0, 0, false));
    assert_eq!((dead.stats().waiting, drops.get()), (4, 4));
    assert_eq!(numbers_of_letters(&dead), [1, 3, 5, 7]);
    assert_eq!(drops.get(), 8);
    audit(&dead.stats(), Books::completed(8));
    let books = Books {
        failed: 8,
        completed: 4,
        ..NONE
    };
    audit(&queue.stats(), books);
}

#[test]
fn redrive_stops_where_the_target_is_full_and_loses_nothing() {
    let ((runtime, _), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 6);
    let target = runtime
        .queue::<Payload, ()>("target")
        .capacity(2)
        .attempts(2);
    let target = target.build().unwrap();
    let late = |letter: &DeadLetter<Payload>| letter.payload.as_ref().unwrap().0 >= 1;
    let done = dead.redrive(&target, Redrive::all().filter(late));
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (2, 1, true));
    assert_eq!((dead.stats().waiting, drops.get()), (4, 0));
    assert_eq!(numbers(&target), [1, 2]);
    let done = dead.redrive(&target, Redrive::all());
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (2, 0, true));
    assert_eq!(numbers(&target), [0, 3]);
    runtime.shutdown(Duration::ZERO);
    let done = dead.redrive(&target, Redrive::all());
    assert_eq!(
        (done.jobs.len(), done.stopped),
        (0, false),
        "nothing waits any more"
    );
    let returned = dead.take_returned();
    let numbers = returned
        .iter()
        .map(|(_, letter)| letter.payload.as_ref().unwrap().0);
    assert!(numbers.eq([4, 5]));
    assert_eq!(drops.get(), 4);
    let books = Books {
        completed: 4,
        returned: 2,
        ..NONE
    };
    audit(&dead.stats(), books);
    audit(&target.stats(), Books::completed(4));
    audit(&queue.stats(), Books { failed: 6, ..NONE });
}

#[test]
fn redrive_into_a_queue_that_is_shut_down_stops_at_once() {
    let ((runtime, _), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 3);
    let (other, _) = still();
    let target = other.queue::<Payload, ()>("target").build().unwrap();
    other.shutdown(Duration::ZERO);
    let done = dead.redrive(&target, Redrive::all());
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (0, 0, true));
    assert_eq!((dead.stats().waiting, drops.get()), (3, 0));
    assert_eq!(numbers_of_letters(&dead), [0, 1, 2]);
    audit(&dead.stats(), Books::completed(3));
    audit(&queue.stats(), Books { failed: 3, ..NONE });
    audit(&target.stats(), NONE);
}

/// The first at once, each further one its share of the time later.
#[test]
fn a_rate_spreads_the_redriven_over_time() {
    let ((runtime, clock), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 7);
    let (seen, time) = (Log::new(), clock.clone());
    let log = seen.clone();
    queue
        .workers(1, move |job| {
            log.push((job.payload().0, time.now()));
            Ok(())
        })
        .unwrap();
    clock.advance(secs(10));
    let odd = |letter: &DeadLetter<Payload>| letter.payload.as_ref().unwrap().0 != 3;
    let done = dead.redrive(&queue, Redrive::all().filter(odd).rate(4, secs(2)));
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (6, 1, false));
    let stats = queue.stats();
    assert_eq!((stats.waiting, stats.delayed), (1, 5));
    runtime.advance(secs(100));
    let half = Duration::from_millis(500);
    let expected = [0, 1, 2, 4, 5, 6].into_iter().zip(0_u32..);
    let expected = expected.map(|(job, place)| (job, secs(10) + half * place));
    assert_eq!(seen.take(), expected.collect::<Vec<_>>());
    assert_eq!(numbers_of_letters(&dead), [3]);
    // 0 counts as 1.
    let done = dead.redrive(&queue, Redrive::all().rate(0, secs(2)));
    assert_eq!(done.jobs.len(), 0);
    assert_eq!(drops.get(), 7);
    let books = Books {
        failed: 7,
        completed: 6,
        ..NONE
    };
    audit(&queue.stats(), books);
    audit(&dead.stats(), Books::completed(7));
}

/// A letter that somebody has in hand is left alone; a pause of the dead queue is no matter.
#[test]
fn redrive_takes_what_waits() {
    let ((runtime, _), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 3);
    let lease = dead.try_lease().unwrap();
    dead.pause();
    let done = dead.redrive(&queue, Redrive::all());
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (2, 0, false));
    assert_eq!(numbers(&queue), [1, 2]);
    assert_eq!(read(&lease, "source").number, 0);
    lease.requeue().unwrap();
    dead.resume();
    let done = dead.redrive(&queue, Redrive::all());
    assert_eq!((done.jobs.len(), numbers(&queue)), (1, vec![0]));
    assert_eq!(drops.get(), 3);
    let books = Books {
        completed: 3,
        requeued: 1,
        ..NONE
    };
    audit(&dead.stats(), books);
    let books = Books {
        failed: 3,
        completed: 3,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// The letters that are there when it begins, and not those that its own jobs become again.
#[test]
fn redrive_ends_though_what_it_adds_fails_at_once() {
    let ((runtime, _), drops) = (still(), Drops::new());
    let (dead, queue) = letters(&runtime, &drops, 3);
    queue
        .workers(1, |_| Err(Failure::discard("again")))
        .unwrap();
    let runs = |_: &DeadLetter<Payload>| {
        runtime.run_until_idle();
        true
    };
    let done = dead.redrive(&queue, Redrive::all().filter(runs).limit(10));
    assert_eq!(
        (done.jobs.len(), done.stopped),
        (3, false),
        "each letter once"
    );
    runtime.run_until_idle();
    audit(&queue.stats(), Books { failed: 6, ..NONE });
    let books = Books {
        completed: 3,
        waiting: 3,
        ..NONE
    };
    audit(&dead.stats(), books);
    assert_eq!(numbers_of_letters(&dead), [0, 1, 2]);
    assert_eq!(drops.get(), 3);
}

/// Redrives, deaths and full queues on many threads: each job is somewhere, once.
#[test]
fn redriving_loses_nothing_under_load() {
    const JOBS: u32 = 400;
    let (runtime, drops) = (runtime(), Drops::new());
    let dead = dead_queue(&runtime, 4);
    // With room for all: a source full of kept letters takes none back, and their queue has no room for those.
    let builder = runtime
        .queue::<Payload, ()>("source")
        .capacity(JOBS as usize);
    let queue = builder.dead_letters(&dead).build().unwrap();
    let (done, tries) = (Log::new(), Count::new());
    let (log, count) = (done.clone(), tries.clone());
    queue
        .workers(2, move |job| {
            count.bump();
            // About one in three works.
            match count.get() % 3 {
                0 => {
                    log.push(job.payload().0);
                    Ok(())
                }
                _ => Err(Failure::msg("not this time")),
            }
        })
        .unwrap();
    let adder = {
        let (queue, drops) = (queue.clone(), drops.clone());
        start(move || {
            for number in 0..JOBS {
                queue.add((number, drops.token())).unwrap();
            }
        })
    };
    let redrivers: Vec<_> = (0..2)
        .map(|_| {
            let (dead, queue, done) = (dead.clone(), queue.clone(), done.clone());
            start(move || {
                until("all are done", || {
                    dead.redrive(&queue, Redrive::all().limit(3));
                    done.len() == JOBS as usize
                });
            })
        })
        .collect();
    adder.get();
    redrivers.into_iter().for_each(Pending::get);
    settle_all(&queue);
    let mut done = done.take();
    done.sort();
    assert!(done.into_iter().eq(0..JOBS));
    let stats = queue.stats();
    let (completed, failed) = (u64::from(JOBS), stats.failed);
    assert_eq!(stats.unsent, 0);
    settle(
        &queue,
        Books {
            completed,
            failed,
            ..NONE
        },
    );
    settle(&dead, Books::completed(failed));
    until("every payload is dropped", || drops.get() == JOBS as usize);
}
