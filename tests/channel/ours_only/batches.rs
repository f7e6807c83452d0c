//! Batches that need not wait: how many, in what order, and what stays in the vector.

use crate::adapter::guichet::{RecvError, SendError, TryRecvError, TrySendError, bounded};
use crate::ledger::Ledger;
use crate::support::{CAPACITIES, finishes, let_block, start};

#[test]
fn as_much_of_the_front_is_sent_as_fits() {
    finishes(|| {
        for capacity in 0..12 {
            for queued in 0..=capacity {
                for batch in 0..16 {
                    let (sender, receiver) = bounded(capacity);
                    for message in 0..queued {
                        sender.try_send(message).unwrap();
                    }
                    let mut messages: Vec<_> = (queued..queued + batch).collect();
                    let fits = batch.min(capacity - queued);
                    let sent = sender.try_send_many(&mut messages);
                    if fits == 0 && batch > 0 {
                        assert_eq!(sent, Err(TrySendError::Full(())));
                    } else {
                        assert_eq!(sent, Ok(fits));
                    }
                    assert!(messages.into_iter().eq(queued + fits..queued + batch));
                    assert_eq!(receiver.len(), queued + fits);
                    assert!(receiver.try_iter().eq(0..queued + fits));
                }
            }
        }
    });
}

#[test]
fn as_many_are_received_as_are_there_and_wanted() {
    finishes(|| {
        for capacity in 1..12 {
            for turned in 0..capacity {
                for queued in 1..=capacity {
                    for most in [0, 1, 2, 5, 11, 100, usize::MAX] {
                        let (sender, receiver) = bounded(capacity);
                        for _ in 0..turned {
                            sender.try_send(99).unwrap();
                            receiver.try_recv().unwrap();
                        }
                        for message in 0..queued {
                            sender.try_send(message).unwrap();
                        }
                        let mut messages = vec![7, 7];
                        let taken = queued.min(most);
                        assert_eq!(receiver.try_recv_many(&mut messages, most), Ok(taken));
                        assert_eq!(messages[..2], [7, 7], "what was there stays");
                        assert!(messages.into_iter().skip(2).eq(0..taken));
                        assert_eq!(receiver.len(), queued - taken);
                    }
                }
            }
        }
    });
}

#[test]
fn a_batch_is_received_without_waiting_for_more() {
    finishes(|| {
        for most in [1, 2, 3, 10, usize::MAX] {
            let (sender, receiver) = bounded(8);
            for message in 0..3 {
                sender.send(message).unwrap();
            }
            let mut messages = Vec::new();
            let taken = most.min(3);
            assert_eq!(receiver.recv_many(&mut messages, most), Ok(taken));
            assert!(messages.into_iter().eq(0..taken));
        }
    });
}

#[test]
fn nothing_there_nothing_done() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded::<u8>(capacity);
            let mut messages = vec![1];
            let nothing = receiver.try_recv_many(&mut messages, 5);
            assert_eq!(nothing, Err(TryRecvError::Empty));
            drop(sender);
            let nothing = receiver.try_recv_many(&mut messages, 5);
            assert_eq!(nothing, Err(TryRecvError::Disconnected));
            assert_eq!(receiver.recv_many(&mut messages, 5), Err(RecvError));
            assert_eq!(messages, [1]);
        }
    });
}

#[test]
fn to_want_none_is_to_do_nothing() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            let mut messages = vec![1];
            assert_eq!(receiver.recv_many(&mut messages, 0), Ok(0));
            assert_eq!(receiver.try_recv_many(&mut messages, 0), Ok(0));
            let queued = sender.try_send(2).is_ok();
            assert_eq!(receiver.recv_many(&mut messages, 0), Ok(0));
            assert_eq!(receiver.len(), usize::from(queued));
            drop(sender);
            assert_eq!(receiver.recv_many(&mut messages, 0), Ok(0));
            assert_eq!(receiver.try_recv_many(&mut messages, 0), Ok(0));
            assert_eq!(messages, [1]);
        }
    });
}

#[test]
fn to_send_none_is_to_do_nothing() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded::<u8>(capacity);
            let none = &mut Vec::new();
            assert_eq!(sender.send_many(none), Ok(()));
            assert_eq!(sender.try_send_many(none), Ok(0));
            while sender.try_send(1).is_ok() {}
            assert_eq!(sender.send_many(none), Ok(()), "also when it is full");
            assert_eq!(sender.try_send_many(none), Ok(0));
            drop(receiver);
            assert_eq!(sender.try_send_many(none), Ok(0), "also when it has ended");
        }
    });
}

#[test]
fn nobody_there_all_stays_in_the_vector() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = bounded(capacity);
            drop(receiver);
            let mut messages = vec![1, 2, 3];
            assert_eq!(sender.send_many(&mut messages), Err(SendError(())));
            let refused = sender.try_send_many(&mut messages);
            assert_eq!(refused, Err(TrySendError::Disconnected(())));
            assert_eq!(messages, [1, 2, 3]);
        }
    });
}

#[test]
fn after_the_last_sender_batches_are_received_to_the_end() {
    finishes(|| {
        let (sender, receiver) = bounded(8);
        sender.send_many(&mut (0..7).collect()).unwrap();
        drop(sender);
        let mut messages = Vec::new();
        assert_eq!(receiver.recv_many(&mut messages, 3), Ok(3));
        assert_eq!(receiver.try_recv_many(&mut messages, 3), Ok(3));
        assert_eq!(receiver.recv_many(&mut messages, 3), Ok(1));
        assert_eq!(receiver.recv_many(&mut messages, 3), Err(RecvError));
        assert!(messages.into_iter().eq(0..7));
    });
}

