//! Are the channel and the ring linearizable? Many short concurrent histories are recorded, and for each
//! an order is sought in which a bounded FIFO channel could have done the same, one call at a time.
//!
//! ```text
//! cargo test --test linear                                  # with --features internals: the ring too
//! GUICHET_HISTORIES=1000000 cargo test --release --test linear guichet
//! GUICHET_SEED=17 cargo test --test linear                  # the programs of seed 17 and those after it
//! ```
//! A seed gives the same programs, though not the same interleaving. `program` writes them, `record`
//! runs them, `spec` says what is allowed and searches, `subjects` must pass. What must not pass shows
//! that the harness would notice: `flawed` and `vyukov`, and a channel with room that claims to have none.
#![cfg(not(any(guichet_loom, guichet_shuttle)))]

mod checker;
mod crew;
mod flawed;
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

/// Half of the histories have short messages, and half have long ones.
fn passes<S>(subject: &S)
where
    S: Subject<Message<SHORT>> + Subject<Message<LONG>>,
{
    let (mut crew, first) = (Crew::new(PATIENCE), seed());
    for at in 0..setting("GUICHET_HISTORIES").unwrap_or(HISTORIES) {
        let seed = first.wrapping_add(at);
        let verdict = if seed % 2 == 0 {
            check::<SHORT, S>(&mut crew, subject, seed)
        } else {
            check::<LONG, S>(&mut crew, subject, seed)
        };
        if let Err(why) = verdict {
            panic!("GUICHET_SEED={seed}: {why}");
        }
    }
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
    passes(&Guichet);
}

#[test]
fn guichet_rendezvous_passes() {
    passes(&GuichetRendezvous(0));
}

#[cfg(feature = "internals")]
#[test]
fn the_bare_ring_passes() {
    passes(&ring::Bare);
}

#[test]
fn crossbeam_passes() {
    passes(&Crossbeam);
}

#[test]
fn crossbeam_rendezvous_passes() {
    passes(&CrossbeamRendezvous(0));
}

#[test]
fn a_locked_queue_passes() {
    passes(&Flawed::new(Flaw::None));
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
