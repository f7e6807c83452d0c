//! Who has a job: leases, consumers, pauses, dead letters, and who listens.

use guichet::{
    DeadLetter, EventKind, Failure, JobError, JobState, Lease, LeaseError, Queue, Runtime,
};
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Gate, NO_TIME, audit, check, finish, queue, quiet};

/// One attempt of each job at a time, whoever runs it.
#[derive(Clone)]
struct Inside(Arc<Vec<AtomicUsize>>);

impl Inside {
    fn new(jobs: usize) -> Self {
        Inside(Arc::new((0..jobs).map(|_| AtomicUsize::new(0)).collect()))
    }

    fn visit(&self, job: usize) {
        let before = self.0[job].fetch_add(1, SeqCst);
        assert_eq!(before, 0, "two attempts at a time");
        thread::yield_now();
        self.0[job].fetch_sub(1, SeqCst);
    }
}

/// What a holder of leases does with them, in turn.
fn settle(lease: Lease<usize, usize>, turn: usize) {
    let number = *lease.payload();
    let answer = match turn % 4 {
        0 => lease.requeue(),
        1 => {
            drop(lease);
            Ok(())
        }
        2 => lease.complete(number),
        _ => lease.fail(Failure::msg("no")),
    };
    // Lost only to a cancel or a shutdown; the books tell.
    drop(answer);
}

/// A worker, a holder of leases, a canceller and a shutdown at one queue: one end per job.
#[test]
fn worker_lease_cancel_shutdown() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 3, 2);
        let inside = Inside::new(3);
        let handles: Vec<_> = (0..3).map(|n| queue.submit(n).unwrap()).collect();
        let (own, first) = (inside.clone(), handles[0].id());
        queue
            .workers(1, move |job| {
                own.visit(*job.payload());
                Ok(*job.payload())
            })
            .unwrap();
        let holder = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut turn = 0;
                while let Ok(lease) = queue.lease() {
                    inside.visit(*lease.payload());
                    settle(lease, turn);
                    turn += 1;
                }
            })
        };
        let canceller = {
            let queue = queue.clone();
            thread::spawn(move || queue.cancel(first))
        };
        runtime.shutdown(NO_TIME);
        let cancelled = canceller.join().unwrap();
        holder.join().unwrap();
        for (number, handle) in handles.into_iter().enumerate() {
            match handle.wait() {
                Ok(value) => assert_eq!(value, number),
                Err(JobError::Cancelled { .. }) => assert!(cancelled && number == 0),
                Err(JobError::Returned | JobError::Interrupted | JobError::Failed(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        quiet(&queue);
        let stats = queue.stats();
        audit(&stats);
        assert_eq!(stats.accepted, 3);
        assert_eq!(queue.take_returned().len() as u64, stats.returned);
    });
}

/// A lease is dropped while the runtime shuts down: its job is in somebody's books, payload included.
#[test]
fn a_lease_dropped_in_a_shutdown_loses_nothing() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
        let lease = queue.try_lease().unwrap();
        let holder = thread::spawn(move || drop(lease));
        let report = runtime.shutdown(NO_TIME);
        holder.join().unwrap();
        let mut returned = 0;
        for handle in handles {
            match handle.wait() {
                Err(JobError::Returned) => returned += 1,
                Err(JobError::Interrupted) => assert!(!report.in_time),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(queue.take_returned().len(), returned);
        audit(&queue.stats());
    });
}

/// Two who would lease one job; the one that does not get it is told of the end.
#[test]
fn leases_end_with_the_queue() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        let holders = [(), ()].map(|()| {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut done = 0;
                loop {
                    match queue.lease() {
                        Ok(lease) => done += usize::from(lease.complete(7).is_ok()),
                        Err(LeaseError::Closed) => return done,
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        });
        assert_eq!(queue.submit(0).unwrap().wait().unwrap(), 7);
        runtime.shutdown(NO_TIME);
        let done: usize = holders.map(|holder| holder.join().unwrap()).iter().sum();
        assert_eq!(done, 1);
    });
}

/// What waits when `pause` has returned is not started before `resume`.
#[test]
fn a_pause_starts_nothing() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 3, 1);
        let frozen: Arc<Vec<_>> = Arc::new((0..3).map(|_| AtomicBool::new(false)).collect());
        let seen = frozen.clone();
        queue
            .workers(2, move |job| {
                let frozen = seen[*job.payload()].load(SeqCst);
                assert!(!frozen, "a job was started in a pause");
                assert_eq!(job.attempt(), 1, "what was put back was no attempt");
                Ok(*job.payload())
            })
            .unwrap();
        let adder = {
            let queue = queue.clone();
            thread::spawn(move || [0, 1, 2].map(|number| queue.add(number).unwrap()))
        };
        queue.pause();
        let waiting = queue.jobs(JobState::Waiting, 0, 3);
        let ids = adder.join().unwrap();
        for (number, id) in ids.iter().enumerate() {
            if waiting.iter().any(|job| job.id == *id) {
                frozen[number].store(true, SeqCst);
            }
        }
        thread::yield_now();
        for frozen in frozen.iter() {
            frozen.store(false, SeqCst);
        }
        queue.resume();
        let stats = finish(runtime, &queue);
        assert_eq!((stats.accepted, stats.completed), (3, 3));
    });
}

