//! The state word: racing verbs, slot reuse, slots pinned by a late handler.

use guichet::internals::model::Verb::{Cancel, Interrupt, Return};
use guichet::internals::table::Trace;
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use super::check;
use super::world::{World, cell};

pub fn go<O: 'static>(world: &Arc<World>, f: impl FnOnce(&World) -> O + 'static) -> JoinHandle<O> {
    let world = world.clone();
    thread::spawn(move || f(&world))
}

/// A handler's result against an interrupt, with somebody waiting: one wins, the waiter learns which.
#[test]
fn slab_complete_interrupt_waiter() {
    check("slab_complete_interrupt_waiter", || {
        let (world, cell) = (World::new(1), cell());
        let claim = world.start(1, Some(cell.clone()));
        let complete = go(&world, move |world| world.run(claim, 1));
        let interrupt = go(&world, |world| world.end(1, Interrupt));
        let outcome = cell.wait(None).expect("a wait without an end has a value");
        let (complete, interrupt) = (complete.join().unwrap(), interrupt.join().unwrap());
        assert!(complete != interrupt, "one job, two outcomes");
        assert_eq!(outcome.by, if complete { "complete" } else { "end" });
        drop((outcome, cell));
        world.close();
    });
}

/// Three who would end the same attempt.
#[test]
fn slab_three_settlers() {
    check("slab_three_settlers", || {
        let (world, cell) = (World::new(1), cell());
        let claim = world.start(1, Some(cell.clone()));
        let complete = go(&world, move |world| world.run(claim, 1));
        let interrupt = go(&world, |world| world.end(1, Interrupt));
        let cancel = world.end(1, Cancel);
        let wins = [complete.join().unwrap(), interrupt.join().unwrap(), cancel];
        assert_eq!(
            wins.iter().filter(|won| **won).count(),
            1,
            "one job, several outcomes or none"
        );
        drop(cell.take().expect("the waiter was not answered"));
        drop(cell);
        world.close();
    });
}

/// The reader of the result leaves while two settle.
#[test]
fn slab_waiter_leaves() {
    check("slab_waiter_leaves", || {
        let (world, cell) = (World::new(1), cell());
        let claim = world.start(1, Some(cell.clone()));
        let complete = go(&world, move |world| world.run(claim, 1));
        let cancel = go(&world, |world| world.end(1, Cancel));
        drop(cell.forget());
        drop(cell);
        assert!(complete.join().unwrap() != cancel.join().unwrap());
        world.close();
    });
}

/// Cancel of a waiting job, the pop of its ticket, and a producer that takes the slot at once.
#[test]
fn slab_cancel_pop_reuse() {
    check("slab_cancel_pop_reuse", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        let cancel = go(&world, |world| world.end(1, Cancel));
        let worker = go(&world, |world| world.work(Some(1)));
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
        }
        let (cancel, ran) = (cancel.join().unwrap(), worker.join().unwrap() == Some(true));
        assert!(cancel != ran, "one job, two outcomes or none");
        world.close();
    });
}

/// A failed attempt's job waits again, is cancelled and popped at the same time.
#[test]
fn slab_retry_cancel_pop() {
    check("slab_retry_cancel_pop", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let cancel = go(&world, |world| world.end(1, Cancel));
        let worker = go(&world, |world| world.work(Some(1)));
        world.fail(claim);
        cancel.join().unwrap();
        worker.join().unwrap();
        world.close();
    });
}

/// Shutdown gives waiting jobs back while a worker still pops.
#[test]
fn slab_return_pop() {
    check("slab_return_pop", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        let worker = go(&world, |world| world.work(Some(1)) == Some(true));
        let returned = world.end(1, Return);
        assert!(
            returned != worker.join().unwrap(),
            "one job, two outcomes or none"
        );
        world.close();
    });
}

/// A late handler reads its payload while the slot it pins is asked for.
#[test]
fn slab_late_handler_pins() {
    check("slab_late_handler_pins", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        assert!(world.end(1, Interrupt));
        let late = go(&world, move |world| world.run(claim, 1));
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
        }
        assert!(!late.join().unwrap(), "a late result was accepted");
        world.close();
    });
}

