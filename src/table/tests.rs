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
            prop_assert_eq!(next.state(), verb.target());
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
        for (trace, place) in [(Trace::Side, -5), (Trace::Line, 6), (Trace::Side, 0)] {
            slab.set_place(&first, trace, place);
            assert_eq!(slab.place(&first), (trace, place));
        }
        assert!(slab.note(&first) && !slab.is_revoked(&first));
        let past = first.past();
        assert_eq!((past.slot(), past.attempt()), (2, 1));
        assert_eq!(past.next_epoch(), first.ticket().next_epoch());
        let entered = slab.retry(first, Verb::Retry, Trace::Line);
        let ticket = entered
            .map(|entered| entered.ticket)
            .ok()
            .expect("nobody was faster");
        assert_eq!(ticket.epoch(), past.next_epoch());
        let second = slab.activate(ticket, Trace::Line).expect("it is valid");
        assert_eq!((second.attempt(), second.marks()), (2, marks));
    }
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
