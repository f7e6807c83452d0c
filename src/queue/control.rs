//! Ending jobs from outside: cancellation, and the queue's part of a shutdown.

use super::{Managed, Queue, QueueStats, Shared};
use crate::model::{JobError, JobId, JobState, Verb};
use crate::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use crate::sync::atomic::fence;

/// Accepts jobs.
pub(super) const OPEN: u8 = 0;
/// Refuses jobs; workers finish what is there.
const DRAINING: u8 = 1;
/// What is left is being ended; workers start nothing more.
pub(super) const STOPPED: u8 = 2;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Cancels a job; true if that is how it ended.
    ///
    /// A waiting or delayed job never starts, its payload is dropped at once, and its slot is there when an add
    /// needs it. A running job's result will not be accepted, and
    /// [`Job::is_cancelled`](super::Job::is_cancelled) tells its handler; the slot comes back when the
    /// handler returns. Who waits for the job learns at once. False if the job has ended, or is of
    /// another queue.
    ///
    /// ```
    /// use guichet::{JobError, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// let handle = queue.submit(7)?;
    /// assert!(queue.cancel(handle.id()));
    /// assert!(!queue.cancel(handle.id()));
    /// assert!(matches!(handle.wait(), Err(JobError::Cancelled)));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn cancel(&self, id: JobId) -> bool {
        let shared = &self.shared;
        if id.queue != shared.number {
            return false;
        }
        let Some(ended) = shared.slab.end(id.slot, id.occupancy, Verb::Cancel) else {
            return false;
        };
        shared.cancelled.fetch_add(1, Relaxed);
        shared.ended(id.slot, ended, Err(JobError::Cancelled));
        true
    }

    /// Takes the payloads that shutdown gave back: jobs that were accepted, and that no handler is
    /// running or has completed. Those that had failed attempts are among them.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<&str, ()>("unserved").build()?;
    /// let id = queue.add("letter")?;
    /// runtime.shutdown(Duration::from_secs(1));
    /// assert_eq!(queue.take_returned(), [(id, "letter")]);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn take_returned(&self) -> Vec<(JobId, T)> {
        std::mem::take(&mut self.shared.returns.lock())
    }
}

impl<T, R> Shared<T, R> {
    /// `return`: shutdown ends the job, if it waits, and keeps its payload.
    #[cold]
    pub(super) fn give_up(&self, id: JobId) {
        let Some(mut ended) = self.slab.end(id.slot, id.occupancy, Verb::Return) else {
            return;
        };
        self.returned.fetch_add(1, Relaxed);
        if let Some(payload) = ended.spoils.payload.take() {
            self.returns.lock().push((id, payload));
        }
        self.ended(id.slot, ended, Err(JobError::Returned));
    }

    /// Returns or interrupts the job, whatever its worker makes of it meanwhile.
    fn end_for_shutdown(&self, id: JobId, interrupt: bool) {
        loop {
            match self.slab.state(id.slot, id.occupancy) {
                Some(JobState::Waiting | JobState::Delayed) => self.give_up(id),
                Some(JobState::Active) if interrupt => self.interrupt(id),
                _ => return,
            }
        }
    }

    fn interrupt(&self, id: JobId) {
        if let Some(ended) = self.slab.end(id.slot, id.occupancy, Verb::Interrupt) {
            self.interrupted.fetch_add(1, Relaxed);
            self.ended(id.slot, ended, Err(JobError::Interrupted));
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Managed for Shared<T, R> {
    fn name(&self) -> &str {
        &self.name
    }

    fn drain(&self) {
        // ORDERING: Release — who sees the phase sees every job that was added before; pairs with the
        // Acquire in `look`. Only forward: a second drain must not undo a stop.
        let _ = self
            .phase
            .compare_exchange(OPEN, DRAINING, Release, Relaxed);
        // `notify_all` takes the sleepers' lock, so who goes to sleep later sees the phase.
        self.idle.notify_all();
        self.room.wake_all();
        self.later.wake_all();
        // ORDERING: SeqCst fence — the phase before the look at who serves; partner: `Shift::drop`.
        fence(SeqCst);
        if self.serving.load(Relaxed) == 0 {
            // Nobody will ever run what waits here, and somebody may wait for it.
            self.stop(false);
        }
    }

    fn stop(&self, interrupt: bool) {
        self.phase.store(STOPPED, Relaxed);
        // From here on no ticket gets in; whoever is refused gives its own job back. A job whose
        // ticket got in is waiting already, and its claim's Release and the close's Acquire make the
        // scan find it.
        self.line.close();
        // ORDERING: SeqCst fence — the phase before the scan; partner: `give_up_if_stopped`.
        fence(SeqCst);
        self.idle.notify_all();
        for (slot, occupancy, state) in self.slab.scan() {
            if !state.is_terminal() {
                self.end_for_shutdown(self.id_of(slot, occupancy), interrupt);
            }
        }
    }

    fn stats(&self) -> QueueStats {
        self.census()
    }

    fn tick(&self) -> Option<u64> {
        self.do_due()
    }

    fn has_news(&self) -> bool {
        self.timers.has_news()
    }
}
