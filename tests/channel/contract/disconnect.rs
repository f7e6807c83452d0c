//! Disconnection, in every state of the channel and for every operation that meets it.

use std::thread;

use super::operations::{
    Nothing, Refused, hasty_receives, patient_receives, patient_sends, receives, sends,
};
use super::subject::{Receiver, RecvError, SendError, Sender, bounded};
use crate::ledger::Ledger;
use crate::support::{CAPACITIES, Dice, eventually, finishes, let_block, start};

/// A channel with its first `fill` messages, the numbers from 0.
fn filled(capacity: usize, fill: usize) -> (Sender<usize>, Receiver<usize>) {
    let (sender, receiver) = bounded(capacity);
    for message in 0..fill {
        sender.try_send(message).unwrap();
    }
    (sender, receiver)
}

/// Every capacity with the fills empty, half and full.
fn states() -> impl Iterator<Item = (usize, usize)> {
    CAPACITIES.into_iter().flat_map(|capacity| {
        let mut fills = vec![0, capacity / 2, capacity];
        fills.dedup();
        fills.into_iter().map(move |fill| (capacity, fill))
    })
}

#[test]
fn receivers_get_what_is_queued_and_then_the_end() {
    finishes(|| {
        for (capacity, fill) in states() {
            for (name, receive) in receives() {
                let (sender, receiver) = filled(capacity, fill);
                drop(sender);
                for message in 0..fill {
                    assert_eq!(receive(&receiver), Ok(message), "{name}, {fill}/{capacity}");
                }
                for _ in 0..2 {
                    let end = receive(&receiver);
                    assert_eq!(end, Err(Nothing::Gone), "{name}, {fill}/{capacity}");
                }
            }
        }
    });
}

#[test]
fn senders_get_their_message_back_whatever_the_fill() {
    finishes(|| {
        for (capacity, fill) in states() {
            for (name, send) in sends() {
                let (sender, receiver) = filled(capacity, fill);
                drop(receiver);
                for message in 7..9 {
                    let refused = send(&sender, message);
                    let expected = Err(Refused::Gone(message));
                    assert_eq!(refused, expected, "{name}, {fill}/{capacity}");
                }
            }
        }
    });
}

#[test]
fn blocked_receivers_wake_when_the_last_sender_goes() {
    finishes(|| {
        for capacity in CAPACITIES {
            for (name, receive) in patient_receives::<usize>() {
                let (sender, receiver) = bounded(capacity);
                let blocked =
                    [receiver.clone(), receiver].map(|receiver| start(move || receive(&receiver)));
                let_block();
                assert!(blocked.iter().all(|one| one.is_running()), "{name} waits");
                drop(sender);
                for one in blocked {
                    assert_eq!(one.get(), Err(Nothing::Gone), "{name}, {capacity}");
                }
            }
        }
    });
}

#[test]
fn blocked_senders_wake_when_the_last_receiver_goes() {
    finishes(|| {
        for capacity in CAPACITIES {
            for (name, send) in patient_sends() {
                let (sender, receiver) = filled(capacity, capacity);
                let blocked = [(sender.clone(), 8), (sender, 9)]
                    .map(|(sender, message)| (message, start(move || send(&sender, message))));
                let_block();
                assert!(
                    blocked.iter().all(|(_, one)| one.is_running()),
                    "{name} waits"
                );
                drop(receiver);
                for (message, one) in blocked {
                    assert_eq!(one.get(), Err(Refused::Gone(message)), "{name}, {capacity}");
                }
            }
        }
    });
}

#[test]
fn the_end_reaches_a_crowd() {
    const CROWD: usize = 24;
    finishes(|| {
        for capacity in [0, 1, 16] {
            let (stuck, receiver) = filled(capacity, capacity);
            let (sender, waiting) = bounded::<u8>(capacity);
            let crowd: Vec<_> = (0..CROWD)
                .map(|message| {
                    let (stuck, waiting) = (stuck.clone(), waiting.clone());
                    let sending = start(move || stuck.send(message));
                    (message, sending, start(move || waiting.recv()))
                })
                .collect();
            let_block();
            drop((receiver, sender));
            for (message, sending, waiting) in crowd {
                assert_eq!(sending.get(), Err(SendError(message)), "{capacity}");
                assert_eq!(waiting.get(), Err(RecvError), "{capacity}");
            }
        }
    });
}

#[test]
fn a_sender_that_is_not_the_last_changes_nothing() {
    finishes(|| {
        for capacity in CAPACITIES {
            for (name, receive) in patient_receives() {
                let (sender, receiver) = bounded(capacity);
                let other = sender.clone();
                let blocked = start(move || receive(&receiver));
                let_block();
                drop(sender);
                let_block();
                assert!(blocked.is_running(), "{name} waits for the other sender");
                assert_eq!(other.send(5), Ok(()));
                assert_eq!(blocked.get(), Ok(5), "{name}, {capacity}");
            }
        }
    });
}

