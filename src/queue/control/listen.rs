//! Listening to what happens to a queue's jobs.

use crate::queue::life::Queue;
use crate::queue::record::subscription::Subscription;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Listens to what happens to this queue's jobs: to every step that happens after this call returned.
    ///
    /// All listeners read the same logs of the last [`event_capacity`](crate::QueueBuilder::event_capacity) events, each at
    /// its own pace.
    ///
    /// ```
    /// use guichet::{EventKind, ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// mail.workers(1, |_| Ok(()))?;
    /// let mut events = mail.subscribe();
    /// mail.add("letter")?;
    /// runtime.run_until_idle();
    /// let kinds = std::iter::from_fn(|| events.try_next().ok()).map(|event| event.kind);
    /// assert!(kinds.eq([EventKind::Added, EventKind::Started, EventKind::Completed]));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn subscribe(&self) -> Subscription {
        let shared = &self.shared;
        let hub = shared.records.listen(&shared.core);
        Subscription::new(hub, shared.clone(), shared.core.number)
    }
}
