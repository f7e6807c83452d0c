//! The job table: every job's record, its payload included, stays in one slot from admission to end.
//!
//! Only tickets move. Each verb is one compare-and-swap on the slot's state word and bumps its epoch,
//! so a job has exactly one valid ticket while it waits or runs. A slot is vacant when it is
//! terminal, has no holder, and no ticket of it lies in a lane; the one step that makes this true
//! hands the slot back. Layout: `word.rs`; slots: `slab.rs`; verbs: `activate.rs`, `settle.rs`, `again.rs`, `holders.rs`,
//! `outside.rs` and `change.rs`; what others may ask: `looks.rs`; what few jobs need: `record.rs`; free
//! slots: `pool.rs`; the rules and what each model proves: `README.md` beside this file.

mod activate;
mod again;
mod change;
mod holders;
mod looks;
mod outside;
mod pool;
mod record;
mod settle;
mod slab;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;
mod tokens;
mod word;

pub use change::NotMoved;
pub use outside::Pinned;
pub use pool::{Pool, Vacancies, Vacant};
pub use record::{Marks, Own, Record};
pub use slab::Slab;
pub use tokens::{Claim, Entered, Entry, Owed, Position, Settled, Spoils, Surfaced};
pub use word::{Ticket, Trace};

/// The largest number of slots: what a ticket can name.
pub const MAX_SLOTS: usize = (1 << word::SLOT_BITS) - 1;
