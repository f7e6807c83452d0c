//! The channel beside crossbeam's: one thread, streams between threads, batches, and a word to and fro.
//!
//! Rows: a send and a receive by one thread; streams of words from 1, 2 and 4 senders to as many
//! receivers over room for 1, 16 and 1024; the same in batches of 64, for which crossbeam's row is what
//! a user of it would write; a round trip between two threads.
//!
//! ```text
//! cargo bench --bench channel
//! ```
//!
//! Rows run one after the other, so on a busy machine compare them over several runs, or use the
//! workspace's `guichet-rivals`, which interleaves its contenders and knows more of them.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

/// Words sent and received together.
const BATCH: usize = 64;
/// Words of one iteration of a stream.
const WORDS: u64 = 4096;

/// Runs every sender and every receiver on a thread of its own, all at once: the time from the first
/// sender's start to the last receiver's end.
fn timed(senders: Vec<impl FnOnce() + Send>, receivers: Vec<impl FnOnce() + Send>) -> Duration {
    let gate = &Barrier::new(senders.len() + receivers.len());
    let join = |thread: ScopedJoinHandle<'_, Instant>| thread.join().expect("nobody panics");
    thread::scope(|scope| {
        let receiving = receivers.into_iter().map(|receive| {
            scope.spawn(move || {
                gate.wait();
                receive();
                Instant::now()
            })
        });
        let receiving: Vec<_> = receiving.collect();
        let sending = senders.into_iter().map(|send| {
            scope.spawn(move || {
                gate.wait();
                let start = Instant::now();
                // By value: the channel's sender ends with it.
                send();
                start
            })
        });
        let sending: Vec<_> = sending.collect();
        let start = sending.into_iter().map(join).min();
        let end = receiving.into_iter().map(join).max();
        end.expect("somebody receives") - start.expect("somebody sends")
    })
}

/// A module with crossbeam's names: a stream of single words and a round trip through its channel.
macro_rules! rows {
    ($name:ident, $channel:path) => {
        mod $name {
            use $channel as channel;

            use super::*;

            pub fn stream(ends: usize, capacity: usize, words: u64) -> Duration {
                let (sender, receiver) = channel::bounded::<u64>(capacity);
                let share = words / ends as u64;
                let sending = |sender: channel::Sender<u64>| {
                    move || (0..share).for_each(|word| sender.send(word).expect("they listen"))
                };
                let receiving = |receiver: channel::Receiver<u64>| {
                    move || {
                        receiver.into_iter().for_each(|word| {
                            black_box(word);
                        })
                    }
                };
                let senders = vec![sender; ends].into_iter().map(sending).collect();
                let receivers = vec![receiver; ends].into_iter().map(receiving).collect();
                timed(senders, receivers)
            }

            pub fn pair(criterion: &mut Criterion, capacity: usize) {
                let mut group = criterion.benchmark_group("channel/send+recv");
                group.throughput(Throughput::Elements(1));
                let (sender, receiver) = channel::bounded(capacity);
                let id = BenchmarkId::new(stringify!($name), capacity);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        sender.send(black_box(7_u64)).expect("it is empty");
                        receiver.recv().expect("it holds one")
                    });
                });
                group.finish();
            }

            pub fn round_trips(capacity: usize, trips: u64) -> Duration {
                let (ping, pinged) = channel::bounded::<u64>(capacity);
                let (pong, ponged) = channel::bounded::<u64>(capacity);
                thread::scope(|scope| {
                    scope.spawn(move || {
                        pinged
                            .into_iter()
                            .for_each(|word| pong.send(word).expect("somebody waits for it"));
                    });
                    let start = Instant::now();
                    for word in 0..trips {
                        ping.send(word).expect("the other side listens");
                        black_box(ponged.recv().expect("the other side answers"));
                    }
                    drop(ping);
                    start.elapsed()
                })
            }
        }
    };
}

rows!(guichet, ::guichet::channel);
rows!(crossbeam, crossbeam_channel);

/// Uncontended: what a send and a receive cost by themselves.
fn pair(criterion: &mut Criterion) {
    for capacity in [1, 16, 1024] {
        guichet::pair(criterion, capacity);
        crossbeam::pair(criterion, capacity);
    }
}

/// As fast as they go.
fn streams(criterion: &mut Criterion) {
    for ends in [1, 2, 4] {
        let mut group = criterion.benchmark_group(format!("channel/{ends}x{ends}"));
        group
            .throughput(Throughput::Elements(WORDS))
            .sampling_mode(SamplingMode::Flat);
        for capacity in [1, 16, 1024] {
            group.bench_function(BenchmarkId::new("guichet", capacity), |bencher| {
                bencher.iter_custom(|times| guichet::stream(ends, capacity, times * WORDS));
            });
            group.bench_function(BenchmarkId::new("crossbeam", capacity), |bencher| {
                bencher.iter_custom(|times| crossbeam::stream(ends, capacity, times * WORDS));
            });
        }
        group.finish();
    }
}

/// A stream in batches.
fn batched(ends: usize, capacity: usize, words: u64) -> Duration {
    let (sender, receiver) = ::guichet::channel::bounded::<u64>(capacity);
    let share = words / ends as u64;
    let sending = |sender: ::guichet::channel::Sender<u64>| {
        move || {
            let (mut words, mut batch) = (0..share, Vec::with_capacity(BATCH));
            while !words.is_empty() {
                batch.extend(words.by_ref().take(BATCH));
                sender.send_many(&mut batch).expect("they listen");
            }
        }
    };
    let receiving = |receiver: ::guichet::channel::Receiver<u64>| {
        move || {
            let mut batch = Vec::with_capacity(BATCH);
            while receiver.recv_many(&mut batch, BATCH).is_ok() {
                batch.drain(..).for_each(|word| {
                    black_box(word);
                });
            }
        }
    };
    let senders = vec![sender; ends].into_iter().map(sending).collect();
    let receivers = vec![receiver; ends].into_iter().map(receiving).collect();
    timed(senders, receivers)
}

/// Batches, against single words.
fn batches(criterion: &mut Criterion) {
    const CAPACITY: usize = 1024;
    let mut group = criterion.benchmark_group(format!("channel/batch of {BATCH}"));
    group
        .throughput(Throughput::Elements(WORDS))
        .sampling_mode(SamplingMode::Flat);
    for ends in [1, 2] {
        let level = format!("{ends}x{ends}");
        group.bench_function(BenchmarkId::new("guichet", &level), |bencher| {
            bencher.iter_custom(|times| batched(ends, CAPACITY, times * WORDS));
        });
        group.bench_function(BenchmarkId::new("crossbeam", &level), |bencher| {
            bencher.iter_custom(|times| crossbeam::stream(ends, CAPACITY, times * WORDS));
        });
    }
    group.finish();
}

/// There and back again, which both sides wait for.
fn ping_pong(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("channel/round trip");
    for capacity in [0, 1] {
        group.bench_function(BenchmarkId::new("guichet", capacity), |bencher| {
            bencher.iter_custom(|trips| guichet::round_trips(capacity, trips));
        });
        group.bench_function(BenchmarkId::new("crossbeam", capacity), |bencher| {
            bencher.iter_custom(|trips| crossbeam::round_trips(capacity, trips));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = pair, streams, batches, ping_pong
}
criterion_main!(benches);
