//! Waits with an end: zero, past, short and endless ones, and what disturbs them.
//!
//! A lower bound on the time is the meaning of a time-out; no upper bound is asserted but the
//! patience that every wait here has.

use std::thread;
use std::time::{Duration, Instant};

use super::operations::{Nothing, Refused};
use super::subject::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use crate::support::{CAPACITIES, PATIENCE, finishes, let_block, start};

const SHORT: Duration = Duration::from_millis(15);

fn full(capacity: usize) -> (Sender<usize>, Receiver<usize>) {
    let (sender, receiver) = bounded(capacity);
    for message in 0..capacity {
        sender.try_send(message).unwrap();
    }
    (sender, receiver)
}

#[test]
fn nobody_gives_up_early() {
    finishes(|| {
        for capacity in [0, 1, 16] {
            let (sender, receiver) = bounded::<u8>(capacity);
            let begun = Instant::now();
            assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
            assert!(begun.elapsed() >= SHORT);
            let end = Instant::now() + SHORT;
            assert_eq!(receiver.recv_deadline(end), Err(RecvTimeoutError::Timeout));
            assert!(Instant::now() >= end);
            drop(sender);

            let (sender, _receiver) = full(capacity);
            let begun = Instant::now();
            let refused = sender.send_timeout(5, SHORT);
            assert_eq!(refused, Err(SendTimeoutError::Timeout(5)));
            assert!(begun.elapsed() >= SHORT);
            let end = Instant::now() + SHORT;
            let refused = sender.send_deadline(6, end);
            assert_eq!(refused, Err(SendTimeoutError::Timeout(6)));
            assert!(Instant::now() >= end);
        }
    });
}

#[test]
fn no_time_at_all_is_enough_when_nothing_stands_in_the_way() {
    finishes(|| {
        let past = Instant::now();
        for capacity in [1, 2, 16] {
            let (sender, receiver) = bounded(capacity);
            for _ in 0..100 {
                assert_eq!(sender.send_timeout(1, Duration::ZERO), Ok(()));
                assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));
                assert_eq!(sender.send_deadline(2, past), Ok(()));
                assert_eq!(receiver.recv_deadline(past), Ok(2));
            }
        }
    });
}

#[test]
fn no_time_at_all_returns_at_once() {
    finishes(|| {
        let past = Instant::now();
        for capacity in CAPACITIES {
            let (sender, receiver) = full(capacity);
            let late = |message| Err(SendTimeoutError::Timeout(message));
            assert_eq!(sender.send_timeout(5, Duration::ZERO), late(5));
            assert_eq!(sender.send_deadline(6, past), late(6));
            assert_eq!(receiver.try_iter().count(), capacity);
            let late = Err(RecvTimeoutError::Timeout);
            assert_eq!(receiver.recv_timeout(Duration::ZERO), late);
            assert_eq!(receiver.recv_deadline(past), late);
        }
    });
}

#[test]
fn the_end_is_told_rather_than_the_time() {
    finishes(|| {
        let past = Instant::now();
        for capacity in CAPACITIES {
            let (sender, receiver) = full(capacity);
            drop(receiver);
            let gone = |message| Err(SendTimeoutError::Disconnected(message));
            assert_eq!(sender.send_timeout(5, Duration::ZERO), gone(5));
            assert_eq!(sender.send_deadline(6, past), gone(6));
            let (sender, receiver) = bounded::<u8>(capacity);
            drop(sender);
            let gone = Err(RecvTimeoutError::Disconnected);
            assert_eq!(receiver.recv_timeout(Duration::ZERO), gone);
            assert_eq!(receiver.recv_deadline(past), gone);
        }
    });
}

/// Durations that the clock cannot add, or hardly.
fn endless() -> impl Iterator<Item = Duration> {
    let seconds = [
        u64::MAX,
        u64::MAX / 2,
        i64::MAX as u64,
        1 << 62,
        1 << 40,
        1 << 33,
    ];
    let seconds = seconds.into_iter().map(Duration::from_secs);
    seconds.chain([Duration::MAX, Duration::new(i64::MAX as u64, 999_999_999)])
}

#[test]
fn an_endless_wait_waits_and_ends_well() {
    finishes(|| {
        for capacity in [0, 1] {
            for duration in endless() {
                let (sender, receiver) = bounded(capacity);
                let waiting = start(move || receiver.recv_timeout(duration));
                let_block();
                assert!(waiting.is_running(), "{duration:?}");
                sender.send(1).unwrap();
                assert_eq!(waiting.get(), Ok(1), "{duration:?}");

                let (sender, receiver) = full(capacity);
                let waiting = start(move || sender.send_timeout(9, duration));
                let_block();
                assert!(waiting.is_running(), "{duration:?}");
                assert!(receiver.iter().any(|message| message == 9));
                assert_eq!(waiting.get(), Ok(()), "{duration:?}");
            }
        }
    });
}

#[test]
fn an_endless_wait_need_not_wait() {
    finishes(|| {
        for duration in endless() {
            let (sender, receiver) = bounded(1);
            assert_eq!(sender.send_timeout(1, duration), Ok(()));
            assert_eq!(receiver.recv_timeout(duration), Ok(1));
        }
    });
}

