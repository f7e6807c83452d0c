//! Which queue's worker the calling thread is: some waits would wait for the waiter.

use std::cell::Cell;

use crate::sync::thread_local;

/// The queue and the runtime whose worker a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CurrentWorker {
    pub(crate) queue: u32,
    pub(crate) runtime: u32,
}

thread_local! {
    // shuttle's macro has no const form.
    #[allow(clippy::missing_const_for_thread_local)]
    static CURRENT: Cell<Option<CurrentWorker>> = Cell::new(None);
}

/// What the calling thread works for, if it is a worker.
pub(crate) fn current_worker() -> Option<CurrentWorker> {
    CURRENT.with(|current| current.get())
}

impl CurrentWorker {
    /// Makes the calling thread this worker, for the rest of its life.
    pub(crate) fn enter(self) {
        CURRENT.with(|current| current.set(Some(self)));
    }
}
