//! The desks of a queue's workers: the counts of those that have left stay.

use crate::queue::base::desk::{Desk, Hire};
use crate::sync::atomic::AtomicUsize;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Arc, Mutex};

/// One for each worker, and those that nobody has any more.
pub(crate) struct Desks {
    all: Mutex<Vec<Arc<Desk>>>,
    /// Changes with `all`.
    count: AtomicUsize,
    /// Those whose workers have left.
    spare: Mutex<Vec<Arc<Desk>>>,
}

impl Desks {
    pub(crate) fn new() -> Self {
        Desks {
            all: Mutex::new(Vec::new()),
            count: AtomicUsize::new(0),
            spare: Mutex::new(Vec::new()),
        }
    }

    /// A desk that nobody has any more, or a new one; `hire` starts another worker like its owner.
    pub(crate) fn take(&self, hire: Option<Hire>) -> Arc<Desk> {
        let spare = self.spare.lock().pop();
        let desk = spare.unwrap_or_else(|| {
            let desk = Arc::new(Desk::new());
            let mut all = self.all.lock();
            all.push(desk.clone());
            self.count.store(all.len(), Relaxed);
            desk
        });
        desk.open(hire);
        desk
    }

    /// Its worker has left it.
    pub(crate) fn give_back(&self, desk: Arc<Desk>) {
        self.spare.lock().push(desk);
    }

    /// How many there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Desk>> {
        self.all.lock().clone()
    }

    /// What `look` finds on them, under their lock.
    pub(crate) fn look<X>(&self, look: impl FnOnce(&[Arc<Desk>]) -> X) -> X {
        look(&self.all.lock())
    }

    /// How many handlers run on long after their time, while other workers do their work.
    pub(crate) fn stuck(&self) -> usize {
        let is_stuck = |desk: &&Arc<Desk>| desk.timed.is_stuck();
        self.look(|all| all.iter().filter(is_stuck).count())
    }
}
