//! loom's primitives, with a probe before each atomic operation.
//!
//! loom 0.7 remembers one last access per atomic, so a thread's own load hides another thread's
//! earlier load from the store or CAS that follows: `load; CAS` against `load` explores a single
//! execution (tokio-rs/loom#166, #392). A relaxed read-modify-write on a companion atomic before
//! each operation makes every pair dependent again and adds no happens-before.
//! `tests/loom/hole.rs` keeps the case that shows the hole.

pub use loom::cell::UnsafeCell;
pub use loom::sync::Arc;
pub use loom::sync::MutexGuard;

/// Threads, with a park of our own.
///
/// loom's `unpark` also rouses a thread that is blocked elsewhere meanwhile, on a lock or a join, which then
/// fails an assertion of loom. Here it reaches a thread only between its word that it parks and its return.
pub mod thread {
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire};
    pub use loom::thread::yield_now;
    pub use std::thread::panicking;

    const EMPTY: usize = 0;
    const NOTIFIED: usize = 1;
    const PARKED: usize = 2;

    loom::thread_local! {
        static CURRENT: Thread = Thread {
            token: Arc::new(AtomicUsize::new(EMPTY)),
            inner: loom::thread::current(),
        };
    }

    /// A handle to a thread.
    #[derive(Clone, Debug)]
    pub struct Thread {
        token: Arc<AtomicUsize>,
        inner: loom::thread::Thread,
    }

    /// The calling thread.
    pub fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    /// Waits for a token and consumes it.
    pub fn park() {
        CURRENT.with(|thread| {
            let empty = thread
                .token
                .compare_exchange(EMPTY, PARKED, AcqRel, Acquire);
            if empty.is_ok() {
                loom::thread::park();
            }
            thread.token.swap(EMPTY, AcqRel);
        });
    }

    impl Thread {
        /// Gives the thread its token, and wakes it if it waits for one.
        pub fn unpark(&self) {
            if self.token.swap(NOTIFIED, AcqRel) == PARKED {
                self.inner.unpark();
            }
        }
    }
}

/// Atomics and fences.
pub mod atomic {
    pub use loom::sync::atomic::{Ordering, fence};

    macro_rules! probed {
        ($($name:ident: $value:ty),* $(,)?) => {$(
            /// loom's atomic of this name, probed.
            #[derive(Debug)]
            pub struct $name {
                probe: loom::sync::atomic::AtomicUsize,
                inner: loom::sync::atomic::$name,
            }

            #[allow(missing_docs)]
            impl $name {
                pub fn new(value: $value) -> Self {
                    $name { probe: loom::sync::atomic::AtomicUsize::new(0), inner: loom::sync::atomic::$name::new(value) }
                }
                fn probed(&self) -> &loom::sync::atomic::$name {
                    self.probe.fetch_add(0, Ordering::Relaxed);
                    &self.inner
                }
                pub fn load(&self, order: Ordering) -> $value { self.probed().load(order) }
                pub fn store(&self, value: $value, order: Ordering) { self.probed().store(value, order) }
                pub fn swap(&self, value: $value, order: Ordering) -> $value { self.probed().swap(value, order) }
                pub fn compare_exchange(&self, old: $value, new: $value, ok: Ordering, err: Ordering) -> Result<$value, $value> {
                    self.probed().compare_exchange(old, new, ok, err)
                }
                pub fn compare_exchange_weak(&self, old: $value, new: $value, ok: Ordering, err: Ordering) -> Result<$value, $value> {
                    self.probed().compare_exchange(old, new, ok, err)
                }
            }
        )*};
    }
    probed!(AtomicBool: bool, AtomicU8: u8, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize);

    macro_rules! arithmetic {
        ($($name:ident: $value:ty),* $(,)?) => {$(
            #[allow(missing_docs)]
            impl $name {
                pub fn fetch_add(&self, value: $value, order: Ordering) -> $value { self.probed().fetch_add(value, order) }
                pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value { self.probed().fetch_sub(value, order) }
                pub fn fetch_or(&self, value: $value, order: Ordering) -> $value { self.probed().fetch_or(value, order) }
                pub fn fetch_and(&self, value: $value, order: Ordering) -> $value { self.probed().fetch_and(value, order) }
            }
        )*};
    }
    arithmetic!(AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize);
}

/// A full fence, for a caller whose last step before it was a read-modify-write.
pub fn fence_after_rmw() {
    atomic::fence(atomic::Ordering::SeqCst);
}

/// loom's lock with parking_lot's face.
#[derive(Debug)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

#[allow(missing_docs)]
impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }
    pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("a model never poisons a lock")
    }
    pub fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}
