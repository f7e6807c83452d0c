//! Order and time against a naive reference: random programs on both, and after each operation the same answers.
//!
//! A runtime with a manual clock has no threads, so everything is exact: which job each attempt runs, in
//! which order, at which instant, every state and count in between, and who learns what. A program's operations are
//! done between runs and inside handlers.

mod found;
#[path = "../oracle/harness.rs"]
mod harness;
mod program;
mod reference;
mod world;

use program::cases;

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

/// New cases in every run.
#[test]
fn random_programs_run_in_the_references_order() {
    harness::run_random(cases(), world::run);
}

/// The same cases in every run; together they do everything there is to do.
#[test]
fn fixed_programs_run_in_the_references_order_and_leave_nothing_out() {
    harness::run_fixed(cases(), world::run).demand(&[&VERBS, &OPERATIONS]);
}
