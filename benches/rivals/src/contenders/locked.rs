//! The naive channel: a deque behind a mutex, with one condition variable per side.
//!
//! It is what one writes in ten minutes, so whatever is slower than it has a problem.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::Channel;
use crate::cell::Cell;

/// See the module.
pub struct Locked;

/// What the ends share.
struct Shared {
    state: Mutex<State>,
    /// A word has come, or the last sender has gone.
    some: Condvar,
    room: Condvar,
    capacity: usize,
}

struct State {
    words: VecDeque<u64>,
    senders: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}

/// A sender's end.
pub struct Sender(Arc<Shared>);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().senders -= 1;
        self.0.some.notify_all();
    }
}

/// A receiver's end.
pub struct Receiver(Arc<Shared>);

impl Channel for Locked {
    type Sender = Sender;
    type Receiver = Receiver;

    fn open(capacity: usize, cell: Cell) -> (Vec<Sender>, Vec<Receiver>) {
        let state = State {
            words: VecDeque::with_capacity(capacity),
            senders: cell.senders,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            some: Condvar::new(),
            room: Condvar::new(),
            capacity,
        });
        let senders = (0..cell.senders).map(|_| Sender(Arc::clone(&shared)));
        let receivers = (0..cell.receivers).map(|_| Receiver(Arc::clone(&shared)));
        (senders.collect(), receivers.collect())
    }

    fn send(Sender(shared): &Sender, word: u64) -> bool {
        let mut state = shared.lock();
        while state.words.len() == shared.capacity {
            state = shared.room.wait(state).expect("no panics");
        }
        state.words.push_back(word);
        drop(state);
        shared.some.notify_one();
        true
    }

    fn recv(Receiver(shared): &Receiver) -> Option<u64> {
        let mut state = shared.lock();
        loop {
            if let Some(word) = state.words.pop_front() {
                drop(state);
                shared.room.notify_one();
                return Some(word);
            }
            if state.senders == 0 {
                return None;
            }
            state = shared.some.wait(state).expect("no panics");
        }
    }
}
