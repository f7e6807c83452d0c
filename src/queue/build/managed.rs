//! The queue, as its runtime sees it.

use crate::queue::base::host::Managed;
use crate::queue::base::stats::QueueStats;
use crate::queue::control::inspect::stats;
use crate::queue::life::Shared;

impl<T: Send + 'static, R: Send + 'static> Managed for Shared<T, R> {
    fn name(&self) -> &str {
        &self.core.name
    }

    fn drain(&self) {
        Shared::drain(self);
    }

    fn stop(&self, interrupt: bool) {
        Shared::stop(self, interrupt);
    }

    fn stats(&self) -> QueueStats {
        stats(self)
    }

    fn tick(&self) -> Option<u64> {
        self.do_due()
    }

    fn has_news(&self, until: u64) -> bool {
        Shared::has_news(self, until)
    }
}
