//! The wheel against a sorted map, operation by operation; then its edges one by one.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::entry::BUCKETS;
use super::*;

const SLOTS: u32 = 40;
const MILLISECOND: u64 = 1_000_000;
const DAY: u64 = 86_400_000 * MILLISECOND;
/// More calls than any of these tests needs to get through what is due.
const PATIENCE: usize = 100_000;

/// What the wheel should do, done slowly.
#[derive(Default)]
struct Model {
    now: u64,
    timers: BTreeMap<(u64, u64), u32>,
    keys: BTreeMap<u32, (u64, u64)>,
    inserted: u64,
}

impl Model {
    fn insert(&mut self, slot: u32, due: u64) {
        self.cancel(slot);
        self.inserted += 1;
        self.keys.insert(slot, (due, self.inserted));
        self.timers.insert((due, self.inserted), slot);
    }

    fn cancel(&mut self, slot: u32) -> bool {
        let key = self.keys.remove(&slot);
        key.is_some_and(|key| self.timers.remove(&key).is_some())
    }

    fn due(&self, slot: u32) -> Option<u64> {
        self.keys.get(&slot).map(|key| key.0)
    }

    /// The next timer that is due.
    fn pop(&mut self) -> Option<(u32, u64)> {
        let (&(due, _), &slot) = self.timers.first_key_value()?;
        (due <= self.now && self.cancel(slot)).then_some((slot, due))
    }

    fn first(&self) -> Option<u64> {
        self.timers.keys().next().map(|key| key.0)
    }
}

#[derive(Clone, Debug)]
enum When {
    /// So many nanoseconds from now.
    In(u64),
    /// So many before now.
    Ago(u64),
    /// At the instant of that slot's timer, or a nanosecond from it.
    With(u32, i8),
    /// At the beginning of the tick so many from now, or a nanosecond from it.
    Tick(u64, i8),
    Last,
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u32, When),
    Cancel(u32),
    Advance(When, usize),
    /// Calls `advance` when `next` says so.
    Follow(usize),
}