/// A paused queue that is shut down gives back what it has.
#[test]
fn a_paused_queue_shuts_down() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        queue.workers(2, |job| Ok(*job.payload())).unwrap();
        let pauser = {
            let queue = queue.clone();
            thread::spawn(move || queue.pause())
        };
        let handles = [queue.submit(0).unwrap(), queue.submit(1).unwrap()];
        pauser.join().unwrap();
        runtime.shutdown(NO_TIME);
        for handle in handles {
            match handle.wait() {
                Ok(_) | Err(JobError::Returned | JobError::Interrupted) => {}
                other => panic!("{other:?}"),
            }
        }
        quiet(&queue);
        assert_eq!(queue.take_returned().len() as u64, queue.stats().returned);
    });
}

/// A hold ends by itself, whoever asked for it, and nobody sleeps on.
#[test]
fn a_hold_ends() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        let refused = AtomicBool::new(false);
        queue
            .workers(2, move |job| match refused.swap(true, SeqCst) {
                false => Err(Failure::rate_limited(Duration::from_nanos(1))),
                true => Ok(*job.payload()),
            })
            .unwrap();
        let holder = {
            let queue = queue.clone();
            thread::spawn(move || queue.hold(Duration::from_nanos(1)))
        };
        for number in 0..2 {
            assert_eq!(queue.submit(number).unwrap().wait().unwrap(), number);
        }
        holder.join().unwrap();
        let stats = finish(runtime, &queue);
        assert_eq!((stats.completed, stats.requeued >= 1), (2, true));
    });
}

type Dead = Queue<DeadLetter<usize>, ()>;

fn with_letters(runtime: &Runtime) -> (Dead, Queue<usize, usize>) {
    let dead = runtime.queue("dead").capacity(1).build().unwrap();
    let builder = runtime.queue("numbers").capacity(3).dead_letters(&dead);
    (dead, builder.build().unwrap())
}

/// Three jobs die on two workers; their letters pass through a queue that has room for one.
#[test]
fn letters_are_sent_once() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let (dead, queue) = with_letters(&runtime);
        let got = Arc::new(Mutex::new(Vec::new()));
        let log = got.clone();
        dead.workers(1, move |job| {
            let letter = job.payload();
            log.lock()
                .unwrap()
                .push(letter.payload.expect("its payload"));
            Ok(())
        })
        .unwrap();
        queue.workers(2, |_| Err(Failure::msg("no"))).unwrap();
        for number in 0..3 {
            queue.add(number).unwrap();
        }
        // Each letter needs the room that the last one leaves: one that is never sent is a wait without end.
        while got.lock().unwrap().len() < 3 {
            thread::yield_now();
        }
        quiet(&queue);
        let mut got = got.lock().unwrap().clone();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2]);
        assert_eq!(queue.stats().unsent, 0);
        assert!(queue.try_add(7).is_ok(), "a slot was not given back");
        runtime.shutdown(NO_TIME);
    });
}

/// The same while the runtime shuts down: each dead job's letter was handled, is given back, or is kept and counted.
#[test]
fn a_shutdown_loses_no_letter() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let (dead, queue) = with_letters(&runtime);
        dead.workers(1, |_| Ok(())).unwrap();
        queue.workers(2, |_| Err(Failure::msg("no"))).unwrap();
        for number in 0..3 {
            queue.add(number).unwrap();
        }
        let report = runtime.shutdown(NO_TIME);
        // Every job has ended, and every letter is handled, given back, or kept; late workers and the clerk are at it still.
        let mut returned = 0;
        let settled = |returned| {
            let (stats, letters) = (queue.stats(), dead.stats());
            let ended = letters.completed + letters.interrupted + returned;
            let sent = letters.accepted + stats.unsent == stats.failed;
            stats.is_balanced() && stats.live() == 0 && sent && ended == letters.accepted
        };
        while !settled(returned) {
            thread::yield_now();
            returned += dead.take_returned().len() as u64;
        }
        assert!(
            !report.in_time || queue.stats().unsent == 0,
            "a letter is kept though there is room"
        );
    });
}

