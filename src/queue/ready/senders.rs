//! Those who wait for room for a dead letter here, and are told of it.

use super::Ready;
use super::bell::Bell;
use crate::queue::base::core::Core;
use crate::queue::base::switches::Setting;
use crate::sync::Arc;

impl Ready {
    /// `bell` rings when room for a letter may have been made.
    pub(crate) fn await_room<T, R>(&self, core: &Core<T, R>, bell: &Arc<Bell>) {
        let mut senders = self.senders.lock();
        if !senders.iter().any(|other| Arc::ptr_eq(other, bell)) {
            senders.push(bell.clone());
        }
        core.switches.turn_on(Setting::AWAITED);
        // ORDERING: full fence — the switch before the caller looks for room once more; partner: the fence between a slot's
        // return and the look in `look_for_senders`.
        core.switches.fence();
    }

    /// Whether `bell` is still to ring for that.
    pub(crate) fn is_awaited_by(&self, bell: &Arc<Bell>) -> bool {
        let senders = self.senders.lock();
        senders.iter().any(|other| Arc::ptr_eq(other, bell))
    }

    /// A slot of this queue was given back: whoever waits for one looks once more.
    #[cold]
    pub(crate) fn wake_senders<T, R>(&self, core: &Core<T, R>) {
        core.switches.turn_off(Setting::AWAITED);
        let senders = std::mem::take(&mut *self.senders.lock());
        senders.iter().for_each(|bell| bell.ring());
    }
}
