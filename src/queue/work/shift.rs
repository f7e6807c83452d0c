//! Who serves a queue: when the last one leaves a draining queue, what is left is given back.

use crate::queue::base::switches::Setting;
use crate::queue::life::{Queue, Shared};
use crate::sync::Arc;

/// One worker's presence, from before its thread starts until it has left.
pub(crate) struct Shift<T: Send + 'static, R: Send + 'static> {
    shared: Arc<Shared<T, R>>,
}

impl<T: Send + 'static, R: Send + 'static> Shift<T, R> {
    /// One more worker of `queue`.
    pub(crate) fn begin(queue: &Queue<T, R>) -> Self {
        queue.shared.serving.enter();
        Shift {
            shared: queue.shared.clone(),
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for Shift<T, R> {
    fn drop(&mut self) {
        let last = self.shared.serving.leave();
        if last && self.shared.core.switches.now().any(Setting::CLOSED) {
            self.shared.stop(false);
        }
    }
}
