//! Looking at a queue: counts, states, latencies.

use crate::model::{JobId, JobState};
use crate::queue::base::books::Item;
use crate::queue::base::stats::QueueStats;
use crate::queue::life::{Queue, Shared};
use crate::telemetry::LatencySummary;

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
        stats(&self.shared)
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
        let desks = self.shared.ready.desks().all();
        Latencies {
            wait: LatencySummary::of(desks.iter().map(|desk| &desk.waits)),
            run: LatencySummary::of(desks.iter().map(|desk| &desk.runs)),
            total: LatencySummary::of(desks.iter().map(|desk| &desk.totals)),
            sampled_one_in: self.shared.core.options.sample_every,
        }
    }
}

/// What became of a queue's jobs.
pub(crate) fn stats<T, R>(shared: &Shared<T, R>) -> QueueStats {
    let mut sum = shared.records.sum();
    for desk in shared.ready.desks().all() {
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
        stuck: shared.ready.desks().stuck() as u64,
        unsent: shared.unsent() as u64,
        ..QueueStats::default()
    };
    for (_, occupancy, state) in shared.core.slab.scan() {
        stats.accepted += occupancy;
        stats.waiting += u64::from(state == JobState::Waiting);
        stats.delayed += u64::from(state == JobState::Delayed);
        stats.active += u64::from(state == JobState::Active);
    }
    stats
}
