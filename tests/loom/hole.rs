//! loom's hole, and that the probe in the shim opens it (see `src/sync/loom.rs`).

use guichet::internals::sync::atomic::{AtomicU64, Ordering::*};
use loom::thread;
use std::collections::BTreeSet;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

/// A load against another thread's `load; CAS` sees both the old and the new value.
#[test]
fn hole_is_probed() {
    let seen = StdArc::new(StdMutex::new(BTreeSet::new()));
    let record = seen.clone();
    super::check("hole_is_probed", move || {
        let word = loom::sync::Arc::new(AtomicU64::new(0));
        let other = word.clone();
        let thread = thread::spawn(move || {
            let old = other.load(Acquire);
            other.compare_exchange(old, 1, AcqRel, Acquire).is_ok()
        });
        let value = word.load(Acquire);
        thread.join().unwrap();
        record.lock().unwrap().insert(value);
    });
    assert_eq!(
        seen.lock().unwrap().len(),
        2,
        "the model explored one order only"
    );
}
