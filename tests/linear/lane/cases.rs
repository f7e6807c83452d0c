//! Are the rules themselves right? Against cases by hand.

use super::program::Call;
use super::record::{History, Outcome, Record};
use super::spec::{Rule, judge};

fn call(thread: usize, (begin, end): (u64, u64), call: Call, outcome: Outcome) -> Record {
    Record {
        thread,
        begin,
        end,
        call,
        outcome,
        back: Vec::new(),
    }
}

/// Thread 0 puts words in.
fn push(span: (u64, u64), level: usize, words: &[u8]) -> Record {
    let put = Outcome::Got(level, words.to_vec());
    call(0, span, Call::Push(level, words.to_vec()), put)
}

fn pop(thread: usize, span: (u64, u64), level: usize, words: &[u8]) -> Record {
    let got = Outcome::Got(level, words.to_vec());
    call(thread, span, Call::Pop(words.len()), got)
}

fn nothing(thread: usize, span: (u64, u64)) -> Record {
    call(thread, span, Call::Pop(1), Outcome::Nothing)
}

fn back(thread: usize, span: (u64, u64), word: u8) -> Record {
    Record {
        back: vec![word],
        ..call(thread, span, Call::Back, Outcome::Done)
    }
}

fn moved(span: (u64, u64), word: u8, level: usize, outcome: Outcome) -> Record {
    call(3, span, Call::Move(word, level), outcome)
}

const RULES: [Rule; 3] = [Rule::Strict, Rule::Levels, Rule::Search];

/// What each of the rules says.
fn verdicts(mut records: Vec<Record>) -> [bool; 3] {
    records.sort_by_key(|record| record.begin);
    let history = History(records);
    RULES.map(|rule| judge(&history, rule, 2).is_ok())
}

const YES: [bool; 3] = [true; 3];
const NO: [bool; 3] = [false; 3];

#[test]
fn one_after_the_other_all_rules_are_one() {
    let put = || vec![push((1, 2), 1, &[1]), push((3, 4), 0, &[2, 3])];
    let with = |more: &[Record]| verdicts([put(), more.to_vec()].concat());
    let right = [
        pop(1, (5, 6), 0, &[2]),
        pop(1, (7, 8), 0, &[3]),
        pop(1, (9, 10), 1, &[1]),
        nothing(1, (11, 12)),
    ];
    assert_eq!(with(&right), YES);
    assert_eq!(with(&[pop(1, (5, 6), 0, &[2, 3])]), YES, "a run");
    assert_eq!(with(&[pop(1, (5, 6), 0, &[3, 2])]), NO, "turned");
    assert_eq!(with(&[pop(1, (5, 6), 0, &[3])]), NO, "overtakes a peer");
    assert_eq!(with(&[pop(1, (5, 6), 1, &[1])]), NO, "overtakes");
    assert_eq!(with(&[pop(1, (5, 6), 1, &[2])]), NO, "another level");
    assert_eq!(with(&[pop(1, (5, 6), 0, &[9])]), NO, "invented");
    assert_eq!(with(&[nothing(1, (5, 6))]), NO, "lost");
    let twice = [pop(1, (5, 6), 0, &[2]), pop(1, (7, 8), 0, &[2])];
    assert_eq!(with(&twice), NO);
}

/// A pop that looks at one level after the other misses what comes where it has looked.
#[test]
fn what_comes_behind_the_look() {
    let relaxed = [false, true, true];
    let before = vec![
        push((1, 2), 1, &[1]),
        pop(1, (3, 8), 1, &[1]),
        push((4, 5), 0, &[2]),
        pop(2, (9, 10), 0, &[2]),
    ];
    assert_eq!(verdicts(before), YES, "1 was taken before 2 came");
    // 2 comes when level 0 was looked at, and 3 after 2.
    let behind = vec![
        pop(1, (1, 6), 1, &[3]),
        push((2, 3), 0, &[2]),
        push((4, 5), 1, &[3]),
        pop(2, (7, 8), 0, &[2]),
    ];
    assert_eq!(verdicts(behind), relaxed);
    // The same for nothing: 1 comes where it looked, 2 leaves where it will look.
    let nothing_found = vec![
        push((1, 2), 1, &[2]),
        nothing(1, (3, 8)),
        push((4, 5), 0, &[1]),
        call(3, (6, 7), Call::Remove(2), Outcome::Done),
    ];
    assert_eq!(verdicts(nothing_found), relaxed);
}

#[test]
fn each_word_or_each_level() {
    // At each instant one of level 0 is there, but none all along.
    let relay = vec![
        push((1, 2), 0, &[1]),
        nothing(1, (3, 10)),
        push((4, 5), 0, &[2]),
        pop(2, (6, 7), 0, &[1]),
    ];
    assert_eq!(verdicts(relay), [false, false, true]);
}

