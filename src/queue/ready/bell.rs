//! Who waits for room for a dead letter.

use crate::park::Alarm;
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
