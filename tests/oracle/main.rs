//! The queue against naive references: random programs on both, and after each operation the same answers.
//!
//! `workers` is the oracle of a queue with one worker thread. The other modules are that of ownership: leases, consumers,
//! time-outs, dead letters, records, events and hooks. Order and priorities have a third one in `tests/order`.

mod adds;
mod build;
mod checks;
mod coverage;
mod found;
mod harness;
mod program;
mod reference;
mod subject;
mod workers;
mod world;

use coverage::{ADDS, BOOKS, CHANGES, LEASES, TIME, TRANSITIONS, VERBS};
use program::programs;

/// New programs in every run.
#[test]
fn random_programs_have_the_references_answers() {
    harness::run_random(programs(), world::run);
}

/// The same programs in every run; together they do everything there is to do.
#[test]
fn fixed_programs_have_the_references_answers_and_leave_nothing_out() {
    let happened = harness::run_fixed(programs(), world::run);
    happened.demand(&[
        &VERBS,
        &TRANSITIONS,
        &ADDS,
        &LEASES,
        &TIME,
        &CHANGES,
        &BOOKS,
    ]);
}
