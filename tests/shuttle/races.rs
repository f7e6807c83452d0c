//! Races that once got past the other models, each in the smallest program that shows it.

use guichet::{Job, JobState, Order, Queue, Runtime};
use shuttle::sync::Arc;
use shuttle::thread;
use std::time::Duration;

use super::matrix::Counter;
use super::{Gate, check, finish, queue};

fn banded(runtime: &Runtime, capacity: usize) -> Queue<usize, usize> {
    let builder = runtime.queue("numbers").capacity(capacity);
    let builder = builder.order(Order::Bands(2)).default_priority(2);
    builder.build().expect("valid options")
}

/// A worker pops a job's former ticket while the job moves to another priority: it finds the new one.
#[test]
fn a_moved_job_is_started() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = banded(&runtime, 2);
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let handle = queue.submit(7).unwrap();
        let (id, other) = (handle.id(), queue.clone());
        let mover = thread::spawn(move || other.set_priority(id, 1).is_ok());
        // No wait with an end: a job that nobody starts is a deadlock, which shuttle reports.
        assert_eq!(handle.wait().unwrap(), 7);
        mover.join().unwrap();
        finish(runtime, &queue);
    });
}

/// The same with a lease: there is no instant at which the job can't be had.
#[test]
fn a_moved_job_can_be_leased() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = banded(&runtime, 2);
        let id = queue.add(7).unwrap();
        let other = queue.clone();
        let mover = thread::spawn(move || other.set_priority(id, 1));
        let lease = queue.try_lease();
        let lease = lease.expect("nothing was said of a job that waits");
        lease.complete(7).unwrap();
        // A job that is leased can't be moved.
        let _ = mover.join().unwrap();
        finish(runtime, &queue);
    });
}

/// Whoever found the first job leaves the search while a compaction moves the second one: it wakes the
/// other thread all the same, though nobody else does.
#[test]
fn a_compaction_breaks_no_chain_of_wake_ups() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 3, 1);
        let (started, done) = (Gate::new(), Gate::new());
        let holders = [(), ()].map(|()| {
            let (queue, started, done) = (queue.clone(), started.clone(), done.clone());
            thread::spawn(move || {
                while let Ok(lease) = queue.lease() {
                    match *lease.payload() {
                        1 => {
                            started.pass();
                            done.open();
                        }
                        2 => started.open(),
                        _ => {}
                    }
                    // The third job may have been cancelled.
                    let _ = lease.complete(0);
                }
            })
        });
        thread::yield_now();
        let ids = queue.add_many(vec![1, 2, 3]).unwrap();
        queue.cancel(ids[2]);
        // Compacts, and adds nothing of which anybody would hear.
        let _ = queue.try_add_many(vec![4; 3]);
        // No wait with an end: a job that nobody starts is a deadlock, which shuttle reports.
        done.pass();
        runtime.shutdown(Duration::ZERO);
        holders
            .into_iter()
            .for_each(|holder| holder.join().unwrap());
    });
}

/// A delayed job is cancelled and its slot serves another one, while somebody gives the first another priority.
#[test]
fn an_old_name_changes_nothing_of_the_next_job() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue("numbers").capacity(1).delayed_capacity(1);
        let queue: Queue<usize, usize> = builder.order(Order::Bands(3)).build().unwrap();
        let later = Duration::MAX;
        let first = queue.job(1).priority(3).delay(later).add().unwrap();
        let other = queue.clone();
        let mover = thread::spawn(move || other.set_priority(first, 1).is_ok());
        assert!(queue.cancel(first));
        let second = queue.job(2).priority(3).delay(later).add().unwrap();
        queue.promote(second).unwrap();
        mover.join().unwrap();
        let lease = queue.try_lease().expect("it was promoted");
        assert_eq!((lease.id(), lease.priority()), (second, 3));
        lease.complete(2).unwrap();
        finish(runtime, &queue);
    });
}

