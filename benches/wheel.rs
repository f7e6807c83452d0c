//! What the timing wheel costs: one thread, timers due at random within 30 s.
//!
//! Rows: a timer set and cancelled beside those that stand; all timers set, all cancelled in random
//! order, all handed out in steps of 1 ms; and the question when the next call is due. Rivals, the
//! worst single step and memory are in `rivals` (`timers`), where each run is a process of its own.
//!
//! ```text
//! cargo bench --features internals --bench wheel
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use guichet::internals::wheel::Wheel;

/// Timers that stand.
const SIZES: [u32; 3] = [1_000, 30_000, 1_000_000];
const MILLISECOND: u64 = 1_000_000;
const SPAN: u64 = 30_000 * MILLISECOND;
/// Timers that one call may move or hand out.
const BUDGET: usize = 4096;

/// An instant for each slot, random but the same in each run, never 0.
fn due(slot: u32) -> u64 {
    u64::from(slot).wrapping_mul(0x9E37_79B9_7F4A_7C15) % SPAN + 1
}

fn filled(timers: u32) -> Wheel {
    let mut wheel = Wheel::new(0);
    (0..timers).for_each(|slot| wheel.insert(slot, due(slot)));
    wheel
}

/// What happens to most timers: an attempt's time-out is set, and cancelled when the attempt ends.
fn churn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/insert+cancel");
    for timers in SIZES {
        let mut wheel = filled(timers);
        let mut number = 0;
        group.bench_function(BenchmarkId::from_parameter(timers), |bencher| {
            bencher.iter(|| {
                number += 1;
                wheel.insert(timers, due(black_box(number)));
                wheel.cancel(timers)
            });
        });
    }
    group.finish();
}

fn insert(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/insert");
    for timers in SIZES {
        group.throughput(Throughput::Elements(timers.into()));
        group.bench_function(BenchmarkId::from_parameter(timers), |bencher| {
            bencher.iter_with_large_drop(|| filled(black_box(timers)));
        });
    }
    group.finish();
}

fn cancel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/cancel");
    for timers in SIZES {
        let mut order: Vec<u32> = (0..timers).collect();
        // Any fixed order that the insertion did not have.
        order.sort_unstable_by_key(|slot| slot.wrapping_mul(0x9E37_79B9));
        group.throughput(Throughput::Elements(timers.into()));
        group.bench_function(BenchmarkId::from_parameter(timers), |bencher| {
            bencher.iter_batched_ref(
                || filled(timers),
                |wheel| order.iter().filter(|&&slot| wheel.cancel(slot)).count(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn expire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/expire");
    for timers in SIZES {
        group.throughput(Throughput::Elements(timers.into()));
        group.bench_function(BenchmarkId::from_parameter(timers), |bencher| {
            bencher.iter_batched_ref(
                || filled(timers),
                |wheel| {
                    let (mut now, mut sum) = (0, 0_u64);
                    while wheel.pending() > 0 {
                        now += MILLISECOND;
                        wheel.advance(now, BUDGET, |slot, _| sum += u64::from(slot));
                    }
                    sum
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// What the thread that waits for timers asks before it goes to sleep.
fn next(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/next");
    for timers in SIZES {
        let wheel = filled(timers);
        group.bench_function(BenchmarkId::from_parameter(timers), |bencher| {
            bencher.iter(|| black_box(&wheel).next());
        });
    }
    group.finish();
}

fn config() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! {
    name = benches;
    config = config();
    targets = churn, insert, cancel, expire, next
}
criterion_main!(benches);
