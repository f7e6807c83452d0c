//! Is the search itself right? Against cases by hand, and against a search that has no memory.

use crate::program::{Call, Random, Side, Wait};
use crate::record::{FORGED, History, Record, Refusal};
use crate::search::{Span, Step, linearizable};
use crate::spec::{Effect, State, judge};

/// Tries every order that the spans allow.
fn brute(spans: &[Span<Effect>], state: State) -> bool {
    let Some(first_end) = spans.iter().map(|span| span.end).min() else {
        return true;
    };
    let mut candidates = (0..spans.len()).filter(|&at| spans[at].begin < first_end);
    candidates.any(|at| {
        let (mut next, mut rest) = (state, spans.to_vec());
        next.take(&rest.remove(at).step.effect) && brute(&rest, next)
    })
}

/// Eight steps that are legal one after the other.
fn serial(random: &mut Random) -> Vec<Effect> {
    let open = Effect::Open {
        capacity: 1 + random.below(2),
        senders: 1,
        receivers: 1,
    };
    let mut state = State::default();
    assert!(state.take(&open));
    let (mut effects, mut sent, mut received) = (vec![open], 0, 0);
    while effects.len() < 8 {
        let effect = match random.below(10) {
            0..4 => Effect::Enter(vec![sent + 1]),
            4..8 => Effect::Exit(vec![received + 1]),
            8 => Effect::Full,
            _ => Effect::Empty,
        };
        let mut next = state;
        if next.take(&effect) {
            sent += u8::from(matches!(effect, Effect::Enter(_)));
            received += u8::from(matches!(effect, Effect::Exit(_)));
            effects.push(effect);
            state = next;
        }
    }
    effects
}

/// Gives each effect an interval around its place; no begin equals an end.
fn spread(random: &mut Random, effects: Vec<Effect>) -> Vec<Span<Effect>> {
    let mut reach = |at: usize| if at == 0 { 0 } else { random.below(28) as u64 };
    let spans = effects.into_iter().enumerate().map(|(at, effect)| {
        let place = 20 * at as u64 + 20;
        Span {
            begin: (place - 1 - reach(at).min(place - 1)) | 1,
            end: (place + reach(at)) & !1,
            step: Step {
                effect,
                bit: 1 << at,
                after: 0,
            },
        }
    });
    spans.collect()
}

#[test]
fn the_search_agrees_with_trying_every_order() {
    let mut random = Random::new(1);
    let mut legal = [0; 2];
    for _ in 0..3000 {
        let effects = serial(&mut random);
        let mut spans = spread(&mut random, effects);
        assert!(
            linearizable(&spans),
            "it was made by a legal order: {spans:#?}"
        );
        let pair = [1 + random.below(7), 1 + random.below(7)];
        let effects = pair.map(|at| spans[at].step.effect.clone());
        for (at, effect) in pair.into_iter().rev().zip(effects) {
            spans[at].step.effect = effect;
        }
        let verdict = brute(&spans, State::default());
        assert_eq!(linearizable(&spans), verdict, "{spans:#?}");
        legal[usize::from(verdict)] += 1;
    }
    assert!(
        legal.iter().all(|&count| count > 300),
        "both happen: {legal:?}"
    );
}

const FOREVER: Wait = Wait::Forever;
const TRY: Wait = Wait::Try;

/// A call from `begin` to `end` and what it moved.
fn call(begin: u64, end: u64, call: Call, moved: &[u8]) -> Record {
    Record {
        thread: 0,
        begin,
        end,
        call,
        moved: moved.to_vec(),
        refusal: None,
    }
}

fn refused(begin: u64, end: u64, made: Call, why: Refusal) -> Record {
    Record {
        refusal: Some(why),
        ..call(begin, end, made, &[])
    }
}

/// The verdict with one sender and one receiver.
fn verdict(capacity: usize, whole: bool, records: &[Record]) -> bool {
    let history = History {
        capacity,
        senders: 1,
        receivers: 1,
        records: records.to_vec(),
    };
    judge(&history, whole).is_ok()
}

