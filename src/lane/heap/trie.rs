//! Items of a bounded universe of keys: a bitmap trie over the keys, a list per key.
//!
//! Each tier has one bit per word of the tier below, so four tiers name the smallest of 2^24 keys with
//! four looks, however many items there are. Memory that was never used is all zeros, which the
//! system hands out without touching it: a wide universe costs what its used keys cost.
//!
//! Source: van Emde Boas' idea with a fixed fan-out, as in the bitmaps of real-time schedulers.

use super::item::Item;
use crate::lane::id_of;

/// No node. A node's link is its id plus one, so that fresh memory is an empty list.
const NONE: u32 = 0;
const HEAD: usize = 0;
const TAIL: usize = 1;
/// Keys that one word covers: 2^6.
const FAN_OUT_BITS: u32 = 6;

#[derive(Clone, Copy, Default)]
struct Node {
    /// 0: there is no item of this id.
    value: u64,
    place: i64,
    key: u32,
    next: u32,
    previous: u32,
}

/// A priority queue over the keys `0..levels`.
pub(super) struct Trie {
    /// The first tier has a bit per key that has items, the last is a single word.
    tiers: Vec<Vec<u64>>,
    /// By key: the links of the first and last node of its list, which is sorted by place.
    lists: Vec<[u32; 2]>,
    /// By link.
    nodes: Vec<Node>,
    len: usize,
}

impl Trie {
    pub(super) fn new(levels: u32, capacity: usize) -> Self {
        assert!(
            (1..=1 << 24).contains(&levels),
            "a trie has 1 to 2^24 levels, not {levels}"
        );
        let mut tiers = Vec::new();
        let mut width = levels;
        while tiers.is_empty() || width > 1 {
            width = width.div_ceil(1 << FAN_OUT_BITS);
            tiers.push(vec![0; width as usize]);
        }
        Trie {
            tiers,
            lists: vec![[NONE; 2]; levels as usize],
            // Room for all, of which only what is used gets touched: growing never copies.
            nodes: Vec::with_capacity(capacity + 1),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Puts `item`, whose place lies behind all, at the end of its list. Reads no other item.
    #[inline]
    pub(super) fn append(&mut self, item: Item) {
        let tail = self.lists[item.key as usize][TAIL];
        self.insert_between(tail, NONE, item);
    }

    /// Puts `item` at its place: at the end with one look, elsewhere by a walk from the front.
    pub(super) fn insert(&mut self, item: Item) {
        let [head, tail] = self.lists[item.key as usize];
        if tail == NONE || self.nodes[tail as usize].place <= item.place {
            self.insert_between(tail, NONE, item);
        } else {
            let (previous, next) = self.neighbours(item.place, head);
            self.insert_between(previous, next, item);
        }
    }

    #[inline]
    fn insert_between(&mut self, previous: u32, next: u32, item: Item) {
        let link = self.link_of_absent(item.value);
        let key = item.key as usize;
        if previous == NONE && next == NONE {
            self.mark(key);
        }
        self.nodes[link as usize] = Node {
            value: item.value,
            place: item.place,
            key: key as u32,
            next,
            previous,
        };
        self.join(key, previous, link);
        self.join(key, link, next);
        self.len += 1;
    }

    /// Takes exactly `value` out.
    pub(super) fn remove(&mut self, value: u64) -> Option<Item> {
        let link = id_of(value) + 1;
        let node = self.nodes.get(link as usize)?;
        (node.value == value && value != 0).then(|| self.unlink(link))
    }

    /// Takes out the first item of the smallest key.
    #[inline]
    pub(super) fn pop_first(&mut self) -> Option<Item> {
        if self.len == 0 {
            return None;
        }
        let key = self.tiers.iter().rev().fold(0, |at, tier| {
            at << FAN_OUT_BITS | tier[at].trailing_zeros() as usize
        });
        Some(self.unlink(self.lists[key][HEAD]))
    }

    fn link_of_absent(&mut self, value: u64) -> u32 {
        let link = id_of(value) + 1;
        if link as usize >= self.nodes.len() {
            let grown = (link as usize + 1).next_multiple_of(64);
            self.nodes.resize(grown, Node::default());
        }
        let present = self.nodes[link as usize].value;
        assert!(
            present == 0 && value != 0,
            "item {value} of id {} while {present} is there",
            id_of(value)
        );
        link
    }

    /// The nodes from `head` on between which `place` lies. Some node must lie behind it.
    fn neighbours(&self, place: i64, head: u32) -> (u32, u32) {
        let (mut before, mut at) = (NONE, head);
        while self.nodes[at as usize].place <= place {
            (before, at) = (at, self.nodes[at as usize].next);
        }
        (before, at)
    }

    /// Makes `previous` and `next` neighbours in the list of `key`, or one of them its end.
    fn join(&mut self, key: usize, previous: u32, next: u32) {
        match previous {
            NONE => self.lists[key][HEAD] = next,
            _ => self.nodes[previous as usize].next = next,
        }
        match next {
            NONE => self.lists[key][TAIL] = previous,
            _ => self.nodes[next as usize].previous = previous,
        }
    }

    fn unlink(&mut self, link: u32) -> Item {
        let node = std::mem::take(&mut self.nodes[link as usize]);
        let key = node.key as usize;
        self.join(key, node.previous, node.next);
        if node.previous == NONE && node.next == NONE {
            self.unmark(key);
        }
        self.len -= 1;
        Item {
            key: u64::from(node.key),
            place: node.place,
            value: node.value,
        }
    }

    /// The key has items from now on.
    fn mark(&mut self, key: usize) {
        let mut at = key;
        for tier in &mut self.tiers {
            let (word, bit) = (at >> FAN_OUT_BITS, at & 63);
            let before = tier[word];
            tier[word] = before | 1 << bit;
            if before != 0 {
                return;
            }
            at = word;
        }
    }

    /// The key has no items any more.
    fn unmark(&mut self, key: usize) {
        let mut at = key;
        for tier in &mut self.tiers {
            let (word, bit) = (at >> FAN_OUT_BITS, at & 63);
            tier[word] &= !(1 << bit);
            if tier[word] != 0 {
                return;
            }
            at = word;
        }
    }
}
