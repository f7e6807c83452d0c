//! The order itself, of either kind: a trie if the keys are bounded, else a four-ary heap.

use super::dary::Dary;
use super::item::Item;
use super::trie::Trie;

pub(super) enum Order {
    Trie(Trie),
    Dary(Dary),
}

impl Order {
    pub(super) fn len(&self) -> usize {
        match self {
            Order::Trie(trie) => trie.len(),
            Order::Dary(dary) => dary.len(),
        }
    }
    #[inline]
    pub(super) fn insert(&mut self, item: Item) {
        match self {
            Order::Trie(trie) => trie.insert(item),
            Order::Dary(dary) => dary.insert(item),
        }
    }
    /// Inserts an item that lies behind all of its key.
    #[inline]
    pub(super) fn append(&mut self, item: Item) {
        match self {
            Order::Trie(trie) => trie.append(item),
            Order::Dary(dary) => dary.insert(item),
        }
    }
    pub(super) fn remove(&mut self, value: u64) -> Option<Item> {
        match self {
            Order::Trie(trie) => trie.remove(value),
            Order::Dary(dary) => dary.remove(value),
        }
    }
    #[inline]
    pub(super) fn pop_first(&mut self) -> Option<Item> {
        match self {
            Order::Trie(trie) => trie.pop_first(),
            Order::Dary(dary) => dary.pop_first(),
        }
    }
}
