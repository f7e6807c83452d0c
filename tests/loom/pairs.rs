//! Every two verbs that may meet at one job: what a table says of its verbs holds of each pair.
//!
//! Each model ends with the books: one end, one answer, one drop of the payload, the slot back once.

use guichet::internals::model::{JobState, Verb};
use guichet::internals::table::{Claim, Ticket, Trace};
use loom::sync::Arc;

use super::check;
use super::slab::go;
use super::world::{Verdict, World, cell};

/// What the handler of an attempt, or who leased it, does at its end.
#[derive(Clone, Copy, Debug)]
enum Own {
    Complete,
    /// It was the last attempt, and a dead letter is owed.
    Bury,
    /// The lease is dropped.
    Drop,
    Retry,
    /// A retry after a pause.
    PutOff,
}

/// What anybody else does to the job.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    /// The attempt's time is over; no other follows.
    TimeOut,
    /// The same, and another one follows.
    TimeOutAgain,
    Cancel,
    /// Ends the job in whatever state it is.
    ShutDown,
    /// A worker takes the job and completes it.
    Work,
    Expire,
    /// Another place in line.
    Move,
    /// The clerk finds that it is due.
    Due,
    /// Somebody does not want to wait for that.
    Promote,
    Reschedule,
    /// Another priority of a delayed job.
    Prioritize,
}

use Deed::*;

impl Own {
    fn ends(self) -> bool {
        matches!(self, Own::Complete | Own::Bury)
    }

    /// Whether it came in time.
    fn happens(self, world: &World, claim: Claim) -> bool {
        assert_eq!(world.read(&claim), 1, "a payload was read after its drop");
        match self {
            Own::Complete => world.settle(claim),
            Own::Bury => world.bury(claim),
            Own::Drop => world.again(claim, Verb::Requeue),
            Own::Retry => world.fail(claim),
            Own::PutOff => {
                let won = world.put_off(claim);
                if won {
                    world.announce(0);
                }
                won
            }
        }
    }
}

impl Deed {
    /// Whether it ends the job.
    fn ends(self) -> bool {
        matches!(self, TimeOut | Cancel | ShutDown | Work | Expire)
    }

    /// Whether it ends the job wherever it is, unless that has ended.
    fn always(self) -> bool {
        matches!(self, Cancel | ShutDown)
    }

    /// Does it to the job in slot 0 and its attempt `ticket`; whether it came in time.
    fn happens(self, world: &World, occupancy: u64, ticket: Option<Ticket>) -> bool {
        let attempt = || ticket.expect("an attempt");
        match self {
            TimeOut => world.time_out(attempt(), Verdict::Dead { letter: false }),
            TimeOutAgain => world.time_out(attempt(), Verdict::Again { overlap: 0 }),
            Cancel => world.end(occupancy, Verb::Cancel),
            ShutDown => shut_down(world, occupancy),
            Work => world.work(Some(1)) == Some(true),
            Expire => world.tick(9),
            Move => world.reprioritize(occupancy),
            Due => world.tick(5),
            Promote => {
                let entered = world.slab.promote(0, Some(occupancy), 0, Trace::Line);
                entered.map(|entered| world.enter(entered)).is_some()
            }
            Reschedule => world.reschedule(occupancy, 5),
            Prioritize => world.prioritize_delayed(occupancy, 2).is_some(),
        }
    }
}

/// As `queue/life/shutdown.rs` ends what its scan finds.
fn shut_down(world: &World, occupancy: u64) -> bool {
    loop {
        let ended = match world.slab.state(0, occupancy) {
            Some(JobState::Waiting | JobState::Delayed) => world.end(occupancy, Verb::Return),
            Some(JobState::Active) => world.end(occupancy, Verb::Interrupt),
            _ => return false,
        };
        if ended {
            return true;
        }
    }
}

