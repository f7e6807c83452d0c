//! Dead letters that find no room: kept in their jobs' slots, sent when there is some, never lost.

use guichet::{
    Clock, DeadReason, EventKind, Failure, JobId, JobState, Queue, Redrive, Runtime, TryAddError,
};

use super::letters::*;
use super::support::*;

/// A source of three slots with a dead queue of one, after two deaths.
struct Kept {
    runtime: Runtime,
    drops: Drops,
    dead: Dead,
    queue: Queue<Payload, ()>,
    ids: Vec<JobId>,
}

impl Kept {
    fn new() -> Self {
        let ((runtime, _), drops) = (still(), Drops::new());
        let dead = dead_queue(&runtime, 1);
        let builder = runtime.queue::<Payload, ()>("source").capacity(3);
        let queue = builder.dead_letters(&dead).build().unwrap();
        queue.workers(1, |_| Err(Failure::msg("no"))).unwrap();
        let mut events = queue.subscribe();
        let ids = queue.add_many(vec![(0, drops.token()), (1, drops.token())]);
        let ids = ids.unwrap();
        runtime.run_until_idle();
        let mut kept = std::iter::from_fn(|| events.try_next().ok())
            .filter(|event| event.kind == EventKind::LetterKept);
        assert_eq!(kept.next().map(|event| event.job), Some(ids[1]));
        assert_eq!(kept.next(), None, "it is told once");
        let case = Kept {
            runtime,
            drops,
            dead,
            queue,
            ids,
        };
        case.check_kept();
        case
    }

    /// The second one keeps its slot.
    fn check_kept(&self) {
        assert_eq!(self.queue.stats().unsent, 1);
        assert_eq!(self.queue.state(self.ids[1]), Some(JobState::Dead));
        assert!(!self.queue.cancel(self.ids[1]), "it has ended");
        assert_eq!(self.drops.get(), 0);
        self.queue.pause();
        for number in [10, 11] {
            self.queue.try_add((number, self.drops.token())).unwrap();
        }
        let full = self.queue.try_add((12, self.drops.token()));
        assert!(matches!(full, Err(TryAddError::Full { .. })));
        drop(full);
        assert_eq!(self.queue.cancel_all("room is made"), 2);
        self.queue.resume();
        self.runtime.run_until_idle();
        assert_eq!(self.drops.get(), 3);
    }

    /// There is room now: the letter goes, and its slot is free.
    fn check_sent(self, dropped: usize, dead: Books) {
        self.runtime.run_until_idle();
        assert_eq!(self.queue.stats().unsent, 0);
        audit(&self.dead.stats(), dead);
        let read = only_letter(&self.dead, "source");
        assert_eq!((read.number, read.source), (1, self.ids[1]));
        assert_eq!(self.drops.get(), 3 + dropped + 1);
        self.queue.pause();
        let drops = self.drops.clone();
        assert_eq!(room(&self.queue, || (9, drops.token())), 3);
        // Three that fit and one that did not.
        self.queue.cancel_all("seen");
        assert_eq!(self.drops.get(), 3 + dropped + 1 + 4);
        let books = Books {
            failed: 2,
            cancelled: 2 + 3,
            ..NONE
        };
        audit(&self.queue.stats(), books);
    }
}

#[test]
fn a_kept_letter_goes_when_one_there_is_settled() {
    let case = Kept::new();
    let lease = case.dead.try_lease().unwrap();
    case.runtime.run_until_idle();
    case.check_still_kept();
    lease.complete(()).unwrap();
    let dead = Books {
        completed: 1,
        waiting: 1,
        ..NONE
    };
    case.check_sent(1, dead);
}

impl Kept {
    fn check_still_kept(&self) {
        assert_eq!(self.queue.stats().unsent, 1);
        assert_eq!(self.queue.state(self.ids[1]), Some(JobState::Dead));
    }
}

#[test]
fn a_kept_letter_goes_when_one_there_is_buried() {
    let case = Kept::new();
    let lease = case.dead.try_lease().unwrap();
    lease.fail(Failure::msg("not here either")).unwrap();
    case.check_sent(
        1,
        Books {
            waiting: 1,
            ..FAILED
        },
    );
}

#[test]
fn a_kept_letter_goes_when_one_there_is_cancelled_while_it_waits() {
    let case = Kept::new();
    assert_eq!(case.dead.cancel_all("who reads this?"), 1);
    let dead = Books {
        cancelled: 1,
        waiting: 1,
        ..NONE
    };
    case.check_sent(1, dead);
}

#[test]
fn a_kept_letter_goes_when_one_there_is_cancelled_while_it_is_leased() {
    let case = Kept::new();
    let lease = case.dead.try_lease().unwrap();
    assert_eq!(case.dead.cancel_all("who reads this?"), 1);
    case.runtime.run_until_idle();
    case.check_still_kept();
    lease.complete(()).unwrap_err();
    let dead = Books {
        cancelled: 1,
        waiting: 1,
        late: 1,
        ..NONE
    };
    case.check_sent(1, dead);
}

