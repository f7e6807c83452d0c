//! Looking at a queue: counts, states, latencies.

use crate::model::{JobId, JobState};
use crate::queue::base::books::Item;
use crate::queue::{Queue, Shared};
use crate::telemetry::LatencySummary;

/// How many jobs a queue has accepted and what became of them.
///
/// Exact when nothing moves. While jobs move, off by at most the transitions in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Jobs that were admitted, counted slot by slot.
    pub accepted: u64,
    /// Jobs whose handler returned `Ok`.
    pub completed: u64,
    /// Jobs whose last attempt failed or that were discarded by their handler.
    pub failed: u64,
    /// Jobs that were cancelled.
    pub cancelled: u64,
    /// Jobs whose time to live was over before an attempt began.
    pub expired: u64,
    /// Jobs whose running handler shutdown gave up on.
    pub interrupted: u64,
    /// Jobs that shutdown gave back.
    pub returned: u64,
    /// Jobs that wait, counted slot by slot.
    pub waiting: u64,
    /// Jobs that are delayed, counted slot by slot.
    pub delayed: u64,
    /// Jobs that run, counted slot by slot.
    pub active: u64,
    /// Failed attempts after which another was due.
    pub retried: u64,
    /// Attempts that did not count, because their handler wanted to be asked again later.
    pub snoozed: u64,
    /// Attempts that did not count, because their handler gave the job back.
    pub requeued: u64,
    /// Those of them whose lease was dropped.
    pub redelivered: u64,
    /// Attempts that panicked.
    pub panicked: u64,
    /// Attempts that took longer than their time-out.
    pub timed_out: u64,
    /// Handlers that run on long after their time was over, while other workers do their work.
    pub stuck: u64,
    /// Dead jobs whose dead letters found no room, and that keep their slots.
    pub unsent: u64,
    /// Attempts that returned after their job had been decided by somebody else.
    pub late: u64,
}

impl QueueStats {
    /// Jobs that have not ended.
    pub fn live(&self) -> u64 {
        self.waiting + self.delayed + self.active
    }

    /// The accounting identity: every accepted job is live or has exactly one end.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// queue.add(1)?;
    /// let stats = queue.stats();
    /// assert_eq!((stats.accepted, stats.waiting), (1, 1));
    /// assert!(stats.is_balanced());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn is_balanced(&self) -> bool {
        let ended = self.completed
            + self.failed
            + self.cancelled
            + self.expired
            + self.interrupted
            + self.returned;
        self.accepted == ended + self.live()
    }
}

/// How long sampled jobs took.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Latencies {
    /// From admission to the start of the first attempt.
    pub wait: LatencySummary,
    /// One attempt.
    pub run: LatencySummary,
    /// From admission to the end of an attempt.
    pub total: LatencySummary,
    /// One job in so many was sampled.
    pub sampled_one_in: u64,
}

impl<T, R> Queue<T, R> {
    /// What became of the jobs. Looks at every slot, so it takes time in proportion to the capacity,
    /// about a millisecond for 100,000; the hot path pays nothing for it.
    pub fn stats(&self) -> QueueStats {
        self.shared.census()
    }

    /// The state of a job; `None` when its slot serves a later job and its record is not kept, or it is of another queue.
    ///
    /// ```
    /// use guichet::{JobState, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// let id = queue.add(1)?;
    /// assert_eq!(queue.state(id), Some(JobState::Waiting));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn state(&self, id: JobId) -> Option<JobState> {
        self.shared.records.state_of(&self.shared.core, id)
    }

    /// Percentiles of the sampled jobs' latencies since the queue was built.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").sample_every(1).build()?;
    /// queue.workers(1, |_| Ok(()))?;
    /// queue.submit(7)?.wait()?;
    /// assert_eq!(queue.latencies().run.samples, 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn latencies(&self) -> Latencies {
        let stations = self.shared.ready.desks().all();
        Latencies {
            wait: LatencySummary::of(stations.iter().map(|desk| &desk.waits)),
            run: LatencySummary::of(stations.iter().map(|desk| &desk.runs)),
            total: LatencySummary::of(stations.iter().map(|desk| &desk.totals)),
            sampled_one_in: self.shared.core.options.sample_every,
        }
    }
}

impl<T, R> Shared<T, R> {
    pub(crate) fn census(&self) -> QueueStats {
        let mut sum = self.records.sum();
        for desk in self.ready.desks().all() {
            sum.add_own(&desk.books);
        }
        let mut stats = QueueStats {
            completed: sum.of(Item::Completed),
            failed: sum.of(Item::Failed),
            cancelled: sum.of(Item::Cancelled),
            expired: sum.of(Item::Expired),
            interrupted: sum.of(Item::Interrupted),
            returned: sum.of(Item::Returned),
            retried: sum.of(Item::Retried),
            snoozed: sum.of(Item::Snoozed),
            requeued: sum.of(Item::Requeued),
            redelivered: sum.of(Item::Redelivered),
            panicked: sum.of(Item::Panicked),
            timed_out: sum.of(Item::TimedOut),
            late: sum.of(Item::Late),
            stuck: self.ready.desks().stuck() as u64,
            unsent: self.unsent.lock().len() as u64,
            ..QueueStats::default()
        };
        for (_, occupancy, state) in self.core.slab.scan() {
            stats.accepted += occupancy;
            stats.waiting += u64::from(state == JobState::Waiting);
            stats.delayed += u64::from(state == JobState::Delayed);
            stats.active += u64::from(state == JobState::Active);
        }
        stats
    }
}
