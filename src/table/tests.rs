//! The packed word against its parts, and the pool by one thread; races are modelled in `tests/loom`.

use proptest::prelude::*;

use super::word::{FULL, LINE, WAITER, Word};
use super::*;
use crate::model::{JobState, Verb};

proptest! {
    /// Every verb that applies bumps the epoch, leads to its target and keeps flags and holders.
    #[test]
    fn a_verb_changes_epoch_and_state_only(
        bits in 0_u64..1 << 40,
        state in proptest::sample::select(vec![0_u64, 1, 2, 8, 9, 10, 11, 12]),
        flags in 0_u64..1 << 20,
    ) {
        let word = Word(bits << 24 | state << 20 | flags);
        for verb in Verb::ALL.into_iter().filter(|verb| verb.applies_to(word.state())) {
            let next = word.apply(verb);
            prop_assert_eq!(next.epoch(), (word.epoch() + 1) & ((1 << 40) - 1));
            prop_assert_eq!(next.state(), verb.target().unwrap_or(word.state()));
            prop_assert_eq!(next.0 & ((1 << 20) - 1), flags);
        }
    }

    /// A ticket keeps its slot and its epoch, and expects what `admit` leaves.
    #[test]
    fn a_ticket_is_slot_and_epoch(slot in 0_u32..1 << 24, epoch in 0_u64..1 << 40) {
        let word = Word(epoch << 24 | (JobState::Waiting as u64) << 20).with(LINE).with(FULL);
        let ticket = Ticket::new(slot, word);
        prop_assert_eq!((ticket.slot(), ticket.epoch()), (slot, epoch));
        prop_assert_eq!(Word::waiting(ticket, LINE), word);
        prop_assert_eq!(Ticket::from_bits(ticket.to_bits()), ticket);
        let next = (epoch + 1) % (1 << 40);
        prop_assert_eq!(ticket.next_epoch(), next);
        prop_assert!(word.apply(Verb::Activate).follows(ticket));
        prop_assert!(!word.follows(ticket));
    }

    /// Any sequence of claims and returns against a set of numbers.
    #[test]
    fn the_pool_is_a_set(
        capacity in 1_usize..100,
        homes in 1_usize..4,
        steps in proptest::collection::vec((any::<bool>(), 0_usize..4, 1_u32..40), 1..200),
    ) {
        let pool = Pool::new(0, capacity, homes);
        let mut held: Vec<Vacant> = Vec::new();
        let mut numbers = std::collections::BTreeSet::new();
        for (claim, thread, count) in steps {
            if claim {
                match pool.claim(thread, count) {
                    Some(mut run) => {
                        prop_assert!(run.len() <= count as usize && !run.is_empty());
                        while let Some(vacant) = run.pop() {
                            prop_assert!((vacant.slot() as usize) < capacity);
                            prop_assert!(numbers.insert(vacant.slot()), "slot given out twice");
                            held.push(vacant);
                        }
                    }
                    None => prop_assert_eq!(held.len(), capacity, "none, while some were vacant"),
                }
            } else if let Some(vacant) = held.pop() {
                numbers.remove(&vacant.slot());
                pool.give_back(vacant);
            }
            prop_assert!(held.len() == capacity || pool.has_vacancy());
        }
    }
}

/// A job from its admission to its end, as its slot and its claims tell of it.
#[test]
fn a_claim_tells_of_its_attempt() {
    for (sampled, optioned) in [(false, false), (true, false), (false, true), (true, true)] {
        let marks = Marks { sampled, optioned };
        let slab: Slab<u32, u32> = Slab::new(3);
        let pool = Pool::new(0, 3, 1);
        let vacant = std::iter::from_fn(|| pool.claim_one(0)).find(|vacant| vacant.slot() == 2);
        let vacant = vacant.expect("there are three slots");
        let stamp = |_: u32, _: u64, _: &Record| (marks, 7);
        let (ticket, occupancy) = slab.admit(vacant, 70, None, Entry::Waiting(Trace::Line), stamp);
        assert_eq!((slab.capacity(), ticket.slot(), occupancy), (3, 2, 1));
        assert!(slab.is_current(ticket));
        assert_eq!((slab.occupancy_of(2), slab.occupancy_of(0)), (1, 0));
        assert_eq!(slab.priority(2), 7);
        slab.set_priority(2, 9);
        assert_eq!(slab.priority(2), 9);

        let first = slab.activate(ticket, Trace::Line).expect("it is valid");
        assert!(!slab.is_current(ticket));
        assert_eq!(
            (first.slot(), first.attempt(), first.marks()),
            (2, 1, marks)
        );
        assert_eq!(slab.occupancy(&first), 1);
        let (line, side) = (Position::in_line, Position::aside);
        for position in [side(-5, 3), line(6), side(0, 9)] {
            slab.set_position(&first, position);
            assert_eq!(slab.position(&first), position);
        }
        assert!(slab.note(&first) && !slab.is_revoked(&first));
        let past = first.past();
        assert_eq!((past.slot(), past.attempt()), (2, 1));
        assert_eq!(past.next_epoch(), first.ticket().next_epoch());
        let Ok(entered) = slab.retry(first, Verb::Retry, Trace::Line) else {
            panic!("somebody was faster");
        };
        let ticket = entered.ticket;
        assert_eq!(ticket.epoch(), past.next_epoch());
        let second = slab.activate(ticket, Trace::Line).expect("it is valid");
        assert_eq!((second.attempt(), second.marks()), (2, marks));
        assert_eq!(second.past().attempt(), 2);
        let running = second.ticket();
        assert!(slab.runs(running) && !slab.runs(ticket));
        assert_eq!((slab.epoch_of(2), slab.attempts(2)), (running.epoch(), 2));
        // Given back, an attempt does not count.
        let Ok(entered) = slab.retry(second, Verb::Requeue, Trace::Line) else {
            panic!("somebody was faster");
        };
        let ticket = entered.ticket;
        assert_eq!((slab.runs(running), slab.attempts(2)), (false, 1));
        assert_eq!(slab.look(2, 1), Some((JobState::Waiting, Some(ticket))));
        assert_eq!(
            (slab.look(2, 2), slab.look(2, 0), slab.look(3, 1)),
            (None, None, None)
        );
    }
}

