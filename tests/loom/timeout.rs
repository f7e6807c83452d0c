//! Time-outs: an attempt that is decided over its handler's head, while that goes on.

use guichet::internals::model::Verb::{Cancel, Requeue, Snooze};
use guichet::internals::table::Trace;

use super::check;
use super::slab::go;
use super::world::{Verdict, World, cell};

const AGAIN: Verdict = Verdict::Again { overlap: 0 };
const BESIDE: Verdict = Verdict::Again { overlap: 5 };
const DEAD: Verdict = Verdict::Dead { letter: false };

/// A result, the end of its time and a cancel: one wins, and the waiter learns which.
#[test]
fn timeout_complete_bury_cancel() {
    check("timeout_complete_bury_cancel", || {
        let (world, cell) = (World::new(1), cell());
        let claim = world.start(1, Some(cell.clone()));
        let ticket = claim.ticket();
        let complete = go(&world, move |world| world.run(claim, 1));
        let bury = go(&world, move |world| world.time_out(ticket, DEAD));
        let cancel = world.end(1, Cancel);
        let (complete, bury) = (complete.join().unwrap(), bury.join().unwrap());
        let wins = [complete, bury, cancel];
        let wins = wins.iter().filter(|won| **won).count();
        assert_eq!(wins, 1, "one job, several outcomes or none");
        let outcome = cell.take().expect("the waiter was not answered");
        let by = match (complete, bury) {
            (true, _) => "complete",
            (_, true) => "time-out",
            _ => "end",
        };
        assert_eq!(outcome.by, by);
        drop((outcome, cell));
        world.close();
    });
}

/// An attempt times out while its handler still works with its payload; the next one does not begin before that has
/// returned, sees all that it did, and has the next number.
#[test]
fn timeout_retry_waits_for_handler() {
    check("timeout_retry_waits_for_handler", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let ticket = claim.ticket();
        let handler = go(&world, move |world| {
            world.touch(&claim);
            world.settle(claim)
        });
        let worker = go(&world, |world| {
            let ticket = world.pop()?;
            let claim = world.slab.activate(ticket, Trace::Line).expect("valid");
            assert_eq!(claim.attempt(), 2);
            assert_eq!(world.read(&claim), 9, "the former handler's work");
            Some(world.settle(claim))
        });
        let timed_out = world.time_out(ticket, AGAIN);
        // By name, as a user may, who is refused; and as the clerk does.
        if let Some(entered) = world.slab.promote(0, Some(1), 0, Trace::Line) {
            world.enter(entered);
        }
        world.look(5);
        let completed = handler.join().unwrap();
        assert!(completed != timed_out, "one attempt, two outcomes or none");
        let next = worker.join().unwrap();
        assert!(timed_out || next.is_none(), "an attempt of an ended job");
        world.wind_up();
        world.close();
    });
}

/// The last hold on a job that is delayed owes its announcement, whosever that is, and whatever the clerk saw before.
#[test]
fn timeout_strands_nothing() {
    check("timeout_strands_nothing", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let ticket = claim.ticket();
        let handler = go(&world, move |world| world.run(claim, 1));
        let helper = go(&world, move |world| world.time_out(ticket, AGAIN));
        // The clerk, while another thread decides: the worker itself at a checkpoint.
        world.look(5);
        world.look(5);
        handler.join().unwrap();
        helper.join().unwrap();
        world.wind_up();
        world.close();
    });
}

/// The handler itself delays its job while somebody looks at it under a hold of its own.
#[test]
fn timeout_look_and_put_off() {
    check("timeout_look_and_put_off", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let ticket = claim.ticket();
        let onlooker = go(&world, move |world| {
            let Some(claim) = world.slab.hold(ticket) else {
                return;
            };
            assert_eq!(claim.attempt(), 1);
            world.share("onlooker", world.slab.leave(claim));
        });
        let clerk = go(&world, |world| world.look(5));
        world.put_off(claim);
        world.announce(0);
        onlooker.join().unwrap();
        clerk.join().unwrap();
        world.wind_up();
        world.close();
    });
}

/// Where it is allowed, the next attempt runs beside the late handler: both read the payload, and it goes once.
#[test]
fn timeout_overlap() {
    check("timeout_overlap", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let ticket = claim.ticket();
        let handler = go(&world, move |world| world.run(claim, 1));
        let worker = go(&world, |world| world.work(Some(1)));
        let timed_out = world.time_out(ticket, BESIDE);
        world.look(5);
        let next = world.work(Some(1)) == Some(true) || worker.join().unwrap() == Some(true);
        let completed = handler.join().unwrap();
        assert!(completed != timed_out, "one attempt, two outcomes or none");
        assert!(timed_out || !next, "an attempt of an ended job");
        world.wind_up();
        world.close();
    });
}

/// Who promotes need not be who decided, nor have been told: a timer that was set before fires just now. The word carries the attempt's number and the instants from one to the other.
#[test]
fn timeout_overlap_carries_number() {
    check("timeout_overlap_carries_number", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        let worker = go(&world, |world| {
            let ticket = world.pop().unwrap();
            let claim = world.slab.activate(ticket, Trace::Line).unwrap();
            // Its own time-out, at a checkpoint.
            world.time_out(claim.ticket(), BESIDE);
            world.settle(claim);
        });
        if let Some(entered) = world.slab.promote(0, None, 5, Trace::Line) {
            world.enter(entered);
            let claim = world.start_next();
            assert_eq!(
                claim.attempt(),
                2,
                "the next attempt has a number that was used"
            );
            world.settle(claim);
        }
        worker.join().unwrap();
        world.wind_up();
        world.close();
    });
}

