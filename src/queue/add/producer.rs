//! A handle for hot loops: reserves slots in batches.

use std::{fmt, mem};

use crate::model::JobId;
use crate::queue::base::refusal::AddError;
use crate::queue::life::Queue;
use crate::table::Vacancies;

/// Adds jobs to a queue from one thread, with up to 32 slots reserved ahead.
///
/// Every job is visible to workers at once, as with [`Queue::add`]; only the *slots* come in
/// batches. Reserved slots count as taken, so other adders may find the queue full while a producer
/// has some to spare: it reserves at most a quarter of the capacity, and gives what it has left
/// back before it waits, on [`flush`](Producer::flush) and on drop. So flush before the thread
/// waits for room in another way, by [`Queue::add`] say: several that wait while they hold all the
/// slots would not end.
///
/// ```
/// let runtime = guichet::Runtime::new()?;
/// let queue = runtime.queue::<u32, ()>("numbers").build()?;
/// let mut producer = queue.producer();
/// for number in 0..100 {
///     producer.add(number)?;
/// }
/// assert_eq!(queue.stats().waiting, 100);
/// # Ok::<(), guichet::Error>(())
/// ```
pub struct Producer<T, R> {
    queue: Queue<T, R>,
    reserved: Vacancies,
    batch: usize,
}

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// A handle that adds faster from a hot loop. Reserves nothing yet.
    pub fn producer(&self) -> Producer<T, R> {
        Producer {
            queue: self.clone(),
            reserved: Vacancies::default(),
            batch: (self.capacity() / 4).clamp(1, 32),
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Producer<T, R> {
    /// Adds a job; waits for room as long as it takes.
    ///
    /// # Errors
    /// As [`Queue::add`].
    #[inline]
    pub fn add(&mut self, payload: T) -> Result<JobId, AddError<T>> {
        let shared = &self.queue.shared;
        if shared.core.is_open()
            && let Some(vacant) = self.reserved.pop()
        {
            return Ok(shared.admit_plain(vacant, payload));
        }
        self.reserve_and_add(payload)
    }

    #[cold]
    fn reserve_and_add(&mut self, payload: T) -> Result<JobId, AddError<T>> {
        // Closed, or used up: either way nothing is kept while this thread waits.
        self.flush();
        let shared = &self.queue.shared;
        let run = match shared
            .core
            .is_open()
            .then(|| {
                shared
                    .ready
                    .claim_run(&shared.core, shared.ready.room(), self.batch)
            })
            .flatten()
        {
            Some(run) => Ok(run),
            None => shared
                .ready
                .wait_for_run(&shared.core, shared.ready.room(), self.batch, None),
        };
        match run {
            Ok(run) => {
                self.reserved = run;
                let vacant = self.reserved.pop().expect("a run has at least one slot");
                Ok(shared.admit_plain(vacant, payload))
            }
            Err(refusal) => Err(AddError::new((refusal, payload))),
        }
    }
}

impl<T, R> Producer<T, R> {
    /// Gives the reserved slots back. The next `add` reserves anew.
    pub fn flush(&mut self) {
        let shared = &self.queue.shared;
        shared.ready.give_back(
            &shared.core,
            shared.ready.room(),
            mem::take(&mut self.reserved),
        );
    }
}

impl<T, R> Drop for Producer<T, R> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<T, R> fmt::Debug for Producer<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("queue", &self.queue)
            .field("reserved", &self.reserved.len())
            .finish()
    }
}
