//! Workers: what one has taken others may take over, who sleeps is told, and who leaves hands over.
//!
//! `src/queue/base/tray.rs`, `presence.rs` and `switches.rs` are compiled into the models as they stand; around them the models do
//! what `queue/work/dispatch.rs`, `shift.rs` and `life/shutdown.rs` do.

use guichet::internals::park::{EventCount, Oneshot, Yields};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed};
use guichet::internals::table::{Ticket, Trace};
use loom::sync::Arc;
use loom::thread;

use super::check;
use super::queue::base::presence::Presence;
use super::queue::base::switches::{Setting, Switches};
use super::queue::base::tray::Tray;
use super::world::World;

/// Where the first job's ticket lay; the others' lay behind it.
const PLACE: i64 = 10;

/// Two waiting jobs, 1 and 2, whose tickets have left the line.
fn taken() -> (Arc<World>, [Ticket; 2]) {
    let world = World::new(2);
    let tickets = [1, 2].map(|job| {
        let vacant = world.reserve().expect("a new world has vacant slots");
        world.add(vacant, job, None);
        world.pop().unwrap()
    });
    (world, tickets)
}

/// Runs the job of a ticket that lay at `place`, if nobody else has; which it was.
fn attempt(world: &World, (ticket, place): (Ticket, i64)) -> Option<u64> {
    match world.slab.activate(ticket, Trace::Line) {
        Ok(claim) => {
            let job = world.slab.payload(&claim).job;
            let right = PLACE + job as i64 - 1;
            assert_eq!(place, right, "a job's ticket lay at another's place");
            assert!(world.run(claim, job), "an attempt was decided twice");
            Some(job)
        }
        Err(stale) => {
            assert!(stale.vacant.is_none(), "a used copy vacated the slot");
            None
        }
    }
}

/// The owner starts its tickets one by one, and a thief takes over what it finds not started: each job runs once.
#[test]
fn desk_stealing() {
    check("desk_stealing", || {
        let (world, tickets) = taken();
        let tray = Arc::new(Tray::new());
        let (other, theirs) = (world.clone(), tray.clone());
        let thief = thread::spawn(move || {
            let ran = theirs.unstarted().map(|taken| attempt(&other, taken));
            ran.flatten().count()
        });
        tray.lay_out(&tickets.map(Ticket::to_bits), PLACE);
        let mut ran = 0;
        for (at, ticket) in tickets.into_iter().enumerate() {
            tray.start(at);
            ran += usize::from(attempt(&world, (ticket, PLACE + at as i64)).is_some());
        }
        ran += thief.join().unwrap();
        assert_eq!(ran, 2, "two jobs, more attempts or fewer");
        world.close();
    });
}

/// A thief looks while the owner lays out its next batch: what it can start it knows the place of.
#[test]
fn desk_next_batch() {
    check("desk_next_batch", || {
        let (world, tickets) = taken();
        let tray = Arc::new(Tray::new());
        let (other, theirs) = (world.clone(), tray.clone());
        let thief = thread::spawn(move || {
            for taken in theirs.unstarted() {
                attempt(&other, taken);
            }
        });
        for (at, ticket) in tickets.into_iter().enumerate() {
            let place = PLACE + at as i64;
            tray.lay_out(&[ticket.to_bits()], place);
            tray.start(0);
            attempt(&world, (ticket, place));
        }
        thief.join().unwrap();
        world.close();
    });
}

/// A worker takes two jobs, and its first handler waits for the second one's: who slept meanwhile starts that.
#[test]
fn desk_wakes_for_what_is_behind() {
    check("desk_wakes_for_what_is_behind", || {
        let (world, tickets) = taken();
        let (tray, idle) = (Tray::new(), EventCount::new(Yields::Warily));
        let shared = Arc::new((world, tray, idle, Oneshot::new()));
        let other = shared.clone();
        let sleeper = thread::spawn(move || {
            let (world, tray, idle, done) = &*other;
            let look = |_| {
                let mut found = tray.unstarted();
                found.find(|(ticket, _)| world.slab.is_current(*ticket))
            };
            // The first one's owner may be slower; then that one waits for nobody.
            for _ in 0..2 {
                let taken = idle.wait_until(None, look, || 0, || 0);
                if attempt(world, taken.expect("a wait without an end")) == Some(2) {
                    let refused = done.set(());
                    assert!(refused.is_none(), "the result was given once");
                    return;
                }
            }
        });
        let (world, tray, idle, done) = &*shared;
        tray.lay_out(&tickets.map(Ticket::to_bits), PLACE);
        idle.notify_one();
        tray.start(0);
        let first = attempt(world, (tickets[0], PLACE));
        if first == Some(1) {
            done.wait(None).expect("a wait without an end");
        }
        sleeper.join().unwrap();
        world.close();
    });
}

struct Queue {
    world: Arc<World>,
    switches: Switches,
    serving: Presence,
    idle: EventCount,
    /// Fences are no scheduling points for loom, so a step before each brings them into play.
    probe: AtomicU32,
    /// How often the queue was stopped.
    stops: AtomicU32,
}

impl Queue {
    fn new() -> Arc<Queue> {
        let queue = Queue {
            world: World::new(1),
            switches: Switches::new(),
            serving: Presence::new(),
            idle: EventCount::new(Yields::Warily),
            probe: AtomicU32::new(0),
            stops: AtomicU32::new(0),
        };
        queue.serving.enter();
        Arc::new(queue)
    }

    /// A worker's whole life; whether it ran a job.
    fn serve(&self) -> bool {
        let mut ran = false;
        let look = |_| {
            // Asked first: only if draining had begun before it does an empty lane mean that all is done.
            let now = self.switches.seen();
            match self.world.pop() {
                Some(ticket) => Some(Some(ticket)),
                None => now.any(Setting::CLOSED).then_some(None),
            }
        };
        while let Some(Some(ticket)) = self.idle.wait_until(None, look, || 0, || 0) {
            let claim = self.world.slab.activate(ticket, Trace::Line);
            ran |= self.world.run(claim.expect("nobody else takes it"), 1);
        }
        self.leave();
        ran
    }

    fn leave(&self) {
        self.probe.fetch_add(0, Relaxed);
        if self.serving.leave() && self.switches.now().any(Setting::CLOSED) {
            self.stops.fetch_add(1, Relaxed);
        }
    }

    fn drain(&self) {
        self.switches.turn_on(Setting::DRAINING);
        self.idle.notify_all();
        self.probe.fetch_add(0, Relaxed);
        if self.serving.is_nobody() {
            self.stops.fetch_add(1, Relaxed);
        }
    }
}

/// A job is added and the queue drains, while its worker works or sleeps: the job runs, and somebody stops the queue.
#[test]
fn desk_drains() {
    check("desk_drains", || {
        let queue = Queue::new();
        let other = queue.clone();
        let worker = thread::spawn(move || other.serve());
        let vacant = queue.world.reserve().unwrap();
        queue.world.add(vacant, 1, None);
        queue.idle.notify_one();
        queue.drain();
        assert!(worker.join().unwrap(), "a drained queue left a job behind");
        assert!(queue.stops.load(Relaxed) > 0, "nobody stopped the queue");
        queue.world.close();
    });
}

/// The only worker leaves for another reason while the queue begins to drain: one of the two stops it.
#[test]
fn desk_leaves_or_drains() {
    check("desk_leaves_or_drains", || {
        let queue = Queue::new();
        let other = queue.clone();
        let worker = thread::spawn(move || other.leave());
        queue.drain();
        worker.join().unwrap();
        assert!(queue.stops.load(Relaxed) > 0, "nobody stopped the queue");
    });
}
