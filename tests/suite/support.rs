//! What the tests share: gates, bounded waits, and the books that every test closes with.
//!
//! A wait that lasts `PATIENCE` is a failure: a lost wake-up shows as a panic, never as a hang.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use guichet::{Job, JobError, JobHandle, ManualClock, Queue, QueueStats, Runtime};
use parking_lot::{Condvar, Mutex};

/// Far longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

pub fn runtime() -> Runtime {
    Runtime::new().expect("a runtime with default options")
}

/// A runtime without threads, and the clock that it goes by.
pub fn still() -> (Runtime, ManualClock) {
    let clock = ManualClock::new();
    let runtime = Runtime::builder().clock(clock.clone()).build();
    (runtime.expect("a runtime without threads"), clock)
}

pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub const NANO: Duration = Duration::from_nanos(1);

/// What handlers saw, in the order in which they did.
pub struct Log<X>(Arc<Mutex<Vec<X>>>);

impl<X> Log<X> {
    pub fn new() -> Self {
        Log(Arc::default())
    }

    pub fn push(&self, seen: X) {
        self.0.lock().push(seen);
    }

    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// What came since the last call.
    pub fn take(&self) -> Vec<X> {
        std::mem::take(&mut self.0.lock())
    }
}

impl<X> Clone for Log<X> {
    fn clone(&self) -> Self {
        Log(self.0.clone())
    }
}

/// One worker that writes down the payloads it gets.
pub fn scribe<T: Copy + Send + Sync + 'static>(queue: &Queue<T, ()>) -> Log<T> {
    let log = Log::new();
    let writes = log.clone();
    let handler = move |job: &Job<'_, T>| {
        writes.push(*job.payload());
        Ok(())
    };
    queue.workers(1, handler).unwrap();
    log
}

/// Numbers without an order of their own, the same ones every time.
pub struct Scatter(u64);

impl Scatter {
    pub fn new(seed: u64) -> Self {
        Scatter(seed)
    }

    /// From 0 to `end`, which is not among them.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Lets a number of threads pass: each call to `open` lets one more through, `open_wide` all.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        *self.0.0.lock() += 1;
        self.0.1.notify_all();
    }

    pub fn open_wide(&self) {
        *self.0.0.lock() = usize::MAX / 2;
        self.0.1.notify_all();
    }

    /// Waits for a permit and uses it up.
    pub fn pass(&self) {
        let (permits, opened) = &*self.0;
        let mut permits = permits.lock();
        let wait = opened.wait_while_for(&mut permits, |permits| *permits == 0, PATIENCE);
        assert!(!wait.timed_out(), "a gate stayed shut");
        *permits -= 1;
    }
}

/// Counts events; anybody may wait for a number of them.
#[derive(Clone, Default)]
pub struct Count(Arc<(Mutex<usize>, Condvar)>);

impl Count {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn bump(&self) {
        *self.0.0.lock() += 1;
        self.0.1.notify_all();
    }

    pub fn get(&self) -> usize {
        *self.0.0.lock()
    }

    pub fn reach(&self, goal: usize) {
        let (count, bumped) = &*self.0;
        let mut count = count.lock();
        let wait = bumped.wait_while_for(&mut count, |count| *count < goal, PATIENCE);
        assert!(!wait.timed_out(), "{} events, not {goal}", *count);
    }
}

/// A payload or result that counts its drops.
#[derive(Clone, Default)]
pub struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn token(&self) -> Token {
        Token(self.0.clone())
    }

    pub fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

pub struct Token(Arc<AtomicUsize>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A thread whose end is waited for with patience.
pub struct Pending<X>(Receiver<X>);

/// Runs `body` on a thread of its own, which has begun when this returns.
pub fn start<X: Send + 'static>(body: impl FnOnce() -> X + Send + 'static) -> Pending<X> {
    let (sender, receiver) = channel();
    let (running, runs) = channel();
    thread::spawn(move || {
        let _ = running.send(());
        let _ = sender.send(body());
    });
    runs.recv_timeout(PATIENCE).expect("the thread starts");
    Pending(receiver)
}

impl<X> Pending<X> {
    pub fn get(self) -> X {
        self.0
            .recv_timeout(PATIENCE)
            .expect("a thread panicked or hangs")
    }

    pub fn is_running(&self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }
}

/// Gives threads that are about to block the time to get there. Nothing depends on whether they did,
/// except that the test then tests more.
pub fn let_block() {
    let end = Instant::now() + Duration::from_millis(2);
    while Instant::now() < end {
        thread::yield_now();
    }
}

/// Waits until `what` holds.
pub fn until(message: &str, what: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < end, "{message}: not in {PATIENCE:?}");
        thread::yield_now();
    }
}

/// The outcome of a job that must end.
pub fn outcome<R>(handle: JobHandle<R>) -> Result<R, JobError> {
    let begun = Instant::now();
    match handle.wait_timeout(PATIENCE) {
        Ok(outcome) => {
            assert!(
                begun.elapsed() < PATIENCE,
                "the result was there and nobody was woken"
            );
            outcome
        }
        Err(handle) => panic!("job {} does not end", handle.id()),
    }
}

