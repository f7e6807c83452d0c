//! Planted in the copy of the library: a flag that carries a value. Behind `//~` stands what the run must say of the site on
//! that line, of the whole and then, if it has halves, of them.

use crate::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use crate::sync::atomic::{AtomicUsize, fence};
use crate::sync::{UnsafeCell, fence_after_rmw};

/// A value, once.
#[derive(Debug)]
pub struct Flag {
    value: UnsafeCell<u64>,
    set: AtomicUsize,
    asked: AtomicUsize,
}

// SAFETY: the value is written before `set` and read behind it.
unsafe impl Send for Flag {}
// SAFETY: as above.
unsafe impl Sync for Flag {}

#[allow(missing_docs)]
impl Flag {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Flag {
            value: UnsafeCell::new(0),
            set: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
        }
    }

    pub fn set(&self, value: u64) {
        // SAFETY: nobody reads before `set`.
        self.value.with_mut(|cell| unsafe { *cell = value });
        self.set.store(1, Release); //~ killed
    }

    pub fn get(&self) -> Option<u64> {
        // unseen: for nothing, since a model sees it.
        let set = self.set.load(Acquire) == 1; //~ stale
        // SAFETY: it was written before `set`.
        set.then(|| self.value.with(|cell| unsafe { *cell }))
    }

    pub fn set_by_swap(&self, value: u64) {
        // SAFETY: nobody reads before `set`.
        self.value.with_mut(|cell| unsafe { *cell = value });
        self.set.swap(1, AcqRel); //~ killed, Acquire killed, Release survived
    }

    /// As on x86: the fence does the work of the swap, but nobody may build on that.
    pub fn set_and_fence(&self, value: u64) {
        // SAFETY: nobody reads before `set`.
        self.value.with_mut(|cell| unsafe { *cell = value });
        fence_after_rmw(); //~ survived
        self.set.swap(1, Release); //~ killed
    }

    pub fn is_set(&self) -> bool {
        self.set.load(Acquire) == 1 //~ survived
    }

    pub fn ask(&self) -> usize {
        // unseen: nobody reads what came before the question.
        self.asked.fetch_add(1, Release) //~ explained
    }

    pub fn never(&self) {
        fence(Acquire); //~ not reached
    }

    pub fn never_either(&self) {
        // unseen: nobody calls it.
        fence(Release); //~ explained
    }
}