/// The slot's next tenant runs when the clerk comes to the attempt that it saw.
#[test]
fn timeout_next_tenant() {
    for verdict in [DEAD, AGAIN] {
        check("timeout_next_tenant", move || {
            let (world, cell) = (World::new(1), cell());
            let claim = world.start(1, None);
            let ticket = claim.ticket();
            let clerk = go(&world, move |world| world.time_out(ticket, verdict));
            let first = world.run(claim, 1);
            let next = world.reserve().map(|vacant| {
                world.add(vacant, 2, Some(cell.clone()));
                world.work(Some(2))
            });
            let timed_out = clerk.join().unwrap();
            assert!(first != timed_out, "one attempt, two outcomes or none");
            if let Some(next) = next {
                assert_eq!(next, Some(true), "a time-out hit the next tenant");
                drop(cell.take().expect("the waiter was not answered"));
            }
            drop(cell);
            world.wind_up();
            world.close();
        });
    }
}

/// The next attempt of the same job runs when the clerk comes to the former one, whose hold it has already.
#[test]
fn timeout_next_attempt() {
    for verdict in [DEAD, AGAIN] {
        check("timeout_next_attempt", move || {
            let world = World::new(1);
            let claim = world.start(1, None);
            let ticket = claim.ticket();
            let worker = go(&world, move |world| {
                if world.fail(claim) {
                    let next = world.start_next();
                    assert!(world.settle(next), "a time-out hit the next attempt");
                }
            });
            world.time_out(ticket, verdict);
            worker.join().unwrap();
            world.wind_up();
            world.close();
        });
    }
}

/// Somebody looks at the job, payload included, while its worker settles and the slot is used again: the payload goes
/// when the last of them has left, and after what that one read.
#[test]
fn timeout_hold_and_settle() {
    check("timeout_hold_and_settle", || {
        let (world, cell) = (World::new(1), cell());
        let claim = world.start(1, Some(cell.clone()));
        let ticket = claim.ticket();
        let worker = go(&world, move |world| {
            assert!(world.settle(claim), "a hold decided a job");
            if let Some(vacant) = world.reserve() {
                world.add(vacant, 2, None);
            }
        });
        if let Some(claim) = world.slab.hold(ticket) {
            assert_eq!(world.read(&claim), 1, "a payload was read after its drop");
            world.share("onlooker", world.slab.leave(claim));
        }
        worker.join().unwrap();
        let outcome = cell.take().expect("the waiter was not answered");
        assert_eq!(outcome.by, "complete");
        drop((outcome, cell));
        world.close();
    });
}

/// A job goes back into line while somebody looks at it, and a handler takes it by value: not the payload that is being read.
#[test]
fn timeout_hold_and_take() {
    check("timeout_hold_and_take", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let ticket = claim.ticket();
        let onlooker = go(&world, move |world| {
            let Some(claim) = world.slab.hold(ticket) else {
                return;
            };
            assert_eq!(world.read(&claim), 1, "a payload was read after its drop");
            world.share("onlooker", world.slab.leave(claim));
        });
        assert!(world.again(claim, Requeue));
        let ticket = world.pop().unwrap();
        let (claim, payload) = world.slab.activate_owned(ticket, Trace::Line).unwrap();
        drop(payload);
        assert!(world.settle(claim));
        onlooker.join().unwrap();
        world.close();
    });
}

/// An attempt that its handler gives back does not count, and one that times out does.
#[test]
fn timeout_counts_attempts() {
    for verb in [Snooze, Requeue] {
        check("timeout_counts_attempts", move || {
            let world = World::new(1);
            let claim = world.start(1, None);
            let ticket = claim.ticket();
            let clerk = go(&world, move |world| world.time_out(ticket, AGAIN));
            let again = world.again(claim, verb);
            let timed_out = clerk.join().unwrap();
            assert!(again != timed_out, "one attempt, two outcomes or none");
            world.look(5);
            let claim = world.start_next();
            let number = if again { 1 } else { 2 };
            assert_eq!(
                claim.attempt(),
                number,
                "what was given back was no attempt"
            );
            // Whatever the last one was, this one counts.
            assert!(world.fail(claim));
            let claim = world.start_next();
            assert_eq!(claim.attempt(), number + 1, "an attempt was not counted");
            assert!(world.settle(claim));
            world.close();
        });
    }
}

/// A handler that has its payload by value gives it back while its job is cancelled or times out, and another takes it.
#[test]
fn timeout_requeue_with_payload() {
    check("timeout_requeue_with_payload", || {
        let world = World::new(1);
        let (claim, payload) = world.start_owned(1, None);
        let ticket = claim.ticket();
        let ender = go(&world, move |world| {
            world.end(1, Cancel) || world.time_out(ticket, DEAD)
        });
        let worker = go(&world, |world| {
            let claim = world.begin()?;
            assert_eq!(claim.attempt(), 1, "what was given back was no attempt");
            Some(world.run(claim, 1))
        });
        payload.body.with_mut(|body| unsafe { *body = 1 });
        world.requeue_with(claim, payload);
        ender.join().unwrap();
        worker.join().unwrap();
        world.close();
    });
}
