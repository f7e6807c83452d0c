//! What a queue needs of its runtime, and the runtime of a queue: floors look down only.

use std::io;

use super::QueueStats;
use crate::sync::Arc;

/// The runtime, as its queues see it.
pub(crate) trait Host: Send + Sync {
    /// The runtime's number.
    fn number(&self) -> u32;

    /// Takes a queue under its care.
    fn adopt(&self, queue: Arc<dyn Managed>) -> Adopted;

    /// Runs `body` on a thread that shutdown waits for.
    fn spawn(self: Arc<Self>, name: String, body: Body) -> Result<(), SpawnError>;
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
}
