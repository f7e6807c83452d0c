//! The channel as it is: delivery against cancelling, time-outs and closing, with the lock inside.
//!
//! Two threads at a ring, three at a rendezvous; `exchange.rs` has three at a smaller store. A lost wake-up is a deadlock, which loom reports. A timed wait gives up as soon as it stands in line
//! and sleeps, so that it races with whoever serves it.

use std::time::Duration;

use guichet::channel::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, bounded,
};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use super::check;

/// Any time: it is over at once.
const NO_TIME: Duration = Duration::ZERO;

fn sends(sender: &Sender<u32>, values: &'static [u32]) -> JoinHandle<()> {
    let sender = sender.clone();
    thread::spawn(move || {
        for value in values {
            sender.send(*value).expect("a receiver is there");
        }
    })
}

fn receives(receiver: &Receiver<u32>) -> JoinHandle<Result<u32, RecvError>> {
    let receiver = receiver.clone();
    thread::spawn(move || receiver.recv())
}

/// A receiver sleeps or not; the message reaches it.
#[test]
fn channel_wakes_receiver() {
    check("channel_wakes_receiver", || {
        let (sender, receiver) = bounded(1);
        let waiting = receives(&receiver);
        sender.try_send(7).expect("there is room");
        assert_eq!(waiting.join().unwrap(), Ok(7));
    });
}

/// A sender sleeps before a full channel or not; its message follows the first.
#[test]
fn channel_wakes_sender() {
    check("channel_wakes_sender", || {
        let (sender, receiver) = bounded(1);
        sender.send(1).unwrap();
        let waiting = sends(&sender, &[2]);
        assert_eq!(receiver.try_recv(), Ok(1));
        waiting.join().unwrap();
        assert_eq!(receiver.try_recv(), Ok(2));
    });
}

/// Both sides block in turns.
#[test]
fn channel_1x1() {
    check("channel_1x1", || {
        let (sender, receiver) = bounded(1);
        let sending = sends(&sender, &[1, 2]);
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.recv(), Ok(2));
        sending.join().unwrap();
    });
}

/// A message handed from a thread to another carries what its sender did before.
#[test]
fn channel_carries_causes() {
    check("channel_carries_causes", || {
        let (sender, receiver) = bounded(1);
        let note = Arc::new(UnsafeCell::new(0));
        let other = note.clone();
        let sending = thread::spawn(move || {
            other.with_mut(|cell| unsafe { *cell = 1 });
            sender.send(()).unwrap();
        });
        receiver.recv().unwrap();
        assert_eq!(note.with(|cell| unsafe { *cell }), 1);
        sending.join().unwrap();
    });
}

/// The word that the other side is gone carries what it did before.
#[test]
fn channel_end_carries_causes() {
    check("channel_end_carries_causes, receiver", || {
        let (sender, receiver) = bounded::<u32>(1);
        let note = Arc::new(UnsafeCell::new(0));
        let other = note.clone();
        let leaving = thread::spawn(move || {
            other.with_mut(|cell| unsafe { *cell = 1 });
            drop(sender);
        });
        if receiver.try_recv() == Err(TryRecvError::Disconnected) {
            assert_eq!(note.with(|cell| unsafe { *cell }), 1);
        }
        leaving.join().unwrap();
    });
    check("channel_end_carries_causes, sender", || {
        let (sender, receiver) = bounded::<u32>(1);
        let note = Arc::new(UnsafeCell::new(0));
        let other = note.clone();
        let leaving = thread::spawn(move || {
            other.with_mut(|cell| unsafe { *cell = 1 });
            drop(receiver);
        });
        if sender.try_send(1) == Err(TrySendError::Disconnected(1)) {
            assert_eq!(note.with(|cell| unsafe { *cell }), 1);
        }
        leaving.join().unwrap();
    });
}

