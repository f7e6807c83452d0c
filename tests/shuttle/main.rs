//! The whole runtime under shuttle: interleavings of producers, workers, cancels and shutdown.
//!
//! ```text
//! RUSTFLAGS="--cfg guichet_shuttle" CARGO_TARGET_DIR=target/shuttle \
//!     cargo test --release --test shuttle
//! ```
//! Each model runs under three schedulers: random, PCT of depth 3, and URW. `SHUTTLE_ITERATIONS` sets
//! how many schedules each of them tries (default 1,000). A deadlock and a wait that spins for ever are
//! failures. Each model prints its seed (`-- --nocapture`): `SHUTTLE_RANDOM_SEED` repeats the run. A failure
//! prints its schedule: `SHUTTLE_SCHEDULE` and the model's name run that alone.
//!
//! `matrix` draws its models instead, so that every pair of operations meets; it runs for `MATRIX_SECONDS`.
//!
//! shuttle explores a sequentially consistent machine, so weak orderings are loom's part. There is no
//! time: a wait with an end gives up at once. So shutdown waits for nobody here and always finds its
//! time over unless the workers have left, which makes its last step, `stop`, race with everything.
#![cfg(guichet_shuttle)]

mod explore;
mod matrix;
mod ownership;
mod races;
mod relief;
mod repeat;
mod timeouts;

use std::time::Duration;

use guichet::channel;
use guichet::{
    AddError, AddManyError, EventKind, Failure, JobError, JobState, Queue, QueueStats, Runtime,
    TryAddError,
};
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;

use explore::check;

/// Any time: it is over at once.
const NO_TIME: Duration = Duration::ZERO;

fn audit(stats: &QueueStats) {
    assert!(stats.is_balanced(), "{stats:?}");
}

/// Opens once, for everybody.
#[derive(Clone)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn new() -> Self {
        Gate(Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

fn queue(runtime: &Runtime, capacity: usize, attempts: u32) -> Queue<usize, usize> {
    let builder = runtime
        .queue("numbers")
        .capacity(capacity)
        .attempts(attempts);
    builder.build().expect("valid options")
}

/// Waits until every job has ended and the worker that ended it has counted it.
fn quiet(queue: &Queue<usize, usize>) {
    let moves = |stats: QueueStats| stats.live() > 0 || !stats.is_balanced();
    while moves(queue.stats()) {
        thread::yield_now();
    }
}

/// Waits for all of a runtime's jobs, then ends it so that its threads leave.
fn finish(runtime: Runtime, queue: &Queue<usize, usize>) -> QueueStats {
    quiet(queue);
    let report = runtime.shutdown(NO_TIME);
    let stats = report.queues[0].stats;
    assert_eq!(stats.live(), 0, "{stats:?}");
    audit(&stats);
    stats
}

fn two_by_two(capacity: usize) {
    let runtime = Runtime::new().unwrap();
    let queue = queue(&runtime, capacity, 1);
    let starts: Arc<Vec<_>> = Arc::new((0..4).map(|_| AtomicUsize::new(0)).collect());
    let count = starts.clone();
    queue
        .workers(2, move |job| {
            count[*job.payload()].fetch_add(1, SeqCst);
            Ok(*job.payload())
        })
        .unwrap();
    let producers: Vec<_> = (0..2)
        .map(|me| {
            let queue = queue.clone();
            thread::spawn(move || {
                queue.add(2 * me).unwrap();
                let handle = queue.submit(2 * me + 1).unwrap();
                assert_eq!(handle.wait().unwrap(), 2 * me + 1);
            })
        })
        .collect();
    for producer in producers {
        producer.join().unwrap();
    }
    let stats = finish(runtime, &queue);
    assert!(
        starts.iter().all(|starts| starts.load(SeqCst) == 1),
        "{starts:?}"
    );
    assert_eq!((stats.accepted, stats.completed), (4, 4));
}

#[test]
fn two_producers_two_workers_exactly_once() {
    check(|| two_by_two(2));
}

/// Capacity 1: everybody blocks, and every end wakes somebody.
#[test]
fn blocked_adders_all_get_in() {
    check(|| two_by_two(1));
}

/// Adders by every way in, in a queue too small for them.
#[test]
fn every_way_in_proceeds() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let many = {
            let queue = queue.clone();
            thread::spawn(move || {
                assert_eq!(queue.add_many(vec![0, 1]).unwrap().len(), 2);
            })
        };
        let producer = {
            let mut producer = queue.producer();
            thread::spawn(move || {
                producer.add(2).unwrap();
                producer.add(3).unwrap();
            })
        };
        queue.add_many(vec![4, 5]).unwrap();
        many.join().unwrap();
        producer.join().unwrap();
        let stats = finish(runtime, &queue);
        assert_eq!((stats.accepted, stats.completed), (6, 6));
    });
}

