//! How many locks a job takes, by path: the hot path takes none.
//!
//! The lock of builds with debug assertions and the feature `internals` counts, on all threads,
//! while it is told to. Two workers are held by a job each until all others are there, so that
//! nobody sleeps or waits for room meanwhile: both take locks, as often as chance has it. What is
//! left is the same in every round, but for the two workers' going to sleep at its end.
//!
//! ```text
//! cargo test --features internals --test locks -- --nocapture
//! ```
#![cfg(all(debug_assertions, not(any(guichet_loom, guichet_shuttle))))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use guichet::internals::sync::{self, Locks};
use guichet::{Failure, Job, JobId, Order, Queue, QueueBuilder, Runtime};

/// A wait as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(45);
const JOBS: u64 = 10_000;
const ROUNDS: usize = 5;
const WORKERS: u64 = 2;
/// What the hot path may take per job: the sleeps at the end of a round, not a lock more.
const NONE: f64 = 0.01;

/// One test at a time: locks are counted on all threads.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `counted` has come to `goal`, without a lock.
fn reach(what: &str, counted: &AtomicU64, goal: u64) {
    let end = Instant::now() + PATIENCE;
    while counted.load(SeqCst) < goal {
        let seen = counted.load(SeqCst);
        assert!(Instant::now() < end, "{what}: {seen} of {goal}");
        thread::yield_now();
    }
}

/// Prints what one path takes, by the fewest of a few rounds: `least` to `most` locks per job.
fn judge(path: &str, least: f64, most: f64, mut round: impl FnMut() -> Locks) {
    let each = |locks: &Locks| locks.total() as f64 / JOBS as f64;
    let mut fewest = round();
    for _ in 1..ROUNDS {
        if each(&fewest) <= most {
            break;
        }
        fewest = [fewest, round()]
            .into_iter()
            .min_by_key(Locks::total)
            .expect("two");
    }
    let each = each(&fewest);
    println!("locks | {path} | {each:.4}");
    assert!(
        (least..=most).contains(&each),
        "{path}: {each} locks per job, expected {least} to {most}; of {JOBS} jobs\n{fewest}"
    );
}

/// What a handler does with a payload.
#[derive(Clone, Copy, Debug)]
enum Does {
    Complete,
    /// Fails at the first attempt.
    FailOnce,
    /// Keeps its worker until it is let go.
    Hold,
}

/// A queue with two workers that can be held.
struct Held {
    runtime: Runtime,
    queue: Queue<Does, ()>,
    holding: Arc<AtomicU64>,
    let_go: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl Held {
    fn new(options: impl FnOnce(QueueBuilder<Does, ()>) -> QueueBuilder<Does, ()>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        // Room for all jobs of a round, so that nobody waits for any.
        let builder = runtime
            .queue::<Does, ()>("counted")
            .capacity(2 * JOBS as usize);
        let queue = options(builder).build().expect("a queue");
        let held = Held {
            runtime,
            queue,
            holding: Arc::default(),
            let_go: Arc::default(),
            done: Arc::default(),
        };
        let (holding, let_go) = (held.holding.clone(), held.let_go.clone());
        let done = held.done.clone();
        let handler = move |job: &Job<'_, Does>| {
            match *job.payload() {
                Does::Complete => {}
                Does::FailOnce if job.attempt() == 1 => return Err(Failure::msg("once")),
                Does::FailOnce => {}
                Does::Hold => {
                    holding.fetch_add(1, SeqCst);
                    while !let_go.load(SeqCst) {
                        thread::yield_now();
                    }
                }
            }
            done.fetch_add(1, SeqCst);
            Ok(())
        };
        held.queue
            .workers(WORKERS as usize, handler)
            .expect("workers");
        held
    }

    /// The locks of `add`, of what the jobs it added take until they have ended, and of `after`.
    fn round<O>(
        &self,
        add: impl FnOnce(&Queue<Does, ()>) -> O,
        after: impl FnOnce(&Queue<Does, ()>, O),
    ) -> Locks {
        self.let_go.store(false, SeqCst);
        let (holding, done) = (self.holding.load(SeqCst), self.done.load(SeqCst));
        for number in 1..=WORKERS {
            self.queue.add(Does::Hold).expect("open");
            reach("workers that are held", &self.holding, holding + number);
        }
        Locks::during(|| {
            let added = add(&self.queue);
            self.let_go.store(true, SeqCst);
            reach("jobs", &self.done, done + WORKERS + JOBS);
            after(&self.queue, added);
        })
    }

    /// The same of jobs that are added one by one.
    fn round_of(&self, does: Does) -> Locks {
        self.round(
            |queue| {
                for _ in 0..JOBS {
                    queue.add(does).expect("open");
                }
            },
            |_, ()| {},
        )
    }

    fn end(self) {
        assert!(self.runtime.shutdown(PATIENCE).in_time);
        let stats = self.queue.stats();
        assert!(
            stats.is_balanced() && stats.accepted == stats.completed,
            "{stats:?}"
        );
    }
}

