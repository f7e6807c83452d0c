//! The event log: whole events, each writer's in its order, none lost without a word, and nothing missed by who subscribes.

use guichet::internals::ring::{Broadcast, Missed};
use guichet::internals::sync::atomic::{AtomicU64, Ordering, fence};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::check;

/// What a reader has met: events, and how many it was told that it missed.
#[derive(Default)]
struct Reader {
    cursor: u64,
    seen: Vec<u64>,
    lagged: u64,
}

impl Reader {
    /// Reads until there is nothing, or `most` times.
    fn read(&mut self, log: &Broadcast<2>, most: usize) {
        for _ in 0..most {
            let before = self.cursor;
            match log.read(&mut self.cursor) {
                Ok([event, twin]) => {
                    assert_eq!(event, twin, "a torn event");
                    assert_ne!(event, 0, "an event that nobody published");
                    assert_eq!(self.cursor, before + 1);
                    self.seen.push(event);
                }
                Err(Missed::Nothing) => {
                    assert_eq!(self.cursor, before);
                    return;
                }
                Err(Missed::Lagged(count)) => {
                    assert!(count > 0, "a lag of nothing");
                    assert_eq!(self.cursor, before + count);
                    self.lagged += count;
                }
            }
        }
    }

    /// Each writer's events, which count upwards within a decade, came in its order and once.
    fn check_order(&self) {
        for writer in [10, 20] {
            let its = self.seen.iter().filter(|event| **event / 10 * 10 == writer);
            assert!(
                its.is_sorted_by(|a, b| a < b),
                "out of order: {:?}",
                self.seen
            );
        }
    }
}

fn write(log: &Broadcast<2>, events: &[u64]) {
    for event in events {
        log.publish([*event, *event]);
    }
}

/// One writer laps the reader.
#[test]
fn broadcast_1x1_laps() {
    check("broadcast_1x1_laps", || {
        let log = Arc::new(Broadcast::<2>::new(2));
        write(&log, &[11]);
        let writer = {
            let log = log.clone();
            thread::spawn(move || write(&log, &[12, 13, 14]))
        };
        let mut reader = Reader::default();
        reader.read(&log, 3);
        writer.join().unwrap();
        reader.read(&log, 4);
        reader.check_order();
        assert_eq!(log.tail(), 4);
        assert_eq!(
            reader.seen.len() as u64 + reader.lagged,
            4,
            "lost without a word"
        );
    });
}

/// Two writers a lap apart meet in a slot while a reader looks at it.
#[test]
fn broadcast_2x1_laps() {
    check("broadcast_2x1_laps", || {
        let log = Arc::new(Broadcast::<2>::new(2));
        let writer = |events: [u64; 2]| {
            let log = log.clone();
            thread::spawn(move || write(&log, &events))
        };
        let writers = [writer([11, 12]), writer([21, 22])];
        let mut reader = Reader::default();
        reader.read(&log, 3);
        for writer in writers {
            writer.join().unwrap();
        }
        reader.read(&log, 5);
        reader.check_order();
        assert_eq!(log.tail(), 4);
        assert_eq!(
            reader.seen.len() as u64 + reader.lagged,
            4,
            "lost without a word"
        );
    });
}

/// Two writers a lap apart: what stands in the slot at last is the later one's event, whole.
#[test]
fn broadcast_2x0_lap() {
    check("broadcast_2x0_lap", || {
        let log = Arc::new(Broadcast::<2>::new(2));
        let writer = {
            let log = log.clone();
            thread::spawn(move || write(&log, &[11]))
        };
        write(&log, &[21, 22]);
        writer.join().unwrap();
        let mut reader = Reader {
            cursor: 1,
            ..Reader::default()
        };
        reader.read(&log, 3);
        reader.check_order();
        assert_eq!(
            reader.seen.len(),
            2,
            "an event of the last lap was not found"
        );
    });
}

/// An event carries what its writer did before.
#[test]
fn broadcast_carries_causes() {
    check("broadcast_carries_causes", || {
        let shared = Arc::new((Broadcast::<2>::new(2), UnsafeCell::new(0)));
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.with_mut(|goods| unsafe { *goods = 7 });
                shared.0.publish([1, 1]);
            })
        };
        if shared.0.read(&mut 0).is_ok() {
            assert_eq!(shared.1.with(|goods| unsafe { *goods }), 7);
        }
        writer.join().unwrap();
    });
}

/// A change of the state is in what a new reader looks at, or its event lies at the tail that it took or behind.
#[test]
fn broadcast_subscribe() {
    check("broadcast_subscribe", || {
        let log = Arc::new(Broadcast::<2>::new(2));
        let (state, flag) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let writer = {
            let (log, state, flag) = (log.clone(), state.clone(), flag.clone());
            thread::spawn(move || {
                state.store(1, Ordering::Relaxed);
                fence(Ordering::SeqCst);
                if flag.load(Ordering::Relaxed) > 0 {
                    write(&log, &[11]);
                }
            })
        };
        flag.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut cursor = log.tail();
        let known = state.load(Ordering::Relaxed) == 1;
        writer.join().unwrap();
        let told = log.read(&mut cursor).is_ok();
        assert!(known || told, "a change was missed");
    });
}

/// What came before the events in front of the tail is visible to who asks for it.
#[test]
fn broadcast_tail_carries_causes() {
    check("broadcast_tail_carries_causes", || {
        let shared = Arc::new((Broadcast::<2>::new(2), UnsafeCell::new(0)));
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.with_mut(|goods| unsafe { *goods = 7 });
                shared.0.publish([1, 1]);
            })
        };
        if shared.0.tail() == 1 {
            assert_eq!(shared.1.with(|goods| unsafe { *goods }), 7);
        }
        writer.join().unwrap();
    });
}
