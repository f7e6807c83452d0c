//! Handles: clones that count, identity, and what they print.

use std::thread;

use super::operations::{Nothing, Refused};
use super::subject::{RecvError, SendError, bounded};
use crate::ledger::Ledger;
use crate::support::{CAPACITIES, Dice, finishes, start};

#[test]
fn clones_are_of_the_same_channel_and_others_are_not() {
    for capacity in CAPACITIES {
        let (sender, receiver) = bounded::<u8>(capacity);
        let (other_sender, other_receiver) = bounded::<u8>(capacity);
        assert!(sender.same_channel(&sender));
        assert!(sender.same_channel(&sender.clone()));
        assert!(sender.clone().clone().same_channel(&sender));
        assert!(receiver.same_channel(&receiver));
        assert!(receiver.same_channel(&receiver.clone()));
        assert!(!sender.same_channel(&other_sender));
        assert!(!receiver.same_channel(&other_receiver));
        drop(receiver);
        assert!(
            sender.same_channel(&sender.clone()),
            "also when it has ended"
        );
    }
}

#[test]
fn channels_of_different_capacity_are_different() {
    let (rendezvous, _) = bounded::<u8>(0);
    let (ring, _) = bounded::<u8>(1);
    assert!(!rendezvous.same_channel(&ring));
}

#[test]
fn they_print_without_their_messages() {
    struct Plain;
    for capacity in [0, 1, 2] {
        let (sender, receiver) = bounded::<Plain>(capacity);
        assert_eq!(format!("{sender:?}"), "Sender { .. }");
        assert_eq!(format!("{receiver:?}"), "Receiver { .. }");
        assert_eq!(format!("{:?}", receiver.iter()), "Iter { .. }");
        assert_eq!(format!("{:?}", receiver.try_iter()), "TryIter { .. }");
        assert_eq!(format!("{:?}", receiver.into_iter()), "IntoIter { .. }");
    }
}

#[test]
fn the_last_sender_is_the_last_in_any_order() {
    finishes(|| {
        for capacity in [0, 3] {
            for first_gone in 0..4 {
                let (sender, receiver) = bounded::<u8>(capacity);
                let mut senders = vec![sender.clone(), sender.clone(), sender.clone(), sender];
                senders.rotate_left(first_gone);
                while let Some(gone) = senders.pop() {
                    assert_eq!(
                        receiver.try_recv().map_err(Nothing::from),
                        Err(Nothing::NotNow)
                    );
                    drop(gone);
                }
                assert_eq!(receiver.recv(), Err(RecvError));
            }
        }
    });
}

#[test]
fn the_last_receiver_is_the_last_in_any_order() {
    finishes(|| {
        for capacity in [0, 3] {
            for first_gone in 0..4 {
                let (sender, receiver) = bounded(capacity);
                for message in 0..capacity {
                    sender.try_send(message).unwrap();
                }
                let mut receivers = vec![
                    receiver.clone(),
                    receiver.clone(),
                    receiver.clone(),
                    receiver,
                ];
                receivers.rotate_left(first_gone);
                while let Some(gone) = receivers.pop() {
                    assert_eq!(
                        sender.try_send(7).map_err(Refused::from),
                        Err(Refused::NotNow(7))
                    );
                    drop(gone);
                }
                assert_eq!(sender.send(7), Err(SendError(7)));
            }
        }
    });
}

#[test]
fn a_sender_may_be_cloned_after_the_last_receiver_has_gone() {
    finishes(|| {
        let (sender, receiver) = bounded(1);
        drop(receiver);
        let clone = sender.clone();
        assert_eq!(clone.send(1), Err(SendError(1)));
        drop(sender);
        assert_eq!(clone.send(2), Err(SendError(2)));
    });
}

#[test]
fn a_receiver_may_be_cloned_after_the_last_sender_has_gone() {
    finishes(|| {
        let (sender, receiver) = bounded(2);
        sender.try_send(1).unwrap();
        drop(sender);
        let clone = receiver.clone();
        drop(receiver);
        assert_eq!(clone.recv(), Ok(1));
        assert_eq!(clone.recv(), Err(RecvError));
    });
}

#[test]
fn an_iterator_is_a_handle_as_well() {
    finishes(|| {
        let (sender, receiver) = bounded(1);
        let iter = receiver.clone().into_iter();
        drop(receiver);
        assert_eq!(sender.try_send(1), Ok(()));
        drop(iter);
        assert_eq!(sender.send(2), Err(SendError(2)));
    });
}

#[test]
fn clones_that_come_and_go_do_not_end_a_channel() {
    const CLONES: usize = 2_000;
    finishes(|| {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(4);
        thread::scope(|scope| {
            for seed in 0..3 {
                let (sender, receiver) = (sender.clone(), receiver.clone());
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..CLONES {
                        let (sender, receiver) = (sender.clone(), receiver.clone());
                        if dice.below(2) == 0 {
                            let refused = sender.try_send(ledger.token());
                            assert!(!refused.is_err_and(|error| error.is_disconnected()));
                        } else {
                            let nothing = receiver.try_recv();
                            assert!(!nothing.is_err_and(|error| error.is_disconnected()));
                        }
                    }
                });
            }
        });
        drop((sender, receiver));
        ledger.close();
    });
}

#[test]
fn a_handle_may_be_shared_instead_of_cloned() {
    finishes(|| {
        let (sender, receiver) = bounded(2);
        let sum = thread::scope(|scope| {
            let receivers = [(), ()].map(|()| scope.spawn(|| receiver.iter().sum::<u32>()));
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| (1..=100).for_each(|message| sender.send(message).unwrap()));
                }
            });
            drop(sender);
            receivers
                .map(|thread| thread.join().unwrap())
                .iter()
                .sum::<u32>()
        });
        assert_eq!(sum, 3 * 5_050);
    });
}

#[test]
fn handles_may_end_on_any_thread() {
    const ROUNDS: usize = 200;
    finishes(|| {
        for _ in 0..ROUNDS {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(2);
            let near = start({
                let sender = sender.clone();
                move || assert!(sender.send(ledger.token()).is_ok())
            });
            let far = start(move || drop(receiver.recv()));
            near.get();
            far.get();
            drop(sender);
            ledger.close();
        }
    });
}
