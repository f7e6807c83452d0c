//! Panics: in the thread that holds a handle, and in a message's own drop.
//!
//! What becomes of the messages behind one whose drop panics is not stated here: crossbeam leaks
//! them. Nor is a drop that panics while its thread unwinds already: crossbeam lets it abort.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

use super::operations::{hasty_sends, receives};
use super::subject::{RecvError, SendError, bounded};
use crate::ledger::{Ledger, Token};
use crate::support::{CAPACITIES, finishes, let_block, start};

/// Whether `body` panicked. What it leaves behind is looked at by the tests themselves.
fn panics<X>(body: impl FnOnce() -> X) -> bool {
    catch_unwind(AssertUnwindSafe(body)).is_err()
}

/// A thread that dies with what it holds.
fn dies_with<X: Send + 'static>(held: X) {
    let died = start(move || panics(|| panic_any((held, "as planned").1)));
    assert!(died.get());
}

#[test]
fn a_sender_that_dies_is_gone() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded::<u8>(capacity);
            let other = receiver.clone();
            let blocked = start(move || receiver.recv());
            let_block();
            dies_with(sender);
            assert_eq!(blocked.get(), Err(RecvError));
            assert_eq!(other.recv(), Err(RecvError));
        }
    });
}

#[test]
fn a_receiver_that_dies_is_gone() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            for message in 0..capacity {
                sender.try_send(message).unwrap();
            }
            let other = sender.clone();
            let blocked = start(move || sender.send(8));
            let_block();
            dies_with(receiver);
            assert_eq!(blocked.get(), Err(SendError(8)));
            assert_eq!(other.send(9), Err(SendError(9)));
        }
    });
}

#[test]
fn one_that_dies_does_not_disturb_its_clones() {
    finishes(|| {
        let (sender, receiver) = bounded(1);
        dies_with((sender.clone(), receiver.clone()));
        sender.send(1).unwrap();
        assert_eq!(receiver.recv(), Ok(1));
    });
}

#[test]
fn a_loop_that_panics_loses_the_message_in_hand_only() {
    let ledger = Ledger::new();
    let (sender, receiver) = bounded(3);
    for _ in 0..3 {
        assert!(sender.try_send(ledger.token()).is_ok());
    }
    assert!(panics(|| {
        for token in &receiver {
            assert!(token.number() != 1, "as planned");
        }
    }));
    assert_eq!((ledger.dropped(), receiver.len()), (2, 1));
    assert!(receiver.try_recv().is_ok_and(|token| token.number() == 2));
    assert!(sender.try_send(ledger.token()).is_ok());
    drop((sender, receiver));
    ledger.close();
}

#[test]
fn unwinding_past_the_last_handles_keeps_the_books() {
    for capacity in [1, 2, 8] {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(capacity);
        for _ in 0..capacity {
            assert!(sender.try_send(ledger.token()).is_ok());
        }
        dies_with((sender, receiver));
        ledger.close();
    }
}

#[test]
fn a_message_that_panics_in_the_receivers_hands_harms_nobody() {
    finishes(|| {
        for (name, receive) in receives() {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(2);
            assert!(sender.send(ledger.bomb()).is_ok());
            assert!(sender.send(ledger.token()).is_ok());
            assert!(panics(|| drop(receive(&receiver))), "{name}");
            assert!(sender.send(ledger.token()).is_ok());
            assert!(receive(&receiver).is_ok_and(|token| token.number() == 1));
            assert!(receive(&receiver).is_ok_and(|token| token.number() == 2));
            drop((sender, receiver));
            ledger.close();
        }
    });
}

#[test]
fn a_message_that_panics_in_the_senders_hands_harms_nobody() {
    finishes(|| {
        for (name, send) in hasty_sends::<Token>() {
            for capacity in [0, 1] {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                for _ in 0..capacity {
                    assert!(sender.try_send(ledger.token()).is_ok());
                }
                assert!(panics(|| drop(send(&sender, ledger.bomb()))), "{name}");
                assert_eq!(receiver.try_iter().count(), capacity);
                drop((sender, receiver));
                ledger.close();
            }
        }
    });
}

#[test]
fn a_message_that_panics_in_the_queue_is_not_dropped_twice() {
    for capacity in [1, 2, 3, 8] {
        for turned in 0..capacity {
            for bomb in 0..capacity {
                for senders_first in [true, false] {
                    let ledger = Ledger::new();
                    let (sender, receiver) = bounded(capacity);
                    for _ in 0..turned {
                        assert!(sender.try_send(ledger.token()).is_ok());
                        assert!(receiver.try_recv().is_ok());
                    }
                    for place in 0..capacity {
                        let token = if place == bomb {
                            ledger.bomb()
                        } else {
                            ledger.token()
                        };
                        assert!(sender.try_send(token).is_ok());
                    }
                    // Which of the two drops panics, if either does, is the subject's choice.
                    if senders_first {
                        panics(|| drop(sender));
                        panics(|| drop(receiver));
                    } else {
                        panics(|| drop(receiver));
                        panics(|| drop(sender));
                    }
                    ledger.none_twice();
                    assert!(ledger.dropped() > turned + bomb, "up to the bomb");
                }
            }
        }
    }
}
