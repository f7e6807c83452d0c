//! Time-outs, which models do not have; the protocols are modelled in `tests/loom`.

use std::time::Duration;

use super::line::{Line, Node, Wake};
use super::patience::Patience;
use super::*;
use crate::model::{PopError, PushError};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::sync::{Deadline, thread};

#[test]
fn an_event_that_does_not_come_ends_in_time() {
    let event = EventCount::new(Yields::Warily);
    let soon = Deadline::after(Duration::from_millis(1));
    assert_eq!(
        event.wait_until(Some(soon), |_| None::<()>, || 0, || 0),
        None
    );
    assert!(soon.passed() && !event.has_sleepers());
}

#[test]
fn a_deadline_too_far_to_name_never_passes() {
    let far = Deadline::after(Duration::MAX);
    assert!(!far.passed() && far.remaining().is_none());
}

/// Sleepers are served in the order in which they came.
#[test]
fn the_longest_sleeper_is_woken_first() {
    let (event, turn) = (EventCount::new(Yields::Freely), AtomicU32::new(0));
    thread::scope(|scope| {
        for number in 1..=3 {
            let (event, turn) = (&event, &turn);
            scope.spawn(move || {
                let mine = |_| (turn.load(Relaxed) >= number).then_some(());
                event.wait_until(
                    None,
                    mine,
                    || usize::from(turn.load(Relaxed) > number),
                    || 0,
                )
            });
            // The next one starts when this one is listed.
            while event.sleeping() < number as usize {
                thread::yield_now();
            }
        }
        for number in 1..=3 {
            turn.store(number, Relaxed);
            event.notify_one();
            // Another than the first would go back to sleep, and this would not end.
            while event.sleeping() > 3 - number as usize {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn a_result_that_does_not_come_ends_in_time_and_may_come_later() {
    let cell = Oneshot::new();
    assert_eq!(
        cell.wait(Some(Deadline::after(Duration::from_millis(1)))),
        None
    );
    assert_eq!(cell.set(7), None);
    assert_eq!(cell.wait(None), Some(7));
}

#[test]
fn a_result_that_nobody_wants_comes_back() {
    let cell = Oneshot::new();
    assert_eq!(cell.forget(), None);
    assert_eq!(cell.set(7), Some(7));
}

#[test]
#[should_panic(expected = "a result was set twice")]
fn a_second_result_is_a_bug() {
    let cell = Oneshot::new();
    cell.set(1);
    cell.set(2);
}

/// How often a waiter that finds nothing looks.
fn rounds(patience: &Patience, crowd: usize, moved: impl Fn() -> u64) -> u32 {
    let mut look = patience.look();
    let mut rounds = 0;
    while look.again(crowd, &moved) {
        rounds += 1;
    }
    rounds
}

#[test]
fn looking_that_does_not_pay_is_given_up_and_tried_now_and_then() {
    let patience = Patience::new(Yields::Freely);
    assert!(rounds(&patience, 1, || 0) >= 64);
    while rounds(&patience, 1, || 0) > 0 {}
    let trials = |looks| {
        (0..looks)
            .filter(|_| rounds(&patience, 1, || 0) > 0)
            .count()
    };
    assert_eq!(trials(160), 10, "one look in 16");
    // A trial that finds something brings it back.
    loop {
        let mut look = patience.look();
        if look.again(1, || 0) {
            while look.again(1, || 0) {}
            look.found();
            break;
        }
    }
    assert!(rounds(&patience, 1, || 0) >= 64);
}

#[test]
fn in_a_crowd_nobody_yields() {
    let patience = Patience::new(Yields::Freely);
    assert!(
        rounds(&patience, usize::MAX, || 0) < 64,
        "pauses at the most"
    );
}

/// The 1 % rule. What makes the yields late here is that counting what went through takes 300 µs.
#[test]
fn a_late_yield_that_served_strangers_forbids_yields() {
    let late = |units: u64| {
        let (patience, count) = (Patience::new(Yields::Warily), AtomicU32::new(0));
        let moved = || {
            let start = std::time::Instant::now();
            while start.elapsed() < Duration::from_micros(300) {}
            units * u64::from(count.fetch_add(1, Relaxed))
        };
        rounds(&patience, 1, moved)
    };
    assert!(late(0) < 20, "it stops at the second");
    assert!(late(1_000_000) >= 64, "it served those who got on");
}

/// Who is awake comes first, and yet a sleeper has its turn.
#[test]
fn a_sleeper_is_not_passed_over_for_ever() {
    let (mut line, mut wake) = (Line::new(), Wake::none());
    let nodes: Vec<_> = (0..101).map(|number| Node::new(Some(number))).collect();
    for node in &nodes {
        // SAFETY: `nodes` outlives the line.
        unsafe { line.enter(node) };
    }
    assert!(line.fall_asleep(&nodes[0], thread::current()));
    let mut order = Vec::new();
    while line.servable() > 0 {
        let place = line.leave_first(&mut wake).expect("somebody waits");
        order.push(place.empty());
        place.let_go();
    }
    assert_eq!(order.iter().position(|number| *number == 0), Some(64));
    order.remove(64);
    assert!(order.into_iter().eq(1..101), "the others in their order");
    wake.all();
}

/// Of those asleep one is roused; the next when it is back, or when all must go.
#[test]
fn one_sleeper_is_roused_at_a_time() {
    let (mut line, mut wake) = (Line::new(), Wake::none());
    let nodes = [1, 2, 3].map(|number| Node::new(Some(number)));
    for node in &nodes {
        // SAFETY: `nodes` outlives the line.
        unsafe { line.enter(node) };
        assert!(line.fall_asleep(node, thread::current()));
    }
    let mut serve = |line: &mut Line<i32>| line.leave_first(&mut wake).unwrap().let_go();
    assert_eq!(line.servable(), 3);
    serve(&mut line);
    assert_eq!(line.servable(), 0, "one is on its way");
    line.wake_up();
    serve(&mut line);
    line.close();
    assert_eq!(line.servable(), 1, "the end does not wait");
    serve(&mut line);
    assert!(nodes.iter().all(|node| node.verdict() == Some(Ok(()))));
    wake.all();
}

/// Room for one value, behind a lock.
struct Shelf(Mutex<Option<u32>>);

impl Store<u32> for Shelf {
    fn put(&self, value: u32) -> Result<(), PushError<u32>> {
        let mut place = self.0.lock();
        match *place {
            Some(_) => Err(PushError::Full(value)),
            None => {
                *place = Some(value);
                Ok(())
            }
        }
    }

    fn get(&self) -> Result<u32, PopError> {
        self.0.lock().take().ok_or(PopError::Empty)
    }

    fn has_room(&self) -> bool {
        true
    }

    fn moved(&self) -> u64 {
        0
    }
}

/// One that was roused does not run. Another's time-out does not come while a value lies there.
#[test]
fn a_time_out_looks_once_more() {
    let (shelf, exchange) = (Shelf(Mutex::new(None)), Exchange::new());
    loop {
        let end = std::time::Instant::now() + Duration::from_millis(100);
        let (taken, in_time) = thread::scope(|scope| {
            let taker = scope.spawn(|| exchange.take(&shelf, Some(Deadline::at(end))));
            while exchange.stall_a_taker() == 0 && !taker.is_finished() {
                thread::yield_now();
            }
            shelf.put(7).unwrap();
            let in_time = std::time::Instant::now() < end;
            (taker.join().unwrap(), in_time)
        });
        if in_time {
            assert_eq!(taken, Ok(7));
            return;
        }
        // This thread was away for too long.
        let _ = shelf.get();
    }
}
