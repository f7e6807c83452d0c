//! An allocator that keeps each thread's balance, so that tests side by side do not disturb one
//! another: what a single-threaded test takes and does not give back is the channel's leak.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static BALANCE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Balancing;

#[global_allocator]
static ALLOCATOR: Balancing = Balancing;

/// Bytes that this thread allocated and did not free, less those it freed for others.
pub fn balance() -> isize {
    BALANCE.get()
}

/// How far the balance rises while `body` runs.
pub fn rise(body: impl FnOnce()) -> isize {
    let before = balance();
    PEAK.set(before);
    body();
    PEAK.get() - before
}

fn book(bytes: isize) {
    // A thread on its way out has no balance any more, and nobody asks.
    let _ = BALANCE.try_with(|balance| {
        let now = balance.get() + bytes;
        balance.set(now);
        PEAK.try_with(|peak| peak.set(peak.get().max(now)))
    });
}

// SAFETY: every call goes to `System` as it came; the provided methods come through these two.
unsafe impl GlobalAlloc for Balancing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        book(layout.size().cast_signed());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        book(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}
