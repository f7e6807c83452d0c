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

/// What a chain says of itself, over several segments.
#[test]
fn a_chain_counts_what_came_and_went() {
    let segments = Segments::new(200, 1);
    let chain = Chain::new(&segments);
    let words: Vec<u64> = (1..=200).collect();
    let (mut pushed, mut popped) = (0, 0);
    // Three words go in and two come out, by runs of every length.
    for round in 0..60 {
        let count = chain.push_run(&segments, &words[..3.min(words.len())]);
        pushed += count.expect("the chain is open");
        let mut out = Vec::new();
        let end = chain.ends().1;
        if let Ok(taken) = chain.pop_run(&segments, &mut out, 2, end, || true) {
            assert_eq!(taken.count, out.len());
            popped += taken.count;
        }
        assert_eq!(chain.len(), pushed - popped, "round {round}");
        assert_eq!(
            (chain.popped(), chain.is_empty()),
            (popped as u64, pushed == popped)
        );
    }
    let mut out = Vec::new();
    while chain
        .pop_run(&segments, &mut out, 64, u64::MAX, || true)
        .is_ok()
    {}
    assert_eq!(
        (out.len(), chain.len(), chain.popped()),
        (pushed - popped, 0, pushed as u64)
    );
    let refused = chain.pop_run(&segments, &mut out, 1, chain.ends().0, || true);
    assert_eq!(refused, Err(Nothing::Behind));
    chain.close();
    assert_eq!(chain.push(&segments, 1), Err(PushError::Closed(1)));
}

/// Segments come back, however often a chain goes round.
#[test]
fn a_chain_goes_round_for_ever() {
    let segments = Segments::new(1, 1);
    let chain = Chain::new(&segments);
    let mut out = Vec::new();
    for word in 1..=2000 {
        chain.push(&segments, word).expect("the chain is open");
        chain
            .pop_run(&segments, &mut out, 1, u64::MAX, || true)
            .expect("a word is there");
    }
    assert_eq!(out, (1..=2000).collect::<Vec<_>>());
}

#[test]
fn a_ring_counts_what_left_and_gives_runs() {
    let ring = Ring::new(5);
    let mut popped = 0;
    for round in 0..7 {
        (0..5).for_each(|value| ring.push(value).expect("there is room"));
        // Into a vector without room, and into one with more than enough.
        let mut out = Vec::with_capacity(round);
        assert_eq!(ring.pop_many(&mut out, 3), Ok(3));
        assert_eq!(ring.pop_many(&mut out, 9), Ok(2));
        assert_eq!(out, [0, 1, 2, 3, 4]);
        popped += 5;
        assert_eq!(ring.popped(), popped);
    }
}
