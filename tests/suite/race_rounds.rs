//! Races between two public operations, run side by side for many rounds: `GUICHET_ROUNDS` of each program,
//! 2,000 if it is not set. What they show here once in a hundred thousand rounds or less, the models of
//! `tests/shuttle/races.rs` show in every run; here it is the real machine that tries.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use guichet::{JobId, Order, Queue, Runtime};

use super::support::{PATIENCE, runtime, until};

fn rounds() -> u64 {
    let given = std::env::var("GUICHET_ROUNDS").ok();
    given.map_or(2_000, |given| given.parse().expect("a number of rounds"))
}

/// Waits for something that is about to happen, without falling asleep over it.
fn soon(what: impl Fn() -> bool) {
    let mut looks = 0_u32;
    while !what() {
        looks += 1;
        match looks.is_multiple_of(64) {
            true => thread::yield_now(),
            false => spin_loop(),
        }
    }
}

/// A thread that does one thing per round, at the same time as the test's own.
struct Partner<A, X> {
    begun: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
    given: Arc<Mutex<Option<A>>>,
    came: Arc<Mutex<Option<X>>>,
}

impl<A: Send + 'static, X: Send + 'static> Partner<A, X> {
    fn new(act: impl Fn(A) -> X + Send + 'static) -> Self {
        let partner = Partner {
            begun: Arc::default(),
            done: Arc::default(),
            given: Arc::default(),
            came: Arc::default(),
        };
        let (begun, done) = (partner.begun.clone(), partner.done.clone());
        let (given, came) = (partner.given.clone(), partner.came.clone());
        thread::spawn(move || {
            for round in 1.. {
                soon(|| begun.load(SeqCst) >= round);
                // Nothing is given when the test is over.
                let Some(task) = given.lock().unwrap().take() else {
                    return;
                };
                *came.lock().unwrap() = Some(act(task));
                done.store(round, SeqCst);
            }
        });
        partner
    }

    fn begin(&self, task: A) {
        *self.given.lock().unwrap() = Some(task);
        self.begun.fetch_add(1, SeqCst);
    }

    fn end(&self) -> X {
        let round = self.begun.load(SeqCst);
        soon(|| self.done.load(SeqCst) >= round);
        let came = self.came.lock().unwrap().take();
        came.expect("the round is over")
    }
}

impl<A, X> Drop for Partner<A, X> {
    fn drop(&mut self) {
        self.begun.fetch_add(1, SeqCst);
    }
}

fn banded(runtime: &Runtime, capacity: usize) -> Queue<u32, u32> {
    let builder = runtime.queue("numbers").capacity(capacity);
    builder.order(Order::Bands(3)).build().unwrap()
}

#[test]
fn a_moved_job_is_started() {
    let runtime = runtime();
    let queue = banded(&runtime, 4);
    queue.workers(2, |job| Ok(*job.payload())).unwrap();
    let other = queue.clone();
    let mover = Partner::new(move |id: JobId| other.set_priority(id, 1).is_ok());
    for round in 0..rounds() {
        let handle = queue.submit(7).unwrap();
        mover.begin(handle.id());
        let outcome = handle.wait_timeout(PATIENCE);
        assert!(outcome.is_ok(), "round {round}: the job was stranded");
        mover.end();
    }
}

#[test]
fn a_moved_job_can_be_leased() {
    let runtime = runtime();
    let queue = banded(&runtime, 4);
    let other = queue.clone();
    let mover = Partner::new(move |id: JobId| other.set_priority(id, 1).is_ok());
    for round in 0..rounds() {
        mover.begin(queue.add(7).unwrap());
        let lease = queue.try_lease();
        assert!(lease.is_some(), "round {round}: the job waits");
        drop(lease.unwrap().complete(7));
        mover.end();
    }
}

