//! The verbs of those who do not hold the job: due, expired, moved to another place, rescheduled.

use guichet::internals::model::Verb::Cancel;
use guichet::internals::table::Trace;

use super::check;
use super::slab::go;
use super::world::{World, cell};

/// A delayed job becomes due while somebody cancels it, and its slot is used again.
#[test]
fn outside_due_cancel_reuse() {
    check("outside_due_cancel_reuse", || {
        let (world, cell) = (World::new(1), cell());
        let vacant = world.reserve().unwrap();
        let occupancy = world.defer(vacant, 1, Some(cell.clone()));
        let clerk = go(&world, |world| world.tick(5));
        let cancelled = world.end(occupancy, Cancel);
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
        }
        clerk.join().unwrap();
        while world.work(None).is_some() {}
        assert!(cancelled, "a job that has not begun can be cancelled");
        assert_eq!(cell.wait(None).expect("the end was told").by, "end");
        world.close();
    });
}

/// Expiry against a promotion by name and the attempt that follows: one outcome.
#[test]
fn outside_expire_activate() {
    check("outside_expire_activate", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.defer(vacant, 1, None);
        let clerk = go(&world, |world| world.tick(9));
        if let Some(entered) = world.slab.promote(0, Some(occupancy), 0, Trace::Line) {
            world.enter(entered);
            world.work(Some(1));
        }
        clerk.join().unwrap();
        world.close();
    });
}

/// Attempt 1 happens before attempt 2, by way of a pause and whoever ends it.
#[test]
fn outside_attempt_happens_before_next() {
    check("outside_attempt_happens_before_next", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let clerk = go(&world, |world| world.tick(5));
        let worker = go(&world, |world| {
            let Some(ticket) = world.pop() else { return };
            let claim = world.slab.activate(ticket, Trace::Line).expect("valid");
            let body = &world.slab.payload(&claim).body;
            body.with(|body| assert_eq!(unsafe { *body }, 9));
            world.settle(claim);
        });
        let body = &world.slab.payload(&claim).body;
        body.with_mut(|body| unsafe { *body = 9 });
        world.put_off(claim);
        clerk.join().unwrap();
        worker.join().unwrap();
        world.close();
    });
}

/// A waiting job moves to another place while a worker takes its ticket: one attempt, and no trace keeps the slot.
#[test]
fn outside_move_pop() {
    check("outside_move_pop", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.add(vacant, 1, None);
        let worker = go(&world, |world| world.work(Some(1)) == Some(true));
        world.reprioritize(occupancy);
        let mine = world.work(Some(1)) == Some(true);
        let theirs = worker.join().unwrap();
        let rest = [world.work(Some(1)), world.work(Some(1))];
        let wins = usize::from(mine) + usize::from(theirs);
        let wins = wins + rest.iter().filter(|won| **won == Some(true)).count();
        assert_eq!(wins, 1, "one job, several attempts or none");
        world.close();
    });
}

/// The same against a cancel, and the slot's next tenant.
#[test]
fn outside_move_cancel_reuse() {
    check("outside_move_cancel_reuse", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.add(vacant, 1, None);
        let cancel = go(&world, move |world| world.end(occupancy, Cancel));
        world.reprioritize(occupancy);
        world.work(None);
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
        }
        cancel.join().unwrap();
        world.close();
    });
}

/// A job that left a stray in its line fails: it goes to the side, since the stray may still lie there, and somebody
/// pops the stray meanwhile.
#[test]
fn outside_stray_retry() {
    check("outside_stray_retry", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.add(vacant, 1, None);
        assert!(world.reprioritize(occupancy));
        let claim = world.start_next();
        let popper = go(&world, |world| world.work(Some(1)));
        world.fail(claim);
        popper.join().unwrap();
        world.close();
    });
}

/// The stray surfaces while the job completes: the slot is emptied before it is vacant.
#[test]
fn outside_stray_complete() {
    check("outside_stray_complete", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.add(vacant, 1, None);
        assert!(world.reprioritize(occupancy));
        let claim = world.start_next();
        let popper = go(&world, |world| {
            world.work(Some(1));
            if let Some(vacant) = world.reserve() {
                world.add(vacant, 2, None);
            }
        });
        assert!(world.run(claim, 1), "nobody else decides it");
        popper.join().unwrap();
        world.close();
    });
}

/// A ticket that was taken out of its line is put to the side while its job is cancelled.
#[test]
fn outside_aside_cancel() {
    check("outside_aside_cancel", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.add(vacant, 1, None);
        let cancel = go(&world, move |world| world.end(occupancy, Cancel));
        world.set_aside();
        cancel.join().unwrap();
        world.close();
    });
}

/// A delayed job gets another instant while it becomes due, runs, and its slot is used again: the hold keeps the
/// record for it.
#[test]
fn outside_reschedule_due_reuse() {
    check("outside_reschedule_due_reuse", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.defer(vacant, 1, None);
        let mover = go(&world, move |world| world.reschedule(occupancy, 3));
        if world.tick(5) {
            world.work(Some(1));
        }
        if let Some(vacant) = world.reserve() {
            // Due at 5, whatever was written for its predecessor.
            world.defer(vacant, 2, None);
            assert!(
                !world.tick(4),
                "the next tenant got its predecessor's instant"
            );
        }
        mover.join().unwrap();
        world.close();
    });
}

/// A delayed job gets another priority while it becomes due, runs, and its slot is used again: whoever puts it
/// in line after that step knows the priority, and the slot's next tenant keeps its own.
#[test]
fn outside_prioritize_due_reuse() {
    check("outside_prioritize_due_reuse", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.defer(vacant, 1, None);
        let mover = go(&world, move |world| world.prioritize_delayed(occupancy, 3));
        let mut seen = None;
        if let Some(entered) = world.slab.promote(0, Some(occupancy), 0, Trace::Line) {
            seen = Some((entered.ticket.epoch(), world.slab.priority(0)));
            world.enter(entered);
            world.work(Some(1));
        }
        let next = world.reserve();
        let reused = next.is_some();
        if let Some(vacant) = next {
            world.defer(vacant, 2, None);
        }
        let changed = mover.join().unwrap();
        if let (Some((promoted, priority)), Some(changed)) = (seen, changed)
            && promoted > changed
        {
            assert_eq!(priority, 3, "a change of priority was not seen");
        }
        if reused {
            let priority = world.slab.priority(0);
            assert_eq!(
                priority, 1,
                "the next tenant got its predecessor's priority"
            );
        }
        world.close();
    });
}
