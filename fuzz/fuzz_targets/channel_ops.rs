//! Programs of channel operations against a `VecDeque`, on one thread: what each call says, which message moves, what
//! the counts are, and what a drop of the last handle of a side does, at capacities from 0 to 8.
//!
//! Nobody waits for anybody: a call that would is made with no time or very little. Every message reports its own drop,
//! so one that the channel loses, keeps or makes twice shows at once. Waking and threads are the business of the models
//! in `tests/loom`.
//!
//! ```text
//! cargo +nightly fuzz run channel_ops -- -max_total_time=60
//! ```

#![no_main]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use guichet::channel::{
    Receiver, RecvError, RecvTimeoutError, SendTimeoutError, Sender, TryRecvError, TrySendError,
    bounded,
};
use libfuzzer_sys::fuzz_target;

const CAPACITIES: usize = 9;
/// More than any capacity, so that batches are cut.
const MOST_BATCH: usize = 12;
/// Handles of one side.
const MOST_HANDLES: usize = 6;
/// As long as anything here waits in vain.
const MOMENT: Duration = Duration::from_micros(20);

#[derive(Arbitrary, Debug)]
struct Program {
    capacity: u8,
    /// Which side goes first at the end.
    senders_first: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    TrySend(u8),
    /// Only where it can't wait.
    Send(u8),
    SendTimeout(u8, Time),
    SendDeadline(u8),
    TrySendMany(u8, u8),
    /// Only where it can't wait.
    SendMany(u8, u8),
    TryRecv(u8),
    /// Only where it can't wait.
    Recv(u8),
    RecvTimeout(u8, Time),
    RecvDeadline(u8),
    TryRecvMany(u8, u8),
    /// Only where it can't wait.
    RecvMany(u8, u8),
    /// So many at most.
    TryIter(u8, u8),
    /// So many at most, and only where it can't wait.
    Iter(u8, u8),
    /// The same, of an iterator that takes the receiver with it.
    IntoIter(u8, u8),
    CloneSender(u8),
    CloneReceiver(u8),
    DropSender(u8),
    DropReceiver(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Time {
    None,
    Moment,
    /// Longer than a clock can say; only where it can't wait.
    Ever,
}

/// A number that reports its own drop.
struct Message {
    number: usize,
    dropped: Rc<RefCell<Vec<bool>>>,
}

impl Drop for Message {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut self.dropped.borrow_mut()[self.number], true);
        assert!(!before, "message {} was dropped twice", self.number);
    }
}

/// What a send that does not wait must come to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Sent,
    Full,
    Disconnected,
}

/// The channel and the model, side by side. A message that comes out or back is dropped at once.
struct Pair {
    senders: Vec<Sender<Message>>,
    receivers: Vec<Receiver<Message>>,
    capacity: usize,
    inside: VecDeque<usize>,
    dropped: Rc<RefCell<Vec<bool>>>,
}

impl Pair {
    fn new(capacity: usize) -> Self {
        let (sender, receiver) = bounded(capacity);
        Pair {
            senders: vec![sender],
            receivers: vec![receiver],
            capacity,
            inside: VecDeque::new(),
            dropped: Rc::default(),
        }
    }

    fn message(&self) -> Message {
        let number = self.dropped.borrow().len();
        self.dropped.borrow_mut().push(false);
        Message {
            number,
            dropped: self.dropped.clone(),
        }
    }

    fn sender(&self, at: u8) -> Option<&Sender<Message>> {
        self.senders
            .get(usize::from(at) % self.senders.len().max(1))
    }

    fn receiver(&self, at: u8) -> Option<&Receiver<Message>> {
        self.receivers
            .get(usize::from(at) % self.receivers.len().max(1))
    }

