//! Dead letters: the payload leaves with the last holder, once, and keeps its slot until then.

use super::check;
use super::slab::go;
use super::world::{Verdict, World};

const AGAIN: Verdict = Verdict::Again { overlap: 0 };
const LETTER: Verdict = Verdict::Dead { letter: true };

/// A job is buried over the head of its handler, which works on: the letter goes when that has returned.
#[test]
fn letter_late_handler() {
    check("letter_late_handler", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let ticket = claim.ticket();
        let handler = go(&world, move |world| {
            world.touch(&claim);
            world.bury(claim)
        });
        let clerk = go(&world, move |world| world.time_out(ticket, LETTER));
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
        }
        let (buried, timed_out) = (handler.join().unwrap(), clerk.join().unwrap());
        assert!(buried != timed_out, "one job, two outcomes or none");
        world.close();
    });
}

/// The same while a stray ticket of the job comes up, which vacates no slot that a letter keeps.
#[test]
fn letter_stray() {
    check("letter_stray", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        let occupancy = world.add(vacant, 1, None);
        assert!(world.reprioritize(occupancy));
        let claim = world.start_next();
        world.fill();
        let popper = go(&world, |world| {
            world.work(Some(1));
            if let Some(vacant) = world.reserve() {
                world.add(vacant, 2, None);
            }
        });
        assert!(world.bury(claim), "nobody else decides it");
        popper.join().unwrap();
        world.close();
    });
}

/// The letter finds no room and is sent by another thread: what the handler did goes with it, over the word alone.
#[test]
fn letter_handed_over() {
    check("letter_handed_over", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        world.fill();
        let sender = go(&world, |world| {
            world.send_kept();
            if let Some(vacant) = world.reserve() {
                world.add(vacant, 2, None);
            }
        });
        world.touch(&claim);
        assert!(world.bury(claim), "nobody else decides it");
        sender.join().unwrap();
        world.close();
    });
}

/// A job that waits for its late handler's return expires: the letter goes with that handler.
#[test]
fn letter_expired_while_held() {
    check("letter_expired_while_held", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.defer(vacant, 1, None);
        assert!(world.tick(5));
        let claim = world.start_next();
        assert!(world.time_out(claim.ticket(), AGAIN));
        let handler = go(&world, move |world| {
            world.touch(&claim);
            world.settle(claim)
        });
        let clerk = go(&world, |world| world.expire_with_letter(9));
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
        }
        assert!(!handler.join().unwrap(), "a late result was accepted");
        assert!(clerk.join().unwrap(), "nobody else decides it");
        world.close();
    });
}
