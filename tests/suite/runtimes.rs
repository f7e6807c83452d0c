//! Runtimes: several queues side by side, names, builders, and threads that all end.

use std::time::Duration;

use guichet::{BuildError, Runtime, WorkersError};

use super::support::*;

#[test]
fn queues_of_one_runtime_are_independent() {
    let (runtime, gate) = (runtime(), Gate::new());
    let stuck = runtime
        .queue::<u32, u32>("stuck")
        .capacity(1)
        .build()
        .unwrap();
    let free = runtime
        .queue::<String, usize>("free")
        .capacity(8)
        .build()
        .unwrap();
    assert_eq!((stuck.name(), stuck.capacity()), ("stuck", 1));
    assert_eq!((free.name(), free.capacity()), ("free", 8));
    let held = gate.clone();
    stuck
        .workers(1, move |job| {
            held.pass();
            Ok(*job.payload())
        })
        .unwrap();
    free.workers(1, |job| Ok(job.payload().len())).unwrap();
    let first = stuck.submit(1).unwrap();
    for length in 0..100 {
        assert_eq!(value(free.submit("x".repeat(length)).unwrap()), length);
    }
    gate.open();
    assert_eq!(value(first), 1);
    settle(&stuck, Books::completed(1));
    settle(&free, Books::completed(100));
}

#[test]
fn a_name_is_taken_once_per_runtime() {
    let (one, other) = (runtime(), runtime());
    let queue = one.queue::<u32, ()>("mail").build().unwrap();
    match one.queue::<u64, u64>("mail").build() {
        Err(BuildError::NameTaken(name)) => assert_eq!(name, "mail"),
        other => panic!("{other:?}"),
    }
    let same = other.queue::<u32, ()>("mail").build().unwrap();
    one.queue::<u32, ()>("Mail").build().unwrap();
    settle(&queue, NONE);
    settle(&same, NONE);
}

#[test]
fn nothing_is_built_on_a_runtime_that_is_shut_down() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    let unbuilt = runtime.queue::<u32, ()>("later");
    runtime.shutdown(Duration::ZERO);
    assert_eq!(refused(unbuilt.build()), BuildError::ShutDown);
    assert_eq!(
        refused(runtime.queue::<u32, ()>("more").build()),
        BuildError::ShutDown
    );
    assert!(matches!(
        refused(queue.workers(1, |_| Ok(()))),
        WorkersError::ShutDown
    ));
    let unbuilt = runtime.queue::<u32, ()>("later");
    drop(runtime);
    assert_eq!(refused(unbuilt.build()), BuildError::ShutDown);
    assert!(matches!(
        refused(queue.workers_owned(1, |_| Ok(()))),
        WorkersError::ShutDown
    ));
    settle(&queue, NONE);
}

/// Queue handles do not keep the runtime alive.
#[test]
fn handles_do_not_keep_the_runtime() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("numbers").build().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    let clone = queue.clone();
    drop(runtime);
    assert!(queue.add(1).is_err() && clone.add(1).is_err());
    settle(&clone, NONE);
}

/// Workers serve on after the last handle of their queue is gone.
#[test]
fn workers_do_not_need_handles() {
    let (runtime, drops) = (runtime(), Drops::new());
    let queue = runtime.queue::<Token, ()>("tokens").build().unwrap();
    queue.workers(1, |_| Ok(())).unwrap();
    queue
        .add_many((0..10).map(|_| drops.token()).collect())
        .unwrap();
    drop(queue);
    let report = runtime.shutdown(PATIENCE);
    audit(&report.queues[0].stats, Books::completed(10));
    assert_eq!(drops.get(), 10);
}

/// A runtime gone, its payloads that nobody took back are dropped with the last handle.
#[test]
fn returned_payloads_are_dropped_with_the_queue() {
    let (runtime, drops) = (runtime(), Drops::new());
    let queue = runtime
        .queue::<Token, ()>("tokens")
        .capacity(8)
        .build()
        .unwrap();
    queue
        .add_many((0..8).map(|_| drops.token()).collect())
        .unwrap();
    drop(runtime);
    settle(
        &queue,
        Books {
            returned: 8,
            ..NONE
        },
    );
    assert_eq!(drops.get(), 0);
    drop(queue);
    assert_eq!(drops.get(), 8);
}

/// The shape of what people print while they debug; it asks nothing of payload and result.
#[test]
fn everything_can_be_printed() {
    struct Opaque;
    let runtime = Runtime::builder()
        .drop_timeout(Duration::from_secs(7))
        .build()
        .unwrap();
    let builder = runtime.queue::<Opaque, Opaque>("opaque").capacity(9);
    assert!(format!("{builder:?}").contains("capacity: 9"));
    let queue = builder.build().unwrap();
    let mut producer = queue.producer();
    producer.add(Opaque).unwrap();
    for text in [format!("{queue:?}"), format!("{producer:?}")] {
        assert!(text.contains("\"opaque\""), "{text}");
    }
    assert!(format!("{runtime:?}").contains("threads: 0"), "{runtime:?}");
    assert!(format!("{runtime:?}").contains("7s"), "{runtime:?}");
    drop(producer);
    settle(&queue, Books { waiting: 1, ..NONE });
}

/// Handles may be sent and shared; a queue needs nothing of its payloads but `Send`.
#[test]
fn handles_are_send_and_sync() {
    fn shared<X: Send + Sync>() {}
    fn sent<X: Send>() {}
    type Payload = std::cell::Cell<u32>;
    shared::<Runtime>();
    shared::<guichet::Queue<Payload, Payload>>();
    shared::<guichet::JobId>();
    sent::<guichet::Producer<Payload, Payload>>();
    sent::<guichet::JobHandle<Payload>>();
    sent::<guichet::QueueBuilder<Payload, Payload>>();
}

/// Starts and stops a thousand times; every thread has ended at the end.
#[test]
#[cfg(target_os = "linux")]
fn a_thousand_lives_leave_no_thread() {
    // Other tests of this binary run beside this one, so its threads are known by their name.
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("mayfly")).count()
    };
    for round in 0..1_000_u64 {
        let runtime = runtime();
        let queue = runtime
            .queue::<u64, u64>("mayfly")
            .capacity(4)
            .build()
            .unwrap();
        queue.workers(2, |job| Ok(*job.payload())).unwrap();
        if round == 0 {
            assert_eq!(value(queue.submit(round).unwrap()), round);
            until("the threads have their names", || threads() == 2);
        }
        let handle = queue.submit(round).unwrap();
        match round % 3 {
            0 => drop(runtime),
            1 => assert!(runtime.shutdown(PATIENCE).in_time),
            _ => drop(runtime.shutdown(Duration::ZERO)),
        }
        match outcome(handle) {
            Ok(value) => assert_eq!(value, round),
            Err(_) => assert_eq!(round % 3, 2, "only a shutdown without time gives up"),
        }
        assert!(queue.stats().live() == 0, "{:?}", queue.stats());
    }
    until("every worker thread has ended", || threads() == 0);
}