    fn fate(&self) -> Fate {
        match self.inside.len() < self.capacity {
            _ if self.receivers.is_empty() => Fate::Disconnected,
            true => Fate::Sent,
            false => Fate::Full,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::TrySend(at) => self.send(at, |sender, message| {
                sender.try_send(message).map_err(|refused| {
                    let fate = match refused {
                        TrySendError::Full(_) => Fate::Full,
                        TrySendError::Disconnected(_) => Fate::Disconnected,
                    };
                    assert_eq!(refused.is_full(), fate == Fate::Full);
                    (fate, refused.into_inner())
                })
            }),
            Step::Send(at) if self.fate() != Fate::Full => self.send(at, |sender, message| {
                let sent = sender.send(message);
                sent.map_err(|refused| (Fate::Disconnected, refused.into_inner()))
            }),
            Step::SendTimeout(at, time) => {
                let Some(time) = time.at_most(self.fate() != Fate::Full) else {
                    return;
                };
                self.send(at, |sender, message| {
                    of_timeout(sender.send_timeout(message, time))
                });
            }
            Step::SendDeadline(at) => self.send(at, |sender, message| {
                of_timeout(sender.send_deadline(message, Instant::now()))
            }),
            Step::TrySendMany(at, count) => self.try_send_many(at, batch(count)),
            Step::SendMany(at, count) => self.send_many(at, batch(count)),
            Step::TryRecv(at) => {
                let nothing = self.nothing(TryRecvError::Empty, TryRecvError::Disconnected);
                self.recv(at, nothing, Receiver::try_recv);
            }
            Step::Recv(at) if self.has_answer() => self.recv(at, RecvError, Receiver::recv),
            Step::RecvTimeout(at, time) => {
                let Some(time) = time.at_most(self.has_answer()) else {
                    return;
                };
                self.recv(at, self.no_time(), |receiver| receiver.recv_timeout(time));
            }
            Step::RecvDeadline(at) => {
                self.recv(at, self.no_time(), |receiver| {
                    receiver.recv_deadline(Instant::now())
                });
            }
            Step::TryRecvMany(at, most) => {
                let nothing = self.nothing(TryRecvError::Empty, TryRecvError::Disconnected);
                self.recv_many(at, batch(most), nothing, Receiver::try_recv_many);
            }
            Step::RecvMany(at, most) if self.has_answer() => {
                self.recv_many(at, batch(most), RecvError, Receiver::recv_many);
            }
            Step::TryIter(at, most) => self.iterate(
                at,
                |receiver| {
                    receiver
                        .try_iter()
                        .take(batch(most))
                        .map(|message| message.number)
                        .collect()
                },
                batch(most),
            ),
            Step::Iter(at, most) => {
                let most = self.without_waiting(batch(most));
                self.iterate(
                    at,
                    |receiver| {
                        receiver
                            .iter()
                            .take(most)
                            .map(|message| message.number)
                            .collect()
                    },
                    most,
                );
            }
            Step::IntoIter(at, most) => self.into_iter(at, batch(most)),
            Step::CloneSender(at) if self.senders.len() < MOST_HANDLES => {
                self.senders.extend(self.sender(at).cloned());
            }
            Step::CloneReceiver(at) if self.receivers.len() < MOST_HANDLES => {
                self.receivers.extend(self.receiver(at).cloned());
            }
            Step::DropSender(at) => self.drop_sender(at),
            Step::DropReceiver(at) => self.drop_receiver(at),
            Step::Send(_)
            | Step::Recv(_)
            | Step::RecvMany(..)
            | Step::CloneSender(_)
            | Step::CloneReceiver(_) => {}
        }
        self.check();
    }

    fn send(
        &mut self,
        at: u8,
        send: impl FnOnce(&Sender<Message>, Message) -> Result<(), (Fate, Message)>,
    ) {
        let (message, expected) = (self.message(), self.fate());
        let number = message.number;
        let Some(sender) = self.sender(at) else {
            return;
        };
        match send(sender, message) {
            Ok(()) => {
                assert_eq!(
                    expected,
                    Fate::Sent,
                    "{:?} of {}",
                    self.inside,
                    self.capacity
                );
                self.inside.push_back(number);
            }
            Err((fate, back)) => assert_eq!((fate, back.number), (expected, number)),
        }
    }

    fn try_send_many(&mut self, at: u8, count: usize) {
        let first = self.dropped.borrow().len();
        let mut messages: Vec<Message> = (0..count).map(|_| self.message()).collect();
        let room = self.capacity.saturating_sub(self.inside.len());
        let expected = match self.fate() {
            // An empty batch asks for nothing, so nothing refuses it.
            _ if count == 0 => Ok(0),
            Fate::Sent => Ok(count.min(room)),
            Fate::Full => Err(TrySendError::Full(())),
            Fate::Disconnected => Err(TrySendError::Disconnected(())),
        };
        let Some(sender) = self.sender(at) else {
            return;
        };
        assert_eq!(sender.try_send_many(&mut messages), expected);
        let sent = expected.unwrap_or(0);
        self.inside.extend(first..first + sent);
        assert!(
            messages
                .iter()
                .map(|message| message.number)
                .eq(first + sent..first + count)
        );
    }

    fn send_many(&mut self, at: u8, count: usize) {
        let room = self.capacity - self.inside.len();
        if !self.receivers.is_empty() && room < count {
            return;
        }
        let first = self.dropped.borrow().len();
        let mut messages: Vec<Message> = (0..count).map(|_| self.message()).collect();
        let refused = self.receivers.is_empty() && count > 0;
        let Some(sender) = self.sender(at) else {
            return;
        };
        assert_eq!(sender.send_many(&mut messages).is_err(), refused);
        if refused {
            assert!(
                messages
                    .iter()
                    .map(|message| message.number)
                    .eq(first..first + count)
            );
        } else {
            assert!(messages.is_empty());
            self.inside.extend(first..first + count);
        }
    }

    fn nothing<E>(&self, empty: E, disconnected: E) -> E {
        if self.senders.is_empty() {
            disconnected
        } else {
            empty
        }
    }

    fn no_time(&self) -> RecvTimeoutError {
        self.nothing(RecvTimeoutError::Timeout, RecvTimeoutError::Disconnected)
    }

    /// Whether a receive need not wait.
    fn has_answer(&self) -> bool {
        !self.inside.is_empty() || self.senders.is_empty()
    }

