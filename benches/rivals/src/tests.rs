//! The instrument itself: that every contender moves every word, that turns rotate, that medians and
//! floors are what they say.

use crate::cell::Cell;
use crate::child::Fault;
use crate::contenders::Contender;
use crate::figures::{Figures, spread_percent};
use crate::report::Floor;
use crate::rounds;
use crate::stream::Run;

/// Runs check themselves: they panic when a word is lost or comes twice.
#[test]
fn every_contender_moves_every_word() {
    let cells = ["1x1", "2x1", "1x2", "3x2"].map(|cell| cell.parse::<Cell>().expect("a cell"));
    for contender in Contender::all() {
        for (cell, capacity, batch) in cells
            .into_iter()
            .flat_map(|cell| [(cell, 0, 1), (cell, 1, 1), (cell, 16, 1), (cell, 16, 7)])
            .filter(|(cell, capacity, _)| contender.suits(*cell, *capacity))
        {
            let run = Run {
                contender: *contender,
                cell,
                capacity,
                words: 1001,
                batch,
            };
            assert!(run.measure().get("rate") > 0.0, "{run:?}");
        }
    }
}

#[test]
fn turns_rotate_and_who_fails_is_out() {
    let mut turns = String::new();
    let rows = rounds::in_turn(&['a', 'b', 'c'], 3, |who| {
        turns.push(who);
        match who {
            'b' => Err(Fault::Hung),
            _ => Ok(Figures::of([("rate", 1.0)])),
        }
    });
    assert_eq!(turns, "abccaca");
    assert_eq!(rows[0].runs.len(), 3);
    assert!(rows[1].medians().is_none() && rows[2].medians().is_some());
}

#[test]
fn a_calibrated_run_takes_as_long_as_asked() {
    let mut numbers = Vec::new();
    // A contender that needs 10 us for a start and 50 ns for a message.
    let rows = rounds::calibrated(&['a'], 2, 100, |_, number, real| {
        if real {
            numbers.push(number);
        }
        let wall = 10_000.0 + 50.0 * number as f64;
        Ok(Figures::of([("wall_ns", wall)]))
    });
    assert_eq!(numbers.len(), 2);
    assert_eq!(numbers[0], numbers[1]);
    let millis = rows[0].runs[0].get("wall_ns") / 1e6;
    assert!((99.0..101.0).contains(&millis), "{millis} ms");
}

#[test]
fn medians_are_by_name() {
    let runs = [3.0, 1.0, 2.0].map(|figure| Figures::of([("a", figure), ("b", -figure)]));
    let medians = Figures::medians(&runs);
    assert_eq!((medians.get("a"), medians.get("b")), (2.0, -2.0));
    assert!(medians.get("c").is_nan());
    assert_eq!(Figures::medians(&runs[..2]).get("a"), 2.0);
    assert_eq!(spread_percent(&runs, "a"), 100.0);
}

#[test]
fn what_was_not_measured_misses_its_floor() {
    assert!(Floor::at_least(1.0, 1.0, "x").met());
    assert!(!Floor::at_least(1.0, 0.999, "x").met());
    assert!(Floor::at_most(1.0, 1.0, "x").met());
    assert!(!Floor::at_most(1.0, 1.001, "x").met());
    assert!(!Floor::at_least(1.0, f64::NAN, "x").met());
    assert!(!Floor::at_most(1.0, f64::NAN, "x").met());
}

#[test]
fn cells_are_read_as_written() {
    for cell in ["1x1", "16x2"] {
        assert_eq!(cell.parse::<Cell>().expect("a cell").to_string(), cell);
    }
    for wrong in ["", "2", "0x1", "1x0", "1x65", "ax1", "1x1x1"] {
        assert!(wrong.parse::<Cell>().is_err(), "{wrong}");
    }
}
