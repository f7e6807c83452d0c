//! One thread, counted exactly; then many, by what must hold in any order.

use std::time::{Duration, Instant};

use super::*;
use crate::sync::{Arc, thread};

/// A wait as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(45);

fn log_of(capacity: usize, events: u64) -> Broadcast<2> {
    let log = Broadcast::new(capacity);
    (0..events).for_each(|event| log.publish([event, !event]));
    log
}

#[test]
fn a_capacity_is_rounded_up_to_a_power_of_two() {
    let rounded = [0, 1, 2, 3, 4, 5, 1000].map(|capacity| Broadcast::<1>::new(capacity).capacity());
    assert_eq!(rounded, [2, 2, 2, 4, 4, 8, 1024]);
}

#[test]
#[should_panic(expected = "a log holds at most 2^32 events, not 4294967297")]
fn a_huge_log_is_refused() {
    Broadcast::<1>::new((1 << 32) + 1);
}

/// A reader that keeps up sees every event once, through many laps, and nothing before it is there.
#[test]
fn who_keeps_up_misses_nothing() {
    for capacity in [2, 4, 8] {
        let log = Broadcast::<2>::new(capacity);
        let mut cursor = log.tail();
        for event in 0..100 {
            assert_eq!(log.read(&mut cursor), Err(Missed::Nothing));
            assert_eq!(log.tail(), event);
            log.publish([event, !event]);
            assert_eq!(log.read(&mut cursor), Ok([event, !event]));
            assert_eq!(cursor, event + 1);
        }
    }
}

/// The last `capacity` events stay, whatever the number before them.
#[test]
fn the_last_lap_stays() {
    for events in 8..30 {
        let log = log_of(8, events);
        let mut cursor = events - 8;
        for event in events - 8..events {
            assert_eq!(log.read(&mut cursor), Ok([event, !event]));
        }
        assert_eq!(log.read(&mut cursor), Err(Missed::Nothing));
    }
}

/// A lag is counted exactly, and leaves an eighth of the capacity between the reader and the next lag.
#[test]
fn a_lag_is_counted_exactly() {
    for (capacity, margin) in [(2, 0), (4, 0), (8, 1), (16, 2), (64, 8)] {
        for excess in 1..3 * capacity {
            let published = capacity + excess;
            let log = log_of(capacity as usize, published);
            for start in 0..published {
                let mut cursor = start;
                let first = excess + margin;
                if start >= excess {
                    assert_eq!(log.read(&mut cursor), Ok([start, !start]));
                    continue;
                }
                assert_eq!(log.read(&mut cursor), Err(Missed::Lagged(first - start)));
                assert_eq!(
                    cursor, first,
                    "capacity {capacity}, {published} events, from {start}"
                );
                for event in first..published {
                    assert_eq!(log.read(&mut cursor), Ok([event, !event]));
                }
                assert_eq!(log.read(&mut cursor), Err(Missed::Nothing));
            }
        }
    }
}

/// After a lag a reader survives as many further events as the margin says, and no more.
#[test]
fn the_margin_is_room_for_writers() {
    for (further, still_there) in [(2, true), (3, false)] {
        let log = log_of(16, 20);
        let mut cursor = 0;
        assert_eq!(log.read(&mut cursor), Err(Missed::Lagged(6)));
        (0..further).for_each(|_| log.publish([0, 0]));
        assert_eq!(log.read(&mut cursor).is_ok(), still_there);
    }
}

/// Readers of a small log that several threads write: whole events, each writer's in its order, the rest counted.
#[test]
fn many_threads() {
    const WRITERS: u64 = 3;
    const READERS: u64 = 2;
    const EACH: u64 = 50_000;
    let twin =
        |writer: u64, number: u64| (writer << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for capacity in [2, 64] {
        let log = Arc::new(Broadcast::<3>::new(capacity));
        let write = |writer: u64| {
            let log = log.clone();
            thread::spawn(move || {
                (1..=EACH).for_each(|number| log.publish([writer, number, twin(writer, number)]));
            })
        };
        let read = |_| {
            let log = log.clone();
            thread::spawn(move || {
                let (mut cursor, mut lagged, mut seen) = (0, 0, 0);
                let mut last = [0; WRITERS as usize];
                let mut end = Instant::now() + PATIENCE;
                while cursor < WRITERS * EACH {
                    match log.read(&mut cursor) {
                        Ok([writer, number, word]) => {
                            assert_eq!(word, twin(writer, number), "a torn event");
                            let last = &mut last[writer as usize];
                            assert!(
                                (*last + 1..=EACH).contains(&number),
                                "{number} after {last}"
                            );
                            *last = number;
                            seen += 1;
                            end = Instant::now() + PATIENCE;
                        }
                        Err(Missed::Lagged(count)) => lagged += count,
                        Err(Missed::Nothing) => {
                            assert!(Instant::now() < end, "an event never came");
                            thread::yield_now();
                        }
                    }
                }
                assert_eq!(seen + lagged, WRITERS * EACH);
                assert!(seen > 0, "the last lap was there to be read");
                assert_eq!(log.read(&mut cursor), Err(Missed::Nothing));
            })
        };
        let readers: Vec<_> = (0..READERS).map(read).collect();
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        for thread in writers.into_iter().chain(readers) {
            thread.join().expect("no thread fails");
        }
        assert_eq!(log.tail(), WRITERS * EACH);
    }
}
