//! Small things that differ from crossbeam-channel on purpose.

use std::error::Error;
use std::panic::catch_unwind;
use std::rc::Rc;

use crate::adapter::guichet::{
    RecvTimeoutError, SendError, SendTimeoutError, TrySendError, bounded,
};

#[test]
fn errors_name_their_variant_to_developers() {
    struct Plain;
    assert_eq!(format!("{:?}", SendError(Plain)), "SendError(..)");
    assert_eq!(format!("{:?}", TrySendError::Full(Plain)), "Full(..)");
    let gone = TrySendError::Disconnected(Plain);
    assert_eq!(format!("{gone:?}"), "Disconnected(..)");
    let late = SendTimeoutError::Timeout(Plain);
    assert_eq!(format!("{late:?}"), "Timeout(..)");
    let gone = SendTimeoutError::Disconnected(Plain);
    assert_eq!(format!("{gone:?}"), "Disconnected(..)");
    assert_eq!(format!("{:?}", RecvTimeoutError::Timeout), "Timeout");
}

#[test]
fn errors_are_errors_whatever_their_message() {
    fn is_error(error: impl Error) -> String {
        error.to_string()
    }
    let gone = "sending on a disconnected channel";
    assert_eq!(is_error(SendError(Rc::new(1))), gone);
    assert_eq!(is_error(TrySendError::Disconnected(Rc::new(1))), gone);
    assert_eq!(is_error(SendTimeoutError::Disconnected(Rc::new(1))), gone);
}

#[test]
fn a_capacity_beyond_reason_is_refused() {
    assert!(catch_unwind(|| bounded::<u8>(usize::MAX)).is_err());
    assert!(catch_unwind(|| bounded::<()>(usize::MAX)).is_err());
}

#[test]
fn a_channel_whose_messages_nobody_can_receive_is_empty() {
    for capacity in [1, 2, 16] {
        let (sender, receiver) = bounded(capacity);
        for message in 0..capacity {
            sender.try_send(message).unwrap();
        }
        drop(receiver);
        assert!(sender.is_empty() && !sender.is_full());
        assert_eq!(sender.len(), 0);
    }
}
