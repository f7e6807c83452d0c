//! What a waiter does next, after what it has seen: pause, yield, or sleep.

use std::time::{Duration, Instant};

use super::Yields;
use super::patience::Patience;
use crate::sync::atomic::{AtomicU32, Ordering::Relaxed};

const PAUSES: u32 = 7;
const YIELDS: u32 = 64;

/// How often a waiter that finds nothing looks.
fn rounds(patience: &Patience, crowd: usize, moved: impl Fn() -> u64) -> u32 {
    let mut look = patience.look();
    let rounds = (0..1000).take_while(|_| look.again(crowd, &moved)).count();
    assert!(rounds < 1000, "it looks for ever");
    rounds as u32
}

/// So many waiters in turn that find nothing: how often each looks.
fn in_vain(patience: &Patience, waiters: u32) -> Vec<u32> {
    (0..waiters).map(|_| rounds(patience, 1, || 0)).collect()
}

/// A waiter finds what it waits for after so many moments.
fn find_after(patience: &Patience, moments: u32) {
    let mut look = patience.look();
    for _ in 0..moments {
        assert!(look.again(1, || 0));
    }
    look.found();
}

#[test]
fn pauses_come_first_then_yields() {
    assert_eq!(
        in_vain(&Patience::on_cores(2, Yields::Freely), 1),
        [PAUSES + YIELDS]
    );
    // Nobody else runs during a pause.
    assert_eq!(in_vain(&Patience::on_cores(1, Yields::Freely), 1), [YIELDS]);
}

#[test]
fn the_pauses_alone_can_be_had() {
    let patience = Patience::on_cores(2, Yields::Freely);
    let mut look = patience.look();
    for _ in 0..PAUSES {
        assert!(look.pauses());
    }
    assert!(!look.pauses());
    assert!(look.again(1, || 0), "yields are left");
    assert!(!look.pauses());
}

#[test]
fn looking_that_does_not_pay_is_given_up_and_tried_now_and_then() {
    let patience = Patience::on_cores(1, Yields::Freely);
    assert_eq!(in_vain(&patience, 5), [YIELDS; 5]);
    for _ in 0..10 {
        assert_eq!(in_vain(&patience, 15), [0; 15]);
        assert_eq!(in_vain(&patience, 1), [YIELDS], "one in 16 tries");
    }
    assert_eq!(in_vain(&patience, 15), [0; 15]);
    // A trial that finds something brings it back.
    find_after(&patience, YIELDS);
    assert_eq!(in_vain(&patience, 2), [YIELDS, 0]);
}

/// Pauses fail while yields succeed, then the other way round; each has its own score.
#[test]
fn pauses_and_yields_are_judged_apart() {
    let patience = Patience::on_cores(2, Yields::Freely);
    for _ in 0..5 {
        find_after(&patience, PAUSES + 1);
    }
    // Without pauses now, which is not held against them.
    for _ in 0..15 {
        find_after(&patience, 1);
    }
    // The trial finds it in its last pause.
    find_after(&patience, PAUSES);
    for _ in 0..4 {
        find_after(&patience, PAUSES + 1);
    }
    assert_eq!(
        in_vain(&patience, 13),
        [YIELDS; 13],
        "no score is without end"
    );
    assert_eq!(in_vain(&patience, 1), [0]);
}

#[test]
fn in_a_crowd_nobody_yields() {
    let patience = Patience::on_cores(3, Yields::Freely);
    for _ in 0..20 {
        assert!(rounds(&patience, 7, || 0) <= PAUSES);
    }
    // That is not held against yields.
    assert!(rounds(&patience, 6, || 0) >= YIELDS);
}

const NONE: fn() -> u64 = || 0;

/// Until when nobody may yield, if at `now` somebody may not.
fn forbidden(patience: &Patience, until: u64) {
    assert_eq!(patience.yields(1, until - 1), 0);
    assert_eq!(patience.yields(1, until), YIELDS);
}

#[test]
fn a_yield_that_gave_a_slice_away_forbids_yields() {
    let patience = Patience::on_cores(2, Yields::Warily);
    assert_eq!(patience.yields(1, 0), YIELDS);
    assert!(patience.judge(5_000_000, 1_000_001, NONE));
    forbidden(&patience, 5_000_000 + 100_000_100);
}

#[test]
fn the_second_late_yield_in_a_row_forbids_yields() {
    let patience = Patience::on_cores(2, Yields::Warily);
    assert!(!patience.judge(1_000_000, 1_000_000, NONE), "a passer-by");
    assert!(!patience.judge(2_000_000, 200_000, NONE), "in time");
    assert!(!patience.judge(3_000_000, 200_001, NONE), "again the first");
    assert_eq!(patience.yields(1, 3_000_000), YIELDS);
    assert!(patience.judge(4_000_000, 200_001, NONE));
    forbidden(&patience, 4_000_000 + 20_000_100);
}

#[test]
fn a_late_yield_that_served_those_who_get_on_is_none() {
    let patience = Patience::on_cores(2, Yields::Warily);
    for took in [300_000, 300_000, 3_000_000] {
        assert!(!patience.judge(5_000_000, took, || took / 10_000));
    }
    assert!(!patience.judge(5_000_000, 300_001, || 30), "the first");
    assert!(patience.judge(5_000_000, 300_001, || 30), "too few");
}

#[test]
fn who_yields_freely_is_never_forbidden_to() {
    let patience = Patience::on_cores(2, Yields::Freely);
    for _ in 0..3 {
        assert!(!patience.judge(5_000_000, 50_000_000, NONE));
    }
    assert_eq!(patience.yields(1, 0), YIELDS);
}

/// The same with the time that passes. What makes the yields late is that counting what went through takes 300 µs.
#[test]
fn a_look_ends_with_the_yield_that_forbids_others() {
    let late = |units: u64| {
        let (patience, count) = (Patience::on_cores(1, Yields::Warily), AtomicU32::new(0));
        let moved = || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(300) {}
            units * u64::from(count.fetch_add(1, Relaxed))
        };
        rounds(&patience, 1, moved)
    };
    assert!(late(0) <= 2, "it stops at the second");
    assert_eq!(late(1_000_000), YIELDS, "it served those who got on");
}
