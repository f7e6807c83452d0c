//! User code at its worst: destructors that panic, destructors that use the queue, odd names.
//!
//! None of it may cost a worker, a slot, a waiter its answer or a shutdown its end.

use std::fmt;
use std::time::Duration;

use guichet::{Failure, JobError, Queue};

use super::support::*;

/// Panics when it is dropped, once its fuse is lit.
struct Bomb(Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.bump();
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("a destructor panicked"));
        }
    }
}

impl fmt::Debug for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bomb")
    }
}

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

#[test]
fn a_payload_that_panics_when_dropped_costs_nothing() {
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime
        .queue::<Bomb, u32>("bombs")
        .capacity(2)
        .build()
        .unwrap();
    queue.workers(1, |_| Ok(7)).unwrap();
    for round in 1..=100 {
        assert_eq!(value(queue.submit(Bomb(drops.clone())).unwrap()), 7);
        drops.reach(round);
    }
    settle(&queue, Books::completed(100));
    assert_eq!(drops.get(), 100);
}

#[test]
fn a_result_that_panics_when_dropped_costs_nothing() {
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime
        .queue::<(), Bomb>("bombs")
        .capacity(2)
        .build()
        .unwrap();
    let count = drops.clone();
    queue.workers(1, move |_| Ok(Bomb(count.clone()))).unwrap();
    // Nobody wants it, nobody waits any more, somebody takes it.
    queue.add(()).unwrap();
    drop(queue.submit(()).unwrap());
    until("both ended", || queue.stats().completed == 2);
    drops.reach(2);
    std::mem::forget(value(queue.submit(()).unwrap()));
    settle(&queue, Books::completed(3));
    assert_eq!(drops.get(), 2);
}

#[test]
fn an_error_that_panics_when_dropped_costs_nothing() {
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime
        .queue::<(), ()>("bombs")
        .capacity(2)
        .attempts(3)
        .build()
        .unwrap();
    let count = drops.clone();
    queue
        .workers(1, move |_| Err(Failure::from(Bomb(count.clone()))))
        .unwrap();
    queue.add(()).unwrap();
    drops.reach(3);
    match outcome(queue.submit(()).unwrap()) {
        Err(JobError::Failed(why)) => {
            assert_eq!(why.to_string(), "a bomb");
            std::mem::forget(why);
        }
        other => panic!("{other:?}"),
    }
    settle(
        &queue,
        Books {
            failed: 2,
            retried: 4,
            ..NONE
        },
    );
    assert_eq!(drops.get(), 5);
}

/// What a handler panics with may itself panic when dropped.
#[test]
fn a_panic_with_a_bomb_costs_nothing() {
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime
        .queue::<(), ()>("bombs")
        .capacity(2)
        .attempts(2)
        .build()
        .unwrap();
    let count = drops.clone();
    queue
        .workers(1, move |_| {
            std::panic::resume_unwind(Box::new(Bomb(count.clone())))
        })
        .unwrap();
    for _ in 0..10 {
        match outcome(queue.submit(()).unwrap()) {
            Err(JobError::Failed(why)) => assert!(why.is_panic()),
            other => panic!("{other:?}"),
        }
    }
    settle(
        &queue,
        Books {
            failed: 10,
            retried: 10,
            panicked: 20,
            ..NONE
        },
    );
}

#[test]
fn cancelling_a_bomb_does_not_reach_the_canceller() {
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime
        .queue::<Bomb, ()>("bombs")
        .capacity(2)
        .build()
        .unwrap();
    let handle = queue.submit(Bomb(drops.clone())).unwrap();
    assert!(queue.cancel(handle.id()));
    assert_eq!(drops.get(), 1);
    assert!(matches!(outcome(handle), Err(JobError::Cancelled { .. })));
    queue.workers(1, |_| Ok(())).unwrap();
    value(queue.submit(Bomb(drops.clone())).unwrap());
    settle(
        &queue,
        Books {
            completed: 1,
            cancelled: 1,
            ..NONE
        },
    );
}

#[test]
fn a_handler_that_panics_when_dropped_does_not_hold_up_shutdown() {
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime.queue::<(), ()>("bombs").build().unwrap();
    let bomb = Bomb(drops.clone());
    queue
        .workers(2, move |_| {
            assert_eq!(format!("{bomb}"), "a bomb");
            Ok(())
        })
        .unwrap();
    value(queue.submit(()).unwrap());
    let closer = start(move || runtime.shutdown(PATIENCE / 2));
    let report = closer.get();
    assert!(report.in_time, "a worker's thread died without leaving");
    assert_eq!((report.abandoned_threads, drops.get()), (0, 1));
    settle(&queue, Books::completed(1));
}

