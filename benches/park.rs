//! What it costs to ask who sleeps, to hand over a result, and to wake somebody.
//!
//! The first two happen per job and on one thread; the wake-ups take a second thread. A wake-up of a
//! waiter that still looks costs a cache line's way there and back; that of one asleep, a futex call
//! and the time until its core is up, which is the kernel's and not ours: its row shows what the
//! looking saves.
//!
//! ```text
//! cargo bench --features internals --bench park
//! ```

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use crossbeam_channel::bounded;
use guichet::internals::park::{EventCount, Oneshot, Yields};

/// Long enough for a thread that has enlisted as a sleeper to be off its core.
const NODDING_OFF: Duration = Duration::from_micros(50);
/// Stops the partner of a round trip.
const STOP: u64 = u64::MAX;

/// A notification that finds nobody: what every add and every end of a job pays.
fn notify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("park/notify nobody");
    let event = EventCount::new(Yields::Warily);
    let step = AtomicU64::new(0);
    group.bench_function("notify_one", |bencher| bencher.iter(|| event.notify_one()));
    group.bench_function("notify_all", |bencher| bencher.iter(|| event.notify_all()));
    // The step that precedes a notification is measured alone too: the difference is what counts.
    group.bench_function("an rmw", |bencher| {
        bencher.iter(|| step.fetch_add(1, SeqCst))
    });
    group.bench_function("an rmw, notify_one_after_rmw", |bencher| {
        bencher.iter(|| {
            step.fetch_add(1, SeqCst);
            event.notify_one_after_rmw();
        });
    });
    group.finish();
}

/// A result cell from birth to reading, its allocation included and not.
fn oneshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("park/result cell");
    group.bench_function("set+take", |bencher| {
        bencher.iter(|| {
            let cell = Oneshot::new();
            cell.set(black_box(7_u64));
            cell.take()
        });
    });
    group.bench_function("shared, set+wait", |bencher| {
        bencher.iter(|| {
            let cell = Arc::new(Oneshot::new());
            let writer = cell.clone();
            writer.set(black_box(7_u64));
            drop(writer);
            cell.wait(None)
        });
    });
    group.bench_function("crossbeam bounded(1), send+recv", |bencher| {
        bencher.iter(|| {
            let (sender, receiver) = bounded(1);
            sender.send(black_box(7_u64)).expect("it is empty");
            drop(sender);
            receiver.recv()
        });
    });
    group.finish();
}

/// A number that one thread writes and another waits for.
struct Bell {
    number: AtomicU64,
    event: EventCount,
}

impl Bell {
    fn new() -> Self {
        Bell {
            number: AtomicU64::new(0),
            event: EventCount::new(Yields::Warily),
        }
    }

    fn ring(&self, number: u64) {
        self.number.swap(number, SeqCst);
        self.event.notify_one_after_rmw();
    }

    /// Waits for a number other than `last`.
    fn after(&self, last: u64) -> u64 {
        let attempt = |_| Some(self.number.load(SeqCst)).filter(|number| *number != last);
        self.event
            .wait_until(None, attempt, || 0, || 0)
            .expect("a wait without an end finds")
    }
}

/// There and back between two threads.
fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("park/round trip");
    let (there, back) = (Bell::new(), Bell::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = 0;
            while last != STOP {
                last = there.after(last);
                back.ring(last);
            }
        });
        let mut last = 0;
        group.bench_function("event counts, awake", |bencher| {
            bencher.iter(|| {
                there.ring(last + 1);
                last = back.after(last);
            });
        });
        group.bench_function("event counts, partner asleep", |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    await_sleeper(&there.event);
                    let start = Instant::now();
                    there.ring(last + 1);
                    last = back.after(last);
                    total += start.elapsed();
                }
                total
            });
        });
        there.ring(STOP);
    });
    let (there, away) = bounded::<u64>(1);
    let (home, back) = bounded::<u64>(1);
    thread::scope(|scope| {
        scope.spawn(|| away.into_iter().try_for_each(|number| home.send(number)));
        group.bench_function("crossbeam bounded(1)", |bencher| {
            bencher.iter(|| {
                there.send(7).expect("the partner listens");
                back.recv().expect("the partner answers")
            });
        });
        drop(there);
    });
    group.finish();
}

/// Returns when somebody sleeps on `event`. Keeps its own core awake meanwhile, as a busy adder does.
fn await_sleeper(event: &EventCount) {
    while !event.has_sleepers() {
        spin_loop();
    }
    let since = Instant::now();
    while since.elapsed() < NODDING_OFF {
        spin_loop();
    }
    // The compiler may not move the notification's step up here.
    std::sync::atomic::compiler_fence(SeqCst);
}

/// The waker's part of waking a sleeper: what an add pays when all workers sleep.
fn wake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("park/wake a sleeper");
    let bell = Bell::new();
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = 0;
            while last != STOP {
                last = bell.after(last);
                seen.store(last, Relaxed);
            }
        });
        group.bench_function("waker's part", |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    await_sleeper(&bell.event);
                    let next = seen.load(Relaxed) + 1;
                    let start = Instant::now();
                    bell.ring(next);
                    total += start.elapsed();
                    while seen.load(Relaxed) != next {
                        spin_loop();
                    }
                }
                total
            });
        });
        bell.ring(STOP);
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = notify, oneshot, round_trip, wake
}
criterion_main!(benches);
