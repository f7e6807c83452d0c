//! Many senders and receivers at full tilt: every message arrives exactly once, and each receiver
//! sees each sender's messages in the order in which they were sent.

use std::time::Duration;

use super::subject::{Receiver, Sender, bounded};
use crate::ledger::{Ledger, Token};
use crate::support::{CAPACITIES, CREWS, Dice, finishes, start};

const MESSAGES: usize = 1_500;

struct Message {
    sender: usize,
    number: usize,
    token: Token,
}

/// How the threads send and receive.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// They wait until it works.
    Patient,
    /// They try, time out and wait, by chance.
    Mixed,
}

fn send(sender: &Sender<Message>, message: Message, manner: Manner, dice: &mut Dice) {
    let mut message = message;
    loop {
        let refused = match manner {
            Manner::Mixed if dice.below(3) == 0 => match sender.try_send(message) {
                Ok(()) => return,
                Err(error) => error.into_inner(),
            },
            Manner::Mixed if dice.below(2) == 0 => {
                match sender.send_timeout(message, Duration::from_micros(dice.below(50))) {
                    Ok(()) => return,
                    Err(error) => error.into_inner(),
                }
            }
            _ => return assert!(sender.send(message).is_ok()),
        };
        message = refused;
        std::thread::yield_now();
    }
}

/// `None` when the channel has ended.
fn receive(receiver: &Receiver<Message>, manner: Manner, dice: &mut Dice) -> Option<Message> {
    loop {
        let gone = match manner {
            Manner::Mixed if dice.below(3) == 0 => match receiver.try_recv() {
                Ok(message) => return Some(message),
                Err(error) => error.is_disconnected(),
            },
            Manner::Mixed if dice.below(2) == 0 => {
                match receiver.recv_timeout(Duration::from_micros(dice.below(50))) {
                    Ok(message) => return Some(message),
                    Err(error) => error.is_disconnected(),
                }
            }
            _ => return receiver.recv().ok(),
        };
        if gone {
            return None;
        }
        std::thread::yield_now();
    }
}

/// Sends all from `senders` to `receivers` and looks at what arrived where.
fn exchange(capacity: usize, senders: usize, receivers: usize, manner: Manner) {
    let ledger = Ledger::new();
    let (sender, receiver) = bounded(capacity);
    let sending: Vec<_> = (0..senders)
        .map(|name| {
            let (sender, mut dice) = (sender.clone(), Dice::new(name as u64));
            start(move || {
                for number in 0..MESSAGES {
                    let message = Message {
                        sender: name,
                        number,
                        token: ledger.token(),
                    };
                    send(&sender, message, manner, &mut dice);
                }
            })
        })
        .collect();
    let receiving: Vec<_> = (0..receivers)
        .map(|name| {
            let (receiver, mut dice) = (receiver.clone(), Dice::new(100 + name as u64));
            start(move || {
                let mut seen: Vec<Vec<usize>> = vec![Vec::new(); senders];
                while let Some(message) = receive(&receiver, manner, &mut dice) {
                    seen[message.sender].push(message.number);
                    drop(message.token);
                }
                seen
            })
        })
        .collect();
    drop((sender, receiver));
    sending.into_iter().for_each(|one| one.get());
    let mut arrived = vec![Vec::new(); senders];
    for one in receiving {
        for (name, numbers) in one.get().into_iter().enumerate() {
            assert!(
                numbers.is_sorted(),
                "a receiver sees sender {name} in order"
            );
            arrived[name].extend(numbers);
        }
    }
    for mut numbers in arrived {
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..MESSAGES), "each exactly once");
    }
    ledger.close();
}

fn exchange_in_all_crews(capacity: usize, manner: Manner) {
    finishes(move || {
        for (senders, receivers) in CREWS {
            exchange(capacity, senders, receivers, manner);
        }
    });
}

/// A test per capacity, so that a failure names it and the harness may run them side by side.
macro_rules! at_capacities {
    ($($name:ident: $place:literal),*) => {
        mod patiently {
            $(#[test]
            fn $name() {
                super::exchange_in_all_crews(super::CAPACITIES[$place], super::Manner::Patient);
            })*
        }
        mod by_all_means {
            $(#[test]
            fn $name() {
                super::exchange_in_all_crews(super::CAPACITIES[$place], super::Manner::Mixed);
            })*
        }
    };
}
at_capacities!(rendezvous: 0, one: 1, two: 2, sixteen: 3, plenty: 4);

#[test]
fn receivers_may_leave_and_come_back() {
    finishes(|| {
        for capacity in [0, 1, 8] {
            let ledger = Ledger::new();
            let (sender, receiver) = bounded(capacity);
            let sending: Vec<_> = (0..3)
                .map(|_| {
                    let sender = sender.clone();
                    start(move || {
                        for _ in 0..MESSAGES {
                            assert!(sender.send(ledger.token()).is_ok());
                        }
                    })
                })
                .collect();
            drop(sender);
            let receiving: Vec<_> = (0..3)
                .map(|name| {
                    let (receiver, mut dice) = (receiver.clone(), Dice::new(name));
                    start(move || {
                        let (mut handle, mut taken) = (receiver.clone(), 0);
                        while handle.recv().is_ok() {
                            taken += 1;
                            if dice.below(4) == 0 {
                                handle = receiver.clone();
                            }
                        }
                        taken
                    })
                })
                .collect();
            sending.into_iter().for_each(|one| one.get());
            let taken: usize = receiving.into_iter().map(|one| one.get()).sum();
            assert_eq!(taken, 3 * MESSAGES);
            ledger.close();
        }
    });
}

#[test]
fn channels_for_one_message_each() {
    finishes(|| {
        for capacity in [0, 1] {
            for round in 0..500 {
                let (sender, receiver) = bounded(capacity);
                let sending = start(move || sender.send(round));
                assert_eq!(receiver.recv(), Ok(round));
                assert_eq!(sending.get(), Ok(()));
            }
        }
    });
}
