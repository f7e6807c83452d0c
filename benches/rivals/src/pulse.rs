//! Signs of life of a run, and its books.
//!
//! Every thread that gets something done counts it in a place of its own with plain stores, and now
//! and then only, so that counting is not what is measured. The watchdog of [`crate::child`] adds the
//! places up: a sum that no longer moves is a run that hangs.

use std::cell::OnceCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Words counted between two signs of life.
const STRIDE: u64 = 1024;
/// Threads that can count; one child process runs far fewer.
const PLACES: usize = 1024;

/// One thread's count on cache lines of its own.
#[repr(align(128))]
struct Place(AtomicU64);

static PULSE: [Place; PLACES] = [const { Place(AtomicU64::new(0)) }; PLACES];
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// All that has been counted so far.
pub fn total() -> u64 {
    // ORDERING: Relaxed — who needs it exact has joined the threads before; no partner.
    let counts = PULSE.iter().map(|place| place.0.load(Ordering::Relaxed));
    counts.sum()
}

fn take() -> &'static Place {
    // ORDERING: Relaxed — only uniqueness counts; no partner.
    let place = TAKEN.fetch_add(1, Ordering::Relaxed);
    PULSE.get(place).expect("a child starts few threads")
}

/// Counts one piece of work of this thread, at once.
#[inline]
pub fn beat() {
    thread_local! {
        static OWN: OnceCell<&'static Place> = const { OnceCell::new() };
    }
    OWN.with(|own| {
        let Place(count) = own.get_or_init(take);
        // ORDERING: Relaxed — this thread alone writes there; see `total` for the reader.
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    });
}

/// What one receiver has received.
pub struct Tally {
    place: &'static Place,
    /// How many words.
    pub words: u64,
    /// Their sum, so that a word lost and another received twice do not cancel out.
    pub sum: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Self {
        Tally {
            place: take(),
            words: 0,
            sum: 0,
        }
    }

    /// Counts one word.
    #[inline]
    pub fn count(&mut self, word: u64) {
        self.words += 1;
        self.sum = self.sum.wrapping_add(black_box(word));
        if self.words.is_multiple_of(STRIDE) {
            // ORDERING: Relaxed — a sign of life; no partner.
            self.place.0.store(self.words, Ordering::Relaxed);
        }
    }
}
