//! The clerk: does what is due, and sleeps until something is.

#[cfg(guichet_shuttle)]
use super::Runtime;
use super::crew::Crew;
use crate::park::NEVER;
use crate::queue::BuildError;
use crate::sync::{Arc, Deadline, sharpen_sleep, thread};
use std::time::Duration;

impl Crew {
    /// Starts the clerk's thread, unless time stands still until somebody turns it.
    pub(super) fn employ_clerk(self: Arc<Self>) -> Result<(), BuildError> {
        if self.time.is_manual() {
            return Ok(());
        }
        let crew = self.clone();
        let started = thread::Builder::new()
            .name("guichet-clerk".to_owned())
            .spawn(move || {
                sharpen_sleep();
                crew.do_due_until_over();
            });
        let clerk = started.map_err(|refused| BuildError::Spawn(refused.to_string()))?;
        self.keep_clerk(clerk);
        Ok(())
    }

    fn do_due_until_over(&self) {
        while !self.is_over() {
            self.do_due_and_sleep();
        }
    }

    fn do_due_and_sleep(&self) {
        let next = self.do_due().unwrap_or(NEVER);
        let now = self.time.now().to_nanos();
        if next <= now {
            return;
        }
        let deadline = (next != NEVER).then(|| Deadline::after(Duration::from_nanos(next - now)));
        let news = || self.is_over() || self.queues().iter().any(|queue| queue.has_news(next));
        self.alarm.sleep(next, deadline, news);
    }

    /// Does what is due in every queue; when something will be.
    pub(super) fn do_due(&self) -> Option<u64> {
        let queues = self.queues();
        queues.iter().filter_map(|queue| queue.tick()).min()
    }
}

/// For models of a runtime [without a clerk](super::RuntimeBuilder::without_clerk).
#[cfg(guichet_shuttle)]
#[doc(hidden)]
impl Runtime {
    /// Does what is due in every queue, as the clerk would.
    pub fn do_due(&self) {
        self.crew.do_due();
    }

    /// The calling thread is the clerk until the runtime is over. A wait with an end does not wait
    /// in a model, so the clock should go on by itself by now.
    pub fn be_clerk(&self) {
        self.crew.do_due_until_over();
    }
}
