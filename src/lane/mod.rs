//! Where the tickets of waiting jobs lie, in the order in which they will be dispatched.
//!
//! A lane carries words other than 0, whose low [`ID_BITS`] name the slot; it knows nothing of jobs. [`Bands`]
//! are FIFO lines, one per level, under a bitmap: lock-free. [`Heap`] orders by any key, under a short lock.
//! What needs a place other than the end of a line (back to where it was, newest first, moved by
//! a change of priority) lies in the bands' mutexed front, or in the heap itself. Protocols and
//! proofs: `README.md` beside this file.

mod bands;
mod cover;
mod front;
mod heap;
mod policy;
mod rank;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

pub use bands::{Bands, MOST_LEVELS, Portion};
pub use front::IN_LINE;
pub use heap::{Heap, Item, Place};
pub use policy::Schedule;
pub use rank::Rank;

/// The low bits of a word that name its slot: a slot has at most one word in front and heap.
pub const ID_BITS: u32 = 24;

/// The slot that a word names.
pub(crate) fn id_of(word: u64) -> u32 {
    (word & ((1 << ID_BITS) - 1)) as u32
}