/// Who learns of the end of the only job finds its slot vacant.
#[test]
fn a_slot_is_free_before_its_result_is_known() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        queue.workers(2, |job| Ok(*job.payload())).unwrap();
        for round in 0..2 {
            let handle = queue.submit(round).unwrap();
            assert_eq!(handle.wait().unwrap(), round);
        }
        let added = queue.try_add(7);
        assert!(added.is_ok(), "{added:?}");
        finish(runtime, &queue);
    });
}

/// Who learns of an end finds it counted: no later look is needed.
#[test]
fn an_end_is_counted_before_its_waiter_learns_of_it() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 2);
        queue
            .workers(1, |job| match *job.payload() {
                0 => Ok(0),
                _ => Err(Failure::msg("no")),
            })
            .unwrap();
        assert_eq!(queue.submit(0).unwrap().wait().unwrap(), 0);
        let stats = queue.stats();
        assert_eq!((stats.accepted, stats.completed), (1, 1), "{stats:?}");
        let end = queue.submit(1).unwrap().wait();
        assert!(matches!(end, Err(JobError::Failed(_))));
        let stats = queue.stats();
        assert_eq!((stats.failed, stats.retried), (1, 1), "{stats:?}");
        audit(&stats);
        finish(runtime, &queue);
    });
}

/// The same of those that are ended from outside: as many as have learned of an end are counted.
#[test]
fn an_end_from_outside_is_counted_before_its_waiter_learns_of_it() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let (queue, gate) = (queue(&runtime, 3, 1), Gate::new());
        let held = gate.clone();
        queue
            .workers(1, move |job| {
                held.pass();
                Ok(*job.payload())
            })
            .unwrap();
        let handles = [0, 1, 2].map(|number| queue.submit(number).unwrap());
        let cancelled = handles[2].id();
        let learned: Arc<[AtomicUsize; 3]> = Arc::default();
        let waiters = handles.map(|handle| {
            let (queue, learned) = (queue.clone(), learned.clone());
            thread::spawn(move || {
                let kind = match handle.wait() {
                    Err(JobError::Cancelled { .. }) => 0,
                    Err(JobError::Returned) => 1,
                    Err(JobError::Interrupted) => 2,
                    other => panic!("{other:?}"),
                };
                let learned = learned[kind].fetch_add(1, SeqCst) + 1;
                let stats = queue.stats();
                let counted = [stats.cancelled, stats.returned, stats.interrupted][kind];
                assert!(counted >= learned as u64, "{stats:?}");
            })
        });
        assert!(queue.cancel(cancelled));
        let report = runtime.shutdown(NO_TIME);
        assert_eq!(report.queues[0].stats.cancelled, 1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        gate.open();
    });
}

