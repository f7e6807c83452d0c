//! The two subjects under the same names. Nothing is wrapped: a difference in a signature or a trait
//! shows as a contract that compiles for one of them only.

/// The yardstick.
pub mod crossbeam {
    pub use crossbeam_channel::{
        IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender,
        TryIter, TryRecvError, TrySendError, bounded,
    };
}

/// The channel under test.
pub mod guichet {
    pub use guichet::channel::{
        IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender,
        TryIter, TryRecvError, TrySendError, bounded,
    };
}
