//! What a managed job costs from `add` to its end, with one worker and one adder.
//!
//! Two threads, payloads of 8 bytes, capacity 1024, an empty handler. Throughput rows keep adding and
//! end when the worker has done the last job; latency rows wait for every single answer. The rival
//! is a worker thread at the far end of a crossbeam channel of the same capacity: no states, no
//! results, no catching of panics.
//!
//! ```text
//! cargo bench --bench queue
//! ```
//!
//! Rows run one after the other, so on a busy machine compare them over several runs, or use the
//! binary's `bench` command, which interleaves its contenders.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, Sender, bounded};
use guichet::{Queue, Runtime};

const CAPACITY: usize = 1024;
/// Jobs per `add_many`.
const BATCH: usize = 32;

/// A queue with one worker that does nothing.
fn served(name: &str) -> (Runtime, Queue<u64, u64>) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let queue = runtime
        .queue(name)
        .capacity(CAPACITY)
        .build()
        .expect("the options are valid");
    queue
        .workers(1, |job| Ok(black_box(*job.payload())))
        .expect("a thread can be started");
    (runtime, queue)
}

/// The time from the first job's admission to the last one's end. One worker ends jobs in their
/// order, so the answer to one more job says that all have ended; over a run its cost vanishes.
fn until_done(queue: &Queue<u64, u64>, add: impl FnOnce()) -> Duration {
    let start = Instant::now();
    add();
    let last = queue.submit(0).expect("the queue is open");
    last.wait().expect("the handler succeeds");
    start.elapsed()
}

/// A message for the rival's worker: a number, and for whom the answer is, if for anybody.
type Message = (u64, Option<Sender<u64>>);

/// A worker at the far end of a channel.
fn listened() -> Sender<Message> {
    let (sender, receiver): (_, Receiver<Message>) = bounded(CAPACITY);
    // It leaves when the sender is dropped; there is nothing to join for.
    thread::spawn(move || {
        for (number, reply) in receiver {
            let answer = black_box(number);
            if let Some(reply) = reply {
                // The asker waits for it, so it cannot have left.
                reply.send(answer).expect("somebody waits");
            }
        }
    });
    sender
}

/// One request's own reply channel, as a `submit` has its own result cell.
fn ask(sender: &Sender<Message>, number: u64) -> u64 {
    let (reply, answer) = bounded(1);
    sender
        .send((number, Some(reply)))
        .expect("the worker listens");
    answer.recv().expect("the worker answers")
}

/// Jobs per second when nobody waits for a single one.
fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/jobs");
    let (_runtime, queue) = served("jobs");
    group.throughput(Throughput::Elements(1));
    group.bench_function("add", |bencher| {
        bencher.iter_custom(|jobs| {
            until_done(&queue, || {
                for job in 0..jobs {
                    queue.add(job).expect("the queue is open");
                }
            })
        });
    });
    group.bench_function("producer", |bencher| {
        bencher.iter_custom(|jobs| {
            until_done(&queue, || {
                let mut producer = queue.producer();
                for job in 0..jobs {
                    producer.add(job).expect("the queue is open");
                }
            })
        });
    });
    let sender = listened();
    group.bench_function("crossbeam", |bencher| {
        bencher.iter_custom(|jobs| {
            let start = Instant::now();
            for job in 0..jobs {
                sender.send((job, None)).expect("the worker listens");
            }
            ask(&sender, 0);
            start.elapsed()
        });
    });
    // A batch brings its vector and takes away one of ids: both allocations are in its price.
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("add_many(32)", |bencher| {
        bencher.iter_custom(|batches| {
            until_done(&queue, || {
                for _ in 0..batches {
                    let ids = queue.add_many((0..BATCH as u64).collect());
                    black_box(ids.expect("the queue is open"));
                }
            })
        });
    });
    group.finish();
}

/// How long one answer takes when the worker has nothing else to do.
fn latency(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/answer");
    let (_runtime, queue) = served("answers");
    group.bench_function("submit+wait", |bencher| {
        bencher.iter(|| {
            let handle = queue.submit(black_box(7)).expect("the queue is open");
            handle.wait().expect("the handler succeeds")
        });
    });
    group.bench_function("call", |bencher| {
        bencher.iter(|| queue.call(black_box(7), Duration::from_secs(60)).ok());
    });
    let sender = listened();
    group.bench_function("crossbeam", |bencher| {
        bencher.iter(|| ask(&sender, black_box(7)))
    });
    group.finish();
}

/// What the adder alone pays, without a worker to dispute anything: a queue is filled, a shutdown
/// gives the jobs back, and only the filling is timed.
fn adder_alone(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/adder's part");
    group.throughput(Throughput::Elements(CAPACITY as u64));
    type Fill = fn(&Queue<u64, u64>);
    let rows: [(&str, Fill); 3] = [
        ("add", |queue| {
            for job in 0..CAPACITY as u64 {
                queue.add(job).expect("there is room");
            }
        }),
        ("producer", |queue| {
            let mut producer = queue.producer();
            for job in 0..CAPACITY as u64 {
                producer.add(job).expect("there is room");
            }
        }),
        ("add_many(32)", |queue| {
            for _ in 0..CAPACITY / BATCH {
                let ids = queue.add_many((0..BATCH as u64).collect());
                black_box(ids.expect("there is room"));
            }
        }),
    ];
    for (name, fill) in rows {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut total = Duration::ZERO;
                for _ in 0..times {
                    let runtime = Runtime::new().expect("a runtime can be made");
                    let queue = runtime.queue("alone").capacity(CAPACITY).build();
                    let queue = queue.expect("the options are valid");
                    let start = Instant::now();
                    fill(&queue);
                    total += start.elapsed();
                }
                total
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = throughput, latency, adder_alone
}
criterion_main!(benches);