/// A producer that is full says so only if it is: two adders and one slot make one job.
#[test]
fn full_is_exact() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        let adders: Vec<_> = (0..3)
            .map(|number| {
                let queue = queue.clone();
                thread::spawn(move || match queue.try_add(number) {
                    Ok(_) => 1,
                    Err(TryAddError::Full { payload, .. }) => {
                        assert_eq!(payload, number);
                        0
                    }
                    Err(other) => panic!("{other}"),
                })
            })
            .collect();
        let accepted: usize = adders.into_iter().map(|adder| adder.join().unwrap()).sum();
        assert_eq!(accepted, 2);
        let report = runtime.shutdown(NO_TIME);
        assert_eq!(report.queues[0].stats.returned, 2);
        audit(&report.queues[0].stats);
    });
}

/// Attempts of one job neither overlap nor outnumber what was asked for.
#[test]
fn retries_are_tried_one_at_a_time() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 3);
        let inside = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let seen = inside.clone();
        queue
            .workers(2, move |job| {
                let number = *job.payload();
                assert_eq!(
                    seen[number].fetch_add(1, SeqCst),
                    0,
                    "two attempts at a time"
                );
                thread::yield_now();
                seen[number].fetch_sub(1, SeqCst);
                match job.is_last_attempt() {
                    true if number == 0 => Ok(job.attempt() as usize),
                    _ => Err(Failure::msg("again")),
                }
            })
            .unwrap();
        let good = queue.submit(0).unwrap();
        let bad = queue.submit(1).unwrap();
        assert_eq!(good.wait().unwrap(), 3);
        assert!(matches!(bad.wait(), Err(JobError::Failed(why)) if !why.is_panic()));
        let stats = finish(runtime, &queue);
        assert_eq!((stats.completed, stats.failed, stats.retried), (1, 1, 4));
    });
}

/// A worker that is stuck in one job holds up none of those that it has taken.
#[test]
fn a_blocked_handler_holds_up_nobody() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 6, 1);
        queue.add_many((0..6).collect()).unwrap();
        let gate = Gate::new();
        let second = gate.clone();
        queue
            .workers(2, move |job| {
                match job.payload() {
                    0 => second.pass(),
                    1 => second.open(),
                    _ => {}
                }
                Ok(*job.payload())
            })
            .unwrap();
        gate.pass();
        let stats = finish(runtime, &queue);
        assert_eq!(stats.completed, 6);
    });
}

/// Cancel against start and end: one of them wins, the waiter hears which, the slot comes back.
#[test]
fn cancel_races_with_the_handler() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 2);
        let starts = Arc::new(AtomicUsize::new(0));
        let count = starts.clone();
        queue
            .workers(2, move |job| {
                match (*job.payload(), count.fetch_add(1, SeqCst)) {
                    (0, 0) => Err(Failure::msg("again")),
                    _ => Ok(*job.payload()),
                }
            })
            .unwrap();
        let handle = queue.submit(0).unwrap();
        let id = handle.id();
        let cancellers: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(move || queue.cancel(id))
            })
            .collect();
        // The slot's next tenant, which no canceller may hit.
        let next = queue.submit(1).unwrap();
        let won: usize = cancellers
            .into_iter()
            .map(|thread| usize::from(thread.join().unwrap()))
            .sum();
        match handle.wait() {
            Ok(0) => assert_eq!(won, 0),
            Err(JobError::Cancelled { .. }) => assert_eq!(won, 1),
            other => panic!("{other:?}"),
        }
        assert_eq!(next.wait().unwrap(), 1);
        assert!(starts.load(SeqCst) <= 3);
        let stats = finish(runtime, &queue);
        assert_eq!((stats.accepted, stats.cancelled), (2, won as u64));
    });
}

/// A job cancelled in line gives its slot to an adder that waits for it.
#[test]
fn a_cancelled_job_makes_room() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        let id = queue.add(0).unwrap();
        let adder = {
            let queue = queue.clone();
            thread::spawn(move || queue.submit(1).unwrap().wait().unwrap())
        };
        let canceller = {
            let queue = queue.clone();
            thread::spawn(move || queue.cancel(id))
        };
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        assert_eq!(adder.join().unwrap(), 1);
        let won = canceller.join().unwrap();
        let stats = finish(runtime, &queue);
        assert_eq!(stats.cancelled, u64::from(won));
    });
}

