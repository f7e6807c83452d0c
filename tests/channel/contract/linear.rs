//! What one thread has finished, the next operation sees: no operation that does not wait may fail
//! because another thread is in the middle of its own.

use std::thread;

use super::subject::bounded;
use crate::support::finishes;

const THREADS: usize = 4;
const ROUNDS: usize = 4_000;

/// A message that takes its time to be moved, so that others come by in the middle of it.
struct Wide([usize; 1_000]);

fn wide(number: usize) -> Wide {
    Wide([number; 1_000])
}

#[test]
fn what_was_sent_can_be_received_at_once() {
    finishes(|| {
        // Every thread sends before it receives, so there is always a message for everybody.
        for capacity in [THREADS, 2 * THREADS, 64] {
            let (sender, receiver) = bounded(capacity);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for round in 0..ROUNDS {
                            sender.try_send(wide(round)).unwrap();
                            receiver.try_recv().unwrap();
                        }
                    });
                }
            });
            assert!(receiver.is_empty());
        }
    });
}

#[test]
fn room_that_was_made_can_be_used_at_once() {
    finishes(|| {
        // Every thread takes a message before it puts one back, so there is always room for all.
        for capacity in [THREADS, THREADS + 1, 2 * THREADS, 64] {
            let (sender, receiver) = bounded(capacity);
            for message in 0..capacity {
                sender.try_send(wide(message)).unwrap();
            }
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for _ in 0..ROUNDS {
                            let message = receiver.try_recv().unwrap();
                            sender.try_send(message).unwrap();
                        }
                    });
                }
            });
            let mut left: Vec<_> = receiver.try_iter().map(|Wide(copies)| copies[0]).collect();
            left.sort_unstable();
            assert!(left.into_iter().eq(0..capacity));
        }
    });
}

#[test]
fn who_has_sent_does_not_see_an_empty_channel() {
    finishes(|| {
        let (sender, receiver) = bounded(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        sender.try_send(wide(round)).unwrap();
                        assert!(!sender.is_empty() && !receiver.is_empty());
                        assert!((1..=THREADS).contains(&receiver.len()));
                        receiver.try_recv().unwrap();
                        assert!(!sender.is_full() && sender.len() < THREADS);
                    }
                });
            }
        });
    });
}

#[test]
fn who_only_looks_sees_what_is_there() {
    finishes(|| {
        // At any instant at most one message per thread is out of the channel.
        for capacity in [THREADS + 1, 16, 1_000] {
            let (sender, receiver) = bounded(capacity);
            for message in 0..capacity {
                sender.try_send(message).unwrap();
            }
            thread::scope(|scope| {
                let movers = [(); THREADS].map(|()| {
                    scope.spawn(|| {
                        for _ in 0..2 * ROUNDS {
                            let message = receiver.try_recv().unwrap();
                            sender.try_send(message).unwrap();
                        }
                    })
                });
                while !movers.iter().all(|mover| mover.is_finished()) {
                    let len = sender.len();
                    assert!((capacity - THREADS..=capacity).contains(&len), "{len}");
                    assert!(!receiver.is_empty());
                }
            });
            assert!(sender.is_full());
        }
    });
}

#[test]
fn word_from_elsewhere_does_not_overtake_the_message() {
    finishes(|| {
        // The news that a message was sent arrives on another channel; the message must be there.
        for capacity in [1, 2, 16] {
            let (sender, receiver) = bounded(capacity);
            let (tell, told) = bounded(capacity);
            thread::scope(|scope| {
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        sender.send(round).unwrap();
                        tell.send(round).unwrap();
                    }
                });
                for round in told {
                    assert_eq!(receiver.try_recv(), Ok(round));
                }
            });
        }
    });
}
