//! Pauses and holds: what has not started does not, and the order is the same afterwards.

use guichet::{Failure, JobState, Order};

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

/// Round after round: what is added to a queue whose pause has returned does not start, whatever its workers were about to do.
#[test]
fn nothing_starts_in_a_pause() {
    let (runtime, log) = (runtime(), Log::new());
    let queue = runtime.queue::<u32, ()>("jobs").capacity(64).build();
    let queue = queue.unwrap();
    let seen = log.clone();
    queue
        .workers(2, move |job| {
            seen.push(*job.payload());
            Ok(())
        })
        .unwrap();
    for round in 0..500 {
        queue.add(round).unwrap();
        queue.pause();
        let marked = queue.add_many(vec![10_000; 4]).unwrap();
        std::thread::yield_now();
        let waits = |id| queue.state(id) != Some(JobState::Completed);
        assert!(marked.into_iter().all(waits), "round {round}");
        assert!(log.take().iter().all(|payload| *payload < 10_000));
        queue.resume();
        settle_all(&queue);
        log.take();
    }
    settle(&queue, Books::completed(2_500));
}

/// Running jobs go on; the queue is in the same order after a pause as before, in every order there is.
#[test]
fn a_pause_keeps_the_order() {
    for order in [Order::Fifo, Order::Bands(3), Order::Heap(3)] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, ()>("jobs").order(order);
        let queue = queue.build().unwrap();
        let lowest = if order == Order::Fifo { 1 } else { 3 };
        for payload in [1, 2, 3] {
            let urgent = queue.job(10 + payload).priority(1);
            urgent.add().unwrap();
            queue.job(20 + payload).priority(lowest).add().unwrap();
        }
        let running = queue.try_lease().unwrap();
        queue.pause();
        assert!(queue.is_paused() && queue.try_lease().is_none());
        running.complete(()).unwrap();
        let log = scribe(&queue);
        runtime.run_until_idle();
        assert_eq!(log.len(), 0);
        queue.resume();
        runtime.run_until_idle();
        let expected: &[u32] = match order {
            Order::Fifo => &[21, 12, 22, 13, 23],
            _ => &[12, 13, 21, 22, 23],
        };
        assert_eq!(log.take(), expected, "{order:?}");
        audit(&queue.stats(), Books::completed(6));
    }
}

/// A handler that is told that it goes too fast holds its queue; the job keeps its place and its attempt. A late one holds
/// nothing.
#[test]
fn who_goes_too_fast_holds_the_queue() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    queue.add_many(vec![1, 2]).unwrap();
    let limited = || Failure::rate_limited(secs(10));
    queue.try_lease().unwrap().fail(limited()).unwrap();
    assert!(queue.try_lease().is_none());
    runtime.advance(secs(9));
    assert!(queue.try_lease().is_none());
    runtime.advance(secs(1));
    let lease = queue.try_lease().expect("the hold is over");
    assert_eq!((*lease.payload(), lease.attempt()), (1, 1));
    assert!(queue.cancel(lease.id()));
    lease.fail(limited()).unwrap_err();
    queue
        .try_lease()
        .expect("nothing is held")
        .complete(())
        .unwrap();
    // A longer hold stays, and `resume` ends any.
    queue.hold(secs(5));
    queue.hold(secs(1));
    queue.add(3).unwrap();
    runtime.advance(secs(1));
    assert!(queue.try_lease().is_none());
    queue.resume();
    queue.try_lease().unwrap().complete(()).unwrap();
    let books = Books {
        cancelled: 1,
        requeued: 1,
        late: 1,
        ..Books::completed(2)
    };
    audit(&queue.stats(), books);
}

/// A shutdown returns what a paused queue has; a hold is waited for.
#[test]
fn a_paused_queue_returns_its_jobs() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("jobs").build().unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    queue.pause();
    let ids = queue.add_many(vec![1, 2, 3]).unwrap();
    assert!(runtime.shutdown(PATIENCE).in_time);
    let mut returned = queue.take_returned();
    returned.sort_unstable();
    let mut expected: Vec<_> = ids.into_iter().zip([1, 2, 3]).collect();
    expected.sort_unstable();
    assert_eq!(returned, expected);
    let books = Books {
        returned: 3,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Whose handler takes its payload by value too: it is put back whole.
#[test]
fn owned_payloads_wait_as_well() {
    let (runtime, drops) = (runtime(), Drops::new());
    let queue = runtime.queue::<Token, ()>("jobs").build().unwrap();
    queue.workers_owned(2, |_| Ok(())).unwrap();
    for _ in 0..200 {
        queue.add(drops.token()).unwrap();
        queue.pause();
        let before = drops.get();
        queue.add(drops.token()).unwrap();
        std::thread::yield_now();
        assert!(
            drops.get() <= before + 1,
            "the last one was added in the pause"
        );
        queue.resume();
        settle_all(&queue);
    }
    settle(&queue, Books::completed(400));
    until("all are dropped", || drops.get() == 400);
}

/// Nor does a change of priority wait for the end of it.
#[test]
fn priorities_change_in_a_pause() {
    for order in [Order::Bands(9), Order::Heap(9)] {
        let (runtime, gate) = (runtime(), Gate::new());
        let queue = runtime.queue::<u32, ()>("jobs").order(order);
        let queue = queue.build().unwrap();
        let (held, log) = (gate.clone(), Log::new());
        let seen = log.clone();
        queue
            .workers(1, move |job| {
                held.pass();
                seen.push(*job.payload());
                Ok(())
            })
            .unwrap();
        let ids: Vec<_> = (0..5).map(|payload| queue.add(payload).unwrap()).collect();
        until("it runs", || queue.state(ids[0]) == Some(JobState::Active));
        queue.pause();
        gate.open_wide();
        until("it has ended", || queue.stats().completed == 1);
        queue.set_priority(ids[4], 1).unwrap();
        queue.resume();
        settle(&queue, Books::completed(5));
        assert_eq!(log.take(), [0, 4, 1, 2, 3], "{order:?}");
    }
}
