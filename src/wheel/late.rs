//! The timers that were inserted after their tick was opened: a small binary heap that keeps the
//! places of what it moves, so that any of them can be cancelled.

use super::entry::{Entry, Home, Place, Places};

#[derive(Default)]
pub(super) struct Late(Vec<Entry>);

impl Late {
    #[inline]
    pub(super) fn first(&self) -> Option<&Entry> {
        self.0.first()
    }

    pub(super) fn get(&self, index: u32) -> &Entry {
        &self.0[index as usize]
    }

    pub(super) fn push(&mut self, entry: Entry, places: &mut Places) {
        self.0.push(entry);
        self.rise(self.0.len() - 1, places);
    }

    /// Removes the timer at `index`.
    pub(super) fn remove(&mut self, index: u32, places: &mut Places) {
        let index = index as usize;
        self.0.swap_remove(index);
        if index < self.0.len() {
            let index = self.rise(index, places);
            self.sink(index, places);
        }
    }

    /// Moves the timer at `at` up to where it belongs, and notes the places; where that is.
    fn rise(&mut self, mut at: usize, places: &mut Places) -> usize {
        while at > 0 && self.0[at].key() < self.0[(at - 1) / 2].key() {
            self.0.swap(at, (at - 1) / 2);
            self.note(at, places);
            at = (at - 1) / 2;
        }
        self.note(at, places);
        at
    }

    /// Moves the timer at `at` down to where it belongs, and notes the places.
    fn sink(&mut self, mut at: usize, places: &mut Places) {
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.0.len());
            let least = children.min_by_key(|&child| self.0[child].key());
            match least.filter(|&child| self.0[child].key() < self.0[at].key()) {
                Some(child) => {
                    self.0.swap(at, child);
                    self.note(at, places);
                    at = child;
                }
                None => return self.note(at, places),
            }
        }
    }

    fn note(&self, at: usize, places: &mut Places) {
        places.set(self.0[at].slot, Place::new(Home::LATE, at as u32));
    }
}