/// Adders while the runtime shuts down: each job is refused or accounted for, and nobody hangs.
#[test]
fn shutdown_races_with_adders() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let adders: Vec<_> = (0..2)
            .map(|number| {
                let queue = queue.clone();
                thread::spawn(move || match queue.submit(number) {
                    Ok(handle) => match handle.wait() {
                        Ok(value) => assert_eq!(value, number),
                        Err(JobError::Returned | JobError::Interrupted) => {}
                        Err(other) => panic!("{other}"),
                    },
                    Err(AddError::Closed(payload)) => assert_eq!(payload, number),
                    Err(other) => panic!("{other}"),
                })
            })
            .collect();
        runtime.shutdown(NO_TIME);
        for adder in adders {
            adder.join().unwrap();
        }
        drop(runtime);
        quiet(&queue);
        assert_eq!(queue.take_returned().len() as u64, queue.stats().returned);
    });
}

/// All-or-none adders while the runtime shuts down.
#[test]
fn shutdown_races_with_collectors() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let adders: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                thread::spawn(move || match queue.add_many(vec![1, 2]) {
                    Ok(ids) => ids.len() as u64,
                    Err(AddManyError::Closed(payloads)) => {
                        assert_eq!(payloads, [1, 2]);
                        0
                    }
                    Err(other) => panic!("{other}"),
                })
            })
            .collect();
        runtime.shutdown(NO_TIME);
        let accepted: u64 = adders.into_iter().map(|adder| adder.join().unwrap()).sum();
        assert_eq!(queue.stats().accepted, accepted);
    });
}

/// After a shutdown whose time was over nothing waits and nothing runs, whatever a worker was about to
/// do, and whoever waits is told although the handler never returns.
#[test]
fn shutdown_overlooks_no_job() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 2);
        let gate = Gate::new();
        let held = gate.clone();
        queue
            .workers(1, move |job| match (*job.payload(), job.attempt()) {
                (0, 1) => Err(Failure::msg("again")),
                _ => {
                    held.pass();
                    Ok(*job.payload())
                }
            })
            .unwrap();
        let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
        let report = runtime.shutdown(NO_TIME);
        let stats = report.queues[0].stats;
        assert_eq!(stats.live(), 0, "after shutdown: {stats:?}");
        for handle in handles {
            assert!(queue.state(handle.id()).is_some_and(JobState::is_terminal));
            match handle.wait() {
                Err(JobError::Returned | JobError::Interrupted) => {}
                other => panic!("{other:?}"),
            }
        }
        gate.open();
    });
}

/// Two shutdowns at once: nothing is returned twice and nothing is lost. What their reports say is
/// tested on real threads: one waits for the other's counts for a second, and here that is over at once.
#[test]
fn two_shutdowns_return_every_job_once() {
    check(|| {
        let runtime = Arc::new(Runtime::new().unwrap());
        let queue = queue(&runtime, 2, 1);
        queue.add_many(vec![1, 2]).unwrap();
        let closers = [(), ()].map(|()| {
            let runtime = runtime.clone();
            thread::spawn(move || assert!(runtime.shutdown(NO_TIME).in_time))
        });
        closers
            .into_iter()
            .for_each(|closer| closer.join().unwrap());
        assert_eq!(queue.take_returned().len(), 2);
        let stats = queue.stats();
        audit(&stats);
        assert_eq!(stats.returned, 2);
    });
}

