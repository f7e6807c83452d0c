//! One thread, any sequence of operations, against a queue that is too simple to be wrong.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;

use super::operations::{
    Nothing, Refused, hasty_receives, hasty_sends, patient_receives, patient_sends,
};
use super::subject::{Receiver, Sender, bounded};
use crate::support::finishes;

/// One operation; a number picks the way to do it or the handle to do it with.
#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    /// Only if it need not wait.
    SendPatiently(usize),
    Receive(usize),
    /// Only if it need not wait.
    ReceivePatiently(usize),
    Drain(usize),
    CloneSender(usize),
    DropSender(usize),
    CloneReceiver(usize),
    DropReceiver(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<usize>().prop_map(Step::Send),
        4 => any::<usize>().prop_map(Step::SendPatiently),
        8 => any::<usize>().prop_map(Step::Receive),
        4 => any::<usize>().prop_map(Step::ReceivePatiently),
        1 => (0_usize..4).prop_map(Step::Drain),
        3 => any::<usize>().prop_map(Step::CloneSender),
        1 => any::<usize>().prop_map(Step::DropSender),
        3 => any::<usize>().prop_map(Step::CloneReceiver),
        1 => any::<usize>().prop_map(Step::DropReceiver),
    ]
}

/// The channel and what ought to be in it.
struct Pair {
    capacity: usize,
    senders: Vec<Sender<u32>>,
    receivers: Vec<Receiver<u32>>,
    queued: VecDeque<u32>,
    next: u32,
}

impl Pair {
    fn new(capacity: usize) -> Self {
        let (sender, receiver) = bounded(capacity);
        Pair {
            capacity,
            senders: vec![sender],
            receivers: vec![receiver],
            queued: VecDeque::new(),
            next: 0,
        }
    }

    fn sender(&self, pick: usize) -> Option<&Sender<u32>> {
        self.senders.get(pick % self.senders.len().max(1))
    }

    fn receiver(&self, pick: usize) -> Option<&Receiver<u32>> {
        self.receivers.get(pick % self.receivers.len().max(1))
    }

    /// What a send that does not wait must answer.
    fn expect_send(&mut self) -> Result<(), Refused<u32>> {
        self.next += 1;
        if self.receivers.is_empty() {
            return Err(Refused::Gone(self.next));
        }
        if self.queued.len() == self.capacity {
            return Err(Refused::NotNow(self.next));
        }
        self.queued.push_back(self.next);
        Ok(())
    }

    /// What a receive that does not wait must answer.
    fn expect_receive(&mut self) -> Result<u32, Nothing> {
        let gone = self.senders.is_empty();
        self.queued
            .pop_front()
            .ok_or(if gone { Nothing::Gone } else { Nothing::NotNow })
    }

    fn take(&mut self, step: &Step) {
        let message = self.next + 1;
        match *step {
            Step::Send(pick) => {
                let (_, send) = hasty_sends()[pick % 3];
                let Some(answer) = self.sender(pick).map(|sender| send(sender, message)) else {
                    return;
                };
                assert_eq!(answer, self.expect_send());
            }
            Step::SendPatiently(pick) => {
                if self.queued.len() == self.capacity && !self.receivers.is_empty() {
                    return;
                }
                let (_, send) = patient_sends()[pick % 4];
                let Some(answer) = self.sender(pick).map(|sender| send(sender, message)) else {
                    return;
                };
                assert_eq!(answer, self.expect_send());
            }
            Step::Receive(pick) => {
                let (_, receive) = hasty_receives()[pick % 3];
                let Some(answer) = self.receiver(pick).map(receive) else {
                    return;
                };
                assert_eq!(answer, self.expect_receive());
            }
            Step::ReceivePatiently(pick) => {
                if self.queued.is_empty() && !self.senders.is_empty() {
                    return;
                }
                let (_, receive) = patient_receives()[pick % 6];
                let Some(answer) = self.receiver(pick).map(receive) else {
                    return;
                };
                assert_eq!(answer, self.expect_receive());
            }
            Step::Drain(most) => {
                let Some(receiver) = self.receiver(most) else {
                    return;
                };
                let taken: Vec<_> = receiver.try_iter().take(most).collect();
                let most = most.min(self.queued.len());
                assert_eq!(taken, self.queued.drain(..most).collect::<Vec<_>>());
            }
            Step::CloneSender(pick) => self.senders.extend(self.sender(pick).cloned()),
            Step::CloneReceiver(pick) => self.receivers.extend(self.receiver(pick).cloned()),
            Step::DropSender(pick) => {
                if !self.senders.is_empty() {
                    self.senders.swap_remove(pick % self.senders.len());
                }
            }
            Step::DropReceiver(pick) => {
                if !self.receivers.is_empty() {
                    self.receivers.swap_remove(pick % self.receivers.len());
                }
            }
        }
    }

    /// The counts agree; what is queued when nobody can receive it is nobody's business.
    fn check(&self) {
        if self.receivers.is_empty() {
            return;
        }
        let len = self.queued.len();
        let mut counts: Vec<_> = self.senders.iter().map(|one| one.len()).collect();
        counts.extend(self.receivers.iter().map(|one| one.len()));
        assert!(
            counts.iter().all(|&count| count == len),
            "{counts:?}, {len}"
        );
        for receiver in &self.receivers {
            assert_eq!(receiver.is_empty(), len == 0);
            assert_eq!(receiver.is_full(), len == self.capacity);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        // A sequence that hangs takes the whole patience; it is not made shorter.
        max_shrink_time: 30_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_behaves_as_a_queue(capacity in 0_usize..5, steps in vec(step(), 1..120)) {
        finishes(move || {
            let mut pair = Pair::new(capacity);
            for step in &steps {
                pair.take(step);
                pair.check();
            }
        });
    }
}
