//! Everything that threads share, behind one switch.
//!
//! The same source of `ring`, `park` and `table` runs on real primitives, under loom
//! (`--cfg guichet_loom`) and under shuttle (`--cfg guichet_shuttle`). No other module may name
//! `std::sync`, `std::thread` or `parking_lot`: a lock that the model does not know would blind it
//! (`tests/tidy` checks this). Under a model, timed waits end at once and spinning yields.

#[cfg(all(
    feature = "internals",
    debug_assertions,
    not(any(guichet_loom, guichet_shuttle))
))]
mod counted;
#[cfg(not(any(guichet_loom, guichet_shuttle)))]
mod real;
#[cfg(not(any(guichet_loom, guichet_shuttle)))]
pub use real::*;

#[cfg(guichet_loom)]
mod loom;
#[cfg(guichet_loom)]
pub use self::loom::*;

#[cfg(guichet_shuttle)]
mod shuttle;
#[cfg(guichet_shuttle)]
pub use self::shuttle::*;

#[cfg(not(guichet_loom))]
mod process;
#[cfg(not(guichet_loom))]
pub use process::{
    next_queue_number, next_runtime_number, remember_panics, take_panic_location, thread_number,
};
mod wait;
pub use wait::{Backoff, Deadline, park_until};

/// True in a build that a model checker drives.
pub const MODEL: bool = cfg!(any(guichet_loom, guichet_shuttle));

/// Prints what happens in a model of the whole runtime, if `MATRIX_TRACE` is set; otherwise nothing.
#[inline(always)]
pub fn trace(what: impl FnOnce() -> String) {
    #[cfg(guichet_shuttle)]
    if std::env::var_os("MATRIX_TRACE").is_some() {
        eprintln!("    {:?}: {}", thread::current().name(), what());
    }
    #[cfg(not(guichet_shuttle))]
    drop(what);
}

/// A place that a build can make wrong on purpose, to see whether a model notices: `.ci/bugs` builds each
/// and demands that the named model fails.
///
/// `seeded!("name")` says whether it is wrong here; `seeded!("name", wrong => right)` is the one or the other;
/// `seeded!("name", Relaxed => Release)` an ordering.
macro_rules! seeded {
    ($bug:literal) => {
        cfg!(guichet_bug = $bug)
    };
    ($bug:literal, Relaxed => $right:ident) => {
        if cfg!(guichet_bug = $bug) {
            $crate::sync::atomic::Ordering::Relaxed
        } else {
            $crate::sync::atomic::Ordering::$right
        }
    };
    ($bug:literal, $wrong:expr => $right:expr) => {
        if cfg!(guichet_bug = $bug) {
            $wrong
        } else {
            $right
        }
    };
}
pub(crate) use seeded;