/// It carries what everyone there did before: the last one to leave speaks for all.
#[test]
fn channel_end_carries_all_causes() {
    check("channel_end_carries_all_causes, receiver", || {
        let (sender, receiver) = bounded::<u32>(1);
        let (last, note) = (sender.clone(), Arc::new(UnsafeCell::new(0)));
        let other = note.clone();
        let leaving = thread::spawn(move || {
            other.with_mut(|cell| unsafe { *cell = 1 });
            drop(sender);
        });
        let leaving_last = thread::spawn(move || drop(last));
        if receiver.try_recv() == Err(TryRecvError::Disconnected) {
            assert_eq!(note.with(|cell| unsafe { *cell }), 1);
        }
        leaving.join().unwrap();
        leaving_last.join().unwrap();
    });
    check("channel_end_carries_all_causes, sender", || {
        let (sender, receiver) = bounded::<u32>(1);
        let (last, note) = (receiver.clone(), Arc::new(UnsafeCell::new(0)));
        let other = note.clone();
        let leaving = thread::spawn(move || {
            other.with_mut(|cell| unsafe { *cell = 1 });
            drop(receiver);
        });
        let leaving_last = thread::spawn(move || drop(last));
        if sender.try_send(1) == Err(TrySendError::Disconnected(1)) {
            assert_eq!(note.with(|cell| unsafe { *cell }), 1);
        }
        leaving.join().unwrap();
        leaving_last.join().unwrap();
    });
}

/// At capacity 0 the message goes from hand to hand, and the sender leaves after its receiver came.
#[test]
fn channel_rendezvous() {
    check("channel_rendezvous", || {
        let (sender, receiver) = bounded(0);
        let note = Arc::new(UnsafeCell::new(0));
        let other = note.clone();
        let receiving = thread::spawn(move || {
            other.with_mut(|cell| unsafe { *cell = 1 });
            receiver.recv()
        });
        sender.send(7).unwrap();
        assert_eq!(
            note.with(|cell| unsafe { *cell }),
            1,
            "the receiver came before"
        );
        assert_eq!(receiving.join().unwrap(), Ok(7));
    });
}

