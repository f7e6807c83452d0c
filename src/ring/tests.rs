//! Positions and stamps; the ring itself is tested in `tests/ring_properties.rs` and modelled in
//! `tests/loom/ring.rs`.

use super::laps::Laps;
use super::*;

/// Walking one place at a time and jumping come to the same position, at any capacity.
#[test]
fn jumps_are_steps() {
    for capacity in 1..=9 {
        let laps = Laps::new(capacity);
        let mut position = 0;
        for start in 0..3 * capacity {
            let mut walked = position;
            for count in 0..=capacity {
                assert_eq!(
                    laps.advance(position, count),
                    walked,
                    "{capacity} {start} {count}"
                );
                assert_eq!(laps.distance(position, walked), count);
                assert_eq!(laps.index(walked), (start + count) % capacity);
                walked = laps.advance(walked, 1);
            }
            position = laps.advance(position, 1);
        }
    }
}

/// A slot's stamps never coincide, not even at capacity 1.
#[test]
fn stamps_tell_laps_apart() {
    let laps = Laps::new(1);
    let next = laps.advance(0, 1);
    let stamps = [laps.free(0), laps.full(0), laps.free(next), laps.full(next)];
    assert_eq!(stamps, [0, 1, 2, 3]);
    assert_eq!(laps.freed(0), laps.free(next));
}

#[test]
#[should_panic(expected = "a ring holds at most 2^32 values, not 4294967297")]
fn a_huge_ring_is_refused() {
    Ring::<()>::new((1 << 32) + 1);
}

#[test]
fn a_ring_of_no_slots_is_both_full_and_empty() {
    let ring = Ring::new(0);
    assert_eq!(ring.push(1), Err(PushError::Full(1)));
    assert_eq!(ring.pop(), Err(PopError::Empty));
    assert!(ring.close());
    assert_eq!(ring.push(1), Err(PushError::Closed(1)));
    assert_eq!(ring.pop(), Err(PopError::Closed));
}

#[test]
fn a_closed_ring_gives_out_what_it_has() {
    let ring = Ring::new(2);
    ring.push(1).unwrap();
    assert!(ring.close() && !ring.close());
    assert_eq!(ring.push(2), Err(PushError::Closed(2)));
    assert_eq!(
        ring.push_many(&mut vec![2].into()),
        Err(PushError::Closed(()))
    );
    assert_eq!((ring.len(), ring.is_closed()), (1, true));
    assert_eq!((ring.pop(), ring.pop()), (Ok(1), Err(PopError::Closed)));
}
