//! What the ring costs when nobody disputes it: one thread, values of 8 bytes.
//!
//! Rows: a push and a pop, 32 of each with one reservation, and a refused push or pop, which pays for
//! its full fence. The rival is `try_send` and `try_recv` of a crossbeam channel of the same capacity.
//! Of the broadcast log: an event published, with nobody reading, and with a thread that reads all the time.
//! How the ring fares between threads is in `levels.rs`: there the cores' distance decides.
//!
//! ```text
//! cargo bench --features internals --bench ring
//! ```

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::bounded;
use guichet::internals::ring::{Broadcast, Missed, Ring};

/// Values moved with one reservation.
const BATCH: usize = 32;

/// One value in, one value out. Capacity 1 turns a lap each time; 1024 walks through all slots.
fn pair(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/push+pop");
    group.throughput(Throughput::Elements(1));
    for capacity in [1, 16, 1024] {
        let ring = Ring::new(capacity);
        group.bench_function(BenchmarkId::new("ring", capacity), |bencher| {
            bencher.iter(|| {
                ring.push(black_box(7_u64)).expect("it is empty");
                ring.pop().expect("it holds one")
            });
        });
        let (sender, receiver) = bounded(capacity);
        group.bench_function(BenchmarkId::new("crossbeam", capacity), |bencher| {
            bencher.iter(|| {
                sender.try_send(black_box(7_u64)).expect("it is empty");
                receiver.try_recv().expect("it holds one")
            });
        });
    }
    group.finish();
}

/// 32 values in, 32 out. The channel knows no batches, so its row is what a user of it would write.
fn batch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/batch of 32");
    group.throughput(Throughput::Elements(BATCH as u64));
    for capacity in [BATCH, 1024] {
        let ring = Ring::new(capacity);
        let mut values: VecDeque<u64> = (0..BATCH as u64).collect();
        let mut popped = Vec::with_capacity(BATCH);
        group.bench_function(BenchmarkId::new("ring", capacity), |bencher| {
            bencher.iter(|| {
                let pushed = ring.push_many(black_box(&mut values));
                assert_eq!(pushed, Ok(BATCH));
                let count = ring.pop_many(&mut popped, BATCH);
                values.extend(popped.drain(..));
                count
            });
        });
        let (sender, receiver) = bounded(capacity);
        group.bench_function(BenchmarkId::new("crossbeam", capacity), |bencher| {
            bencher.iter(|| {
                for value in values.drain(..) {
                    sender.try_send(value).expect("there is room for all");
                }
                values.extend(receiver.try_iter().take(BATCH));
                black_box(values.len())
            });
        });
    }
    group.finish();
}

/// A refusal reads the other index behind a full fence; that is the price of an exact `Full`.
fn refused(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/refused");
    group.throughput(Throughput::Elements(1));
    let (full, empty) = (Ring::new(16), Ring::<u64>::new(16));
    let (sender, receiver) = bounded(16);
    for value in 0..16_u64 {
        full.push(value).expect("there is room");
        sender.try_send(value).expect("there is room");
    }
    group.bench_function("push, ring", |bencher| {
        bencher.iter(|| full.push(black_box(7)).is_err())
    });
    group.bench_function("push, crossbeam", |bencher| {
        bencher.iter(|| sender.try_send(black_box(7)).is_err());
    });
    receiver.try_iter().for_each(drop);
    group.bench_function("pop, ring", |bencher| bencher.iter(|| empty.pop().is_err()));
    group.bench_function("pop, crossbeam", |bencher| {
        bencher.iter(|| receiver.try_recv().is_err());
    });
    group.finish();
}

/// An event of four words into the log. Writers never wait for the reader, but it wants the lines that they write.
fn broadcast(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/broadcast");
    group.throughput(Throughput::Elements(1));
    let log = Broadcast::<4>::new(1024);
    let event = [1_u64, 2, 3, 4];
    group.bench_function("publish", |bencher| {
        bencher.iter(|| log.publish(black_box(event)));
    });
    group.bench_function("publish, then read", |bencher| {
        let mut cursor = log.tail();
        bencher.iter(|| {
            log.publish(black_box(event));
            log.read(&mut cursor).expect("it was just published")
        });
    });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut cursor = log.tail();
            while !done.load(Relaxed) {
                if log.read(&mut cursor) == Err(Missed::Nothing) {
                    std::hint::spin_loop();
                }
            }
        });
        group.bench_function("publish, one reader", |bencher| {
            bencher.iter(|| log.publish(black_box(event)));
        });
        done.store(true, Relaxed);
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = pair, batch, refused, broadcast
}
criterion_main!(benches);
