//! Hooks: called once each for what they are for, before who waits learns, and without a say in what becomes of the job.

use std::sync::Arc;

use guichet::{Failure, JobState, ManualClock, Queue, QueueBuilder, Runtime};
use parking_lot::Mutex;

use super::support::*;

type Told = (&'static str, u32, bool);

/// A queue whose hooks write down their name, the attempt, and whether the job has ended.
fn hooked(builder: QueueBuilder<u32, u32>) -> (Queue<u32, u32>, Log<Told>) {
    let log = Log::new();
    let (completed, failed, exhausted) = (log.clone(), log.clone(), log.clone());
    let queue = builder
        .on_completed(move |brief, _| completed.push(("completed", brief.attempt, brief.ended)))
        .on_failed(move |brief, _| failed.push(("failed", brief.attempt, brief.ended)))
        .on_exhausted(move |brief, _| exhausted.push(("exhausted", brief.attempt, brief.ended)))
        .build()
        .unwrap();
    (queue, log)
}

fn manual(attempts: u32) -> (Runtime, ManualClock, Queue<u32, u32>, Log<Told>) {
    let (runtime, clock) = still();
    let builder = runtime.queue::<u32, u32>("jobs").attempts(attempts);
    let (queue, log) = hooked(builder.timeout(secs(1)));
    (runtime, clock, queue, log)
}

#[test]
fn each_end_calls_its_hooks_once() {
    let (runtime, clock, queue, log) = manual(2);
    let time = clock.clone();
    queue
        .workers(1, move |job| match (job.payload(), job.attempt()) {
            (0, _) => Ok(1),
            (1, 1) | (2, _) => Err(Failure::msg("no")),
            (1, _) => Ok(2),
            (3, _) => Err(Failure::discard("never")),
            (4, _) => panic!("bang"),
            (5, _) => {
                time.advance(secs(2));
                Ok(3)
            }
            _ => Ok(4),
        })
        .unwrap();
    let twice = [
        ("failed", 1, false),
        ("failed", 2, true),
        ("exhausted", 2, true),
    ];
    let cases: [(u32, &[Told]); 6] = [
        (0, &[("completed", 1, true)]),
        (1, &[("failed", 1, false), ("completed", 2, true)]),
        (2, &twice),
        (3, &[("failed", 1, true)]),
        (4, &twice),
        (5, &twice),
    ];
    for (payload, told) in cases {
        queue.add(payload).unwrap();
        runtime.run_until_idle();
        assert_eq!(log.take(), told, "job {payload}");
    }
    let books = Books {
        completed: 2,
        failed: 4,
        retried: 4,
        panicked: 2,
        timed_out: 2,
        late: 2,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// What did not fail, or was not decided by who reports it, calls none.
#[test]
fn other_ends_call_none() {
    let (runtime, _, queue, log) = manual(2);
    let waiting = queue.add(1).unwrap();
    assert!(queue.cancel(waiting));
    let expired = queue.job(2).ttl(secs(1));
    expired.add().unwrap();
    runtime.advance(secs(1));
    let held = queue.add(3).unwrap();
    let lease = queue.try_lease().unwrap();
    assert!(queue.cancel(held));
    lease.fail(Failure::msg("late")).unwrap_err();
    queue.add(4).unwrap();
    queue.try_lease().unwrap().requeue().unwrap();
    drop(queue.try_lease().unwrap());
    runtime.shutdown(NANO);
    assert_eq!(log.take(), []);
    let books = Books {
        cancelled: 2,
        expired: 1,
        returned: 1,
        requeued: 2,
        redelivered: 1,
        late: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// A lease's answers are told as a handler's are.
#[test]
fn leases_call_them_too() {
    let (_runtime, _, queue, log) = manual(2);
    queue.add(1).unwrap();
    queue.try_lease().unwrap().fail(Failure::msg("no")).unwrap();
    queue.try_lease().unwrap().complete(7).unwrap();
    queue.add(2).unwrap();
    queue.try_lease().unwrap().dead_letter("no use").unwrap();
    let told = [
        ("failed", 1, false),
        ("completed", 2, true),
        ("failed", 1, true),
    ];
    assert_eq!(log.take(), told);
    let books = Books {
        failed: 1,
        retried: 1,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
}

/// One that panics changes nothing, and the others are called all the same.
#[test]
fn hooks_that_panic_change_nothing() {
    let (runtime, _) = still();
    let log = Log::new();
    let seen = log.clone();
    let queue = runtime
        .queue::<u32, u32>("jobs")
        .attempts(2)
        .on_completed(|_, _| panic!("completed"))
        .on_failed(|_, _| panic!("failed"))
        .on_exhausted(move |brief, _| seen.push(brief.attempt))
        .build()
        .unwrap();
    queue
        .workers(1, |job| match job.payload() {
            0 => Ok(5),
            _ => Err(Failure::msg("no")),
        })
        .unwrap();
    let (good, bad) = (queue.submit(0).unwrap(), queue.submit(1).unwrap());
    runtime.run_until_idle();
    assert_eq!(value(good), 5);
    assert!(outcome(bad).is_err());
    assert_eq!(log.take(), [2]);
    let books = Books {
        failed: 1,
        retried: 1,
        ..Books::completed(1)
    };
    audit(&queue.stats(), books);
}

/// It may use queues, its own included, and comes before who waits for the job learns.
#[test]
fn a_hook_comes_before_the_waiter_and_may_use_the_queue() {
    let (runtime, log, gate) = (runtime(), Log::new(), Gate::new());
    let own: Arc<Mutex<Option<Queue<u32, u32>>>> = Arc::default();
    let (handle, seen, held) = (own.clone(), log.clone(), gate.clone());
    let queue = runtime
        .queue::<u32, u32>("jobs")
        .keep_completed(10)
        .on_completed(move |brief, value| {
            let queue = handle.lock().clone().unwrap();
            let info = queue.job_info(brief.id).unwrap();
            seen.push((info.state, *value));
            if *value == 1 {
                queue.try_add(2).unwrap();
                held.pass();
            }
        })
        .build()
        .unwrap();
    *own.lock() = Some(queue.clone());
    queue.workers(1, |job| Ok(*job.payload())).unwrap();
    let first = queue.submit(1).unwrap();
    until("the hook runs", || log.len() == 1);
    assert!(!first.is_finished(), "the hook comes first");
    gate.open();
    assert_eq!(value(first), 1);
    settle(&queue, Books::completed(2));
    until("the hook has run twice", || log.len() == 2);
    let told = [(JobState::Completed, 1), (JobState::Completed, 2)];
    assert_eq!(log.take(), told);
    // A hook that holds its own queue keeps itself alive.
    *own.lock() = None;
}
