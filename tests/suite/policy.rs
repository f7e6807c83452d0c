//! What becomes of the less urgent: aging, and turns in proportion to weights.

use std::time::Duration;

use guichet::{BuildError, Order, Policy};

use super::support::*;

#[test]
fn a_policy_that_does_not_fit_the_order_is_refused() {
    let (runtime, _) = still();
    let aging = Policy::Aging { per: secs(1) };
    let never = Policy::Aging {
        per: Duration::ZERO,
    };
    let pairs = [
        (aging, Order::Fifo),
        (aging, Order::Deadline),
        (never, Order::Bands(10)),
        (never, Order::Heap(10)),
        (Policy::Weighted, Order::Fifo),
        (Policy::Weighted, Order::Heap(10)),
        (Policy::Weighted, Order::Deadline),
    ];
    for (policy, order) in pairs {
        let builder = runtime.queue::<(), ()>("jobs").order(order).policy(policy);
        match refused(builder.build()) {
            BuildError::PolicyOfOrder(was, of) => assert_eq!((was, of), (policy, order)),
            other => panic!("{other}"),
        }
    }
    let fits = [
        (Policy::Strict, Order::Fifo),
        (Policy::Strict, Order::Deadline),
        (aging, Order::Bands(2)),
        (aging, Order::Heap(u32::MAX)),
        (Policy::Weighted, Order::Bands(2)),
    ];
    for (number, (policy, order)) in fits.into_iter().enumerate() {
        let name = format!("jobs {number}");
        let builder = runtime.queue::<(), ()>(&name).order(order).policy(policy);
        audit(&builder.build().unwrap().stats(), NONE);
    }
}

/// Priority 5 needs four rises to be on a level with priority 1; then it is the older one.
#[test]
fn a_job_that_has_waited_rises() {
    let per = secs(10);
    for order in [Order::Bands(10), Order::Heap(10), Order::Heap(u32::MAX)] {
        for (start, waited, expected) in [
            (NANO, 4 * per, [5, 1]),
            (NANO, 4 * per - NANO, [1, 5]),
            (secs(1), 4 * per, [5, 1]),
            (secs(1), 4 * per - NANO, [1, 5]),
            (secs(1), 9 * per, [5, 1]),
            (secs(1), NANO, [1, 5]),
        ] {
            let (runtime, clock) = still();
            let policy = Policy::Aging { per };
            let builder = runtime.queue::<u32, ()>("jobs").order(order);
            let queue = builder.policy(policy).build().unwrap();
            clock.advance(start);
            queue.job(5).priority(5).add().unwrap();
            clock.advance(waited);
            queue.job(1).priority(1).add().unwrap();
            let log = scribe(&queue);
            runtime.run_until_idle();
            assert_eq!(log.take(), expected, "{order:?} {start:?} {waited:?}");
            audit(&queue.stats(), Books::completed(2));
        }
    }
}

/// Where the clock says 0, too.
#[test]
fn a_wait_that_begins_with_the_clock_counts_in_full() {
    let (runtime, clock) = still();
    let policy = Policy::Aging { per: secs(10) };
    let builder = runtime.queue::<u32, ()>("jobs").order(Order::Bands(10));
    let queue = builder.policy(policy).build().unwrap();
    queue.job(5).priority(5).add().unwrap();
    clock.advance(secs(40));
    queue.job(1).priority(1).add().unwrap();
    let log = scribe(&queue);
    runtime.run_until_idle();
    assert_eq!(log.take(), [5, 1]);
    audit(&queue.stats(), Books::completed(2));
}

/// However many urgent jobs keep coming, the old one's time comes.
#[test]
fn aging_ends_starvation() {
    for (policy, turn) in [(Policy::Aging { per: secs(1) }, 9), (Policy::Strict, 100)] {
        let (runtime, clock) = still();
        clock.advance(secs(1));
        let builder = runtime.queue::<u32, ()>("jobs").order(Order::Bands(10));
        let queue = builder.policy(policy).build().unwrap();
        let log = Log::new();
        let (seen, inner, time) = (log.clone(), queue.clone(), clock.clone());
        queue.job(1000).priority(10).add().unwrap();
        queue.job(0).priority(1).add().unwrap();
        queue
            .workers(1, move |job| {
                seen.push(*job.payload());
                if *job.payload() < 99 {
                    time.advance(secs(1));
                    inner.job(job.payload() + 1).priority(1).add()?;
                }
                Ok(())
            })
            .unwrap();
        runtime.run_until_idle();
        let at = log.take().iter().position(|number| *number == 1000);
        assert_eq!(at, Some(turn), "{policy:?}");
        audit(&queue.stats(), Books::completed(101));
    }
}

/// Over a backlog, priority `p` of `n` has exactly `n + 1 - p` of the turns of every round.
#[test]
fn weights_share_the_turns_exactly() {
    for levels in [1, 2, 3, 5, 10] {
        let rounds = 12;
        let (runtime, _) = still();
        let queue = runtime
            .queue::<u32, ()>("jobs")
            .order(Order::Bands(levels))
            .policy(Policy::Weighted)
            .capacity(2048)
            .build()
            .unwrap();
        let (mut jobs, length) = (0, levels * (levels + 1) / 2);
        for _ in 0..rounds * levels {
            for priority in 1..=levels {
                let job = queue.job(priority).priority(priority);
                job.add().unwrap();
                jobs += 1;
            }
        }
        let log = scribe(&queue);
        runtime.run_until_idle();
        let order = log.take();
        // The most urgent level's backlog lasts for exactly so many rounds.
        for round in order.chunks(length as usize).take(rounds as usize) {
            for priority in 1..=levels {
                let turns = round.iter().filter(|seen| **seen == priority).count();
                let weight = (levels + 1 - priority) as usize;
                assert_eq!(turns, weight, "{levels} levels: {round:?}");
            }
        }
        audit(&queue.stats(), Books::completed(jobs));
    }
}

/// Peers stay in order, and a turn that nobody of its level can use goes to the most urgent.
#[test]
fn an_unused_turn_goes_to_the_most_urgent() {
    let (runtime, _) = still();
    let queue = runtime
        .queue::<(u32, u32), ()>("jobs")
        .order(Order::Bands(3))
        .policy(Policy::Weighted)
        .build()
        .unwrap();
    for number in 0..50 {
        for priority in [2, 3] {
            let job = queue.job((priority, number)).priority(priority);
            job.add().unwrap();
        }
    }
    let log = scribe(&queue);
    runtime.run_until_idle();
    let order = log.take();
    for round in order.chunks(6).take(10) {
        let least = round.iter().filter(|(priority, _)| *priority == 3).count();
        assert_eq!(least, 1, "{round:?}");
    }
    for priority in [2, 3] {
        let peers = order.iter().filter(|(of, _)| *of == priority);
        assert!(peers.map(|(_, number)| *number).eq(0..50));
    }
    audit(&queue.stats(), Books::completed(100));
}