#[test]
fn a_far_deadline_is_awaited() {
    finishes(|| {
        let century = Instant::now() + Duration::from_secs(100 * 365 * 86_400);
        let (sender, receiver) = bounded(0);
        let waiting = start(move || receiver.recv_deadline(century));
        let_block();
        assert!(waiting.is_running());
        assert_eq!(sender.send_deadline(1, century), Ok(()));
        assert_eq!(waiting.get(), Ok(1));
    });
}

#[test]
fn a_timed_wait_ends_with_what_it_waited_for() {
    finishes(|| {
        for capacity in CAPACITIES {
            let (sender, receiver) = full(capacity);
            let sending = start(move || sender.send_timeout(capacity, PATIENCE));
            let_block();
            for message in 0..=capacity {
                assert_eq!(receiver.recv_timeout(PATIENCE), Ok(message));
            }
            assert_eq!(sending.get(), Ok(()));
        }
    });
}

#[test]
fn a_wait_can_be_repeated() {
    finishes(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = full(capacity);
            let moment = Duration::from_micros(300);
            for message in 0..20 {
                let refused = sender.send_timeout(message, moment).map_err(Refused::from);
                assert_eq!(refused, Err(Refused::NotNow(message)));
            }
            assert_eq!(receiver.try_iter().count(), capacity);
            for _ in 0..20 {
                let nothing = receiver.recv_timeout(moment).map_err(Nothing::from);
                assert_eq!(nothing, Err(Nothing::NotNow));
            }
        }
    });
}

#[test]
fn unparking_the_waiter_changes_nothing() {
    finishes(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = full(capacity);
            let begun = Instant::now();
            let sending = start(move || sender.send_timeout(9, SHORT));
            while sending.is_running() {
                sending.thread().unpark();
                thread::yield_now();
            }
            assert_eq!(sending.get(), Err(SendTimeoutError::Timeout(9)));
            assert!(begun.elapsed() >= SHORT);
            drop(receiver);

            let (sender, receiver) = bounded::<u8>(capacity);
            let begun = Instant::now();
            let receiving = start(move || {
                thread::current().unpark();
                receiver.recv_timeout(SHORT)
            });
            while receiving.is_running() {
                receiving.thread().unpark();
                thread::yield_now();
            }
            assert_eq!(receiving.get(), Err(RecvTimeoutError::Timeout));
            assert!(begun.elapsed() >= SHORT);
            drop(sender);
        }
    });
}

#[test]
fn traffic_that_others_take_does_not_shorten_the_wait() {
    finishes(|| {
        for capacity in [0, 1] {
            let (sender, receiver) = bounded(capacity);
            let rival = receiver.clone();
            let taking = start(move || rival.iter().count());
            let waiting = start(move || {
                let mut taken = 0;
                for _ in 0..20 {
                    let begun = Instant::now();
                    match receiver.recv_timeout(Duration::from_millis(1)) {
                        Ok(_) => taken += 1,
                        Err(error) => {
                            assert_eq!(error, RecvTimeoutError::Timeout);
                            assert!(begun.elapsed() >= Duration::from_millis(1));
                        }
                    }
                }
                taken
            });
            let mut sent = 0;
            while waiting.is_running() {
                sender.send(sent).unwrap();
                sent += 1;
            }
            drop(sender);
            assert_eq!(taking.get() + waiting.get(), sent);
        }
    });
}

#[test]
fn what_comes_in_time_is_not_missed() {
    const ROUNDS: usize = 40;
    finishes(|| {
        for capacity in [2, 16] {
            for _ in 0..ROUNDS {
                let end = Instant::now() + Duration::from_millis(5);
                let (sender, receiver) = bounded(capacity);
                let waiting = [receiver.clone(), receiver.clone()]
                    .map(|receiver| start(move || receiver.recv_deadline(end)));
                while end.duration_since(Instant::now()) > Duration::from_millis(1) {
                    thread::yield_now();
                }
                sender.try_send(1).unwrap();
                sender.try_send(2).unwrap();
                let in_time = Instant::now() < end;
                // The waiting threads get a core only when the deadline has passed, if there is one.
                while Instant::now() < end {}
                let received = waiting.map(|one| one.get());
                let nobody = received.iter().any(|one| one.is_err());
                assert!(
                    !(in_time && nobody),
                    "{received:?}, {} left",
                    receiver.len()
                );
            }
        }
    });
}

#[test]
fn room_that_comes_in_time_is_not_missed() {
    const ROUNDS: usize = 40;
    finishes(|| {
        for capacity in [2, 16] {
            for _ in 0..ROUNDS {
                let end = Instant::now() + Duration::from_millis(5);
                let (sender, receiver) = full(capacity);
                let waiting = [sender.clone(), sender.clone()]
                    .map(|sender| start(move || sender.send_deadline(99, end)));
                while end.duration_since(Instant::now()) > Duration::from_millis(1) {
                    thread::yield_now();
                }
                receiver.try_recv().unwrap();
                receiver.try_recv().unwrap();
                let in_time = Instant::now() < end;
                while Instant::now() < end {}
                let sent = waiting.map(|one| one.get());
                let nobody = sent.iter().any(|one| one.is_err());
                assert!(!(in_time && nobody), "{sent:?}, {} queued", receiver.len());
            }
        }
    });
}
