//! Earliest deadline first.

use std::time::Duration;

use guichet::{Failure, Order, Queue, Runtime};

use super::support::*;

fn deadlines(runtime: &Runtime) -> Queue<u32, ()> {
    let builder = runtime.queue("deadlines").order(Order::Deadline);
    builder.attempts(2).build().unwrap()
}

#[test]
fn the_earliest_deadline_goes_first_and_jobs_without_one_last() {
    let (runtime, clock) = still();
    let queue = deadlines(&runtime);
    queue.add(8).unwrap();
    queue.job(5).deadline(secs(10)).add().unwrap();
    queue.job(9).attempts(1).ttl(secs(100_000)).add().unwrap();
    queue.job(2).deadline(secs(5)).add().unwrap();
    queue.job(3).deadline(secs(5)).add().unwrap();
    clock.advance(secs(3));
    // By the instant, not by the distance.
    queue.job(4).deadline(secs(5)).add().unwrap();
    queue.job(1).deadline(secs(1)).add().unwrap();
    queue.job(6).deadline(secs(7)).add().unwrap();
    queue.job(7).deadline(Duration::MAX).add().unwrap();
    queue.job(0).deadline(Duration::ZERO).add().unwrap();
    // Handed out after it too.
    clock.advance(secs(3600));
    let log = scribe(&queue);
    runtime.run_until_idle();
    let order = log.take();
    assert_eq!(order[..7], [0, 1, 2, 3, 4, 5, 6]);
    let mut rest = order[7..].to_vec();
    rest.sort_unstable();
    assert_eq!(rest, [7, 8, 9]);
    audit(&queue.stats(), Books::completed(10));
}

#[test]
fn many_deadlines_are_sorted() {
    let (runtime, _) = still();
    let queue = deadlines(&runtime);
    let mut random = Scatter::new(5);
    let mut expected = Vec::new();
    for number in 0..1000 {
        let deadline = random.below(200);
        queue.job(number).deadline(secs(deadline)).add().unwrap();
        expected.push((deadline, number));
    }
    let log = scribe(&queue);
    runtime.run_until_idle();
    expected.sort_unstable();
    let expected: Vec<u32> = expected.into_iter().map(|(_, number)| number).collect();
    assert_eq!(log.take(), expected);
    audit(&queue.stats(), Books::completed(1000));
}

/// A retry is as urgent as its job was, and a delayed job as it will be when it is due.
#[test]
fn a_retry_and_a_delayed_job_keep_their_deadlines() {
    let (runtime, _) = still();
    let queue = deadlines(&runtime);
    queue.job(0).deadline(secs(10)).add().unwrap();
    queue.job(1).deadline(secs(10)).add().unwrap();
    queue.job(2).deadline(secs(20)).add().unwrap();
    let delayed = queue.job(3).deadline(secs(15)).delay(secs(1));
    let delayed = delayed.add().unwrap();
    queue.promote(delayed).unwrap();
    let log = Log::new();
    let seen = log.clone();
    queue
        .workers(1, move |job| {
            seen.push(*job.payload());
            match (job.payload(), job.attempt()) {
                (0, 1) => Err(Failure::msg("again")),
                _ => Ok(()),
            }
        })
        .unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [0, 1, 0, 3, 2]);
    let books = Books {
        completed: 4,
        retried: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}