/// A runtime that its own handler drops only signals; the last worker to leave returns what is left,
/// so even a handler that waits for another queue's job is answered.
#[test]
fn a_runtime_dropped_inside_answers_everybody() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let front = queue(&runtime, 2, 1);
        let back: Queue<usize, usize> = runtime.queue("back").capacity(1).build().unwrap();
        back.workers(1, |job| Ok(*job.payload())).unwrap();
        let holder = Arc::new(Mutex::new(Some(runtime)));
        let (own, next) = (holder.clone(), back.clone());
        front
            .workers(2, move |job| match *job.payload() {
                0 => {
                    let runtime = own.lock().unwrap().take();
                    drop(runtime);
                    Ok(0)
                }
                number => match next.submit(number) {
                    Ok(handle) => match handle.wait() {
                        Ok(value) => Ok(value),
                        Err(JobError::Returned) => Ok(0),
                        Err(other) => panic!("{other}"),
                    },
                    Err(AddError::Closed(_)) => Ok(0),
                    Err(other) => panic!("{other}"),
                },
            })
            .unwrap();
        let handles = [front.submit(1), front.submit(0)];
        // No wait with an end: a handler that nobody answers is a deadlock, which shuttle reports.
        for handle in handles.into_iter().flatten() {
            let outcome = handle.wait();
            assert!(
                matches!(outcome, Ok(0 | 1) | Err(JobError::Returned)),
                "{outcome:?}"
            );
        }
    });
}

/// A listener sleeps and is woken, whatever it missed while it looked; each job's events come in order, though they lie in
/// several logs.
#[test]
fn listeners_hear_every_step_in_order() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let events = queue.subscribe();
        let listener = thread::spawn(|| events.take(6).map(Result::unwrap).collect::<Vec<_>>());
        let jobs = [1, 2].map(|number| queue.add(number).unwrap());
        let told = listener.join().unwrap();
        for job in jobs {
            let kinds = told.iter().filter(|event| event.job == job);
            let plain = [EventKind::Added, EventKind::Started, EventKind::Completed];
            assert!(kinds.map(|event| event.kind).eq(plain), "{told:?}");
        }
        finish(runtime, &queue);
    });
}

/// Everybody blocks in turns; what is sent arrives once, each sender's in order, and then the end.
fn channel_2x2(capacity: usize) {
    let (sender, receiver) = channel::bounded(capacity);
    let senders = [0, 10].map(|first| {
        let sender = sender.clone();
        thread::spawn(move || {
            for number in first..first + 3 {
                sender.send(number).expect("a receiver is there");
            }
        })
    });
    drop(sender);
    let receivers = [receiver.clone(), receiver].map(|receiver| {
        thread::spawn(move || {
            let got: Vec<i32> = receiver.iter().collect();
            for first in [0, 10] {
                let own = got
                    .iter()
                    .filter(|number| (first..first + 3).contains(*number));
                assert!(own.is_sorted(), "overtaken: {got:?}");
            }
            got
        })
    });
    for sender in senders {
        sender.join().unwrap();
    }
    let mut all: Vec<i32> = receivers
        .into_iter()
        .flat_map(|got| got.join().unwrap())
        .collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 10, 11, 12]);
}

#[test]
fn channel_2x2_rendezvous() {
    check(|| channel_2x2(0));
}

#[test]
fn channel_2x2_of_one() {
    check(|| channel_2x2(1));
}

#[test]
fn channel_2x2_of_two() {
    check(|| channel_2x2(2));
}

/// Time-outs among those who wait on: a message is with its sender, its receiver or in the channel.
#[test]
fn channel_time_outs() {
    check(|| {
        let (sender, receiver) = channel::bounded(1);
        let sending = [1, 2].map(|number| {
            let sender = sender.clone();
            thread::spawn(move || match number {
                1 => sender.send(number).is_ok(),
                _ => sender.send_timeout(number, NO_TIME).is_ok(),
            })
        });
        drop(sender);
        let hasty = receiver.clone();
        let hasty = thread::spawn(move || hasty.recv_timeout(NO_TIME).ok());
        let mut got: Vec<i32> = receiver.iter().collect();
        got.extend(hasty.join().unwrap());
        got.sort_unstable();
        let sent = sending.map(|sending| sending.join().unwrap());
        let expected = [1, 2]
            .into_iter()
            .filter(|number| sent[*number as usize - 1]);
        assert!(got.iter().copied().eq(expected), "{got:?}, sent: {sent:?}");
    });
}
