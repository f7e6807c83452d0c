//! Order, capacity and the counts that the handles report.

use std::collections::VecDeque;
use std::rc::Rc;
use std::thread;

use super::operations::{Nothing, Refused, hasty_receives, hasty_sends, receives, sends};
use super::subject::{Receiver, Sender, bounded};
use crate::support::{Dice, finishes, let_block, start};

/// Both handles agree on how full the channel is.
#[track_caller]
fn holds<T>(sender: &Sender<T>, receiver: &Receiver<T>, len: usize) {
    let capacity = sender.capacity().expect("a bounded channel");
    assert_eq!((sender.len(), receiver.len()), (len, len));
    assert_eq!(
        (sender.is_empty(), receiver.is_empty()),
        (len == 0, len == 0)
    );
    let full = len == capacity;
    assert_eq!((sender.is_full(), receiver.is_full()), (full, full));
}

#[test]
fn every_send_reaches_every_receive() {
    finishes(|| {
        for (send_name, send) in sends() {
            for (receive_name, receive) in receives() {
                let (sender, receiver) = bounded(3);
                for message in 0..3 {
                    assert_eq!(send(&sender, message), Ok(()), "{send_name}");
                }
                for message in 0..3 {
                    assert_eq!(receive(&receiver), Ok(message), "{receive_name}");
                }
            }
        }
    });
}

#[test]
fn messages_come_out_in_order_whatever_the_fill() {
    finishes(|| {
        for capacity in [1, 2, 3, 7, 8, 16, 100] {
            let (sender, receiver) = bounded(capacity);
            let (mut dice, mut queued) = (Dice::new(capacity as u64), VecDeque::new());
            for message in 0..2_000 {
                if queued.len() == capacity || dice.below(2) == 0 {
                    let expected = queued.pop_front();
                    assert_eq!(receiver.try_recv().ok(), expected, "capacity {capacity}");
                }
                sender.send(message).unwrap();
                queued.push_back(message);
                holds(&sender, &receiver, queued.len());
            }
        }
    });
}

#[test]
fn a_channel_takes_exactly_its_capacity() {
    finishes(|| {
        for capacity in (0..=66).chain([127, 128, 129, 1_000, 4_096]) {
            for (name, send) in hasty_sends() {
                let (sender, receiver) = bounded(capacity);
                for message in 0..capacity {
                    holds(&sender, &receiver, message);
                    assert_eq!(send(&sender, message), Ok(()), "{name}, {capacity}");
                }
                holds(&sender, &receiver, capacity);
                let refused = send(&sender, capacity);
                assert_eq!(
                    refused,
                    Err(Refused::NotNow(capacity)),
                    "{name}, {capacity}"
                );
                holds(&sender, &receiver, capacity);
            }
        }
    });
}

#[test]
fn a_channel_gives_exactly_what_it_took() {
    finishes(|| {
        for capacity in [0, 1, 2, 5, 64] {
            for (name, receive) in hasty_receives() {
                let (sender, receiver) = bounded(capacity);
                for message in 0..capacity {
                    sender.try_send(message).unwrap();
                }
                for message in 0..capacity {
                    assert_eq!(receive(&receiver), Ok(message), "{name}, {capacity}");
                    holds(&sender, &receiver, capacity - message - 1);
                }
                assert_eq!(receive(&receiver), Err(Nothing::NotNow), "{name}");
                holds(&sender, &receiver, 0);
            }
        }
    });
}

#[test]
fn capacity_is_what_was_asked_for() {
    for capacity in (0..70).chain([100, 1_000, 65_535, 65_536]) {
        let (sender, receiver) = bounded::<u8>(capacity);
        assert_eq!(sender.capacity(), Some(capacity));
        assert_eq!(receiver.capacity(), Some(capacity));
        assert_eq!(sender.clone().capacity(), Some(capacity));
        assert_eq!(receiver.clone().capacity(), Some(capacity));
    }
}

#[test]
fn a_rendezvous_is_empty_and_full_even_with_somebody_waiting() {
    finishes(|| {
        let (sender, receiver) = bounded(0);
        holds(&sender, &receiver, 0);
        let blocked = start({
            let sender = sender.clone();
            move || sender.send(1)
        });
        let_block();
        holds(&sender, &receiver, 0);
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(blocked.get(), Ok(()));
        holds(&sender, &receiver, 0);
    });
}

#[test]
fn what_is_queued_counts_after_the_last_sender_has_gone() {
    let (sender, receiver) = bounded(4);
    for message in 0..3 {
        sender.try_send(message).unwrap();
    }
    drop(sender);
    for left in (0..3).rev() {
        assert_eq!(receiver.len(), left + 1);
        assert!(!receiver.is_empty() && !receiver.is_full());
        receiver.try_recv().unwrap();
    }
    assert!(receiver.is_empty());
}

#[test]
fn counts_stay_in_range_under_traffic() {
    const MESSAGES: usize = 5_000;
    finishes(|| {
        for capacity in [0, 1, 3, 64] {
            let (sender, receiver) = bounded(capacity);
            thread::scope(|scope| {
                scope.spawn(|| {
                    for message in 0..MESSAGES {
                        sender.send(message).unwrap();
                        assert!(sender.len() <= capacity);
                    }
                });
                for message in 0..MESSAGES {
                    assert_eq!(receiver.recv(), Ok(message));
                    assert!(receiver.len() <= capacity);
                }
            });
            holds(&sender, &receiver, 0);
        }
    });
}

/// A message that says where the next one comes from.
struct Link(Receiver<Link>);

#[test]
fn channels_travel_through_channels() {
    const LINKS: usize = 500;
    finishes(|| {
        for capacity in [0, 1, 4] {
            let (mut sender, mut receiver) = bounded(capacity);
            let followed = start(move || {
                let mut links = 0;
                while let Ok(Link(next)) = receiver.recv() {
                    receiver = next;
                    links += 1;
                }
                links
            });
            for _ in 0..LINKS {
                let (next_sender, next) = bounded(capacity);
                assert!(sender.send(Link(next)).is_ok());
                sender = next_sender;
            }
            drop(sender);
            assert_eq!(followed.get(), LINKS);
        }
    });
}

#[test]
fn a_message_need_not_be_send() {
    finishes(|| {
        let (sender, receiver) = bounded(2);
        let message = Rc::new(5);
        sender.send(message.clone()).unwrap();
        assert_eq!(Rc::strong_count(&message), 2);
        assert!(Rc::ptr_eq(&receiver.recv().unwrap(), &message));
        assert_eq!(Rc::strong_count(&message), 1);
    });
}

#[test]
fn a_message_may_borrow() {
    finishes(|| {
        let text = String::from("a b c");
        let (sender, receiver) = bounded(3);
        thread::scope(|scope| {
            scope.spawn(|| {
                for word in text.split(' ') {
                    sender.send(word).unwrap();
                }
            });
        });
        let words: Vec<&str> = receiver.try_iter().collect();
        assert_eq!(words, ["a", "b", "c"]);
    });
}
