//! Two threads and more that wait for each other in turn: each message is somebody's wake-up.

use std::thread;

use super::operations::{patient_receives, patient_sends};
use super::subject::{Receiver, Sender, bounded};
use crate::support::{finishes, start};

const ROUNDS: usize = 2_000;

#[test]
fn a_ball_goes_to_and_fro() {
    finishes(|| {
        for capacity in [0, 1, 2] {
            let (serve, ball) = bounded(capacity);
            let (back, returned) = bounded(capacity);
            let partner = start(move || {
                for hits in ball {
                    back.send(hits + 1).unwrap();
                }
            });
            for round in 0..ROUNDS {
                serve.send(2 * round).unwrap();
                assert_eq!(returned.recv(), Ok(2 * round + 1), "capacity {capacity}");
            }
            drop(serve);
            partner.get();
        }
    });
}

#[test]
fn a_ball_goes_to_and_fro_by_every_operation() {
    finishes(|| {
        for capacity in [0, 1] {
            let (serve, ball) = bounded(capacity);
            let (back, returned) = bounded(capacity);
            let partner = start(move || {
                let mut receives = patient_receives().into_iter().cycle();
                while let Ok(hits) = (receives.next().unwrap().1)(&ball) {
                    back.send(hits).unwrap();
                }
            });
            for (round, (name, send)) in patient_sends().iter().cycle().take(ROUNDS).enumerate() {
                assert_eq!(send(&serve, round), Ok(()), "{name}");
                assert_eq!(returned.recv(), Ok(round), "after {name}");
            }
            drop(serve);
            partner.get();
        }
    });
}

/// Hands on what comes, one more each time, until its neighbour has gone.
fn hand_on(from: Receiver<usize>, to: Sender<usize>) {
    for message in from {
        if to.send(message + 1).is_err() {
            return;
        }
    }
}

#[test]
fn a_ball_goes_round() {
    const PLAYERS: usize = 5;
    finishes(|| {
        for capacity in [0, 1] {
            let (first, mut from) = bounded(capacity);
            thread::scope(|scope| {
                for _ in 0..PLAYERS {
                    let (to, next) = bounded(capacity);
                    let here = std::mem::replace(&mut from, next);
                    scope.spawn(move || hand_on(here, to));
                }
                for round in 0..ROUNDS / PLAYERS {
                    first.send(round).unwrap();
                    assert_eq!(from.recv(), Ok(round + PLAYERS), "capacity {capacity}");
                }
                drop(first);
            });
        }
    });
}

#[test]
fn both_may_serve_at_once_when_there_is_room() {
    finishes(|| {
        let (to_left, left) = bounded(1);
        let (to_right, right) = bounded(1);
        let play = |to: Sender<usize>, from: Receiver<usize>| {
            move || {
                for round in 0..ROUNDS {
                    to.send(round).unwrap();
                    assert_eq!(from.recv(), Ok(round));
                }
            }
        };
        let partner = start(play(to_left, right));
        play(to_right, left)();
        partner.get();
    });
}

#[test]
fn many_pairs_play_side_by_side() {
    const PAIRS: usize = 8;
    finishes(|| {
        let pairs: Vec<_> = (0..PAIRS)
            .map(|pair| {
                let (serve, ball) = bounded(pair % 2);
                let (back, returned) = bounded(pair % 2);
                thread::spawn(move || ball.iter().for_each(|hits| back.send(hits).unwrap()));
                start(move || {
                    for round in 0..ROUNDS / PAIRS {
                        serve.send(round).unwrap();
                        assert_eq!(returned.recv(), Ok(round));
                    }
                })
            })
            .collect();
        pairs.into_iter().for_each(|pair| pair.get());
    });
}
