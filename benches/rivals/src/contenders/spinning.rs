//! Queues that cannot block: who finds them full or empty spins a little, then yields.
//!
//! They show what the bare queue can do. An idle thread on them burns a core, so they are no rivals
//! to be met, and the tables say "spins".

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::yield_now;

use super::Channel;
use crate::cell::Cell;

/// Attempts in a row before the processor is offered to others.
const SPINS: u32 = 64;

/// concurrent-queue.
pub type ConcurrentQueue = Spinning<concurrent_queue::ConcurrentQueue<u64>>;
/// crossbeam's `ArrayQueue`.
pub type ArrayQueue = Spinning<crossbeam_queue::ArrayQueue<u64>>;

/// A bounded queue that refuses instead of waiting.
pub trait Refusing: Send + Sync + 'static {
    /// A queue with so much room.
    fn bounded(capacity: usize) -> Self;
    /// False when it is full.
    fn push(&self, word: u64) -> bool;
    /// None when it is empty.
    fn pop(&self) -> Option<u64>;
}

impl Refusing for concurrent_queue::ConcurrentQueue<u64> {
    fn bounded(capacity: usize) -> Self {
        Self::bounded(capacity)
    }

    #[inline]
    fn push(&self, word: u64) -> bool {
        self.push(word).is_ok()
    }

    #[inline]
    fn pop(&self) -> Option<u64> {
        self.pop().ok()
    }
}

impl Refusing for crossbeam_queue::ArrayQueue<u64> {
    fn bounded(capacity: usize) -> Self {
        Self::new(capacity)
    }

    #[inline]
    fn push(&self, word: u64) -> bool {
        self.push(word).is_ok()
    }

    #[inline]
    fn pop(&self) -> Option<u64> {
        self.pop()
    }
}

/// A channel made of such a queue and a count of its senders.
pub struct Spinning<Q> {
    queue: Q,
    senders: AtomicUsize,
}

/// A sender's end.
pub struct Sender<Q>(Arc<Spinning<Q>>);

impl<Q> Drop for Sender<Q> {
    fn drop(&mut self) {
        // ORDERING: Release — what this sender pushed comes before; partner: the load in `recv`.
        self.0.senders.fetch_sub(1, Ordering::Release);
    }
}

impl<Q: Refusing> Channel for Spinning<Q> {
    type Sender = Sender<Q>;
    type Receiver = Arc<Self>;

    fn open(capacity: usize, cell: Cell) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let shared = Arc::new(Spinning {
            queue: Q::bounded(capacity),
            senders: AtomicUsize::new(cell.senders),
        });
        let senders = (0..cell.senders).map(|_| Sender(Arc::clone(&shared)));
        let senders = senders.collect();
        (senders, vec![shared; cell.receivers])
    }

    #[inline]
    fn send(Sender(shared): &Self::Sender, word: u64) -> bool {
        let mut failures = 0;
        while !shared.queue.push(word) {
            wait(&mut failures);
        }
        true
    }

    #[inline]
    fn recv(shared: &Self::Receiver) -> Option<u64> {
        let mut failures = 0;
        loop {
            if let Some(word) = shared.queue.pop() {
                return Some(word);
            }
            // ORDERING: Acquire — after the last sender all words are to be seen; partner: `drop`.
            if shared.senders.load(Ordering::Acquire) == 0 {
                return shared.queue.pop();
            }
            wait(&mut failures);
        }
    }
}

/// Lets a moment pass, the longer the more attempts have failed.
fn wait(failures: &mut u32) {
    if *failures < SPINS {
        *failures += 1;
        spin_loop();
    } else {
        yield_now();
    }
}
