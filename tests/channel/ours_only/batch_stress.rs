//! Batches of varying size among single operations and time-outs, at full tilt: every message
//! arrives exactly once, and each receiver sees each sender's messages in order.

use std::time::Duration;

use crate::adapter::guichet::{Receiver, Sender, bounded};
use crate::ledger::{Ledger, Token};
use crate::support::{CAPACITIES, CREWS, Dice, finishes, start};

const MESSAGES: usize = 2_000;

struct Message {
    sender: usize,
    number: usize,
    token: Token,
}

/// Sends all of `waiting`, now so, now so.
fn send_all(sender: &Sender<Message>, mut waiting: Vec<Message>, dice: &mut Dice) {
    // The next one is at the end.
    waiting.reverse();
    while let Some(next) = waiting.pop() {
        match dice.below(5) {
            0 => assert!(sender.send(next).is_ok()),
            1 => {
                let wait = Duration::from_micros(dice.below(40));
                if let Err(refused) = sender.send_timeout(next, wait) {
                    waiting.push(refused.into_inner());
                }
            }
            choice => {
                waiting.push(next);
                let size = dice.below(24) as usize;
                let mut batch = waiting.split_off(waiting.len().saturating_sub(size));
                batch.reverse();
                if choice == 2 {
                    let _ = sender.try_send_many(&mut batch);
                } else {
                    assert!(sender.send_many(&mut batch).is_ok());
                }
                waiting.extend(batch.into_iter().rev());
            }
        }
    }
}

/// Receives to the end, now so, now so.
fn receive_all(receiver: &Receiver<Message>, dice: &mut Dice) -> Vec<Message> {
    let mut received = Vec::new();
    loop {
        let gone = match dice.below(5) {
            0 => receiver.recv().map(|one| received.push(one)).is_err(),
            1 => {
                let wait = Duration::from_micros(dice.below(40));
                let one = receiver.recv_timeout(wait);
                let one = one.map(|one| received.push(one));
                one.is_err_and(|error| error.is_disconnected())
            }
            choice => {
                let (before, most) = (received.len(), 1 + dice.below(24) as usize);
                let count = if choice == 2 {
                    receiver.try_recv_many(&mut received, most)
                } else {
                    receiver.recv_many(&mut received, most).map_err(Into::into)
                };
                assert_eq!(received.len(), before + count.unwrap_or(0));
                assert!(count.is_ok_and(|count| count <= most) || count.is_err());
                count.is_err_and(|error| error.is_disconnected())
            }
        };
        if gone {
            return received;
        }
    }
}

fn exchange(capacity: usize, senders: usize, receivers: usize) {
    let ledger = Ledger::new();
    let (sender, receiver) = bounded(capacity);
    let sending: Vec<_> = (0..senders)
        .map(|name| {
            let (sender, mut dice) = (sender.clone(), Dice::new(name as u64));
            let message = move |number| Message {
                sender: name,
                number,
                token: ledger.token(),
            };
            start(move || {
                let messages = (0..MESSAGES).map(message).collect();
                send_all(&sender, messages, &mut dice);
            })
        })
        .collect();
    let receiving: Vec<_> = (0..receivers)
        .map(|name| {
            let (receiver, mut dice) = (receiver.clone(), Dice::new(100 + name as u64));
            start(move || receive_all(&receiver, &mut dice))
        })
        .collect();
    drop((sender, receiver));
    sending.into_iter().for_each(|one| one.get());
    let mut arrived = vec![Vec::new(); senders];
    for one in receiving {
        let mut seen = vec![Vec::new(); senders];
        for message in one.get() {
            seen[message.sender].push(message.number);
            drop(message.token);
        }
        for (name, numbers) in seen.into_iter().enumerate() {
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

/// A test per capacity, so that a failure names it and the harness may run them side by side.
macro_rules! at_capacities {
    ($($name:ident: $place:literal),*) => {$(
        #[test]
        fn $name() {
            finishes(|| {
                for (senders, receivers) in CREWS {
                    exchange(CAPACITIES[$place], senders, receivers);
                }
            });
        }
    )*};
}
at_capacities!(rendezvous: 0, one: 1, two: 2, sixteen: 3, plenty: 4);

#[test]
fn what_was_sent_together_can_be_received_at_once() {
    const THREADS: usize = 4;
    const BATCH: usize = 5;
    finishes(|| {
        // Every thread sends a batch before it receives as many, so there is always enough for all,
        // and room. A batch may be cut short by a thread in the middle of its step, but not to nothing.
        let (sender, receiver) = bounded(THREADS * BATCH);
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (sender, receiver) = (sender.clone(), receiver.clone());
                start(move || {
                    let mut taken = Vec::new();
                    for round in 0..2_000 {
                        let mut batch = vec![round; BATCH];
                        while !batch.is_empty() {
                            assert_ne!(sender.try_send_many(&mut batch).unwrap(), 0);
                        }
                        while taken.len() < BATCH {
                            let wanted = BATCH - taken.len();
                            assert_ne!(receiver.try_recv_many(&mut taken, wanted).unwrap(), 0);
                        }
                        taken.clear();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|one| one.get());
        assert!(receiver.is_empty());
    });
}
