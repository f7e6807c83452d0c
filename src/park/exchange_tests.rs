//! Waiting at a store with real threads: who is served by whom, and how a wait ends.

use std::time::{Duration, Instant};

use super::tests::{until, watched};
use super::*;
use crate::model::{PopError, PushError};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Deadline, Mutex, thread};

/// Room for one value or for none, behind a lock.
pub(super) struct Shelf {
    held: Mutex<(Option<u32>, bool)>,
    room: bool,
    /// How often somebody who looked around asked how much has moved.
    asked: AtomicU64,
}

impl Shelf {
    pub(super) fn holding(value: Option<u32>) -> Self {
        Shelf {
            held: Mutex::new((value, false)),
            room: true,
            asked: AtomicU64::new(0),
        }
    }

    pub(super) fn without_room() -> Self {
        Shelf {
            room: false,
            ..Shelf::holding(None)
        }
    }

    pub(super) fn held(&self) -> Option<u32> {
        self.held.lock().0
    }

    pub(super) fn close(&self) {
        self.held.lock().1 = true;
    }
}

impl Store<u32> for Shelf {
    fn put(&self, value: u32) -> Result<(), PushError<u32>> {
        let (held, closed) = &mut *self.held.lock();
        if *closed {
            return Err(PushError::Closed(value));
        }
        if !self.room || held.is_some() {
            return Err(PushError::Full(value));
        }
        *held = Some(value);
        Ok(())
    }

    fn get(&self) -> Result<u32, PopError> {
        let (held, closed) = &mut *self.held.lock();
        held.take().ok_or(match closed {
            true => PopError::Closed,
            false => PopError::Empty,
        })
    }

    fn has_room(&self) -> bool {
        self.room
    }

    fn moved(&self) -> u64 {
        self.asked.fetch_add(1, Relaxed);
        0
    }
}

type Lines = Exchange<u32>;

/// Until so many takers and givers may be served, and so many values were handed over.
fn until_shown(lines: &Lines, takers: usize, givers: usize, handed: u64) {
    let shown = format!("Exchange {{ takers: {takers}, givers: {givers}, handed: {handed} }}");
    until(|| format!("{lines:?}") == shown);
}

fn until_asleep(lines: &Lines, takers: usize, givers: usize) {
    until(|| {
        let lines = lines.lines();
        lines.0[0].sleeping() == takers && lines.0[1].sleeping() == givers
    });
}

fn soon() -> Option<Deadline> {
    Some(Deadline::after(Duration::from_millis(1)))
}

/// A step at the store serves who waits, asleep, at the other side; who was roused serves the next.
#[test]
fn sleepers_are_served_one_after_the_other() {
    let (shelf, lines) = (Shelf::holding(None), Lines::new());
    let serve = || {
        thread::scope(|scope| {
            let takers = [1, 2].map(|number| {
                let taker = scope.spawn(|| lines.take(&shelf, None));
                until_asleep(&lines, number, 0);
                taker
            });
            until_shown(&lines, 2, 0, 0);
            for (value, taker) in takers.into_iter().enumerate() {
                shelf.put(value as u32).unwrap();
                lines.put_done(&shelf);
                assert_eq!(taker.join().unwrap(), Ok(value as u32));
            }
            until_shown(&lines, 0, 0, 0);
        });
    };
    watched(serve);
}

#[test]
fn givers_are_served_when_there_is_room() {
    let (shelf, lines) = (Shelf::holding(Some(0)), Lines::new());
    let serve = || {
        thread::scope(|scope| {
            let (lines, shelf) = (&lines, &shelf);
            let givers = [1, 2].map(|number| {
                let giver = scope.spawn(move || lines.give(shelf, number, None));
                until_asleep(lines, 0, number as usize);
                giver
            });
            for (value, giver) in givers.into_iter().enumerate() {
                assert_eq!(shelf.get(), Ok(value as u32));
                lines.got(shelf);
                assert_eq!(giver.join().unwrap(), Ok(()));
            }
            assert_eq!(shelf.get(), Ok(2));
            until_shown(lines, 0, 0, 0);
        });
    };
    watched(serve);
}

/// Who comes looks at the store itself.
#[test]
fn what_is_there_is_not_waited_for() {
    let (shelf, lines) = (Shelf::holding(Some(1)), Lines::new());
    watched(|| {
        assert_eq!(lines.take(&shelf, None), Ok(1));
        assert_eq!(lines.give(&shelf, 2, None), Ok(()));
        assert_eq!(shelf.held(), Some(2));
        shelf.close();
        assert_eq!(lines.give(&shelf, 3, None), Err((3, Ended::Closed)));
        assert_eq!(lines.take(&shelf, None), Ok(2));
        assert_eq!(lines.take(&shelf, None), Err(Ended::Closed));
    });
}

/// At a store without room who comes second serves both.
#[test]
fn a_giver_and_a_taker_meet() {
    let (shelf, lines) = (Shelf::without_room(), Lines::new());
    let meet = || {
        thread::scope(|scope| {
            for met in 0..3 {
                let giver = scope.spawn(|| lines.give(&shelf, 1, None));
                until_asleep(&lines, 0, 1);
                assert_eq!(lines.take(&shelf, None), Ok(1));
                assert_eq!(giver.join().unwrap(), Ok(()));
                until_shown(&lines, 0, 0, met + 1);
                assert_eq!(lines.moved(&shelf), met + 1);
            }
        });
    };
    watched(meet);
}

