//! guichet itself: three ways to add, three orders.

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use guichet::{Failure, Job, Order, Queue, Runtime};

use super::contender::{Contender, Producing, Running};
use super::failed::Failed;
use crate::cli::args::Impl;
use crate::cli::bench::task::{PRIORITIES, Task, priority};

/// Jobs per `add_many`.
const BATCH: usize = 32;
/// Priorities of the heap: far more than anybody would give a band each.
const HEAP: u32 = 1 << 20;
/// How long a shutdown may take; all jobs have run by then, so any wait is a fault.
const GRACE: Duration = Duration::from_secs(10);

/// How jobs are added, and in which order they are handed out.
#[derive(Clone, Copy, Debug)]
pub enum Guichet {
    /// `Queue::add`, job by job.
    Add,
    /// The same, while somebody listens to the queue's events.
    Heard,
    /// `Producer::add`, job by job.
    Producer,
    /// `Queue::add_many`.
    AddMany,
    /// `Queue::add`, where the others of the workload give a priority.
    Fifo,
    /// `JobBuilder::add` with a priority, into bands.
    Bands,
    /// The same into a heap.
    Heap,
}

impl Guichet {
    fn order(self) -> Order {
        match self {
            Guichet::Add
            | Guichet::Heard
            | Guichet::Producer
            | Guichet::AddMany
            | Guichet::Fifo => Order::Fifo,
            Guichet::Bands => Order::Bands(PRIORITIES),
            Guichet::Heap => Order::Heap(HEAP),
        }
    }
}

impl Contender for Guichet {
    fn id(&self) -> Impl {
        match self {
            Guichet::Add => Impl::GuichetAdd,
            Guichet::Heard => Impl::GuichetHeard,
            Guichet::Producer => Impl::GuichetProducer,
            Guichet::AddMany => Impl::GuichetAddMany,
            Guichet::Fifo => Impl::GuichetFifo,
            Guichet::Bands => Impl::GuichetBands,
            Guichet::Heap => Impl::GuichetHeap,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Guichet::Add => "guichet add",
            Guichet::Heard => "guichet add, heard",
            Guichet::Producer => "guichet producer",
            Guichet::AddMany => "guichet add_many(32)",
            Guichet::Fifo => "guichet Fifo",
            Guichet::Bands => "guichet Bands(32)",
            Guichet::Heap => "guichet Heap(1<<20)",
        }
    }

    fn on_request(&self) -> bool {
        matches!(self, Guichet::Heard)
    }

    fn start(
        &self,
        workers: usize,
        capacity: usize,
        task: &Arc<Task>,
    ) -> Result<Box<dyn Running>, Failed> {
        let runtime = Runtime::new().map_err(|error| Failed::new("Runtime::new", error))?;
        let queue = runtime.queue::<u64, ()>("bench").capacity(capacity);
        let queue = queue.order(self.order()).build();
        let queue = queue.map_err(|error| Failed::new("QueueBuilder::build", error))?;
        let work = Arc::clone(task);
        let handler = move |job: &Job<'_, u64>| -> Result<(), Failure> {
            work.run(*job.payload());
            Ok(())
        };
        queue
            .workers(workers, handler)
            .map_err(|error| Failed::new("Queue::workers", error))?;
        // Ends with the queue; what it misses it is told the number of.
        let listener = matches!(self, Guichet::Heard).then(|| {
            let events = queue.subscribe();
            thread::spawn(move || {
                events.for_each(|event| {
                    let _ = black_box(event);
                });
            })
        });
        Ok(Box::new(System {
            way: *self,
            listener,
            runtime,
            queue,
            jobs: task.jobs(),
        }))
    }
}

struct System {
    way: Guichet,
    listener: Option<thread::JoinHandle<()>>,
    runtime: Runtime,
    queue: Queue<u64, ()>,
    jobs: u64,
}

impl Running for System {
    fn producer(&self) -> Producing {
        let queue = self.queue.clone();
        match self.way {
            Guichet::Add | Guichet::Heard => Box::new(move |share| {
                share.each(|number| {
                    queue
                        .add(number)
                        .map(drop)
                        .map_err(|error| Failed::new("Queue::add", error))
                })
            }),
            Guichet::Producer => Box::new(move |share| {
                let mut own = queue.producer();
                share.each(|number| {
                    own.add(number)
                        .map(drop)
                        .map_err(|error| Failed::new("Producer::add", error))
                })
            }),
            // A batch may not exceed the capacity, or it would be refused as invalid.
            Guichet::AddMany => Box::new(move |share| {
                share.batches(BATCH.min(queue.capacity()), |numbers| {
                    queue
                        .add_many(numbers)
                        .map(drop)
                        .map_err(|error| Failed::new("Queue::add_many", error))
                })
            }),
            // Drawing a priority costs everybody the same, also whoever has no use for it.
            Guichet::Fifo => Box::new(move |share| {
                share.each(|number| {
                    black_box(priority(number));
                    queue
                        .add(number)
                        .map(drop)
                        .map_err(|error| Failed::new("Queue::add", error))
                })
            }),
            Guichet::Bands | Guichet::Heap => Box::new(move |share| {
                share.each(|number| {
                    queue
                        .job(number)
                        .priority(priority(number))
                        .add()
                        .map(drop)
                        .map_err(|error| Failed::new("JobBuilder::add", error))
                })
            }),
        }
    }

    fn finish(self: Box<Self>) -> Result<(), Failed> {
        if !self.runtime.shutdown(GRACE).in_time {
            return Err(Failed::new(
                "Runtime::shutdown",
                "workers are still running",
            ));
        }
        if self
            .listener
            .is_some_and(|listener| listener.join().is_err())
        {
            return Err(Failed::new("Subscription", "the listener panicked"));
        }
        let stats = self.queue.stats();
        if (stats.accepted, stats.completed) != (self.jobs, self.jobs) {
            let books = format!(
                "{} accepted, {} completed, {} added",
                stats.accepted, stats.completed, self.jobs
            );
            return Err(Failed::new("QueueStats", books));
        }
        Ok(())
    }
}
