//! The idle measure: what workers without work cost, and whether memory stays where it was.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use guichet::{Failure, Job, Queue, Runtime, TryAddError};
use parking_lot::{Condvar, Mutex};
use serde::Serialize;

use super::contenders::Failed;
use super::meter::{self, Meter};

const WORKERS: usize = 8;
/// Large enough that a record per job would show in whole pages.
const CAPACITY: usize = 1 << 16;
/// Until the workers have started, found nothing and fallen asleep.
const SETTLE: Duration = Duration::from_millis(200);
/// The length of the measure.
const WINDOW: Duration = Duration::from_secs(1);
/// How long the backlog may take without a job done.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// Workers that had nothing to do.
    pub workers: usize,
    /// CPU milliseconds that the whole process burnt per second meanwhile.
    pub cpu_ms_per_second: Option<f64>,
    /// Jobs the queue may hold.
    pub capacity: usize,
    /// Jobs it took before it said `Full`.
    pub accepted: u64,
    /// Resident memory before the first job, in KiB.
    pub resident_start_kib: Option<u64>,
    /// And with a full backlog.
    pub resident_full_kib: Option<u64>,
    /// And with the second full backlog, after the first had been worked off.
    pub resident_again_kib: Option<u64>,
}

/// Measures for a little over a second.
///
/// # Errors
/// guichet refused something, or a backlog did not drain.
pub fn measure() -> Result<Idle, Failed> {
    let runtime = Runtime::new().map_err(|error| Failed::new("Runtime::new", error))?;
    let queue = runtime.queue::<u64, ()>("idle").capacity(CAPACITY).build();
    let queue = queue.map_err(|error| Failed::new("QueueBuilder::build", error))?;
    let valve = Arc::new(Valve::default());
    let inside = Arc::clone(&valve);
    let handler = move |_: &Job<'_, u64>| -> Result<(), Failure> {
        inside.pass();
        Ok(())
    };
    queue
        .workers(WORKERS, handler)
        .map_err(|error| Failed::new("Queue::workers", error))?;

    // These two sleeps synchronise nothing: they are the time in which nothing is to happen.
    thread::sleep(SETTLE); // WORK: idling is what is measured
    let meter = Meter::start();
    thread::sleep(WINDOW); // WORK: idling is what is measured
    let consumed = meter.read();

    let resident_start_kib = meter::resident_kib();
    let accepted = fill(&queue)?;
    let resident_full_kib = meter::resident_kib();
    valve.drain(accepted)?;
    // The second backlog shows whether memory grows with the jobs that have passed, rather than with those inside.
    let again = refill(&queue, accepted)?;
    let resident_again_kib = meter::resident_kib();
    valve.drain(again)?;

    if !runtime.shutdown(PATIENCE).in_time {
        return Err(Failed::new(
            "Runtime::shutdown",
            "workers are still running",
        ));
    }
    let per_second = |cpu: Duration| cpu.as_secs_f64() * 1e3 / consumed.wall.as_secs_f64();
    Ok(Idle {
        workers: WORKERS,
        cpu_ms_per_second: consumed.cpu.map(per_second),
        capacity: CAPACITY,
        accepted,
        resident_start_kib,
        resident_full_kib,
        resident_again_kib,
    })
}

/// Adds until the queue is full; says how many it took.
fn fill(queue: &Queue<u64, ()>) -> Result<u64, Failed> {
    let mut accepted = 0;
    loop {
        match queue.try_add(accepted) {
            Ok(_) => accepted += 1,
            Err(TryAddError::Full { .. }) => return Ok(accepted),
            Err(_) => return Err(Failed::new("Queue::try_add", "the queue is closed")),
        }
    }
}

/// Adds `number` jobs, waiting for slots: a handler's return comes a moment before its slot is free again.
fn refill(queue: &Queue<u64, ()>, number: u64) -> Result<u64, Failed> {
    for job in 0..number {
        queue
            .add(job)
            .map_err(|error| Failed::new("Queue::add", error))?;
    }
    Ok(number)
}

/// Holds handlers back until the backlog has been measured, then counts them through.
#[derive(Debug, Default)]
struct Valve {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    open: bool,
    passed: u64,
    due: u64,
}

impl Valve {
    /// A handler waits until the valve opens.
    fn pass(&self) {
        let mut inner = self.inner.lock();
        while !inner.open {
            self.changed.wait(&mut inner);
        }
        inner.passed += 1;
        if inner.passed == inner.due {
            inner.open = false;
            self.changed.notify_all();
        }
    }

    /// Opens until `number` handlers have passed.
    fn drain(&self, number: u64) -> Result<(), Failed> {
        let mut inner = self.inner.lock();
        inner.due = inner.passed + number;
        inner.open = true;
        self.changed.notify_all();
        while inner.passed < inner.due {
            let before = inner.passed;
            if self.changed.wait_for(&mut inner, PATIENCE).timed_out() && inner.passed == before {
                return Err(Failed::new(
                    "idle",
                    format!("{} jobs of the backlog never ran", inner.due - before),
                ));
            }
        }
        Ok(())
    }
}
