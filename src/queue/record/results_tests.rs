//! Results by id: the last ones are kept, and the user's code runs outside the lock.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::JobId;
use crate::queue::record::results::{Results, ResultsById};
use crate::sync::{Arc, Weak};

fn id(occupancy: u64) -> JobId {
    JobId {
        queue: 1,
        slot: 0,
        occupancy,
    }
}

/// Shows a result and keeps it; what is not kept any more.
fn store<R: Send + Sync>(results: &Results<R>, id: JobId, result: R) -> Option<(JobId, Arc<R>)> {
    let showing = results.show(id, result, &|| true);
    match showing.shown {
        Some(shown) => results.keep(id, shown),
        None => showing.dropped.map(|result| (id, result)),
    }
}

/// What is shown counts when the job is completed, whichever of its attempts showed it last.
#[test]
fn a_shown_result_waits_for_the_jobs_end() {
    let results = Results::new(1);
    let ask = |completed: bool| results.get(id(1), &|| completed, u32::clone);
    let first = results.show(id(1), 7, &|| true).shown.unwrap();
    assert_eq!((ask(false), ask(true)), (None, Some(7)));
    // Its time was over, and another attempt comes to its end beside it.
    let second = results.show(id(1), 8, &|| true).shown.unwrap();
    assert_eq!(results.withdraw(id(1), first), None);
    assert_eq!((ask(false), ask(true)), (None, Some(8)));
    assert_eq!(results.keep(id(1), second), None);
    assert_eq!(ask(false), Some(8));
    // Late, and nothing is shown.
    let late = results.show(id(2), 9, &|| false);
    assert!(late.shown.is_none() && late.dropped.is_some());
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
                let gone = store(&results, id(job), job * 2);
                prop_assert_eq!(gone.map(|(id, result)| (id, *result)), evicted);
            }
            for job in 0..40 {
                let kept = model.iter().find(|&&(it, _)| it == id(job)).map(|&(_, result)| result);
                prop_assert_eq!(results.get(id(job), &|| false, u64::clone), kept);
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
        assert!(results.get(id(2), &|| true, innocent).is_some());
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
            assert!(store(&results, id(job), nosy).is_none());
        }
        let cloned = results.get(id(1), &|| true, Nosy::clone).is_some();
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
    assert!(store(&results, id(1), value.clone()).is_none());
    let evicted = store(&results, id(2), Arc::new(()));
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
