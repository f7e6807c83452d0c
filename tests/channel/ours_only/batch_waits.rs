//! Batches that wait: for room, for a message, for the other side of a rendezvous, for the end.

use std::thread;
use std::time::Duration;

use crate::adapter::guichet::{RecvError, SendError, bounded};
use crate::ledger::Ledger;
use crate::support::{CAPACITIES, Dice, PATIENCE, eventually, finishes, let_block, start};

#[test]
fn a_batch_larger_than_the_channel_goes_through_in_order() {
    const MESSAGES: usize = 3_000;
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            let sending = start(move || {
                let mut messages: Vec<_> = (0..MESSAGES).collect();
                let sent = sender.send_many(&mut messages);
                (sent, messages.len())
            });
            assert!(receiver.iter().eq(0..MESSAGES), "capacity {capacity}");
            assert_eq!(sending.get(), (Ok(()), 0));
        }
    });
}

#[test]
fn a_batch_waits_until_its_last_message_has_room() {
    finishes(|| {
        for capacity in [1, 2, 8] {
            let (sender, receiver) = bounded(capacity);
            let sending = start(move || sender.send_many(&mut (0..2 * capacity).collect()));
            for taken in 0..capacity {
                let_block();
                assert!(sending.is_running(), "{taken} of {capacity} taken");
                assert_eq!(receiver.recv(), Ok(taken));
            }
            assert_eq!(sending.get(), Ok(()));
            assert!(receiver.try_iter().eq(capacity..2 * capacity));
        }
    });
}

#[test]
fn a_batch_that_fits_does_not_wait() {
    finishes(|| {
        let (sender, receiver) = bounded(8);
        assert_eq!(sender.send_many(&mut (0..5).collect()), Ok(()));
        assert_eq!(sender.send_many(&mut (5..8).collect()), Ok(()));
        assert!(receiver.try_iter().eq(0..8));
    });
}

#[test]
fn the_first_message_ends_the_wait_for_a_batch() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            let receiving = start(move || {
                let mut messages = Vec::new();
                let count = receiver.recv_many(&mut messages, 10);
                (count, messages)
            });
            let_block();
            assert!(receiving.is_running());
            sender.send(5).unwrap();
            assert_eq!(receiving.get(), (Ok(1), vec![5]), "capacity {capacity}");
        }
    });
}

#[test]
fn one_batch_wakes_every_receiver_it_serves() {
    const SLEEPERS: usize = 5;
    finishes(|| {
        for capacity in [0, 1, 2, SLEEPERS, 64] {
            let (sender, receiver) = bounded(capacity);
            let asleep: Vec<_> = (0..SLEEPERS)
                .map(|_| {
                    let receiver = receiver.clone();
                    start(move || receiver.recv().unwrap())
                })
                .collect();
            let_block();
            assert_eq!(sender.send_many(&mut (0..SLEEPERS).collect()), Ok(()));
            let mut taken: Vec<_> = asleep.into_iter().map(|one| one.get()).collect();
            taken.sort_unstable();
            assert!(taken.into_iter().eq(0..SLEEPERS), "capacity {capacity}");
        }
    });
}

#[test]
fn one_batch_makes_room_for_every_sender_it_frees() {
    const SLEEPERS: usize = 5;
    finishes(|| {
        for capacity in [SLEEPERS, 8, 64] {
            let (sender, receiver) = bounded(capacity);
            sender.send_many(&mut vec![99; capacity]).unwrap();
            let asleep: Vec<_> = (0..SLEEPERS)
                .map(|message| {
                    let sender = sender.clone();
                    start(move || sender.send(message))
                })
                .collect();
            let_block();
            let mut taken = Vec::new();
            assert_eq!(receiver.recv_many(&mut taken, SLEEPERS), Ok(SLEEPERS));
            assert!(asleep.into_iter().all(|one| one.get().is_ok()));
            let mut left: Vec<_> = receiver.try_iter().collect();
            left.sort_unstable();
            assert!(left[..SLEEPERS].iter().copied().eq(0..SLEEPERS));
        }
    });
}

#[test]
fn one_batch_serves_batches_that_wait() {
    finishes(|| {
        for capacity in [0, 1, 4, 64] {
            let (sender, receiver) = bounded(capacity);
            let asleep: Vec<_> = (0..3)
                .map(|_| {
                    let receiver = receiver.clone();
                    start(move || {
                        let mut messages = Vec::new();
                        while receiver.recv_many(&mut messages, 4).is_ok() {}
                        messages
                    })
                })
                .collect();
            let_block();
            assert_eq!(sender.send_many(&mut (0..30).collect()), Ok(()));
            drop((sender, receiver));
            let mut taken = Vec::new();
            for one in asleep {
                let messages = one.get();
                assert!(messages.is_sorted());
                taken.extend(messages);
            }
            taken.sort_unstable();
            assert!(taken.into_iter().eq(0..30), "capacity {capacity}");
        }
    });
}

