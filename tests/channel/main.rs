//! The contract of a bounded channel, checked on two channels.
//!
//! Every module under `contract/` is compiled twice: once with crossbeam-channel as its subject and
//! once with `guichet::channel`. What passes on both is the common contract, and a test that demands
//! more than crossbeam gives fails here and not in an application. What only guichet promises
//! (batches, messages discarded with the last receiver) stands in `ours_only/`.
//!
//! Nothing waits by the clock: threads that ought to be blocked are given a moment to get there, no
//! verdict depends on whether they did, and every wait ends in `PATIENCE`, so that a lost wake-up is
//! a failed test and not a hung run.
#![allow(
    clippy::duplicate_mod,
    reason = "the point of this binary: one contract, two subjects"
)]

mod adapter;
mod ledger;
mod memory;
mod ours_only;
mod support;

#[path = "contract"]
mod theirs {
    use crate::adapter::crossbeam as subject;

    #[path = "mod.rs"]
    mod contract;
}

#[path = "contract"]
mod ours {
    use crate::adapter::guichet as subject;

    #[path = "mod.rs"]
    mod contract;
}
