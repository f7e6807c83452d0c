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
