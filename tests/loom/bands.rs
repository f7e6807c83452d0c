//! Lines by level: strict order, exact emptiness, nothing stranded, with the bitmap in one and in two levels,
//! and with words that move to the front.

use guichet::internals::lane::{Bands, Portion, Rank};
use guichet::internals::model::PopError;
use guichet::internals::park::{EventCount, Yields};
use loom::sync::Arc;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{AcqRel, Acquire};
use loom::thread;

use super::{check, check_coarsely, check_deeply};

/// In two-level lanes the second line lies under another bitmap than the first.
const FAR: u32 = 32;

fn one_level() -> Arc<Bands> {
    Arc::new(Bands::new(2, 4))
}

fn two_levels() -> Arc<Bands> {
    Arc::new(Bands::new(FAR + 1, 4))
}

fn pop(lane: &Bands) -> Option<u64> {
    let mut out = Vec::new();
    match lane.pop_run(&mut out, Portion::ONE, u32::MAX) {
        Ok(_) => out.pop(),
        Err(PopError::Empty | PopError::Closed) => None,
    }
}

fn push(lane: &Bands, level: u32, word: u64) {
    lane.push(level, word).expect("the lane is open");
}

/// What is left after all have joined.
fn rest(lane: &Bands) -> usize {
    std::iter::from_fn(|| pop(lane)).count()
}

fn stranded(lane: Arc<Bands>) {
    push(&lane, 0, 1);
    let pusher = {
        let lane = lane.clone();
        thread::spawn(move || push(&lane, 0, 2))
    };
    let found = (0..2).filter(|_| pop(&lane).is_some()).count();
    pusher.join().unwrap();
    assert_eq!(found + rest(&lane), 2, "a word was stranded");
}

/// Two poppers meet at the same line; one has just put a word there.
fn false_empty(lane: Arc<Bands>) {
    push(&lane, 0, 1);
    let popper = {
        let lane = lane.clone();
        thread::spawn(move || (pop(&lane), pop(&lane)))
    };
    push(&lane, 0, 2);
    let mine = pop(&lane);
    let (first, second) = popper.join().unwrap();
    if mine.is_none() {
        assert!(
            first.is_some() && second.is_some(),
            "empty was said of a word that lay there"
        );
    }
    let found = [mine, first, second].iter().flatten().count();
    assert_eq!(found + rest(&lane), 2, "a word was stranded");
}

/// The same with something less urgent there, which must not be taken instead.
fn overtake(lane: Arc<Bands>, far: u32) {
    push(&lane, 0, 1);
    push(&lane, far, 9);
    let popper = {
        let lane = lane.clone();
        thread::spawn(move || (pop(&lane), pop(&lane)))
    };
    push(&lane, 0, 2);
    let mine = pop(&lane);
    let (first, second) = popper.join().unwrap();
    assert!(
        mine.is_some(),
        "empty was said of three words and two takers"
    );
    if mine == Some(9) {
        let urgent = [first, second]
            .iter()
            .flatten()
            .filter(|word| **word < 9)
            .count();
        assert_eq!(urgent, 2, "a less urgent word overtook one that lay there");
    }
    let found = [mine, first, second].iter().flatten().count();
    assert_eq!(found + rest(&lane), 3, "a word was stranded");
}

fn blocking(lane: Arc<Bands>, level: u32) {
    let idle = Arc::new(EventCount::new(Yields::Warily));
    let waiter = {
        let (lane, idle) = (lane.clone(), idle.clone());
        thread::spawn(move || idle.wait_until(None, |_| pop(&lane), || 0, || 0))
    };
    push(&lane, level, 7);
    idle.notify_one();
    assert_eq!(waiter.join().unwrap(), Some(7));
}

#[test]
fn bands_strand_nothing() {
    check("bands_strand_nothing", || stranded(one_level()));
}

#[test]
fn bands_empty_is_true() {
    check("bands_empty_is_true", || false_empty(one_level()));
}

#[test]
fn bands_no_overtaking() {
    check("bands_no_overtaking", || overtake(one_level(), 1));
}

#[test]
fn bands_wake() {
    check("bands_wake", || blocking(one_level(), 1));
}

#[test]
fn bands_two_levels_strand_nothing() {
    check("bands_two_levels_strand_nothing", || stranded(two_levels()));
}

#[test]
fn bands_two_levels_empty_is_true() {
    check("bands_two_levels_empty_is_true", || {
        false_empty(two_levels())
    });
}

#[test]
fn bands_two_levels_no_overtaking() {
    check("bands_two_levels_no_overtaking", || {
        overtake(two_levels(), FAR)
    });
}

#[test]
fn bands_two_levels_wake() {
    check("bands_two_levels_wake", || blocking(two_levels(), FAR));
}

/// Bits of empty lines are being cleared while a word comes: nothing less urgent is taken instead. Two lines are empty, so that a
/// pop that finds something clears their bits.
#[test]
fn bands_clear_no_overtaking() {
    check_deeply("bands_clear_no_overtaking", || {
        let lane = Arc::new(Bands::new(3, 4));
        for level in 0..2 {
            push(&lane, level, 1);
            assert_eq!(pop(&lane), Some(1));
        }
        push(&lane, 2, 8);
        push(&lane, 2, 9);
        let clearer = {
            let lane = lane.clone();
            thread::spawn(move || pop(&lane))
        };
        let pusher = {
            let lane = lane.clone();
            thread::spawn(move || {
                push(&lane, 0, 2);
                pop(&lane)
            })
        };
        let (theirs, mine) = (clearer.join().unwrap(), pusher.join().unwrap());
        let urgent = [theirs, mine].contains(&Some(2));
        assert!(urgent, "a less urgent word overtook one that lay there");
    });
}

