//! `JobHandle` and `call`: results are moved out once, waits end, leaving is free.

use std::time::Duration;

use guichet::{CallError, Failure, JobError, JobState};

use super::support::*;

#[test]
fn wait_gives_the_value() {
    let runtime = runtime();
    let queue = runtime.queue::<u64, u64>("squares").build().unwrap();
    queue
        .workers(2, |job| Ok(job.payload() * job.payload()))
        .unwrap();
    let handle = queue.submit(12).unwrap();
    assert_eq!(handle.id().queue(), queue.id());
    assert_eq!(start(move || handle.wait().unwrap()).get(), 144);
    settle(&queue, Books::completed(1));
}

/// The waiter parks long before the result comes, or comes long after it: both directions, many times.
#[test]
fn waiters_and_results_meet_in_any_order() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u64, u64>("numbers")
        .capacity(64)
        .build()
        .unwrap();
    queue.workers(2, |job| Ok(*job.payload())).unwrap();
    for round in 0..300 {
        let handles: Vec<_> = (0..32).map(|n| queue.submit(round + n).unwrap()).collect();
        let reversed = round % 2 == 0;
        let mut numbered: Vec<_> = handles.into_iter().zip(round..).collect();
        if reversed {
            numbered.reverse();
        }
        for (handle, number) in numbered {
            assert_eq!(value(handle), number);
        }
    }
    settle(&queue, Books::completed(9_600));
}

#[test]
fn wait_timeout_gives_the_handle_back() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime.queue::<u32, u32>("numbers").build().unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |job| {
            held.pass();
            Ok(*job.payload())
        })
        .unwrap();
    let mut handle = queue.submit(7).unwrap();
    let id = handle.id();
    for timeout in [
        Duration::ZERO,
        Duration::from_micros(1),
        Duration::from_millis(2),
    ] {
        handle = handle
            .wait_timeout(timeout)
            .expect_err("the handler is held");
        assert_eq!(handle.id(), id);
        assert!(!handle.is_finished());
    }
    // From another thread now, and woken this time.
    let waiter = start(move || {
        handle
            .wait_timeout(Duration::MAX)
            .expect("no time-out")
            .unwrap()
    });
    let_block();
    gate.open();
    assert_eq!(waiter.get(), 7);
    settle(&queue, Books::completed(1));
}

/// Time-outs that race with results lose no result.
#[test]
fn a_result_that_comes_with_the_time_out_is_not_lost() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, u32>("numbers").build().unwrap();
    queue.workers(1, |job| Ok(*job.payload())).unwrap();
    for round in 0..5_000 {
        let mut handle = queue.submit(round).unwrap();
        let wait = Duration::from_nanos(u64::from(round % 50) * 200);
        let result = loop {
            match handle.wait_timeout(wait) {
                Ok(result) => break result,
                Err(back) => handle = back,
            }
        };
        assert_eq!(result.unwrap(), round);
    }
    settle(&queue, Books::completed(5_000));
}

#[test]
fn is_finished_tells_that_a_wait_will_not_wait() {
    let (runtime, gate) = (runtime(), Gate::new());
    let queue = runtime.queue::<u32, u32>("numbers").build().unwrap();
    let held = gate.clone();
    queue
        .workers(1, move |job| {
            held.pass();
            Ok(*job.payload())
        })
        .unwrap();
    let handle = queue.submit(1).unwrap();
    assert!(!handle.is_finished());
    assert!(format!("{handle:?}").contains("empty"), "{handle:?}");
    gate.open();
    until("the job ends", || handle.is_finished());
    assert_eq!(queue.state(handle.id()), Some(JobState::Completed));
    assert_eq!(
        handle
            .wait_timeout(Duration::ZERO)
            .expect("it is there")
            .unwrap(),
        1
    );
    settle(&queue, Books::completed(1));
}

