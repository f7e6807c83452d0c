//! What the lanes cost when nobody disputes them: one thread, words of 8 bytes.
//!
//! Rows: a push and a pop of an empty lane; the same with a thousand and with a hundred thousand words
//! inside; and what only some lanes do: back to an old place, newest first, out of the middle, another key. Keys
//! are as if at random. How they fare between threads and beside rivals: `benches/rivals`, `priority`.
//!
//! ```text
//! cargo bench --features internals --bench lane
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use guichet::internals::lane::{Bands, Heap, Place, Portion};

/// Levels of the bands.
const BANDS: u32 = 32;
/// Levels of the strict lane with bounded keys.
const LEVELS: u32 = 1 << 20;
/// The most words inside.
const CAPACITY: usize = 1 << 17;

/// Keys as if at random (xorshift64*).
struct Keys(u64);

impl Keys {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }
}

/// The strict lanes by name.
fn heaps() -> [(&'static str, u64, Heap); 2] {
    let heap = |levels| Heap::new(levels, CAPACITY);
    [
        ("heap, 2^20 levels", LEVELS.into(), heap(Some(LEVELS))),
        ("heap, any key", 1 << 32, heap(None)),
    ]
}

fn fill(heap: &Heap, levels: u64, words: u64) {
    let mut keys = Keys(1);
    for word in 1..=words {
        heap.push(keys.next() % levels, word).expect("it is open");
    }
}

/// The most urgent word out, and in again with another key.
fn hold(criterion: &mut Criterion) {
    for words in [0, 1_000, 100_000] {
        let mut group = criterion.benchmark_group(format!("lane/push+pop, {words} inside"));
        group.throughput(Throughput::Elements(1));
        let (bands, mut keys) = (Bands::new(BANDS, CAPACITY), Keys(1));
        for word in 1..=words {
            let level = keys.next() as u32 % BANDS;
            bands.push(level, word).expect("there is room");
        }
        let mut out = Vec::with_capacity(1);
        let mut word = words + 1;
        group.bench_function("bands, 32 levels", |bencher| {
            bencher.iter(|| {
                let level = keys.next() as u32 % BANDS;
                bands.push(level, black_box(word)).expect("there is room");
                bands
                    .pop_run(&mut out, Portion::ONE, u32::MAX)
                    .expect("it holds one");
                word = out.pop().expect("it popped one");
            });
        });
        for (name, levels, heap) in heaps() {
            fill(&heap, levels, words);
            let mut word = words + 1;
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    let key = keys.next() % levels;
                    heap.push(key, black_box(word)).expect("it is open");
                    word = heap.pop().expect("it holds one").value;
                });
            });
        }
        group.finish();
    }
}

/// One row for each strict lane, with a thousand words inside.
fn rows(
    group: &mut BenchmarkGroup<'_, WallTime>,
    what: &str,
    mut step: impl FnMut(&Heap, &mut Keys, u64),
) {
    for (name, levels, heap) in heaps() {
        fill(&heap, levels, 1_000);
        let mut keys = Keys(2);
        group.bench_function(BenchmarkId::new(what, name), |bencher| {
            bencher.iter(|| step(&heap, &mut keys, levels));
        });
    }
}

/// What does not go through the inbox.
fn moves(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lane/moves, 1000 inside");
    group.throughput(Throughput::Elements(1));
    rows(&mut group, "pop, back to its place", |heap, _, _| {
        let item = heap.pop().expect("it holds many");
        let put = heap.insert(item.key, Place::At(item.place), item.value);
        put.expect("it is open");
    });
    rows(&mut group, "pop, in front", |heap, _, _| {
        let item = heap.pop().expect("it holds many");
        let put = heap.insert(item.key, Place::Front, item.value);
        put.expect("it is open");
    });
    rows(&mut group, "remove, push", |heap, keys, levels| {
        let word = keys.next() % 1_000 + 1;
        heap.remove(black_box(word)).expect("it is there");
        let key = keys.next() % levels;
        heap.push(key, word).expect("it is open");
    });
    rows(&mut group, "replace", |heap, keys, levels| {
        let word = keys.next() % 1_000 + 1;
        let key = keys.next() % levels;
        assert_eq!(
            heap.replace(black_box(word), key, || Some(word)),
            Some(true)
        );
    });
    group.finish();
}

/// What an idle worker pays for a look.
fn look(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lane/pop of an empty lane");
    let bands = Bands::new(BANDS, CAPACITY);
    let mut out = Vec::new();
    group.bench_function("bands, 32 levels", |bencher| {
        bencher.iter(|| bands.pop_run(&mut out, Portion::ONE, u32::MAX));
    });
    for (name, _, heap) in heaps() {
        group.bench_function(name, |bencher| bencher.iter(|| heap.pop()));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = hold, moves, look
}
criterion_main!(benches);
