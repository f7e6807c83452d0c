//! The strict lane: a completed push is seen, whoever moves it; every item is taken once, and nobody
//! overtakes a more urgent one.

use guichet::internals::lane::{Heap, Place};
use guichet::internals::model::PopError;
use guichet::internals::park::{EventCount, Yields};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::*};
use loom::sync::Arc;
use loom::thread;

use super::check;

const LEVELS: Option<u32> = Some(8);

/// An item of slot `id` in its second life.
fn value(id: u64) -> u64 {
    1 << 24 | id
}

/// Two threads push and pop, while less urgent items lie in the order and in the inbox: neither gets one of
/// these, and what is left comes out sorted.
#[test]
fn heap_strict() {
    check("heap_strict", || {
        let heap = Arc::new(Heap::new(LEVELS, 4));
        heap.insert(5, Place::Front, value(5)).unwrap();
        let serve = |heap: &Heap, key: u64| {
            heap.push(key, value(key)).unwrap();
            heap.pop().expect("three items, two pops").key
        };
        let other = {
            let heap = heap.clone();
            thread::spawn(move || serve(&heap, 2))
        };
        let mut popped = [serve(&heap, 1), other.join().unwrap()];
        popped.sort_unstable();
        assert_eq!(popped, [1, 2], "a more urgent item was overtaken");
        assert_eq!(heap.pop().map(|item| item.key), Ok(5));
    });
}

/// Items of equal urgency leave in the order in which they came, whoever moves them.
#[test]
fn heap_fifo() {
    check("heap_fifo", || {
        let heap = Arc::new(Heap::new(None, 4));
        let pusher = {
            let heap = heap.clone();
            thread::spawn(move || (1..=2).for_each(|id| heap.push(7, value(id)).unwrap()))
        };
        let mover = {
            let heap = heap.clone();
            thread::spawn(move || assert_eq!(heap.remove(value(3)), None))
        };
        let early = heap.pop().map(|item| item.value);
        pusher.join().unwrap();
        mover.join().unwrap();
        let mut popped: Vec<_> = early.into_iter().collect();
        while let Ok(item) = heap.pop() {
            popped.push(item.value);
        }
        assert_eq!(
            popped,
            [value(1), value(2)],
            "an item was lost, doubled or overtaken"
        );
    });
}

/// A push that has happened is not missed by a pop, whoever moves its item meanwhile.
#[test]
fn heap_no_false_empty() {
    check("heap_no_false_empty", || {
        let shared = Arc::new((Heap::new(LEVELS, 4), AtomicU32::new(0)));
        let mover = {
            let shared = shared.clone();
            thread::spawn(move || assert_eq!(shared.0.remove(value(3)), None))
        };
        let pusher = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.0.push(1, value(1)).unwrap();
                shared.1.store(1, Release);
            })
        };
        if shared.1.load(Acquire) == 1 {
            assert!(!shared.0.is_empty(), "a completed push was not seen");
            assert!(shared.0.pop().is_ok(), "a completed push was not popped");
        }
        mover.join().unwrap();
        pusher.join().unwrap();
    });
}

struct Lane {
    heap: Heap,
    event: EventCount,
}

fn lane() -> Arc<Lane> {
    Arc::new(Lane {
        heap: Heap::new(LEVELS, 4),
        event: EventCount::new(Yields::Warily),
    })
}

impl Lane {
    fn wait(&self) -> Option<u64> {
        let item = self.event.wait_until(
            None,
            |_| self.heap.pop().ok(),
            || self.heap.len(),
            || self.heap.popped(),
        );
        item.map(|item| item.value)
    }
}

/// A popper that waits is woken by a push, though a third thread moves the item. A missed one is a deadlock.
#[test]
fn heap_wakes_for_push() {
    check("heap_wakes_for_push", || {
        let lane = lane();
        let waiter = {
            let lane = lane.clone();
            thread::spawn(move || lane.wait())
        };
        let mover = {
            let lane = lane.clone();
            thread::spawn(move || assert_eq!(lane.heap.remove(value(3)), None))
        };
        lane.heap.push(1, value(1)).unwrap();
        lane.event.notify_one_after_rmw();
        assert_eq!(waiter.join().unwrap(), Some(value(1)));
        mover.join().unwrap();
    });
}