/// A dropped handle leaves the job alone; the result is dropped once, by whoever comes second.
#[test]
fn a_dropped_handle_detaches() {
    let (runtime, gate, drops) = (runtime(), Gate::new(), Drops::new());
    let queue = runtime
        .queue::<(), Token>("tokens")
        .capacity(4)
        .build()
        .unwrap();
    let (held, counted) = (gate.clone(), drops.clone());
    queue
        .workers(1, move |_| {
            held.pass();
            Ok(counted.token())
        })
        .unwrap();
    // Before the result.
    drop(queue.submit(()).unwrap());
    gate.open();
    settle(&queue, Books::completed(1));
    until("the worker drops the result", || drops.get() == 1);
    // After it.
    let handle = queue.submit(()).unwrap();
    gate.open();
    until("the job ends", || handle.is_finished());
    assert_eq!(drops.get(), 1);
    drop(handle);
    assert_eq!(drops.get(), 2);
    // At the same time.
    gate.open_wide();
    for _ in 0..2_000 {
        drop(queue.submit(()).unwrap());
    }
    settle(&queue, Books::completed(2_002));
    until("every result is dropped once", || drops.get() == 2_002);
}

/// Results that nobody reads hold no slots.
#[test]
fn unread_results_hold_no_slot() {
    let runtime = runtime();
    let queue = runtime
        .queue::<u32, u32>("numbers")
        .capacity(1)
        .build()
        .unwrap();
    queue.workers(1, |job| Ok(*job.payload())).unwrap();
    let handles: Vec<_> = (0..500)
        .map(|number| queue.submit(number).unwrap())
        .collect();
    settle(&queue, Books::completed(500));
    for (handle, number) in handles.into_iter().zip(0..) {
        assert!(handle.is_finished());
        assert_eq!(value(handle), number);
    }
}

#[test]
fn call_gives_the_value_or_says_why_not() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, u32>("halves").build().unwrap();
    queue
        .workers(1, |job| match job.payload() % 2 {
            0 => Ok(job.payload() / 2),
            _ => Err(Failure::msg("odd")),
        })
        .unwrap();
    assert_eq!(queue.call(8, PATIENCE).unwrap(), 4);
    match queue.call(7, PATIENCE) {
        Err(CallError::Job(JobError::Failed(why))) => assert_eq!(why.to_string(), "odd"),
        other => panic!("{other:?}"),
    }
    settle(
        &queue,
        Books {
            completed: 1,
            failed: 1,
            ..NONE
        },
    );
}

#[test]
fn a_call_whose_time_is_over_leaves_its_job_running() {
    let (runtime, gate, drops) = (runtime(), Gate::new(), Drops::new());
    let queue = runtime
        .queue::<u32, Token>("numbers")
        .capacity(1)
        .build()
        .unwrap();
    let (held, counted) = (gate.clone(), drops.clone());
    queue
        .workers(1, move |_| {
            held.pass();
            Ok(counted.token())
        })
        .unwrap();
    let id = match queue.call(1, Duration::from_millis(2)) {
        Err(CallError::Timeout(id)) => id,
        other => panic!("{:?}", other.err()),
    };
    assert!(matches!(
        queue.state(id),
        Some(JobState::Waiting | JobState::Active)
    ));
    // The next finds no room in its time, and has its payload back.
    match queue.call(2, Duration::from_millis(2)) {
        Err(CallError::Refused(refused)) => assert_eq!(refused.into_payload(), 2),
        other => panic!("{:?}", other.err()),
    }
    gate.open();
    settle(&queue, Books::completed(1));
    assert_eq!(queue.state(id), Some(JobState::Completed));
    until("the late result is dropped", || drops.get() == 1);
}

#[test]
fn a_result_outlives_queue_and_runtime() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, String>("texts").build().unwrap();
    queue
        .workers(1, |job| Ok(job.payload().to_string()))
        .unwrap();
    let handle = queue.submit(42).unwrap();
    runtime.shutdown(PATIENCE);
    settle(&queue, Books::completed(1));
    drop((runtime, queue));
    assert_eq!(handle.wait().unwrap(), "42");
}
