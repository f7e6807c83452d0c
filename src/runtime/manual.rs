//! A runtime without threads: whoever turns its clock does the work.

use std::mem;
use std::time::Duration;

use super::Runtime;
use super::crew::Crew;
use crate::queue::{Hand, Host, current_worker};

impl Runtime {
    /// Does what is due and runs every job that can run, until none is left; the clock stays where it is. For a runtime with a
    /// [manual clock](super::RuntimeBuilder::clock); with another it does nothing, since threads of its own do the work.
    ///
    /// Handlers run on the calling thread, queues in the order in which they got their workers, one job of each in turn. From
    /// inside a handler it does nothing. A job that always snoozes for no time, or is always requeued, keeps it for ever, and
    /// a shutdown too, which does the same.
    ///
    /// ```
    /// use guichet::{ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let squares = runtime.queue::<u64, u64>("squares").build()?;
    /// squares.workers(1, |job| Ok(job.payload() * job.payload()))?;
    /// let answer = squares.submit(12)?;
    /// runtime.run_until_idle();
    /// assert_eq!(answer.wait()?, 144);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn run_until_idle(&self) {
        self.crew.run_until_idle();
    }

    /// Turns the manual clock `by` so much, stopping at every instant at which something is due, and runs what can run. The clock
    /// says the same as if nothing had happened on the way. With another clock it does nothing.
    ///
    /// See [`RuntimeBuilder::clock`](super::RuntimeBuilder::clock) for an example.
    pub fn advance(&self, by: Duration) {
        let end = self.crew.time.after(by);
        if !self.crew.time.is_manual() {
            return;
        }
        self.crew.run_until_idle();
        while let Some(next) = self.crew.do_due().filter(|next| *next <= end) {
            self.crew.time.turn_to(next);
            self.crew.run_until_idle();
        }
        self.crew.time.turn_to(end);
        self.crew.run_until_idle();
    }
}

impl Crew {
    pub(super) fn run_until_idle(&self) {
        // Out of the lock while handlers run; a handler that calls this finds nobody.
        let mut hands = mem::take(&mut *self.hands.lock());
        let mut worked = current_worker().is_none_or(|worker| worker.runtime != self.number());
        while worked {
            self.do_due();
            worked = self.step(&mut hands);
            // Those that a handler has engaged.
            hands.append(&mut self.hands.lock());
        }
        self.hands.lock().append(&mut hands);
    }

    /// The workers without threads leave.
    pub(super) fn dismiss_hands(&self) {
        let hands = mem::take(&mut *self.hands.lock());
        drop(hands);
    }

    /// One job of each queue.
    fn step(&self, hands: &mut [Box<dyn Hand>]) -> bool {
        let worked = hands
            .iter_mut()
            .filter_map(|hand| hand.run_one().then_some(()));
        worked.count() > 0
    }
}
