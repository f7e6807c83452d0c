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
    /// Makes the calling thread this worker; what it was before.
    pub(crate) fn enter(self) -> Option<Self> {
        CURRENT.with(|current| current.replace(Some(self)))
    }

    /// Makes the calling thread what it was before.
    pub(crate) fn leave(before: Option<Self>) {
        CURRENT.with(|current| current.set(before));
    }
}
