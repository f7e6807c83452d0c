//! Values of jobs in the order of their age, each found by its job's id at once.
//!
//! An entry keeps the number that it was given when it came. Entries leave by the front only, so an entry's number less
//! that of the first is its place. Memory grows as entries come.

use std::collections::{HashMap, VecDeque};

use crate::model::JobId;

/// The oldest is in front. A job has one entry at the most.
pub(crate) struct Recent<V> {
    entries: VecDeque<(JobId, V)>,
    /// The number of the entry in front: how many have left.
    first: u64,
    numbers: HashMap<JobId, u64>,
}

impl<V> Recent<V> {
    pub(crate) fn new() -> Self {
        Recent {
            entries: VecDeque::new(),
            first: 0,
            numbers: HashMap::new(),
        }
    }

    /// Puts a value behind all others, save those at the end that are `later`.
    pub(crate) fn insert(&mut self, id: JobId, value: V, later: impl Fn(&V) -> bool) {
        let mut place = self.entries.len();
        while place > 0 && later(&self.entries[place - 1].1) {
            place -= 1;
            if let Some(number) = self.numbers.get_mut(&self.entries[place].0) {
                *number += 1;
            }
        }
        self.entries.insert(place, (id, value));
        let before = self.numbers.insert(id, self.first + place as u64);
        debug_assert!(before.is_none(), "job {id} has an entry already");
    }

    /// The oldest value.
    pub(crate) fn oldest(&self) -> Option<&V> {
        self.entries.front().map(|(_, value)| value)
    }

    /// Takes the oldest entry out.
    pub(crate) fn pop_oldest(&mut self) -> Option<(JobId, V)> {
        let (id, value) = self.entries.pop_front()?;
        self.first += 1;
        self.numbers.remove(&id);
        Some((id, value))
    }

    pub(crate) fn get(&self, id: JobId) -> Option<&V> {
        let place = self.numbers.get(&id)? - self.first;
        self.entries.get(place as usize).map(|(_, value)| value)
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().rev().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All values, the oldest first.
    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.entries.into_iter().map(|(_, value)| value)
    }
}
