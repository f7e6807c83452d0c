//! Order and time against a naive reference: random programs on both, and after each operation the same answers.
//!
//! A runtime with a manual clock has no threads, so everything is exact: which job each attempt runs, in
//! which order, at which instant, every state and count in between, and who learns what. A program's operations are
//! done between runs and inside handlers.

mod found;
mod program;
mod reference;
mod world;

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use program::{Case, cases};
use reference::Coverage;

/// A case as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

const VERBS: [&str; 14] = [
    "admit",
    "defer",
    "activate",
    "promote",
    "reprioritize",
    "reschedule",
    "complete",
    "retry",
    "snooze",
    "requeue",
    "bury",
    "expire",
    "cancel",
    "return",
];
const OPERATIONS: [&str; 57] = [
    "a change in the wrong state",
    "a change of a former tenant",
    "a stale ticket came up",
    "add",
    "add_many",
    "add_many refused",
    "add_timeout",
    "advance",
    "an outcome",
    "at",
    "attempts",
    "back after a pause",
    "backoff",
    "cancel active",
    "cancel delayed",
    "cancel in vain",
    "cancel waiting",
    "compaction",
    "deadline",
    "delay",
    "discard",
    "due",
    "expired at dispatch",
    "expired when its instant came",
    "late",
    "lifo",
    "no slot for a delayed job",
    "panic",
    "priority",
    "producer add",
    "producer flush",
    "refused as a deadlock",
    "refused as closed",
    "refused as full",
    "refused as invalid",
    "refused as too many",
    "refused in time",
    "run inside",
    "run_until_idle",
    "set_priority",
    "set_priority delayed",
    "set_priority invalid",
    "shutdown",
    "shutdown inside",
    "state",
    "state of a former tenant",
    "stats",
    "submit",
    "take_returned",
    "the wall clock jumps",
    "the wall clock lags",
    "try_add",
    "try_add_many",
    "try_add_many refused",
    "ttl",
    "turn",
    "turn inside",
];

/// Runs one case on a thread of its own, so that a hang becomes a failure.
fn check(case: Case, coverage: &Arc<Mutex<Coverage>>) -> Result<(), TestCaseError> {
    let (done, ended) = channel();
    let coverage = coverage.clone();
    let thread = thread::spawn(move || {
        let happened = world::run(case);
        for (what, times) in happened {
            *coverage.lock().unwrap().entry(what).or_default() += times;
        }
        let _ = done.send(());
    });
    match ended.recv_timeout(PATIENCE) {
        Ok(()) => Ok(()),
        Err(RecvTimeoutError::Timeout) => Err(TestCaseError::fail("hangs")),
        Err(RecvTimeoutError::Disconnected) => {
            let panic = thread.join().unwrap_err();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Err(TestCaseError::fail(text.unwrap_or_default()))
        }
    }
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    config.cases = config.cases.max(512);
    config.max_shrink_iters = 2000;
    // A case that hangs takes long to shrink.
    config.max_shrink_time = 30_000;
    config
}

fn run(mut runner: TestRunner) -> Coverage {
    let coverage = Arc::<Mutex<Coverage>>::default();
    if let Err(error) = runner.run(&cases(), |case| check(case, &coverage)) {
        panic!("{error}\n{runner}");
    }
    std::mem::take(&mut *coverage.lock().unwrap())
}

/// New cases in every run.
#[test]
fn random_programs_run_in_the_references_order() {
    run(TestRunner::new(config()));
}

/// The same cases in every run; together they do everything there is to do.
#[test]
fn fixed_programs_run_in_the_references_order_and_leave_nothing_out() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let coverage = run(TestRunner::new_with_rng(config(), rng));
    let coverage: BTreeMap<_, _> = coverage.into_iter().collect();
    let listed = || VERBS.iter().chain(&OPERATIONS);
    let missing: Vec<_> = listed()
        .filter(|what| !coverage.contains_key(**what))
        .collect();
    assert!(
        missing.is_empty(),
        "never happened: {missing:?}; {coverage:?}"
    );
    let unlisted: Vec<_> = coverage
        .keys()
        .filter(|what| !listed().any(|listed| listed == *what))
        .collect();
    assert!(unlisted.is_empty(), "unlisted: {unlisted:?}");
}
