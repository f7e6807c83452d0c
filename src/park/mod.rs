//! Sleeping and waking: an alarm clock, an event count, two lines of waiters at a store, a result cell for one.
//!
//! States, races and the proof that no wake-up is lost: `README.md` beside this file.

mod alarm;
mod event;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod event_tests;
mod exchange;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod exchange_tests;
mod line;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod line_tests;
mod lines;
mod oneshot;
mod patience;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod patience_tests;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

pub use alarm::{Alarm, NEVER};
pub use event::{Care, EventCount};
pub use exchange::Exchange;
pub use line::Ended;
pub use lines::Store;
pub use oneshot::Oneshot;
pub use patience::Yields;
