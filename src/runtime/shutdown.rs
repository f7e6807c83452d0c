//! Shutdown: one absolute deadline over all queues, and a report that accounts for every job.

use std::time::Duration;

use super::Runtime;
use crate::queue::{Host, QueueStats, current_worker};
use crate::sync::Deadline;

/// How long handlers have to leave when they were told that shutdown gave up on them.
const FAREWELL: Duration = Duration::from_millis(20);

/// What became of all jobs of a runtime.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Every queue's counts, in the order in which the queues were built.
    pub queues: Vec<QueueReport>,
    /// Whether all workers left and all leases were settled before the deadline; else running jobs were interrupted.
    pub in_time: bool,
    /// Threads whose handlers had not returned 20 ms after the deadline. They leave when their handlers do.
    pub abandoned_threads: usize,
}

/// What became of one queue's jobs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueReport {
    /// The queue's name.
    pub name: String,
    /// Its counts after shutdown: nothing waits, and nothing runs but the job that called shutdown. If
    /// the time was over, a job that was just ending may be missing from the counts still.
    pub stats: QueueStats,
}

impl Runtime {
    /// Ends the runtime: refuses new jobs, lets the workers finish what is there, and after `timeout`
    /// gives up on the rest.
    ///
    /// All queues refuse new jobs at once, so a handler that would pass its work on to another queue
    /// gets `Closed`; wait for the jobs of the first queue before, if the second one shall have theirs.
    ///
    /// Returns as soon as the workers have left and all [leases](crate::Lease) are settled. Blocked adders wake with `Closed` at once. Jobs that
    /// nobody started by then are *returned*: their waiters learn it, and
    /// [`Queue::take_returned`](crate::Queue::take_returned) has their payloads. Jobs whose handler
    /// runs on after `timeout` are *interrupted*: their waiters learn it, and a late result is
    /// dropped. The handler itself can't be stopped; it may ask
    /// [`Job::is_cancelled`](crate::Job::is_cancelled).
    ///
    /// May be called more than once and from any thread; from inside a handler it waits for all other
    /// workers, and the calling job ends as its handler says, unless the time was over.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// queue.workers(2, |_| Ok(()))?;
    /// queue.add_many((0..100).collect())?;
    /// let report = runtime.shutdown(Duration::from_secs(30));
    /// assert!(report.in_time);
    /// assert_eq!(report.queues[0].stats.completed, 100);
    /// assert!(queue.add(1).is_err());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let deadline = Deadline::after(timeout);
        let inside = current_worker().is_some_and(|worker| worker.runtime == self.crew.number());
        self.crew.drain();
        // Without threads, this one is the workers.
        self.crew.run_until_idle();
        if !inside {
            self.crew.dismiss_hands();
        }
        let wait = |deadline| match inside {
            true => self.crew.wait_for_others(deadline),
            false => self.crew.wait_for_all(deadline),
        };
        let mut in_time = wait(deadline);
        self.crew.stop(!in_time);
        // A lease that was taken just before nothing could be leased any more.
        if in_time && self.crew.has_guests() {
            in_time = wait(deadline);
            if !in_time {
                self.crew.stop(true);
            }
        }
        if in_time && !inside {
            self.crew.join();
        } else if !in_time {
            // Whoever is told by `checkpoint` that the time is over leaves at once, and was not abandoned.
            wait(Deadline::after(FAREWELL));
        }
        let queues = self.crew.queues();
        let reports = queues.iter().map(|queue| QueueReport {
            name: queue.name().to_owned(),
            stats: queue.stats(),
        });
        let left_behind = self.crew.running().saturating_sub(usize::from(inside));
        ShutdownReport {
            queues: reports.collect(),
            in_time,
            abandoned_threads: if in_time { 0 } else { left_behind },
        }
    }
}
