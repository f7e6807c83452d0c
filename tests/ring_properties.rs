//! The ring against a `VecDeque`, operation by operation; then from many threads, value by value.
//!
//! ```text
//! cargo test --features internals --test ring_properties
//! ```
//! What one thread does is compared exactly, for every capacity from 1 to 9. What many threads do is
//! checked by what must hold in any order: each value comes out once, each pusher's in its order, and
//! each is dropped once.
#![cfg(feature = "internals")]

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use guichet::internals::ring::{PopError, PushError, Ring};
use proptest::collection::vec;
use proptest::prelude::*;

/// A wait as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(45);

#[derive(Clone, Copy, Debug)]
enum Op {
    Push,
    PushMany(usize),
    Pop,
    PopMany(usize),
    Close,
    Look,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::Push),
        3 => (0..12_usize).prop_map(Op::PushMany),
        6 => Just(Op::Pop),
        3 => (1..12_usize).prop_map(Op::PopMany),
        1 => prop_oneof![9 => Just(Op::Look), 1 => Just(Op::Close)],
        2 => Just(Op::Look),
    ]
}

/// A `VecDeque` with a limit and a switch.
struct Reference {
    values: VecDeque<u64>,
    capacity: usize,
    closed: bool,
    next: u64,
}

impl Reference {
    fn fresh(&mut self, count: usize) -> Vec<u64> {
        let first = self.next;
        self.next += count as u64;
        (first..self.next).collect()
    }

    fn room(&self) -> usize {
        self.capacity - self.values.len()
    }

    fn nothing(&self) -> PopError {
        if self.closed {
            PopError::Closed
        } else {
            PopError::Empty
        }
    }
}

fn compare(ring: &Ring<u64>, reference: &mut Reference, op: Op) -> Result<(), TestCaseError> {
    match op {
        Op::Push => {
            let value = reference.fresh(1)[0];
            let expected = if reference.closed {
                Err(PushError::Closed(value))
            } else if reference.room() == 0 {
                Err(PushError::Full(value))
            } else {
                reference.values.push_back(value);
                Ok(())
            };
            prop_assert_eq!(ring.push(value), expected);
        }
        Op::PushMany(count) => {
            let mut values = VecDeque::from(reference.fresh(count));
            let fits = count.min(reference.room());
            let expected = if count == 0 {
                Ok(0)
            } else if reference.closed {
                Err(PushError::Closed(()))
            } else if fits == 0 {
                Err(PushError::Full(()))
            } else {
                Ok(fits)
            };
            let mut left = values.clone();
            reference.values.extend(left.drain(..expected.unwrap_or(0)));
            prop_assert_eq!(ring.push_many(&mut values), expected);
            prop_assert_eq!(values, left, "what did not fit comes back in order");
        }
        Op::Pop => {
            let expected = reference.values.pop_front().ok_or(reference.nothing());
            prop_assert_eq!(ring.pop(), expected);
        }
        Op::PopMany(most) => {
            let mut out = vec![u64::MAX];
            let count = most.min(reference.values.len());
            let expected = if count == 0 {
                Err(reference.nothing())
            } else {
                Ok(count)
            };
            let mut all = vec![u64::MAX];
            all.extend(reference.values.drain(..count));
            prop_assert_eq!(ring.pop_many(&mut out, most), expected);
            prop_assert_eq!(out, all, "appended in order");
        }
        Op::Close => {
            prop_assert_eq!(ring.close(), !reference.closed, "true for the first call");
            reference.closed = true;
        }
        Op::Look => {}
    }
    prop_assert_eq!(ring.len(), reference.values.len());
    prop_assert_eq!(ring.is_empty(), reference.values.is_empty());
    prop_assert_eq!(ring.is_closed(), reference.closed);
    prop_assert_eq!(ring.capacity(), reference.capacity);
    Ok(())
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_thread_sees_a_bounded_queue(capacity in 1..=9_usize, ops in vec(op(), 1..200)) {
        let ring = Ring::new(capacity);
        let mut reference = Reference { values: VecDeque::new(), capacity, closed: false, next: 0 };
        for op in ops {
            compare(&ring, &mut reference, op)?;
        }
    }

    /// Whatever is left inside is dropped with the ring, once.
    #[test]
    fn values_left_inside_are_dropped_once(capacity in 1..=9_usize, ops in vec(op(), 1..60)) {
        let shared = Arc::new(());
        let ring = Ring::new(capacity);
        let mut inside = 0;
        for op in ops {
            match op {
                Op::Push => inside += usize::from(ring.push(shared.clone()).is_ok()),
                Op::PushMany(count) => {
                    inside += ring.push_many(&mut vec![shared.clone(); count].into()).unwrap_or(0);
                }
                Op::Pop => inside -= usize::from(ring.pop().is_ok()),
                Op::PopMany(most) => inside -= ring.pop_many(&mut Vec::new(), most).unwrap_or(0),
                Op::Close => drop(ring.close()),
                Op::Look => {}
            }
            prop_assert_eq!(Arc::strong_count(&shared), inside + 1);
        }
        drop(ring);
        prop_assert_eq!(Arc::strong_count(&shared), 1);
    }
}

