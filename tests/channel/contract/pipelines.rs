//! Chains of threads joined by channels: stages, fans, and the room between them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::{self, Scope};

use super::subject::{Receiver, Sender, bounded};
use crate::support::{CAPACITIES, finishes};

/// A stage of its own that applies `work`; it ends when its source ends or its sink has gone.
fn stage<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    capacity: usize,
    source: Receiver<T>,
    work: impl Fn(T) -> Option<T> + Send + 'scope,
) -> Receiver<T> {
    let (sink, next) = bounded(capacity);
    scope.spawn(move || {
        for message in source {
            if let Some(message) = work(message)
                && sink.send(message).is_err()
            {
                break;
            }
        }
    });
    next
}

/// Sends all numbers from `first` for as long as somebody listens.
fn count_up<'scope>(
    scope: &'scope Scope<'scope, '_>,
    capacity: usize,
    first: u32,
) -> Receiver<u32> {
    let (sender, numbers) = bounded(capacity);
    scope.spawn(move || {
        let _ = (first..).try_for_each(|number| sender.send(number));
    });
    numbers
}

#[test]
fn a_sieve_lets_the_primes_through() {
    finishes(|| {
        for capacity in [0, 1, 16] {
            let mut primes = Vec::new();
            thread::scope(|scope| {
                let mut source = count_up(scope, capacity, 2);
                for _ in 0..25 {
                    let prime = source.recv().unwrap();
                    primes.push(prime);
                    let coprime =
                        move |number: u32| (!number.is_multiple_of(prime)).then_some(number);
                    source = stage(scope, capacity, source, coprime);
                }
            });
            assert_eq!(primes[20..], [73, 79, 83, 89, 97]);
        }
    });
}

#[test]
fn a_long_chain_adds_one_at_each_link() {
    const LINKS: u32 = 100;
    finishes(|| {
        for capacity in [0, 1] {
            thread::scope(|scope| {
                let (sender, mut source) = bounded(capacity);
                for _ in 0..LINKS {
                    source = stage(scope, capacity, source, |number: u32| Some(number + 1));
                }
                scope.spawn(move || (0..20).for_each(|number| sender.send(number).unwrap()));
                assert!(source.iter().eq(LINKS..LINKS + 20));
            });
        }
    });
}

#[test]
fn a_chain_whose_end_leaves_comes_apart() {
    finishes(|| {
        for capacity in CAPACITIES {
            thread::scope(|scope| {
                let mut source = count_up(scope, capacity, 0);
                for _ in 0..10 {
                    source = stage(scope, capacity, source, Some);
                }
                assert_eq!(source.recv(), Ok(0));
                // The scope ends only if every stage does.
                drop(source);
            });
        }
    });
}

#[test]
fn no_more_is_under_way_than_there_is_room() {
    const STAGES: usize = 3;
    const MESSAGES: usize = 1_000;
    finishes(|| {
        for capacity in [0, 1, 4] {
            let sent = AtomicUsize::new(0);
            thread::scope(|scope| {
                let (sender, mut source) = bounded(capacity);
                let sent = &sent;
                scope.spawn(move || {
                    for number in 0..MESSAGES {
                        sender.send(number).unwrap();
                        sent.store(number + 1, SeqCst);
                    }
                });
                for _ in 0..STAGES {
                    source = stage(scope, capacity, source, Some);
                }
                // Each channel is full and each stage holds one.
                let room = (STAGES + 1) * capacity + STAGES;
                for received in 0..MESSAGES {
                    assert!(sent.load(SeqCst) <= received + room);
                    assert_eq!(source.recv(), Ok(received));
                }
            });
        }
    });
}

#[test]
fn a_fan_spreads_the_work_and_gathers_the_results() {
    const WORKERS: usize = 4;
    const MESSAGES: u64 = 2_000;
    finishes(|| {
        for capacity in CAPACITIES {
            thread::scope(|scope| {
                let (sender, work) = bounded(capacity);
                let (result, results) = bounded(capacity);
                for _ in 0..WORKERS {
                    let (work, result) = (work.clone(), result.clone());
                    scope.spawn(move || work.iter().for_each(|n: u64| result.send(n * 2).unwrap()));
                }
                drop((work, result));
                scope.spawn(move || (0..MESSAGES).for_each(|n| sender.send(n).unwrap()));
                let mut gathered: Vec<_> = results.iter().collect();
                gathered.sort_unstable();
                assert!(gathered.into_iter().eq((0..MESSAGES).map(|n| n * 2)));
            });
        }
    });
}

#[test]
fn several_sources_flow_into_one_until_the_last_ends() {
    const SOURCES: usize = 5;
    finishes(|| {
        for capacity in CAPACITIES {
            thread::scope(|scope| {
                let (sender, merged) = bounded(capacity);
                for name in 0..SOURCES {
                    let sender = sender.clone();
                    // They end one after the other, after different numbers of messages.
                    let last = (name + 1) * 50;
                    scope.spawn(move || (0..last).for_each(|n| sender.send((name, n)).unwrap()));
                }
                drop(sender);
                let mut next = [0; SOURCES];
                for (name, number) in merged {
                    assert_eq!(number, next[name], "source {name} in order");
                    next[name] += 1;
                }
                assert_eq!(next, [50, 100, 150, 200, 250]);
            });
        }
    });
}

#[test]
fn workers_that_feed_themselves_come_to_rest() {
    // Each job makes two smaller ones; the pool ends when the jobs have returned all their senders.
    struct Job {
        size: usize,
        more: Sender<Job>,
    }
    finishes(|| {
        // Room for all, or the workers would wait for one another.
        let (more, jobs) = bounded(1 << 10);
        let done = AtomicUsize::new(0);
        assert!(
            more.send(Job {
                size: 8,
                more: more.clone()
            })
            .is_ok()
        );
        drop(more);
        thread::scope(|scope| {
            for _ in 0..3 {
                let (jobs, done) = (jobs.clone(), &done);
                scope.spawn(move || {
                    for Job { size, more } in jobs {
                        done.fetch_add(1, SeqCst);
                        for _ in 0..if size > 0 { 2 } else { 0 } {
                            let job = Job {
                                size: size - 1,
                                more: more.clone(),
                            };
                            assert!(more.send(job).is_ok());
                        }
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), (1 << 9) - 1);
    });
}
