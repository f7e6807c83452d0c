//! A collection behind a mutex, with one condition variable per side: what one writes by hand.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::channel::Channel;
use crate::cli::args::Impl;
use crate::cli::bench::task::priority;

/// What lies behind the mutex.
pub trait Store: Send + 'static {
    /// Which contender this makes.
    const ID: Impl;
    /// Its name in the table.
    const NAME: &'static str;

    /// Empty, with room for `capacity` numbers.
    fn with_room(capacity: usize) -> Self;
    /// How many numbers it holds.
    fn held(&self) -> usize;
    /// Takes a number, the `nth` of all.
    fn put(&mut self, number: u64, nth: u64);
    /// Gives one back.
    fn take(&mut self) -> Option<u64>;
}

impl Store for VecDeque<u64> {
    const ID: Impl = Impl::Mutex;
    const NAME: &'static str = "Mutex<VecDeque>";

    fn with_room(capacity: usize) -> Self {
        VecDeque::with_capacity(capacity)
    }

    fn held(&self) -> usize {
        self.len()
    }

    fn put(&mut self, number: u64, _nth: u64) {
        self.push_back(number);
    }

    fn take(&mut self) -> Option<u64> {
        self.pop_front()
    }
}

/// Priority, sequence, job: the least is the most urgent, first in, first out within a priority.
pub type Urgent = Reverse<(u32, u64, u64)>;

impl Store for BinaryHeap<Urgent> {
    const ID: Impl = Impl::MutexHeap;
    const NAME: &'static str = "Mutex<BinaryHeap>";

    fn with_room(capacity: usize) -> Self {
        BinaryHeap::with_capacity(capacity)
    }

    fn held(&self) -> usize {
        self.len()
    }

    fn put(&mut self, number: u64, nth: u64) {
        self.push(Reverse((priority(number), nth, number)));
    }

    fn take(&mut self) -> Option<u64> {
        self.pop().map(|Reverse((_, _, number))| number)
    }
}

/// The collection `S` behind a mutex.
#[derive(Debug)]
pub struct Locked<S> {
    inner: Mutex<Inner<S>>,
    some: Condvar,
    room: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<S> {
    store: S,
    sent: u64,
    senders: usize,
}

/// The sending end: the last one to go closes the collection.
#[derive(Debug)]
pub struct LockedSender<S>(Arc<Locked<S>>);

impl<S> Clone for LockedSender<S> {
    fn clone(&self) -> Self {
        self.0.inner.lock().senders += 1;
        LockedSender(Arc::clone(&self.0))
    }
}

impl<S> Drop for LockedSender<S> {
    fn drop(&mut self) {
        self.0.inner.lock().senders -= 1;
        self.0.some.notify_all();
    }
}

impl<S: Store> Channel for Locked<S> {
    type Sender = LockedSender<S>;
    type Receiver = Arc<Locked<S>>;
    const ID: Impl = S::ID;
    const NAME: &'static str = S::NAME;
    const PACE: u64 = 4;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let inner = Mutex::new(Inner {
            store: S::with_room(capacity),
            sent: 0,
            senders: 1,
        });
        let locked = Arc::new(Locked {
            inner,
            some: Condvar::new(),
            room: Condvar::new(),
            capacity,
        });
        (LockedSender(Arc::clone(&locked)), locked)
    }

    fn send(sender: &Self::Sender, number: u64) -> Option<()> {
        let locked = &sender.0;
        let mut inner = locked.inner.lock();
        while inner.store.held() == locked.capacity {
            locked.room.wait(&mut inner);
        }
        let nth = inner.sent;
        inner.sent += 1;
        inner.store.put(number, nth);
        drop(inner);
        locked.some.notify_one();
        Some(())
    }

    fn receive(locked: &Self::Receiver) -> Option<u64> {
        let mut inner = locked.inner.lock();
        loop {
            if let Some(number) = inner.store.take() {
                drop(inner);
                locked.room.notify_one();
                return Some(number);
            }
            if inner.senders == 0 {
                return None;
            }
            locked.some.wait(&mut inner);
        }
    }
}
