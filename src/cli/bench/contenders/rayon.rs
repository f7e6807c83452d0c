//! A rayon pool fed from outside with `ThreadPool::spawn`.

use std::cell::RefCell;
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::contender::{Contender, Producing, Running};
use super::failed::Failed;
use crate::cli::args::Impl;
use crate::cli::bench::gate::Gate;
use crate::cli::bench::task::Task;

thread_local! {
    /// The pool thread's task. In the closures it would be a reference count, contended once per job: a cost that
    /// is ours, not rayon's.
    static TASK: RefCell<Option<Arc<Task>>> = const { RefCell::new(None) };
}

/// `rayon::ThreadPool::spawn`.
#[derive(Debug)]
pub struct Rayon;

impl Contender for Rayon {
    fn id(&self) -> Impl {
        Impl::Rayon
    }

    fn name(&self) -> &'static str {
        "rayon spawn"
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "rayon spawn has no bound: producers never wait, all jobs may pile up, and latency says so",
        )
    }

    fn pace(&self) -> u64 {
        4
    }

    fn start(
        &self,
        workers: usize,
        _capacity: usize,
        task: &Arc<Task>,
    ) -> Result<Box<dyn Running>, Failed> {
        let up = Arc::new(Gate::default());
        up.open(true);
        let (arriving, task) = (Arc::clone(&up), Arc::clone(task));
        let ready = move |_| {
            TASK.set(Some(Arc::clone(&task)));
            let _ = arriving.arrive();
        };
        let down = Arc::new(Gate::default());
        down.open(true);
        let leaving = Arc::clone(&down);
        let gone = move |_| {
            TASK.set(None);
            let _ = leaving.arrive();
        };
        let builder = ThreadPoolBuilder::new()
            .num_threads(workers)
            .start_handler(ready)
            .exit_handler(gone);
        let pool = builder
            .build()
            .map_err(|error| Failed::new("ThreadPoolBuilder::build", error))?;
        up.gather(workers);
        Ok(Box::new(System {
            pool: Arc::new(pool),
            down,
            workers,
        }))
    }
}

struct System {
    pool: Arc<ThreadPool>,
    down: Arc<Gate>,
    workers: usize,
}

impl Running for System {
    fn producer(&self) -> Producing {
        let pool = Arc::clone(&self.pool);
        Box::new(move |share| {
            share.each(|number| {
                pool.spawn(move || {
                    TASK.with_borrow(|task| {
                        task.as_ref().into_iter().for_each(|task| task.run(number))
                    })
                });
                Ok(())
            })
        })
    }

    fn finish(self: Box<Self>) -> Result<(), Failed> {
        let System {
            pool,
            down,
            workers,
        } = *self;
        // Dropping the pool tells its threads to end but does not wait for them; the next run must not meet them.
        drop(pool);
        down.gather(workers);
        Ok(())
    }
}
