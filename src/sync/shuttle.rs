//! shuttle's primitives, with a cell that notices overlapping accesses.
//!
//! shuttle explores interleavings of a sequentially consistent machine: it finds lost wake-ups and
//! races of logic in the whole runtime, and no weak orderings. Those are loom's part.

pub use shuttle::sync::MutexGuard;
pub use shuttle::sync::{Arc, Weak};
pub use shuttle::thread_local;
// What is made in one never waits for another thread, so the model need not know it.
pub use std::sync::OnceLock;

/// Threads, which a model may have the system refuse.
pub mod thread {
    pub use shuttle::thread::*;
    use std::io;

    use super::REFUSES_THREADS;
    use super::atomic::Ordering::SeqCst;

    /// shuttle's builder.
    #[derive(Debug)]
    pub struct Builder(shuttle::thread::Builder);

    #[allow(missing_docs)]
    impl Builder {
        #[allow(clippy::new_without_default)]
        pub fn new() -> Self {
            Builder(shuttle::thread::Builder::new())
        }
        pub fn name(self, name: String) -> Self {
            Builder(self.0.name(name))
        }
        pub fn spawn<F, X>(self, body: F) -> io::Result<JoinHandle<X>>
        where
            F: FnOnce() -> X + Send + 'static,
            X: Send + 'static,
        {
            match REFUSES_THREADS.load(SeqCst) {
                true => Err(io::Error::from(io::ErrorKind::WouldBlock)),
                false => self.0.spawn(body),
            }
        }
    }
}

// shuttle makes it anew for each execution.
shuttle::lazy_static! {
    static ref REFUSES_THREADS: atomic::AtomicBool = atomic::AtomicBool::new(false);
}

/// Whether `thread::Builder::spawn` fails from now on, to the end of the execution.
pub fn refuse_threads(refuse: bool) {
    REFUSES_THREADS.store(refuse, atomic::Ordering::SeqCst);
}

/// Atomics and fences.
pub mod atomic {
    pub use shuttle::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// A full fence, for a caller whose last step before it was a read-modify-write.
pub fn fence_after_rmw() {
    atomic::fence(atomic::Ordering::SeqCst);
}

/// shuttle's lock with parking_lot's face.
#[derive(Debug, Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

#[allow(missing_docs)]
impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Mutex(shuttle::sync::Mutex::new(value))
    }
    pub fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
    pub fn try_lock(&self) -> Option<shuttle::sync::MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

/// Memory whose access the protocol around it makes exclusive; an overlap panics.
#[derive(Debug)]
pub struct UnsafeCell<T> {
    /// Readers inside, or `WRITER`.
    inside: atomic::AtomicUsize,
    value: std::cell::UnsafeCell<T>,
}

const WRITER: usize = usize::MAX / 2;

impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    pub fn new(value: T) -> Self {
        UnsafeCell {
            inside: atomic::AtomicUsize::new(0),
            value: std::cell::UnsafeCell::new(value),
        }
    }

    /// Reads through a shared pointer.
    pub fn with<O>(&self, f: impl FnOnce(*const T) -> O) -> O {
        let before = self.inside.fetch_add(1, atomic::Ordering::SeqCst);
        assert!(
            before < WRITER,
            "a cell is read while another thread writes it"
        );
        let out = f(self.value.get());
        self.inside.fetch_sub(1, atomic::Ordering::SeqCst);
        out
    }

    /// Writes through an exclusive pointer.
    pub fn with_mut<O>(&self, f: impl FnOnce(*mut T) -> O) -> O {
        let before = self.inside.fetch_add(WRITER, atomic::Ordering::SeqCst);
        assert!(
            before == 0,
            "a cell is written while another thread uses it"
        );
        let out = f(self.value.get());
        self.inside.fetch_sub(WRITER, atomic::Ordering::SeqCst);
        out
    }
}

/// Nothing: there is no time.
pub fn sharpen_sleep() {}

/// Not known here: threads are joined at shutdown.
pub fn has_ended(_: &thread::JoinHandle<()>) -> bool {
    false
}