/// The ticket of a cancelled job is in somebody's hand: its slot is there for an adder all the same.
#[test]
fn a_cancelled_job_in_hand_takes_no_slot() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        let id = queue.add(0).unwrap();
        let other = queue.clone();
        let taker = thread::spawn(move || other.try_lease().is_some());
        if queue.cancel(id) {
            let added = queue.try_add(1);
            // Or the taker holds the lease, whose end gives the slot back.
            let leased = taker.join().unwrap();
            assert!(
                added.is_ok() || leased,
                "a cancelled job took a slot: {added:?}"
            );
        }
        runtime.shutdown(Duration::ZERO);
    });
}

/// Two adders need the slots of two cancelled jobs, and each finds the other at compacting.
#[test]
fn two_adders_get_the_slots_of_two_cancelled_jobs() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        let ids = queue.add_many(vec![0, 0]).unwrap();
        assert!(ids.into_iter().all(|id| queue.cancel(id)));
        let adders = [1, 2].map(|number| {
            let queue = queue.clone();
            thread::spawn(move || queue.try_add(number).is_ok())
        });
        let added = adders.map(|adder| adder.join().unwrap());
        assert_eq!(added, [true, true], "a cancelled job took a slot");
        runtime.shutdown(Duration::ZERO);
    });
}

/// Jobs of a batch are cancelled before their tickets are in line: their slots are there all the same.
#[test]
fn a_batch_cancelled_on_its_way_takes_no_slot() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue("numbers").capacity(2);
        let queue: Queue<usize, usize> = builder.order(Order::Heap(2)).build().unwrap();
        let other = queue.clone();
        let adder = thread::spawn(move || other.add_many(vec![1, 2]).unwrap());
        thread::yield_now();
        let waiting = queue.jobs(JobState::Waiting, 0, 2);
        let cancelled = waiting.iter().filter(|job| queue.cancel(job.id)).count();
        adder.join().unwrap();
        let added = (0..2).filter(|_| queue.try_add(3).is_ok()).count();
        assert_eq!(added, cancelled, "a cancelled job took a slot");
        runtime.shutdown(Duration::ZERO);
    });
}

/// Two adders sleep. The one is woken for a slot that came back, while a job is cancelled in line: it wakes the
/// other one for that.
#[test]
fn who_leaves_with_a_slot_tells_of_stale_tickets() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 2, 1);
        let ids = queue.add_many(vec![0, 0]).unwrap();
        let lease = queue.try_lease().unwrap();
        let adders = [1, 2].map(|number| {
            let queue = queue.clone();
            thread::spawn(move || queue.add(number).is_ok())
        });
        thread::yield_now();
        lease.complete(0).unwrap();
        assert!(queue.cancel(ids[1]));
        // No wait with an end: an adder that sleeps beside a slot is a deadlock, which shuttle reports.
        assert_eq!(adders.map(|adder| adder.join().unwrap()), [true, true]);
        runtime.shutdown(Duration::ZERO);
    });
}

/// A worker that took a ticket waits for the end of a pause: what it has in hand can be found.
#[test]
fn a_job_cancelled_in_a_pause_takes_no_slot() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let queue = queue(&runtime, 1, 1);
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        let id = queue.add(0).unwrap();
        queue.pause();
        if queue.cancel(id) {
            // If it was just being started the slot comes when the worker has given it up.
            while queue.try_add(1).is_err() {
                thread::yield_now();
            }
        }
        queue.resume();
        finish(runtime, &queue);
    });
}

/// A payload whose destructor waits until the other job has started, as a destructor may.
struct Patient(Option<Gate>);

impl Drop for Patient {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.pass();
        }
    }
}

/// Two wait for a lease. The one finds a job that has expired, whose destructor waits for the other one's job.
#[test]
fn a_destructor_is_no_search() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue::<Patient, ()>("patient").capacity(2);
        let queue = Arc::new(builder.build().unwrap());
        let gate = Gate::new();
        let holders = [(), ()].map(|()| {
            let (queue, gate) = (queue.clone(), gate.clone());
            thread::spawn(move || {
                while let Ok(lease) = queue.lease() {
                    gate.open();
                    lease.complete(()).unwrap();
                }
            })
        });
        let expired = queue.job(Patient(Some(gate))).ttl(Duration::from_nanos(1));
        expired.add().unwrap();
        let other = queue.submit(Patient(None)).unwrap();
        other.wait().unwrap();
        runtime.shutdown(Duration::ZERO);
        holders
            .into_iter()
            .for_each(|holder| holder.join().unwrap());
    });
}

