//! The receiving side.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use super::error::{RecvError, RecvTimeoutError, TryRecvError};
use super::shared::Shared;
use crate::model::discard;
use crate::park::Ended;
use crate::ring::PopError;
use crate::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::sync::{Arc, Deadline, thread};

/// The receiving side of a channel. Clone it for each thread that receives, or share a reference.
///
/// Receivers compete: each message goes to one of them. When the last one is dropped the channel is
/// disconnected and the messages in it are dropped.
pub struct Receiver<T>(Arc<Shared<T>>);

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Receiver(shared)
    }

    /// Receives if that is possible at once. Never waits.
    ///
    /// At capacity 0 it is possible if a sender waits at this moment.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if at some instant during the call there was no message,
    /// [`TryRecvError::Disconnected`] if there is none and every sender is gone.
    ///
    /// ```
    /// use guichet::channel::{TryRecvError, bounded};
    ///
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(5).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Ok(5));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.pop() {
            Ok(message) => Ok(message),
            Err(PopError::Empty) if self.0.is_rendezvous() => {
                self.0.exchange.take_over().ok_or(TryRecvError::Empty)
            }
            Err(PopError::Empty) => Err(TryRecvError::Empty),
            Err(PopError::Closed) => Err(TryRecvError::Disconnected),
        }
    }

    /// Receives, and waits for a message as long as it takes.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and every sender is gone.
    ///
    /// ```
    /// use guichet::channel::{RecvError, bounded};
    ///
    /// let (sender, receiver) = bounded(1);
    /// std::thread::spawn(move || sender.send(5).unwrap());
    /// assert_eq!(receiver.recv(), Ok(5));
    /// assert_eq!(receiver.recv(), Err(RecvError));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        match self.pop() {
            Ok(message) => Ok(message),
            Err(PopError::Empty) => {
                let taken = self.0.exchange.take(&self.0.ring, None);
                taken.map_err(|_| RecvError)
            }
            Err(PopError::Closed) => Err(RecvError),
        }
    }

    /// Receives, and waits for a message for at most `timeout`. One too long for the clock is for ever.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] if there was no message in time; it does not come early.
    /// [`RecvTimeoutError::Disconnected`] if there is none and every sender is gone.
    ///
    /// ```
    /// use guichet::channel::{RecvTimeoutError, bounded};
    /// use std::time::Duration;
    ///
    /// let (_sender, receiver) = bounded::<u8>(1);
    /// let nothing = receiver.recv_timeout(Duration::from_millis(1));
    /// assert_eq!(nothing, Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_until(|| Deadline::after(timeout))
    }

    /// [`recv_timeout`](Self::recv_timeout) up to an instant. If it has passed, only what is possible at once is done.
    ///
    /// # Errors
    /// As [`recv_timeout`](Self::recv_timeout).
    ///
    /// ```
    /// use guichet::channel::bounded;
    /// use std::time::Instant;
    ///
    /// let (sender, receiver) = bounded(1);
    /// sender.send(5).unwrap();
    /// assert_eq!(receiver.recv_deadline(Instant::now()), Ok(5));
    /// assert!(receiver.recv_deadline(Instant::now()).unwrap_err().is_timeout());
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(|| Deadline::at(deadline))
    }

    /// Waits for a message, and moves up to `most` to the end of `messages`; how many.
    ///
    /// It takes what is there with one reservation and does not wait for more than one. With `most`
    /// 0 it does nothing.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and every sender is gone.
    ///
    /// ```
    /// let (sender, receiver) = guichet::channel::bounded(8);
    /// sender.send_many(&mut vec![1, 2, 3]).unwrap();
    /// let mut messages = Vec::new();
    /// assert_eq!(receiver.recv_many(&mut messages, 2), Ok(2));
    /// assert_eq!(receiver.recv_many(&mut messages, 2), Ok(1));
    /// assert_eq!(messages, [1, 2, 3]);
    /// ```
    pub fn recv_many(&self, messages: &mut Vec<T>, most: usize) -> Result<usize, RecvError> {
        match self.try_recv_many(messages, most) {
            Ok(count) => Ok(count),
            Err(TryRecvError::Disconnected) => Err(RecvError),
            Err(TryRecvError::Empty) => {
                messages.push(self.recv()?);
                // Who brought the first may have brought more.
                let more = self.try_recv_many(messages, most - 1);
                Ok(1 + more.unwrap_or(0))
            }
        }
    }

    /// Moves up to `most` messages that are there to the end of `messages`; how many. Never waits.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there was none, [`TryRecvError::Disconnected`] if there is none and
    /// every sender is gone.
    ///
    /// ```
    /// let (sender, receiver) = guichet::channel::bounded(8);
    /// sender.send_many(&mut vec![1, 2, 3]).unwrap();
    /// let mut messages = Vec::new();
    /// assert_eq!(receiver.try_recv_many(&mut messages, 10), Ok(3));
    /// assert!(receiver.try_recv_many(&mut messages, 10).unwrap_err().is_empty());
    /// ```
    pub fn try_recv_many(&self, messages: &mut Vec<T>, most: usize) -> Result<usize, TryRecvError> {
        if self.0.is_rendezvous() {
            return self.take_over_many(messages, most);
        }
        match self.0.ring.pop_many(messages, most) {
            Ok(count) => {
                self.0.exchange.got(&self.0.ring);
                Ok(count)
            }
            Err(PopError::Empty) => Err(TryRecvError::Empty),
            Err(PopError::Closed) => Err(TryRecvError::Disconnected),
        }
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
    /// let (_sender, receiver) = bounded::<()>(1);
    /// let (_other_sender, other) = bounded::<()>(1);
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// assert!(!receiver.same_channel(&other));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[inline]
    fn pop(&self) -> Result<T, PopError> {
        let message = self.0.ring.pop()?;
        self.0.exchange.got(&self.0.ring);
        Ok(message)
    }

    /// The message of each sender that waits, while there are any.
    fn take_over_many(&self, messages: &mut Vec<T>, most: usize) -> Result<usize, TryRecvError> {
        for count in 0..most {
            match self.try_recv() {
                Ok(message) => messages.push(message),
                Err(_) if count > 0 => return Ok(count),
                Err(nothing) => return Err(nothing),
            }
        }
        Ok(most)
    }

    fn recv_until(&self, deadline: impl FnOnce() -> Deadline) -> Result<T, RecvTimeoutError> {
        match self.pop() {
            Ok(message) => Ok(message),
            Err(PopError::Empty) => {
                let taken = self.0.exchange.take(&self.0.ring, Some(deadline()));
                taken.map_err(|end| match end {
                    Ended::TimedOut => RecvTimeoutError::Timeout,
                    Ended::Closed => RecvTimeoutError::Disconnected,
                })
            }
            Err(PopError::Closed) => Err(RecvTimeoutError::Disconnected),
        }
    }

    /// Drops what is in the closed channel. If the destructor of one message panics, those behind it leak,
    /// since theirs may panic too; and if this thread unwinds already, the panic goes no further.
    fn discard_all(&self) {
        let mut left = Vec::new();
        while self.0.ring.pop_many(&mut left, usize::MAX).is_ok() {}
        left.reverse();
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            while let Some(message) = left.pop() {
                drop(message);
            }
        }));
        if let Err(panic) = dropped {
            mem::forget(left);
            if thread::panicking() {
                discard(panic);
            } else {
                resume_unwind(panic);
            }
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        // Relaxed: as in `Sender::clone`.
        self.0.receivers.fetch_add(1, Relaxed);
        Receiver(self.0.clone())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // ORDERING: AcqRel — what was received through other handles comes before the end; pairs with
        // itself.
        // unseen: the Acquire alone. Who is told of the end has an Acquire fence, and loom lets that acquire what the
        // closer had read, too; in the language it covers its own thread's reads only.
        if self.0.receivers.fetch_sub(1, AcqRel) == 1 {
            self.0.disconnect();
            self.discard_all();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}
