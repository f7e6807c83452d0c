//! Workers: threads that serve one queue until it is drained.

use crate::model::{Failure, check_range};
use crate::queue::{CurrentWorker, Hand, Job, Queue, Shift, SpawnError, Station, WorkersError};
use crate::sync::Arc;

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
        self.start(
            count,
            handler,
            |station, handler| station.serve(handler),
            |station, handler| station.step(handler),
        )
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
        match self.attempts() {
            1 => self.start(
                count,
                handler,
                |station, handler| station.serve_owned(handler),
                |station, handler| station.step_owned(handler),
            ),
            attempts => Err(WorkersError::OwnedWithRetries { attempts }),
        }
    }

    fn start<F>(
        &self,
        count: usize,
        handler: F,
        serve: impl Fn(Station<T, R>, &F) + Copy + Send + 'static,
        step: impl Fn(&mut Station<T, R>, &F) -> bool + Send + 'static,
    ) -> Result<(), WorkersError>
    where
        F: Send + Sync + 'static,
    {
        let count = check_range("workers", count as u64, 1..=1024)?;
        let host = self.host().ok_or(WorkersError::ShutDown)?;
        let handler = Arc::new(handler);
        let current = CurrentWorker {
            queue: self.id(),
            runtime: host.number(),
        };
        if host.time().is_manual() {
            return host
                .enlist(Box::new(Manual {
                    station: Station::new(self.clone()),
                    handler,
                    step,
                    current,
                    _shift: Shift::begin(self),
                }))
                .map_err(refused);
        }
        for number in 0..count {
            let (queue, handler) = (self.clone(), handler.clone());
            let shift = Shift::begin(self);
            let body = Box::new(move || {
                let _shift = shift;
                current.enter();
                serve(Station::new(queue), &handler);
            });
            let name = format!("{}-{number}", self.name());
            host.clone().spawn(name, body).map_err(refused)?;
        }
        Ok(())
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
