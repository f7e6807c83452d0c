//! The sending side.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::error::{SendError, SendTimeoutError, TrySendError};
use super::shared::Shared;
use crate::park::Ended;
use crate::ring::PushError;
use crate::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::sync::{Arc, Deadline};

/// The sending side of a channel. Clone it for each thread that sends, or share a reference.
///
/// When the last one is dropped the channel is disconnected: what is in it can still be received.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Sender(shared)
    }

    /// Sends if that is possible at once. Never waits.
    ///
    /// At capacity 0 it is possible if a receiver waits at this moment.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if at some instant during the call there was no room,
    /// [`TrySendError::Disconnected`] if every receiver is gone. The message comes back.
    ///
    /// ```
    /// use guichet::channel::{TrySendError, bounded};
    ///
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.try_send(1), Ok(()));
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
    /// ```
    #[inline]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.push(message) {
            Ok(()) => Ok(()),
            Err(PushError::Full(message)) if self.0.is_rendezvous() => {
                let handed = self.0.exchange.hand_over(message);
                handed.map_err(TrySendError::Full)
            }
            Err(PushError::Full(message)) => Err(TrySendError::Full(message)),
            Err(PushError::Closed(message)) => Err(TrySendError::Disconnected(message)),
        }
    }

    /// Sends, and waits for room as long as it takes; at capacity 0, for a receiver.
    ///
    /// # Errors
    /// [`SendError`] with the message if every receiver is gone.
    ///
    /// ```
    /// let (sender, receiver) = guichet::channel::bounded(1);
    /// assert_eq!(sender.send("hello"), Ok(()));
    /// drop(receiver);
    /// assert_eq!(sender.send("anybody?").unwrap_err().into_inner(), "anybody?");
    /// ```
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.push(message) {
            Ok(()) => Ok(()),
            Err(PushError::Full(message)) => {
                let given = self.0.exchange.give(&self.0.ring, message, None);
                given.map_err(|(message, _)| SendError(message))
            }
            Err(PushError::Closed(message)) => Err(SendError(message)),
        }
    }

    /// Sends, and waits for room for at most `timeout`. One too long for the clock is for ever.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] if there was no room in time; it does not come early.
    /// [`SendTimeoutError::Disconnected`] if every receiver is gone. The message comes back.
    ///
    /// ```
    /// use guichet::channel::{SendTimeoutError, bounded};
    /// use std::time::Duration;
    ///
    /// let (sender, _receiver) = bounded(1);
    /// assert_eq!(sender.send_timeout(1, Duration::ZERO), Ok(()));
    /// let full = sender.send_timeout(2, Duration::from_millis(1));
    /// assert_eq!(full, Err(SendTimeoutError::Timeout(2)));
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, || Deadline::after(timeout))
    }

    /// [`send_timeout`](Self::send_timeout) up to an instant. If it has passed, only what is possible at once is done.
    ///
    /// # Errors
    /// As [`send_timeout`](Self::send_timeout).
    ///
    /// ```
    /// use guichet::channel::bounded;
    /// use std::time::Instant;
    ///
    /// let (sender, _receiver) = bounded(1);
    /// let now = Instant::now();
    /// assert!(sender.send_deadline(1, now).is_ok());
    /// assert!(sender.send_deadline(2, now).unwrap_err().is_timeout());
    /// ```
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, || Deadline::at(deadline))
    }

    /// Sends all `messages` in order, and waits for room as long as it takes; the vector is empty then.
    ///
    /// It claims as many places at a time as are free, so others' messages may lie between its own,
    /// and receivers may have the first before the last is in. About twice as fast as single sends, or better.
    ///
    /// # Errors
    /// [`SendError`] if every receiver is gone. What was not sent stays in the vector.
    ///
    /// ```
    /// let (sender, receiver) = guichet::channel::bounded(8);
    /// let mut messages = vec![1, 2, 3];
    /// sender.send_many(&mut messages).unwrap();
    /// assert!(messages.is_empty());
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn send_many(&self, messages: &mut Vec<T>) -> Result<(), SendError<()>> {
        let mut left = VecDeque::from(mem::take(messages));
        let sent = loop {
            match self.push_many(&mut left) {
                Ok(_) if left.is_empty() => break Ok(()),
                Ok(_) => {}
                Err(PushError::Full(())) => {
                    // Wait for room with the first; those behind it may follow at once.
                    let first = left.pop_front().expect("there was one that did not fit");
                    if let Err(SendError(first)) = self.send(first) {
                        left.push_front(first);
                        break Err(SendError(()));
                    }
                }
                Err(PushError::Closed(())) => break Err(SendError(())),
            }
        };
        *messages = Vec::from(left);
        sent
    }

    /// Sends as many of `messages` from the front on as fit at once; how many. The others stay. Never waits.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if none fitted, [`TrySendError::Disconnected`] if every receiver is gone.
    ///
    /// ```
    /// let (sender, _receiver) = guichet::channel::bounded(2);
    /// let mut messages = vec![1, 2, 3];
    /// assert_eq!(sender.try_send_many(&mut messages), Ok(2));
    /// assert_eq!(messages, [3]);
    /// assert!(sender.try_send_many(&mut messages).unwrap_err().is_full());
    /// ```
    pub fn try_send_many(&self, messages: &mut Vec<T>) -> Result<usize, TrySendError<()>> {
        let mut left = VecDeque::from(mem::take(messages));
        let sent = if self.0.is_rendezvous() {
            self.hand_over_many(&mut left)
        } else {
            self.push_many(&mut left)
        };
        *messages = Vec::from(left);
        sent.map_err(|refused| match refused {
            PushError::Full(()) => TrySendError::Full(()),
            PushError::Closed(()) => TrySendError::Disconnected(()),
        })
    }

    /// Whether the channel holds no message; at capacity 0 always.
    pub fn is_empty(&self) -> bool {
        self.0.ring.is_empty()
    }

    /// Whether the channel holds as many messages as it can; at capacity 0 always.
    pub fn is_full(&self) -> bool {
        self.0.len() == self.0.capacity()
    }

    /// How many messages the channel holds: exact while nothing moves.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many messages the channel can hold; never `None` here.
    pub fn capacity(&self) -> Option<usize> {
        Some(self.0.capacity())
    }

    /// Whether both are handles of one channel.
    ///
    /// ```
    /// use guichet::channel::bounded;
    ///
    /// let (sender, _receiver) = bounded::<()>(1);
    /// let (other, _other_receiver) = bounded::<()>(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[inline]
    fn push(&self, message: T) -> Result<(), PushError<T>> {
        self.0.ring.push(message)?;
        self.0.exchange.put_done(&self.0.ring);
        Ok(())
    }

    fn push_many(&self, messages: &mut VecDeque<T>) -> Result<usize, PushError<()>> {
        let count = self.0.ring.push_many(messages)?;
        self.0.exchange.put_done(&self.0.ring);
        Ok(count)
    }

    /// One message to each receiver that waits, while there are any.
    fn hand_over_many(&self, messages: &mut VecDeque<T>) -> Result<usize, PushError<()>> {
        let mut count = 0;
        while let Some(message) = messages.pop_front() {
            if let Err(refused) = self.try_send(message) {
                let (message, refused) = match refused {
                    TrySendError::Full(message) => (message, PushError::Full(())),
                    TrySendError::Disconnected(message) => (message, PushError::Closed(())),
                };
                messages.push_front(message);
                return if count > 0 { Ok(count) } else { Err(refused) };
            }
            count += 1;
        }
        Ok(count)
    }

    fn send_until(
        &self,
        message: T,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<(), SendTimeoutError<T>> {
        match self.push(message) {
            Ok(()) => Ok(()),
            Err(PushError::Full(message)) => {
                let exchange = &self.0.exchange;
                let given = exchange.give(&self.0.ring, message, Some(deadline()));
                given.map_err(|(message, end)| match end {
                    Ended::TimedOut => SendTimeoutError::Timeout(message),
                    Ended::Closed => SendTimeoutError::Disconnected(message),
                })
            }
            Err(PushError::Closed(message)) => Err(SendTimeoutError::Disconnected(message)),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: the count can't fall to 0 meanwhile, and the clone travels by its own means. It can't
        // overflow either: `Arc` counts along and aborts.
        self.0.senders.fetch_add(1, Relaxed);
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // ORDERING: AcqRel — what was sent through other handles comes before the end; pairs with
        // itself.
        // unseen: the Acquire alone. Who is told of the end has an Acquire fence, and loom lets that acquire what the
        // closer had read, too; in the language it covers its own thread's reads only.
        if self.0.senders.fetch_sub(1, AcqRel) == 1 {
            self.0.disconnect();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}