/// A stale name and a late settle against the slot's next tenant, which must end by its own hand.
#[test]
fn slab_next_tenant() {
    check("slab_next_tenant", || {
        let (world, cell) = (World::new(1), cell());
        let claim = world.start(1, None);
        let stale = go(&world, |world| {
            world.end(1, Interrupt);
            world.end(1, Cancel);
        });
        world.run(claim, 1);
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, Some(cell.clone()));
            assert_eq!(
                world.work(Some(2)),
                Some(true),
                "the old name hit the new tenant"
            );
            drop(
                cell.take()
                    .expect("the new tenant's waiter was not answered"),
            );
        }
        stale.join().unwrap();
        drop(cell);
        world.close();
    });
}

/// Two tenancies, two workers, and cancels of both names.
#[test]
fn slab_two_tenancies() {
    check("slab_two_tenancies", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        let worker = go(&world, |world| {
            world.work(None);
            world.work(None);
        });
        let cancel = go(&world, |world| {
            world.end(1, Cancel);
            world.end(2, Cancel);
        });
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
            world.work(None);
        }
        worker.join().unwrap();
        cancel.join().unwrap();
        world.close();
    });
}

/// Two copies of one ticket, as prefetching workers have them: the activation arbitrates. Then a
/// third copy meets the slot's next tenant.
#[test]
fn slab_stolen_ticket() {
    check("slab_stolen_ticket", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        let ticket = world.pop().unwrap();
        let attempt = move |world: &World| match world.slab.activate(ticket, Trace::Line) {
            Ok(claim) => world.run(claim, 1),
            Err(stale) => {
                assert!(stale.vacant.is_none(), "a used copy vacated the slot");
                false
            }
        };
        let thief = go(&world, attempt);
        let owner = attempt(&world);
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
            attempt(&world);
        }
        assert!(
            thief.join().unwrap() != owner,
            "one ticket, two attempts or none"
        );
        world.close();
    });
}

/// Two copies of a ticket whose job is cancelled: the slot comes back once.
#[test]
fn slab_stolen_stale_ticket() {
    check("slab_stolen_stale_ticket", || {
        let world = World::new(1);
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        let ticket = world.pop().unwrap();
        let attempt = move |world: &World| match world.slab.activate(ticket, Trace::Line) {
            Ok(claim) => world.run(claim, 1),
            Err(stale) => {
                let vacant = stale.vacant.into_iter();
                vacant.for_each(|vacant| world.pool.give_back(vacant));
                false
            }
        };
        let thief = go(&world, attempt);
        let cancel = go(&world, |world| world.end(1, Cancel));
        let owner = attempt(&world);
        let wins = [thief.join().unwrap(), cancel.join().unwrap(), owner];
        assert_eq!(
            wins.iter().filter(|won| **won).count(),
            1,
            "one job, several outcomes or none"
        );
        world.close();
    });
}

/// `add` happens before the handler starts, through the word alone.
#[test]
fn slab_add_happens_before_start() {
    check("slab_add_happens_before_start", || {
        let world = World::new(1);
        let worker = go(&world, |world| world.work(Some(1)));
        let cancel = go(&world, |world| world.end(1, Cancel));
        let vacant = world.reserve().unwrap();
        world.add(vacant, 1, None);
        worker.join().unwrap();
        cancel.join().unwrap();
        world.close();
    });
}

/// Attempt 1 happens before attempt 2: what the first handler wrote the second one reads.
#[test]
fn slab_attempt_happens_before_next() {
    check("slab_attempt_happens_before_next", || {
        let world = World::new(1);
        let claim = world.start(1, None);
        let next = go(&world, |world| {
            let Some(ticket) = world.pop() else { return };
            let claim = world
                .slab
                .activate(ticket, Trace::Line)
                .expect("nobody else takes it");
            assert_eq!(claim.attempt(), 2);
            world
                .slab
                .payload(&claim)
                .body
                .with(|body| assert_eq!(unsafe { *body }, 9));
            world.settle(claim);
        });
        world
            .slab
            .payload(&claim)
            .body
            .with_mut(|body| unsafe { *body = 9 });
        world.fail(claim);
        next.join().unwrap();
        world.close();
    });
}
