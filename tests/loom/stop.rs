//! Shutdown against an adder in the middle of `add`: the job has one end, whoever gives it.

use guichet::internals::lane::Bands;
use guichet::internals::model::{JobState, Verb};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst, fence};
use guichet::internals::table::{Entry, Pool, Slab, Trace};
use loom::sync::Arc;
use loom::thread;

use super::check;
use super::world::PLAIN;

struct Queue {
    slab: Slab<u32, ()>,
    pool: Pool,
    lane: Bands,
    /// Fences are no scheduling points for loom, so a step before each brings them into play.
    probe: AtomicU32,
}

/// Admit, push, or give back by itself; against close, then scan. As `queue/life/admit.rs` and
/// `queue/life/shutdown.rs` have it.
#[test]
fn stop_and_admit() {
    check("stop_and_admit", || {
        let queue = Arc::new(Queue {
            slab: Slab::new(1),
            pool: Pool::new(0, 1, 1),
            lane: Bands::new(1, 1),
            probe: AtomicU32::new(0),
        });
        let vacant = queue
            .pool
            .claim(0, 1)
            .and_then(|mut run| run.pop())
            .unwrap();
        let other = queue.clone();
        let adder = thread::spawn(move || {
            let entry = Entry::Waiting(Trace::Line);
            let (ticket, occupancy) = other.slab.admit(vacant, 7, None, entry, |_, _, _| PLAIN);
            match other.lane.push(0, ticket.to_bits()) {
                Ok(()) => {
                    other.probe.fetch_add(0, Relaxed);
                    fence(SeqCst);
                    false
                }
                Err(_) => other.slab.end(0, occupancy, Verb::Return).is_some(),
            }
        });
        queue.lane.close();
        let mut ends = 0;
        for (slot, occupancy, state) in queue.slab.scan() {
            if state == JobState::Waiting {
                let returned = queue.slab.end(slot, occupancy, Verb::Return);
                ends += u32::from(returned.is_some());
            }
        }
        queue.probe.fetch_add(0, Relaxed);
        ends += u32::from(adder.join().unwrap());
        assert_eq!(ends, 1, "a job was given back twice, or it waits for ever");
    });
}

/// The same for a job that is delayed, which no line refuses: the adder looks at the phase, shutdown at the slots.
/// As `queue/life/timing.rs` and `queue/life/shutdown.rs` have it.
#[test]
fn stop_and_defer() {
    check("stop_and_defer", || {
        let queue = Arc::new(Queue {
            slab: Slab::new(1),
            pool: Pool::new(0, 1, 1),
            lane: Bands::new(1, 1),
            probe: AtomicU32::new(0),
        });
        let stopped = Arc::new(AtomicU32::new(0));
        let vacant = queue
            .pool
            .claim(0, 1)
            .and_then(|mut run| run.pop())
            .unwrap();
        let (other, phase) = (queue.clone(), stopped.clone());
        let adder = thread::spawn(move || {
            let (_, occupancy) = other
                .slab
                .admit(vacant, 7, None, Entry::Delayed, |_, _, _| PLAIN);
            other.probe.fetch_add(0, Relaxed);
            fence(SeqCst);
            phase.load(Relaxed) == 1 && other.slab.end(0, occupancy, Verb::Return).is_some()
        });
        stopped.store(1, Relaxed);
        queue.probe.fetch_add(0, Relaxed);
        fence(SeqCst);
        let mut ends = 0;
        for (slot, occupancy, state) in queue.slab.scan() {
            if state == JobState::Delayed {
                let returned = queue.slab.end(slot, occupancy, Verb::Return);
                ends += u32::from(returned.is_some());
            }
        }
        ends += u32::from(adder.join().unwrap());
        assert_eq!(
            ends, 1,
            "a job was given back twice, or it is delayed for ever"
        );
    });
}
