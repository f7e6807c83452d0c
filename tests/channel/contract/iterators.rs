//! The iterators: which wait, where they end, and what they take.

use std::iter::FusedIterator;

use super::subject::{IntoIter, Iter, RecvError, TryIter, TryRecvError, bounded};
use crate::support::{CAPACITIES, finishes, let_block, start};

#[test]
fn iter_ends_with_the_last_sender() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            let all = start(move || receiver.iter().collect::<Vec<_>>());
            for message in 0..40 {
                sender.send(message).unwrap();
            }
            assert!(all.is_running());
            drop(sender);
            assert!(all.get().into_iter().eq(0..40), "capacity {capacity}");
        }
    });
}

#[test]
fn a_reference_and_the_receiver_itself_can_be_walked() {
    finishes(|| {
        let (sender, receiver) = bounded(6);
        for message in 0..6 {
            sender.send(message).unwrap();
        }
        drop(sender);
        let mut seen = Vec::new();
        for message in &receiver {
            seen.push(message);
            if message == 2 {
                break;
            }
        }
        assert_eq!(seen, [0, 1, 2]);
        for message in receiver {
            seen.push(message);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn try_iter_takes_what_is_there_and_ends() {
    let (sender, receiver) = bounded(4);
    assert_eq!(receiver.try_iter().next(), None);
    for message in 0..3 {
        sender.try_send(message).unwrap();
    }
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn try_iter_goes_on_when_more_has_come() {
    let (sender, receiver) = bounded(1);
    let mut iter = receiver.try_iter();
    for message in 0..3 {
        assert_eq!(iter.next(), None);
        sender.try_send(message).unwrap();
        assert_eq!(iter.next(), Some(message));
    }
    drop(sender);
    assert_eq!(iter.next(), None);
}

#[test]
fn try_iter_takes_what_is_left_after_the_end() {
    let (sender, receiver) = bounded(4);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    drop(sender);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn try_iter_takes_from_blocked_senders_of_a_rendezvous() {
    finishes(|| {
        let (sender, receiver) = bounded(0);
        assert_eq!(receiver.try_iter().next(), None);
        let blocked = start(move || sender.send(1));
        let mut taken = Vec::new();
        while taken.is_empty() {
            taken.extend(receiver.try_iter());
        }
        assert_eq!(taken, [1]);
        assert_eq!(blocked.get(), Ok(()));
    });
}

#[test]
fn those_that_wait_stay_ended() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded::<u8>(capacity);
            drop(sender);
            let mut iter = receiver.iter();
            assert_eq!([iter.next(), iter.next()], [None, None]);
            let mut iter = receiver.into_iter();
            assert_eq!([iter.next(), iter.next()], [None, None]);
        }
    });
}

#[test]
fn those_that_wait_are_fused_and_say_so() {
    fn fused<X: FusedIterator>() {}
    fused::<Iter<'_, u8>>();
    fused::<IntoIter<u8>>();
    fn iterates<X: Iterator<Item = u8>>() {}
    iterates::<TryIter<'_, u8>>();
}

#[test]
fn they_promise_no_more_than_they_give() {
    finishes(|| {
        let (sender, receiver) = bounded(8);
        for message in 0..5 {
            sender.send(message).unwrap();
        }
        let honest = |(least, most): (usize, Option<usize>), given: usize| {
            least <= given && most.is_none_or(|most| given <= most)
        };
        assert!(honest(receiver.try_iter().size_hint(), 5));
        // While there is a sender, nobody knows how many are still to come.
        let (least, most) = receiver.iter().size_hint();
        assert!(least <= 5 && most.is_none());
        drop(sender);
        assert!(honest(receiver.iter().size_hint(), 5));
        let iter = receiver.into_iter();
        assert!(honest(iter.size_hint(), 5));
        assert_eq!(iter.count(), 5);
    });
}

#[test]
fn two_iterators_share_one_queue() {
    finishes(|| {
        let (sender, receiver) = bounded(6);
        for message in 0..6 {
            sender.try_send(message).unwrap();
        }
        let other = receiver.clone();
        let (mut one, mut two) = (receiver.iter(), other.try_iter());
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.extend(one.next());
            seen.extend(two.next());
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn an_iterator_waits_for_what_comes_later() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            let walking = start(move || {
                let mut iter = receiver.into_iter();
                [iter.next(), iter.next(), iter.next()]
            });
            let_block();
            sender.send(1).unwrap();
            let_block();
            assert!(walking.is_running());
            sender.send(2).unwrap();
            drop(sender);
            assert_eq!(walking.get(), [Some(1), Some(2), None], "{capacity}");
        }
    });
}

#[test]
fn breaking_off_keeps_the_channel_usable() {
    finishes(|| {
        let (sender, receiver) = bounded(3);
        for message in 0..3 {
            sender.send(message).unwrap();
        }
        assert_eq!(receiver.iter().find(|&message| message == 1), Some(1));
        sender.send(3).unwrap();
        drop(sender);
        assert_eq!(receiver.recv(), Ok(2));
        assert_eq!(receiver.recv(), Ok(3));
        assert_eq!(receiver.recv(), Err(RecvError));
    });
}
