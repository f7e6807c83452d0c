//! A bounded channel: values from any number of senders to any number of receivers, first in, first out.
//!
//! A drop-in for the bounded flavour of [crossbeam-channel]: the same names, errors, traits and rules of
//! disconnection, so that changing a `use` line is enough. It stands by itself: no runtime, no queue.
//!
//! ```
//! use std::thread;
//! use guichet::channel::bounded;
//!
//! let (sender, receiver) = bounded(64);
//! let producer = thread::spawn(move || {
//!     for number in 1..=100 {
//!         sender.send(number).expect("the receiver is there");
//!     }
//! });
//! assert_eq!(receiver.iter().sum::<u32>(), 5_050);
//! producer.join().unwrap();
//! ```
//!
//! # What differs from crossbeam-channel
//!
//! | | crossbeam-channel | here |
//! |---|---|---|
//! | capacities | `bounded(n)`, `bounded(0)`, `unbounded()` | `bounded(n)` up to 2^32 and `bounded(0)`; nothing unbounded: a queue without a bound hides overload until memory ends |
//! | choosing among channels | `select!`, `Select` | none |
//! | timers as channels | `after`, `at`, `tick`, `never` | none; use `recv_timeout` and `recv_deadline` |
//! | many at once | none | [`Sender::send_many`], [`Sender::try_send_many`], [`Receiver::recv_many`], [`Receiver::try_recv_many`] |
//! | a blocked thread | is woken and tries again | finds its message sent, or received, when it is woken |
//! | several blocked receivers, several messages | each message wakes one | one is woken at a time, and wakes the next when it runs; so are senders |
//! | the last receiver goes while its thread unwinds, and a message in the channel panics too | the process ends | the second panic goes no further |
//! | `Error` for the send errors | needs `T: Send` | needs nothing of `T` |
//!
//! # How it waits
//!
//! An operation that succeeds at once takes no lock and allocates nothing. One that must wait looks
//! around for a moment, if that paid lately, then stands in line, yields its core a few times, unless
//! that serves strangers only, and sleeps. Whoever makes its operation possible performs it. Sleeping
//! threads cost nothing. A thread that loses its core in the middle of a step delays those who come to
//! the same place next: operations are lock-free in their structure, not in their progress.
//!
//! # What happens before what
//!
//! What a thread did before it sent a message happens before what another does after it received it.
//! Everything done with the last handle of one side happens before the other side sees `Disconnected`.
//!
//! [crossbeam-channel]: https://docs.rs/crossbeam-channel
#![forbid(unsafe_code)]

mod error;
mod iter;
mod receiver;
mod sender;
mod shared;

pub use error::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;

use crate::park::Exchange;
use crate::ring::Ring;
use crate::sync::Arc;
use crate::sync::atomic::AtomicUsize;
use shared::Shared;

/// Makes a channel that holds at most `cap` messages, and a handle to each of its sides.
///
/// At capacity 0 it holds none: a send waits for a receive and hands its message over, so each
/// knows that the other is there. Memory for all messages is allocated here and never again.
///
/// # Panics
/// If `cap` is above 2^32.
///
/// # Examples
/// ```
/// use guichet::channel::{TrySendError, bounded};
///
/// let (sender, receiver) = bounded(1);
/// sender.try_send("first").unwrap();
/// assert_eq!(sender.try_send("second"), Err(TrySendError::Full("second")));
/// assert_eq!(receiver.recv(), Ok("first"));
/// ```
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        ring: Ring::new(cap),
        exchange: Exchange::new(),
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
    });
    (Sender::new(shared.clone()), Receiver::new(shared))
}
