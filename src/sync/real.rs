//! The real primitives: std's atomics and threads, parking_lot's lock.

#[cfg(all(feature = "internals", debug_assertions))]
pub use super::counted::{Locks, Mutex, MutexGuard};
#[cfg(not(all(feature = "internals", debug_assertions)))]
pub use parking_lot::{Mutex, MutexGuard};
pub use std::sync::{Arc, OnceLock, Weak};
pub use std::thread;
pub use std::thread_local;

/// Atomics and fences.
pub mod atomic {
    pub use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// A full fence, for a caller whose last step before it was a read-modify-write.
///
/// On x86 a locked instruction is itself a full barrier: no later load is executed before it, so
/// only the compiler must be held back. Elsewhere this is `fence(SeqCst)`, as it is under a model.
#[inline(always)]
pub fn fence_after_rmw() {
    #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
    std::sync::atomic::compiler_fence(atomic::Ordering::SeqCst);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
    atomic::fence(atomic::Ordering::SeqCst);
}

/// Memory whose access the protocol around it, not the type, makes exclusive.
///
/// Access goes through closures so that a model checker can see when it begins and ends.
#[derive(Debug)]
pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    pub fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// Reads through a shared pointer.
    #[inline(always)]
    pub fn with<O>(&self, f: impl FnOnce(*const T) -> O) -> O {
        f(self.0.get())
    }

    /// Writes through an exclusive pointer.
    #[inline(always)]
    pub fn with_mut<O>(&self, f: impl FnOnce(*mut T) -> O) -> O {
        f(self.0.get())
    }
}

/// Lets the calling thread's timed sleeps end when they should, where the system rounds them up otherwise: on Linux by 50 µs.
pub fn sharpen_sleep() {
    #[cfg(target_os = "linux")]
    // SAFETY: sets a number of the calling thread's own; it touches no memory.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64);
    }
}

/// Whether a thread has ended, so that joining it would not wait.
pub fn has_ended(thread: &thread::JoinHandle<()>) -> bool {
    thread.is_finished()
}