#[test]
fn who_does_not_wait_meets_only_who_does() {
    let (shelf, lines) = (Shelf::without_room(), Lines::new());
    let meet = || {
        assert_eq!(lines.hand_over(1), Err(1));
        assert_eq!(lines.take_over(), None);
        thread::scope(|scope| {
            let taker = scope.spawn(|| lines.take(&shelf, None));
            until_shown(&lines, 1, 0, 0);
            assert_eq!(lines.hand_over(2), Ok(()));
            until_shown(&lines, 0, 0, 0);
            assert_eq!(taker.join().unwrap(), Ok(2));
            let giver = scope.spawn(|| lines.give(&shelf, 3, None));
            until_shown(&lines, 0, 1, 0);
            assert_eq!(lines.take_over(), Some(3));
            until_shown(&lines, 0, 0, 0);
            assert_eq!(giver.join().unwrap(), Ok(()));
        });
    };
    watched(meet);
}

/// More than are woken in one turn of the lock.
#[test]
fn the_end_turns_everybody_away() {
    let (shelf, full, lines, other) = (
        Shelf::holding(None),
        Shelf::holding(Some(0)),
        Lines::new(),
        Lines::new(),
    );
    let close = || {
        thread::scope(|scope| {
            let takers: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| lines.take(&shelf, None)))
                .collect();
            let giver = scope.spawn(|| other.give(&full, 1, None));
            until_asleep(&lines, 16, 0);
            until_shown(&other, 0, 1, 0);
            shelf.close();
            lines.closed(&shelf);
            full.close();
            other.closed(&full);
            for taker in takers {
                assert_eq!(taker.join().unwrap(), Err(Ended::Closed));
            }
            assert_eq!(giver.join().unwrap(), Err((1, Ended::Closed)));
        });
    };
    watched(close);
}

/// Awake, since its time is over when it comes, and after some sleep.
#[test]
fn who_gives_up_is_out_of_line() {
    let at_once = Some(Deadline::after(Duration::ZERO));
    watched(|| {
        for end in [at_once, soon()] {
            let (shelf, lines) = (Shelf::holding(None), Lines::new());
            assert_eq!(lines.take(&shelf, end), Err(Ended::TimedOut));
            assert!(end.is_some_and(|end| end.passed()));
            until_shown(&lines, 0, 0, 0);
            shelf.put(1).unwrap();
            lines.put_done(&shelf);
            assert_eq!(lines.give(&shelf, 2, end), Err((2, Ended::TimedOut)));
            until_shown(&lines, 0, 0, 0);
            assert_eq!(shelf.held(), Some(1));
        }
    });
}

/// Before it sleeps; who has no time left does not.
#[test]
fn who_waits_in_line_looks_around() {
    let (shelf, lines) = (Shelf::without_room(), Lines::new());
    watched(|| {
        let at_once = Some(Deadline::after(Duration::ZERO));
        assert_eq!(lines.take(&shelf, at_once), Err(Ended::TimedOut));
        assert_eq!(shelf.asked.load(Relaxed), 0);
        thread::scope(|scope| {
            scope.spawn(|| lines.take(&shelf, None));
            until_asleep(&lines, 1, 0);
            assert!(shelf.asked.load(Relaxed) > 0);
            assert_eq!(lines.hand_over(1), Ok(()));
        });
    });
}

/// One that was roused does not run. Another's time-out does not come while a value lies there.
#[test]
fn a_time_out_looks_once_more() {
    let (shelf, lines) = (Shelf::holding(None), Lines::new());
    let stall = || {
        let end = Instant::now() + Duration::from_millis(100);
        thread::scope(|scope| {
            let taker = scope.spawn(|| lines.take(&shelf, Some(Deadline::at(end))));
            until(|| lines.lines().0[0].sleeping() == 1 || taker.is_finished());
            lines.lines().0[0].stall_one();
            shelf.put(7).unwrap();
            let in_time = Instant::now() < end;
            (taker.join().unwrap(), in_time)
        })
    };
    loop {
        let (taken, in_time) = watched(stall);
        if in_time {
            assert_eq!(taken, Ok(7));
            return;
        }
        // This thread was away for too long.
        let _ = shelf.get();
    }
}

/// A store that fails while a thread stands in line.
struct Broken;

impl Store<u32> for Broken {
    fn put(&self, _: u32) -> Result<(), PushError<u32>> {
        panic!("the store is broken")
    }

    fn get(&self) -> Result<u32, PopError> {
        panic!("the store is broken")
    }

    fn has_room(&self) -> bool {
        false
    }

    fn moved(&self) -> u64 {
        0
    }
}

/// A frame with a node in line does not unwind. Tried in a process of its own.
#[test]
fn unwinding_in_line_ends_the_process() {
    const CHILD: &str = "GUICHET_UNWINDS_IN_LINE";
    if std::env::var_os(CHILD).is_some() {
        let taken = std::panic::catch_unwind(|| Lines::new().take(&Broken, None));
        assert!(taken.is_err());
        return;
    }
    let name = "park::exchange_tests::unwinding_in_line_ends_the_process";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(said.contains("the store is broken"), "{said}");
    assert!(!child.status.success(), "it went on");
}
