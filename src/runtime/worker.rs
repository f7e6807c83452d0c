//! Workers: threads that serve one queue until it is drained.

use std::time::Duration;

use crate::model::{Failure, check_range};
use crate::queue::{
    CurrentWorker, Hand, Hire, Job, Queue, Relief, Shift, SpawnError, Station, WeakQueue,
    WorkersError,
};
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Arc, remember_panics};

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Starts `count` (1 to 1,024) workers that run `handler` on this queue's jobs.
    ///
    /// Each job is handed to one worker at a time. `Ok` completes it; an error makes it wait again, or
    /// ends it if that was the last attempt; a panic counts as an error, and the worker lives on.
    /// What happened before `add` is visible to the handler, the end of the handler to who waits, and
    /// one attempt's effects to the next.
    ///
    /// A handler that never returns keeps its thread: threads can't be killed.
    ///
    /// # Errors
    /// [`WorkersError::Invalid`] if `count` is out of range, [`WorkersError::ShutDown`] once shutdown
    /// began, [`WorkersError::Spawn`] if the system refuses a thread.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let squares = runtime.queue::<u64, u64>("squares").build()?;
    /// squares.workers(2, |job| Ok(job.payload() * job.payload()))?;
    /// assert_eq!(squares.submit(5)?.wait()?, 25);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn workers<F>(&self, count: usize, handler: F) -> Result<(), WorkersError>
    where
        T: Sync,
        F: Fn(&Job<'_, T>) -> Result<R, Failure> + Send + Sync + 'static,
    {
        self.processor().workers(count).start(handler)
    }

    /// Starts `count` (1 to 1,024) workers whose handler consumes the payload, which so need not be
    /// `Sync`. There is no second attempt, so the queue must be built with `attempts(1)`.
    ///
    /// # Errors
    /// As [`workers`](Queue::workers), and [`WorkersError::OwnedWithRetries`].
    ///
    /// ```
    /// type Work = Box<dyn FnOnce() -> u32 + Send>;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let closures = runtime.queue::<Work, u32>("closures").build()?;
    /// closures.workers_owned(1, |work| Ok(work()))?;
    /// assert_eq!(closures.submit(Box::new(|| 6 * 7))?.wait()?, 42);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn workers_owned<F>(&self, count: usize, handler: F) -> Result<(), WorkersError>
    where
        F: Fn(T) -> Result<R, Failure> + Send + Sync + 'static,
    {
        self.processor().workers(count).start_owned(handler)
    }

    /// Workers with options of their own.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<&str, usize>("mail").build()?;
    /// mail.processor().workers(2).timeout(Duration::from_secs(60)).start(|job| Ok(job.payload().len()))?;
    /// assert_eq!(mail.submit("letter")?.wait()?, 6);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn processor(&self) -> Processor<'_, T, R> {
        Processor {
            queue: self,
            workers: num_cpus::get(),
            timeout: None,
        }
    }
}

/// Configures workers of a queue; made by [`Queue::processor`].
#[must_use = "the workers exist once they are started"]
pub struct Processor<'a, T, R> {
    queue: &'a Queue<T, R>,
    workers: usize,
    timeout: Option<Duration>,
}

