//! Results by id: the last ones are kept, and the user's code runs outside the lock.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;

use super::results::{Results, ResultsById};
use crate::model::JobId;
use crate::sync::{Arc, Weak};

fn id(occupancy: u64) -> JobId {
    JobId {
        queue: 1,
        slot: 0,
        occupancy,
    }
}

proptest! {
    #[test]
    fn the_last_ones_are_kept(most in 0..6_usize, ids in vec(0..40_u64, 0..60)) {
        let results = Results::new(most);
        let mut model = Vec::new();
        for job in ids {
            let stored = model.iter().position(|&(it, _)| it == id(job));
            if stored.is_none() {
                model.push((id(job), job * 2));
                let evicted = (model.len() > most).then(|| model.remove(0));
                let gone = results.store(id(job), job * 2);
                prop_assert_eq!(gone.map(|(id, result)| (id, *result)), evicted);
            }
            for job in 0..40 {
                let kept = model.iter().find(|&&(it, _)| it == id(job)).map(|&(_, result)| result);
                prop_assert_eq!(results.get(id(job), u64::clone), kept);
            }
        }
    }
}

/// Asks for other results while it is cloned.
struct Nosy(Weak<Results<Nosy>>);

impl Clone for Nosy {
    fn clone(&self) -> Self {
        let results = self.0.upgrade().expect("the test holds it");
        let innocent = |nosy: &Nosy| Nosy(nosy.0.clone());
        assert!(results.get(id(2), innocent).is_some());
        Nosy(self.0.clone())
    }
}

#[test]
fn a_result_is_cloned_outside_the_lock() {
    let (done, finished) = std::sync::mpsc::channel();
    // In a thread of its own: were the lock held, the clone would wait for itself.
    let asking = std::thread::spawn(move || {
        let results = Arc::new(Results::new(2));
        for job in [1, 2] {
            let nosy = Nosy(Arc::downgrade(&results));
            assert!(results.store(id(job), nosy).is_none());
        }
        let cloned = results.get(id(1), Nosy::clone).is_some();
        done.send(cloned).expect("the test waits");
    });
    let within = std::time::Duration::from_secs(10);
    assert_eq!(finished.recv_timeout(within), Ok(true));
    asking.join().expect("it has told");
}

#[test]
fn an_evicted_result_is_given_to_the_caller() {
    let results = Results::new(1);
    let value = Arc::new(());
    assert!(results.store(id(1), value.clone()).is_none());
    let evicted = results.store(id(2), Arc::new(()));
    assert_eq!(Arc::strong_count(&value), 2);
    drop(evicted);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_queue_that_keeps_no_results_demands_nothing_of_them() {
    fn share<S: Send + Sync>(_: S) {}
    // `Cell` is not `Sync`, what keeps its clones would not be either.
    share(None::<Box<dyn ResultsById<Cell<u32>>>>);
}
