//! Items with keys of any width: a four-ary heap that knows where each item lies.
//!
//! Four children share a cache line and a half, so it is half as deep as a binary heap and touches
//! less memory. A table by id gives the position of an item that is to be taken out of the middle.
//!
//! Source: D. B. Johnson, *Priority queues with update and finding minimum spanning trees* (1975).

use super::item::Item;
use crate::lane::id_of;

const CHILDREN: usize = 4;

/// A priority queue over all keys.
pub(super) struct Dary {
    /// No child is more urgent than its parent; the children of `at` begin at `4·at + 1`.
    items: Vec<Item>,
    /// By id: the item's position in `items` plus one, 0 if there is none.
    positions: Vec<u32>,
}

impl Dary {
    pub(super) fn new(capacity: usize) -> Self {
        Dary {
            // Room for all, of which only what is used gets touched: growing never copies.
            items: Vec::with_capacity(capacity),
            positions: Vec::with_capacity(capacity),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Puts `item` where it belongs.
    #[inline]
    pub(super) fn insert(&mut self, item: Item) {
        let id = id_of(item.value) as usize;
        if id >= self.positions.len() {
            self.positions.resize((id + 1).next_multiple_of(64), 0);
        }
        assert!(
            self.positions[id] == 0 && item.value != 0,
            "item {} of id {id} while position {} holds one",
            item.value,
            self.positions[id]
        );
        self.items.push(item);
        self.rise(self.items.len() - 1, item);
    }

    /// Takes exactly `value` out.
    pub(super) fn remove(&mut self, value: u64) -> Option<Item> {
        let position = *self.positions.get(id_of(value) as usize)?;
        let at = (position as usize).checked_sub(1)?;
        (self.items[at].value == value).then(|| self.take(at))
    }

    /// Takes out the item with the smallest key and place.
    #[inline]
    pub(super) fn pop_first(&mut self) -> Option<Item> {
        (!self.items.is_empty()).then(|| self.take(0))
    }

    /// Takes out the item at `at` and fills the hole with the last one.
    fn take(&mut self, at: usize) -> Item {
        let taken = self.items[at];
        self.positions[id_of(taken.value) as usize] = 0;
        if let Some(last) = self.items.pop()
            && at < self.items.len()
        {
            // The last item is seldom urgent, so the hole goes to the bottom first.
            let bottom = self.sink(at);
            self.rise(bottom, last);
        }
        taken
    }

    /// Moves the hole at `at` down to where it has no children; where that is.
    fn sink(&mut self, mut at: usize) -> usize {
        loop {
            let first = CHILDREN * at + 1;
            let end = (first + CHILDREN).min(self.items.len());
            let Some(best) = (first..end).min_by_key(|&child| self.items[child].order()) else {
                return at;
            };
            self.put(at, self.items[best]);
            at = best;
        }
    }

    /// Moves the hole at `at` up to where `item` belongs, and fills it.
    fn rise(&mut self, mut at: usize, item: Item) {
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            if self.items[parent].order() <= item.order() {
                break;
            }
            self.put(at, self.items[parent]);
            at = parent;
        }
        self.put(at, item);
    }

    fn put(&mut self, at: usize, item: Item) {
        self.items[at] = item;
        self.positions[id_of(item.value) as usize] = at as u32 + 1;
    }
}
