//! The smallest ring: empty and full are one message apart, and every lap is one message long.

use std::thread;

use super::operations::{Nothing, Refused, hasty_sends, patient_receives, patient_sends, receives};
use super::subject::bounded;
use crate::support::{finishes, let_block, start};

#[test]
fn it_alternates_between_empty_and_full() {
    let (sender, receiver) = bounded(1);
    for message in 0..10_000 {
        assert!(sender.is_empty() && !sender.is_full());
        assert_eq!(sender.try_send(message), Ok(()));
        assert!(!receiver.is_empty() && receiver.is_full());
        assert_eq!(receiver.try_recv(), Ok(message));
    }
}

#[test]
fn a_second_message_is_refused_by_all_who_do_not_wait() {
    finishes(|| {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).unwrap();
        for (name, send) in hasty_sends() {
            assert_eq!(send(&sender, 2), Err(Refused::NotNow(2)), "{name}");
            assert_eq!(receiver.len(), 1);
        }
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(receiver.try_recv().is_err());
    });
}

#[test]
fn a_blocked_sender_goes_on_when_the_message_is_taken() {
    finishes(|| {
        for (send_name, send) in patient_sends() {
            for (receive_name, receive) in receives() {
                let (sender, receiver) = bounded(1);
                sender.try_send(1).unwrap();
                let blocked = start(move || send(&sender, 2));
                let_block();
                assert!(blocked.is_running(), "{send_name} waits for room");
                assert_eq!(receive(&receiver), Ok(1), "{receive_name}");
                assert_eq!(blocked.get(), Ok(()), "{send_name} after {receive_name}");
                assert_eq!(receive(&receiver), Ok(2), "{receive_name}");
            }
        }
    });
}

#[test]
fn a_blocked_receiver_goes_on_when_a_message_comes() {
    finishes(|| {
        for (name, receive) in patient_receives() {
            let (sender, receiver) = bounded(1);
            let blocked = start(move || receive(&receiver));
            let_block();
            assert!(blocked.is_running(), "{name} waits for a message");
            assert_eq!(sender.try_send(1), Ok(()));
            assert_eq!(blocked.get(), Ok(1), "{name}");
        }
    });
}

#[test]
fn it_is_a_baton() {
    const ROUNDS: usize = 2_000;
    const RUNNERS: usize = 4;
    finishes(|| {
        let (sender, receiver) = bounded(1);
        sender.send(0_usize).unwrap();
        thread::scope(|scope| {
            for _ in 0..RUNNERS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let held = receiver.recv().unwrap();
                        // Who holds the baton is alone, hence there is room to put it back.
                        assert_eq!(
                            receiver.try_recv().map_err(Nothing::from),
                            Err(Nothing::NotNow)
                        );
                        sender.try_send(held + 1).unwrap();
                    }
                });
            }
        });
        assert_eq!(receiver.recv(), Ok(ROUNDS * RUNNERS));
    });
}
