//! What worker threads take their jobs from.

use crate::cli::args::Impl;

/// A bounded channel of job numbers. `None` = the other side is gone.
pub trait Channel: Send + Sync + 'static {
    /// The end that producers clone.
    type Sender: Clone + Send + 'static;
    /// The end that workers clone.
    type Receiver: Clone + Send + 'static;
    /// Which contender this is.
    const ID: Impl;
    /// Its name in the table.
    const NAME: &'static str;
    /// See [`Contender::pace`](super::Contender::pace).
    const PACE: u64;

    /// A channel that holds up to `capacity` numbers.
    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver);
    /// Waits for room.
    fn send(sender: &Self::Sender, number: u64) -> Option<()>;
    /// Waits for a number.
    fn receive(receiver: &Self::Receiver) -> Option<u64>;
}
