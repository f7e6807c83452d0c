//! Pauses and holds: what has not started does not, and the order is the same afterwards.

use guichet::Order;

use super::support::*;

/// What is more urgent and came during the pause goes first, before what a worker has in its hand.
#[test]
fn an_urgent_job_overtakes_a_paused_batch() {
    let (runtime, gate, log) = (runtime(), Gate::new(), Log::new());
    let queue = runtime.queue::<u32, ()>("jobs").order(Order::Bands(10));
    let queue = queue.prefetch(32).build().unwrap();
    for payload in 50..58 {
        queue.add(payload).unwrap();
    }
    let (held, seen) = (gate.clone(), log.clone());
    queue
        .workers(1, move |job| {
            seen.push(*job.payload());
            if *job.payload() == 50 {
                held.pass();
            }
            Ok(())
        })
        .unwrap();
    until("the first one runs", || log.len() == 1);
    queue.pause();
    gate.open();
    until("it has ended", || queue.stats().completed == 1);
    let_block();
    queue.job(10).priority(1).add().unwrap();
    queue.resume();
    settle(&queue, Books::completed(9));
    assert_eq!(log.take(), [50, 10, 51, 52, 53, 54, 55, 56, 57]);
}
