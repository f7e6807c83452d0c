//! What the compiler knows of the types: which threads they may go to, what unwinding does to them.
//!
//! Most of this file is checked by compiling it.

use std::cell::{Cell, RefCell};
use std::marker::{PhantomData, PhantomPinned};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

use super::subject::{
    IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender,
    TryIter, TryRecvError, TrySendError,
};

/// Asks at compile time whether a type has a trait: with the trait, the inherent constant hides the
/// blanket one.
macro_rules! has {
    ($subject:ty: $wanted:path) => {{
        struct Asked<X>(PhantomData<X>);
        #[allow(dead_code, reason = "hidden if the answer is yes")]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        impl<X> Otherwise for Asked<X> {}
        #[allow(dead_code, reason = "out of reach if the answer is no")]
        impl<X: $wanted> Asked<X> {
            const ANSWER: bool = true;
        }
        Asked::<$subject>::ANSWER
    }};
}

/// Movable to another thread, not to be shared between threads.
type Movable = Cell<u8>;
/// Bound to its thread.
type Bound = Rc<u8>;

#[test]
fn handles_go_where_their_messages_may_go() {
    const {
        assert!(has!(Sender<Movable>: Send) && has!(Receiver<Movable>: Send));
        assert!(has!(Sender<u8>: Send) && has!(Receiver<u8>: Send));
        assert!(!has!(Sender<Bound>: Send) && !has!(Receiver<Bound>: Send));
    }
}

#[test]
fn handles_can_be_shared_if_their_messages_can_be_moved() {
    const {
        assert!(has!(Sender<Movable>: Sync) && has!(Receiver<Movable>: Sync));
        assert!(!has!(Sender<Bound>: Sync) && !has!(Receiver<Bound>: Sync));
    }
}

#[test]
fn iterators_go_where_their_receivers_go() {
    const {
        assert!(has!(Iter<'static, Movable>: Send) && has!(Iter<'static, Movable>: Sync));
        assert!(has!(TryIter<'static, Movable>: Send) && has!(TryIter<'static, Movable>: Sync));
        assert!(has!(IntoIter<Movable>: Send) && has!(IntoIter<Movable>: Sync));
        assert!(!has!(Iter<'static, Bound>: Send) && !has!(Iter<'static, Bound>: Sync));
        assert!(!has!(TryIter<'static, Bound>: Send) && !has!(TryIter<'static, Bound>: Sync));
        assert!(!has!(IntoIter<Bound>: Send) && !has!(IntoIter<Bound>: Sync));
    }
}

#[test]
fn handles_survive_a_panic_whatever_their_messages() {
    const {
        assert!(has!(Sender<Movable>: UnwindSafe) && has!(Sender<Movable>: RefUnwindSafe));
        assert!(has!(Receiver<Movable>: UnwindSafe) && has!(Receiver<Movable>: RefUnwindSafe));
        assert!(has!(Sender<RefCell<Bound>>: RefUnwindSafe));
        assert!(has!(Receiver<&'static mut u8>: UnwindSafe));
        assert!(
            has!(Iter<'static, Movable>: UnwindSafe) && has!(TryIter<'static, Movable>: UnwindSafe)
        );
        assert!(has!(IntoIter<Movable>: UnwindSafe) && has!(IntoIter<Movable>: RefUnwindSafe));
    }
}

#[test]
fn handles_can_be_moved_when_they_are_pinned() {
    const {
        assert!(has!(Sender<u8>: Unpin) && has!(Receiver<u8>: Unpin));
        assert!(has!(Sender<PhantomPinned>: Unpin));
        assert!(has!(Iter<'static, PhantomPinned>: Unpin) && has!(IntoIter<u8>: Unpin));
    }
}

#[test]
fn errors_go_where_their_messages_go() {
    const {
        assert!(has!(SendError<Movable>: Send) && !has!(SendError<Movable>: Sync));
        assert!(has!(TrySendError<u8>: Sync) && !has!(TrySendError<Bound>: Send));
        assert!(has!(SendTimeoutError<u8>: Sync) && !has!(SendTimeoutError<Bound>: Send));
        assert!(has!(RecvError: Send) && has!(RecvError: Sync));
        assert!(has!(TryRecvError: Send) && has!(TryRecvError: Sync));
        assert!(has!(RecvTimeoutError: Send) && has!(RecvTimeoutError: Sync));
    }
}

#[test]
fn errors_copy_and_compare_only_if_their_messages_do() {
    struct Plain;
    const {
        assert!(has!(SendError<u8>: Copy) && !has!(SendError<String>: Copy));
        assert!(has!(TrySendError<String>: Clone) && has!(SendTimeoutError<String>: Clone));
        assert!(!has!(SendError<Plain>: Clone) && !has!(TrySendError<Plain>: Clone));
        assert!(has!(SendError<u8>: Eq) && !has!(SendError<f32>: Eq));
        assert!(has!(SendError<f32>: PartialEq) && !has!(SendError<Plain>: PartialEq));
        assert!(has!(RecvError: Copy) && has!(RecvError: Eq));
        assert!(has!(TryRecvError: Copy) && has!(TryRecvError: Eq));
        assert!(has!(RecvTimeoutError: Copy) && has!(RecvTimeoutError: Eq));
    }
}

#[test]
fn everything_prints_whatever_the_message() {
    use std::error::Error;
    use std::fmt::{Debug, Display};
    struct Plain;
    const {
        assert!(has!(Sender<Plain>: Debug) && has!(Receiver<Plain>: Debug));
        assert!(has!(Iter<'static, Plain>: Debug) && has!(TryIter<'static, Plain>: Debug));
        assert!(has!(IntoIter<Plain>: Debug));
        assert!(has!(SendError<Bound>: Debug) && has!(SendError<Bound>: Display));
        assert!(has!(TrySendError<Bound>: Debug) && has!(TrySendError<Bound>: Display));
        assert!(has!(SendTimeoutError<Bound>: Debug) && has!(SendTimeoutError<Bound>: Display));
        assert!(has!(SendError<Plain>: Error) && has!(TrySendError<Plain>: Error));
        assert!(has!(SendTimeoutError<Plain>: Error));
        assert!(has!(RecvError: Error) && has!(TryRecvError: Error));
        assert!(has!(RecvTimeoutError: Error));
    }
}

#[test]
fn handles_clone_whatever_their_messages() {
    struct Plain;
    const {
        assert!(has!(Sender<Plain>: Clone) && has!(Receiver<Plain>: Clone));
        assert!(!has!(Sender<Plain>: Copy) && !has!(Receiver<Plain>: Copy));
    }
}

#[test]
fn the_question_itself_can_be_answered_both_ways() {
    const {
        assert!(has!(u8: Send) && !has!(Bound: Send));
    }
}
