//! The two orders and the lane against a sorted map, operation by operation; then from many threads.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::lane::ID_BITS;

const IDS: u64 = 150;

#[derive(Clone, Copy, Debug)]
enum Step {
    Push {
        key: u64,
        id: u64,
    },
    Front {
        key: u64,
        id: u64,
    },
    /// Back to the place of the item that left last.
    Back {
        id: u64,
    },
    Pop,
    Remove(u64),
    /// The value that this id had before.
    RemoveStale(u64),
    Replace {
        id: u64,
        key: u64,
    },
    Close,
}

fn step(levels: u64) -> impl Strategy<Value = Step> {
    // Few keys make long lists, a wide choice exercises every tier.
    let key = prop_oneof![Just(0), Just(levels - 1), 0..levels, 0..levels.min(5)];
    let (id, key_of_front, key_of_new) = (0..IDS, key.clone(), key.clone());
    prop_oneof![
        8 => (key, id.clone()).prop_map(|(key, id)| Step::Push { key, id }),
        2 => (key_of_front, id.clone()).prop_map(|(key, id)| Step::Front { key, id }),
        2 => id.clone().prop_map(|id| Step::Back { id }),
        4 => Just(Step::Pop),
        2 => id.clone().prop_map(Step::Remove),
        1 => id.clone().prop_map(Step::RemoveStale),
        2 => (id, key_of_new).prop_map(|(id, key)| Step::Replace { id, key }),
    ]
}

/// Steps, one of which may be `Close`.
fn steps(levels: u64) -> impl Strategy<Value = Vec<Step>> {
    (vec(step(levels), 1..300), 0..600_usize).prop_map(|(mut steps, close)| {
        if close < steps.len() {
            steps[close] = Step::Close;
        }
        steps
    })
}

/// What the lane should be.
#[derive(Default)]
struct Reference {
    items: BTreeMap<(u64, i64), u64>,
    /// By id: key and place.
    present: BTreeMap<u64, (u64, i64)>,
    epoch: u64,
    back: i64,
    front: i64,
    closed: bool,
    popped: u64,
    last: Option<Item>,
}

impl Reference {
    fn value(&self, id: u64) -> u64 {
        self.items[&self.present[&id]]
    }

    fn fresh(&mut self, id: u64) -> u64 {
        self.epoch += 1;
        self.epoch << ID_BITS | id
    }

    fn add(&mut self, key: u64, place: i64, value: u64) {
        let id = u64::from(id_of(value));
        assert!(self.present.insert(id, (key, place)).is_none());
        assert!(self.items.insert((key, place), value).is_none());
    }

    fn append(&mut self, key: u64, value: u64) {
        self.add(key, self.back, value);
        self.back += 1;
    }

    fn take(&mut self, id: u64) -> Option<(u64, i64)> {
        let order = self.present.remove(&id)?;
        self.items.remove(&order);
        Some(order)
    }

    fn pop(&mut self) -> Option<Item> {
        let (&(key, place), &value) = self.items.first_key_value()?;
        self.take(u64::from(id_of(value)));
        self.popped += 1;
        let item = Item { key, place, value };
        self.last = Some(item);
        Some(item)
    }

    fn nothing(&self) -> PopError {
        if self.closed {
            PopError::Closed
        } else {
            PopError::Empty
        }
    }
}