/// Runs `body` on a thread of its own; the receiver hears of its end.
fn start<X: Send + 'static>(body: impl FnOnce() -> X + Send + 'static) -> Receiver<X> {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(body()));
    receiver
}

fn end<X>(thread: &Receiver<X>) -> X {
    thread
        .recv_timeout(PATIENCE)
        .expect("a thread panicked or hangs")
}

/// Pushes until the value is in; gives the processor away meanwhile.
fn insist<T>(ring: &Ring<T>, mut value: T) {
    loop {
        match ring.push(value) {
            Ok(()) => return,
            Err(PushError::Full(back)) => value = back,
            Err(PushError::Closed(_)) => panic!("closed"),
        }
        thread::yield_now();
    }
}

/// Pushers by one and by many, poppers by one and by many: each value once, each pusher's in order.
#[test]
fn many_threads_move_each_value_once_and_in_order() {
    const EACH: u64 = 20_000;
    for capacity in [1, 2, 3, 7, 64] {
        let ring = Arc::new(Ring::<(u64, u64)>::new(capacity));
        let pushers: Vec<_> = (0..4_u64)
            .map(|me| {
                let ring = ring.clone();
                start(move || {
                    if me % 2 == 0 {
                        (0..EACH).for_each(|number| insist(&ring, (me, number)));
                        return;
                    }
                    let mut batch = VecDeque::new();
                    for first in (0..EACH).step_by(5) {
                        batch.extend((first..first + 5).map(|number| (me, number)));
                        while !batch.is_empty() {
                            if ring.push_many(&mut batch).is_err() {
                                thread::yield_now();
                            }
                        }
                    }
                })
            })
            .collect();
        let poppers: Vec<_> = (0..3_usize)
            .map(|me| {
                let ring = ring.clone();
                start(move || {
                    let (mut seen, mut batch) = (Vec::new(), Vec::new());
                    loop {
                        let popped = match me {
                            0 => ring.pop_many(&mut batch, 4).map(drop),
                            _ => ring.pop().map(|value| batch.push(value)),
                        };
                        seen.append(&mut batch);
                        match popped {
                            Ok(()) => {}
                            Err(PopError::Empty) => thread::yield_now(),
                            Err(PopError::Closed) => return seen,
                        }
                    }
                })
            })
            .collect();
        pushers.iter().for_each(end);
        assert!(ring.close());
        let mut all = Vec::new();
        for seen in poppers.iter().map(end) {
            let mut last = [None; 4];
            for (pusher, number) in &seen {
                assert!(
                    last[*pusher as usize] < Some(*number),
                    "a popper saw {number} too late"
                );
                last[*pusher as usize] = Some(*number);
            }
            all.extend(seen);
        }
        all.sort();
        let expected = (0..4).flat_map(|pusher| (0..EACH).map(move |number| (pusher, number)));
        assert!(
            all.into_iter().eq(expected),
            "capacity {capacity}: values were lost or doubled"
        );
        assert!(ring.is_empty());
    }
}

