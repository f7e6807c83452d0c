//! Are the channel and the ring linearizable, and do lines by priority keep their order? Many short concurrent histories are
//! recorded from real threads, and for each an order is sought in which a bounded FIFO channel could have done the same, one
//! call at a time; for lines by priority see `lane`.
//!
//! ```text
//! cargo test --test linear                                  # with --features internals: ring, bands and heap too
//! GUICHET_HISTORIES=1000000 cargo test --release --test linear guichet
//! GUICHET_SEED=17 cargo test --test linear                  # the programs of seed 17 and those after it
//! cargo test --test linear -- --nocapture                   # a line `linear NAME: N histories` for each that passes
//! ```
//! A seed gives the same programs, though not the same interleaving. `program` writes them, `crew` and `record`
//! run them, `spec` says what is allowed, `search` seeks the order, `subjects` must pass. What must not pass shows
//! that the harness would notice: `flawed` and `vyukov`, and a channel with room that claims to have none.
#![cfg(not(any(guichet_loom, guichet_shuttle)))]

mod checker;
mod crew;
mod flawed;
mod lane;
mod program;
mod record;
#[cfg(feature = "internals")]
mod ring;
mod search;
mod spec;
mod subjects;
mod vyukov;

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;
use std::time::Duration;

use crew::Crew;
use flawed::{Flaw, Flawed};
use program::Program;
use record::{Message, Record, Subject};
use subjects::{Crossbeam, CrossbeamRendezvous, Guichet, GuichetRendezvous};
use vyukov::Vyukov;

/// How many histories a subject that must pass has to show.
const HISTORIES: u64 = 2000;
/// Among how many histories one at least must be rejected.
const BOUND: u64 = 200_000;
/// A history that takes as long as this hangs.
const PATIENCE: Duration = Duration::from_secs(45);
/// How many words a short message has, and a long one.
const SHORT: usize = 1;
const LONG: usize = 4096;

fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

fn seed() -> u64 {
    // Another one each time; short, because people copy it.
    setting("GUICHET_SEED").unwrap_or_else(|| RandomState::new().hash_one("seed") >> 32)
}

/// Runs the program of that seed; `Err` says what was wrong with its history.
fn check<const WORDS: usize, S>(
    crew: &mut Crew<Record>,
    subject: &S,
    seed: u64,
) -> Result<(), String>
where
    S: Subject<Message<WORDS>>,
{
    let program = Program::random(seed, &S::ABILITIES);
    let history = crew.play(subject, &program);
    let history = history.unwrap_or_else(|what| panic!("GUICHET_SEED={seed}: {what}"));
    spec::judge(&history, S::ABILITIES.whole_batches).map_err(|why| format!("{why}\n{history}"))
}

/// As many histories as were asked for, or so many; says how many there were.
fn shows(name: &str, histories: u64, mut check: impl FnMut(u64) -> Result<(), String>) {
    let (first, count) = (seed(), setting("GUICHET_HISTORIES").unwrap_or(histories));
    for at in 0..count {
        let seed = first.wrapping_add(at);
        if let Err(why) = check(seed) {
            panic!("{name}: GUICHET_SEED={seed}: {why}");
        }
    }
    println!("linear {name}: {count} histories");
}

/// Half of the histories have short messages, and half have long ones.
fn passes<S>(name: &str, subject: &S)
where
    S: Subject<Message<SHORT>> + Subject<Message<LONG>>,
{
    let mut crew = Crew::new(PATIENCE);
    shows(name, HISTORIES, |seed| match seed % 2 {
        0 => check::<SHORT, S>(&mut crew, subject, seed),
        _ => check::<LONG, S>(&mut crew, subject, seed),
    });
}

fn is_rejected<S: Subject<Message<LONG>>>(subject: &S) {
    let (mut crew, first) = (Crew::new(PATIENCE), seed());
    let mut seeds = (0..BOUND).map(|at| first.wrapping_add(at));
    let rejected = seeds.position(|seed| check::<LONG, S>(&mut crew, subject, seed).is_err());
    let rejected =
        rejected.unwrap_or_else(|| panic!("GUICHET_SEED={first}: {BOUND} histories pass"));
    println!("history {} is rejected", rejected + 1);
}

#[test]
fn guichet_passes() {
    passes("channel", &Guichet);
}

#[test]
fn guichet_rendezvous_passes() {
    passes("rendezvous", &GuichetRendezvous(0));
}

#[cfg(feature = "internals")]
#[test]
fn the_bare_ring_passes() {
    passes("ring", &ring::Bare);
}

#[test]
fn crossbeam_passes() {
    passes("crossbeam channel", &Crossbeam);
}

#[test]
fn crossbeam_rendezvous_passes() {
    passes("crossbeam rendezvous", &CrossbeamRendezvous(0));
}

#[test]
fn a_locked_queue_passes() {
    passes("a locked channel", &Flawed::new(Flaw::None));
}

#[test]
fn every_flaw_is_rejected() {
    for flaw in Flaw::ALL {
        println!("{flaw:?}");
        is_rejected(&Flawed::new(flaw));
    }
}

#[test]
fn a_lost_wake_up_shows_as_a_hang() {
    let (mut crew, first) = (Crew::new(Duration::from_secs(1)), seed());
    let deaf = Flawed::new(Flaw::Sleeps);
    let hangs = (0..BOUND).any(|at| {
        let abilities = <Flawed as Subject<Message<SHORT>>>::ABILITIES;
        let program = Program::random(first.wrapping_add(at), &abilities);
        let history = crew.play::<_, SHORT>(&deaf, &program);
        history.is_err_and(|what| what.contains("hangs"))
    });
    assert!(hangs, "GUICHET_SEED={first}");
}

#[test]
fn the_classic_ring_is_rejected() {
    is_rejected(&Vyukov);
}

#[test]
fn room_for_a_message_is_no_rendezvous() {
    is_rejected(&CrossbeamRendezvous(1));
    is_rejected(&GuichetRendezvous(1));
}