/// A job is cancelled while its handler returns: whoever cancelled it finds the record whole.
#[test]
fn a_cancelled_jobs_record_has_its_reason() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue("numbers").capacity(1).keep_failed(10);
        let queue: Queue<usize, usize> = builder.build().unwrap();
        queue
            .workers(1, |job| {
                thread::yield_now();
                Ok(*job.payload())
            })
            .unwrap();
        let id = queue.add(0).unwrap();
        thread::yield_now();
        if queue.cancel_because(id, "why") {
            let info = queue.job_info(id).expect("its record is kept");
            assert_eq!(info.cancel_reason.as_deref(), Some("why"));
        }
        finish(runtime, &queue);
    });
}

/// A moved job completes while its stale ticket keeps the slot, and its payload's destructor waits for the next
/// job: the adder is told of the slot before.
#[test]
fn an_adder_is_told_before_a_payload_is_dropped() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue::<Patient, ()>("patient").capacity(1);
        let builder = builder.order(Order::Bands(2)).default_priority(2);
        let queue = Arc::new(builder.build().unwrap());
        let gate = Gate::new();
        let id = queue.add(Patient(Some(gate.clone()))).unwrap();
        let other = queue.clone();
        let adder = thread::spawn(move || {
            other.add(Patient(None)).unwrap();
            gate.open();
        });
        thread::yield_now();
        queue.set_priority(id, 1).unwrap();
        let lease = queue.try_lease().expect("it waits");
        lease.complete(()).unwrap();
        adder.join().unwrap();
        runtime.shutdown(Duration::ZERO);
    });
}

/// A thread that read the clock before another turned clock and wheel takes a timer out of the wheel: the
/// job becomes due all the same.
#[test]
fn a_timer_is_not_lost_to_an_old_reading_of_the_clock() {
    check(|| {
        let clock = Counter::new();
        let runtime = Runtime::builder().without_clerk().clock(clock.clone());
        let runtime = Arc::new(runtime.build().unwrap());
        let queue = queue(&runtime, 1, 1);
        let turn = |turned: bool| {
            let (clock, runtime) = (clock.clone(), runtime.clone());
            thread::spawn(move || {
                if turned {
                    clock.turn();
                }
                runtime.do_due();
            })
        };
        let threads = [turn(false), turn(true)];
        let id = queue.job(7).delay(Duration::from_secs(3600)).add().unwrap();
        for thread in threads {
            thread.join().unwrap();
        }
        // The job may have been added after the turn.
        clock.turn();
        runtime.do_due();
        assert_eq!(queue.state(id), Some(JobState::Waiting));
        runtime.shutdown(Duration::ZERO);
    });
}

/// A job gets another priority while its ticket lies on the desk of a worker that is in another handler: the other
/// worker, which looks into the line first and at the desks then, finds it in the one or the other.
#[test]
fn a_job_that_moves_from_a_desk_is_started() {
    check(|| {
        let runtime = Runtime::new().unwrap();
        let builder = runtime.queue("numbers").capacity(4).prefetch(4);
        let builder = builder.order(Order::Bands(2)).default_priority(2);
        let queue: Queue<usize, usize> = builder.build().unwrap();
        let gate = Gate::new();
        let handles: Vec<_> = (0..4).map(|number| queue.submit(number).unwrap()).collect();
        let id = handles[1].id();
        let pass = gate.clone();
        let handler = move |job: &Job<'_, usize>| {
            if *job.payload() == 0 {
                pass.pass();
            }
            Ok(*job.payload())
        };
        queue.workers(2, handler).unwrap();
        thread::yield_now();
        // It may have begun before.
        let _ = queue.set_priority(id, 1);
        for (number, handle) in handles.into_iter().enumerate().skip(1) {
            assert_eq!(handle.wait().unwrap(), number);
        }
        gate.open();
        finish(runtime, &queue);
    });
}
