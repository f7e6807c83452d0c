//! The switches that every job's path reads: who turns one is seen by the path, or sees what the path did.
//!
//! `src/queue/base/switches.rs` is compiled into the models as it stands; around it the models do what `queue/life/begin.rs`
//! and `gate.rs`, `senders.rs` and `slots.rs` of `queue/ready` do.

use guichet::internals::model::{JobState, Verb::Requeue};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed};
use guichet::internals::table::Trace;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::check;
use super::queue::base::switches::{Setting, Switches};
use super::world::World;

struct Queue {
    world: Arc<World>,
    switches: Switches,
    /// Fences are no scheduling points for loom, so a step before each brings them into play.
    probe: AtomicU32,
}

impl Queue {
    fn new() -> Arc<Queue> {
        Arc::new(Queue {
            world: World::new(1),
            switches: Switches::new(),
            probe: AtomicU32::new(0),
        })
    }

    fn turn_on(&self, some: Setting) {
        self.switches.turn_on(some);
        self.probe.fetch_add(0, Relaxed);
        self.switches.fence();
    }

    fn after_step(&self) -> Setting {
        self.probe.fetch_add(0, Relaxed);
        self.switches.after_step()
    }

    /// A worker takes the job, unless it is told after its step that the queue is halted. Whether it started it.
    fn start(&self) -> bool {
        let Some(ticket) = self.world.pop() else {
            return false;
        };
        let claim = self
            .world
            .slab
            .activate(ticket, Trace::Line)
            .expect("valid");
        if self.after_step().any(Setting::HALTED) {
            assert!(self.world.again(claim, Requeue));
            return false;
        }
        assert_eq!(claim.attempt(), 1, "what was put back was no attempt");
        assert!(self.world.run(claim, 1));
        true
    }
}

/// A job that waits when `pause` has returned is not started before somebody resumes.
#[test]
fn pause_starts_nothing() {
    check("pause_starts_nothing", || {
        let queue = Queue::new();
        let vacant = queue.world.reserve().unwrap();
        let occupancy = queue.world.add(vacant, 1, None);
        let other = queue.clone();
        let worker = thread::spawn(move || other.start());
        queue.turn_on(Setting::PAUSED);
        let waits = queue.world.slab.state(0, occupancy) == Some(JobState::Waiting);
        let started = worker.join().unwrap();
        assert!(!(waits && started), "a job was started in a pause");
        queue.switches.turn_off(Setting::HALTED);
        assert!(started || queue.start(), "a job was lost in a pause");
        queue.world.close();
    });
}

/// Who finds no room for a letter and says that it waits is told of the next slot that comes back.
#[test]
fn pause_awaits_room() {
    check("pause_awaits_room", || {
        let queue = Queue::new();
        let taken = queue.world.reserve().unwrap();
        let other = queue.clone();
        let worker = thread::spawn(move || {
            other.world.pool.give_back(taken);
            other.after_step().any(Setting::AWAITED)
        });
        queue.turn_on(Setting::AWAITED);
        let found = queue.world.reserve();
        let told = worker.join().unwrap();
        assert!(found.is_some() || told, "a letter waits for ever");
        found
            .into_iter()
            .for_each(|vacant| queue.world.pool.give_back(vacant));
        queue.world.close();
    });
}

/// Who looks with `seen` sees what came before the switch was turned, on or off.
#[test]
fn pause_carries_causes() {
    fn carries(name: &str, turn: fn(&Switches), is_turned: fn(Setting) -> bool) {
        check(name, move || {
            let shared = Arc::new((Switches::new(), UnsafeCell::new(0)));
            shared.0.turn_on(Setting::PAUSED);
            let other = shared.clone();
            let turner = thread::spawn(move || {
                other.1.with_mut(|note| unsafe { *note = 1 });
                turn(&other.0);
            });
            if is_turned(shared.0.seen()) {
                assert_eq!(shared.1.with(|note| unsafe { *note }), 1);
            }
            turner.join().unwrap();
        });
    }
    carries(
        "pause_carries_causes, on",
        |switches| switches.turn_on(Setting::STOPPED),
        |setting| setting.any(Setting::STOPPED),
    );
    carries(
        "pause_carries_causes, off",
        |switches| switches.turn_off(Setting::PAUSED),
        |setting| !setting.any(Setting::PAUSED),
    );
}
