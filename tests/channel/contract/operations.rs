//! The ways to send and to receive, under one signature each, so that a test can go through them all.

use std::time::{Duration, Instant};

use super::subject::{
    Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError,
};
use crate::support::PATIENCE;

/// Why nothing was sent, with the message.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<T> {
    NotNow(T),
    Gone(T),
}

/// Why nothing was received.
#[derive(Debug, PartialEq, Eq)]
pub enum Nothing {
    NotNow,
    Gone,
}

/// A way to send, with its name for messages.
pub type Sending<T> = (&'static str, fn(&Sender<T>, T) -> Result<(), Refused<T>>);

/// A way to receive, with its name for messages.
pub type Receiving<T> = (&'static str, fn(&Receiver<T>) -> Result<T, Nothing>);

impl<T> From<SendError<T>> for Refused<T> {
    fn from(SendError(message): SendError<T>) -> Self {
        Refused::Gone(message)
    }
}

impl<T> From<TrySendError<T>> for Refused<T> {
    fn from(error: TrySendError<T>) -> Self {
        match error {
            TrySendError::Full(message) => Refused::NotNow(message),
            TrySendError::Disconnected(message) => Refused::Gone(message),
        }
    }
}

impl<T> From<SendTimeoutError<T>> for Refused<T> {
    fn from(error: SendTimeoutError<T>) -> Self {
        match error {
            SendTimeoutError::Timeout(message) => Refused::NotNow(message),
            SendTimeoutError::Disconnected(message) => Refused::Gone(message),
        }
    }
}

impl From<RecvError> for Nothing {
    fn from(RecvError: RecvError) -> Self {
        Nothing::Gone
    }
}

impl From<TryRecvError> for Nothing {
    fn from(error: TryRecvError) -> Self {
        match error {
            TryRecvError::Empty => Nothing::NotNow,
            TryRecvError::Disconnected => Nothing::Gone,
        }
    }
}

impl From<RecvTimeoutError> for Nothing {
    fn from(error: RecvTimeoutError) -> Self {
        match error {
            RecvTimeoutError::Timeout => Nothing::NotNow,
            RecvTimeoutError::Disconnected => Nothing::Gone,
        }
    }
}

/// Those that wait for room.
pub fn patient_sends<T>() -> [Sending<T>; 4] {
    [
        ("send", |sender, message| Ok(sender.send(message)?)),
        ("send_timeout(long)", |sender, message| {
            Ok(sender.send_timeout(message, PATIENCE)?)
        }),
        ("send_timeout(MAX)", |sender, message| {
            Ok(sender.send_timeout(message, Duration::MAX)?)
        }),
        ("send_deadline(far)", |sender, message| {
            Ok(sender.send_deadline(message, Instant::now() + PATIENCE)?)
        }),
    ]
}

/// Those that do not wait.
pub fn hasty_sends<T>() -> [Sending<T>; 3] {
    [
        ("try_send", |sender, message| Ok(sender.try_send(message)?)),
        ("send_timeout(ZERO)", |sender, message| {
            Ok(sender.send_timeout(message, Duration::ZERO)?)
        }),
        ("send_deadline(past)", |sender, message| {
            Ok(sender.send_deadline(message, Instant::now())?)
        }),
    ]
}

pub fn sends<T>() -> impl Iterator<Item = Sending<T>> {
    patient_sends().into_iter().chain(hasty_sends())
}

/// Those that wait for a message.
pub fn patient_receives<T>() -> [Receiving<T>; 6] {
    [
        ("recv", |receiver| Ok(receiver.recv()?)),
        ("recv_timeout(long)", |receiver| {
            Ok(receiver.recv_timeout(PATIENCE)?)
        }),
        ("recv_timeout(MAX)", |receiver| {
            Ok(receiver.recv_timeout(Duration::MAX)?)
        }),
        ("recv_deadline(far)", |receiver| {
            Ok(receiver.recv_deadline(Instant::now() + PATIENCE)?)
        }),
        ("iter", |receiver| {
            receiver.iter().next().ok_or(Nothing::Gone)
        }),
        ("into_iter", |receiver| {
            receiver.clone().into_iter().next().ok_or(Nothing::Gone)
        }),
    ]
}

/// Those that do not wait.
pub fn hasty_receives<T>() -> [Receiving<T>; 3] {
    [
        ("try_recv", |receiver| Ok(receiver.try_recv()?)),
        ("recv_timeout(ZERO)", |receiver| {
            Ok(receiver.recv_timeout(Duration::ZERO)?)
        }),
        ("recv_deadline(past)", |receiver| {
            Ok(receiver.recv_deadline(Instant::now())?)
        }),
    ]
}

pub fn receives<T>() -> impl Iterator<Item = Receiving<T>> {
    patient_receives().into_iter().chain(hasty_receives())
}