/// A refill takes the next group that is rich, from where the last one was; who waits for a good number gets that or nothing.
#[test]
fn a_home_is_refilled_from_a_rich_group() {
    let pool = Pool::new(0, 128, 1);
    let mut held: Vec<u32> = Vec::new();
    let mut taken = Vec::new();
    while let Some(run) = pool.claim(0, 32) {
        assert!((1..=32).contains(&run.len()));
        let mut run = run;
        while let Some(vacant) = run.pop() {
            held.push(vacant.slot());
            taken.push(vacant);
        }
        assert!(run.is_empty());
    }
    assert!(!pool.has_vacancy(), "all are taken");
    held.sort_unstable();
    assert_eq!(held, (0..128).collect::<Vec<_>>());
    // A few slots of the second group, and all of the fourth.
    let of = |group: u32| move |vacant: &Vacant| vacant.slot() / 32 == group;
    let (fourth, rest): (Vec<_>, Vec<_>) = taken.into_iter().partition(of(3));
    let (second, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(of(1));
    second
        .into_iter()
        .take(2)
        .for_each(|vacant| pool.give_back(vacant));
    assert!(pool.has_vacancy());
    assert!(pool.claim_rich(0, 32).is_none(), "two are no good number");
    fourth.into_iter().for_each(|vacant| pool.give_back(vacant));
    let mut run = pool.claim_rich(0, 20).expect("a whole group is vacant");
    assert_eq!(run.len(), 20);
    let slots: Vec<u32> = std::iter::from_fn(|| run.pop())
        .map(|vacant| vacant.slot())
        .collect();
    assert_eq!(slots, (96..116).collect::<Vec<_>>());
    // The stash has the others.
    let one = pool.claim_one(0).expect("the stash has twelve");
    assert_eq!(one.slot(), 116);
    drop(rest);
}

#[test]
fn a_word_prints_its_parts() {
    let word = Word(7 << 24 | (JobState::Active as u64) << 20)
        .with(FULL)
        .with(WAITER)
        .pinned();
    assert_eq!(format!("{word:?}"), "Active epoch 7 holders 1 FULL WAITER");
}

#[test]
#[should_panic(expected = "more than 255 holders of one slot")]
fn holders_do_not_overflow() {
    (0..256).fold(Word(0), |word, _| word.pinned());
}

/// Another priority of a delayed job leaves its timer as it is; another instant does not, even if it is the same.
#[test]
fn a_timer_knows_which_step_set_its_instant() {
    let (slab, pool) = (Slab::<(), ()>::new(1), Pool::new(0, 1, 1));
    let vacant = pool.claim_one(0).expect("it is vacant");
    let stamp = |_, _, record: &Record| {
        record.set_due(5);
        (Marks::default(), 1)
    };
    let (_, occupancy) = slab.admit(vacant, (), None, Entry::Delayed, stamp);
    let timer = || slab.next_instant(0).expect("it is delayed");
    let first = timer();
    assert!(slab.reprioritize_delayed(0, occupancy, 2).is_ok());
    assert!(slab.reprioritize_delayed(0, occupancy, 3).is_ok());
    assert_eq!((timer(), slab.priority(0)), (first, 3));
    assert!(slab.reschedule(0, occupancy, 5, 0).is_ok());
    assert_eq!(timer().due, first.due);
    assert_ne!(timer().step, first.step);
}
