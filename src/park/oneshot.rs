//! A result cell: one value, one writer, one reader, who may wait, give up waiting, or leave.
//!
//! ```text
//!           register            set
//!   EMPTY ───────────▶ PARKED ───────▶ SET        forget on SET drops the value,
//!     │  ◀───────────    ▲              ▲         set on GONE drops it.
//!     │     withdraw     └──────────────┤
//!     ├─────────────── set ─────────────┘
//!     └─ forget ─▶ GONE
//! ```

use std::fmt;

use crate::sync::atomic::AtomicU8;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{Backoff, Deadline, MODEL, UnsafeCell, park_until, seeded, thread};

const EMPTY: u8 = 0;
const PARKED: u8 = 1;
const SET: u8 = 2;
const GONE: u8 = 3;

/// Rounds of looking before the reader parks: about 2 µs.
const LOOKS: u32 = 12;

/// A cell that is written once and read once.
///
/// `set` is called at most once, and only one thread at a time may call the reader's methods
/// (`take`, `wait`, `forget`): the owners of the two ends see to it.
pub struct Oneshot<R> {
    state: AtomicU8,
    value: UnsafeCell<Option<R>>,
    reader: UnsafeCell<Option<thread::Thread>>,
}

// SAFETY: `value` moves from the writer to the reader or back, ordered by `state`; `R: Send` is
// enough. `reader` is written before PARKED is published and read after it was seen.
unsafe impl<R: Send> Send for Oneshot<R> {}
// SAFETY: as above; no `&R` is ever handed out.
unsafe impl<R: Send> Sync for Oneshot<R> {}

impl<R> Oneshot<R> {
    /// An empty cell.
    pub fn new() -> Self {
        Oneshot {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(None),
            reader: UnsafeCell::new(None),
        }
    }

    /// Writes the value and wakes the reader. Gives the value back if the reader has left.
    ///
    /// # Panics
    /// If a value was set before.
    pub fn set(&self, value: R) -> Option<R> {
        // SAFETY: before SET the writer alone touches `value`.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
        let before = if seeded!("oneshot_set_check_then_act") {
            // ORDERING: as the swap below has them; the bug is that these are two steps.
            let before = self.state.load(Acquire);
            self.state.store(SET, Release);
            before
        } else {
            // ORDERING: AcqRel — publishes `value` to `take`; reads `reader` as `register` wrote it.
            self.state
                .swap(SET, seeded!("oneshot_publish_relaxed", Relaxed => AcqRel))
        };
        match before {
            EMPTY => None,
            PARKED => {
                // SAFETY: the reader wrote `reader` before PARKED and writes it no more: only a
                // withdrawn registration may be renewed, and SET can't be withdrawn.
                let reader = self.reader.with(|cell| unsafe { (*cell).clone() });
                reader.expect("a parked reader has named itself").unpark();
                None
            }
            // SAFETY: the reader has left for good, so the value is the writer's again.
            GONE => self.value.with_mut(|cell| unsafe { (*cell).take() }),
            _ => panic!("a result was set twice"),
        }
    }

    /// Whether a value was set. Does not wait.
    pub fn is_set(&self) -> bool {
        // ORDERING: Acquire — makes `value` visible; pairs with the swap in `set`.
        self.state
            .load(seeded!("oneshot_take_relaxed", Relaxed => Acquire))
            == SET
    }

    /// Moves the value out, if it is there. Does not wait.
    pub fn take(&self) -> Option<R> {
        if !self.is_set() {
            return None;
        }
        // SAFETY: after SET the reader alone touches `value`.
        self.value.with_mut(|cell| unsafe { (*cell).take() })
    }

    /// Waits for the value; `None` once `deadline` has passed.
    pub fn wait(&self, deadline: Option<Deadline>) -> Option<R> {
        let mut backoff = Backoff::default();
        for _ in 0..if MODEL { 1 } else { LOOKS } {
            if let Some(value) = self.take() {
                return Some(value);
            }
            backoff.snooze();
        }
        // SAFETY: until PARKED the writer does not look at `reader`.
        self.reader
            .with_mut(|cell| unsafe { *cell = Some(thread::current()) });
        if seeded!("oneshot_no_recheck") {
            // ORDERING: as below; the bug is that a value set meanwhile is overlooked.
            self.state.store(PARKED, Release);
        } else {
            // ORDERING: Release — publishes `reader` to `set`. Relaxed on failure: `take` acquires.
            let registered = self.state.compare_exchange(EMPTY, PARKED, Release, Relaxed);
            if registered.is_err() {
                return self.take();
            }
        }
        // Relaxed: `take` acquires.
        while self.state.load(Relaxed) == PARKED {
            if deadline.is_some_and(|end| end.passed()) && self.withdraw() {
                return None;
            }
            park_until(deadline);
        }
        self.take()
    }

    /// The reader leaves: whoever comes second, it or the writer, drops the value.
    pub fn forget(&self) -> Option<R> {
        // ORDERING: Acquire — reads `value` if it is set; pairs with the swap in `set`. If it is not, the reader
        // has never touched it and hands nothing over.
        match self.state.swap(GONE, Acquire) {
            // SAFETY: after SET the reader alone touches `value`.
            SET => self.value.with_mut(|cell| unsafe { (*cell).take() }),
            _ => None,
        }
    }

    /// Takes the registration back; false if the value came first.
    fn withdraw(&self) -> bool {
        // Relaxed: nothing was handed over, and `take` acquires.
        self.state
            .compare_exchange(PARKED, EMPTY, Relaxed, Relaxed)
            .is_ok()
    }
}

impl<R> Default for Oneshot<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Oneshot<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Relaxed) {
            EMPTY => "empty",
            PARKED => "awaited",
            SET => "set",
            _ => "abandoned",
        };
        f.debug_tuple("Oneshot").field(&state).finish()
    }
}