/// The same of an item that is put in its place under the lock.
#[test]
fn heap_wakes_for_insert() {
    check("heap_wakes_for_insert", || {
        let lane = lane();
        let waiter = {
            let lane = lane.clone();
            thread::spawn(move || lane.wait())
        };
        lane.heap.insert(1, Place::Front, value(1)).unwrap();
        lane.event.notify_one_after_rmw();
        assert_eq!(waiter.join().unwrap(), Some(value(1)));
    });
}

/// Two pushers, and one that waits for both items.
#[test]
fn heap_wakes_twice() {
    check("heap_wakes_twice", || {
        let lane = lane();
        let pusher = {
            let lane = lane.clone();
            thread::spawn(move || {
                lane.heap.push(1, value(1)).unwrap();
                lane.event.notify_one_after_rmw();
            })
        };
        let waiter = {
            let lane = lane.clone();
            thread::spawn(move || [lane.wait(), lane.wait()])
        };
        lane.heap.push(2, value(2)).unwrap();
        lane.event.notify_one_after_rmw();
        pusher.join().unwrap();
        let mut both = waiter.join().unwrap();
        both.sort_unstable();
        assert_eq!(both, [Some(value(1)), Some(value(2))]);
    });
}

/// A removal and a pop: exactly one of them gets the item, which was pushed before both. Another one,
/// behind it, is the remover's for certain.
#[test]
fn heap_remove_or_pop() {
    check("heap_remove_or_pop", || {
        let heap = Arc::new(Heap::new(None, 2));
        heap.push(3, value(1)).unwrap();
        let popper = {
            let heap = heap.clone();
            thread::spawn(move || heap.pop().map(|item| item.value))
        };
        heap.push(4, value(2)).unwrap();
        let second = heap.remove(value(2));
        assert_eq!(second, Some((4, 1)), "an item in the inbox was not found");
        let first = heap.remove(value(1));
        let expected = match popper.join().unwrap() {
            Ok(popped) if popped == value(1) => None,
            refused => {
                assert_eq!(refused, Err(PopError::Empty), "another item was popped");
                Some((3, 0))
            }
        };
        assert_eq!(first, expected, "takers of one item");
        assert!(heap.is_empty());
    });
}

/// An item that changes its key is always there under one of its names.
#[test]
fn heap_replace_or_pop() {
    check("heap_replace_or_pop", || {
        let heap = Arc::new(Heap::new(LEVELS, 2));
        heap.push(3, value(1)).unwrap();
        let popper = {
            let heap = heap.clone();
            thread::spawn(move || heap.pop().map(|item| (item.key, item.value)))
        };
        let new = 2 << 24 | 1;
        let replaced = heap.replace(value(1), 1, || Some(new)).is_some();
        let popped = popper.join().unwrap();
        let expected = if replaced { (1, new) } else { (3, value(1)) };
        assert_eq!(popped, Ok(expected), "replaced: {replaced}");
        assert!(heap.is_empty());
    });
}

/// A pusher that relieves the inbox meets a popper.
#[test]
fn heap_relief() {
    check("heap_relief", || {
        let heap = Arc::new(Heap::new(LEVELS, 4));
        heap.push(2, value(1)).unwrap();
        let pusher = {
            let heap = heap.clone();
            thread::spawn(move || {
                heap.push(3, value(2)).unwrap();
                // An id at which a pusher looks.
                heap.push(1, value(64)).unwrap();
            })
        };
        let mut popped = vec![heap.pop().map(|item| item.key)];
        popped.push(heap.pop().map(|item| item.key));
        pusher.join().unwrap();
        while let Ok(item) = heap.pop() {
            popped.push(Ok(item.key));
        }
        popped.retain(Result::is_ok);
        popped.sort_unstable_by_key(|key| key.ok());
        assert_eq!(popped, [Ok(1), Ok(2), Ok(3)], "an item was lost or doubled");
    });
}

/// After `Closed` no push succeeds, and nothing that was pushed is left.
#[test]
fn heap_close() {
    check("heap_close", || {
        let heap = Arc::new(Heap::new(LEVELS, 4));
        let pusher = {
            let heap = heap.clone();
            thread::spawn(move || {
                (1..=2)
                    .filter(|id| heap.push(*id, value(*id)).is_ok())
                    .count()
            })
        };
        let closer = {
            let heap = heap.clone();
            thread::spawn(move || heap.close())
        };
        let mut popped = 0;
        loop {
            match heap.pop() {
                Ok(_) => popped += 1,
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Closed) => break,
            }
        }
        assert!(closer.join().unwrap());
        assert_eq!(
            pusher.join().unwrap(),
            popped,
            "a push succeeded after `Closed` was popped"
        );
    });
}
