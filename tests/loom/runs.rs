//! Runs: several values that go in and out with one claim, against single ones, a close, and words on their way to the front.

use std::collections::VecDeque;

use guichet::internals::lane::{Bands, Portion};
use guichet::internals::model::PopError;
use guichet::internals::ring::Ring;
use loom::sync::Arc;
use loom::thread;

use super::check;

/// A run of two, or what of it was accepted before the close, comes out whole and in order before `Closed` does.
#[test]
fn runs_and_close() {
    check("runs_and_close", || {
        let ring = Arc::new(Ring::new(2));
        let (giver, closer) = (ring.clone(), ring.clone());
        let giving = thread::spawn(move || {
            let mut values = VecDeque::from([1, 2]);
            giver.push_many(&mut values).unwrap_or(0)
        });
        let closing = thread::spawn(move || closer.close());
        let mut got = Vec::new();
        loop {
            match ring.pop_many(&mut got, 2) {
                Ok(_) => {}
                Err(PopError::Empty) => thread::yield_now(),
                Err(PopError::Closed) => break,
            }
        }
        assert!(closing.join().unwrap());
        let given = giving.join().unwrap();
        let expected: Vec<_> = (1..=given as u32).collect();
        assert_eq!(got, expected, "a run was torn by the close");
    });
}

fn pop(lane: &Bands, most: usize) -> Vec<u64> {
    let mut out = Vec::new();
    let portion = Portion { most, poppers: 1 };
    match lane.pop_run(&mut out, portion, u32::MAX) {
        Ok(run) => assert_eq!(run.count, out.len()),
        Err(PopError::Empty | PopError::Closed) => assert!(out.is_empty()),
    }
    out
}

/// What is left, one by one.
fn rest(lane: &Bands) -> Vec<u64> {
    std::iter::from_fn(|| pop(lane, 1).pop()).collect()
}

/// A run is appended to a line next to a single word, while another thread takes runs from it.
#[test]
fn runs_of_a_line() {
    check("runs_of_a_line", || {
        let lane = Arc::new(Bands::new(1, 4));
        let (many, single) = (lane.clone(), lane.clone());
        let many = thread::spawn(move || many.push_run(0, &[1, 2]).expect("the lane is open"));
        let single = thread::spawn(move || single.push(0, 9).expect("the lane is open"));
        let mut got = pop(&lane, 3);
        let run = many.join().unwrap();
        single.join().unwrap();
        got.extend(rest(&lane));
        let at = got.iter().position(|word| *word == 1);
        let at = at.expect("the first word of a run goes in");
        assert_eq!(got[at..at + run], [1, 2][..run], "a run was torn");
        got.sort();
        let expected = [&[1, 2][..run], &[9]].concat();
        assert_eq!(got, expected, "a word was lost or doubled");
    });
}

/// Words move to the front while somebody takes a run, who may have to put it there too: nothing is overtaken nor lost.
#[test]
fn runs_on_their_way() {
    check("runs_on_their_way", || {
        let lane = Arc::new(Bands::new(1, 4));
        for word in 1..=3 {
            lane.push(0, word).expect("the lane is open");
        }
        let other = lane.clone();
        let collector = thread::spawn(move || other.collect(|_| true));
        let mut got = pop(&lane, 2);
        assert_eq!(got.first(), Some(&1), "a run overtook words on their way");
        collector.join().unwrap();
        got.extend(rest(&lane));
        assert_eq!(got, [1, 2, 3], "a word was overtaken or lost");
    });
}
