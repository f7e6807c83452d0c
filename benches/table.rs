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
use guichet::internals::lane::{Bands, Portion};
use guichet::internals::model::Verb;
use guichet::internals::park::Oneshot;
use guichet::internals::table::{Entry, Marks, Pool, Slab, Ticket, Trace, Vacant};

const CAPACITY: usize = 1024;
/// Homes of vacant slots; one thread uses one of them.
const HOMES: usize = 8;
/// The most that a pool gives at a time.
const BATCH: u32 = 32;

/// The job waits in a line.
const WAITS: Entry = Entry::Waiting(Trace::Line);

/// No marks, priority 1.
const PLAIN: (Marks, u32) = (
    Marks {
        sampled: false,
        optioned: false,
    },
    1,
);

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
    let pool = Pool::new(0, CAPACITY, HOMES);
    let slab = Slab::<u64, u64>::new(CAPACITY);
    let slot = &mut Some(slot_of(&pool));
    live(&mut group, "admit, activate, complete", slot, |vacant| {
        let (ticket, _) = slab.admit(vacant, black_box(7), None, WAITS, |_, _, _| PLAIN);
        let claim = slab
            .activate(ticket, Trace::Line)
            .expect("the ticket is valid");
        black_box(slab.payload(&claim));
        slab.settle(claim, Verb::Complete).spoils.vacant
    });
    live(
        &mut group,
        "admit, activate owned, complete",
        slot,
        |vacant| {
            let (ticket, _) = slab.admit(vacant, black_box(7), None, WAITS, |_, _, _| PLAIN);
            let (claim, payload) = slab
                .activate_owned(ticket, Trace::Line)
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
            let (ticket, _) = slab.admit(vacant, black_box(7), None, WAITS, |_, _, _| PLAIN);
            let claim = slab
                .activate(ticket, Trace::Line)
                .expect("the ticket is valid");
            let again = slab
                .retry(claim, Verb::Retry, Trace::Line)
                .expect("nobody else decided the job");
            let claim = slab
                .activate(again.ticket, again.trace)
                .expect("the ticket is valid");
            slab.settle(claim, Verb::Complete).spoils.vacant
        },
    );
    live(&mut group, "admit, cancel, surface", slot, |vacant| {
        let number = vacant.slot();
        let (ticket, occupancy) = slab.admit(vacant, black_box(7), None, WAITS, |_, _, _| PLAIN);
        let ended = slab.end(number, occupancy, Verb::Cancel);
        black_box(slab.let_go(ended.expect("the job waits")).payload);
        let stale = slab.activate(ticket, Trace::Line);
        stale.expect_err("the ticket is stale").vacant
    });
    live(
        &mut group,
        "admit, activate, complete, with a result cell",
        slot,
        |vacant| {
            let cell = Arc::new(Oneshot::new());
            let (ticket, _) = slab.admit(
                vacant,
                black_box(7),
                Some(cell.clone()),
                WAITS,
                |_, _, _| PLAIN,
            );
            let claim = slab
                .activate(ticket, Trace::Line)
                .expect("the ticket is valid");
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
    let pool = Pool::new(0, CAPACITY, HOMES);
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
    let pool = Pool::new(0, CAPACITY, HOMES);
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
    let pool = Pool::new(0, CAPACITY, HOMES);
    let slab = Slab::<u64, u64>::new(CAPACITY);
    let lane = Bands::new(1, CAPACITY);
    let mut taken = Vec::with_capacity(1);
    group.bench_function(
        "claim, admit, push, pop, activate, complete, give back",
        |bencher| {
            bencher.iter(|| {
                let (ticket, _) =
                    slab.admit(slot_of(&pool), black_box(7), None, WAITS, |_, _, _| PLAIN);
                lane.push(0, ticket.to_bits()).expect("the lane is open");
                lane.pop_run(&mut taken, Portion::ONE, u32::MAX)
                    .expect("one was pushed");
                let ticket = Ticket::from_bits(taken.pop().expect("one was taken"));
                let claim = slab
                    .activate(ticket, Trace::Line)
                    .expect("the ticket is valid");
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
