//! The executors, each with two workers, started before the clock and ended in its own way.
//!
//! A job is a number that the worker counts. None of them returns from `finish` before all jobs have
//! run.

use std::hint::black_box;
use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use guichet::{Failure, Job, Queue, Runtime};

use super::{CAPACITY, WORKERS};
use crate::pulse;

/// Jobs per `add_many`.
const BATCH: u64 = 32;
/// Longer than any run: the watchdog is faster.
const GRACE: Duration = Duration::from_secs(60);

/// What every worker does.
#[inline]
fn work(job: u64) {
    black_box(job);
    pulse::beat();
}

/// An executor.
pub trait Crew {
    /// What a submitting thread needs.
    type Submitter: Send;

    /// One for each thread.
    fn submitter(&self) -> Self::Submitter;

    /// Submits all of `jobs`.
    fn submit(submitter: Self::Submitter, jobs: Range<u64>);

    /// Waits until all jobs have run.
    fn finish(self);
}

/// How jobs are added to guichet's queue.
#[derive(Clone, Copy)]
pub enum Way {
    /// `Queue::add`.
    Add,
    /// `Producer::add`.
    Producer,
    /// `Queue::add_many`.
    AddMany,
}

/// guichet's queue.
pub struct Guichet {
    way: Way,
    runtime: Runtime,
    queue: Queue<u64, ()>,
}

impl Guichet {
    /// With its workers.
    pub fn start(way: Way) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let queue = runtime.queue("rivals").capacity(CAPACITY).build();
        let queue: Queue<u64, ()> = queue.expect("the options are valid");
        let handler = |job: &Job<'_, u64>| -> Result<(), Failure> {
            work(*job.payload());
            Ok(())
        };
        let started = queue.workers(WORKERS, handler);
        started.expect("threads can be started");
        Guichet {
            way,
            runtime,
            queue,
        }
    }
}

impl Crew for Guichet {
    type Submitter = (Way, Queue<u64, ()>);

    fn submitter(&self) -> Self::Submitter {
        (self.way, self.queue.clone())
    }

    fn submit((way, queue): Self::Submitter, mut jobs: Range<u64>) {
        match way {
            Way::Add => jobs.for_each(|job| {
                queue.add(job).expect("the queue is open");
            }),
            Way::Producer => {
                let mut producer = queue.producer();
                jobs.for_each(|job| {
                    producer.add(job).expect("the queue is open");
                });
            }
            Way::AddMany => {
                while !jobs.is_empty() {
                    let batch = jobs.by_ref().take(BATCH as usize).collect();
                    queue.add_many(batch).expect("the queue is open");
                }
            }
        }
    }

    fn finish(self) {
        let report = self.runtime.shutdown(GRACE);
        assert!(report.in_time, "the workers leave when all is done");
    }
}

/// Threads that receive from a channel.
pub struct Crossbeam {
    sender: crossbeam_channel::Sender<u64>,
    workers: Vec<JoinHandle<()>>,
}

impl Crossbeam {
    /// With its workers.
    pub fn start() -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
        let worker = |_| {
            let receiver = receiver.clone();
            thread::spawn(move || receiver.into_iter().for_each(work))
        };
        let workers = (0..WORKERS).map(worker).collect();
        Crossbeam { sender, workers }
    }
}

impl Crew for Crossbeam {
    type Submitter = crossbeam_channel::Sender<u64>;

    fn submitter(&self) -> Self::Submitter {
        self.sender.clone()
    }

    fn submit(sender: Self::Submitter, mut jobs: Range<u64>) {
        jobs.try_for_each(|job| sender.send(job))
            .expect("the workers stay");
    }

    fn finish(self) {
        drop(self.sender);
        for worker in self.workers {
            worker.join().expect("it does not panic");
        }
    }
}

/// Waits until a pool has done all its jobs. They run in the order of their coming, so when every
/// worker has come to one more job and waits there for the others, those before it are done. A pool's
/// own way of joining, where it has one, may return while a worker still holds a job.
fn meet(spawn: impl Fn(Meeting)) {
    let gate = Arc::new(Barrier::new(WORKERS + 1));
    for _ in 0..WORKERS {
        let gate = Arc::clone(&gate);
        spawn(Box::new(move || {
            gate.wait();
        }));
    }
    gate.wait();
}

/// A job that waits for the other workers.
type Meeting = Box<dyn FnOnce() + Send>;

/// A pool of rayon's, used from outside.
pub struct Rayon(Arc<rayon::ThreadPool>);

impl Rayon {
    /// With its workers.
    pub fn start() -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(WORKERS).build();
        Rayon(Arc::new(pool.expect("threads can be started")))
    }
}

impl Crew for Rayon {
    type Submitter = Arc<rayon::ThreadPool>;

    fn submitter(&self) -> Self::Submitter {
        Arc::clone(&self.0)
    }

    fn submit(pool: Self::Submitter, jobs: Range<u64>) {
        jobs.for_each(|job| pool.spawn(move || work(job)));
    }

    fn finish(self) {
        meet(|job| self.0.spawn(job));
    }
}

/// threadpool.
pub struct Threadpool(threadpool::ThreadPool);

impl Threadpool {
    /// With its workers.
    pub fn start() -> Self {
        Threadpool(threadpool::ThreadPool::new(WORKERS))
    }
}

impl Crew for Threadpool {
    type Submitter = threadpool::ThreadPool;

    fn submitter(&self) -> Self::Submitter {
        self.0.clone()
    }

    fn submit(pool: Self::Submitter, jobs: Range<u64>) {
        jobs.for_each(|job| pool.execute(move || work(job)));
    }

    fn finish(self) {
        meet(|job| self.0.execute(job));
    }
}

/// rusty_pool.
pub struct RustyPool(rusty_pool::ThreadPool);

impl RustyPool {
    /// With its workers.
    pub fn start() -> Self {
        let pool = rusty_pool::ThreadPool::new(WORKERS, WORKERS, GRACE);
        pool.start_core_threads();
        RustyPool(pool)
    }
}

impl Crew for RustyPool {
    type Submitter = rusty_pool::ThreadPool;

    fn submitter(&self) -> Self::Submitter {
        self.0.clone()
    }

    fn submit(pool: Self::Submitter, jobs: Range<u64>) {
        jobs.for_each(|job| pool.execute(move || work(job)));
    }

    fn finish(self) {
        meet(|job| self.0.execute(job));
    }
}
