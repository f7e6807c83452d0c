//! The whole system across concurrency levels, producers × workers: 1x1, 1x2, 2x1, 2x2, 4x4.
//!
//! An iteration is 16,384 jobs of 8 bytes through a capacity of 1024 to an empty handler, timed from
//! the moment the first producer starts until the last worker has left: every job has been run, and the
//! system knows it. The rival is the same number of threads on a crossbeam channel. Threads are the
//! level's, plus one that waits; where they outnumber the processors (printed first) the scheduler
//! has its say too, and no figure here speaks for more processors than that.
//!
//! ```text
//! cargo bench --bench levels
//! ```
//!
//! Rows run one after the other, so on a busy machine compare them over several runs, or use the
//! binary's `bench` command, which interleaves its contenders and reports CPU time and percentiles.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, bounded};
use guichet::{Job, Queue, Runtime};

const CAPACITY: usize = 1024;
/// Jobs of one iteration; every level's producers share them evenly.
const JOBS: u64 = 16_384;
/// Longer than any run: who is not done by then never will be.
const GRACE: Duration = Duration::from_secs(60);

/// Producers and workers.
const LEVELS: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 4)];

/// Runs every producer on a thread of its own, all at once, then drains: how long that took.
fn timed(producers: Vec<impl FnOnce() + Send>, drain: impl FnOnce()) -> Duration {
    let gate = Barrier::new(producers.len());
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for produce in producers {
            let gate = &gate;
            threads.push(scope.spawn(move || {
                gate.wait();
                // Here and not in the waiting thread, which may get a processor much later.
                let start = Instant::now();
                // By value: what it owns, such as a channel's sender, ends with it.
                produce();
                start
            }));
        }
        let join = |thread: ScopedJoinHandle<'_, _>| thread.join().expect("no producer panics");
        let start = threads
            .into_iter()
            .map(join)
            .min()
            .expect("there are producers");
        drain();
        start.elapsed()
    })
}

/// `jobs` through a queue, to which every producer adds its share with `produce`.
fn guichet(
    (producers, workers): (usize, usize),
    jobs: u64,
    produce: impl Fn(&Queue<u64, ()>, u64) + Sync,
) -> Duration {
    let runtime = Runtime::new().expect("a runtime can be made");
    let queue = runtime
        .queue("levels")
        .capacity(CAPACITY)
        .build()
        .expect("the options are valid");
    let handler = |job: &Job<'_, u64>| {
        black_box(*job.payload());
        Ok(())
    };
    queue
        .workers(workers, handler)
        .expect("threads can be started");
    let share = jobs / producers as u64;
    let producers = (0..producers).map(|_| || produce(&queue, share)).collect();
    let elapsed = timed(producers, || {
        assert!(
            runtime.shutdown(GRACE).in_time,
            "the workers leave when all is done"
        );
    });
    assert_eq!(queue.stats().completed, jobs, "every job ran once");
    elapsed
}

/// `jobs` through a channel.
fn crossbeam((producers, workers): (usize, usize), jobs: u64) -> Duration {
    let (sender, receiver) = bounded::<u64>(CAPACITY);
    let work = |receiver: Receiver<u64>| receiver.into_iter().map(black_box).count() as u64;
    let start_worker = |_| {
        let receiver = receiver.clone();
        thread::spawn(move || work(receiver))
    };
    let workers: Vec<_> = (0..workers).map(start_worker).collect();
    let share = jobs / producers as u64;
    let start_producer = |_| {
        let sender = sender.clone();
        move || (0..share).for_each(|job| sender.send(job).expect("the workers listen"))
    };
    let producers = (0..producers).map(start_producer).collect();
    // The workers leave when the last producer has dropped its sender.
    drop(sender);
    let mut done = 0;
    let elapsed = timed(producers, || {
        for worker in workers {
            done += worker.join().expect("a worker does not panic");
        }
    });
    assert_eq!(done, jobs, "every number arrived once");
    elapsed
}

fn levels(criterion: &mut Criterion) {
    let processors = thread::available_parallelism().map_or(0, usize::from);
    println!("{processors} processors, payload 8 bytes, capacity {CAPACITY}, empty handler");
    for level @ (producers, workers) in LEVELS {
        let mut group = criterion.benchmark_group(format!("levels/{producers}x{workers}"));
        group
            .throughput(Throughput::Elements(JOBS))
            .sampling_mode(SamplingMode::Flat);
        group.bench_function("guichet add", |bencher| {
            bencher.iter_custom(|times| {
                guichet(level, times * JOBS, |queue, share| {
                    for job in 0..share {
                        queue.add(job).expect("the queue is open");
                    }
                })
            });
        });
        group.bench_function("guichet producer", |bencher| {
            bencher.iter_custom(|times| {
                guichet(level, times * JOBS, |queue, share| {
                    let mut own = queue.producer();
                    for job in 0..share {
                        own.add(job).expect("the queue is open");
                    }
                })
            });
        });
        group.bench_function("crossbeam", |bencher| {
            bencher.iter_custom(|times| crossbeam(level, times * JOBS));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = levels
}
criterion_main!(benches);