#[test]
fn order_and_room() {
    let send = |begin, end, value| call(begin, end, Call::Send(TRY, value), &[value]);
    let recv = |begin, end, value| call(begin, end, Call::Recv(TRY), &[value]);
    let full = |begin, end| refused(begin, end, Call::Send(TRY, 9), Refusal::Boundary);
    let empty = |begin, end| refused(begin, end, Call::Recv(TRY), Refusal::Boundary);
    let late = |begin, end| refused(begin, end, Call::Recv(FOREVER), Refusal::TimedOut);
    let cases = [
        (
            true,
            vec![send(1, 2, 1), send(3, 4, 2), recv(5, 6, 1), recv(7, 8, 2)],
        ),
        (
            false,
            vec![send(1, 2, 1), send(3, 4, 2), recv(5, 6, 2), recv(7, 8, 1)],
        ),
        (
            true,
            vec![send(1, 4, 1), send(2, 3, 2), recv(5, 6, 2), recv(7, 8, 1)],
        ),
        (false, vec![recv(1, 2, 1), send(3, 4, 1)]),
        (true, vec![recv(1, 4, 1), send(2, 3, 1)]),
        (false, vec![send(1, 2, 1), recv(3, 4, 1), recv(5, 6, 1)]),
        (false, vec![send(1, 2, FORGED), recv(3, 4, FORGED)]),
        (true, vec![send(1, 2, 1), send(3, 4, 2), full(5, 6)]),
        (false, vec![send(1, 2, 1), full(3, 4)]),
        (true, vec![send(1, 2, 1), full(3, 6), send(4, 5, 2)]),
        (false, vec![send(1, 2, 1), send(3, 4, 2), send(5, 6, 3)]),
        (false, vec![send(1, 2, 1), empty(3, 4)]),
        (true, vec![send(1, 4, 1), empty(2, 3)]),
        (false, vec![send(1, 2, 1), late(3, 4)]),
        (true, vec![late(1, 2), send(3, 4, 1)]),
    ];
    for (expected, records) in cases {
        assert_eq!(verdict(2, false, &records), expected, "{records:#?}");
    }
}

#[test]
fn batches() {
    let many =
        |begin, end, values: &[u8]| call(begin, end, Call::SendMany(TRY, values.to_vec()), values);
    let take = |begin, end, values: &[u8]| call(begin, end, Call::RecvMany(TRY, 3), values);
    let send = |begin, end, value| call(begin, end, Call::Send(TRY, value), &[value]);
    assert!(verdict(
        3,
        true,
        &[many(1, 2, &[1, 2, 3]), take(3, 4, &[1, 2, 3])]
    ));
    assert!(!verdict(
        3,
        false,
        &[many(1, 2, &[1, 2, 3]), take(3, 4, &[2, 1])]
    ));
    // Nothing but the order within the batches forbids these two.
    assert!(!verdict(
        3,
        false,
        &[many(1, 2, &[1, 2]), take(3, 4, &[2]), take(5, 6, &[1])]
    ));
    assert!(!verdict(
        3,
        false,
        &[
            send(1, 4, 1),
            send(2, 3, 2),
            take(5, 6, &[1]),
            take(7, 8, &[1])
        ]
    ));
    let between = [many(1, 4, &[1, 3]), send(2, 3, 2), take(5, 6, &[1, 2, 3])];
    assert!(verdict(3, false, &between));
    assert!(
        !verdict(3, true, &between),
        "a whole batch lets nobody in between"
    );
    let cut = Record {
        refusal: Some(Refusal::Disconnected),
        ..call(1, 4, Call::SendMany(FOREVER, vec![1, 2]), &[1])
    };
    let leave = call(2, 3, Call::Leave(Side::Receivers), &[]);
    assert!(verdict(1, false, &[cut.clone(), leave.clone()]));
    assert!(!verdict(
        1,
        false,
        &[
            leave,
            Record {
                begin: 5,
                end: 6,
                ..cut
            }
        ]
    ));
}

