//! What a queue needs of its runtime, and the runtime of a queue: floors look down only.

use std::io;

use crate::park::Alarm;
use crate::queue::base::stats::QueueStats;
use crate::sync::Arc;
use crate::time::Time;

/// The runtime, as its queues see it.
pub(crate) trait Host: Send + Sync {
    /// The runtime's number.
    fn number(&self) -> u32;

    /// Takes a queue under its care.
    fn adopt(&self, queue: Arc<dyn Managed>) -> Adopted;

    /// Runs `body` on a thread that shutdown waits for.
    fn spawn(self: Arc<Self>, name: String, body: Body) -> Result<(), SpawnError>;

    /// The clock of all its queues.
    fn time(&self) -> Time;

    /// What wakes whoever does what is due.
    fn alarm(&self) -> Arc<Alarm>;

    /// Somebody has a job in hand, whom shutdown waits for.
    fn visit(&self);
    /// Has it no more.
    fn leave(&self);
    /// Takes a worker that is run on the thread that turns the clock.
    fn enlist(&self, worker: Box<dyn Hand>) -> Result<(), SpawnError>;
}

/// The presence in a runtime of somebody who has jobs in hand and is no worker: shutdown waits for it.
pub(crate) struct Visit(Arc<dyn Host>);

impl Visit {
    pub(crate) fn begin(host: Arc<dyn Host>) -> Self {
        host.visit();
        Visit(host)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A worker without a thread.
pub(crate) trait Hand: Send {
    /// Runs one attempt, if one is to be made.
    fn run_one(&mut self) -> bool;
}

/// What a worker's thread runs.
pub(crate) type Body = Box<dyn FnOnce() + Send>;

/// Why no thread was started.
pub(crate) enum SpawnError {
    ShutDown,
    System(io::Error),
}

/// What became of a new queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adopted {
    Yes,
    NameTaken,
    ShutDown,
}

/// A queue, as its runtime sees it.
pub(crate) trait Managed: Send + Sync {
    fn name(&self) -> &str;

    /// Refuses new jobs; workers leave when they find no more, and the last one stops the queue. A queue
    /// without workers is stopped at once.
    fn drain(&self);

    /// Ends every job that is left: gives waiting ones back, and interrupts running ones if told to.
    fn stop(&self, interrupt: bool);

    fn stats(&self) -> QueueStats;

    /// Does what is due by the clock; when to come again, in its nanoseconds, if ever.
    fn tick(&self) -> Option<u64>;

    /// Whether there is something to do before `until` that the last tick did not know of.
    fn has_news(&self, until: u64) -> bool;
}