/// Two of one side, one of the other: everybody is served.
#[test]
fn channel_rendezvous_2x1() {
    check("channel_rendezvous_2x1", || {
        let (sender, receiver) = bounded(0);
        let (one, two) = (sends(&sender, &[1]), sends(&sender, &[2]));
        let sum = receiver.recv().unwrap() + receiver.recv().unwrap();
        assert_eq!(sum, 3);
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// Two receivers wait, or one does, or none; each has its message.
#[test]
fn channel_rendezvous_1x2() {
    check("channel_rendezvous_1x2", || {
        let (sender, receiver) = bounded(0);
        let (one, two) = (receives(&receiver), receives(&receiver));
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        let sum = one.join().unwrap().unwrap() + two.join().unwrap().unwrap();
        assert_eq!(sum, 3);
    });
}

/// What cannot wait succeeds only against a partner that does, and then both have their result.
#[test]
fn channel_rendezvous_try() {
    check("channel_rendezvous_try", || {
        let (sender, receiver) = bounded(0);
        let sending = thread::spawn(move || sender.try_send(7));
        let received = receiver.recv_timeout(NO_TIME);
        match sending.join().unwrap() {
            Ok(()) => assert_eq!(received, Ok(7)),
            Err(error) => {
                assert_eq!(error, TrySendError::Full(7));
                assert!(received.is_err(), "a message from nowhere");
            }
        }
    });
}

/// Delivery against a time-out of the receiver: it has the message or the channel has.
#[test]
fn channel_recv_times_out() {
    check("channel_recv_times_out", || {
        let (sender, receiver) = bounded(1);
        let other = receiver.clone();
        let waiting = thread::spawn(move || other.recv_timeout(NO_TIME));
        sender.try_send(7).unwrap();
        match waiting.join().unwrap() {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => {
                assert_eq!(error, RecvTimeoutError::Timeout);
                assert_eq!(receiver.try_recv(), Ok(7), "the message was lost");
            }
        }
        assert_eq!(
            receiver.try_recv(),
            Err(TryRecvError::Empty),
            "it came twice"
        );
    });
}

/// Delivery against a time-out of the sender: it has the message back or the channel has it.
#[test]
fn channel_send_times_out() {
    check("channel_send_times_out", || {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).unwrap();
        let waiting = thread::spawn(move || sender.send_timeout(2, NO_TIME));
        assert_eq!(receiver.try_recv(), Ok(1));
        match waiting.join().unwrap() {
            Ok(()) => assert_eq!(receiver.try_recv(), Ok(2), "the message was lost"),
            Err(error) => assert_eq!(error, SendTimeoutError::Timeout(2)),
        }
        assert_eq!(
            receiver.try_recv(),
            Err(TryRecvError::Disconnected),
            "it came twice"
        );
    });
}

/// Both sides of a rendezvous give up, or neither.
#[test]
fn channel_rendezvous_times_out() {
    check("channel_rendezvous_times_out", || {
        let (sender, receiver) = bounded(0);
        let sending = thread::spawn(move || (sender.send_timeout(7, NO_TIME), sender));
        let received = receiver.recv_timeout(NO_TIME);
        let (sent, _sender) = sending.join().unwrap();
        match sent {
            Ok(()) => assert_eq!(received, Ok(7)),
            Err(error) => {
                assert_eq!(error, SendTimeoutError::Timeout(7));
                assert_eq!(received, Err(RecvTimeoutError::Timeout));
            }
        }
    });
}

/// The last sender leaves: what it sent arrives, then everybody is told.
#[test]
fn channel_close_wakes_receivers() {
    for capacity in [0, 1] {
        check(
            &format!("channel_close_wakes_receivers, {capacity}"),
            move || {
                let (sender, receiver) = bounded(capacity);
                let waiting = receives(&receiver);
                if capacity > 0 {
                    sender.try_send(7).unwrap();
                }
                drop(sender);
                let mut got = [waiting.join().unwrap(), receiver.recv()];
                got.sort_by_key(|result| result.is_err());
                let first = if capacity > 0 { Ok(7) } else { Err(RecvError) };
                assert_eq!(got, [first, Err(RecvError)]);
            },
        );
    }
}

/// Two senders leave, each after its message: both arrive before the end does.
#[test]
fn channel_last_of_two_closes() {
    check("channel_last_of_two_closes", || {
        let (sender, receiver) = bounded(2);
        let other = sender.clone();
        let leaving = thread::spawn(move || other.try_send(1).unwrap());
        sender.try_send(2).unwrap();
        drop(sender);
        let mut sum = 0;
        while let Ok(value) = receiver.recv() {
            sum += value;
        }
        assert_eq!(sum, 3, "the end came before a message");
        leaving.join().unwrap();
    });
}

/// The last receiver leaves: a waiting sender has its message back, or it was dropped with the rest.
#[test]
fn channel_close_wakes_senders() {
    for capacity in [0, 1] {
        check(
            &format!("channel_close_wakes_senders, {capacity}"),
            move || {
                let (sender, receiver) = bounded(capacity);
                let message = Arc::new(());
                if capacity > 0 {
                    sender.try_send(message.clone()).unwrap();
                }
                let other = sender.clone();
                let copy = message.clone();
                let waiting = thread::spawn(move || other.send(copy));
                drop(receiver);
                let sent = waiting.join().unwrap();
                let refused = matches!(sent, Err(SendError(_)));
                drop(sent);
                assert!(refused || capacity > 0, "a rendezvous with nobody");
                assert!(
                    sender.is_empty(),
                    "a message stayed in a channel that nobody reads"
                );
                assert_eq!(Arc::strong_count(&message), 1, "a message was not dropped");
                assert!(sender.try_send(message).unwrap_err().is_disconnected());
            },
        );
    }
}

/// The end of the channel against a time-out: whichever came first is told.
#[test]
fn channel_close_and_time_out() {
    check("channel_close_and_time_out", || {
        let (sender, receiver) = bounded::<u32>(1);
        let waiting = thread::spawn(move || receiver.recv_timeout(NO_TIME));
        drop(sender);
        assert!(waiting.join().unwrap().is_err());
    });
}

/// A sender that waits and a receiver that comes while another takes: all three are served.
#[test]
fn channel_both_lines() {
    check("channel_both_lines", || {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).unwrap();
        let sending = sends(&sender, &[2]);
        let receiving = receives(&receiver);
        let mine = receiver.recv().unwrap();
        assert_eq!(mine + receiving.join().unwrap().unwrap(), 3);
        sending.join().unwrap();
    });
}

/// Batches: a run that is longer than the channel goes in and out in pieces.
#[test]
fn channel_batch() {
    check("channel_batch", || {
        let (sender, receiver) = bounded(1);
        let sending = thread::spawn(move || {
            let mut messages = vec![1, 2];
            sender
                .send_many(&mut messages)
                .expect("a receiver is there");
            assert!(messages.is_empty());
        });
        let mut got = Vec::new();
        while receiver.recv_many(&mut got, 2).is_ok() {}
        assert_eq!(got, [1, 2]);
        sending.join().unwrap();
    });
}