impl<T: Send + 'static, R: Send + 'static> Processor<'_, T, R> {
    /// How many; 1 to 1,024. Default: one for each processor.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// How long an attempt may take; above 0. Default: what the [queue](crate::QueueBuilder::timeout) says. A
    /// [job](crate::JobBuilder::timeout)'s own goes before it.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Starts them with a handler that gets its job by reference, as [`Queue::workers`].
    ///
    /// # Errors
    /// As [`Queue::workers`].
    pub fn start<F>(self, handler: F) -> Result<(), WorkersError>
    where
        T: Sync,
        F: Fn(&Job<'_, T>) -> Result<R, Failure> + Send + Sync + 'static,
    {
        self.engage(
            handler,
            |station, handler| station.serve(handler),
            |station, handler| station.step(handler),
        )
    }

    /// Starts them with a handler that consumes the payload, as [`Queue::workers_owned`].
    ///
    /// # Errors
    /// As [`Queue::workers_owned`].
    pub fn start_owned<F>(self, handler: F) -> Result<(), WorkersError>
    where
        F: Fn(T) -> Result<R, Failure> + Send + Sync + 'static,
    {
        match self.queue.attempts() {
            1 => self.engage(
                handler,
                |station, handler| station.serve_owned(handler),
                |station, handler| station.step_owned(handler),
            ),
            attempts => Err(WorkersError::OwnedWithRetries { attempts }),
        }
    }

    fn engage<F>(
        self,
        handler: F,
        serve: impl Fn(Station<T, R>, &F) + Copy + Send + Sync + 'static,
        step: impl Fn(&mut Station<T, R>, &F) -> bool + Send + 'static,
    ) -> Result<(), WorkersError>
    where
        F: Send + Sync + 'static,
    {
        let count = check_range("workers", self.workers as u64, 1..=1024)?;
        let limit = self.queue.allow_workers(self.timeout)?;
        let host = self.queue.host().ok_or(WorkersError::ShutDown)?;
        remember_panics();
        let current = CurrentWorker {
            queue: self.queue.id(),
            runtime: host.number(),
        };
        if host.time().is_manual() {
            return host
                .enlist(Box::new(Manual {
                    station: Station::new(self.queue.clone(), limit, None),
                    handler: Arc::new(handler),
                    step,
                    current,
                    _shift: Shift::begin(self.queue),
                }))
                .map_err(refused);
        }
        let post = Arc::new(Post {
            queue: self.queue.downgrade(),
            handler,
            serve,
            limit,
            current,
            engaged: AtomicUsize::new(0),
        });
        for _ in 0..count {
            post.engage(self.queue, None).map_err(refused)?;
        }
        Ok(())
    }
}

/// What the workers of one processor have in common; makes one more when one is stuck.
struct Post<T, R, F, S> {
    queue: WeakQueue<T, R>,
    handler: F,
    serve: S,
    /// Of an attempt, in nanoseconds; 0 if there is none.
    limit: u64,
    current: CurrentWorker,
    /// How many there have been.
    engaged: AtomicUsize,
}

impl<T, R, F, S> Post<T, R, F, S>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Send + Sync + 'static,
    S: Fn(Station<T, R>, &F) + Copy + Send + Sync + 'static,
{
    /// One more worker, or one that is to take another's place: then its first act is to see whether it still can.
    fn engage(
        self: &Arc<Self>,
        queue: &Queue<T, R>,
        relief: Option<Relief>,
    ) -> Result<(), SpawnError> {
        let host = queue.host().ok_or(SpawnError::ShutDown)?;
        let number = self.engaged.fetch_add(1, Relaxed);
        let name = format!("{}-{number}", queue.name());
        let (post, queue, shift) = (self.clone(), queue.clone(), Shift::begin(queue));
        let body = Box::new(move || {
            let _shift = shift;
            if relief.is_some_and(|relief| !queue.take_over(relief)) {
                return;
            }
            post.current.enter();
            let hire = post.clone().hire();
            (post.serve)(Station::new(queue, post.limit, Some(hire)), &post.handler);
        });
        host.spawn(name, body)
    }

    /// Engages another one, as long as the queue is there and takes workers; else the stuck one keeps its place.
    fn hire(self: Arc<Self>) -> Hire {
        Arc::new(move |relief| {
            if let Some(queue) = self.queue.upgrade() {
                let _ = self.engage(&queue, Some(relief));
            }
        })
    }
}

fn refused(error: SpawnError) -> WorkersError {
    match error {
        SpawnError::ShutDown => WorkersError::ShutDown,
        SpawnError::System(error) => WorkersError::Spawn(error),
    }
}

/// A worker without a thread: all workers of a queue in one, since one job runs at a time.
struct Manual<T: Send + 'static, R: Send + 'static, F, S> {
    station: Station<T, R>,
    handler: Arc<F>,
    step: S,
    current: CurrentWorker,
    _shift: Shift<T, R>,
}

impl<T, R, F, S> Hand for Manual<T, R, F, S>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Send + Sync,
    S: Fn(&mut Station<T, R>, &F) -> bool + Send,
{
    fn run_one(&mut self) -> bool {
        let before = self.current.enter();
        let worked = (self.step)(&mut self.station, &self.handler);
        CurrentWorker::leave(before);
        worked
    }
}
