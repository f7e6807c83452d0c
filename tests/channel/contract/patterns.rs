//! Channels as building blocks: locks, semaphores, pools and signals, as they are used in Go.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use super::subject::{Receiver, RecvError, Sender, bounded};
use crate::support::{finishes, start};

#[test]
fn a_semaphore_lets_only_so_many_in() {
    const PERMITS: usize = 3;
    const VISITS: usize = 400;
    finishes(|| {
        let (enter, leave) = bounded(PERMITS);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 * PERMITS {
                scope.spawn(|| {
                    for _ in 0..VISITS {
                        enter.send(()).unwrap();
                        let now = inside.fetch_add(1, SeqCst) + 1;
                        most.fetch_max(now, SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, SeqCst);
                        leave.recv().unwrap();
                    }
                });
            }
        });
        assert!((1..=PERMITS).contains(&most.into_inner()));
        assert!(leave.is_empty());
    });
}

#[test]
fn a_channel_of_one_is_a_lock_that_holds_what_it_guards() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 500;
    finishes(|| {
        let (put, take) = bounded(1);
        put.send(Vec::new()).unwrap();
        thread::scope(|scope| {
            for name in 0..THREADS {
                let (put, take) = (&put, &take);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let mut guarded: Vec<_> = take.recv().unwrap();
                        guarded.push((name, round));
                        put.send(guarded).unwrap();
                    }
                });
            }
        });
        let guarded = take.recv().unwrap();
        assert_eq!(guarded.len(), THREADS * ROUNDS);
        for name in 0..THREADS {
            let own = guarded.iter().filter(|entry| entry.0 == name);
            assert!(own.map(|entry| entry.1).eq(0..ROUNDS));
        }
    });
}

#[test]
fn philosophers_who_take_forks_in_order_do_not_starve() {
    const SEATS: usize = 5;
    const MEALS: usize = 200;
    finishes(|| {
        let forks: Vec<_> = (0..SEATS)
            .map(|fork| {
                let (lay, take) = bounded(1);
                lay.send(fork).unwrap();
                (lay, take)
            })
            .collect();
        thread::scope(|scope| {
            for seat in 0..SEATS {
                let (left, right) = (seat, (seat + 1) % SEATS);
                let (first, second) = (&forks[left.min(right)], &forks[left.max(right)]);
                scope.spawn(move || {
                    for _ in 0..MEALS {
                        let fork = first.1.recv().unwrap();
                        let other = second.1.recv().unwrap();
                        second.0.send(other).unwrap();
                        first.0.send(fork).unwrap();
                    }
                });
            }
        });
        for (number, (_, take)) in forks.iter().enumerate() {
            assert_eq!(take.try_recv(), Ok(number));
        }
    });
}

#[test]
fn closing_a_channel_tells_everybody() {
    finishes(|| {
        const LISTENERS: usize = 6;
        for capacity in [0, 1] {
            let (stop, stopped) = bounded::<()>(capacity);
            let listeners: Vec<_> = (0..LISTENERS)
                .map(|_| {
                    let stopped = stopped.clone();
                    start(move || stopped.recv())
                })
                .collect();
            drop(stop);
            for listener in listeners {
                assert_eq!(listener.get(), Err(RecvError));
            }
        }
    });
}

#[test]
fn a_pool_answers_every_request_to_its_own_asker() {
    struct Request {
        number: u64,
        reply: Sender<u64>,
    }
    const ASKERS: u64 = 4;
    const QUESTIONS: u64 = 200;
    finishes(|| {
        for capacity in [0, 2] {
            let (ask, requests) = bounded::<Request>(capacity);
            thread::scope(|scope| {
                for _ in 0..3 {
                    let requests = requests.clone();
                    scope.spawn(move || {
                        for Request { number, reply } in requests {
                            reply.send(number * number).unwrap();
                        }
                    });
                }
                for asker in 0..ASKERS {
                    let ask = ask.clone();
                    scope.spawn(move || {
                        for question in 0..QUESTIONS {
                            let number = asker * QUESTIONS + question;
                            let (reply, answer) = bounded(capacity);
                            assert!(ask.send(Request { number, reply }).is_ok());
                            assert_eq!(answer.recv(), Ok(number * number));
                            assert_eq!(answer.recv(), Err(RecvError), "nobody else replies");
                        }
                    });
                }
                drop((ask, requests));
            });
        }
    });
}

#[test]
fn a_generator_stops_when_nobody_listens() {
    finishes(|| {
        for capacity in [0, 1, 8] {
            let (sender, receiver) = bounded(capacity);
            let generator =
                start(move || (0..).find(|&number| sender.send(number).is_err()).unwrap());
            assert!(receiver.into_iter().take(50).eq(0..50));
            // The iterator took the receiver with it.
            assert!((50..=50 + capacity).contains(&generator.get()));
        }
    });
}

#[test]
fn who_comes_first_wins_and_the_others_are_turned_away() {
    const RUNNERS: usize = 6;
    finishes(|| {
        for _ in 0..100 {
            let (finish, winner) = bounded(1);
            let runners: Vec<_> = (0..RUNNERS)
                .map(|name| {
                    let finish = finish.clone();
                    start(move || finish.try_send(name).is_ok())
                })
                .collect();
            let outcomes: Vec<_> = runners.into_iter().map(|one| one.get()).collect();
            let winner = winner.recv().unwrap();
            assert!(
                outcomes
                    .iter()
                    .enumerate()
                    .all(|(name, &won)| won == (name == winner))
            );
        }
    });
}

/// Sums a range by halving it, with a thread and a channel for each half.
fn sum(from: u64, to: u64, result: &Sender<u64>) {
    if to - from <= 8 {
        return result.send((from..to).sum()).unwrap();
    }
    let (part, parts) = bounded(0);
    let middle = (from + to) / 2;
    let other = part.clone();
    let near = thread::spawn(move || sum(from, middle, &part));
    let far = thread::spawn(move || sum(middle, to, &other));
    result.send(parts.iter().sum()).unwrap();
    near.join().unwrap();
    far.join().unwrap();
}

#[test]
fn a_tree_of_threads_comes_to_one_result() {
    finishes(|| {
        let (result, results) = bounded(0);
        let root = start(move || sum(0, 256, &result));
        assert_eq!(results.recv(), Ok(255 * 128));
        root.get();
    });
}

/// Two threads that each hand the other what it needs next, in a strict order.
fn alternate(own: &Receiver<usize>, other: &Sender<usize>, log: &Sender<usize>) {
    while let Ok(turn) = own.recv() {
        log.send(turn).unwrap();
        if turn == 0 || other.send(turn - 1).is_err() {
            return;
        }
    }
}

#[test]
fn turns_are_taken_in_order() {
    finishes(|| {
        let (to_left, left) = bounded(0);
        let (to_right, right) = bounded(1);
        let (log, logged) = bounded(16);
        let other_log = log.clone();
        let first = to_left.clone();
        let one = start(move || alternate(&left, &to_right, &log));
        let two = start(move || alternate(&right, &to_left, &other_log));
        first.send(1_000).unwrap();
        drop(first);
        assert!(logged.iter().eq((0..=1_000).rev()));
        one.get();
        two.get();
    });
}