    /// As many as an iterator that waits can give without doing so.
    fn without_waiting(&self, most: usize) -> usize {
        if self.senders.is_empty() {
            most
        } else {
            most.min(self.inside.len())
        }
    }

    fn recv<E: std::fmt::Debug + PartialEq>(
        &mut self,
        at: u8,
        nothing: E,
        recv: impl FnOnce(&Receiver<Message>) -> Result<Message, E>,
    ) {
        let Some(receiver) = self.receiver(at) else {
            return;
        };
        let received = recv(receiver).map(|message| message.number);
        assert_eq!(received, self.inside.pop_front().ok_or(nothing));
    }

    fn recv_many<E: std::fmt::Debug + PartialEq>(
        &mut self,
        at: u8,
        most: usize,
        nothing: E,
        recv: impl FnOnce(&Receiver<Message>, &mut Vec<Message>, usize) -> Result<usize, E>,
    ) {
        // What is in the vector stays in front.
        let mut messages = vec![self.message()];
        let before = messages[0].number;
        let count = most.min(self.inside.len());
        let Some(receiver) = self.receiver(at) else {
            return;
        };
        let received = recv(receiver, &mut messages, most);
        let expected = if most > 0 && count == 0 {
            Err(nothing)
        } else {
            Ok(count)
        };
        assert_eq!(received, expected);
        let expected = std::iter::once(before).chain(self.inside.drain(..count));
        assert!(messages.iter().map(|message| message.number).eq(expected));
    }

    fn iterate(
        &mut self,
        at: u8,
        iterate: impl FnOnce(&Receiver<Message>) -> Vec<usize>,
        most: usize,
    ) {
        let Some(receiver) = self.receiver(at) else {
            return;
        };
        let numbers = iterate(receiver);
        let count = most.min(self.inside.len());
        assert!(numbers.into_iter().eq(self.inside.drain(..count)));
    }

    fn into_iter(&mut self, at: u8, most: usize) {
        let most = self.without_waiting(most);
        if self.receivers.is_empty() {
            return;
        }
        let receiver = self
            .receivers
            .swap_remove(usize::from(at) % self.receivers.len());
        let mut messages = receiver.into_iter();
        for _ in 0..most {
            let message = messages.next().map(|message| message.number);
            assert_eq!(message, self.inside.pop_front());
        }
        drop(messages);
        self.receiver_gone();
    }

    fn drop_sender(&mut self, at: u8) {
        if !self.senders.is_empty() {
            self.senders
                .swap_remove(usize::from(at) % self.senders.len());
        }
    }

    fn drop_receiver(&mut self, at: u8) {
        if !self.receivers.is_empty() {
            self.receivers
                .swap_remove(usize::from(at) % self.receivers.len());
            self.receiver_gone();
        }
    }

    /// Nobody can receive any more: what is inside goes with the last receiver.
    fn receiver_gone(&mut self) {
        if self.receivers.is_empty() {
            self.inside.clear();
        }
    }

    /// What holds between any two steps.
    fn check(&self) {
        let len = self.inside.len();
        let counts = (len, len == 0, len == self.capacity, Some(self.capacity));
        for sender in &self.senders {
            let seen = (
                sender.len(),
                sender.is_empty(),
                sender.is_full(),
                sender.capacity(),
            );
            assert_eq!(seen, counts);
            assert!(sender.same_channel(&self.senders[0]));
        }
        for receiver in &self.receivers {
            let seen = (
                receiver.len(),
                receiver.is_empty(),
                receiver.is_full(),
                receiver.capacity(),
            );
            assert_eq!(seen, counts);
            assert!(receiver.same_channel(&self.receivers[0]));
        }
        for (number, dropped) in self.dropped.borrow().iter().enumerate() {
            assert_eq!(*dropped, !self.inside.contains(&number), "message {number}");
        }
    }

    /// Both sides go, and so does every message.
    fn finish(mut self, senders_first: bool) {
        if senders_first {
            self.senders.clear();
            self.check();
        }
        self.receivers.clear();
        self.receiver_gone();
        self.check();
        self.senders.clear();
        self.check();
    }
}

impl Time {
    /// The time to give, unless the call would wait for ever.
    fn at_most(self, answered: bool) -> Option<Duration> {
        match self {
            Time::None => Some(Duration::ZERO),
            Time::Moment => Some(MOMENT),
            Time::Ever => answered.then_some(Duration::MAX),
        }
    }
}

fn batch(count: u8) -> usize {
    usize::from(count) % (MOST_BATCH + 1)
}

fn of_timeout(sent: Result<(), SendTimeoutError<Message>>) -> Result<(), (Fate, Message)> {
    sent.map_err(|refused| {
        let fate = match refused {
            SendTimeoutError::Timeout(_) => Fate::Full,
            SendTimeoutError::Disconnected(_) => Fate::Disconnected,
        };
        assert_eq!(refused.is_timeout(), fate == Fate::Full);
        (fate, refused.into_inner())
    })
}

fuzz_target!(|program: Program| {
    let mut pair = Pair::new(usize::from(program.capacity) % CAPACITIES);
    program.steps.iter().for_each(|step| pair.step(step));
    pair.finish(program.senders_first);
});
