//! The gate: whether anything may start now. A pause lasts until somebody ends it, a hold until an instant.

use std::time::Duration;

use super::Ready;
use crate::queue::base::core::Core;
use crate::queue::base::switches::Setting;

impl Ready {
    /// Nothing starts from now on until `resume`.
    pub(crate) fn pause<T, R>(&self, core: &Core<T, R>) {
        core.switches.turn_on(Setting::PAUSED);
        // ORDERING: full fence — the switch before whatever the caller does next; partner: the look behind each activation,
        // `after_step`.
        core.switches.fence();
    }

    /// Ends a pause and a hold.
    pub(crate) fn resume<T, R>(&self, core: &Core<T, R>) {
        let mut held_until = self.held_until.lock();
        *held_until = 0;
        core.switches.turn_off(Setting::HALTED);
        drop(held_until);
        self.idle.notify_all();
    }

    /// Nothing starts for so long; a hold that ends later stays.
    pub(crate) fn hold_for<T, R>(&self, core: &Core<T, R>, pause: Duration) {
        let until = core.time.after(pause);
        let mut held_until = self.held_until.lock();
        *held_until = until.max(*held_until);
        core.switches.turn_on(Setting::HELD);
        // ORDERING: full fence — as in `pause`.
        core.switches.fence();
        drop(held_until);
        core.alarm.bring_forward(until);
    }

    /// When the hold is over, if there is one.
    pub(crate) fn hold_ends<T, R>(&self, core: &Core<T, R>) -> Option<u64> {
        let held = core.switches.now().any(Setting::HELD);
        held.then(|| *self.held_until.lock())
    }

    /// Ends the hold if it is over; else when it will be.
    pub(crate) fn end_hold<T, R>(&self, core: &Core<T, R>) -> Option<u64> {
        let until = self.hold_ends(core)?;
        if until > core.time.now().to_nanos() {
            return Some(until);
        }
        let mut held_until = self.held_until.lock();
        if *held_until != until {
            return Some(*held_until);
        }
        *held_until = 0;
        core.switches.turn_off(Setting::HELD);
        drop(held_until);
        self.idle.notify_all();
        None
    }
}