#[test]
fn a_lock_taken_by_hand_counts() {
    let _turn = turn();
    let lock = sync::Mutex::new(0);
    let taken = |body: &dyn Fn()| Locks::during(body).total();
    assert_eq!(taken(&|| {}), 0);
    assert_eq!(taken(&|| *lock.lock() += 1), 1);
    assert_eq!(taken(&|| drop(lock.try_lock())), 1);
    let in_vain = || assert!(lock.try_lock().is_none());
    assert_eq!(
        taken(&|| {
            let _held = lock.lock();
            in_vain();
        }),
        2,
        "a try in vain counts too"
    );
    let elsewhere = || {
        thread::scope(|scope| {
            scope.spawn(|| *lock.lock() += 1);
        });
    };
    assert_eq!(taken(&elsewhere), 1, "on any thread");
}

#[test]
fn the_hot_path_takes_none() {
    let _turn = turn();
    let held = Held::new(|queue| queue);
    judge("`add`, `Order::Fifo`", 0.0, NONE, || {
        held.round_of(Does::Complete)
    });
    judge("`Producer`, `Order::Fifo`", 0.0, NONE, || {
        let produce = |queue: &Queue<Does, ()>| {
            let mut producer = queue.producer();
            for _ in 0..JOBS {
                producer.add(Does::Complete).expect("open");
            }
        };
        held.round(produce, |_, ()| {})
    });
    judge("`submit` and `wait`, `Order::Fifo`", 0.0, NONE, || {
        let submit = |queue: &Queue<Does, ()>| {
            let submit = |_| queue.submit(Does::Complete).expect("open");
            (0..JOBS).map(submit).collect::<Vec<_>>()
        };
        held.round(submit, |_, handles| {
            let results = handles.into_iter().map(|handle| handle.wait());
            assert!(results.into_iter().all(|result| result.is_ok()));
        })
    });
    held.end();
}

#[test]
fn a_batch_takes_one() {
    let _turn = turn();
    let held = Held::new(|queue| queue);
    let batch = 100;
    let each = 1.0 / batch as f64;
    judge("`add_many` of 100", each, each + NONE, || {
        let add = |queue: &Queue<Does, ()>| {
            for _ in 0..JOBS as usize / batch {
                queue.add_many(vec![Does::Complete; batch]).expect("open");
            }
        };
        held.round(add, |_, ()| {})
    });
    held.end();
}

#[test]
fn lines_by_priority() {
    let _turn = turn();
    let held = Held::new(|queue| queue.order(Order::Bands(10)));
    let by_priority = |held: &Held| {
        let add = |queue: &Queue<Does, ()>| {
            for number in 0..JOBS {
                let job = queue.job(Does::Complete).priority(1 + number as u32 % 10);
                job.add().expect("open");
            }
        };
        held.round(add, |_, ()| {})
    };
    judge("`add`, `Order::Bands(10)`", 0.0, NONE, || {
        by_priority(&held)
    });
    held.end();
    let held = Held::new(|queue| queue.order(Order::Heap(10)));
    // A worker that finds the other one at the heap tries again.
    judge("`add`, `Order::Heap(10)`", 1.0, 1.5, || by_priority(&held));
    held.end();
}

#[test]
fn what_is_written_down() {
    let _turn = turn();
    let held = Held::new(|queue| queue.keep_completed(100));
    judge("a kept record", 1.0, 1.0 + NONE, || {
        held.round_of(Does::Complete)
    });
    held.end();
    let held = Held::new(|queue| queue.attempts(2));
    judge("a failed attempt and its retry", 2.0, 2.0 + NONE, || {
        held.round_of(Does::FailOnce)
    });
    held.end();
}

/// Without workers nothing is left to chance.
#[test]
fn what_the_caller_does_itself() {
    let _turn = turn();
    let runtime = Runtime::new().expect("a runtime");
    let builder = runtime.queue::<u64, ()>("counted").order(Order::Bands(10));
    let queue = builder
        .capacity(JOBS as usize + 1)
        .build()
        .expect("a queue");
    let fill = || -> Vec<JobId> { (0..JOBS).map(|n| queue.add(n).expect("room")).collect() };
    let lease_all = || {
        for _ in 0..JOBS {
            let lease = queue.try_lease().expect("a job");
            lease.complete(()).expect("it is held");
        }
    };
    judge(
        "`try_lease` and `complete` of the only lease",
        2.0,
        5.0,
        || {
            fill();
            Locks::during(lease_all)
        },
    );
    queue.add(0).expect("room");
    let another = queue.try_lease().expect("a job");
    let path = "`try_lease` and `complete` beside another lease";
    judge(path, 0.0, NONE, || {
        fill();
        Locks::during(lease_all)
    });
    judge("`set_priority`", 1.0, 1.0 + NONE, || {
        let ids = fill();
        let locks = Locks::during(|| {
            for id in ids {
                queue.set_priority(id, 1).expect("it waits");
            }
        });
        lease_all();
        locks
    });
    judge("`cancel`", 3.0, 3.0 + NONE, || {
        let ids = fill();
        let locks = Locks::during(|| assert!(ids.into_iter().all(|id| queue.cancel(id))));
        assert!(queue.try_lease().is_none());
        locks
    });
    another.complete(()).expect("it is held");
    assert!(runtime.shutdown(PATIENCE).in_time);
}