#[test]
fn batches_and_single_messages_keep_one_order() {
    finishes(|| {
        for capacity in [1, 2, 3, 7, 16] {
            let (sender, receiver) = bounded(capacity);
            let (mut next_in, mut next_out) = (0, 0);
            for round in 0..300 {
                let mut batch: Vec<_> = (next_in..next_in + round % 9).collect();
                next_in += sender.try_send_many(&mut batch).unwrap_or(0);
                next_in += usize::from(sender.try_send(next_in).is_ok());
                let mut taken = Vec::new();
                let _ = receiver.try_recv_many(&mut taken, round % 5);
                taken.extend(receiver.try_recv());
                for message in taken {
                    assert_eq!(message, next_out);
                    next_out += 1;
                }
            }
            assert!(receiver.try_iter().eq(next_out..next_in));
        }
    });
}

#[test]
fn at_a_rendezvous_as_many_are_sent_as_wait() {
    finishes(|| {
        for waiting in 1..5 {
            let (sender, receiver) = bounded(0);
            let mut messages: Vec<_> = (0..8).collect();
            let full = sender.try_send_many(&mut messages);
            assert_eq!(full, Err(TrySendError::Full(())));
            let receivers: Vec<_> = (0..waiting)
                .map(|_| {
                    let receiver = receiver.clone();
                    start(move || receiver.recv().unwrap())
                })
                .collect();
            let_block();
            let mut sent = 0;
            while sent < waiting {
                // Not all need be there at the first call.
                sent += sender.try_send_many(&mut messages).unwrap_or(0);
            }
            assert_eq!(sent, waiting);
            assert_eq!(messages.len(), 8 - waiting);
            let full = sender.try_send_many(&mut messages);
            assert_eq!(full, Err(TrySendError::Full(())));
            let mut received: Vec<_> = receivers.into_iter().map(|one| one.get()).collect();
            received.sort_unstable();
            received.extend(messages);
            assert!(received.into_iter().eq(0..8));
        }
    });
}

#[test]
fn at_a_rendezvous_as_many_are_received_as_wait() {
    finishes(|| {
        for most in [1, 2, 3, 10] {
            let (sender, receiver) = bounded(0);
            let senders: Vec<_> = (0..4)
                .map(|message| {
                    let sender = sender.clone();
                    start(move || sender.send(message))
                })
                .collect();
            let_block();
            let mut messages = Vec::new();
            while messages.len() < 4 {
                let before = messages.len();
                if let Ok(count) = receiver.try_recv_many(&mut messages, most) {
                    assert!((1..=most).contains(&count));
                    assert_eq!(messages.len(), before + count);
                }
            }
            assert!(senders.into_iter().all(|one| one.get().is_ok()));
            messages.sort_unstable();
            assert_eq!(messages, [0, 1, 2, 3]);
        }
    });
}

#[test]
fn each_message_of_a_batch_is_dropped_once() {
    finishes(|| {
        for capacity in [1, 2, 5] {
            for batch in 1..8 {
                let ledger = Ledger::new();
                let (sender, receiver) = bounded(capacity);
                let mut messages: Vec<_> = (0..batch).map(|_| ledger.token()).collect();
                let sent = sender.try_send_many(&mut messages).unwrap();
                assert_eq!(ledger.dropped(), 0);
                let mut taken = Vec::new();
                assert!(receiver.try_recv_many(&mut taken, 1).is_ok());
                assert_eq!(ledger.dropped(), 0);
                drop(receiver);
                assert_eq!(ledger.dropped(), sent - 1);
                drop((taken, messages));
                ledger.close();
            }
        }
    });
}

#[test]
fn batches_of_nothing_at_all_are_counted() {
    finishes(|| {
        let (sender, receiver) = bounded(5);
        let mut messages = vec![(); 8];
        assert_eq!(sender.try_send_many(&mut messages), Ok(5));
        assert_eq!(messages.len(), 3);
        let mut taken = Vec::new();
        assert_eq!(receiver.try_recv_many(&mut taken, 4), Ok(4));
        assert_eq!(sender.try_send_many(&mut messages), Ok(3));
        assert_eq!(receiver.try_recv_many(&mut taken, 9), Ok(4));
        assert_eq!(taken.len(), 8);
    });
}

/// Room is made for what is there, not for what was asked for, nor for what the channel could hold.
#[test]
fn a_limit_beyond_reason_costs_no_memory() {
    finishes(|| {
        let (sender, receiver) = bounded(1 << 16);
        let reasonable = 1_000;
        for most in [
            usize::MAX,
            receiver.capacity().expect("bounded"),
            reasonable,
        ] {
            sender.try_send(1_u64).unwrap();
            let mut messages = Vec::new();
            assert_eq!(receiver.try_recv_many(&mut messages, most), Ok(1));
            assert!(messages.capacity() < reasonable, "{most}");
            sender.try_send(1_u64).unwrap();
            let mut messages = Vec::new();
            assert_eq!(receiver.recv_many(&mut messages, most), Ok(1));
            assert!(messages.capacity() < reasonable, "{most}");
        }
    });
}
