//! The user's code may panic wherever it runs: in functions, in destructors, in the destructor of what it panicked with.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a function of the user's, whose panic harms nobody here.
pub(crate) fn unharmed<X>(call: impl FnOnce() -> X) -> Option<X> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => Some(done),
        Err(panic) => {
            // What its destructor panics with is not tried.
            catch_unwind(AssertUnwindSafe(|| drop(panic))).unwrap_or_else(mem::forget);
            None
        }
    }
}

/// Drops what belongs to the user; a destructor that panics must not end a worker.
#[inline]
pub(crate) fn discard<V>(value: V) {
    if mem::needs_drop::<V>() {
        unharmed(|| drop(value));
    }
}
