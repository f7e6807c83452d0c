//! Who waits for room for a dead letter here.

use super::Ready;
use crate::park::Alarm;
use crate::queue::base::core::Core;
use crate::queue::base::switches::Setting;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::sync::{Arc, Mutex};

/// Who waits for room in a queue of dead letters.
pub(crate) type Senders = Mutex<Vec<Arc<Bell>>>;

/// Tells a queue that keeps dead letters to try again.
pub(crate) struct Bell {
    rung: AtomicBool,
    /// Wakes the clerk who tries.
    alarm: Arc<Alarm>,
}

impl Bell {
    pub(crate) fn new(alarm: Arc<Alarm>) -> Arc<Self> {
        Arc::new(Bell {
            rung: AtomicBool::new(false),
            alarm,
        })
    }

    pub(crate) fn ring(&self) {
        // Relaxed: the alarm's fence lies behind it.
        self.rung.store(true, Relaxed);
        self.alarm.wake();
    }

    /// Whether it was rung since the last try.
    pub(crate) fn is_rung(&self) -> bool {
        self.rung.load(Relaxed)
    }

    pub(crate) fn answer(&self) -> bool {
        // ORDERING: AcqRel — the room that was made, before the try; a later ring is not overwritten.
        self.is_rung() && self.rung.swap(false, AcqRel)
    }
}

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
