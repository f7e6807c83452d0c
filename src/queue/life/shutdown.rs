//! The queue's part of a shutdown: it takes no more jobs, and then ends those that are left.

use crate::model::{JobId, JobState};
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::queue::record::subscription::Source;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::atomic::fence;

impl<T: Send, R: Send> Shared<T, R> {
    /// Refuses new jobs; workers leave when they find no more, and the last one stops the queue. A queue
    /// without workers is stopped at once.
    pub(crate) fn drain(&self) {
        // Who sees it sees every job that was added before: its Release pairs with the Acquire of `seen`.
        self.core.switches.turn_on(Setting::DRAINING);
        self.ready.wake_everybody();
        if self.serving.is_nobody() {
            // Nobody will ever run what waits here, and somebody may wait for it.
            self.stop(false);
        }
    }

    /// Ends every job that is left: gives waiting ones back, and interrupts running ones if told to.
    pub(crate) fn stop(&self, interrupt: bool) {
        self.core.switches.turn_on(Setting::STOPPED);
        // From here on no ticket gets in; whoever is refused gives its own job back. A job whose
        // ticket got in is waiting already, and its claim's Release and the close's Acquire make the
        // scan find it.
        self.ready.close();
        // ORDERING: SeqCst fence — the phase before the scan; partner: `give_up_if_stopped`.
        fence(SeqCst);
        self.ready.wake_idle();
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
}

impl<T: Send, R: Send> Source for Shared<T, R> {
    fn is_over(&self) -> bool {
        self.core.switches.seen().any(Setting::OVER)
    }

    fn silence(&self) {
        self.core.switches.turn_off(Setting::HEARD);
    }
}