#[test]
fn an_old_name_changes_nothing_of_the_next_job() {
    let runtime = runtime();
    let builder = runtime.queue("numbers").capacity(1).delayed_capacity(1);
    let queue: Queue<u32, u32> = builder.order(Order::Bands(3)).build().unwrap();
    let other = queue.clone();
    let mover = Partner::new(move |id: JobId| other.set_priority(id, 1).is_ok());
    let later = Duration::from_secs(3600);
    let add = |number| queue.job(number).priority(3).delay(later).add().unwrap();
    for round in 0..rounds() {
        let first = add(1);
        mover.begin(first);
        assert!(queue.cancel(first));
        let second = add(2);
        mover.end();
        queue.promote(second).unwrap();
        let lease = queue.try_lease().expect("it was promoted");
        assert_eq!((lease.id(), lease.priority()), (second, 3), "round {round}");
        lease.complete(2).unwrap();
    }
}

#[test]
fn a_cancelled_job_in_hand_takes_no_slot() {
    let runtime = runtime();
    for order in [Order::Fifo, Order::Heap(3)] {
        let builder = runtime.queue(&format!("{order:?}")).capacity(1);
        let queue: Queue<u32, u32> = builder.order(order).build().unwrap();
        let other = queue.clone();
        let taker = Partner::new(move |()| other.try_lease());
        for round in 0..rounds() {
            let id = queue.add(0).unwrap();
            taker.begin(());
            let added = queue.cancel(id).then(|| queue.try_add(1).is_ok());
            let lease = taker.end();
            let taken = lease.is_some();
            drop(lease.map(|lease| lease.complete(0)));
            // A job that was leased when it was cancelled keeps its slot until the lease is settled.
            assert!(added != Some(false) || taken, "round {round}: full");
            while let Some(lease) = queue.try_lease() {
                lease.complete(0).unwrap();
            }
        }
    }
}

#[test]
fn two_adders_get_the_slots_of_two_cancelled_jobs() {
    let runtime = runtime();
    let queue = banded(&runtime, 2);
    let other = queue.clone();
    let adder = Partner::new(move |()| other.try_add(1).is_ok());
    for round in 0..rounds() {
        let ids = queue.add_many(vec![0, 0]).unwrap();
        assert!(ids.into_iter().all(|id| queue.cancel(id)));
        adder.begin(());
        let mine = queue.try_add(2).is_ok();
        assert_eq!((mine, adder.end()), (true, true), "round {round}: full");
        while let Some(lease) = queue.try_lease() {
            lease.complete(0).unwrap();
        }
    }
}

#[test]
fn a_compaction_breaks_no_chain_of_wake_ups() {
    let runtime = runtime();
    let queue = banded(&runtime, 3);
    // The number of the round whose second job has started last.
    let started = Arc::new(AtomicU64::new(0));
    let starts = started.clone();
    queue
        .workers(2, move |job| {
            match *job.payload() {
                0 => {}
                first if first % 2 == 1 => {
                    let round = u64::from(first / 2);
                    until("the other job was stranded", || {
                        starts.load(SeqCst) >= round
                    });
                }
                second => starts.store(u64::from(second / 2), SeqCst),
            }
            Ok(0)
        })
        .unwrap();
    let other = queue.clone();
    let compacter = Partner::new(move |stale: JobId| {
        other.cancel(stale);
        other.try_add_many(vec![0; 3]).is_ok()
    });
    for round in 1..=rounds() {
        let number = u32::try_from(round % (1 << 30)).unwrap();
        started.store(0, SeqCst);
        let stale = queue.add(0).unwrap();
        compacter.begin(stale);
        let handles = [2 * number + 1, 2 * number].map(|job| queue.submit(job).unwrap());
        for handle in handles {
            let outcome = handle.wait_timeout(PATIENCE);
            assert!(outcome.is_ok(), "round {round}: a job was stranded");
        }
        compacter.end();
        until("all have ended", || queue.stats().live() == 0);
    }
}
