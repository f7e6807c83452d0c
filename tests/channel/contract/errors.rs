//! The errors: their texts, traits, conversions and questions, with messages that offer nothing.

use std::error::Error;
use std::fmt::{Debug, Display};
use std::time::Duration;

use super::subject::{
    RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError, bounded,
};
use crate::support::finishes;

/// A message without a single trait.
struct Plain(u8);

/// A message with all that an error could pass on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rich(u8);

#[track_caller]
fn says(error: &(impl Display + Debug), text: &str) {
    assert_eq!(error.to_string(), text);
    // How a text is padded is a part of it: it stands in tables.
    assert_eq!(format!("{error:>60}"), format!("{text:>60}"));
    // What is printed for developers is not the contract; that there is something, is.
    assert!(!format!("{error:?}").is_empty());
}

#[test]
fn they_speak_without_their_message() {
    const GONE: &str = "sending on a disconnected channel";
    says(&SendError(Plain(1)), GONE);
    says(&TrySendError::Full(Plain(1)), "sending on a full channel");
    says(&TrySendError::Disconnected(Plain(1)), GONE);
    let late = "timed out waiting on send operation";
    says(&SendTimeoutError::Timeout(Plain(1)), late);
    says(&SendTimeoutError::Disconnected(Plain(1)), GONE);
}

#[test]
fn those_of_receivers_speak_too() {
    const GONE: &str = "receiving on an empty and disconnected channel";
    says(&RecvError, GONE);
    says(&TryRecvError::Empty, "receiving on an empty channel");
    says(&TryRecvError::Disconnected, GONE);
    let late = "timed out waiting on receive operation";
    says(&RecvTimeoutError::Timeout, late);
    let gone = "channel is empty and disconnected";
    says(&RecvTimeoutError::Disconnected, gone);
}

#[test]
fn those_without_a_message_name_themselves_to_developers() {
    assert_eq!(format!("{RecvError:?}"), "RecvError");
    assert_eq!(format!("{:?}", TryRecvError::Empty), "Empty");
    assert_eq!(format!("{:?}", TryRecvError::Disconnected), "Disconnected");
    assert_eq!(format!("{:?}", RecvTimeoutError::Timeout), "Timeout");
    let gone = RecvTimeoutError::Disconnected;
    assert_eq!(format!("{gone:?}"), "Disconnected");
}

#[test]
fn the_message_comes_out_again() {
    assert_eq!(SendError(Plain(1)).into_inner().0, 1);
    let SendError(Plain(inside)) = SendError(Plain(2));
    assert_eq!(inside, 2);
    for error in [
        TrySendError::Full(Plain(3)),
        TrySendError::Disconnected(Plain(3)),
    ] {
        assert_eq!(error.into_inner().0, 3);
    }
    for error in [
        SendTimeoutError::Timeout(Plain(4)),
        SendTimeoutError::Disconnected(Plain(4)),
    ] {
        assert_eq!(error.into_inner().0, 4);
    }
}

#[test]
fn they_answer_what_they_are() {
    let (full, gone) = (
        TrySendError::Full(Plain(0)),
        TrySendError::Disconnected(Plain(0)),
    );
    assert!(full.is_full() && !full.is_disconnected());
    assert!(!gone.is_full() && gone.is_disconnected());
    let (late, gone) = (
        SendTimeoutError::Timeout(Plain(0)),
        SendTimeoutError::Disconnected(Plain(0)),
    );
    assert!(late.is_timeout() && !late.is_disconnected());
    assert!(!gone.is_timeout() && gone.is_disconnected());
    let (empty, gone) = (TryRecvError::Empty, TryRecvError::Disconnected);
    assert!(empty.is_empty() && !empty.is_disconnected());
    assert!(!gone.is_empty() && gone.is_disconnected());
    let (late, gone) = (RecvTimeoutError::Timeout, RecvTimeoutError::Disconnected);
    assert!(late.is_timeout() && !late.is_disconnected());
    assert!(!gone.is_timeout() && gone.is_disconnected());
}

#[test]
fn the_plain_ones_become_the_richer_ones() {
    let error: TrySendError<Plain> = SendError(Plain(1)).into();
    assert!(error.is_disconnected());
    assert_eq!(error.into_inner().0, 1);
    let error: SendTimeoutError<Plain> = SendError(Plain(2)).into();
    assert!(error.is_disconnected());
    assert_eq!(error.into_inner().0, 2);
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(
        RecvTimeoutError::from(RecvError),
        RecvTimeoutError::Disconnected
    );
}

#[test]
fn they_copy_and_compare_if_the_message_does() {
    fn copies<X: Copy + Clone + PartialEq + Eq + Debug>(one: X, other: X) {
        let copy = one;
        assert_eq!(copy, one);
        assert_ne!(one, other);
    }
    copies(SendError(Rich(1)), SendError(Rich(2)));
    copies(TrySendError::Full(Rich(1)), TrySendError::Full(Rich(2)));
    copies(
        TrySendError::Full(Rich(1)),
        TrySendError::Disconnected(Rich(1)),
    );
    copies(
        SendTimeoutError::Timeout(Rich(1)),
        SendTimeoutError::Timeout(Rich(2)),
    );
    copies(
        SendTimeoutError::Timeout(Rich(1)),
        SendTimeoutError::Disconnected(Rich(1)),
    );
    copies(TryRecvError::Empty, TryRecvError::Disconnected);
    copies(RecvTimeoutError::Timeout, RecvTimeoutError::Disconnected);
    assert_eq!(RecvError, { RecvError });
    let cloned = SendError(String::from("x"));
    assert_eq!(cloned.clone(), cloned);
}

#[test]
fn they_are_errors_that_can_be_boxed() {
    fn boxes(error: impl Error + Send + Sync + 'static) {
        assert!(error.source().is_none());
        let text = error.to_string();
        let boxed: Box<dyn Error + Send + Sync> = error.into();
        assert_eq!(boxed.to_string(), text);
    }
    boxes(SendError(Plain(1)));
    boxes(TrySendError::Full(Plain(1)));
    boxes(SendTimeoutError::Timeout(Plain(1)));
    boxes(RecvError);
    boxes(TryRecvError::Empty);
    boxes(RecvTimeoutError::Timeout);
}

#[test]
fn a_question_mark_is_enough() {
    finishes(|| {
        fn echo(text: &'static str) -> Result<&'static str, Box<dyn Error>> {
            let (sender, receiver) = bounded(1);
            sender.send(text)?;
            let text = receiver.recv()?;
            sender.try_send(text)?;
            let text = receiver.try_recv()?;
            sender.send_timeout(text, Duration::ZERO)?;
            Ok(receiver.recv_timeout(Duration::ZERO)?)
        }
        assert_eq!(echo("a").unwrap(), "a");
    });
}
