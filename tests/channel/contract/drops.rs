//! Every message is dropped exactly once, wherever it was when its channel went.
//!
//! When it is dropped is stated only where both subjects agree: by the time the last handle has gone.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use super::operations::{hasty_sends, receives, sends};
use super::subject::bounded;
use crate::ledger::{Ledger, Token};
use crate::support::{CREWS, Dice, finishes, let_block, start};

#[test]
fn queued_messages_go_with_the_handles_in_either_order() {
    for capacity in [1, 2, 3, 8, 100] {
        for fill in 0..=capacity.min(9) {
            for senders_first in [true, false] {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                for _ in 0..fill {
                    assert!(sender.try_send(ledger.token()).is_ok());
                }
                assert_eq!(ledger.dropped(), 0);
                if senders_first {
                    drop(sender);
                    assert_eq!(ledger.dropped(), 0, "they can still be received");
                    drop(receiver);
                } else {
                    drop(receiver);
                    drop(sender);
                }
                assert_eq!(ledger.made(), fill);
                ledger.close();
            }
        }
    }
}

#[test]
fn a_ring_that_has_turned_drops_only_what_is_in_it() {
    for capacity in [1, 2, 3, 5, 8] {
        for turned in 0..3 * capacity {
            for left in 0..=capacity {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                for _ in 0..turned {
                    assert!(sender.try_send(ledger.token()).is_ok());
                    drop(receiver.try_recv());
                }
                for _ in 0..left {
                    assert!(sender.try_send(ledger.token()).is_ok());
                }
                assert_eq!(ledger.dropped(), turned);
                drop((sender, receiver));
                ledger.close();
            }
        }
    }
}

#[test]
fn a_received_message_belongs_to_the_receiver() {
    finishes(|| {
        for (name, receive) in receives() {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(2);
            assert!(sender.send(ledger.token()).is_ok());
            let token = receive(&receiver);
            drop((sender, receiver));
            assert_eq!(ledger.dropped(), 0, "{name}");
            drop(token);
            ledger.close();
        }
    });
}

#[test]
fn a_refused_message_belongs_to_the_sender() {
    finishes(|| {
        for (name, send) in hasty_sends() {
            for capacity in [0, 1, 4] {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                for _ in 0..capacity {
                    assert!(send(&sender, ledger.token()).is_ok());
                }
                let refused = send(&sender, ledger.token());
                assert!(refused.is_err(), "{name}");
                assert_eq!(ledger.dropped(), 0, "{name}");
                drop((sender, receiver));
                assert_eq!(ledger.dropped(), capacity, "{name}");
                drop(refused);
                ledger.close();
            }
        }
    });
}

#[test]
fn a_message_nobody_can_receive_comes_back_alive() {
    finishes(|| {
        for (name, send) in sends() {
            for capacity in [0, 1, 4] {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                drop(receiver);
                let refused = send(&sender, ledger.token());
                drop(sender);
                assert!(refused.is_err());
                assert_eq!(ledger.dropped(), 0, "{name}, {capacity}");
                drop(refused);
                ledger.close();
            }
        }
    });
}

#[test]
fn a_blocked_senders_message_comes_back_alive() {
    finishes(|| {
        for capacity in [0, 1, 2] {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(capacity);
            for _ in 0..capacity {
                assert!(sender.try_send(ledger.token()).is_ok());
            }
            let token = ledger.token();
            let blocked = start(move || sender.send(token));
            let_block();
            drop(receiver);
            let refused = blocked.get();
            assert!(refused.is_err());
            // The thread's sender was the last handle.
            assert_eq!(ledger.dropped(), capacity);
            drop(refused);
            ledger.close();
        }
    });
}

#[test]
fn a_message_that_timed_out_comes_back_alive() {
    finishes(|| {
        for capacity in [0, 1, 2] {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(capacity);
            for _ in 0..capacity {
                assert!(sender.try_send(ledger.token()).is_ok());
            }
            let refused = sender.send_timeout(ledger.token(), Duration::from_millis(3));
            assert_eq!(ledger.dropped(), 0);
            let refused = refused.expect_err("nobody makes room").into_inner();
            assert_eq!(refused.number(), capacity);
            drop((sender, receiver, refused));
            ledger.close();
        }
    });
}

#[test]
fn an_iterator_left_early_leaves_the_rest() {
    finishes(|| {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(6);
        for _ in 0..6 {
            assert!(sender.try_send(ledger.token()).is_ok());
        }
        assert_eq!(receiver.iter().take(2).count(), 2);
        assert_eq!(ledger.dropped(), 2);
        drop(receiver.try_iter().next());
        assert_eq!(ledger.dropped(), 3);
        let mut iter = receiver.into_iter();
        drop(iter.next());
        assert_eq!((ledger.dropped(), sender.len()), (4, 2));
        drop((iter, sender));
        ledger.close();
    });
}

#[test]
fn a_message_of_no_size_is_dropped_as_often_as_it_was_made() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Nil;
    impl Drop for Nil {
        fn drop(&mut self) {
            DROPS.fetch_add(1, SeqCst);
        }
    }
    let mut made = 0;
    for capacity in [1, 2, 3, 8] {
        for turned in 0..2 * capacity {
            let (sender, receiver) = bounded(capacity);
            for _ in 0..turned {
                assert!(sender.try_send(Nil).is_ok());
                assert!(receiver.try_recv().is_ok());
            }
            for _ in 0..capacity {
                assert!(sender.try_send(Nil).is_ok());
            }
            assert!(sender.try_send(Nil).is_err());
            made += turned + 1;
            assert_eq!(DROPS.load(SeqCst), made);
            drop((sender, receiver));
            made += capacity;
            assert_eq!(DROPS.load(SeqCst), made);
        }
    }
}

#[test]
fn a_message_may_send_when_it_is_dropped() {
    struct Tell(super::subject::Sender<u8>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.send(1).unwrap();
        }
    }
    finishes(|| {
        let (told, tell) = bounded(8);
        let (sender, receiver) = bounded(4);
        for _ in 0..4 {
            assert!(sender.send(Tell(told.clone())).is_ok());
        }
        drop(receiver.recv());
        assert_eq!(tell.len(), 1);
        drop((sender, receiver));
        assert_eq!(tell.len(), 4);
    });
}

#[test]
fn traffic_that_ends_anywhere_keeps_the_books() {
    const MESSAGES: usize = 400;
    finishes(|| {
        for capacity in [0, 1, 2, 16] {
            for (senders, receivers) in CREWS {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded::<Token>(capacity);
                thread::scope(|scope| {
                    for _ in 0..senders {
                        let sender = sender.clone();
                        scope.spawn(move || {
                            for _ in 0..MESSAGES {
                                if sender.send(ledger.token()).is_err() {
                                    break;
                                }
                            }
                        });
                    }
                    for number in 0..receivers {
                        let receiver = receiver.clone();
                        let mut dice = Dice::new((capacity * 100 + number) as u64);
                        let enough = dice.below(2 * MESSAGES as u64) as usize;
                        scope.spawn(move || drop(receiver.iter().take(enough).last()));
                    }
                    drop((sender, receiver));
                });
                ledger.close();
            }
        }
    });
}