/// The value of a job that must complete.
pub fn value<R>(handle: JobHandle<R>) -> R {
    outcome(handle).expect("the job completes")
}

/// What a test knows of a queue by its own reckoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub expired: u64,
    pub interrupted: u64,
    pub returned: u64,
    pub waiting: u64,
    pub delayed: u64,
    pub active: u64,
    pub retried: u64,
    pub snoozed: u64,
    pub requeued: u64,
    pub panicked: u64,
    pub late: u64,
    pub redelivered: u64,
    pub timed_out: u64,
    pub unsent: u64,
    pub stuck: u64,
}

pub const NONE: Books = Books {
    completed: 0,
    failed: 0,
    cancelled: 0,
    expired: 0,
    interrupted: 0,
    returned: 0,
    waiting: 0,
    delayed: 0,
    active: 0,
    retried: 0,
    snoozed: 0,
    requeued: 0,
    panicked: 0,
    late: 0,
    redelivered: 0,
    timed_out: 0,
    unsent: 0,
    stuck: 0,
};

impl Books {
    pub fn completed(jobs: u64) -> Self {
        Books {
            completed: jobs,
            ..NONE
        }
    }

    fn accepted(&self) -> u64 {
        let ended = self.completed
            + self.failed
            + self.cancelled
            + self.expired
            + self.interrupted
            + self.returned;
        ended + self.live()
    }

    fn live(&self) -> u64 {
        self.waiting + self.delayed + self.active
    }
}

/// Asserts at once that the queue's counts are these.
pub fn audit(stats: &QueueStats, books: Books) {
    assert_eq!(
        counted(stats),
        books,
        "the queue's counts (left) against the test's (right)"
    );
    assert_eq!(stats.accepted, books.accepted(), "{stats:?}");
    assert_eq!(stats.live(), books.live(), "{stats:?}");
    assert!(stats.is_balanced(), "{stats:?}");
}

fn counted(stats: &QueueStats) -> Books {
    Books {
        completed: stats.completed,
        failed: stats.failed,
        cancelled: stats.cancelled,
        expired: stats.expired,
        interrupted: stats.interrupted,
        returned: stats.returned,
        waiting: stats.waiting,
        delayed: stats.delayed,
        active: stats.active,
        retried: stats.retried,
        snoozed: stats.snoozed,
        requeued: stats.requeued,
        panicked: stats.panicked,
        late: stats.late,
        redelivered: stats.redelivered,
        timed_out: stats.timed_out,
        unsent: stats.unsent,
        stuck: stats.stuck,
    }
}

/// Waits until nothing moves that the test still expects to move, then audits.
pub fn settle<T, R>(queue: &Queue<T, R>, books: Books) {
    let end = Instant::now() + PATIENCE;
    let quiet = |stats: &QueueStats| {
        let live = (stats.waiting, stats.delayed, stats.active);
        // Counted by the clerk, or by who dropped a lease, after those who wait have learned.
        let aside = (
            stats.redelivered,
            stats.timed_out,
            stats.unsent,
            stats.stuck,
        );
        live == (books.waiting, books.delayed, books.active)
            && aside
                == (
                    books.redelivered,
                    books.timed_out,
                    books.unsent,
                    books.stuck,
                )
            && (stats.late, stats.accepted) == (books.late, books.accepted())
            && stats.is_balanced()
    };
    while !quiet(&queue.stats()) && Instant::now() < end {
        thread::yield_now();
    }
    audit(&queue.stats(), books);
}

/// Waits until every job has ended.
pub fn settle_all<T, R>(queue: &Queue<T, R>) {
    until("every job has ended", || queue.stats().live() == 0);
}

/// Every slot that the books do not need is vacant: exactly so many more jobs fit, and leave again.
///
/// Only for a queue whose workers do not run meanwhile.
pub fn room<T: Send + 'static, R: Send + 'static>(
    queue: &Queue<T, R>,
    payload: impl Fn() -> T,
) -> usize {
    let mut room = 0;
    while queue.try_add(payload()).is_ok() {
        room += 1;
        assert!(room <= queue.capacity(), "more jobs than slots");
    }
    room
}

/// Unwraps an error, whatever the value is.
pub fn refused<X, E: Debug>(result: Result<X, E>) -> E {
    match result {
        Ok(_) => panic!("accepted, not refused"),
        Err(error) => error,
    }
}

/// Runs `body`, the body of the test `name`, in a process of its own: for what is counted per process.
pub fn alone(name: &str, body: impl FnOnce()) {
    const ALONE: &str = "GUICHET_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([name, "--exact", "--nocapture"]).env(ALONE, "1");
    let child = start(move || child.output());
    let output = child.get().expect("this binary runs");
    let says = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{says}\n{errors}");
    assert!(says.contains("1 passed"), "no such test:\n{says}");
}

/// How many threads of this process have names that begin so; `None` where the system does not tell. Names are cut off
/// after 15 bytes.
pub fn threads_named(prefix: &str) -> Option<usize> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm"));
    let names = threads.flatten().filter_map(|thread| name(thread).ok());
    Some(names.filter(|name| name.starts_with(prefix)).count())
}
