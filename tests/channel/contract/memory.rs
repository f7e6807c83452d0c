//! A channel gives back all the memory it took, in whatever order its handles go.

use std::time::Duration;

use super::subject::{Receiver, Sender, bounded};
use crate::memory::{balance, rise};
use crate::support::finishes;

type Message = Box<u64>;
type Life = (&'static str, fn(Sender<Message>, Receiver<Message>));

const LIVES: [Life; 6] = [
    ("unused, senders first", |sender, receiver| {
        drop(sender);
        drop(receiver);
    }),
    ("filled, senders first", |sender, receiver| {
        while sender.try_send(Box::new(1)).is_ok() {}
        drop(sender);
        drop(receiver);
    }),
    ("filled, receivers first", |sender, receiver| {
        while sender.try_send(Box::new(1)).is_ok() {}
        drop(receiver);
        drop(sender);
    }),
    ("turned and half full", |sender, receiver| {
        for _ in 0..100 {
            let _ = sender.try_send(Box::new(1));
            let _ = sender.try_send(Box::new(1));
            drop(receiver.try_recv());
        }
        drop((sender, receiver));
    }),
    ("waited on in vain", |sender, receiver| {
        let moment = Duration::from_micros(200);
        while sender.send_timeout(Box::new(1), moment).is_ok() {}
        while receiver.recv_timeout(moment).is_ok() {}
        drop((sender, receiver));
    }),
    ("cloned and refused", |sender, receiver| {
        let clones = (sender.clone(), receiver.clone());
        drop((sender, receiver));
        let (sender, receiver) = clones;
        drop(receiver);
        drop(sender.send(Box::new(1)));
    }),
];

#[test]
fn nothing_is_left_when_the_handles_have_gone() {
    finishes(|| {
        for capacity in [0, 1, 2, 16, 1_000] {
            for (name, live) in LIVES {
                let run = || {
                    let (sender, receiver) = bounded(capacity);
                    live(sender, receiver);
                };
                // What a thread keeps for itself, it makes in the first life.
                run();
                let before = balance();
                for _ in 0..10 {
                    run();
                }
                assert_eq!(balance(), before, "{name}, capacity {capacity}");
            }
        }
    });
}

#[test]
fn a_channel_takes_memory_in_proportion() {
    finishes(|| {
        let taken = |capacity| {
            let before = balance();
            let (sender, receiver) = bounded::<[u64; 8]>(capacity);
            let taken = balance() - before;
            drop((sender, receiver));
            taken
        };
        assert!(taken(1_000) >= 64 * 1_000);
        assert!(taken(1_000) <= 2 * 64 * 1_000 + 16_384);
    });
}

#[test]
fn an_operation_takes_no_memory_that_grows_with_the_channel() {
    finishes(|| {
        // What a thread keeps for itself, it makes at the first wait.
        let live = || {
            let (sender, receiver) = bounded::<[u64; 8]>(10_000);
            let moment = Duration::from_micros(200);
            let life = rise(|| {
                assert!(receiver.recv_timeout(moment).is_err());
                assert!(sender.send([1; 8]).is_ok());
                assert!(receiver.recv().is_ok());
                assert!(receiver.recv_timeout(moment).is_err());
            });
            (life, rise(|| drop(sender)), rise(|| drop(receiver)))
        };
        live();
        let (life, sender, receiver) = live();
        assert!(life < 4_096, "operations took {life} bytes");
        assert!(sender < 4_096, "the last sender took {sender} bytes");
        assert!(receiver < 4_096, "the last receiver took {receiver} bytes");
    });
}