fn compare(heap: &Heap, reference: &mut Reference, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Push { id, .. } | Step::Front { id, .. } | Step::Back { id }
            if reference.present.contains_key(&id) => {}
        Step::Push { key, id } => {
            let value = reference.fresh(id);
            if reference.closed {
                prop_assert_eq!(heap.push(key, value), Err(PushError::Closed(value)));
            } else {
                prop_assert_eq!(heap.push(key, value), Ok(()));
                reference.append(key, value);
            }
        }
        Step::Front { key, id } => {
            let value = reference.fresh(id);
            let put = heap.insert(key, Place::Front, value);
            if reference.closed {
                prop_assert_eq!(put, Err(PushError::Closed(value)));
            } else {
                prop_assert_eq!(put, Ok(()));
                reference.front -= 1;
                reference.add(key, reference.front, value);
            }
        }
        Step::Back { id } => {
            if let Some(Item { key, place, .. }) = reference.last.take() {
                let value = reference.fresh(id);
                let put = heap.insert(key, Place::At(place), value);
                if reference.closed {
                    prop_assert_eq!(put, Err(PushError::Closed(value)));
                } else {
                    prop_assert_eq!(put, Ok(()));
                    reference.add(key, place, value);
                }
            }
        }
        Step::Pop => {
            let expected = reference.pop().ok_or(reference.nothing());
            prop_assert_eq!(heap.pop(), expected);
        }
        Step::Remove(id) => {
            let value = match reference.present.contains_key(&id) {
                true => reference.value(id),
                false => reference.fresh(id),
            };
            let taken = reference.take(id);
            reference.popped += u64::from(taken.is_some());
            prop_assert_eq!(heap.remove(value), taken);
        }
        Step::RemoveStale(id) => {
            let stale = reference.fresh(id);
            prop_assert_eq!(heap.remove(stale), None);
        }
        Step::Replace { id, key } => {
            let new = reference.fresh(id);
            if reference.present.contains_key(&id) {
                let old = reference.value(id);
                reference.take(id);
                // What is not changed stays where it is.
                prop_assert_eq!(heap.replace(old, key, || None), Some(false));
                prop_assert_eq!(heap.replace(old, key, || Some(new)), Some(true));
                reference.append(key, new);
            } else {
                prop_assert_eq!(heap.replace(new, key, || Some(new)), None);
            }
        }
        Step::Close => {
            prop_assert!(heap.close() && !heap.close());
            reference.closed = true;
        }
    }
    prop_assert_eq!(heap.len(), reference.items.len());
    prop_assert_eq!(heap.is_empty(), reference.items.is_empty());
    prop_assert_eq!(heap.is_closed(), reference.closed);
    prop_assert_eq!(heap.popped(), reference.popped);
    Ok(())
}

fn run(levels: Option<u32>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let heap = Heap::new(levels, IDS as usize);
    let mut reference = Reference::default();
    for step in steps {
        compare(&heap, &mut reference, step)?;
    }
    while let Some(item) = reference.pop() {
        prop_assert_eq!(heap.pop(), Ok(item));
    }
    prop_assert_eq!(heap.pop(), Err(reference.nothing()));
    Ok(())
}

/// Universes of one tier to four, at the edges of their words.
fn universe() -> impl Strategy<Value = (u32, Vec<Step>)> {
    let levels = prop_oneof![
        1..6_u32,
        Just(63),
        Just(64),
        Just(65),
        4_090..4_100_u32,
        Just(1 << 18),
        Just((1 << 18) + 1),
        Just(1 << 20),
    ];
    levels.prop_flat_map(|levels| (Just(levels), steps(u64::from(levels))))
}

proptest! {
    /// The lane over the trie, in any universe.
    #[test]
    fn bounded_keys_as_a_sorted_map((levels, steps) in universe()) {
        run(Some(levels), steps)?;
    }

    /// The lane over the four-ary heap, with keys of every width.
    #[test]
    fn any_keys_as_a_sorted_map(steps in steps(u64::MAX)) {
        run(None, steps)?;
    }

    /// Both orders by themselves, at places of any kind and with ids that make the tables grow.
    #[test]
    fn the_orders_are_sorted_maps(
        actions in vec((0..6_u8, 0..200_u64, -9..9_i64, 0..3_000_u64), 1..400),
    ) {
        let mut trie = Order::Trie(Trie::new(200, 10));
        let mut dary = Order::Dary(Dary::new(10));
        let mut map = BTreeMap::new();
        for (action, key, place, id) in actions {
            let value = 1 << ID_BITS | id;
            let known = map.iter().find(|(_, known)| **known == value).map(|(order, _)| *order);
            match action {
                0..3 if known.is_none() && !map.contains_key(&(key, place)) => {
                    map.insert((key, place), value);
                    trie.insert(Item { key, place, value });
                    dary.insert(Item { key, place, value });
                }
                3 => {
                    let expected = map.pop_first();
                    let expected = expected.map(|((key, place), value)| Item { key, place, value });
                    prop_assert_eq!(trie.pop_first(), expected);
                    prop_assert_eq!(dary.pop_first(), expected);
                }
                4 => {
                    // A known one as a rule, for ids are many.
                    let value = map.values().nth(id as usize % 10).copied().unwrap_or(value);
                    let order = map.iter().find(|(_, known)| **known == value).map(|(order, _)| *order);
                    let expected = order.map(|(key, place)| Item { key, place, value });
                    if let Some(order) = order {
                        map.remove(&order);
                    }
                    prop_assert_eq!(trie.remove(value), expected);
                    prop_assert_eq!(dary.remove(value), expected);
                    prop_assert_eq!(trie.remove(value ^ 1 << ID_BITS), None);
                    prop_assert_eq!(dary.remove(value ^ 1 << ID_BITS), None);
                }
                _ => {}
            }
            prop_assert_eq!((trie.len(), dary.len()), (map.len(), map.len()));
        }
    }
}