#[test]
fn a_kept_letter_goes_when_one_there_is_redriven() {
    let case = Kept::new();
    let target = case.runtime.queue::<Payload, ()>("target").build().unwrap();
    let done = case.dead.redrive(&target, Redrive::all());
    assert_eq!((done.jobs.len(), done.skipped, done.stopped), (1, 0, false));
    assert_eq!(target.cancel_all("seen"), 1);
    audit(
        &target.stats(),
        Books {
            cancelled: 1,
            ..NONE
        },
    );
    let dead = Books {
        completed: 1,
        waiting: 1,
        ..NONE
    };
    case.check_sent(1, dead);
}

/// On threads of its own the runtime sees to it without being asked.
#[test]
fn a_kept_letter_goes_by_itself() {
    let (runtime, drops) = (runtime(), Drops::new());
    let dead = dead_queue(&runtime, 1);
    let builder = runtime.queue::<Payload, ()>("source").capacity(4);
    let queue = builder.dead_letters(&dead).build().unwrap();
    queue.workers(2, |_| Err(Failure::msg("no"))).unwrap();
    let items = (0..4).map(|number| (number, drops.token())).collect();
    let mut ids = queue.add_many(items).unwrap();
    settle(
        &queue,
        Books {
            failed: 4,
            unsent: 3,
            ..NONE
        },
    );
    for left in (0..4).rev() {
        let end = if left % 2 == 0 {
            "settled"
        } else {
            "cancelled"
        };
        until("one has gone", || {
            (queue.stats().unsent, dead.stats().waiting) == (left, 1)
        });
        // It is said to wait before it is in line.
        let lease = dead.lease_timeout(secs(60)).unwrap();
        let source = lease.payload().source;
        ids.remove(
            ids.iter()
                .position(|id| *id == source)
                .expect("each comes once"),
        );
        match end {
            "settled" => lease.complete(()).unwrap(),
            _ => {
                assert!(dead.cancel(lease.id()));
                lease.requeue().unwrap_err();
            }
        }
    }
    assert_eq!((ids, drops.get()), (vec![], 4));
    settle(
        &dead,
        Books {
            completed: 2,
            cancelled: 2,
            late: 2,
            ..NONE
        },
    );
    settle(&queue, Books { failed: 4, ..NONE });
    assert_eq!(queue.stats().unsent, 0);
}