/// What the handler does against each of `deeds`.
fn handler_against(own: Own, deeds: &[Deed]) {
    for &deed in deeds {
        check(&format!("pairs {own:?} x {deed:?}"), move || {
            let (world, cell) = (World::new(1), cell());
            let claim = world.start(1, Some(cell.clone()));
            let ticket = claim.ticket();
            let handler = go(&world, move |world| own.happens(world, claim));
            let theirs = deed.happens(&world, 1, Some(ticket));
            let mine = handler.join().unwrap();
            match deed.always() && !own.ends() {
                // It ends the job in its next state, if not in this one.
                true => assert!(theirs, "a job that had not ended was not ended"),
                false => assert!(mine != theirs, "one attempt, two outcomes or none"),
            }
            world.wind_up();
            drop(cell.take().expect("the waiter was not answered"));
            drop(cell);
            world.close();
        });
    }
}

/// Each two of `deeds` against each other, at a job that `begin` makes; which may race with a claim of it.
fn among(
    name: &'static str,
    deeds: &[Deed],
    begin: impl Fn(&Arc<World>) -> Option<Claim> + Copy + Send + Sync + 'static,
) {
    for (at, &one) in deeds.iter().enumerate() {
        for &other in &deeds[at..] {
            check(&format!("pairs {name}: {one:?} x {other:?}"), move || {
                let world = World::new(1);
                let claim = begin(&world);
                let ticket = claim.as_ref().map(Claim::ticket);
                let first = go(&world, move |world| one.happens(world, 1, ticket));
                let second = other.happens(&world, 1, ticket);
                let held = claim.as_ref().map(|claim| world.read(claim));
                assert_ne!(held, Some(0), "a payload was read after its drop");
                let first = first.join().unwrap();
                judge((one, first), (other, second));
                let late = claim.map(|claim| world.settle(claim));
                assert_ne!(late, Some(true), "a late result was accepted");
                world.close();
            });
        }
    }
}

/// Of two that came in time or did not.
fn judge((one, first): (Deed, bool), (other, second): (Deed, bool)) {
    match (one.ends(), other.ends()) {
        (true, true) => assert!(first != second, "one job, two ends or none"),
        (true, false) if one.always() => assert!(first, "a job was not ended"),
        (false, true) if other.always() => assert!(second, "a job was not ended"),
        // Of one attempt.
        _ if one == TimeOutAgain || other == TimeOutAgain => {
            assert!(first != second, "one attempt, two outcomes or none");
        }
        _ => assert!(first || second, "nothing happened"),
    }
}

const TO_ATTEMPTS: [Deed; 4] = [TimeOut, TimeOutAgain, Cancel, ShutDown];

#[test]
fn pairs_complete() {
    handler_against(Own::Complete, &TO_ATTEMPTS);
}

#[test]
fn pairs_bury() {
    handler_against(Own::Bury, &TO_ATTEMPTS);
}

#[test]
fn pairs_drop() {
    handler_against(Own::Drop, &TO_ATTEMPTS);
}

#[test]
fn pairs_retry() {
    handler_against(Own::Retry, &TO_ATTEMPTS);
}

#[test]
fn pairs_put_off() {
    handler_against(Own::PutOff, &TO_ATTEMPTS);
}

/// Over the head of a handler that reads its payload meanwhile.
#[test]
fn pairs_over_a_handler() {
    among("running", &TO_ATTEMPTS, |world| Some(world.start(1, None)));
}

#[test]
fn pairs_waiting() {
    among(
        "waiting",
        &[Work, Cancel, ShutDown, Expire, Move],
        |world| {
            let vacant = world.reserve().unwrap();
            world.defer(vacant, 1, None);
            assert!(world.tick(5));
            None
        },
    );
}

#[test]
fn pairs_delayed() {
    let deeds = [
        Due, Promote, Cancel, ShutDown, Expire, Reschedule, Prioritize,
    ];
    among("delayed", &deeds, |world| {
        let vacant = world.reserve().unwrap();
        world.defer(vacant, 1, None);
        None
    });
}
