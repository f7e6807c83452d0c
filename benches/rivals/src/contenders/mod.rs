//! The channels that are compared, behind one trait.
//!
//! The trait is crossed at compile time: a measuring loop is written once, as a [`Visit`], and
//! compiled for every channel, so no contender pays for being called through a table. Messages are
//! words of 64 bits.

mod libraries;
mod locked;
mod ours;
mod spinning;

use std::fmt;
use std::ops::Range;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::pulse::Tally;

/// A bounded channel of words.
pub trait Channel: 'static {
    /// One sender's end; the last one to go closes the channel.
    type Sender: Send + 'static;
    /// One receiver's end.
    type Receiver: Send + 'static;

    /// A channel with room for `capacity` words and so many ends.
    fn open(capacity: usize, cell: Cell) -> (Vec<Self::Sender>, Vec<Self::Receiver>);

    /// Waits for room; false when nobody can receive any more.
    #[must_use]
    fn send(sender: &Self::Sender, word: u64) -> bool;

    /// Waits for a word; none when all have been received and nobody can send any more.
    fn recv(receiver: &Self::Receiver) -> Option<u64>;

    /// Sends all of `words`, in batches of `batch` if the channel has such a thing.
    #[must_use]
    fn feed(sender: &Self::Sender, words: Range<u64>, _batch: usize) -> bool {
        feed_singly::<Self>(sender, words)
    }

    /// Receives to the end, in batches of about `batch` if the channel has such a thing.
    fn drink(receiver: &Self::Receiver, tally: &mut Tally, _batch: usize) {
        drink_singly::<Self>(receiver, tally);
    }
}

/// Sends one word after the other.
fn feed_singly<C: Channel + ?Sized>(sender: &C::Sender, mut words: Range<u64>) -> bool {
    words.all(|word| C::send(sender, word))
}

/// Receives one word after the other.
fn drink_singly<C: Channel + ?Sized>(receiver: &C::Receiver, tally: &mut Tally) {
    while let Some(word) = C::recv(receiver) {
        tally.count(word);
    }
}

/// Gives every thread of `cell` a clone of its end.
fn spread<S: Clone, R: Clone>((sender, receiver): (S, R), cell: Cell) -> (Vec<S>, Vec<R>) {
    (vec![sender; cell.senders], vec![receiver; cell.receivers])
}

/// Something to be done with any channel.
pub trait Visit {
    /// What comes of it.
    type Out;

    /// Does it.
    fn visit<C: Channel>(self) -> Self::Out;
}

/// A channel by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    /// guichet's channel.
    Guichet,
    /// crossbeam-channel, the yardstick.
    Crossbeam,
    /// kanal.
    Kanal,
    /// flume.
    Flume,
    /// crossfire's blocking MPMC channel.
    Crossfire,
    /// async-channel through its blocking methods.
    AsyncChannel,
    /// std's `sync_channel`.
    StdMpsc,
    /// A deque behind a mutex with two condition variables.
    Mutex,
    /// concurrent-queue, which cannot block.
    ConcurrentQueue,
    /// crossbeam's `ArrayQueue`, which cannot block.
    ArrayQueue,
}

impl Contender {
    /// Everybody, in the order of the tables.
    pub fn all() -> &'static [Contender] {
        Contender::value_variants()
    }

    /// Whether it waits by spinning and yielding because it knows no other way.
    pub fn spins(self) -> bool {
        matches!(self, Contender::ConcurrentQueue | Contender::ArrayQueue)
    }

    /// The name, and what must be known about it.
    pub fn title(self) -> String {
        if self.spins() {
            format!("{self} (spins)")
        } else {
            self.to_string()
        }
    }

    /// Whether it is somebody else's and blocks as it should.
    pub fn is_parking_rival(self) -> bool {
        !self.is_ours() && !self.spins()
    }

    /// Whether it is the one this program is about.
    pub fn is_ours(self) -> bool {
        self == Contender::Guichet
    }

    /// Whether it can be had with this many ends and this capacity.
    pub fn suits(self, cell: Cell, capacity: usize) -> bool {
        match self {
            Contender::StdMpsc => cell.receivers == 1,
            Contender::Guichet | Contender::Crossbeam | Contender::Kanal | Contender::Flume => true,
            Contender::Crossfire
            | Contender::AsyncChannel
            | Contender::Mutex
            | Contender::ConcurrentQueue
            | Contender::ArrayQueue => capacity > 0,
        }
    }

    /// Calls the visitor with the channel of this name.
    pub fn welcome<V: Visit>(self, visitor: V) -> V::Out {
        match self {
            Contender::Guichet => visitor.visit::<ours::Guichet>(),
            Contender::Crossbeam => visitor.visit::<libraries::Crossbeam>(),
            Contender::Kanal => visitor.visit::<libraries::Kanal>(),
            Contender::Flume => visitor.visit::<libraries::Flume>(),
            Contender::Crossfire => visitor.visit::<libraries::Crossfire>(),
            Contender::AsyncChannel => visitor.visit::<libraries::AsyncChannel>(),
            Contender::StdMpsc => visitor.visit::<libraries::StdMpsc>(),
            Contender::Mutex => visitor.visit::<locked::Locked>(),
            Contender::ConcurrentQueue => visitor.visit::<spinning::ConcurrentQueue>(),
            Contender::ArrayQueue => visitor.visit::<spinning::ArrayQueue>(),
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}
