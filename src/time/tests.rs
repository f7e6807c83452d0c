//! Clocks that stand still, at both ends of what they can name; the system's only as to its order.

use std::time::{Duration, SystemTime};

use super::*;
use crate::sync::thread;

const SECOND: Duration = Duration::from_secs(1);
const SECOND_NANOS: u64 = 1_000_000_000;

fn time_of(clock: &ManualClock) -> Time {
    Time::of(Arc::new(clock.clone()))
}

/// The last instant that the platform can name, found independently of the clock.
fn last_wall() -> SystemTime {
    let mut wall = SystemTime::UNIX_EPOCH;
    let (mut step, smallest) = (Duration::from_secs(1 << 63), Duration::from_nanos(1));
    while step >= smallest {
        match wall.checked_add(step) {
            Some(later) => wall = later,
            None => step /= 2,
        }
    }
    wall
}

#[test]
fn a_manual_clock_moves_only_when_it_is_turned() {
    let clock = ManualClock::new();
    let other = clock.clone();
    assert_eq!(clock.now(), Duration::ZERO);
    assert!(clock.is_manual());
    clock.advance(3 * SECOND);
    assert_eq!((clock.now(), other.now()), (3 * SECOND, 3 * SECOND));
    assert!(other.turn_to(5 * SECOND));
    assert_eq!(clock.now(), 5 * SECOND);
    assert!(clock.turn_to(4 * SECOND), "it could be turned");
    assert_eq!(clock.now(), 5 * SECOND, "but not back");
}

#[test]
fn the_wall_moves_along_and_jumps_alone() {
    let clock = ManualClock::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800);
    assert_eq!(clock.wall(), start);
    clock.advance(SECOND);
    assert_eq!(clock.wall(), start + SECOND);
    let earlier = start - 1000 * SECOND;
    clock.set_wall(earlier);
    assert_eq!((clock.wall(), clock.now()), (earlier, SECOND));
    clock.turn_to(3 * SECOND);
    assert_eq!(clock.wall(), earlier + 2 * SECOND);
    assert_eq!(ManualClock::at_wall(earlier).wall(), earlier);
}

#[test]
fn time_and_wall_end_where_they_cannot_be_named() {
    let last = last_wall();
    let clock = ManualClock::at_wall(last - SECOND);
    clock.advance(SECOND / 2);
    assert_eq!(clock.wall(), last - SECOND / 2);
    clock.advance(Duration::MAX);
    clock.advance(SECOND);
    assert_eq!(clock.now(), Duration::from_nanos(u64::MAX));
    assert_eq!(clock.wall(), last);
    clock.set_wall(SystemTime::UNIX_EPOCH);
    assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH);
    assert!(clock.turn_to(Duration::MAX));
    let time = time_of(&clock);
    assert_eq!(time.after(SECOND), u64::MAX);
    assert_eq!(time.at_wall(last), u64::MAX);
}

#[test]
fn turns_from_many_threads_add_up() {
    let clock = ManualClock::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let earlier = clock.now();
                    clock.advance(SECOND);
                    assert!(clock.now() >= earlier + SECOND);
                    clock.set_wall(clock.wall());
                }
            });
        }
    });
    assert_eq!(clock.now(), 4000 * SECOND);
}

#[test]
fn a_stamp_is_never_zero() {
    let clock = ManualClock::new();
    let time = time_of(&clock);
    assert_eq!(time.now().to_nanos(), 1);
    assert_eq!(time.after(Duration::ZERO), 1);
    assert_eq!(time.at_wall(SystemTime::UNIX_EPOCH), 1);
    assert!(time.turn_to(SECOND_NANOS));
    assert_eq!(time.now().to_nanos(), SECOND_NANOS);
    assert_eq!(time.now().since(SECOND_NANOS - 7), 7);
    assert_eq!(time.now().since(SECOND_NANOS + 7), 0);
}

/// At the origin above all, where the stamp is 1 and not 0.
#[test]
fn an_instant_has_come_once_the_clock_is_turned_by_its_delay() {
    let clock = ManualClock::new();
    let time = time_of(&clock);
    for _ in 0..3 {
        let due = time.after(SECOND);
        let due_wall = time.at_wall(clock.wall() + SECOND);
        assert_eq!(due, due_wall);
        clock.advance(SECOND - Duration::from_nanos(1));
        assert!(time.now().to_nanos() < due);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(time.now().to_nanos(), due);
    }
}

#[test]
fn an_instant_of_the_wall_follows_its_jumps() {
    let clock = ManualClock::new();
    let time = time_of(&clock);
    clock.advance(10 * SECOND);
    let noon = time.wall() + 60 * SECOND;
    assert_eq!(time.at_wall(noon), 70 * SECOND_NANOS + 1);
    clock.set_wall(noon + SECOND);
    assert_eq!(time.at_wall(noon), 9 * SECOND_NANOS + 1, "a second ago");
    clock.set_wall(noon - SECOND);
    assert_eq!(time.at_wall(noon), 11 * SECOND_NANOS + 1);
}

#[test]
fn a_clock_of_ones_own_runs_by_itself() {
    struct Fixed;
    impl Clock for Fixed {
        fn now(&self) -> Duration {
            Duration::MAX
        }
        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }
    }
    let time = Time::of(Arc::new(Fixed));
    assert_eq!(time.now().to_nanos(), u64::MAX);
    assert_eq!(time.wall(), SystemTime::UNIX_EPOCH);
    assert!(!time.is_manual() && !time.turn_to(5));
    assert!(time_of(&ManualClock::new()).is_manual());
}

#[test]
fn the_system_goes_on_by_itself() {
    let time = Time::system();
    let same = time.clone();
    let mut last = time.now();
    for _ in 0..1000 {
        let now = same.now();
        assert!(now >= last, "{now:?} after {last:?}");
        last = now;
    }
    assert!(!time.is_manual() && !time.turn_to(u64::MAX));
    assert!(time.after(SECOND) >= last.to_nanos() + SECOND_NANOS);
    assert!(time.now().to_nanos() < u64::MAX, "nobody turned it");
}
