//! Panics: a failed attempt, whose text and place are kept for everybody who asks.

use guichet::JobError;

use super::support::*;

/// What a handler panicked with and caught itself is not the place of a later failure.
#[test]
fn a_panic_that_was_caught_does_not_lend_its_place() {
    let (runtime, _) = still();
    let queue = runtime.queue::<bool, ()>("jobs").build().unwrap();
    queue
        .workers(1, |job| {
            if *job.payload() {
                std::panic::resume_unwind(Box::new("from elsewhere"));
            }
            let caught = std::panic::catch_unwind(|| panic!("caught"));
            assert!(caught.is_err());
            Ok(())
        })
        .unwrap();
    let (quiet, loud) = (queue.submit(false).unwrap(), queue.submit(true).unwrap());
    runtime.run_until_idle();
    value(quiet);
    match outcome(loud) {
        Err(JobError::Failed(failure)) => {
            assert!(failure.is_panic());
            assert_eq!(failure.location(), None, "of another job's panic");
        }
        other => panic!("{other:?}"),
    }
    let books = Books {
        failed: 1,
        panicked: 1,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
}
