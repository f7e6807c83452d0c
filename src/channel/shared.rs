//! What both sides share.

use crate::park::{Exchange, Store};
use crate::ring::{PopError, PushError, Ring};
use crate::sync::atomic::AtomicUsize;

/// One channel, as both sides see it.
pub(super) struct Shared<T> {
    pub(super) ring: Ring<T>,
    pub(super) exchange: Exchange<T>,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
}

impl<T> Shared<T> {
    pub(super) fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    /// At capacity 0 messages go from hand to hand.
    pub(super) fn is_rendezvous(&self) -> bool {
        self.capacity() == 0
    }

    /// No message will come in any more; wakes who waits in vain.
    pub(super) fn disconnect(&self) {
        self.ring.close();
        self.exchange.closed(&self.ring);
    }
}

impl<T> Store<T> for Ring<T> {
    fn put(&self, value: T) -> Result<(), PushError<T>> {
        self.push(value)
    }

    fn get(&self) -> Result<T, PopError> {
        self.pop()
    }

    fn has_room(&self) -> bool {
        self.capacity() > 0
    }

    fn moved(&self) -> u64 {
        self.popped()
    }
}
