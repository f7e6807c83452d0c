//! Do lines by priority keep the order that they promise? `spec` says which that is: the heap's is strict, the bands'
//! relaxed.
//!
//! ```text
//! cargo test --test linear lane                             # queues; with --features internals: the lanes themselves too
//! ```

mod cases;
mod flawed;
#[cfg(feature = "internals")]
mod lines;
mod program;
mod queue;
mod record;
mod spec;

use guichet::Order;

use crate::crew::Crew;
use crate::{BOUND, PATIENCE, seed, shows};
use flawed::{Flaw, HeapFlaw, Inboxed, Locked};
use program::Program;
use queue::Leased;
use record::{Record, Subject};
use spec::Rule;

/// How many histories a lane must show by itself.
const HISTORIES: u64 = 500;

/// Runs the program of that seed; `Err` says what was wrong with its history.
fn check<S: Subject>(
    crew: &mut Crew<Record>,
    subject: &S,
    rule: Rule,
    seed: u64,
) -> Result<(), String> {
    let abilities = subject.abilities();
    let program = Program::random(seed, &abilities);
    let history = record::play(crew, subject, &program);
    let history = history.unwrap_or_else(|what| panic!("GUICHET_SEED={seed}: {what}"));
    spec::judge(&history, rule, abilities.levels).map_err(|why| format!("{why}\n{history}"))
}

fn passes<S: Subject>(name: &str, subject: &S, rule: Rule) {
    let mut crew = Crew::new(PATIENCE);
    shows(name, HISTORIES, |seed| {
        check(&mut crew, subject, rule, seed)
    });
}

fn is_rejected<S: Subject>(name: &str, subject: &S, rule: Rule) {
    let (mut crew, first) = (Crew::new(PATIENCE), seed());
    let mut seeds = (0..BOUND).map(|at| first.wrapping_add(at));
    let rejected = seeds.position(|seed| check(&mut crew, subject, rule, seed).is_err());
    let rejected =
        rejected.unwrap_or_else(|| panic!("GUICHET_SEED={first}: {BOUND} of {name} pass"));
    println!("{name}: history {} is rejected", rejected + 1);
}

#[cfg(feature = "internals")]
mod bare {
    use super::lines::{Lines, Ordered};
    use super::*;

    /// Of one bitmap, and of two under a summary.
    const LEVELS: [&[u32]; 3] = [&[0], &[0, 1, 2], &[0, 32, 33]];

    #[test]
    fn bands_pass() {
        for levels in LEVELS {
            let lines = Lines {
                levels,
                front: false,
            };
            passes(&format!("bands {levels:?}"), &lines, Rule::Levels);
        }
    }

    #[test]
    fn bands_with_a_front_pass() {
        for levels in LEVELS {
            let lines = Lines {
                levels,
                front: true,
            };
            let name = format!("bands with a front {levels:?}");
            passes(&name, &lines, Rule::Search);
        }
    }

    #[test]
    fn the_heap_passes() {
        passes("heap with lists", &Ordered(Some(3)), Rule::Strict);
        passes("heap", &Ordered(None), Rule::Strict);
    }
}

#[test]
fn queues_by_bands_pass() {
    let queue = Leased::new(Order::Bands(3), &[1, 2, 3]);
    passes("queue by 3 bands", &queue, Rule::Search);
    let queue = Leased::new(Order::Bands(40), &[1, 33, 40]);
    passes("queue by 40 bands", &queue, Rule::Search);
}

#[test]
fn queues_by_heap_pass() {
    let queue = Leased::new(Order::Heap(3), &[1, 2, 3]);
    passes("queue by a heap with lists", &queue, Rule::Strict);
    let queue = Leased::new(Order::Heap(u32::MAX), &[1, 7, u32::MAX]);
    passes("queue by a heap", &queue, Rule::Strict);
}

#[test]
fn locked_lanes_pass() {
    passes("locked lines", &Locked::new(Flaw::None), Rule::Levels);
    passes(
        "locked lines, words",
        &Locked::new(Flaw::None),
        Rule::Search,
    );
    passes("a locked heap", &Inboxed(HeapFlaw::None), Rule::Strict);
}

#[test]
fn every_flaw_of_lines_is_rejected() {
    for flaw in Flaw::ALL {
        // The weakest rule.
        is_rejected(&format!("{flaw:?}"), &Locked::new(flaw), Rule::Search);
    }
}

#[test]
fn every_flaw_of_a_heap_is_rejected() {
    for flaw in HeapFlaw::ALL {
        is_rejected(&format!("{flaw:?}"), &Inboxed(flaw), Rule::Strict);
    }
}

#[test]
fn lines_are_no_heap() {
    is_rejected("locked lines", &Locked::new(Flaw::None), Rule::Strict);
}
