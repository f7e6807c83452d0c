//! Workers that are replaced while their handlers are stuck: what they had taken goes to others, and they begin nothing more.

use std::time::Duration;

use guichet::EventKind;

use super::support::*;

/// A worker has taken several jobs and is stuck in the first one. Another one works in its place; when the first handler
/// returns, the rest of what its worker had taken waits for that one.
#[test]
fn a_replaced_worker_gives_back_what_it_has_not_begun() {
    let (runtime, gates, log) = (runtime(), [Gate::new(), Gate::new()], Log::new());
    let queue = runtime.queue::<usize, ()>("jobs").max_stuck(1);
    let queue = queue.stuck_after(Duration::ZERO).build().unwrap();
    let mut events = queue.subscribe();
    let limit = Duration::from_millis(1);
    // There before the worker, which so takes all three.
    queue.job(0).timeout(limit).add().unwrap();
    let ids = queue.add_many(vec![1, 2]).unwrap();
    let (held, seen) = (gates.clone(), log.clone());
    queue
        .workers(1, move |job| {
            seen.push(*job.payload());
            if let Some(gate) = held.get(*job.payload()) {
                gate.pass();
            }
            Ok(())
        })
        .unwrap();
    until("another one works in its place", || log.len() == 2);
    assert_eq!(queue.stats().stuck, 1);
    gates[0].open();
    // What becomes of the last job: it goes back, though its worker might have run it.
    let mut told = std::iter::from_fn(|| events.next_timeout(PATIENCE).ok());
    let kinds: Vec<_> = told
        .by_ref()
        .filter(|event| event.job == ids[1])
        .map(|event| event.kind)
        .take(3)
        .collect();
    use EventKind::{Added, Requeued, Started};
    assert_eq!(kinds, [Added, Started, Requeued]);
    assert_eq!(log.len(), 2, "two workers of one began jobs");
    gates[1].open();
    let books = Books {
        failed: 1,
        timed_out: 1,
        late: 1,
        ..Books::completed(2)
    };
    settle(&queue, books);
    assert_eq!(log.take(), [0, 1, 2]);
}
