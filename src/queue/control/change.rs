//! Changing a job that has not begun: its priority, its instant.

use std::time::Duration;

use crate::model::{JobId, JobState};
use crate::queue::base::error::ChangeError;
use crate::queue::life::Queue;
use crate::queue::record::step::Change;
use crate::sync::Backoff;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Gives a waiting or delayed job another priority. A waiting one goes behind its new peers at once.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] if the queue has no such priority, [`ChangeError::State`] if the job is running,
    /// about to begin, or has ended, [`ChangeError::Gone`] if its slot serves another or it is of another queue.
    ///
    /// ```
    /// use guichet::{Order, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let mail = runtime.queue::<&str, ()>("mail").order(Order::Bands(10)).build()?;
    /// let id = mail.add("newsletter")?;
    /// mail.set_priority(id, 1)?;
    /// assert_eq!(mail.set_priority(id, 11).unwrap_err().to_string(), "priority must be 1 to 10, not 11");
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn set_priority(&self, id: JobId, priority: u32) -> Result<(), ChangeError> {
        let shared = &self.shared;
        let priority = shared.core.options.check_priority(priority.into())?;
        let mut backoff = Backoff::default();
        loop {
            match shared.look(id)? {
                (JobState::Delayed, _) => {
                    if shared.reprioritized(id, priority) {
                        return Ok(());
                    }
                }
                (_, Some(ticket)) => {
                    if shared.moved_to(ticket, priority) {
                        let epoch = ticket.next_epoch();
                        shared.record_change(id, epoch, Change::Reprioritized { priority });
                        return Ok(());
                    }
                }
                (state, None) => return Err(ChangeError::State(state)),
            }
            // Somebody else is changing it.
            backoff.snooze();
        }
    }

    /// Makes a delayed job wait at once, behind its peers, or in front of them if it is a
    /// [`lifo`](crate::JobBuilder::lifo) one; also one that pauses between two attempts. One whose attempt timed out while its
    /// handler runs on waits when that has returned.
    ///
    /// # Errors
    /// As [`set_priority`](Queue::set_priority).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// let id = mail.job("reminder").delay(Duration::from_secs(3600)).add()?;
    /// mail.promote(id)?;
    /// assert_eq!(mail.state(id), Some(guichet::JobState::Waiting));
    /// assert!(mail.promote(id).is_err());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn promote(&self, id: JobId) -> Result<(), ChangeError> {
        let shared = &self.shared;
        shared.while_delayed(id, || {
            let now = shared.core.time.now().to_nanos();
            let trace = shared.trace_when_due(id.slot);
            match shared
                .core
                .slab
                .promote(id.slot, Some(id.occupancy), now, trace)
            {
                Some(entered) => {
                    shared.promoted(entered);
                    shared.review(id.slot);
                    true
                }
                // A former handler runs still: when it has returned, the job waits at once.
                None => shared.postpone(id.slot, id.occupancy, now, 0),
            }
        })
    }

    /// Makes a delayed job due `delay` from now instead.
    ///
    /// # Errors
    /// As [`set_priority`](Queue::set_priority).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// let id = mail.job("reminder").delay(Duration::from_secs(3600)).add()?;
    /// mail.reschedule(id, Duration::from_secs(7200))?;
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn reschedule(&self, id: JobId, delay: Duration) -> Result<(), ChangeError> {
        let shared = &self.shared;
        let due = shared.core.time.after(delay);
        shared.while_delayed(id, || shared.postpone(id.slot, id.occupancy, due, 0))
    }
}