#[test]
fn a_receiver_that_is_not_the_last_changes_nothing() {
    finishes(|| {
        for capacity in CAPACITIES {
            for (name, send) in patient_sends() {
                let (sender, receiver) = filled(capacity, capacity);
                let other = receiver.clone();
                let blocked = start(move || send(&sender, capacity));
                let_block();
                drop(receiver);
                let_block();
                assert!(blocked.is_running(), "{name} waits for the other receiver");
                for message in 0..=capacity {
                    assert_eq!(other.recv(), Ok(message));
                }
                assert_eq!(blocked.get(), Ok(()), "{name}, {capacity}");
            }
        }
    });
}

#[test]
fn who_does_not_wait_tells_the_end_from_the_moment() {
    finishes(|| {
        for capacity in CAPACITIES {
            for (name, receive) in hasty_receives::<usize>() {
                let (sender, receiver) = bounded(capacity);
                let other = sender.clone();
                assert_eq!(receive(&receiver), Err(Nothing::NotNow), "{name}");
                drop(sender);
                assert_eq!(receive(&receiver), Err(Nothing::NotNow), "{name}");
                drop(other);
                assert_eq!(receive(&receiver), Err(Nothing::Gone), "{name}");
            }
        }
    });
}

#[test]
fn two_messages_and_the_end_for_four_blocked_receivers() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            let blocked: Vec<_> = (0..4)
                .map(|_| {
                    let receiver = receiver.clone();
                    start(move || receiver.recv())
                })
                .collect();
            let_block();
            sender.send(1).unwrap();
            sender.send(2).unwrap();
            drop(sender);
            let mut outcomes: Vec<_> = blocked.into_iter().map(|one| one.get()).collect();
            outcomes.sort_by_key(|outcome| outcome.unwrap_or(9));
            let end = Err(RecvError);
            assert_eq!(outcomes, [Ok(1), Ok(2), end, end], "capacity {capacity}");
        }
    });
}

#[test]
fn room_for_one_and_the_end_for_four_blocked_senders() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = filled(capacity, capacity);
            let blocked: Vec<_> = (0..4)
                .map(|_| {
                    let sender = sender.clone();
                    start(move || sender.send(99))
                })
                .collect();
            let_block();
            receiver.recv().unwrap();
            // One of the four goes on before the end comes.
            eventually("a sender goes on", || {
                blocked.iter().any(|one| !one.is_running()).then_some(())
            });
            drop(receiver);
            let outcomes: Vec<_> = blocked.into_iter().map(|one| one.get()).collect();
            let sent = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(sent, 1, "capacity {capacity}: {outcomes:?}");
        }
    });
}

#[test]
fn what_was_sent_before_the_last_sender_went_arrives() {
    const ROUNDS: usize = 300;
    finishes(|| {
        for capacity in [0, 1, 2, 16] {
            let mut dice = Dice::new(capacity as u64);
            for round in 0..ROUNDS {
                let (sender, receiver) = bounded(capacity);
                let taken = start(move || receiver.iter().count());
                dice.dawdle(40);
                for message in 0..3 {
                    sender.send(message).unwrap();
                }
                drop(sender);
                assert_eq!(taken.get(), 3, "capacity {capacity}, round {round}");
            }
        }
    });
}

#[test]
fn a_send_that_races_with_the_last_receiver_keeps_the_books() {
    const ROUNDS: usize = 300;
    finishes(|| {
        for capacity in [0, 1, 2, 16] {
            let mut dice = Dice::new(capacity as u64 + 100);
            for _ in 0..ROUNDS {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                let sending = start(move || {
                    let mut sent = 0;
                    while let Ok(()) = sender.send(ledger.token()) {
                        sent += 1;
                    }
                    sent
                });
                dice.dawdle(40);
                let received = receiver.try_iter().take(20).count();
                drop(receiver);
                let sent = sending.get();
                assert!(sent >= received && sent <= received + capacity);
                assert_eq!(ledger.made(), sent + 1);
                ledger.close();
            }
        }
    });
}

#[test]
fn both_sides_may_go_at_once() {
    const ROUNDS: usize = 300;
    finishes(|| {
        for capacity in [0, 1, 16] {
            let mut dice = Dice::new(capacity as u64 + 200);
            for _ in 0..ROUNDS {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                for _ in 0..capacity / 2 {
                    assert!(sender.try_send(ledger.token()).is_ok());
                }
                let senders = start(move || drop((sender.clone(), sender)));
                dice.dawdle(40);
                drop((receiver.clone(), receiver));
                senders.get();
                ledger.close();
            }
        }
    });
}

#[test]
fn the_end_reaches_waiters_that_come_and_go() {
    const ROUNDS: usize = 200;
    finishes(|| {
        for capacity in [0, 1] {
            let mut dice = Dice::new(capacity as u64 + 300);
            for _ in 0..ROUNDS {
                let (sender, receiver) = filled(capacity, capacity);
                let (idle, nobody) = bounded::<()>(capacity);
                thread::scope(|scope| {
                    let stuck = scope.spawn(move || sender.send(1));
                    let waiting = scope.spawn(move || nobody.recv());
                    dice.dawdle(60);
                    drop((receiver, idle));
                    assert_eq!(stuck.join().unwrap(), Err(SendError(1)));
                    assert_eq!(waiting.join().unwrap(), Err(RecvError));
                });
            }
        }
    });
}
