//! Ending jobs from outside: cancellation, and the queue's part of a shutdown.

use crate::model::{JobError, JobId, JobState, Verb, discard};
use crate::queue::base::core::Outcome;
use crate::queue::base::switches::Setting;
use crate::queue::record::step::Change;
use crate::queue::record::subscription::Source;
use crate::queue::{Managed, Queue, QueueStats, Shared};
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::atomic::fence;
use crate::table::{Entered, Pinned};

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Cancels a job; true if that is how it ended.
    ///
    /// A waiting or delayed job never starts, its payload is dropped at once, and its slot is there when an add
    /// needs it. A running job's result will not be accepted, and
    /// [`Job::checkpoint`](crate::queue::Job::checkpoint) tells its handler; the slot comes back when the
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
    /// assert!(matches!(handle.wait(), Err(JobError::Cancelled { reason: None })));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn cancel(&self, id: JobId) -> bool {
        self.shared.cancel(id, None)
    }

    /// [`cancel`](Queue::cancel) with a reason, which the handler, whoever waits, and the job's record are told.
    pub fn cancel_because(&self, id: JobId, reason: impl Into<String>) -> bool {
        self.shared.cancel(id, Some(reason.into()))
    }

    /// Cancels every job that was there when this was called and has not ended; how many.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// queue.add_many(vec![1, 2, 3])?;
    /// assert_eq!(queue.cancel_all("the day is over"), 3);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn cancel_all(&self, reason: impl Into<String>) -> usize {
        let reason = reason.into();
        let live = self
            .shared
            .core
            .slab
            .scan()
            .filter(|(_, _, state)| !state.is_terminal() && *state != JobState::Vacant);
        let ids: Vec<_> = live
            .map(|(slot, occupancy, _)| self.shared.core.id_of(slot, occupancy))
            .collect();
        let cancel = |id: &&JobId| self.shared.cancel(**id, Some(reason.clone()));
        ids.iter().filter(cancel).count()
    }

    /// Takes the payloads that shutdown gave back: jobs that were accepted, and that no handler is
    /// running or has completed. Those that had failed attempts are among them; one whose attempt timed out comes when its
    /// handler has returned.
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
    pub(crate) fn cancel(&self, id: JobId, reason: Option<String>) -> bool {
        if id.queue != self.core.number {
            return false;
        }
        let end = || self.core.slab.end(id.slot, id.occupancy, Verb::Cancel);
        let (ended, former) = match &reason {
            None => (self.ending(end), None),
            // A name that never was, or is no more, must not leave a note.
            Some(_) if self.core.slab.state(id.slot, id.occupancy).is_none() => (None, None),
            // Under the dossier's lock, so that who sees the job cancelled finds the reason.
            Some(_) => self
                .records
                .dossiers()
                .with(id.slot, id.occupancy, |dossier| {
                    let ended = self.ending(end);
                    ended.inspect(|_| dossier.cancel_reason = reason.clone())
                }),
        };
        if let Some(ended) = ended {
            let outcome = Err(JobError::Cancelled { reason });
            let ended = self.ended_outside(ended, Change::Cancelled, outcome);
            self.publish(ended.and_drop(former), self.records.common());
            return true;
        }
        // It may hold values of the user's, which are not dropped before the ticket can be found.
        discard(former);
        false
    }

    /// `return`: shutdown ends the job, if it waits, and keeps its payload.
    #[cold]
    pub(crate) fn give_up(&self, id: JobId) {
        let end = || self.core.slab.end(id.slot, id.occupancy, Verb::Return);
        if let Some(ended) = self.ending(end) {
            self.given_up(ended);
        }
    }

    /// Shutdown closed the line before the job's ticket got in: the job is given back like the others, and
    /// its ticket lies nowhere.
    #[cold]
    pub(crate) fn refused(&self, id: JobId, entered: Entered) {
        let in_hand = (entered.ticket, entered.trace);
        let end = || self.core.slab.end(id.slot, id.occupancy, Verb::Return);
        match self.ending_in_hand(in_hand, end) {
            Some(ended) => self.given_up(ended),
            // Somebody else has ended it.
            None => self
                .ready
                .drop_stale(&self.core, entered.ticket, entered.trace),
        }
    }

    fn given_up(&self, ended: Pinned<T, Outcome<R>>) {
        let outcome = Err(JobError::Returned);
        let ended = self.ended_outside(ended, Change::Returned, outcome);
        self.publish(ended, self.records.common());
    }

    /// The payload of the job in `slot`, which ended and which the caller holds last, goes to whoever is to have it.
    pub(crate) fn hand_over(&self, slot: u32) {
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        if self.core.slab.state(slot, id.occupancy) != Some(JobState::Returned) {
            return self.post_letter(slot);
        }
        let (payload, spoils) = self.core.slab.send_letter(slot);
        if let Some(payload) = payload {
            self.returns.lock().push((id, payload));
        }
        self.share_late(spoils);
    }

    /// Returns or interrupts the job, whatever its worker makes of it meanwhile.
    fn end_for_shutdown(&self, id: JobId, interrupt: bool) {
        loop {
            match self.core.slab.state(id.slot, id.occupancy) {
                Some(JobState::Waiting | JobState::Delayed) => self.give_up(id),
                Some(JobState::Active) if interrupt => self.interrupt(id),
                _ => return,
            }
        }
    }

    fn interrupt(&self, id: JobId) {
        if let Some(ended) = self.core.slab.end(id.slot, id.occupancy, Verb::Interrupt) {
            let outcome = Err(JobError::Interrupted);
            let ended = self.ended_outside(ended, Change::Interrupted, outcome);
            self.publish(ended, self.records.common());
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Managed for Shared<T, R> {
    fn name(&self) -> &str {
        &self.core.name
    }

    fn drain(&self) {
        // Who sees it sees every job that was added before: its Release pairs with the Acquire of `seen`.
        self.core.switches.turn_on(Setting::DRAINING);
        self.ready.wake_everybody();
        if self.serving.is_nobody() {
            // Nobody will ever run what waits here, and somebody may wait for it.
            self.stop(false);
        }
    }

    fn stop(&self, interrupt: bool) {
        self.core.switches.turn_on(Setting::STOPPED);
        // From here on no ticket gets in; whoever is refused gives its own job back. A job whose
        // ticket got in is waiting already, and its claim's Release and the close's Acquire make the
        // scan find it.
        self.ready.close();
        // ORDERING: SeqCst fence — the phase before the scan; partner: `give_up_if_stopped`.
        fence(SeqCst);
        self.ready.wake_all();
        self.ready.turns().wake_all();
        for (slot, occupancy, state) in self.core.slab.scan() {
            if !state.is_terminal() {
                self.end_for_shutdown(self.core.id_of(slot, occupancy), interrupt);
            }
        }
        // The jobs of its dead queue may have been ended before.
        self.retry_letters();
        self.core.switches.turn_on(Setting::OVER);
        // ORDERING: full fence — the switch before the look for readers; partner: the fence of those who go to sleep.
        self.core.switches.fence();
        self.records.wake_listeners();
    }

    fn stats(&self) -> QueueStats {
        self.census()
    }

    fn tick(&self) -> Option<u64> {
        self.do_due()
    }

    fn has_news(&self, until: u64) -> bool {
        let before = |instant: Option<u64>| instant.is_some_and(|at| at < until);
        self.timers.has_news(until)
            || before(self.first_deadline())
            || before(self.ready.hold_ends(&self.core))
            || before(self.records.archive().next())
            || self.bell.is_rung()
    }
}

impl<T: Send, R: Send> Source for Shared<T, R> {
    fn is_over(&self) -> bool {
        self.core.switches.seen().any(Setting::OVER)
    }

    fn silence(&self) {
        self.core.switches.turn_off(Setting::HEARD);
    }
}