/// One listener hears every step of every job once, and each job's steps have numbers without a gap.
#[test]
fn a_listener_hears_every_step() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 2);
        let mut events = queue.subscribe();
        queue
            .workers(2, |job| match (*job.payload(), job.attempt()) {
                (0, 1) => Err(Failure::msg("again")),
                _ => Ok(*job.payload()),
            })
            .unwrap();
        let first = queue.add(0).unwrap();
        let canceller = {
            let queue = queue.clone();
            thread::spawn(move || queue.cancel(first))
        };
        queue.pause();
        queue.add(1).unwrap();
        queue.resume();
        canceller.join().unwrap();
        // Told in any order, but each step once. No wait with an end: a step that is not told is a deadlock.
        let mut heard = BTreeMap::<_, BTreeMap<_, _>>::new();
        let whole = |steps: &BTreeMap<u64, EventKind>| {
            let (first, last) = (
                steps.first_key_value().unwrap(),
                steps.last_key_value().unwrap(),
            );
            *first.1 == EventKind::Added
                && last.1.is_end()
                && steps.len() as u64 == last.0 - first.0 + 1
        };
        while heard.len() < 2 || !heard.values().all(whole) {
            let event = events.next().unwrap().expect("the log is long enough");
            let steps = heard.entry(event.job).or_default();
            let before = steps.insert(event.sequence, event.kind);
            assert!(before.is_none(), "a step was told twice");
        }
        finish(runtime, &queue);
        assert!(events.next().is_none());
    });
}

/// A listener that waits is woken for every event, and at the end.
#[test]
fn a_listener_sleeps_over_nothing() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        let listeners = [queue.subscribe(), queue.subscribe()]
            .map(|events| thread::spawn(move || events.filter(Result::is_ok).count()));
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        queue.submit(0).unwrap().wait().unwrap();
        finish(runtime, &queue);
        for listener in listeners {
            assert_eq!(listener.join().unwrap(), 3);
        }
    });
}

/// Consumers take turns: who leaves, or is displaced, leaves nobody asleep while there is work.
fn turns(single: bool) {
    let runtime = Runtime::new().unwrap();
    let builder = runtime.queue("numbers").capacity(3);
    let builder = match single {
        true => builder.single_active_consumer(),
        false => builder,
    };
    let queue: Queue<usize, usize> = builder.build().unwrap();
    let inside = Arc::new(AtomicUsize::new(0));
    // Of two active ones the first would have to be displaced with a lease in its hand.
    let above = i32::from(!single);
    let consumers = [(0, 1), (above, 1), (0, usize::MAX)].map(|(priority, jobs)| {
        let (queue, inside) = (queue.clone(), inside.clone());
        thread::spawn(move || {
            let consumer = queue.consumer().priority(priority).prefetch(1).build();
            for _ in 0..jobs {
                let Ok(lease) = consumer.lease() else { return };
                let others = inside.fetch_add(1, SeqCst);
                assert!(!single || others == 0, "two active consumers");
                thread::yield_now();
                inside.fetch_sub(1, SeqCst);
                let number = *lease.payload();
                lease.complete(number).unwrap();
            }
        })
    });
    let handles: Vec<_> = (0..3).map(|n| queue.submit(n).unwrap()).collect();
    // No wait with an end: a job that nobody takes is a deadlock, which shuttle reports.
    for (number, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.wait().unwrap(), number);
    }
    runtime.shutdown(NO_TIME);
    consumers
        .into_iter()
        .for_each(|consumer| consumer.join().unwrap());
}

#[test]
fn consumers_take_turns() {
    check(|| turns(false));
}

#[test]
fn a_single_active_consumer_is_replaced() {
    check(|| turns(true));
}

/// A lease counts against its consumer until it is settled, by whatever thread.
#[test]
fn a_settled_lease_wakes_its_consumer() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        queue.add_many(vec![0, 1]).unwrap();
        let consumer = queue.consumer().prefetch(1).build();
        let lease = consumer.lease().unwrap();
        let gate = Gate::new();
        let open = gate.clone();
        let settler = thread::spawn(move || {
            open.pass();
            lease.complete(0).unwrap();
        });
        gate.open();
        consumer.lease().unwrap().complete(1).unwrap();
        settler.join().unwrap();
        assert_eq!(finish(runtime, &queue).completed, 2);
    });
}

/// A worker that took several jobs puts them back, since others were moved out of the line meanwhile, and takes one again. The rest
/// is nobody's, and who slept while it was in its hands must start it.
#[test]
fn what_is_put_back_is_started() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 3, 1);
        let stray = queue.add(0).unwrap();
        queue.add_many(vec![1, 2]).unwrap();
        assert!(queue.cancel(stray));
        let (gate, starts) = (Gate::new(), AtomicUsize::new(0));
        queue
            .workers(2, move |job| {
                match starts.fetch_add(1, SeqCst) {
                    0 => gate.pass(),
                    _ => gate.open(),
                }
                Ok(*job.payload())
            })
            .unwrap();
        // The stray ticket has a slot, so this moves what lies in line.
        let more = queue.try_add(3).is_ok();
        let stats = finish(runtime, &queue);
        assert_eq!(stats.completed, 2 + u64::from(more));
    });
}
