//! A bitmap by one thread, and what others see of it while somebody clears bits: `clear` asks about each line in the middle.

use std::cell::Cell;

use super::*;

fn lines(of: Lines) -> Vec<u32> {
    of.iter().collect()
}

fn both(first: u32, second: u32) -> Lines {
    let mut both = Lines::one(first);
    both.insert(second);
    both
}

fn marked(all: &[u32]) -> Cover {
    let cover = Cover::new();
    all.iter().for_each(|line| cover.mark(*line));
    cover
}

#[test]
fn some_lines_are_a_set_of_numbers() {
    let mut some = Lines::default();
    assert!(some.is_empty() && lines(some).is_empty());
    for (count, line) in [31, 0, 7, 7].into_iter().enumerate() {
        some.insert(line);
        assert_eq!(some.len(), 3.min(count as u32 + 1));
    }
    assert_eq!(lines(some), [0, 7, 31]);
    for (end, before) in [(0, 0), (1, 1), (7, 1), (8, 2), (31, 2), (32, 3), (40, 3)] {
        assert_eq!(some.before(end).len(), before, "before {end}");
    }
    assert!(!some.is_empty());
}

/// Marked lines stay until they are cleared, and those alone are that were found empty twice.
#[test]
fn only_what_is_empty_is_cleared() {
    let cover = marked(&[1, 4, 31, 4]);
    assert_eq!(lines(cover.load().lines()), [1, 4, 31]);
    cover.clear(both(1, 31), |line| line == 31);
    assert_eq!(lines(cover.load().lines()), [4, 31]);
    assert!(!cover.load().in_doubt(31), "the doubt has ended");
    cover.clear(both(4, 31), |_| false);
    assert!(cover.load().is_empty());
}

/// While somebody is in doubt about a line, others still look into it, and know of the doubt.
#[test]
fn a_line_in_doubt_is_no_empty_line() {
    let cover = marked(&[2, 3]);
    let asked = Cell::new(0);
    cover.clear(Lines::one(2), |line| {
        asked.set(asked.get() + 1);
        let seen = cover.load();
        assert_eq!((line, lines(seen.lines())), (2, vec![2, 3]));
        assert!(seen.in_doubt(2) && !seen.in_doubt(3) && !seen.is_empty());
        false
    });
    assert_eq!(asked.get(), 1);
    assert_eq!(lines(cover.load().lines()), [3]);
}

/// A push in the middle of a doubt marks the line for good, and the line is never out of sight.
#[test]
fn a_mark_outlives_a_doubt() {
    let cover = marked(&[2]);
    cover.clear(Lines::one(2), |_| {
        cover.mark(2);
        assert_eq!(lines(cover.load().lines()), [2]);
        false
    });
    let after = cover.load();
    assert!(lines(after.lines()) == [2] && !after.in_doubt(2));
}

/// Of two who clear the same line the later one leaves it to the other, even if it was marked meanwhile; and one who comes
/// too late to a line that is clear begins no doubt.
#[test]
fn nobody_ends_the_doubt_of_another() {
    let cover = marked(&[2, 3]);
    let unasked = |_| -> bool { panic!("it is another's doubt, or nobody's") };
    cover.clear(Lines::one(2), |_| {
        cover.clear(both(2, 3), unasked);
        cover.mark(2);
        cover.clear(both(2, 3), unasked);
        assert!(cover.load().in_doubt(2) && !cover.load().in_doubt(3));
        false
    });
    assert_eq!(lines(cover.load().lines()), [2, 3]);
    cover.clear(both(3, 4), unasked);
    assert_eq!(lines(cover.load().lines()), [2, 3]);
}
