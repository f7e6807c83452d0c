//! Shutdown against an adder in the middle of `add`: the job has one end, whoever gives it.

use guichet::internals::model::{JobState, Verb};
use guichet::internals::ring::{PushError, Ring};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst, fence};
use guichet::internals::table::{Pool, Slab, Ticket};
use loom::sync::Arc;
use loom::thread;

use super::check;

struct Queue {
    slab: Slab<u32, ()>,
    pool: Pool,
    lane: Ring<Ticket>,
    /// Fences are no scheduling points for loom, so a step before each brings them into play.
    probe: AtomicU32,
}

/// Admit, push, or give back by itself; against close, then scan. As `queue/add.rs` and
/// `queue/control.rs` have it.
#[test]
fn stop_and_admit() {
    check("stop_and_admit", || {
        let queue = Arc::new(Queue {
            slab: Slab::new(1),
            pool: Pool::new(1, 1),
            lane: Ring::new(1),
            probe: AtomicU32::new(0),
        });
        let vacant = queue
            .pool
            .claim(0, 1)
            .and_then(|mut run| run.pop())
            .unwrap();
        let other = queue.clone();
        let adder = thread::spawn(move || {
            let admitted = other.slab.admit(vacant, 7, None, |_, _| 0);
            match other.lane.push(admitted.ticket) {
                Ok(()) => {
                    other.probe.fetch_add(0, Relaxed);
                    fence(SeqCst);
                    false
                }
                Err(PushError::Closed(_)) => other
                    .slab
                    .end(0, admitted.occupancy, Verb::Return)
                    .is_some(),
                Err(PushError::Full(_)) => panic!("more tickets than slots"),
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
