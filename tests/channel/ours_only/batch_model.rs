//! One thread, any sequence of batches and single operations, against a queue that is too simple to
//! be wrong.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::adapter::guichet::{
    Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError, bounded,
};
use crate::support::finishes;

#[derive(Clone, Debug)]
enum Step {
    TrySendMany(usize),
    /// Only if it need not wait.
    SendMany(usize),
    TrySend,
    TryRecvMany(usize),
    /// Only if it need not wait.
    RecvMany(usize),
    TryRecv,
    DropSender,
    DropReceiver,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..12).prop_map(Step::TrySendMany),
        6 => (0_usize..12).prop_map(Step::SendMany),
        3 => Just(Step::TrySend),
        6 => (0_usize..12).prop_map(Step::TryRecvMany),
        6 => (0_usize..12).prop_map(Step::RecvMany),
        3 => Just(Step::TryRecv),
        1 => Just(Step::DropSender),
        1 => Just(Step::DropReceiver),
    ]
}

struct Pair {
    capacity: usize,
    sender: Option<Sender<usize>>,
    receiver: Option<Receiver<usize>>,
    queued: VecDeque<usize>,
    next: usize,
}

impl Pair {
    fn new(capacity: usize) -> Self {
        let (sender, receiver) = bounded(capacity);
        Pair {
            capacity,
            sender: Some(sender),
            receiver: Some(receiver),
            queued: VecDeque::new(),
            next: 0,
        }
    }

    fn room(&self) -> usize {
        self.capacity - self.queued.len()
    }

    /// Moves `count` of a batch that begins with `self.next` into the queue and checks what is left.
    fn sent(&mut self, count: usize, batch: usize, left: &[usize]) {
        let end = self.next + batch;
        self.queued.extend(self.next..self.next + count);
        assert!(left.iter().copied().eq(self.next + count..end));
        self.next = end;
    }

    /// Moves `count` out of the queue and checks that they are what was received.
    fn received(&mut self, count: usize, got: &[usize]) {
        assert!(self.queued.drain(..count).eq(got.iter().copied()));
    }

    fn send(&mut self, step: &Step) {
        let Some(sender) = &self.sender else { return };
        let (gone, room) = (self.receiver.is_none(), self.room());
        match *step {
            Step::TrySendMany(batch) => {
                let mut messages: Vec<_> = (self.next..self.next + batch).collect();
                let answer = sender.try_send_many(&mut messages);
                let fits = if gone { 0 } else { batch.min(room) };
                let expected = match fits {
                    0 if batch == 0 => Ok(0),
                    0 if gone => Err(TrySendError::Disconnected(())),
                    0 => Err(TrySendError::Full(())),
                    fits => Ok(fits),
                };
                assert_eq!(answer, expected);
                self.sent(fits, batch, &messages);
            }
            Step::SendMany(batch) if batch > 0 && (gone || batch <= room) => {
                let mut messages: Vec<_> = (self.next..self.next + batch).collect();
                let answer = sender.send_many(&mut messages);
                assert_eq!(answer, if gone { Err(SendError(())) } else { Ok(()) });
                self.sent(if gone { 0 } else { batch }, batch, &messages);
            }
            Step::TrySend => {
                let answer = sender.try_send(self.next).map_err(|error| error.is_full());
                let fits = !gone && room > 0;
                assert_eq!(answer, if fits { Ok(()) } else { Err(!gone) });
                let left = [self.next];
                self.sent(usize::from(fits), 1, &left[usize::from(fits)..]);
            }
            _ => {}
        }
    }

    fn receive(&mut self, step: &Step) {
        let Some(receiver) = &self.receiver else {
            return;
        };
        let (gone, there) = (self.sender.is_none(), self.queued.len());
        let nothing = if gone {
            TryRecvError::Disconnected
        } else {
            TryRecvError::Empty
        };
        let mut got = Vec::new();
        match *step {
            Step::TryRecvMany(most) => {
                let answer = receiver.try_recv_many(&mut got, most);
                let count = most.min(there);
                let none = count == 0 && most > 0;
                assert_eq!(answer, if none { Err(nothing) } else { Ok(count) });
                self.received(count, &got);
            }
            Step::RecvMany(most) if most == 0 || there > 0 || gone => {
                let answer = receiver.recv_many(&mut got, most);
                let count = most.min(there);
                let none = count == 0 && most > 0;
                assert_eq!(answer, if none { Err(RecvError) } else { Ok(count) });
                self.received(count, &got);
            }
            Step::TryRecv => {
                let answer = receiver.try_recv();
                assert_eq!(answer, self.queued.pop_front().ok_or(nothing));
            }
            _ => {}
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::DropSender => self.sender = None,
            Step::DropReceiver => {
                self.receiver = None;
                self.queued.clear();
            }
            step => {
                self.send(step);
                self.receive(step);
            }
        }
        let senders = self.sender.iter().map(|sender| sender.len());
        let receivers = self.receiver.iter().map(|receiver| receiver.len());
        assert!(senders.chain(receivers).all(|len| len == self.queued.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        // A sequence that hangs takes the whole patience; it is not made shorter.
        max_shrink_time: 30_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_behaves_as_a_queue(capacity in 0_usize..9, steps in vec(step(), 1..100)) {
        finishes(move || {
            let mut pair = Pair::new(capacity);
            for step in &steps {
                pair.take(step);
            }
        });
    }
}