/// Whoever collects has taken word 1 when a popper looks where it was, which then takes word 2 of line `second`, and must put
/// it back.
fn collect_keeps_order(second: u32) {
    let lane = one_level();
    push(&lane, 0, 1);
    push(&lane, second, 2);
    let collector = {
        let lane = lane.clone();
        thread::spawn(move || lane.collect(|_| true))
    };
    let first = pop(&lane);
    collector.join().unwrap();
    assert_eq!(
        first,
        Some(1),
        "a later word overtook one on its way to the front"
    );
    assert_eq!((pop(&lane), pop(&lane)), (Some(2), None));
}

#[test]
fn bands_collect_keeps_order() {
    check("bands_collect_keeps_order", || collect_keeps_order(0));
}

#[test]
fn bands_collect_keeps_levels() {
    check("bands_collect_keeps_levels", || collect_keeps_order(1));
}

/// A word is moved to another level while a popper may have its old form in hand: the popper that finds
/// it stale finds the new one, and no look in between says that there is nothing.
#[test]
fn bands_replace_is_one_step() {
    check("bands_replace_is_one_step", || {
        let lane = one_level();
        let valid = Arc::new(AtomicU64::new(1));
        push(&lane, 1, 1);
        let mover = {
            let (lane, valid) = (lane.clone(), valid.clone());
            thread::spawn(move || {
                let change = |_| valid.compare_exchange(1, 2, AcqRel, Acquire).map(|_| 2);
                lane.replace(1, 0, change).expect("the lane is open")
            })
        };
        let first = pop(&lane).expect("nothing was said of a word that is there");
        let stale = valid.compare_exchange(first, 0, AcqRel, Acquire).is_err();
        if stale {
            assert!(!lane.is_empty(), "empty was said of a word on its way");
            assert_eq!(pop(&lane), Some(2), "nothing was said of a word on its way");
        }
        let moved = mover.join().unwrap();
        assert_eq!(moved.is_ok(), stale || first == 2);
        // Its old form lies in the line for whoever pops it to drop.
        let left = usize::from(first == 2);
        assert_eq!(rest(&lane), left, "a word was doubled");
    });
}

/// Whoever looks whether there is anything sees words that are moving.
#[test]
fn bands_moving_is_not_empty() {
    check("bands_moving_is_not_empty", || {
        let lane = one_level();
        push(&lane, 1, 1);
        let collector = {
            let lane = lane.clone();
            thread::spawn(move || lane.collect(|_| true))
        };
        assert!(!lane.is_empty(), "empty was said of a word on its way");
        collector.join().unwrap();
        assert_eq!(pop(&lane), Some(1));
    });
}

/// What goes back to its place comes before what was behind it, and whoever looks then finds it.
#[test]
fn bands_insert_goes_back() {
    check("bands_insert_goes_back", || {
        let lane = one_level();
        let idle = Arc::new(EventCount::new(Yields::Warily));
        push(&lane, 0, 1);
        push(&lane, 0, 2);
        assert_eq!(pop(&lane), Some(1));
        let waiter = {
            let (lane, idle) = (lane.clone(), idle.clone());
            thread::spawn(move || {
                let wait = || idle.wait_until(None, |_| pop(&lane), || 0, || 0);
                (wait(), wait())
            })
        };
        lane.insert(Rank::new(0, 0), u64::MAX, 1)
            .expect("the lane is open");
        let mine = pop(&lane);
        assert_eq!(mine.is_some_and(|word| word > 2), false);
        if let Some(word) = mine {
            lane.insert(Rank::new(0, word as i64 - 1), u64::MAX, word)
                .expect("the lane is open");
        }
        idle.notify_one();
        let (first, second) = waiter.join().unwrap();
        let mut found = [first, second];
        found.sort();
        assert_eq!(found, [Some(1), Some(2)]);
    });
}

/// A close and a push: either the push is refused, or what it put there is found.
#[test]
fn bands_close_and_push() {
    check("bands_close_and_push", || {
        let lane = one_level();
        let pusher = {
            let lane = lane.clone();
            thread::spawn(move || lane.push(1, 5).is_ok())
        };
        lane.close();
        let mut found = usize::from(pop(&lane).is_some());
        let accepted = pusher.join().unwrap();
        found += rest(&lane);
        assert_eq!(found, usize::from(accepted));
        assert_eq!(
            lane.pop_run(&mut Vec::new(), Portion::ONE, u32::MAX),
            Err(PopError::Closed)
        );
    });
}

/// Two poppers look for words that move to the front, one of which empties the line's bitmap.
#[test]
fn bands_collect_leaves_no_gap() {
    check_coarsely("bands_collect_leaves_no_gap", || {
        let lane = one_level();
        push(&lane, 0, 1);
        let collector = {
            let lane = lane.clone();
            thread::spawn(move || lane.collect(|_| true))
        };
        let popper = {
            let lane = lane.clone();
            thread::spawn(move || pop(&lane))
        };
        let mine = pop(&lane);
        collector.join().unwrap();
        let theirs = popper.join().unwrap();
        assert_eq!(
            [mine, theirs].iter().flatten().count(),
            1,
            "empty was said of a word on its way"
        );
    });
}
