//! The classic bounded ring with sequence numbers, which is not linearizable: it must be rejected.
//!
//! A thread that finds its slot in use says `Full` or `Empty` at once. But the thread that uses the slot
//! may have claimed it and been held up there, while others, past it, have long made room or sent: the
//! refusal is true at no instant. guichet's ring reads the other index before it refuses.
//!
//! Source: Dmitry Vyukov, *Bounded MPMC queue* (1024cores, 2010).

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::program::{Abilities, Program, Wait};
use crate::record::{Refusal, Seat, Subject};

pub struct Vyukov;

impl<M: Copy + Send + 'static> Subject<M> for Vyukov {
    type Seat = Arc<Classic<M>>;
    const ABILITIES: Abilities = Abilities {
        blocks: false,
        balanced: false,
        batches: false,
        closes: false,
        // A power of two, so that positions may wrap; with one slot the sequence numbers are ambiguous.
        capacities: &[2, 4],
        whole_batches: false,
    };

    fn seats(&self, program: &Program) -> Vec<Self::Seat> {
        let ring = Arc::new(Classic::new(program.capacity));
        program.threads.iter().map(|_| Arc::clone(&ring)).collect()
    }
}

struct Slot<M> {
    sequence: AtomicUsize,
    message: UnsafeCell<MaybeUninit<M>>,
}

pub struct Classic<M> {
    head: AtomicUsize,
    tail: AtomicUsize,
    slots: Box<[Slot<M>]>,
}

// SAFETY: a slot's message is touched only by the thread that claimed its position, and the sequence
// number orders that thread's access before the next one's. A message is plain data (`Copy`).
unsafe impl<M: Copy + Send> Sync for Classic<M> {}

impl<M> Classic<M> {
    fn new(capacity: usize) -> Self {
        let slot = |at| Slot {
            sequence: AtomicUsize::new(at),
            message: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Classic {
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
            slots: (0..capacity).map(slot).collect(),
        }
    }

    /// Claims the next position of `index`, whose slot is ready when its sequence number is `ahead` of
    /// the position.
    fn claim(&self, index: &AtomicUsize, ahead: usize) -> Option<(usize, &Slot<M>)> {
        let mut position = index.load(Relaxed);
        loop {
            let slot = &self.slots[position & (self.slots.len() - 1)];
            let ready = position.wrapping_add(ahead);
            let lag = slot.sequence.load(Acquire).wrapping_sub(ready) as isize;
            if lag < 0 {
                return None;
            }
            if lag > 0 {
                position = index.load(Relaxed);
                continue;
            }
            match index.compare_exchange_weak(position, position + 1, Relaxed, Relaxed) {
                Ok(_) => return Some((position, slot)),
                Err(now) => position = now,
            }
        }
    }
}

impl<M: Copy + Send + 'static> Seat<M> for Arc<Classic<M>> {
    fn send(&mut self, _: Wait, message: M) -> Result<(), (Refusal, M)> {
        let Some((position, slot)) = self.claim(&self.tail, 0) else {
            return Err((Refusal::Boundary, message));
        };
        // SAFETY: the claim made this thread the slot's only user until it changes the sequence number.
        unsafe { (*slot.message.get()).write(message) };
        slot.sequence.store(position + 1, Release);
        Ok(())
    }

    fn recv(&mut self, _: Wait) -> Result<M, Refusal> {
        let Some((position, slot)) = self.claim(&self.head, 1) else {
            return Err(Refusal::Boundary);
        };
        // SAFETY: as in `send`; the sequence number said that the slot has a message.
        let message = unsafe { (*slot.message.get()).assume_init_read() };
        slot.sequence.store(position + self.slots.len(), Release);
        Ok(message)
    }
}
