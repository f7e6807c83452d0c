//! A whole queue by priority, whose jobs are leased.

use std::sync::{Arc, Mutex};

use guichet::{ChangeError, JobId, Lease, Order, Queue, Runtime};

use super::program::Abilities;
use super::record::{Outcome, Seat, Subject};

/// More than a program has.
const WORDS: usize = 64;

/// A queue of which these priorities are used, one history after the other.
pub struct Leased {
    queue: Queue<u8, ()>,
    priorities: &'static [u32],
    _runtime: Runtime,
}

impl Leased {
    pub fn new(order: Order, priorities: &'static [u32]) -> Self {
        let runtime = Runtime::new().expect("a runtime with default options");
        let queue = runtime.queue("leased").order(order).capacity(2 * WORDS);
        Leased {
            queue: queue.delivery_limit(1000).build().expect("a valid queue"),
            priorities,
            _runtime: runtime,
        }
    }
}

impl Subject for Leased {
    type Seat = LeaseSeat;

    fn abilities(&self) -> Abilities {
        Abilities {
            levels: self.priorities.len(),
            newest: true,
            back: true,
            moves: true,
            ..Abilities::default()
        }
    }

    fn seats(&self, count: usize) -> Vec<LeaseSeat> {
        let left = std::iter::from_fn(|| self.queue.try_lease());
        assert_eq!(
            left.count(),
            0,
            "everybody found nothing, and there was something"
        );
        let names = Arc::new((0..WORDS).map(|_| Mutex::new(None)).collect::<Vec<_>>());
        let seat = |_| LeaseSeat {
            queue: self.queue.clone(),
            priorities: self.priorities,
            names: Arc::clone(&names),
            lease: None,
        };
        (0..count).map(seat).collect()
    }
}

pub struct LeaseSeat {
    queue: Queue<u8, ()>,
    priorities: &'static [u32],
    /// By word, once it was added.
    names: Arc<Vec<Mutex<Option<JobId>>>>,
    /// Of the last pop; it is answered when another call is made.
    lease: Option<Lease<u8, ()>>,
}

impl LeaseSeat {
    fn answer(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.complete(()).expect("nobody else decides");
        }
    }

    fn add(&mut self, level: usize, word: u8, lifo: bool) -> Outcome {
        self.answer();
        let job = self.queue.job(word).priority(self.priorities[level]);
        let job = if lifo { job.lifo() } else { job };
        let name = job.add().expect("there is room");
        *self.names[usize::from(word)].lock().expect("no panic") = Some(name);
        Outcome::Got(level, vec![word])
    }
}

impl Drop for LeaseSeat {
    fn drop(&mut self) {
        self.answer();
    }
}

impl Seat for LeaseSeat {
    fn push(&mut self, level: usize, words: &[u8]) -> Outcome {
        self.add(level, words[0], false)
    }

    fn pop(&mut self, _: usize) -> Outcome {
        self.answer();
        let Some(lease) = self.queue.try_lease() else {
            return Outcome::Nothing;
        };
        let mut priorities = self.priorities.iter();
        let level = priorities.position(|priority| *priority == lease.priority());
        let word = *lease.payload();
        self.lease = Some(lease);
        Outcome::Got(level.expect("a priority that is used"), vec![word])
    }

    fn newest(&mut self, level: usize, word: u8) -> Outcome {
        self.add(level, word, true)
    }

    fn put_back(&mut self) -> Outcome {
        drop(self.lease.take().expect("a pop came before"));
        Outcome::Done
    }

    fn move_to(&mut self, word: u8, level: usize) -> Outcome {
        self.answer();
        let name = *self.names[usize::from(word)].lock().expect("no panic");
        let Some(name) = name else {
            return Outcome::Unknown;
        };
        match self.queue.set_priority(name, self.priorities[level]) {
            Ok(()) => Outcome::Done,
            Err(ChangeError::Gone | ChangeError::State(_)) => Outcome::Nothing,
            Err(why) => unreachable!("{why}"),
        }
    }
}