#[test]
fn back_to_its_place() {
    let put = || vec![push((1, 2), 0, &[1]), push((3, 4), 0, &[2])];
    let with = |more: &[Record]| verdicts([put(), more.to_vec()].concat());
    let goes_back = [pop(1, (5, 6), 0, &[1]), back(1, (9, 10), 1)];
    let first = [&goes_back[..], &[pop(2, (11, 12), 0, &[1])]].concat();
    assert_eq!(with(&first), YES);
    let behind = [&goes_back[..], &[pop(2, (11, 12), 0, &[2])]].concat();
    assert_eq!(with(&behind), NO);
    let meanwhile = [&goes_back[..], &[pop(2, (7, 8), 0, &[2])]].concat();
    assert_eq!(with(&meanwhile), YES, "it is in a hand");
    let during = [
        &goes_back[..],
        &[
            pop(2, (7, 16), 0, &[3]),
            push((11, 12), 0, &[3]),
            pop(3, (8, 14), 0, &[2]),
        ],
    ];
    // 1 was not there from the beginning on.
    assert_eq!(with(&during.concat()), [false, false, true]);
}

#[test]
fn moves_and_closes() {
    let put = || vec![push((1, 2), 0, &[1]), push((3, 4), 1, &[2])];
    let with = |more: &[Record]| verdicts([put(), more.to_vec()].concat());
    let goes = [moved((5, 6), 1, 1, Outcome::Done)];
    let behind = [
        &goes[..],
        &[pop(1, (7, 8), 1, &[2]), pop(1, (9, 10), 1, &[1])],
    ]
    .concat();
    assert_eq!(with(&behind), YES);
    let before = [&goes[..], &[pop(1, (7, 8), 1, &[1])]].concat();
    assert_eq!(with(&before), NO);
    let refused = [moved((5, 6), 1, 1, Outcome::Nothing)];
    assert_eq!(with(&refused), NO, "it was there");
    let close = call(1, (5, 6), Call::Close, Outcome::Done);
    let closed = |span| call(0, span, Call::Push(0, vec![3]), Outcome::Closed);
    assert_eq!(with(&[close.clone(), closed((7, 8))]), YES);
    assert_eq!(with(&[close.clone(), push((7, 8), 0, &[3])]), NO);
    assert_eq!(with(&[close.clone(), pop(1, (7, 8), 0, &[1])]), YES);
    assert_eq!(with(&[closed((7, 8))]), NO);
    let end = |span| call(1, span, Call::Pop(1), Outcome::Closed);
    assert_eq!(with(&[close.clone(), end((7, 8))]), NO, "two are left");
    assert_eq!(verdicts(vec![close, end((7, 8))]), YES);
    assert_eq!(verdicts(vec![end((7, 8))]), NO);
}

/// Who moves a word looks for the line's end first.
#[test]
fn pushed_while_a_word_is_on_its_way_to_the_end() {
    let passed = [
        push((1, 2), 1, &[1]),
        moved((3, 10), 1, 0, Outcome::Done),
        push((4, 5), 0, &[2]),
        pop(1, (6, 7), 0, &[2]),
        back(1, (8, 9), 2),
        pop(2, (12, 13), 0, &[1]),
    ];
    let relaxed = [false, true, true];
    assert_eq!(
        verdicts(passed.to_vec()),
        relaxed,
        "2 came when 1 had its place"
    );
    let behind = [
        push((1, 2), 1, &[1]),
        push((3, 4), 0, &[2]),
        moved((5, 10), 1, 0, Outcome::Done),
        pop(1, (6, 7), 0, &[2]),
        back(1, (8, 9), 2),
        pop(2, (12, 13), 0, &[1]),
    ];
    assert_eq!(verdicts(behind.to_vec()), NO, "2 was there before");
}

#[test]
fn closes_come_before_refusals() {
    let close = |span| call(1, span, Call::Close, Outcome::Done);
    let end = |span| call(1, span, Call::Pop(1), Outcome::Closed);
    let late = vec![
        push((1, 8), 0, &[1]),
        close((2, 3)),
        end((4, 5)),
        pop(2, (6, 7), 0, &[1]),
    ];
    assert_eq!(verdicts(late), [false, true, true], "1 was accepted first");
}

#[test]
fn a_collect_hides_nothing() {
    let passed_over = vec![
        push((1, 2), 0, &[1]),
        push((3, 4), 1, &[2]),
        pop(1, (5, 10), 0, &[1]),
        nothing(2, (8, 9)),
    ];
    assert_eq!(verdicts(passed_over.clone()), NO, "2 was there");
    let collect = call(3, (6, 7), Call::Collect, Outcome::Done);
    let with = [passed_over, vec![collect]].concat();
    assert_eq!(verdicts(with), NO, "2 was there all the same");
}
