//! Channels used while a thread ends: by then its thread-locals, also those that a channel may keep
//! for waiting, are going or gone.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use super::subject::{Receiver, Sender, bounded};
use crate::support::{finishes, start};

thread_local! {
    /// Runs when the thread's locals are dropped.
    static LAST_ACT: RefCell<Option<LastAct>> = const { RefCell::new(None) };
}

struct LastAct(Option<Box<dyn FnOnce()>>);

impl Drop for LastAct {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

/// Runs `before` and then, when the thread's locals go, `after`. The local is made first, so that
/// those which `before` may make are dropped ahead of it or after it, as the platform likes.
fn dying(before: impl FnOnce() + Send + 'static, after: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        LAST_ACT.set(Some(LastAct(Some(Box::new(after)))));
        before();
    });
}

/// Blocks for a moment on both sides of a channel that nobody else uses.
fn wait_in_vain() {
    let (sender, receiver) = bounded(0);
    let moment = Duration::from_millis(1);
    assert!(receiver.recv_timeout(moment).is_err());
    assert!(sender.send_timeout(1, moment).is_err());
    drop(receiver);
    let (sender, receiver) = bounded(1);
    assert!(receiver.recv_timeout(moment).is_err());
    assert!(sender.send_timeout(1, moment).is_ok());
    assert!(sender.send_timeout(2, moment).is_err());
}

#[test]
fn waiting_still_works() {
    finishes(|| {
        let (done, is_done) = bounded(1);
        dying(wait_in_vain, move || {
            wait_in_vain();
            done.send(()).unwrap();
        });
        assert_eq!(is_done.recv(), Ok(()));
    });
}

#[test]
fn a_conversation_still_works() {
    fn answer(questions: Receiver<u8>, answers: Sender<u8>) {
        for question in questions {
            answers.send(question + 1).unwrap();
        }
    }
    finishes(|| {
        for capacity in [0, 1] {
            let (ask, questions) = bounded(capacity);
            let (answers, answered) = bounded(capacity);
            dying(wait_in_vain, move || answer(questions, answers));
            for question in 0..20 {
                ask.send(question).unwrap();
                assert_eq!(answered.recv(), Ok(question + 1));
            }
        }
    });
}

#[test]
fn handles_that_go_with_the_thread_end_the_channel() {
    finishes(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = bounded::<u8>(capacity);
            let (other_sender, other_receiver) = bounded::<u8>(0);
            let blocked = start(move || (receiver.recv(), other_sender.send(1)));
            dying(wait_in_vain, move || drop((sender, other_receiver)));
            let (received, sent) = blocked.get();
            assert!(received.is_err() && sent.is_err());
        }
    });
}
