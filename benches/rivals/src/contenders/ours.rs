//! guichet's channel, the one this program is about.

use std::ops::Range;

use guichet::channel::{Receiver, Sender, bounded};

use super::{Channel, drink_singly, feed_singly, spread};
use crate::cell::Cell;
use crate::pulse::Tally;

/// See the module.
pub struct Guichet;

impl Channel for Guichet {
    type Sender = Sender<u64>;
    type Receiver = Receiver<u64>;

    fn open(capacity: usize, cell: Cell) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        spread(bounded(capacity), cell)
    }

    #[inline]
    fn send(sender: &Self::Sender, word: u64) -> bool {
        sender.send(word).is_ok()
    }

    #[inline]
    fn recv(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }

    fn feed(sender: &Self::Sender, mut words: Range<u64>, batch: usize) -> bool {
        if batch == 1 {
            return feed_singly::<Self>(sender, words);
        }
        let mut held = Vec::with_capacity(batch);
        while !words.is_empty() {
            held.extend(words.by_ref().take(batch));
            if sender.send_many(&mut held).is_err() {
                return false;
            }
        }
        true
    }

    fn drink(receiver: &Self::Receiver, tally: &mut Tally, batch: usize) {
        if batch == 1 {
            return drink_singly::<Self>(receiver, tally);
        }
        let mut held = Vec::with_capacity(batch);
        while receiver.recv_many(&mut held, batch).is_ok() {
            held.drain(..).for_each(|word| tally.count(word));
        }
    }
}