/// Whatever fails is there in the end: many rounds through a dead queue of one slot.
#[test]
fn no_letter_is_lost_and_none_comes_twice() {
    const JOBS: u32 = 3000;
    let (runtime, drops) = (runtime(), Drops::new());
    let dead = dead_queue(&runtime, 1);
    let builder = runtime.queue::<Payload, ()>("source").capacity(16);
    let queue = builder.dead_letters(&dead).build().unwrap();
    queue
        .workers(3, |job| match job.payload().0 % 4 {
            0 => Ok(()),
            1 => Err(Failure::discard("never")),
            _ => Err(Failure::msg("no")),
        })
        .unwrap();
    let seen = Log::new();
    let log = seen.clone();
    dead.workers(2, move |job| {
        let letter = job.payload();
        log.push((letter.payload.as_ref().unwrap().0, letter.source));
        Ok(())
    })
    .unwrap();
    let adders: Vec<_> = (0..2)
        .map(|part| {
            let (queue, drops) = (queue.clone(), drops.clone());
            start(move || {
                let numbers = (0..JOBS).filter(move |number| number % 2 == part);
                let add = |number| queue.add((number, drops.token())).unwrap();
                numbers
                    .map(|number| (number, add(number)))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let added = adders.into_iter().flat_map(Pending::get);
    let mut expected: Vec<_> = added.filter(|(number, _)| number % 4 != 0).collect();
    let failed = u64::from(JOBS / 4 * 3);
    // First: a letter that is being tried again is not counted as kept for an instant.
    settle(&dead, Books::completed(failed));
    settle(
        &queue,
        Books {
            completed: u64::from(JOBS / 4),
            failed,
            ..NONE
        },
    );
    assert_eq!(queue.stats().unsent, 0);
    let mut seen = seen.take();
    seen.sort_by_key(|(number, _)| *number);
    expected.sort_by_key(|(number, _)| *number);
    assert!(seen == expected, "{} of {}", seen.len(), expected.len());
    until("every payload is dropped", || drops.get() == JOBS as usize);
}

/// Two queues share one that is in a runtime of its own, and leases empty it.
#[test]
fn the_dead_queue_may_be_anywhere() {
    let (cellar, drops) = (runtime(), Drops::new());
    let dead = dead_queue(&cellar, 2);
    let runtimes = [runtime(), runtime()];
    let queues: Vec<_> = runtimes
        .iter()
        .map(|runtime| {
            let builder = runtime.queue::<Payload, ()>("source").capacity(50);
            let queue = builder.dead_letters(&dead).build().unwrap();
            queue.workers(1, |_| Err(Failure::msg("no"))).unwrap();
            let items = (0..50).map(|number| (number, drops.token())).collect();
            queue.add_many(items).unwrap();
            queue
        })
        .collect();
    let mut seen: Vec<_> = (0..100)
        .map(|_| {
            let lease = dead.lease_timeout(PATIENCE).expect("a letter");
            let read = read(&lease, "source");
            lease.complete(()).unwrap();
            (read.source.to_string(), read.number)
        })
        .collect();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), drops.get()), (100, 100));
    for queue in &queues {
        settle(queue, Books { failed: 50, ..NONE });
        assert_eq!(queue.stats().unsent, 0);
    }
    settle(&dead, Books::completed(100));
}

/// It gives them back at once, and so has room for the next.
#[test]
fn a_dead_queue_that_is_shut_down_takes_any_number_of_letters() {
    let ((cellar, _), (runtime, _), drops) = (still(), still(), Drops::new());
    let dead = dead_queue(&cellar, 1);
    let builder = runtime.queue::<Payload, ()>("source").capacity(4);
    let queue = builder.dead_letters(&dead).build().unwrap();
    queue.workers(1, |_| Err(Failure::msg("no"))).unwrap();
    cellar.shutdown(PATIENCE);
    for number in 0..4 {
        queue.add((number, drops.token())).unwrap();
        runtime.run_until_idle();
        assert_eq!(queue.stats().unsent, 0, "after {number}");
    }
    let returned = dead.take_returned();
    let numbers = returned.iter();
    let numbers = numbers.map(|(_, letter)| letter.payload.as_ref().unwrap().0);
    assert!(numbers.eq(0..4));
    audit(&queue.stats(), Books { failed: 4, ..NONE });
    audit(
        &dead.stats(),
        Books {
            returned: 4,
            ..NONE
        },
    );
    drop(returned);
    assert_eq!(drops.get(), 4);
}

/// What was kept, or failed while the runtime drained, is given back with the dead queue's jobs.
#[test]
fn a_shutdown_returns_the_letters() {
    for dead_first in [true, false] {
        for capacity in [1, 100] {
            let (runtime, drops, gate) = (runtime(), Drops::new(), Gate::new());
            let cellar = (!dead_first).then(self::runtime);
            let dead = dead_queue(cellar.as_ref().unwrap_or(&runtime), capacity);
            let builder = runtime.queue::<Payload, ()>("source").capacity(20);
            let queue = builder.dead_letters(&dead).build().unwrap();
            let pass = gate.clone();
            queue
                .workers(2, move |_| {
                    pass.pass();
                    Err(Failure::msg("no"))
                })
                .unwrap();
            let items = (0..20).map(|number| (number, drops.token())).collect();
            let mut ids = queue.add_many(items).unwrap();
            (0..8).for_each(|_| gate.open());
            until("some have failed", || queue.stats().failed == 8);
            // The dead queue goes first: what has no room there then has it.
            drop(cellar);
            let closer = start(move || {
                let report = runtime.shutdown(PATIENCE);
                assert!(report.in_time);
            });
            let_block();
            gate.open_wide();
            closer.get();
            audit(&queue.stats(), Books { failed: 20, ..NONE });
            assert_eq!(queue.stats().unsent, 0);
            assert!(queue.take_returned().is_empty());
            audit(
                &dead.stats(),
                Books {
                    returned: 20,
                    ..NONE
                },
            );
            let returned = dead.take_returned();
            assert_eq!((returned.len(), drops.get()), (20, 0));
            for (_, letter) in returned {
                assert_eq!(letter.reason, DeadReason::Exhausted);
                let at = ids.iter().position(|id| *id == letter.source);
                ids.remove(at.expect("each comes once"));
            }
            assert_eq!(drops.get(), 20);
        }
    }
}

#[test]
fn a_letter_that_was_kept_says_when_its_job_expired() {
    let ((runtime, clock), drops) = (still(), Drops::new());
    let dead = dead_queue(&runtime, 1);
    let queue = runtime.queue::<Payload, ()>("source").dead_letters(&dead);
    let queue = queue.build().unwrap();
    for number in [0, 1] {
        let job = queue.job((number, drops.token()));
        job.ttl(secs(10)).add().unwrap();
    }
    runtime.advance(secs(10));
    let died = clock.wall();
    runtime.advance(secs(10));
    for _ in [0, 1] {
        let letter = dead.try_lease().expect("a letter");
        assert_eq!(letter.payload().failed_at, died);
        letter.complete(()).unwrap();
        runtime.run_until_idle();
    }
}
