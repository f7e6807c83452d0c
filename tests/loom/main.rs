//! Model checking with loom: every interleaving and every permitted stale read, within a bound.
//!
//! ```text
//! RUSTFLAGS="--cfg guichet_loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release --test loom -- --nocapture
//! ```
//! Preemptions per execution are bounded at 2, the bound tokio and crossbeam-epoch use;
//! `LOOM_MAX_PREEMPTIONS=3` explores deeper. Each model prints how many executions it explored.
//! `.ci/bugs` runs single models against builds with one seeded bug, which they must catch.
#![cfg(guichet_loom)]

mod alarm;
mod bands;
mod broadcast;
mod chain;
mod channel;
mod desk;
mod event;
mod exchange;
mod heap;
mod hole;
mod letter;
mod notes;
mod oneshot;
mod outside;
mod pairs;
mod pause;
mod pool;
mod ring;
mod runs;
mod slab;
mod stop;
mod stuck;
mod timeout;
mod world;

// For the queue's source that is modelled as it stands: it says `crate::sync` and `crate::table`.
use guichet::internals::{model, table};
mod sync {
    pub use guichet::internals::sync::*;

    /// As in the library.
    macro_rules! seeded {
        ($bug:literal) => {
            cfg!(guichet_bug = $bug)
        };
        ($bug:literal, Relaxed => $right:ident) => {
            match cfg!(guichet_bug = $bug) {
                true => $crate::sync::atomic::Ordering::Relaxed,
                false => $crate::sync::atomic::Ordering::$right,
            }
        };
        ($bug:literal, $wrong:expr => $right:expr) => {
            match cfg!(guichet_bug = $bug) {
                true => $wrong,
                false => $right,
            }
        };
    }
    pub(crate) use seeded;
}
#[allow(dead_code, reason = "files of the library; the models use a part")]
#[path = "../../src/queue"]
mod queue {
    pub mod base {
        pub mod presence;
        pub mod relief;
        pub mod switches;
        pub mod tray;
    }
    pub mod record {
        pub mod dossier;
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Explores `model` and prints the number of executions.
fn check(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore(name, |bound| bound, model);
}

/// The same with a preemption less: for models of three threads with many steps each.
fn check_coarsely(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore(name, |bound| bound - 1, model);
}

/// The same with a preemption more: for what goes wrong only if two threads hold each other up in turn.
fn check_deeply(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore(name, |bound| bound + 1, model);
}

fn explore(name: &str, depth: impl Fn(usize) -> usize, model: impl Fn() + Send + Sync + 'static) {
    let executions = Arc::new(AtomicUsize::new(0));
    let counter = executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(depth(builder.preemption_bound.unwrap_or(2)));
    builder.max_branches = 20_000;
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!(
        "model {name}: {} executions",
        executions.load(Ordering::Relaxed)
    );
}