#[test]
fn what_is_unsent_when_the_last_receiver_goes_stays_in_the_vector() {
    finishes(|| {
        for capacity in CAPACITIES {
            for taken in [0, 1, 3] {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                let batch = capacity + 10;
                let mut messages: Vec<_> = (0..batch).map(|_| ledger.token()).collect();
                let sending = start(move || {
                    let sent = sender.send_many(&mut messages);
                    (sent, messages)
                });
                for number in 0..taken {
                    assert!(receiver.recv().is_ok_and(|token| token.number() == number));
                }
                eventually("the channel is full", || receiver.is_full().then_some(()));
                let_block();
                assert!(sending.is_running());
                drop(receiver);
                let (sent, left) = sending.get();
                assert_eq!(sent, Err(SendError(())));
                assert_eq!(left.len() + ledger.dropped(), batch);
                let first = left.first().expect("not all fitted").number();
                // Room for one more may have been claimed by the receives above, not more.
                assert!((taken..=taken + capacity).contains(&first), "{first}");
                assert!(left.iter().map(|token| token.number()).eq(first..batch));
                drop(left);
                ledger.close();
            }
        }
    });
}

#[test]
fn a_wait_for_a_batch_ends_with_the_last_sender() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded::<u8>(capacity);
            let other = sender.clone();
            let receiving = start(move || {
                let mut messages = vec![1];
                let end = receiver.recv_many(&mut messages, 10);
                (end, messages)
            });
            let_block();
            drop(sender);
            let_block();
            assert!(receiving.is_running());
            drop(other);
            assert_eq!(receiving.get(), (Err(RecvError), vec![1]));
        }
    });
}

#[test]
fn a_race_with_the_end_loses_nothing() {
    const ROUNDS: usize = 200;
    finishes(|| {
        for capacity in [0, 1, 4, 16] {
            let mut dice = Dice::new(capacity as u64);
            for _ in 0..ROUNDS {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                let sending = start(move || {
                    let mut messages: Vec<_> = (0..40).map(|_| ledger.token()).collect();
                    let sent = sender.send_many(&mut messages);
                    assert_eq!(sent.is_ok(), messages.is_empty());
                    messages.len()
                });
                let mut taken = Vec::new();
                dice.dawdle(60);
                for _ in 0..dice.below(8) {
                    let _ = receiver.try_recv_many(&mut taken, 7);
                }
                drop(receiver);
                assert!(taken.iter().map(|token| token.number()).eq(0..taken.len()));
                let left = sending.get();
                let queued = 40 - left - taken.len();
                assert!(queued <= capacity, "{queued} of {capacity}");
                drop(taken);
                ledger.close();
            }
        }
    });
}

#[test]
fn a_batch_meets_waiters_that_give_up() {
    const ROUNDS: u64 = 200;
    finishes(|| {
        for capacity in [0, 1, 2, 8] {
            let mut dice = Dice::new(capacity as u64 + 50);
            for _ in 0..ROUNDS {
                let (sender, receiver) = bounded(capacity);
                let wait = Duration::from_micros(dice.below(120));
                let hasty = receiver.clone();
                let hasty = start(move || hasty.recv_timeout(wait));
                let patient = start(move || {
                    let mut messages = Vec::new();
                    while receiver.recv_many(&mut messages, 3).is_ok() {}
                    messages.len()
                });
                dice.dawdle(1_000);
                assert_eq!(sender.send_many(&mut (0..5).collect()), Ok(()));
                drop(sender);
                let taken = usize::from(hasty.get().is_ok()) + patient.get();
                assert_eq!(taken, 5, "{wait:?}");
            }
        }
    });
}

#[test]
fn a_batch_and_a_timed_send_wait_in_one_line() {
    finishes(|| {
        for capacity in [0, 1, 4] {
            let (sender, receiver) = bounded(capacity);
            thread::scope(|scope| {
                let (batching, timed) = (sender.clone(), sender);
                scope.spawn(move || {
                    for round in 0..50 {
                        let mut messages = (0..7).map(|n| (0, 7 * round + n)).collect();
                        batching.send_many(&mut messages).unwrap();
                    }
                });
                scope.spawn(move || {
                    for number in 0..350 {
                        timed.send_timeout((1, number), PATIENCE).unwrap();
                    }
                });
                let mut next = [0; 2];
                for (name, number) in &receiver {
                    assert_eq!(number, next[name], "capacity {capacity}");
                    next[name] += 1;
                }
                assert_eq!(next, [350, 350]);
            });
        }
    });
}
