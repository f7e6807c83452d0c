//! shuttle's primitives, with a cell that notices overlapping accesses.
//!
//! shuttle explores interleavings of a sequentially consistent machine: it finds lost wake-ups and
//! races of logic in the whole runtime, and no weak orderings. Those are loom's part.

pub use shuttle::sync::MutexGuard;
pub use shuttle::sync::{Arc, Weak};
// What is made in one never waits for another thread, so the model need not know it.
pub use shuttle::thread_local;
pub use std::sync::OnceLock;

/// Threads, which a model may refuse.
pub mod thread {
    use std::io;

    pub use shuttle::thread::*;

    /// shuttle's builder, unless threads are refused.
    #[derive(Debug, Default)]
    pub struct Builder(shuttle::thread::Builder);

    #[allow(missing_docs)]
    impl Builder {
        pub fn new() -> Self {
            Self::default()
        }
        pub fn name(self, name: String) -> Self {
            Builder(self.0.name(name))
        }
        pub fn spawn<F, O>(self, body: F) -> io::Result<JoinHandle<O>>
        where
            F: FnOnce() -> O + Send + 'static,
            O: Send + 'static,
        {
            match super::REFUSED.load(super::atomic::Ordering::SeqCst) {
                true => Err(io::Error::other("the model refuses the thread")),
                false => self.0.spawn(body),
            }
        }
    }
}

shuttle::lazy_static! {
    /// Whether the system refuses threads; false again in each execution.
    static ref REFUSED: atomic::AtomicBool = atomic::AtomicBool::new(false);
}

/// From now on the system refuses every thread that the library asks for, or refuses none.
pub fn refuse_threads(refused: bool) {
    REFUSED.store(refused, atomic::Ordering::SeqCst);
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
