//! Why a bounded store of values refuses: the vocabulary of the ring and of those who wait at one.

/// A push that did not happen; the value comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError<T> {
    /// At some instant during the call the store held `capacity` values.
    Full(T),
    /// The store was closed.
    Closed(T),
}

/// A pop that found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopError {
    /// At some instant during the call the store held no value.
    Empty,
    /// The store is closed and holds no value; it never will again.
    Closed,
}
