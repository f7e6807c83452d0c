//! What there is once in a process or a thread: numbers that are names, and the place of the last panic. None of it is
//! synchronisation, so no model replaces it.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

/// The next queue's number, from 1.
pub fn next_queue_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// The next runtime's number, from 1.
pub fn next_runtime_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// A small number of the calling thread: spreads threads over the homes of vacant slots.
#[inline]
pub fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

std::thread_local! {
    static PANICKED_AT: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// From now on every thread remembers where its last panic began; the hook that was there before is called as before.
pub fn remember_panics() {
    static HOOKED: Once = Once::new();
    // A model checker has a hook of its own.
    if super::MODEL {
        return;
    }
    HOOKED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or_default().to_owned();
            let place = info.location().map(|place| (text, place.to_string()));
            // A thread that is ending has no such cell any more.
            let _ = PANICKED_AT.try_with(|cell| {
                if let Ok(mut last) = cell.try_borrow_mut() {
                    *last = place;
                }
            });
            before(info);
        }));
    });
}

/// Where the calling thread's last panic began, if that said `text`: another one may have been caught and forgotten. Once.
pub fn take_panic_location(text: &str) -> Option<String> {
    let last = PANICKED_AT.with(|cell| cell.borrow_mut().take());
    last.filter(|(said, _)| said == text)
        .map(|(_, place)| place)
}
