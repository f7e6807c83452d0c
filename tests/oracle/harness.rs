//! How an oracle's cases are run: each on a thread of its own, so that a hang becomes a failure; what happened is counted.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// A case as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often each thing happened, and how many operations there were.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    times: BTreeMap<String, u64>,
    operations: u64,
}

impl Coverage {
    pub fn add(&mut self, what: &str) {
        match self.times.get_mut(what) {
            Some(times) => *times += 1,
            None => drop(self.times.insert(what.to_owned(), 1)),
        }
    }

    /// One operation of the program.
    pub fn operation(&mut self) {
        self.operations += 1;
    }

    fn join(&mut self, other: Coverage) {
        self.operations += other.operations;
        for (what, times) in other.times {
            *self.times.entry(what).or_default() += times;
        }
    }

    /// Everything listed happened, and nothing else.
    pub fn demand(&self, listed: &[&[&str]]) {
        let listed: Vec<&str> = listed.concat();
        let times = &self.times;
        let missing = listed.iter().filter(|what| !times.contains_key(**what));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "never happened: {missing:?}; {times:?}");
        let unlisted = times.keys().filter(|what| !listed.contains(&what.as_str()));
        let unlisted: Vec<_> = unlisted.collect();
        assert!(unlisted.is_empty(), "unlisted: {unlisted:?}");
    }
}

/// Runs one case.
fn check<C: Send + 'static>(
    case: C,
    run: fn(C) -> Coverage,
    sum: &Mutex<Coverage>,
) -> Result<(), TestCaseError> {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        let _ = done.send(run(case));
    });
    match ended.recv_timeout(PATIENCE) {
        Ok(coverage) => {
            sum.lock().unwrap().join(coverage);
            Ok(())
        }
        Err(RecvTimeoutError::Timeout) => Err(TestCaseError::fail("hangs")),
        Err(RecvTimeoutError::Disconnected) => {
            let panic = thread.join().unwrap_err();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Err(TestCaseError::fail(text.unwrap_or_default()))
        }
    }
}

fn run_all<C: Debug + Send + 'static>(
    mut runner: TestRunner,
    cases: impl Strategy<Value = C>,
    run: fn(C) -> Coverage,
) -> Coverage {
    let sum = Arc::<Mutex<Coverage>>::default();
    let programs = runner.config().cases;
    if let Err(error) = runner.run(&cases, |case| check(case, run, &sum)) {
        panic!("{error}\n{runner}");
    }
    let sum = std::mem::take(&mut *sum.lock().unwrap());
    println!("oracle: {programs} programs, {} operations", sum.operations);
    sum
}

/// At least 512 cases, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    config.cases = config.cases.max(512);
    config.rng_algorithm = RngAlgorithm::XorShift;
    config.max_shrink_iters = 4000;
    // A case that hangs takes long to shrink.
    config.max_shrink_time = 30_000;
    config
}

/// New cases in every run.
pub fn run_random<C: Debug + Send + 'static>(
    cases: impl Strategy<Value = C>,
    run: fn(C) -> Coverage,
) {
    run_all(TestRunner::new(config()), cases, run);
}

/// The same cases in every run.
pub fn run_fixed<C: Debug + Send + 'static>(
    cases: impl Strategy<Value = C>,
    run: fn(C) -> Coverage,
) -> Coverage {
    let rng = TestRng::deterministic_rng(RngAlgorithm::XorShift);
    run_all(TestRunner::new_with_rng(config(), rng), cases, run)
}
