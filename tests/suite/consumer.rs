//! Consumers: whose turn it is, how many leases one may have, who takes over.

use std::time::Duration;

use guichet::{LeaseError, Runtime, WorkersError};

use super::support::*;

type Queue = guichet::Queue<u32, ()>;

fn numbers(runtime: &Runtime, single: bool) -> Queue {
    let builder = runtime.queue::<u32, ()>("numbers");
    match single {
        true => builder.single_active_consumer().build().unwrap(),
        false => builder.build().unwrap(),
    }
}

/// With as many leases as it may have it gets no other, until one is settled, by whichever way.
#[test]
fn prefetch_bounds_the_leases() {
    let runtime = runtime();
    let queue = numbers(&runtime, false);
    queue.add_many((0..6).collect()).unwrap();
    let consumer = queue.consumer().prefetch(2).build();
    let (first, second) = (consumer.try_lease().unwrap(), consumer.try_lease().unwrap());
    assert!(consumer.try_lease().is_none());
    let timeout = consumer.lease_timeout(Duration::from_millis(1));
    assert_eq!(timeout.unwrap_err(), LeaseError::Timeout);
    assert!(
        queue
            .try_lease()
            .is_some_and(|lease| lease.complete(()).is_ok())
    );
    first.complete(()).unwrap();
    let third = consumer.try_lease().expect("one was completed");
    assert!(consumer.try_lease().is_none());
    drop(second);
    let again = consumer.try_lease().expect("one was dropped");
    assert_eq!(*again.payload(), 1, "it lies where it lay");
    again.complete(()).unwrap();
    third.complete(()).unwrap();
    let rest = consumer.lease_many(9).unwrap();
    assert_eq!(rest.len(), 2, "as many as it may have");
    rest.into_iter()
        .for_each(|lease| lease.complete(()).unwrap());
    let books = Books {
        requeued: 1,
        redelivered: 1,
        ..Books::completed(6)
    };
    audit(&queue.stats(), books);
}

/// A call that waits since its consumer has all it may have goes on when another thread settles one.
#[test]
fn a_settled_lease_lets_the_next_call_in() {
    let runtime = runtime();
    let queue = numbers(&runtime, false);
    queue.add_many(vec![0, 1]).unwrap();
    let consumer = std::sync::Arc::new(queue.consumer().prefetch(1).build());
    let first = consumer.lease().unwrap();
    let waits = consumer.clone();
    let next = start(move || waits.lease().map(|lease| lease.complete(())));
    let_block();
    assert!(next.is_running());
    first.complete(()).unwrap();
    next.get().unwrap().unwrap();
    settle(&queue, Books::completed(2));
}

/// While one of a higher priority waits, the others get nothing, whoever came first. That both wait when the job comes can't be
/// seen from here; without priorities it would be the first one's in nearly every round.
#[test]
fn the_higher_priority_is_served_first() {
    let mut higher = 0;
    for _ in 0..10 {
        let (runtime, log) = (runtime(), Log::new());
        let queue = numbers(&runtime, false);
        let waiter = |priority: i32| {
            let (consumer, log) = (queue.consumer().priority(priority).build(), log.clone());
            start(move || {
                let lease = consumer.lease().unwrap();
                log.push((priority, *lease.payload()));
                lease.complete(()).unwrap();
            })
        };
        let low = waiter(1);
        (0..5).for_each(|_| let_block());
        let high = waiter(9);
        (0..5).for_each(|_| let_block());
        queue.add(0).unwrap();
        until("somebody was served", || log.len() == 1);
        queue.add(1).unwrap();
        low.get();
        high.get();
        higher += usize::from(log.take() == [(9, 0), (1, 1)]);
        settle(&queue, Books::completed(2));
    }
    assert!(
        higher > 5,
        "the higher one was first in {higher} rounds of 10"
    );
}

/// One at a time is active; when it leaves, the next one is, and one that waits is woken.
#[test]
fn a_single_active_consumer_hands_over() {
    let runtime = runtime();
    let queue = numbers(&runtime, true);
    let refused = queue.workers(1, |_| Ok(())).unwrap_err();
    assert!(matches!(refused, WorkersError::SingleActive), "{refused}");
    let first = queue.consumer().build();
    let second = queue.consumer().build();
    let urgent = queue.consumer().priority(1).build();
    queue.add_many(vec![0, 1, 2]).unwrap();
    assert!(first.try_lease().is_none() && second.try_lease().is_none());
    assert!(queue.try_lease().is_none(), "nor anybody without a name");
    urgent.try_lease().unwrap().complete(()).unwrap();
    drop(urgent);
    assert!(second.try_lease().is_none());
    let waits = start(move || second.lease().map(|lease| lease.complete(())));
    let_block();
    assert!(waits.is_running());
    let held = first.try_lease().unwrap();
    // That call woke who waits, who looks around for a while.
    (0..5).for_each(|_| let_block());
    drop(first);
    waits.get().unwrap().unwrap();
    held.complete(()).unwrap();
    settle(&queue, Books::completed(3));
}

/// Wherever they wait.
#[test]
fn shutdown_wakes_all() {
    let runtime = runtime();
    let queue = numbers(&runtime, true);
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let consumer = queue.consumer().build();
            start(move || consumer.lease().map(drop))
        })
        .collect();
    let_block();
    assert!(runtime.shutdown(PATIENCE).in_time);
    for waiter in waiters {
        assert_eq!(waiter.get(), Err(LeaseError::Closed));
    }
    audit(&queue.stats(), NONE);
}

/// Several consumers and their threads share the jobs out, none twice, none forgotten.
#[test]
fn many_consumers_share_the_jobs_out() {
    for single in [false, true] {
        let (runtime, log) = (runtime(), Log::new());
        let queue = numbers(&runtime, single);
        let consume = |priority: i32| {
            let (queue, log) = (queue.clone(), log.clone());
            start(move || {
                let consumer = queue.consumer().priority(priority % 2).prefetch(2).build();
                while let Ok(lease) = consumer.lease() {
                    log.push(*lease.payload());
                    lease.complete(()).unwrap();
                }
            })
        };
        let consumers: Vec<_> = (0..4).map(consume).collect();
        for number in 0..2_000 {
            queue.add(number).unwrap();
        }
        settle(&queue, Books::completed(2_000));
        runtime.shutdown(PATIENCE);
        consumers.into_iter().for_each(Pending::get);
        let mut seen = log.take();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..2_000), "single: {single}");
    }
}
