//! When the last receiver goes, the messages go with it, at once and each once; those behind one that
//! panics leak, as with crossbeam.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::adapter::guichet::{Sender, TrySendError, bounded};
use crate::ledger::Ledger;
use crate::support::{Dice, finishes, let_block, start};

/// What `body` panicked with, if it did.
fn panic_of<X>(body: impl FnOnce() -> X) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(body)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.unwrap_or_else(|| (*panic.downcast_ref::<&str>().expect("a text")).into()))
}

#[test]
fn what_is_queued_goes_with_the_last_receiver() {
    for capacity in [1, 2, 3, 8] {
        for turned in 0..capacity {
            for fill in 0..=capacity {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                for _ in 0..turned {
                    assert!(sender.try_send(ledger.token()).is_ok());
                    assert!(receiver.try_recv().is_ok());
                }
                for _ in 0..fill {
                    assert!(sender.try_send(ledger.token()).is_ok());
                }
                drop(receiver.clone());
                assert_eq!(ledger.dropped(), turned, "there is another receiver");
                drop(receiver);
                ledger.close();
                drop(sender);
                ledger.close();
            }
        }
    }
}

#[test]
fn an_iterator_that_is_the_last_receiver_takes_them_along() {
    finishes(|| {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(4);
        for _ in 0..4 {
            assert!(sender.try_send(ledger.token()).is_ok());
        }
        let mut iter = receiver.into_iter();
        drop(iter.next());
        assert_eq!(ledger.dropped(), 1);
        drop(iter);
        ledger.close();
        assert!(sender.try_send(ledger.token()).is_err());
    });
}

#[test]
fn nothing_is_left_behind_by_a_send_that_races() {
    const ROUNDS: usize = 300;
    finishes(|| {
        for capacity in [1, 2, 16] {
            let mut dice = Dice::new(capacity as u64);
            for _ in 0..ROUNDS {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                let still_there = sender.clone();
                let sending = start(move || while sender.send(ledger.token()).is_ok() {});
                dice.dawdle(60);
                drop(receiver);
                sending.get();
                // A sender is alive, and yet nothing is.
                ledger.close();
                assert!(still_there.is_empty());
            }
        }
    });
}

/// A message that keeps a sender of the channel in which it lies.
struct Knot {
    sender: Sender<Knot>,
    answers: Arc<AtomicUsize>,
}

impl Drop for Knot {
    fn drop(&mut self) {
        let knot = std::mem::ManuallyDrop::new(Knot {
            sender: self.sender.clone(),
            answers: self.answers.clone(),
        });
        match self
            .sender
            .try_send(std::mem::ManuallyDrop::into_inner(knot))
        {
            Err(TrySendError::Disconnected(knot)) => {
                self.answers.fetch_add(1, SeqCst);
                // Its drop would ask again, and so on.
                std::mem::forget(knot);
            }
            other => panic!("the channel takes messages: {other:?}"),
        }
    }
}

#[test]
fn a_message_may_hold_a_sender_of_its_own_channel_and_use_it() {
    finishes(|| {
        let answers = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = bounded(3);
        for _ in 0..3 {
            let knot = Knot {
                sender: sender.clone(),
                answers: answers.clone(),
            };
            assert!(sender.try_send(knot).is_ok());
        }
        drop(sender);
        drop(receiver);
        assert_eq!(answers.load(SeqCst), 3);
    });
}

#[test]
fn blocked_senders_keep_theirs() {
    finishes(|| {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(2);
        for _ in 0..2 {
            assert!(sender.try_send(ledger.token()).is_ok());
        }
        let token = ledger.token();
        let blocked = start(move || sender.send(token));
        let_block();
        drop(receiver);
        let refused = blocked.get().unwrap_err();
        assert_eq!(refused.into_inner().number(), 2);
        ledger.close();
    });
}

#[test]
fn those_behind_a_message_that_panics_leak() {
    for capacity in [1, 2, 5] {
        for turned in 0..capacity {
            for bomb in 0..capacity {
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
                let panic = panic_of(|| drop(receiver));
                assert_eq!(panic.as_deref(), Some("a bomb goes off"));
                assert_eq!(ledger.dropped(), turned + bomb + 1);
                ledger.none_twice();
                assert!(sender.try_send(ledger.token()).is_err());
                assert_eq!(panic_of(|| drop(sender)), None);
            }
        }
    }
}

#[test]
fn of_several_panics_the_first_goes_on() {
    struct Loud(u8);
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("number {}", self.0);
        }
    }
    let (sender, receiver) = bounded(3);
    for number in 0..3 {
        assert!(sender.try_send(Loud(number)).is_ok());
    }
    let panic = panic_of(|| drop(receiver));
    assert_eq!(panic.as_deref(), Some("number 0"));
}

#[test]
fn a_panic_does_not_meet_another() {
    // The thread unwinds already when the messages panic: were they let loose, the process would end.
    for senders_first in [true, false] {
        for bombs in 1..=3 {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(3);
            for place in 0..3 {
                let token = if place < bombs {
                    ledger.bomb()
                } else {
                    ledger.token()
                };
                assert!(sender.try_send(token).is_ok());
            }
            let died = start(move || {
                panic_of(|| {
                    // Locals go in reverse order.
                    if senders_first {
                        let _held = (sender, receiver);
                        panic_any("as planned");
                    } else {
                        let _held = (receiver, sender);
                        panic_any("as planned");
                    }
                })
            });
            assert_eq!(died.get().as_deref(), Some("as planned"));
            assert_eq!(ledger.dropped(), 1, "those behind the first leak");
            ledger.none_twice();
        }
    }
}

#[test]
fn a_panic_reaches_blocked_senders_as_the_end_does() {
    finishes(|| {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(1);
        assert!(sender.try_send(ledger.bomb()).is_ok());
        let token = ledger.token();
        let blocked = start(move || sender.send(token).is_err());
        let_block();
        assert!(panic_of(|| drop(receiver)).is_some());
        assert!(blocked.get());
        ledger.close();
    });
}

#[test]
fn a_bomb_of_no_size_goes_off_once() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Nil;
    impl Drop for Nil {
        fn drop(&mut self) {
            assert!(DROPS.fetch_add(1, SeqCst) > 0, "the first goes off");
        }
    }
    let (sender, receiver) = bounded(4);
    for _ in 0..4 {
        assert!(sender.try_send(Nil).is_ok());
    }
    assert_eq!(
        panic_of(|| drop(receiver)).as_deref(),
        Some("the first goes off")
    );
    assert_eq!(DROPS.load(SeqCst), 1, "those behind it leak");
}