/// A payload whose destructor adds to the queue: legal, so it must not meet a lock or its own slot.
#[test]
fn a_destructor_may_use_the_queue() {
    struct Heir(Option<Queue<Heir, ()>>, Count);
    impl Drop for Heir {
        fn drop(&mut self) {
            self.1.bump();
            if let Some(queue) = self.0.take() {
                assert!(queue.stats().accepted > 0);
                queue
                    .try_add(Heir(None, self.1.clone()))
                    .map_err(std::mem::forget)
                    .unwrap();
            }
        }
    }
    let (runtime, drops) = (runtime(), Count::new());
    let queue = runtime
        .queue::<Heir, ()>("heirs")
        .capacity(2)
        .build()
        .unwrap();
    let heir = || Heir(Some(queue.clone()), drops.clone());
    // Cancelled while it waits: the other slot takes the heir.
    let id = queue.add(heir()).unwrap();
    assert!(queue.cancel(id));
    queue.workers(1, |_| Ok(())).unwrap();
    drops.reach(2);
    for round in 1..=100 {
        // The worker gave the slot back before it drops the payload, so there is room.
        queue.add(heir()).unwrap();
        drops.reach(2 + 2 * round);
    }
    settle(
        &queue,
        Books {
            completed: 201,
            cancelled: 1,
            ..NONE
        },
    );
}

/// Names go into thread names as they are, however odd; those that can't are refused when built.
#[test]
fn odd_names_serve() {
    let runtime = runtime();
    for name in [
        " ",
        "ein sehr langer Name, länger als jeder Faden heißen darf",
        "\u{1f40c}\n\u{7f}",
    ] {
        let queue = runtime.queue::<u32, u32>(name).build().unwrap();
        queue.workers(1, |job| Ok(*job.payload())).unwrap();
        assert_eq!((value(queue.submit(7).unwrap()), queue.name()), (7, name));
        settle(&queue, Books::completed(1));
    }
}

/// Payloads and results without a size go the same ways.
#[test]
fn empty_payloads_are_jobs_too() {
    let runtime = runtime();
    let queue = runtime
        .queue::<(), ()>("units")
        .capacity(3)
        .build()
        .unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    queue.add_many(vec![(); 3]).unwrap();
    for _ in 0..1_000 {
        queue.add(()).unwrap();
        value(queue.submit(()).unwrap());
    }
    settle(&queue, Books::completed(2_003));
}

/// Large and strictly aligned payloads arrive whole.
#[test]
fn large_payloads_arrive_whole() {
    #[repr(align(128))]
    #[derive(Clone, Copy)]
    struct Page([u64; 512]);
    let runtime = runtime();
    let queue = runtime
        .queue::<Page, Page>("pages")
        .capacity(3)
        .build()
        .unwrap();
    queue
        .workers(2, |job| {
            assert_eq!(std::ptr::from_ref(job.payload()).addr() % 128, 0);
            Ok(*job.payload())
        })
        .unwrap();
    for round in 0..300 {
        let page = value(queue.submit(Page([round; 512])).unwrap());
        assert!(page.0.iter().all(|word| *word == round));
    }
    settle(&queue, Books::completed(300));
}

/// The runtime may live inside one of its own payloads: the job that holds it lets it go.
#[test]
fn a_runtime_inside_its_own_payload_ends() {
    let runtime = runtime();
    let queue = runtime
        .queue::<Option<guichet::Runtime>, ()>("snakes")
        .build()
        .unwrap();
    queue.workers(2, |_| Ok(())).unwrap();
    value(queue.submit(Some(runtime)).unwrap());
    until("the runtime is gone", || queue.add(None).is_err());
    settle_all(&queue);
    let stats = queue.stats();
    settle(
        &queue,
        Books {
            completed: stats.completed,
            returned: stats.returned,
            ..NONE
        },
    );
    assert!(stats.completed >= 1);
}

/// Time-outs of no length and of all length.
#[test]
fn extreme_times_overflow_nothing() {
    let runtime = guichet::Runtime::builder()
        .drop_timeout(Duration::MAX)
        .build()
        .unwrap();
    let queue = runtime.queue::<u32, u32>("numbers").build().unwrap();
    queue.workers(1, |job| Ok(*job.payload())).unwrap();
    assert_eq!(queue.call(1, Duration::MAX).unwrap(), 1);
    let handle = queue.submit(2).unwrap();
    assert_eq!(
        handle
            .wait_timeout(Duration::MAX)
            .expect("no time-out")
            .unwrap(),
        2
    );
    assert!(runtime.shutdown(Duration::MAX).in_time);
    drop(runtime);
    settle(&queue, Books::completed(2));
}
