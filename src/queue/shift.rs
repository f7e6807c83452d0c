//! Who serves a queue: when the last one leaves a draining queue, what is left is given back.

use super::host::Managed;
use super::switches::Setting;
use super::{Queue, Shared};
use crate::sync::Arc;
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::fence;

/// One worker's presence, from before its thread starts until it has left.
pub(crate) struct Shift<T: Send + 'static, R: Send + 'static> {
    shared: Arc<Shared<T, R>>,
}

impl<T: Send + 'static, R: Send + 'static> Shift<T, R> {
    /// One more worker of `queue`.
    pub(crate) fn begin(queue: &Queue<T, R>) -> Self {
        queue.shared.serving.fetch_add(1, Relaxed);
        Shift {
            shared: queue.shared.clone(),
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for Shift<T, R> {
    fn drop(&mut self) {
        let others = self.shared.serving.fetch_sub(1, Relaxed) - 1;
        // ORDERING: SeqCst fence — the leave before the look at the phase; partner: `drain`. One of
        // the two sees the other, so the queue is stopped.
        fence(SeqCst);
        if others == 0 && self.shared.switches.now().any(Setting::CLOSED) {
            self.shared.stop(false);
        }
    }
}