#[test]
fn the_end() {
    let gone = |begin, end, made| refused(begin, end, made, Refusal::Disconnected);
    let leave = |begin, end, side| call(begin, end, Call::Leave(side), &[]);
    let send = call(1, 2, Call::Send(TRY, 1), &[1]);
    let recv = |begin, end| call(begin, end, Call::Recv(TRY), &[1]);
    let close = call(3, 4, Call::Close, &[]);
    let silent = gone(7, 8, Call::Recv(FOREVER));
    let (senders, receivers) = (leave(3, 4, Side::Senders), leave(3, 4, Side::Receivers));
    assert!(verdict(
        1,
        false,
        &[send.clone(), senders.clone(), recv(5, 6), silent.clone()]
    ));
    assert!(!verdict(
        1,
        false,
        &[send.clone(), senders.clone(), silent.clone()]
    ));
    assert!(!verdict(
        1,
        false,
        &[send.clone(), recv(5, 6), silent.clone()]
    ));
    assert!(verdict(
        1,
        false,
        &[send.clone(), close.clone(), recv(5, 6), silent.clone()]
    ));
    let unheard = gone(7, 8, Call::Send(FOREVER, 2));
    for end in [receivers.clone(), close] {
        assert!(verdict(2, false, &[end.clone(), unheard.clone()]));
        let heard = call(7, 8, Call::Send(TRY, 2), &[2]);
        assert!(!verdict(2, false, &[end, heard]));
    }
    assert!(!verdict(1, false, &[senders, unheard]));
    let empty = refused(7, 8, Call::Recv(TRY), Refusal::Boundary);
    let full = refused(7, 8, Call::Send(TRY, 2), Refusal::Boundary);
    assert!(
        !verdict(1, false, &[leave(3, 4, Side::Senders), empty]),
        "not Empty any more"
    );
    assert!(
        !verdict(1, false, &[send, receivers, full]),
        "not Full any more"
    );
}

#[test]
fn meetings() {
    let send = |begin, end, wait| call(begin, end, Call::Send(wait, 1), &[1]);
    let recv = |begin, end, wait| call(begin, end, Call::Recv(wait), &[1]);
    assert!(verdict(0, false, &[send(1, 3, FOREVER), recv(2, 4, TRY)]));
    assert!(verdict(0, false, &[send(2, 3, TRY), recv(1, 4, FOREVER)]));
    assert!(
        !verdict(0, false, &[send(1, 2, FOREVER), recv(3, 4, TRY)]),
        "no overlap"
    );
    assert!(
        !verdict(0, false, &[send(1, 3, TRY), recv(2, 4, TRY)]),
        "nobody waited"
    );
    assert!(!verdict(0, false, &[send(1, 3, FOREVER)]), "lost");
    assert!(!verdict(0, false, &[recv(1, 3, FOREVER)]), "out of nowhere");
    let twice = [
        send(1, 9, FOREVER),
        recv(2, 3, FOREVER),
        recv(4, 5, FOREVER),
    ];
    assert!(!verdict(0, false, &twice));
    let many = |values: &[u8]| call(1, 9, Call::SendMany(FOREVER, values.to_vec()), values);
    let take = |begin, end, values: &[u8]| call(begin, end, Call::RecvMany(FOREVER, 2), values);
    assert!(verdict(0, false, &[many(&[1, 2]), take(2, 8, &[1, 2])]));
    assert!(!verdict(0, false, &[many(&[1, 2]), take(2, 8, &[2, 1])]));
    assert!(verdict(
        0,
        false,
        &[many(&[1, 2]), take(2, 6, &[1]), take(3, 4, &[2])]
    ));
    assert!(!verdict(
        0,
        false,
        &[many(&[1, 2]), take(2, 3, &[2]), take(4, 5, &[1])]
    ));
    let full = refused(5, 6, Call::Send(TRY, 2), Refusal::Boundary);
    let gone = refused(7, 8, Call::Send(FOREVER, 3), Refusal::Disconnected);
    let leave = |begin, end| call(begin, end, Call::Leave(Side::Receivers), &[]);
    assert!(verdict(
        0,
        false,
        &[full.clone(), gone.clone(), leave(1, 9)]
    ));
    assert!(!verdict(0, false, &[full, leave(1, 2)]));
    assert!(!verdict(0, false, &[gone, leave(9, 10)]));
}
