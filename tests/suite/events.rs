//! Events: what listeners are told, in which order, and when they are told no more.

use guichet::{DeadLetter, Event, EventKind, Failure, Redrive, Subscription};

use super::support::*;

/// What was told and not read.
fn told(events: &mut Subscription) -> Vec<Event> {
    std::iter::from_fn(|| events.try_next().ok()).collect()
}

/// Each step's number follows the last step's.
fn assert_gapless(events: &[Event]) {
    let steps = events.iter().filter(|event| event.kind.is_step());
    let steps: Vec<_> = steps.map(|event| event.sequence).collect();
    let gapless = steps.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert!(gapless, "{events:?}");
}

/// A letter that is redriven begins and completes; one that is looked at and left goes back to its place.
#[test]
fn a_redrive_is_told_step_by_step() {
    let (runtime, _) = still();
    let dead = runtime
        .queue::<DeadLetter<u32>, ()>("dead")
        .build()
        .unwrap();
    let builder = runtime.queue::<u32, ()>("source").dead_letters(&dead);
    let queue = builder.build().unwrap();
    let mut events = dead.subscribe();
    for number in [1, 2] {
        queue.add(number).unwrap();
        let lease = queue.try_lease().unwrap();
        lease.fail(Failure::msg("no")).unwrap();
    }
    let first = |letter: &DeadLetter<u32>| letter.payload == Some(1);
    let done = dead.redrive(&queue, Redrive::all().filter(first));
    assert_eq!((done.jobs.len(), done.skipped), (1, 1));
    let told = told(&mut events);
    let of = |kind| told.iter().find(|event| event.kind == kind).unwrap().job;
    let (driven, skipped) = (of(EventKind::Completed), of(EventKind::Requeued));
    assert_ne!(driven, skipped);
    for (job, last) in [
        (driven, EventKind::Completed),
        (skipped, EventKind::Requeued),
    ] {
        let own = told.iter().filter(|event| event.job == job).copied();
        let own: Vec<_> = own.collect();
        let kinds: Vec<_> = own.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Added, EventKind::Started, last]);
        assert_gapless(&own);
    }
    assert!(queue.cancel(done.jobs[0]));
    let books = Books {
        failed: 2,
        cancelled: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
    let books = Books {
        completed: 1,
        waiting: 1,
        ..NONE
    };
    audit(&dead.stats(), books);
}

/// Whoever reads until the end has read every end.
#[test]
fn the_last_event_before_the_end_is_read() {
    const JOBS: u64 = 1000;
    for _ in 0..10 {
        let runtime = runtime();
        let builder = runtime.queue::<u64, ()>("numbers").event_capacity(4096);
        let queue = builder.build().unwrap();
        let events = queue.subscribe();
        let reader = start(move || {
            let kinds = events.map(|event| event.expect("it keeps up").kind);
            kinds.filter(|kind| *kind == EventKind::Returned).count()
        });
        queue.add_many((0..JOBS).collect()).unwrap();
        runtime.shutdown(PATIENCE);
        assert_eq!(reader.get() as u64, JOBS, "of the jobs that were returned");
        let books = Books {
            returned: JOBS,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}