#[test]
#[should_panic(expected = "key 7 in a lane of 7 levels")]
fn a_key_beyond_the_levels_is_refused() {
    let _ = Heap::new(Some(7), 1).push(7, 1);
}

#[test]
#[should_panic(
    expected = "no room for item 16777218 of id 2: 1 wait for the order, 0 are in it, 1 fit"
)]
fn more_items_than_fit_are_refused() {
    let heap = Heap::new(None, 1);
    heap.push(0, 1).unwrap();
    let _ = heap.push(0, 1 << ID_BITS | 2);
}

#[test]
#[should_panic(expected = "item 16777219 of id 3 while 3 is there")]
fn two_items_of_one_id_are_refused() {
    let heap = Heap::new(Some(2), 2);
    heap.insert(0, Place::Front, 3).unwrap();
    let _ = heap.insert(0, Place::Front, 1 << ID_BITS | 3);
}

#[test]
#[should_panic(expected = "item 16777219 of id 3 while position 1 holds one")]
fn two_items_of_one_id_are_refused_with_any_keys() {
    let heap = Heap::new(None, 2);
    heap.insert(0, Place::Front, 3).unwrap();
    let _ = heap.insert(1, Place::Front, 1 << ID_BITS | 3);
}

#[test]
#[should_panic(expected = "a trie has 1 to 2^24 levels, not 16777217")]
fn more_levels_than_bits_are_refused() {
    Heap::new(Some((1 << 24) + 1), 1);
}

/// A 0 stands for no item.
#[test]
fn there_is_no_item_0() {
    for levels in [Some(1), None] {
        let heap = Heap::new(levels, 2);
        heap.push(0, 1).unwrap();
        assert_eq!(heap.remove(0), None);
        let put = catch_unwind(AssertUnwindSafe(|| heap.insert(0, Place::Front, 0)));
        assert!(put.is_err(), "{levels:?} levels took it");
    }
}

#[test]
fn the_widest_universe_has_its_last_key() {
    let heap = Heap::new(Some(1 << 24), 2);
    heap.push((1 << 24) - 1, 1).unwrap();
    heap.push(12_345_678, 2).unwrap();
    let popped = [heap.pop().unwrap(), heap.pop().unwrap()].map(|item| (item.key, item.value));
    assert_eq!(popped, [(12_345_678, 2), ((1 << 24) - 1, 1)]);
}

#[test]
fn a_pusher_relieves_a_long_inbox() {
    let heap = Heap::new(Some(4), 1 << 12);
    for id in 1..1 << 12 {
        heap.push(id % 4, id).unwrap();
        assert!(heap.inbox.len() <= BACKLOG + LOOK_EVERY as usize);
    }
    assert_eq!(heap.len(), (1 << 12) - 1);
    // While somebody has the lock, nobody else waits for it.
    let held = heap.shelf.sorted.lock();
    heap.push(0, 1 << ID_BITS).unwrap();
    drop(held);
    let popped: Vec<_> = std::iter::from_fn(|| heap.pop().ok()).collect();
    let sorted = popped.is_sorted_by_key(|item| (item.key, item.place));
    assert!(sorted && popped.len() == 1 << 12, "{} items", popped.len());
}

/// An inbox of a backlog is left alone by pushers, a longer one is not, and one pusher moves a part of a very long one.
#[test]
fn a_pusher_moves_a_part_of_what_is_too_much() {
    let look = u64::from(LOOK_EVERY);
    let heap = Heap::new(None, 1 << 12);
    (1..=look).for_each(|id| heap.push(0, id).unwrap());
    assert_eq!(heap.inbox.len(), BACKLOG);
    heap.push(0, 2 * look).unwrap();
    assert_eq!((heap.inbox.len(), heap.len()), (0, BACKLOG + 1));
    let held = heap.shelf.lock();
    (0..20 * look).for_each(|id| heap.push(1, 4 * look + id).unwrap());
    drop(held);
    let long = heap.inbox.len();
    heap.push(2, 3 * look).unwrap();
    assert_eq!(heap.inbox.len(), long + 1 - 2 * 64);
}

