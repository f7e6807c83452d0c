//! What a job's record costs: its verbs, its slot, and its whole life without threads.
//!
//! One thread, payloads of 8 bytes, capacity 1024. Nothing is disputed here, so these are floors:
//! `queue.rs` adds the second thread, `levels.rs` the crowd.
//!
//! ```text
//! cargo bench --features internals --bench table
//! ```

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use guichet::internals::model::Verb;
use guichet::internals::park::Oneshot;
use guichet::internals::ring::Ring;
use guichet::internals::table::{Pool, Slab, Vacant};

const CAPACITY: usize = 1024;
/// Homes of vacant slots; one thread uses one of them.
const HOMES: usize = 8;
/// The most that a pool gives at a time.
const BATCH: u32 = 32;

fn slot_of(pool: &Pool) -> Vacant {
    pool.claim(0, 1)
        .and_then(|mut run| run.pop())
        .expect("a slot is vacant")
}

/// Measures one slot's life. It ends with the slot in hand, where the next one begins.
fn live(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    slot: &mut Option<Vacant>,
    mut life: impl FnMut(Vacant) -> Option<Vacant>,
) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| *slot = life(slot.take().expect("the last life gave it back")));
    });
}

/// One slot's verbs, again and again.
fn verbs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table/one slot");
    group.throughput(Throughput::Elements(1));
    let pool = Pool::new(CAPACITY, HOMES);
    let slab = Slab::<u64, u64>::new(CAPACITY);
    let slot = &mut Some(slot_of(&pool));
    live(&mut group, "admit, activate, complete", slot, |vacant| {
        let admitted = slab.admit(vacant, black_box(7), None, |_, _| 0);
        let claim = slab.activate(admitted.ticket).expect("the ticket is valid");
        black_box(slab.payload(&claim));
        slab.settle(claim, Verb::Complete).spoils.vacant
    });
    live(
        &mut group,
        "admit, activate owned, complete",
        slot,
        |vacant| {
            let admitted = slab.admit(vacant, black_box(7), None, |_, _| 0);
            let (claim, payload) = slab
                .activate_owned(admitted.ticket)
                .expect("the ticket is valid");
            black_box(payload);
            slab.settle(claim, Verb::Complete).spoils.vacant
        },
    );
    live(
        &mut group,
        "admit, activate, retry, activate, complete",
        slot,
        |vacant| {
            let admitted = slab.admit(vacant, black_box(7), None, |_, _| 0);
            let claim = slab.activate(admitted.ticket).expect("the ticket is valid");
            let again = slab.retry(claim).expect("nobody else decided the job");
            let claim = slab.activate(again).expect("the ticket is valid");
            slab.settle(claim, Verb::Complete).spoils.vacant
        },
    );
    live(&mut group, "admit, cancel, surface", slot, |vacant| {
        let number = vacant.slot();
        let admitted = slab.admit(vacant, black_box(7), None, |_, _| 0);
        let spoils = slab.end(number, admitted.occupancy, Verb::Cancel);
        black_box(spoils.expect("the job waits").payload);
        slab.activate(admitted.ticket)
            .expect_err("the ticket is stale")
    });
    live(
        &mut group,
        "admit, activate, complete, with a result cell",
        slot,
        |vacant| {
            let cell = Arc::new(Oneshot::new());
            let admitted = slab.admit(vacant, black_box(7), Some(cell.clone()), |_, _| 0);
            let claim = slab.activate(admitted.ticket).expect("the ticket is valid");
            let spoils = slab.settle(claim, Verb::Complete).spoils;
            spoils.waiter.expect("somebody waits").set(7);
            black_box(cell.take());
            spoils.vacant
        },
    );
    group.finish();
}

/// Vacant slots out and back.
fn pool(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table/pool");
    let pool = Pool::new(CAPACITY, HOMES);
    group.throughput(Throughput::Elements(1));
    group.bench_function("claim, give back", |bencher| {
        bencher.iter(|| pool.give_back(slot_of(&pool)));
    });
    group.throughput(Throughput::Elements(BATCH.into()));
    group.bench_function("claim 32, give back together", |bencher| {
        bencher.iter(|| pool.give_back_all(pool.claim(0, BATCH).expect("slots are vacant")));
    });
    group.bench_function("claim 32, give back one by one", |bencher| {
        bencher.iter(|| {
            let mut left = BATCH;
            while left > 0 {
                let mut run = pool.claim(0, left).expect("slots are vacant");
                left -= run.len() as u32;
                while let Some(vacant) = run.pop() {
                    pool.give_back(vacant);
                }
            }
        });
    });
    group.finish();
    refused(criterion);
}

/// A pool says "none" only after it looked everywhere.
fn refused(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table/pool, none vacant");
    let pool = Pool::new(CAPACITY, HOMES);
    let taken: Vec<_> = std::iter::from_fn(|| pool.claim(0, BATCH)).collect();
    group.bench_function("claim", |bencher| {
        bencher.iter(|| pool.claim(0, 1).is_none())
    });
    taken.into_iter().for_each(|run| pool.give_back_all(run));
    group.finish();
}

/// All that a job passes through, but for threads and their waiting.
fn life(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table/whole life");
    group.throughput(Throughput::Elements(1));
    let pool = Pool::new(CAPACITY, HOMES);
    let slab = Slab::<u64, u64>::new(CAPACITY);
    let lane = Ring::new(CAPACITY);
    group.bench_function(
        "claim, admit, push, pop, activate, complete, give back",
        |bencher| {
            bencher.iter(|| {
                let admitted = slab.admit(slot_of(&pool), black_box(7), None, |_, _| 0);
                lane.push(admitted.ticket)
                    .expect("there are as many places as slots");
                let ticket = lane.pop().expect("one was pushed");
                let claim = slab.activate(ticket).expect("the ticket is valid");
                black_box(slab.payload(&claim));
                let spoils = slab.settle(claim, Verb::Complete).spoils;
                pool.give_back(spoils.vacant.expect("nobody else holds the slot"));
            });
        },
    );
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = verbs, pool, life
}
criterion_main!(benches);
