//! Channels that wait by parking, from libraries.
//!
//! Most differ in the names of their types and methods only, hence the macro. Two have a way to
//! take out all that is there at once, which a batched run may use; none can send a batch.

use std::sync::mpsc;

use super::{Channel, drink_singly, spread};
use crate::cell::Cell;
use crate::pulse::Tally;

/// A channel of cloneable ends with results.
macro_rules! library {
    (
        $(#[$about:meta])*
        $name:ident: $sender:ty, $receiver:ty, $open:expr, $send:ident, $recv:ident
        $(, { $($more:item)* })?
    ) => {
        $(#[$about])*
        pub struct $name;

        impl Channel for $name {
            type Sender = $sender;
            type Receiver = $receiver;

            fn open(capacity: usize, cell: Cell) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
                spread($open(capacity), cell)
            }

            #[inline]
            fn send(sender: &Self::Sender, word: u64) -> bool {
                sender.$send(word).is_ok()
            }

            #[inline]
            fn recv(receiver: &Self::Receiver) -> Option<u64> {
                receiver.$recv().ok()
            }

            $($($more)*)?
        }
    };
}

library! {
    /// crossbeam-channel.
    Crossbeam:
    crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>,
    crossbeam_channel::bounded, send, recv
}

library! {
    /// kanal.
    Kanal:
    kanal::Sender<u64>, kanal::Receiver<u64>, kanal::bounded, send, recv, {
        fn drink(receiver: &Self::Receiver, tally: &mut Tally, batch: usize) {
            if batch == 1 {
                return drink_singly::<Self>(receiver, tally);
            }
            let mut words = Vec::with_capacity(batch);
            while let Ok(word) = receiver.recv() {
                tally.count(word);
                // Closed meanwhile: the next `recv` says so.
                let _ = receiver.drain_into(&mut words);
                words.drain(..).for_each(|word| tally.count(word));
            }
        }
    }
}

library! {
    /// flume.
    Flume:
    flume::Sender<u64>, flume::Receiver<u64>, flume::bounded, send, recv, {
        fn drink(receiver: &Self::Receiver, tally: &mut Tally, batch: usize) {
            if batch == 1 {
                return drink_singly::<Self>(receiver, tally);
            }
            while let Ok(word) = receiver.recv() {
                tally.count(word);
                receiver.drain().for_each(|word| tally.count(word));
            }
        }
    }
}

library! {
    /// crossfire. Its documentation asks for the call that fits its backoff to the machine.
    Crossfire:
    crossfire::MTx<crossfire::mpmc::Array<u64>>, crossfire::MRx<crossfire::mpmc::Array<u64>>,
    |capacity| {
        crossfire::detect_backoff_cfg();
        crossfire::mpmc::bounded_blocking(capacity)
    },
    send, recv
}

library! {
    /// async-channel, by its methods for threads.
    AsyncChannel:
    async_channel::Sender<u64>, async_channel::Receiver<u64>,
    async_channel::bounded, send_blocking, recv_blocking
}

/// std's channel, whose receiver is for one thread only.
pub struct StdMpsc;

impl Channel for StdMpsc {
    type Sender = mpsc::SyncSender<u64>;
    type Receiver = mpsc::Receiver<u64>;

    fn open(capacity: usize, cell: Cell) -> (Vec<Self::Sender>, Vec<Self::Receiver>) {
        let (sender, receiver) = mpsc::sync_channel(capacity);
        (vec![sender; cell.senders], vec![receiver])
    }

    #[inline]
    fn send(sender: &Self::Sender, word: u64) -> bool {
        sender.send(word).is_ok()
    }

    #[inline]
    fn recv(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }
}
