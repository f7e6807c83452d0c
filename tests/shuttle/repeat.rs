//! Must-fail control: the schedulers find a bug, its seed finds it again, and so does its schedule.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex as Shared;

use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, Schedule, Scheduler, Task, TaskId,
    UrwRandomScheduler,
};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread;

use super::explore::explore;

/// Two threads, each of which reads and then writes: one update may be lost.
fn lost_update() {
    let count = Arc::new(AtomicUsize::new(0));
    let threads = [(), ()].map(|()| {
        let count = count.clone();
        thread::spawn(move || count.store(count.load(SeqCst) + 1, SeqCst))
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(count.load(SeqCst), 2, "an update was lost");
}

/// Keeps the steps of the execution that runs.
struct Recorder<S> {
    inner: S,
    steps: std::sync::Arc<Shared<Schedule>>,
}

impl<S: Scheduler> Scheduler for Recorder<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        let schedule = self.inner.new_execution()?;
        *self.steps.lock().unwrap() = schedule.clone();
        Some(schedule)
    }

    fn next_task(&mut self, ready: &[&Task], now: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let task = self.inner.next_task(ready, now, yields)?;
        self.steps.lock().unwrap().push_task(task);
        Some(task)
    }

    fn next_u64(&mut self) -> u64 {
        self.steps.lock().unwrap().push_random();
        self.inner.next_u64()
    }
}

fn fails(scheduler: impl Scheduler + 'static) {
    let failure = catch_unwind(AssertUnwindSafe(|| explore(scheduler, lost_update)));
    let text = failure.expect_err("no schedule lost an update");
    let text = text.downcast_ref::<String>().expect("an assertion's text");
    assert!(text.contains("an update was lost"), "{text}");
}

fn is_found_again<S: Scheduler + 'static>(scheduler: impl Fn() -> S) {
    let failed = [(), ()].map(|()| {
        let steps = std::sync::Arc::default();
        fails(Recorder {
            inner: scheduler(),
            steps: std::sync::Arc::clone(&steps),
        });
        std::sync::Arc::into_inner(steps).map(|steps| steps.into_inner().unwrap())
    });
    let [first, second] = failed.map(|schedule| schedule.expect("the scheduler is gone"));
    // Equal also under SHUTTLE_RANDOM_SEED, which shuttle prefers: to both runs alike.
    assert_eq!(first, second, "one seed, two schedules");
    fails(ReplayScheduler::new_from_schedule(first));
}

#[test]
fn a_failure_can_be_repeated() {
    is_found_again(|| RandomScheduler::new_from_seed(7, 1_000));
    is_found_again(|| PctScheduler::new_from_seed(7, 3, 1_000));
    is_found_again(|| UrwRandomScheduler::new_from_seed(7, 1_000));
}
