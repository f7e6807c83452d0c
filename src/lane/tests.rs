//! The bands, their ranks and turns by one thread, against naive ones; races are modelled in `tests/loom`.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::model::{PopError, PushError};

#[derive(Clone, Debug)]
enum Op {
    Push(u32),
    PushRun(u32, usize),
    Newest(u32),
    Behind(u32),
    /// Takes up to so many, of levels below this.
    Pop(usize, u32),
    Prefer(u32),
    GiveBack,
    Remove(usize),
    Move(usize, u32),
    Collect,
}

fn op() -> impl Strategy<Value = Op> {
    let level = || 0..40_u32;
    prop_oneof![
        4 => level().prop_map(Op::Push),
        1 => (level(), 1..5_usize).prop_map(|(level, count)| Op::PushRun(level, count)),
        2 => level().prop_map(Op::Newest),
        2 => level().prop_map(Op::Behind),
        4 => (1..4_usize, prop_oneof![Just(u32::MAX), level()]).prop_map(|(most, until)| Op::Pop(most, until)),
        1 => level().prop_map(Op::Prefer),
        1 => Just(Op::GiveBack),
        1 => (0..8_usize).prop_map(Op::Remove),
        1 => (0..8_usize, level()).prop_map(|(at, level)| Op::Move(at, level)),
        1 => Just(Op::Collect),
    ]
}

/// Lines as they are thought of, and which words have left theirs for the front.
struct Reference {
    lines: Vec<VecDeque<u64>>,
    in_front: BTreeSet<u64>,
    last: u64,
}