/// Of any magnitude alike.
fn span() -> impl Strategy<Value = u64> {
    (0_u32..63, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        8 => (0_u64..100_000 * MILLISECOND).prop_map(When::In),
        4 => (0_u64..3 * MILLISECOND).prop_map(When::In),
        3 => span().prop_map(When::In),
        3 => span().prop_map(When::Ago),
        4 => (0..SLOTS, -1_i8..2).prop_map(|(slot, off)| When::With(slot, off)),
        4 => (0_u64..70_000, -1_i8..2).prop_map(|(ticks, off)| When::Tick(ticks, off)),
        1 => Just(When::Last),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let budget = prop_oneof![3 => 0_usize..6, 1 => Just(usize::MAX)];
    let advance_to = prop_oneof![
        3 => (0_u64..1_000 * MILLISECOND).prop_map(When::In),
        1 => (0_u64..70_000, -1_i8..2).prop_map(|(ticks, off)| When::Tick(ticks, off)),
        1 => span().prop_map(|span| When::In(span % (1 << 54))),
        2 => (0..SLOTS, -1_i8..2).prop_map(|(slot, off)| When::With(slot, off)),
        1 => span().prop_map(When::Ago),
    ];
    prop_oneof![
        8 => (0..SLOTS, when()).prop_map(|(slot, when)| Op::Insert(slot, when)),
        3 => (0..SLOTS).prop_map(Op::Cancel),
        4 => (advance_to, budget).prop_map(|(when, budget)| Op::Advance(when, budget)),
        2 => (1_usize..20).prop_map(Op::Follow),
    ]
}

struct Pair {
    wheel: Wheel,
    model: Model,
}

impl Pair {
    fn new(now: u64) -> Self {
        let model = Model {
            now,
            ..Model::default()
        };
        let wheel = Wheel::new(now);
        Pair { wheel, model }
    }

    fn instant(&self, when: &When) -> u64 {
        let now = self.model.now;
        match *when {
            When::In(span) => now.saturating_add(span),
            When::Ago(span) => now.saturating_sub(span),
            When::With(slot, off) => {
                let due = self.model.due(slot).unwrap_or(now);
                due.saturating_add_signed(off.into())
            }
            When::Tick(ticks, off) => ((now >> TICK) + ticks)
                .saturating_mul(1 << TICK)
                .saturating_add_signed(off.into()),
            When::Last => u64::MAX,
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Insert(slot, when) => {
                let due = self.instant(when);
                self.wheel.insert(*slot, due);
                self.model.insert(*slot, due);
            }
            Op::Cancel(slot) => assert_eq!(self.wheel.cancel(*slot), self.model.cancel(*slot)),
            Op::Advance(when, budget) => {
                let now = self.instant(when);
                self.advance(now, *budget);
            }
            Op::Follow(times) => {
                for _ in 0..*times {
                    let Some(next) = self.wheel.next() else { break };
                    self.advance(next.max(self.model.now), usize::MAX);
                }
            }
        }
        self.check();
    }

    fn advance(&mut self, now: u64, budget: usize) -> bool {
        self.model.now = self.model.now.max(now);
        let mut handed_out = 0;
        let done = self.wheel.advance(now, budget, |slot, due| {
            assert_eq!(Some((slot, due)), self.model.pop());
            handed_out += 1;
        });
        assert!(handed_out <= budget);
        assert!(done || budget < usize::MAX);
        if done {
            assert_eq!(self.model.pop(), None, "it was due");
            let next = self.wheel.next();
            assert!(
                next.is_none_or(|next| next > self.model.now),
                "a needless call"
            );
        }
        done
    }

    fn check(&self) {
        assert_eq!(self.wheel.pending(), self.model.timers.len());
        for slot in 0..SLOTS {
            assert_eq!(self.wheel.due(slot), self.model.due(slot));
        }
        match (self.wheel.next(), self.model.first()) {
            (None, None) => {}
            (Some(next), Some(first)) => assert!(next <= first, "{next} is after {first}"),
            (next, first) => panic!("{next:?} but the first is {first:?}"),
        }
    }

    /// Everything comes out in the end, by small portions.
    fn finish(mut self) {
        let calls = (0..PATIENCE).position(|_| self.advance(u64::MAX, 3));
        assert!(calls.is_some(), "{} are left", self.wheel.pending());
        assert!(self.wheel.pending() == 0 && self.wheel.next().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_is_a_sorted_map(start in span(), ops in vec(op(), 0..150)) {
        let mut pair = Pair::new(start);
        ops.iter().for_each(|op| pair.step(op));
        pair.finish();
    }
}

/// All that `advance` hands out at `now`.
fn handed_out(wheel: &mut Wheel, now: u64) -> Vec<(u32, u64)> {
    let mut all = Vec::new();
    assert!(wheel.advance(now, usize::MAX, |slot, due| all.push((slot, due))));
    all
}

/// The calls that it takes to empty the wheel if one obeys `next`.
fn calls_until_empty(wheel: &mut Wheel) -> usize {
    let mut calls = 0;
    while let Some(next) = wheel.next() {
        handed_out(wheel, next);
        calls += 1;
        assert!(calls < PATIENCE);
    }
    calls
}

#[test]
fn a_timer_is_exact_to_the_nanosecond() {
    let mut wheel = Wheel::new(5);
    for due in [6, 7 * MILLISECOND + 3, 3 * DAY + 1] {
        wheel.insert(9, due);
        assert_eq!(handed_out(&mut wheel, due - 1), []);
        assert_eq!(wheel.next(), Some(due));
        assert_eq!(handed_out(&mut wheel, due), [(9, due)]);
        assert_eq!((wheel.next(), wheel.pending()), (None, 0));
    }
}

#[test]
fn a_far_timer_costs_a_few_calls() {
    let mut wheel = Wheel::new(0);
    wheel.insert(0, 3 * DAY + 12_345);
    assert!(calls_until_empty(&mut wheel) <= LEVELS);
    wheel.insert(0, u64::MAX);
    assert!(calls_until_empty(&mut wheel) <= LEVELS + 1);
}

/// Two levels at the most are between a timer and its tick, and the ticks themselves are shared.
#[test]
fn many_timers_cost_few_calls() {
    let mut wheel = Wheel::new(0);
    let spread = |slot: u64| slot * 7_919 * MILLISECOND / 10 % (30_000 * MILLISECOND);
    (0..3_000).for_each(|slot| wheel.insert(slot as u32, spread(slot)));
    assert!(calls_until_empty(&mut wheel) <= 3_000 * 2 + 30_000 / 256);
}

#[test]
fn equal_instants_keep_the_order_of_insertion_across_levels() {
    let due = 100_000 * MILLISECOND;
    let mut wheel = Wheel::new(0);
    wheel.insert(3, due);
    assert_eq!(handed_out(&mut wheel, due - 30_000 * MILLISECOND), []);
    wheel.insert(2, due);
    assert_eq!(handed_out(&mut wheel, due - 100 * MILLISECOND), []);
    wheel.insert(1, due);
    assert_eq!(handed_out(&mut wheel, due - 1), []);
    wheel.insert(0, due);
    wheel.insert(4, due - 5);
    let expected = [(4, due - 5), (3, due), (2, due), (1, due), (0, due)];
    assert_eq!(handed_out(&mut wheel, due), expected);
}

#[test]
fn a_timer_that_is_moved_is_inserted_anew() {
    let mut wheel = Wheel::new(0);
    wheel.insert(0, DAY);
    wheel.insert(1, DAY);
    wheel.insert(0, DAY);
    assert_eq!((wheel.pending(), wheel.due(0)), (2, Some(DAY)));
    assert_eq!(handed_out(&mut wheel, DAY), [(1, DAY), (0, DAY)]);
}

#[test]
fn what_is_late_comes_in_order_too() {
    let now = 10 * DAY;
    let mut wheel = Wheel::new(now);
    for (slot, due) in [(0, now), (1, 7), (2, now - 1), (3, 7), (4, now + 1), (5, 0)] {
        wheel.insert(slot, due);
    }
    assert!(wheel.cancel(2) && !wheel.cancel(2));
    assert_eq!(wheel.next(), Some(0));
    assert_eq!(
        handed_out(&mut wheel, now),
        [(5, 0), (1, 7), (3, 7), (0, now)]
    );
    assert_eq!(wheel.next(), Some(now + 1));
}

#[test]
fn a_cancelled_head_of_the_open_tick_is_no_reason_to_call() {
    let tick = 5 << TICK;
    let mut wheel = Wheel::new(0);
    (0..3).for_each(|slot| wheel.insert(slot, tick + 10 * u64::from(slot)));
    assert_eq!(handed_out(&mut wheel, tick), [(0, tick)]);
    assert!(wheel.cancel(1));
    assert_eq!(wheel.next(), Some(tick + 20));
    assert!(wheel.cancel(2));
    assert_eq!(wheel.next(), None);
}

#[test]
fn time_does_not_run_backwards() {
    let mut wheel = Wheel::new(DAY);
    wheel.insert(0, DAY / 2);
    wheel.insert(1, DAY + 1);
    assert_eq!(handed_out(&mut wheel, 0), [(0, DAY / 2)]);
    assert_eq!(handed_out(&mut wheel, DAY + 1), [(1, DAY + 1)]);
}

#[test]
fn no_budget_does_nothing_and_any_gets_on() {
    let mut wheel = Wheel::new(0);
    (0..100).for_each(|slot| wheel.insert(slot, 50_000 * MILLISECOND + u64::from(slot)));
    let mut slots = Vec::new();
    assert!(!wheel.advance(DAY, 0, |slot, _| slots.push(slot)));
    assert!(slots.is_empty());
    let done = (0..PATIENCE).position(|_| wheel.advance(DAY, 1, |slot, _| slots.push(slot)));
    // One level lies between, so each is moved twice at the most and handed out once.
    assert!(done.is_some_and(|calls| calls <= 300));
    assert!(slots.into_iter().eq(0..100));
}

/// The next span's bucket is poured while the running span lasts, so none is left when it begins.
#[test]
fn a_span_is_poured_before_it_begins() {
    let span = 1 << (TICK + DIGIT);
    let mut wheel = Wheel::new(0);
    let count = 3_000_u32;
    (0..count).for_each(|slot| wheel.insert(slot, 3 * span + u64::from(slot) * 1_000));
    let portions = count.div_ceil(100);
    let begin = 2 * span + 7;
    for call in 0..portions {
        assert!(wheel.advance(begin + u64::from(call), 100, |_, _| panic!("none is due")));
    }
    // Only the first tick is moved now, and whole.
    let in_first_tick = (1 << TICK) / 1_000 + 1;
    let mut first = 0;
    assert!(wheel.advance(3 * span, in_first_tick + 1, |_, _| first += 1));
    assert_eq!(first, 1);
    assert_eq!(handed_out(&mut wheel, 4 * span).len(), count as usize - 1);
}

/// A timer that lies in the next span's bucket still, and one that went to the lower level at once.
#[test]
fn a_bucket_is_poured_before_its_first_tick_is_opened() {
    let span = 1 << (TICK + DIGIT);
    let mut wheel = Wheel::new(0);
    wheel.insert(0, 3 * span + 5);
    // No budget to pour ahead with.
    assert!(wheel.advance(2 * span, 0, |_, _| panic!("none is due")));
    wheel.insert(1, 3 * span + 9);
    let expected = [(0, 3 * span + 5), (1, 3 * span + 9)];
    assert_eq!(handed_out(&mut wheel, 3 * span + 20), expected);
}

#[test]
fn chunks_are_used_again() {
    let mut wheel = Wheel::new(0);
    let mut first = 0;
    for round in 0..50 {
        let base = round * 3_000 * MILLISECOND;
        let due = |slot: u64| base + (slot * 7_919 % 3_000) * MILLISECOND;
        (0..10_000).for_each(|slot| wheel.insert(slot as u32, due(slot)));
        (0..10_000)
            .step_by(3)
            .for_each(|slot| assert!(wheel.cancel(slot)));
        assert_eq!(
            handed_out(&mut wheel, base + 3_000 * MILLISECOND).len(),
            6_666
        );
        if round == 0 {
            first = wheel.store.chunks();
        }
    }
    // A later round's instants may fall into a few more buckets than the first's.
    let chunks = wheel.store.chunks();
    assert!(chunks <= first + BUCKETS, "{chunks} after {first}");
}
