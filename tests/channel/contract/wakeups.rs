//! No wake-up is lost: whoever sleeps while there is something for it gets up, without help from
//! any later operation.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use super::subject::bounded;
use crate::support::{Dice, finishes, let_block, start};

#[test]
fn as_many_receivers_wake_as_there_are_messages() {
    finishes(|| {
        for capacity in [0, 1, 4, 16] {
            for sleepers in 1..=6 {
                let (sender, receiver) = bounded(capacity);
                let asleep: Vec<_> = (0..sleepers)
                    .map(|_| {
                        let receiver = receiver.clone();
                        start(move || receiver.recv().unwrap())
                    })
                    .collect();
                let_block();
                for message in 0..sleepers {
                    sender.send(message).unwrap();
                }
                let mut taken: Vec<_> = asleep.into_iter().map(|one| one.get()).collect();
                taken.sort_unstable();
                assert!(taken.into_iter().eq(0..sleepers), "capacity {capacity}");
            }
        }
    });
}

#[test]
fn as_many_senders_wake_as_there_is_room() {
    finishes(|| {
        for capacity in [0, 1, 4, 16] {
            for sleepers in 1..=6 {
                let (sender, receiver) = bounded(capacity);
                for _ in 0..capacity {
                    sender.try_send(100).unwrap();
                }
                let asleep: Vec<_> = (0..sleepers)
                    .map(|message| {
                        let sender = sender.clone();
                        start(move || sender.send(message).unwrap())
                    })
                    .collect();
                let_block();
                let taken = (0..sleepers).filter(|_| receiver.recv().is_ok()).count();
                assert_eq!(taken, sleepers);
                asleep.into_iter().for_each(|one| one.get());
                assert_eq!(receiver.try_iter().count(), capacity);
            }
        }
    });
}

#[test]
fn receivers_that_sleep_again_and_again_are_woken_each_time() {
    const ROUNDS: usize = 400;
    const SLEEPERS: usize = 3;
    finishes(|| {
        for capacity in [0, 1, SLEEPERS] {
            let (sender, receiver) = bounded(capacity);
            let round = Barrier::new(SLEEPERS + 1);
            let mut dice = Dice::new(capacity as u64);
            thread::scope(|scope| {
                for _ in 0..SLEEPERS {
                    scope.spawn(|| {
                        for number in 0..ROUNDS {
                            round.wait();
                            assert_eq!(receiver.recv(), Ok(number));
                        }
                    });
                }
                for number in 0..ROUNDS {
                    round.wait();
                    dice.dawdle(60);
                    for _ in 0..SLEEPERS {
                        sender.send(number).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn senders_that_sleep_again_and_again_are_woken_each_time() {
    const ROUNDS: usize = 400;
    const SLEEPERS: usize = 3;
    finishes(|| {
        for capacity in [0, 1, SLEEPERS] {
            let (sender, receiver) = bounded(capacity);
            let round = Barrier::new(SLEEPERS + 1);
            let mut dice = Dice::new(10 + capacity as u64);
            for _ in 0..capacity {
                sender.send(0).unwrap();
            }
            thread::scope(|scope| {
                for _ in 0..SLEEPERS {
                    scope.spawn(|| {
                        for number in 0..ROUNDS {
                            round.wait();
                            sender.send(number).unwrap();
                        }
                    });
                }
                for _ in 0..ROUNDS {
                    round.wait();
                    dice.dawdle(60);
                    for _ in 0..SLEEPERS {
                        receiver.recv().unwrap();
                    }
                }
            });
            assert_eq!(receiver.len(), capacity);
        }
    });
}

#[test]
fn a_receiver_that_gives_up_takes_nobodys_wake_up_with_it() {
    const ROUNDS: u64 = 400;
    finishes(|| {
        for capacity in [0, 1, 2] {
            let mut dice = Dice::new(capacity as u64);
            for round in 0..ROUNDS {
                let (sender, receiver) = bounded(capacity);
                let wait = Duration::from_micros(dice.below(120));
                let hasty = receiver.clone();
                let hasty = start(move || hasty.recv_timeout(wait));
                let patient = start(move || receiver.recv());
                dice.dawdle(2_000);
                sender.send(round).unwrap();
                // One message for two. If the hasty one went without, it is the patient one's.
                if hasty.get().is_ok() {
                    sender.send(round).unwrap();
                }
                assert_eq!(patient.get(), Ok(round), "{wait:?}");
            }
        }
    });
}

#[test]
fn a_sender_that_gives_up_takes_nobodys_wake_up_with_it() {
    const ROUNDS: u64 = 400;
    finishes(|| {
        for capacity in [0, 1, 2] {
            let mut dice = Dice::new(20 + capacity as u64);
            for _ in 0..ROUNDS {
                let (sender, receiver) = bounded(capacity);
                for _ in 0..capacity {
                    sender.send(0).unwrap();
                }
                let wait = Duration::from_micros(dice.below(120));
                let hasty = sender.clone();
                let hasty = start(move || hasty.send_timeout(1, wait));
                let patient = start(move || sender.send(2));
                dice.dawdle(2_000);
                receiver.recv().unwrap();
                // Room for one of two. If the hasty one went without, it is the patient one's.
                if hasty.get().is_ok() {
                    receiver.recv().unwrap();
                }
                assert_eq!(patient.get(), Ok(()), "{wait:?}");
            }
        }
    });
}

#[test]
fn a_receiver_that_leaves_takes_nobodys_wake_up_with_it() {
    const ROUNDS: u64 = 300;
    finishes(|| {
        for capacity in [0, 1] {
            let mut dice = Dice::new(30 + capacity as u64);
            for round in 0..ROUNDS {
                let (sender, receiver) = bounded(capacity);
                let other = receiver.clone();
                // It takes at most one message and leaves; the rest is for who stays.
                let leaving = start(move || other.recv());
                let staying = start(move || receiver.iter().count());
                dice.dawdle(200);
                for _ in 0..3 {
                    sender.send(round).unwrap();
                }
                drop(sender);
                let taken = usize::from(leaving.get().is_ok()) + staying.get();
                assert_eq!(taken, 3);
            }
        }
    });
}

#[test]
fn a_message_sent_while_a_receiver_lies_down_is_seen() {
    const ROUNDS: usize = 3_000;
    finishes(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = bounded(capacity);
            let (back, answers) = bounded(capacity);
            let mut dice = Dice::new(40 + capacity as u64);
            let sleeper = start(move || {
                for message in receiver {
                    back.send(message).unwrap();
                }
            });
            for round in 0..ROUNDS {
                // The pause sweeps over the moment at which the other goes to sleep.
                dice.dawdle(100);
                sender.send(round).unwrap();
                dice.dawdle(100);
                assert_eq!(answers.recv(), Ok(round));
            }
            drop(sender);
            sleeper.get();
        }
    });
}