/// A ring never holds more than its capacity: as many pushes succeed as pops plus capacity.
#[test]
fn a_full_ring_is_exactly_full() {
    for capacity in [1, 2, 3, 8] {
        let ring = Arc::new(Ring::new(capacity));
        let pushers: Vec<_> = (0..4)
            .map(|_| {
                let ring = ring.clone();
                start(move || {
                    (0..1_000)
                        .filter(|number| ring.push(*number).is_ok())
                        .count()
                })
            })
            .collect();
        let accepted: usize = pushers.iter().map(end).sum();
        assert_eq!(accepted, capacity);
        assert_eq!(ring.len(), capacity);
    }
}

/// Values in flight when the ring closes are dropped once, popped or not.
#[test]
fn drops_are_counted_across_threads() {
    for round in 0..200_u64 {
        let (drops, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        struct Counted(Arc<AtomicUsize>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let ring = Arc::new(Ring::new(3));
        let threads: Vec<_> = (0..3)
            .map(|me| {
                let (ring, drops, made) = (ring.clone(), drops.clone(), made.clone());
                start(move || {
                    for number in 0..200_u64 {
                        if me == 0 {
                            let _ = ring.pop();
                        } else {
                            made.fetch_add(1, SeqCst);
                            let _ = ring.push(Counted(drops.clone()));
                        }
                        if me == 1 && number == round {
                            ring.close();
                        }
                    }
                })
            })
            .collect();
        threads.iter().for_each(end);
        assert!(ring.is_closed() || round >= 200);
        drop(Arc::into_inner(ring).expect("the threads have let it go"));
        assert_eq!(drops.load(SeqCst), made.load(SeqCst));
    }
}

/// Values without a size are values: they are counted, and their destructors run.
#[test]
fn values_without_a_size_are_counted() {
    static DROPS: AtomicU64 = AtomicU64::new(0);
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPS.fetch_add(1, SeqCst);
        }
    }
    let ring = Arc::new(Ring::new(3));
    for _ in 0..3 {
        assert!(ring.push(Nothing).is_ok());
    }
    assert!(matches!(ring.push(Nothing), Err(PushError::Full(Nothing))));
    assert_eq!((ring.len(), DROPS.load(SeqCst)), (3, 1));
    let pusher = {
        let ring = ring.clone();
        start(move || (0..10_000).for_each(|_| insist(&ring, Nothing)))
    };
    let mut popped = 0;
    while popped < 10_000 {
        match ring.pop() {
            Ok(Nothing) => popped += 1,
            Err(_) => thread::yield_now(),
        }
    }
    end(&pusher);
    assert_eq!(ring.len(), 3);
    drop(Arc::into_inner(ring));
    assert_eq!(DROPS.load(SeqCst), 10_004);
}

/// A destructor that panics ends the drop of the ring; no value is dropped twice.
#[test]
fn a_panicking_destructor_drops_nothing_twice() {
    struct Bomb {
        drops: Arc<[AtomicUsize; 5]>,
        number: usize,
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.drops[self.number].fetch_add(1, SeqCst);
            if self.number == 2 {
                resume_unwind(Box::new("a destructor panicked"));
            }
        }
    }
    let drops = Arc::new([const { AtomicUsize::new(0) }; 5]);
    let bomb = |number| Bomb {
        drops: drops.clone(),
        number,
    };
    let ring = Ring::new(5);
    (0..5).for_each(|number| assert!(ring.push(bomb(number)).is_ok()));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(ring))).is_err());
    let counts: Vec<_> = drops.iter().map(|count| count.load(SeqCst)).collect();
    assert_eq!(counts[..3], [1, 1, 1]);
    assert!(counts[3..].iter().all(|count| *count <= 1), "{counts:?}");

    // Popped, it is the popper's; the ring works on.
    let ring = Ring::new(2);
    assert!(ring.push(bomb(2)).is_ok() && ring.push(bomb(0)).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(ring.pop()))).is_err());
    assert!(ring.push(bomb(1)).is_ok());
    assert_eq!(ring.len(), 2);
}
