//! Capacity 0: nothing is ever stored, every message passes from hand to hand.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use super::operations::{
    Nothing, Refused, hasty_receives, hasty_sends, patient_receives, patient_sends,
};
use super::subject::bounded;
use crate::ledger::Ledger;
use crate::support::{Dice, eventually, finishes, let_block, start};

#[test]
fn nobody_there_nothing_happens() {
    finishes(|| {
        let (sender, receiver) = bounded(0);
        for (name, send) in hasty_sends() {
            assert_eq!(send(&sender, 1), Err(Refused::NotNow(1)), "{name}");
        }
        for (name, receive) in hasty_receives::<u8>() {
            assert_eq!(receive(&receiver), Err(Nothing::NotNow), "{name}");
        }
    });
}

#[test]
fn every_sender_meets_every_receiver() {
    finishes(|| {
        for (send_name, send) in patient_sends() {
            for (receive_name, receive) in patient_receives() {
                for sender_first in [true, false] {
                    let (sender, receiver) = bounded(0);
                    let sending = move || send(&sender, 5);
                    let receiving = move || receive(&receiver);
                    let (sent, received) = if sender_first {
                        let sending = start(sending);
                        let_block();
                        assert!(sending.is_running(), "{send_name} waits");
                        let received = start(receiving);
                        (sending.get(), received.get())
                    } else {
                        let receiving = start(receiving);
                        let_block();
                        assert!(receiving.is_running(), "{receive_name} waits");
                        let sent = start(sending);
                        (sent.get(), receiving.get())
                    };
                    assert_eq!(sent, Ok(()), "{send_name} to {receive_name}");
                    assert_eq!(received, Ok(5), "{send_name} to {receive_name}");
                }
            }
        }
    });
}

#[test]
fn who_does_not_wait_meets_who_waits() {
    finishes(|| {
        for (name, send) in hasty_sends() {
            let (sender, receiver) = bounded(0);
            let waiting = start(move || receiver.recv());
            eventually("the receiver waits", || match send(&sender, 5) {
                Ok(()) => Some(()),
                Err(refused) => {
                    assert_eq!(refused, Refused::NotNow(5), "{name}");
                    None
                }
            });
            assert_eq!(waiting.get(), Ok(5), "{name}");
        }
        for (name, receive) in hasty_receives() {
            let (sender, receiver) = bounded(0);
            let waiting = start(move || sender.send(5));
            let received = eventually("the sender waits", || receive(&receiver).ok());
            assert_eq!(received, 5, "{name}");
            assert_eq!(waiting.get(), Ok(()), "{name}");
        }
    });
}

#[test]
fn a_send_returns_only_when_somebody_receives() {
    finishes(|| {
        const ROUNDS: usize = 3_000;
        let (sender, receiver) = bounded(0);
        let returned = AtomicUsize::new(0);
        let mut dice = Dice::new(7);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    sender.send(round).unwrap();
                    returned.store(round + 1, SeqCst);
                }
            });
            for round in 0..ROUNDS {
                dice.dawdle(20);
                assert!(
                    returned.load(SeqCst) <= round,
                    "nobody received number {round}"
                );
                assert_eq!(receiver.recv(), Ok(round));
            }
        });
    });
}

#[test]
fn a_sender_that_gave_up_left_nothing_behind() {
    finishes(|| {
        let (sender, receiver) = bounded(0);
        for message in 0..5 {
            let refused = sender.send_timeout(message, Duration::from_millis(1));
            assert_eq!(refused.unwrap_err().into_inner(), message);
            assert_eq!(
                receiver.try_recv().map_err(Nothing::from),
                Err(Nothing::NotNow)
            );
        }
    });
}

#[test]
fn a_receiver_that_gave_up_left_nothing_behind() {
    finishes(|| {
        let (sender, receiver) = bounded::<u8>(0);
        for message in 0..5 {
            assert!(receiver.recv_timeout(Duration::from_millis(1)).is_err());
            let refused = sender.try_send(message).map_err(Refused::from);
            assert_eq!(refused, Err(Refused::NotNow(message)));
        }
    });
}

#[test]
fn both_sides_agree_whether_they_met() {
    const ROUNDS: usize = 2_000;
    finishes(|| {
        let ledger = Ledger::new();
        let (sender, receiver) = bounded(0);
        let sending = start(move || {
            let (mut dice, mut sent) = (Dice::new(1), Vec::new());
            for _ in 0..ROUNDS {
                let token = ledger.token();
                let number = token.number();
                let wait = Duration::from_micros(dice.below(20));
                if sender.send_timeout(token, wait).is_ok() {
                    sent.push(number);
                }
            }
            sent
        });
        let (mut dice, mut received) = (Dice::new(2), Vec::new());
        loop {
            let wait = Duration::from_micros(dice.below(20));
            match receiver.recv_timeout(wait) {
                Ok(token) => received.push(token.number()),
                Err(error) if error.is_disconnected() => break,
                Err(_) => {}
            }
        }
        assert_eq!(received, sending.get());
        ledger.close();
    });
}

#[test]
fn those_who_never_wait_agree_as_well() {
    const ROUNDS: usize = 5_000;
    finishes(|| {
        for (send_name, send) in hasty_sends() {
            for (receive_name, receive) in hasty_receives() {
                let (sender, receiver) = bounded(0);
                let sending = start(move || {
                    (0..ROUNDS)
                        .filter(|&round| send(&sender, round).is_ok())
                        .collect::<Vec<_>>()
                });
                let mut received = Vec::new();
                loop {
                    match receive(&receiver) {
                        Ok(round) => received.push(round),
                        Err(Nothing::Gone) => break,
                        Err(Nothing::NotNow) => {}
                    }
                }
                assert_eq!(received, sending.get(), "{send_name}, {receive_name}");
            }
        }
    });
}

#[test]
fn many_waiting_senders_are_served_once_each() {
    const SENDERS: usize = 8;
    finishes(|| {
        let (sender, receiver) = bounded(0);
        let sending: Vec<_> = (0..SENDERS)
            .map(|number| {
                let sender = sender.clone();
                start(move || sender.send(number))
            })
            .collect();
        let_block();
        let mut received: Vec<_> = receiver.iter().take(SENDERS).collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..SENDERS));
        assert!(sending.into_iter().all(|one| one.get().is_ok()));
        assert!(receiver.try_recv().is_err());
    });
}

#[test]
fn many_waiting_receivers_are_served_once_each() {
    const RECEIVERS: usize = 8;
    finishes(|| {
        let (sender, receiver) = bounded(0);
        let receiving: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                let receiver = receiver.clone();
                start(move || receiver.recv().unwrap())
            })
            .collect();
        let_block();
        for number in 0..RECEIVERS {
            sender.send(number).unwrap();
        }
        let mut received: Vec<_> = receiving.into_iter().map(|one| one.get()).collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..RECEIVERS));
        assert!(sender.try_send(0).is_err());
    });
}

#[test]
fn each_sender_keeps_its_order() {
    const MESSAGES: usize = 2_000;
    finishes(|| {
        let (sender, receiver) = bounded(0);
        thread::scope(|scope| {
            for name in 0..2 {
                let sender = sender.clone();
                scope.spawn(move || (0..MESSAGES).for_each(|n| sender.send((name, n)).unwrap()));
            }
            drop(sender);
            let mut next = [0; 2];
            for (name, number) in &receiver {
                assert_eq!(number, next[name]);
                next[name] += 1;
            }
            assert_eq!(next, [MESSAGES; 2]);
        });
    });
}
