//! Whose timer it is: the order among equal instants is that of each job's own announcement.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Timer, Timers};

const SLOTS: u32 = 4;

/// The slots of a queue: what each says of its timer.
#[derive(Default)]
struct Slots([Cell<Option<Timer>>; SLOTS as usize]);

impl Slots {
    /// A step that sets an instant, or takes it away; not announced yet.
    fn set(&self, slot: u32, timer: Option<(u64, u32)>) {
        let timer = timer.map(|(due, step)| Timer { due, step });
        self.0[slot as usize].set(timer);
    }

    fn when(&self) -> impl Fn(u32) -> Option<Timer> {
        |slot| self.0[slot as usize].get()
    }

    /// All that comes by `now`.
    fn fired(&self, timers: &Timers, now: u64) -> Vec<u32> {
        let mut fired = Vec::new();
        timers.tick(now, usize::MAX, self.when(), &mut fired);
        fired.into_iter().map(|(slot, _)| slot).collect()
    }
}

/// Two slots and their wheel, which has read the announcement of slot 0 if `read` says so.
fn two(read: bool, first: (u64, u32)) -> (Slots, Timers) {
    let (slots, timers) = (Slots::default(), Timers::new(0));
    slots.set(0, Some(first));
    timers.announce(0, slots.when());
    if read {
        assert_eq!(slots.fired(&timers, 0), []);
    }
    (slots, timers)
}

#[test]
fn a_former_tenants_timer_brings_the_next_job_no_further_forward() {
    for read in [false, true] {
        for former in [7, 5] {
            let (slots, timers) = two(read, (former, 1));
            slots.set(1, Some((7, 1)));
            timers.announce(1, slots.when());
            // The former job has gone, and nobody said so.
            slots.set(0, Some((7, 2)));
            timers.announce(0, slots.when());
            assert_eq!(slots.fired(&timers, 7), [1, 0], "{former}, {read}");
        }
    }
}

#[test]
fn an_announcement_that_is_read_late_is_not_the_next_steps() {
    for early in [false, true] {
        let (slots, timers) = two(false, (5, 1));
        slots.set(0, Some((7, 2)));
        // Read after the step and before its own announcement.
        if early {
            assert_eq!(slots.fired(&timers, 0), []);
        }
        slots.set(1, Some((7, 1)));
        timers.announce(1, slots.when());
        timers.announce(0, slots.when());
        assert_eq!(slots.fired(&timers, 7), [1, 0], "{early}");
    }
}

#[test]
fn an_announcement_of_nothing_is_not_the_next_steps() {
    let (slots, timers) = (Slots::default(), Timers::new(0));
    timers.announce(0, slots.when());
    slots.set(1, Some((7, 1)));
    timers.announce(1, slots.when());
    slots.set(0, Some((7, 1)));
    timers.announce(0, slots.when());
    assert_eq!(slots.fired(&timers, 7), [1, 0]);
}

#[test]
fn a_step_that_is_announced_twice_or_reviewed_keeps_its_place() {
    for read in [false, true] {
        for reviewed in [false, true] {
            let (slots, timers) = two(read, (7, 1));
            slots.set(1, Some((7, 1)));
            timers.announce(1, slots.when());
            match reviewed {
                true => timers.review(0, slots.when()),
                false => timers.announce(0, slots.when()),
            }
            assert_eq!(slots.fired(&timers, 7), [0, 1], "{read}, {reviewed}");
        }
    }
}

#[test]
fn what_comes_without_its_announcement_comes_all_the_same() {
    let (slots, timers) = two(false, (5, 1));
    slots.set(0, Some((7, 2)));
    assert_eq!(slots.fired(&timers, 5), []);
    assert_eq!(slots.fired(&timers, 7), [0]);
}

#[derive(Clone, Debug)]
enum Op {
    /// A step that sets an instant and announces it.
    Set(u32, u64),
    /// A step that takes the instant away and says nothing.
    Leave(u32),
    /// Another announcement of what was announced.
    Again(u32),
    Review(u32),
    Tick(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let slot = || 0..SLOTS;
    prop_oneof![
        4 => (slot(), 0..3_u64).prop_map(|(slot, delay)| Op::Set(slot, delay)),
        2 => slot().prop_map(Op::Leave),
        1 => slot().prop_map(Op::Again),
        1 => slot().prop_map(Op::Review),
        2 => (0..3_u64).prop_map(Op::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Slots come by instant, and by their last step among equal ones, whatever was left behind or said before.
    #[test]
    fn slots_come_by_instant_and_own_announcement(ops in vec(op(), 0..60)) {
        let (slots, timers) = (Slots::default(), Timers::new(0));
        // By instant and announcement; what each slot has.
        let mut expected = BTreeMap::new();
        let mut own: [Option<(u64, u32)>; SLOTS as usize] = Default::default();
        let mut now = 0;
        for (number, op) in (1..).zip(ops) {
            match op {
                Op::Set(slot, delay) => {
                    let timer = (now + delay, number);
                    if let Some(before) = own[slot as usize].replace(timer) {
                        expected.remove(&before);
                    }
                    expected.insert(timer, slot);
                    slots.set(slot, Some(timer));
                    timers.announce(slot, slots.when());
                }
                Op::Leave(slot) => {
                    if let Some(before) = own[slot as usize].take() {
                        expected.remove(&before);
                    }
                    slots.set(slot, None);
                }
                Op::Again(slot) => timers.announce(slot, slots.when()),
                Op::Review(slot) => timers.review(slot, slots.when()),
                Op::Tick(by) => {
                    now += by;
                    let fired = slots.fired(&timers, now);
                    // A slot whose job has left may come in vain, as to the queue; whoever fires it sees that.
                    let live = fired.into_iter().filter(|slot| own[*slot as usize].is_some_and(|own| own.0 <= now));
                    let live: Vec<_> = live.collect();
                    let later = expected.split_off(&(now + 1, 0));
                    let due: Vec<_> = expected.values().copied().collect();
                    prop_assert_eq!(live, due);
                    expected = later;
                    for slot in &mut own {
                        slot.take_if(|own| own.0 <= now);
                    }
                    (0..SLOTS).for_each(|slot| slots.set(slot, own[slot as usize]));
                }
            }
        }
    }
}

#[test]
fn what_a_later_reading_made_due_comes_with_its_instant() {
    let (slots, timers) = two(true, (5, 1));
    let mut fired = Vec::new();
    timers.tick(9, usize::MAX, slots.when(), &mut fired);
    slots.set(1, Some((7, 1)));
    timers.announce(1, slots.when());
    timers.tick(3, usize::MAX, slots.when(), &mut fired);
    assert_eq!(fired, [(0, 5), (1, 7)]);
}