impl Reference {
    fn fresh(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn first_level(&self) -> Option<u32> {
        self.lines
            .iter()
            .position(|line| !line.is_empty())
            .map(|level| level as u32)
    }

    fn some_word(&self, at: usize) -> u64 {
        self.lines.iter().flatten().nth(at).copied().unwrap_or(1)
    }

    fn take(&mut self, level: u32, words: &[u64]) {
        for word in words {
            assert_eq!(
                self.lines[level as usize].pop_front(),
                Some(*word),
                "another word comes first"
            );
            self.in_front.remove(word);
        }
    }
}

proptest! {
    #[test]
    fn bands_are_lines_by_level(levels in prop_oneof![Just(1_u32), Just(3), Just(40)], ops in proptest::collection::vec(op(), 1..80)) {
        let lane = Bands::new(levels, 512);
        let mut reference = Reference { lines: vec![VecDeque::new(); levels as usize], in_front: BTreeSet::new(), last: 0 };
        let mut out = Vec::new();
        for op in ops {
            out.clear();
            match op {
                Op::Push(level) => {
                    let (level, word) = (level % levels, reference.fresh());
                    prop_assert_eq!(lane.push(level, word), Ok(()));
                    reference.lines[level as usize].push_back(word);
                }
                Op::PushRun(level, count) => {
                    let level = level % levels;
                    let words: Vec<_> = (0..count).map(|_| reference.fresh()).collect();
                    let mut pushed = 0;
                    while pushed < count {
                        let more = lane.push_run(level, &words[pushed..]);
                        prop_assert!(more.is_ok_and(|more| more > 0));
                        pushed += more.unwrap_or(0);
                    }
                    prop_assert_eq!(pushed, count);
                    reference.lines[level as usize].extend(words);
                }
                Op::Newest(level) => {
                    let (level, word) = (level % levels, reference.fresh());
                    prop_assert_eq!(lane.insert_newest(level, word), Ok(()));
                    reference.lines[level as usize].push_front(word);
                    reference.in_front.insert(word);
                }
                Op::Behind(level) => {
                    let (level, word) = (level % levels, reference.fresh());
                    prop_assert_eq!(lane.insert_behind(level, word), Ok(()));
                    reference.lines[level as usize].push_back(word);
                    reference.in_front.insert(word);
                }
                Op::Pop(most, until) => {
                    let wanted = reference.first_level().filter(|level| *level < until);
                    match lane.pop_run(&mut out, Portion { most, poppers: 1 }, until) {
                        Ok(run) => {
                            prop_assert_eq!(Some(run.rank.level()), wanted);
                            prop_assert!(run.count == out.len() && (1..=most).contains(&run.count));
                            reference.take(run.rank.level(), &out);
                        }
                        Err(refusal) => prop_assert_eq!((refusal, wanted), (PopError::Empty, None)),
                    }
                }
                Op::Prefer(level) => {
                    let level = level % levels;
                    let preferred = !reference.lines[level as usize].is_empty();
                    let wanted = preferred.then_some(level).or(reference.first_level());
                    match lane.pop_preferring(level, &mut out) {
                        Ok(run) => {
                            prop_assert_eq!((Some(run.rank.level()), run.count), (wanted, 1));
                            reference.take(run.rank.level(), &out);
                        }
                        Err(refusal) => prop_assert_eq!((refusal, wanted), (PopError::Empty, None)),
                    }
                }
                Op::GiveBack => {
                    if let Ok(run) = lane.pop_run(&mut out, Portion::ONE, u32::MAX) {
                        prop_assert_eq!(lane.insert(run.rank, run.tie, out[0]), Ok(()));
                        prop_assert_eq!(reference.lines[run.rank.level() as usize].front(), Some(&out[0]));
                        reference.in_front.insert(out[0]);
                    }
                }
                Op::Remove(at) => {
                    let word = reference.some_word(at);
                    let removed = reference.in_front.remove(&word);
                    prop_assert_eq!(lane.remove(word), removed);
                    if removed {
                        reference.lines.iter_mut().for_each(|line| line.retain(|other| *other != word));
                    }
                }
                Op::Move(at, level) => {
                    let (word, level, new) = (reference.some_word(at), level % levels, reference.fresh());
                    let present = reference.in_front.remove(&word);
                    let moved = lane.replace(word, level, |found| {
                        assert_eq!(found, present);
                        if found { Ok(new) } else { Err("it is not there") }
                    });
                    prop_assert_eq!(moved, Ok(if present { Ok(()) } else { Err("it is not there") }));
                    if present {
                        reference.lines.iter_mut().for_each(|line| line.retain(|other| *other != word));
                        reference.lines[level as usize].push_back(new);
                        reference.in_front.insert(new);
                    }
                }
                Op::Collect => {
                    lane.collect(|_| true);
                    reference.in_front.extend(reference.lines.iter().flatten());
                }
            }
            let (count, first) = (reference.lines.iter().map(VecDeque::len).sum::<usize>(), reference.first_level());
            prop_assert_eq!((lane.len(), lane.is_empty()), (count, count == 0));
            if levels > 1 {
                for level in 0..levels {
                    prop_assert_eq!(lane.has_before(level), first.is_some_and(|first| first < level), "before {}", level);
                }
            }
        }
    }

    #[test]
    fn a_rank_is_level_and_place(level in 0..1024_u32, place in -1000..1000_i64, offset in 0..1000_usize) {
        let rank = Rank::new(level, place);
        prop_assert_eq!((rank.level(), rank.place()), (level, place));
        prop_assert_eq!(rank.behind(offset), Rank::new(level, place + offset as i64));
        prop_assert_eq!(Rank::from_bits(rank.to_bits()), rank);
        prop_assert!(Rank::first_of(level) < rank && rank < Rank::first_of(level + 1).max(Rank::new(level, 2000)));
        prop_assert_eq!(Rank::first_of(level).level(), level);
    }
}

/// A closed lane refuses every way in, and gives out what it has.
#[test]
fn a_closed_lane_takes_nothing() {
    let lane = Bands::new(2, 8);
    lane.push(1, 1).expect("the lane is open");
    lane.close();
    assert_eq!(lane.push(0, 2), Err(PushError::Closed(2)));
    assert_eq!(lane.push_run(0, &[2, 3]), Err(PushError::Closed(())));
    assert_eq!(
        lane.insert(Rank::new(0, 0), 0, 2),
        Err(PushError::Closed(2))
    );
    assert_eq!(lane.insert_newest(0, 2), Err(PushError::Closed(2)));
    assert_eq!(lane.insert_behind(0, 2), Err(PushError::Closed(2)));
    let mut out = Vec::new();
    let mut pop = || {
        lane.pop_run(&mut out, Portion::ONE, u32::MAX)
            .map(|run| run.count)
    };
    assert_eq!((pop(), pop()), (Ok(1), Err(PopError::Closed)));
}

/// A pop takes its share of the line, at least one word and at most what it asked for.
#[test]
fn a_portion_is_a_share() {
    for (most, poppers, taken) in [(8, 1, 8), (8, 2, 6), (4, 2, 4), (8, 24, 1), (1, 2, 1)] {
        let lane = Bands::new(1, 16);
        let words: Vec<u64> = (1..=12).collect();
        assert_eq!(lane.push_run(0, &words), Ok(12));
        let run = lane.pop_run(&mut Vec::new(), Portion { most, poppers }, u32::MAX);
        assert_eq!(
            run.map(|run| run.count),
            Ok(taken),
            "{most} of {poppers} poppers"
        );
        assert_eq!(lane.popped(), taken as u64);
    }
    assert_eq!(
        (Bands::new(3, 1).levels(), Bands::new(40, 1).levels()),
        (3, 40)
    );
}

#[test]
#[should_panic(expected = "level 1024")]
fn a_rank_has_no_level_too_many() {
    Rank::new(1024, 0);
}

#[test]
#[should_panic(expected = "place 9007199254740992")]
fn a_rank_has_no_place_too_far() {
    Rank::new(0, 1 << 53);
}

/// In a round level l of n has n - l turns, the first round and the next.
#[test]
fn turns_are_in_proportion() {
    let schedule = Schedule::new(3);
    let round = || (0..6).map(|_| schedule.next()).collect::<Vec<_>>();
    let first = round();
    let turns_of = |level| first.iter().filter(|turn| **turn == level).count();
    assert_eq!((turns_of(0), turns_of(1), turns_of(2)), (3, 2, 1));
    assert_eq!(first, [0, 1, 0, 2, 1, 0], "each level's are spread evenly");
    assert_eq!(round(), first);
}