/// Whoever has the lock keeps nobody from hearing that there is nothing.
#[test]
fn an_empty_lane_says_so_without_the_lock() {
    let heap = Arc::new(Heap::new(Some(1), 1));
    let held = heap.shelf.sorted.lock();
    let (said, hear) = mpsc::channel();
    let popper = heap.clone();
    thread::spawn(move || said.send(popper.pop()));
    let heard = hear.recv_timeout(Duration::from_secs(10));
    assert_eq!(heard, Ok(Err(PopError::Empty)));
    drop(held);
}

/// Closes the lane when a test's thread ends, be it by a panic, so that poppers end too.
struct Closing<'a>(&'a Heap);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Pushers, poppers, and one that takes items out and puts them back: every item leaves once, and
/// while nobody meddles, each pusher's items of one key leave in its order.
fn from_many_threads(levels: Option<u32>, meddle: bool) {
    const PUSHERS: u64 = 2;
    const EACH: u64 = 4_000;
    let heap = Heap::new(levels, (PUSHERS * EACH + 1) as usize);
    let value = |pusher: u64, number: u64| 1 << ID_BITS | (pusher * EACH + number + 1);
    let mut popped: Vec<Vec<Item>> = Vec::new();
    thread::scope(|scope| {
        let heap = &heap;
        let closing = Closing(heap);
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|pusher| {
                scope.spawn(move || {
                    for number in 0..EACH {
                        heap.push(number % 3, value(pusher, number)).unwrap();
                    }
                })
            })
            .collect();
        let popper = || {
            let mut popped = Vec::new();
            loop {
                let closed = heap.is_closed();
                match heap.pop() {
                    Ok(item) => {
                        popped.push(item);
                        assert!(
                            popped.len() as u64 <= PUSHERS * EACH,
                            "{item:?} was invented"
                        );
                    }
                    Err(PopError::Empty) => {
                        assert!(!closed, "`Empty` was said of a closed lane");
                        thread::yield_now();
                    }
                    Err(PopError::Closed) => return popped,
                }
            }
        };
        let poppers = [scope.spawn(popper), scope.spawn(popper)];
        for number in 0..if meddle { EACH } else { 0 } {
            let value = value(number % PUSHERS, number);
            if let Some((key, place)) = heap.remove(value) {
                heap.insert(key, Place::At(place), value).unwrap();
            }
            heap.replace(value, 1, || Some(value));
        }
        for pusher in pushers {
            pusher.join().unwrap();
        }
        drop(closing);
        popped.extend(poppers.map(|popper| popper.join().unwrap()));
    });
    let values: BTreeSet<u64> = popped.iter().flatten().map(|item| item.value).collect();
    let expected =
        (0..PUSHERS).flat_map(|pusher| (0..EACH).map(move |number| value(pusher, number)));
    assert!(
        values.into_iter().eq(expected),
        "an item was lost or invented"
    );
    let count: usize = popped.iter().map(Vec::len).sum();
    assert_eq!(count as u64, PUSHERS * EACH, "an item left twice");
    if meddle {
        return;
    }
    for popped in popped {
        let mut last = BTreeMap::new();
        for item in popped {
            let lane = (item.key, (u64::from(id_of(item.value)) - 1) / EACH);
            let before = last.insert(lane, item.value);
            assert!(
                before < Some(item.value),
                "{item:?} of {lane:?} after {before:?}"
            );
        }
    }
}

#[test]
fn many_threads_bounded_keys() {
    from_many_threads(Some(3), false);
    from_many_threads(Some(3), true);
}

#[test]
fn many_threads_any_keys() {
    from_many_threads(None, false);
    from_many_threads(None, true);
}

#[test]
fn a_lane_prints_its_parts() {
    let heap = Heap::new(Some(8), 4);
    heap.push(1, 1).unwrap();
    let text = "Heap { levels: Some(8), len: 1, is_closed: false }";
    assert_eq!(format!("{heap:?}"), text);
}
