//! The structures that hold the timers, each as its user would use it. Instants are ns since the
//! beginning.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use guichet::internals::wheel::Wheel;
use hierarchical_hash_wheel_timer::IdOnlyTimerEntry;
use hierarchical_hash_wheel_timer::wheels::cancellable::QuadWheelWithOverflow;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::Instant;
use tokio_util::time::delay_queue::Key;

use super::STEP;

/// Timers that one call of guichet's wheel may move or hand out.
const BUDGET: usize = 4096;

/// A structure of timers.
pub trait Timers {
    /// With no timers, at the beginning.
    fn new() -> Self;

    /// Sets the timer of a slot that has none.
    fn insert(&mut self, slot: u32, due: u64);

    /// Removes the timer of a slot that has one.
    fn cancel(&mut self, slot: u32);

    /// Lets so many steps of time pass, with a call after each; how many timers came.
    fn pass(&mut self, steps: u64, stepped: impl FnMut()) -> usize;

    /// What passing costs without any timer, where that is not the structure's doing.
    fn pass_without_timers(_steps: u64) {}
}

/// guichet's wheel.
pub struct Guichet {
    wheel: Wheel,
    now: u64,
}

impl Timers for Guichet {
    fn new() -> Self {
        let wheel = Wheel::new(0);
        Guichet { wheel, now: 0 }
    }

    fn insert(&mut self, slot: u32, due: u64) {
        self.wheel.insert(slot, due);
    }

    fn cancel(&mut self, slot: u32) {
        assert!(self.wheel.cancel(slot), "slot {slot} has a timer");
    }

    fn pass(&mut self, steps: u64, mut stepped: impl FnMut()) -> usize {
        let mut fired = 0;
        for _ in 0..steps {
            self.now += STEP;
            // What a call leaves for want of budget comes with the next, as a late timer would.
            self.wheel.advance(self.now, BUDGET, |_, _| fired += 1);
            stepped();
        }
        fired
    }
}

/// tokio-util's `DelayQueue`, polled by hand under a clock that stands still until it is advanced.
pub struct DelayQueue {
    queue: tokio_util::time::DelayQueue<u32>,
    keys: Vec<Option<Key>>,
    begun: Instant,
    runtime: &'static Runtime,
    _entered: EnterGuard<'static>,
}

fn paused_runtime() -> &'static Runtime {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    // The process ends with the run; the guard wants a runtime that outlives it.
    Box::leak(Box::new(runtime.expect("a runtime can be made")))
}

impl Timers for DelayQueue {
    fn new() -> Self {
        let runtime = paused_runtime();
        let entered = runtime.enter();
        DelayQueue {
            queue: tokio_util::time::DelayQueue::new(),
            keys: Vec::new(),
            begun: Instant::now(),
            runtime,
            _entered: entered,
        }
    }

    fn insert(&mut self, slot: u32, due: u64) {
        let due = self.begun + Duration::from_nanos(due);
        let key = self.queue.insert_at(slot, due);
        let slot = slot as usize;
        if slot >= self.keys.len() {
            self.keys.resize(slot + 1, None);
        }
        self.keys[slot] = Some(key);
    }

    fn cancel(&mut self, slot: u32) {
        let key = self.keys[slot as usize].take();
        self.queue.remove(&key.expect("the slot has a timer"));
    }

    fn pass(&mut self, steps: u64, mut stepped: impl FnMut()) -> usize {
        let DelayQueue { queue, keys, .. } = self;
        // Otherwise tokio has a task do 128 things at most before it gives way, and the rest waits.
        self.runtime.block_on(tokio::task::unconstrained(async {
            let mut fired = 0;
            for _ in 0..steps {
                tokio::time::advance(Duration::from_nanos(STEP)).await;
                let mut context = Context::from_waker(Waker::noop());
                while let Poll::Ready(Some(expired)) = queue.poll_expired(&mut context) {
                    keys[*expired.get_ref() as usize] = None;
                    fired += 1;
                }
                stepped();
            }
            fired
        }))
    }

    /// tokio's clock is not the queue.
    fn pass_without_timers(steps: u64) {
        paused_runtime().block_on(async {
            for _ in 0..steps {
                tokio::time::advance(Duration::from_nanos(STEP)).await;
            }
        });
    }
}

/// hierarchical_hash_wheel_timer: ticks of 1 ms.
pub struct HashWheel {
    wheel: QuadWheelWithOverflow<IdOnlyTimerEntry<u32>>,
    now: u64,
}

impl Timers for HashWheel {
    fn new() -> Self {
        let wheel = QuadWheelWithOverflow::new();
        HashWheel { wheel, now: 0 }
    }

    fn insert(&mut self, slot: u32, due: u64) {
        let delay = Duration::from_nanos(due - self.now);
        let inserted = self.wheel.insert(IdOnlyTimerEntry::new(slot, delay));
        inserted.expect("it lies a tick ahead at least");
    }

    fn cancel(&mut self, slot: u32) {
        self.wheel.cancel(&slot).expect("the slot has a timer");
    }

    fn pass(&mut self, steps: u64, mut stepped: impl FnMut()) -> usize {
        let mut fired = 0;
        for _ in 0..steps {
            self.now += STEP;
            fired += self.wheel.tick().len();
            stepped();
        }
        fired
    }
}

/// What one writes first: a heap, and the number of each slot's valid entry.
pub struct LazyHeap {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    /// 0: none.
    valid: Vec<u64>,
    inserted: u64,
    now: u64,
}

impl Timers for LazyHeap {
    fn new() -> Self {
        LazyHeap {
            heap: BinaryHeap::new(),
            valid: Vec::new(),
            inserted: 0,
            now: 0,
        }
    }

    fn insert(&mut self, slot: u32, due: u64) {
        self.inserted += 1;
        self.heap.push(Reverse((due, self.inserted, slot)));
        let slot = slot as usize;
        if slot >= self.valid.len() {
            self.valid.resize(slot + 1, 0);
        }
        self.valid[slot] = self.inserted;
    }

    fn cancel(&mut self, slot: u32) {
        self.valid[slot as usize] = 0;
    }

    fn pass(&mut self, steps: u64, mut stepped: impl FnMut()) -> usize {
        let mut fired = 0;
        for _ in 0..steps {
            self.now += STEP;
            while let Some(&Reverse((due, sequence, slot))) = self.heap.peek()
                && due <= self.now
            {
                self.heap.pop();
                let valid = &mut self.valid[slot as usize];
                if *valid == sequence {
                    *valid = 0;
                    fired += 1;
                }
            }
            stepped();
        }
        fired
    }
}
