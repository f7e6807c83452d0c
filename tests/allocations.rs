//! In steady state a job costs no allocation, and a submitted job exactly one: its result's cell.
//!
//! The allocator of this binary counts, on all threads, while it is told to. There is one test, so no
//! other test allocates meanwhile, and the harness only waits.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use guichet::{JobHandle, Queue, Runtime};

/// A wait as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(45);
const JOBS: u64 = 100_000;

/// Counts calls that ask the system for memory.
struct Counting {
    on: AtomicBool,
    calls: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Counting = Counting {
    on: AtomicBool::new(false),
    calls: AtomicUsize::new(0),
};

impl Counting {
    fn count(&self) {
        if self.on.load(SeqCst) {
            self.calls.fetch_add(1, SeqCst);
        }
    }

    /// How many allocations happen on any thread while `body` runs.
    fn during(&self, body: impl FnOnce()) -> usize {
        self.calls.store(0, SeqCst);
        self.on.store(true, SeqCst);
        body();
        self.on.store(false, SeqCst);
        self.calls.load(SeqCst)
    }
}

// SAFETY: every call goes to `System` as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.count();
        // SAFETY: as above.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(old, layout) }
    }
}

/// Waits until as many jobs have ended, without allocating.
fn reach(done: &AtomicU64, goal: u64) {
    let end = Instant::now() + PATIENCE;
    while done.load(SeqCst) < goal {
        assert!(Instant::now() < end, "{} of {goal} jobs", done.load(SeqCst));
        thread::yield_now();
    }
}

/// Adds and waits, so that whatever is made at first use is made.
fn warm_up(queue: &Queue<u64, u64>, done: &AtomicU64) {
    for round in 0..20 {
        let before = done.load(SeqCst);
        let mut producer = queue.producer();
        for number in 0..1_000 {
            queue.add(number).expect("open");
            producer.add(number).expect("open");
        }
        drop(producer);
        let handles: Vec<_> = (0..50).map(|n| queue.submit(n).expect("open")).collect();
        for handle in handles {
            take(handle, round);
        }
        reach(done, before + 2_050);
    }
}

fn take(handle: JobHandle<u64>, round: u64) -> u64 {
    match handle.wait_timeout(PATIENCE) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => panic!("round {round}: {error}"),
        Err(_) => panic!("round {round}: no result"),
    }
}

/// The fewest allocations of a few rounds of `body`, which are to be `expected`.
///
/// A lock that a thread finds taken for the first time makes that thread's parking place, and this may
/// happen as late as chance has it; what every job or every sleep allocates shows in every round.
fn steady(expected: usize, mut body: impl FnMut()) -> usize {
    let mut fewest = usize::MAX;
    for _ in 0..5 {
        fewest = fewest.min(ALLOCATOR.during(&mut body));
        if fewest == expected {
            break;
        }
    }
    fewest
}

#[test]
fn a_job_allocates_nothing_and_a_submitted_job_its_cell() {
    // A capacity that blocks the adder often, and one that never does.
    for (capacity, sample_every) in [(2, 64), (1_024, 1)] {
        let runtime = Runtime::new().expect("a runtime");
        let queue = runtime.queue::<u64, u64>("counted").capacity(capacity);
        let queue = queue.sample_every(sample_every).build().expect("a queue");
        let done = Arc::new(AtomicU64::new(0));
        let count = done.clone();
        queue
            .workers(2, move |job| {
                count.fetch_add(1, SeqCst);
                Ok(*job.payload())
            })
            .expect("workers");
        warm_up(&queue, &done);

        let added = steady(0, || {
            let goal = done.load(SeqCst) + JOBS;
            for number in 0..JOBS {
                queue.add(number).expect("open");
            }
            reach(&done, goal);
        });
        assert_eq!(
            added, 0,
            "capacity {capacity}: allocations of {JOBS} jobs by `add`"
        );

        let mut producer = queue.producer();
        let produced = steady(0, || {
            let goal = done.load(SeqCst) + JOBS;
            for number in 0..JOBS {
                producer.add(number).expect("open");
            }
            producer.flush();
            reach(&done, goal);
        });
        assert_eq!(
            produced, 0,
            "capacity {capacity}: allocations of {JOBS} jobs by a producer"
        );

        let cells = JOBS as usize / 10;
        let submitted = steady(cells, || {
            for number in 0..JOBS / 10 {
                let handle = queue.submit(number).expect("open");
                assert_eq!(take(handle, number), number);
            }
        });
        assert_eq!(
            submitted, cells,
            "capacity {capacity}: one cell per submitted job"
        );
        assert!(runtime.shutdown(PATIENCE).in_time);
        let stats = queue.stats();
        assert!(
            stats.is_balanced() && stats.accepted == stats.completed,
            "{stats:?}"
        );
    }
    // The counter counts: a control without which zero would prove nothing.
    assert_eq!(
        ALLOCATOR.during(|| drop(std::hint::black_box(Box::new(7_u64)))),
        1
    );
}
