//! When the bitmaps are cleared, and what a pop tells of the words that it took.

use super::*;
use crate::lane::IN_LINE;
use crate::lane::cover::Cover;

/// A lane of `levels` of whose lines those below `used` once had a word each.
fn emptied(levels: u32, used: u32) -> Bands {
    let lane = Bands::new(levels, 64);
    for level in 0..used {
        lane.push(level, 1).unwrap();
        assert_eq!(pop(&lane, 1), [1]);
    }
    lane
}

fn pop(lane: &Bands, most: usize) -> Vec<u64> {
    let mut out = Vec::new();
    let portion = Portion { most, poppers: 1 };
    let count = lane.pop_run(&mut out, portion, u32::MAX);
    assert_eq!(count.map_or(0, |run| run.count), out.len());
    out
}

fn marked(lane: &Bands) -> u32 {
    let of = |cover: &Cover| cover.load().lines().len();
    lane.covers.iter().map(of).sum()
}

/// Whoever finds a word leaves the bits of a few empty lines alone, and clears those of many.
#[test]
fn who_finds_a_word_clears_many_bits_only() {
    for (empty, left) in [(STALE, STALE + 1), (STALE + 1, 1)] {
        let lane = emptied(20, 0);
        lane.push(19, 9).unwrap();
        lane.push(19, 9).unwrap();
        for level in 0..empty {
            lane.covers[0].mark(level);
        }
        assert_eq!(pop(&lane, 1), [9]);
        assert_eq!(marked(&lane), left, "{empty} empty lines");
    }
}

/// Whoever takes several clears even a single bit, for it asks before each whether something more urgent came; so does
/// whoever finds nothing.
#[test]
fn who_takes_several_or_nothing_clears_all() {
    let lane = emptied(3, 1);
    for word in [8, 9] {
        lane.push(2, word).unwrap();
    }
    assert_eq!(marked(&lane), 2);
    assert_eq!(pop(&lane, 2), [8, 9]);
    assert_eq!(marked(&lane), 1);
    assert_eq!(pop(&lane, 1), []);
    assert_eq!(marked(&lane), 0);
}

/// After "nothing" no bitmap names a line, nor does the one over them; a word in a far line is still found.
#[test]
fn nothing_clears_the_summary() {
    let lane = emptied(100, 0);
    for level in [0, 40, 99] {
        lane.push(level, 7).unwrap();
    }
    let summary = lane.summary.as_ref().unwrap();
    let named = || summary.load().lines().iter().collect::<Vec<_>>();
    assert_eq!(named(), [0, 1, 3]);
    assert_eq!(
        (pop(&lane, 1), pop(&lane, 1), pop(&lane, 1)),
        (vec![7], vec![7], vec![7])
    );
    assert_eq!(pop(&lane, 1), []);
    assert_eq!((marked(&lane), named()), (0, vec![]));
    lane.push(99, 7).unwrap();
    assert_eq!(named(), [3]);
    assert_eq!(pop(&lane, 1), [7]);
}

/// A run out of a line and a single word out of the front say which they are, and what to give back.
#[test]
fn a_run_says_where_it_lay() {
    let lane = Bands::new(2, 8);
    for word in [5, 6] {
        lane.push(1, word).unwrap();
    }
    let mut out = Vec::new();
    let mut pop = || lane.pop_run(&mut out, Portion::ONE, u32::MAX);
    let run = |place, tie, from_front| Run {
        rank: Rank::new(1, place),
        count: 1,
        tie,
        from_front,
    };
    assert_eq!(pop(), Ok(run(0, IN_LINE, false)));
    lane.insert(Rank::new(1, 0), IN_LINE, 5).unwrap();
    assert_eq!(pop(), Ok(run(0, IN_LINE, true)));
    lane.insert_newest(1, 7).unwrap();
    assert_eq!(pop(), Ok(run(-1, 0, true)));
    assert_eq!(pop(), Ok(run(1, IN_LINE, false)));
}

/// A lane of a single line has no bitmap, one of up to 32 no summary: nothing to keep up to date.
#[test]
fn few_levels_need_few_bitmaps() {
    for (levels, covers, summary) in [(1, 0, false), (2, 1, false), (32, 1, false), (33, 2, true)] {
        let lane = Bands::new(levels, 1);
        let found = (lane.covers.len(), lane.summary.is_some());
        assert_eq!(found, (covers, summary), "{levels} levels");
    }
}

/// The lane with the most levels has its last one, in front of nothing.
#[test]
fn the_last_level_is_a_level() {
    let lane = Bands::new(1024, 4);
    let last = 1023;
    lane.push(last, 3).unwrap();
    lane.insert_behind(last, 4).unwrap();
    assert!(!lane.has_before(last));
    let mut out = Vec::new();
    for (until, found) in [(last, 0), (1024, 1), (u32::MAX, 1), (u32::MAX, 0)] {
        let run = lane.pop_run(&mut out, Portion::ONE, until);
        assert_eq!(run.map_or(0, |run| run.count), found, "until {until}");
    }
    assert_eq!(out, [3, 4]);
}

#[test]
#[should_panic(expected = "1025 levels")]
fn a_level_too_many_is_refused() {
    Bands::new(1025, 1);
}

#[test]
#[should_panic(expected = "0 levels")]
fn no_levels_are_refused() {
    Bands::new(0, 1);
}

/// A look during which words move claims nothing and is begun anew.
#[test]
fn nothing_is_claimed_while_words_move() {
    let lane = Bands::new(1, 64);
    (1..=40).for_each(|word| lane.push(0, word).unwrap());
    let (mut out, mut looks) = (Vec::new(), 0);
    let run = lane.pop_with(&mut out, Rank::LAST, |look, out| {
        looks += 1;
        if looks > 1 {
            return lane.scan(look, out, Portion::ONE);
        }
        let mut found = None;
        lane.collect(|_| {
            found.get_or_insert_with(|| lane.look_into(0, look, out, Portion::ONE));
            true
        });
        found.expect("the lane holds words")
    });
    assert_eq!((looks, run.map(|run| run.rank)), (2, Ok(Rank::new(0, 0))));
    assert_eq!((out, lane.len()), (vec![1], 39));
    assert_eq!(pop(&lane, 1), [2]);
}

/// While words move, a lane that holds them nowhere else does not say that it is empty.
#[test]
fn a_lane_is_not_empty_while_words_move() {
    let lane = Bands::new(1, 4);
    lane.push(0, 1).unwrap();
    lane.collect(|_| {
        assert!(!lane.is_empty());
        true
    });
    assert_eq!(pop(&lane, 1), [1]);
    assert!(lane.is_empty());
    // Its old word is in a popper's hand.
    let moved = lane.replace(1, 0, |present| {
        assert!(!present && !lane.is_empty());
        Ok::<_, ()>(2)
    });
    assert_eq!(moved, Ok(Ok(())));
    assert_eq!(pop(&lane, 1), [2]);
    assert!(lane.is_empty());
}
