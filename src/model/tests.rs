//! The relation of the verbs, and the texts of ids and options.

use std::panic::panic_any;
use std::sync::Arc;

use super::*;

const STATES: [JobState; 9] = [
    JobState::Vacant,
    JobState::Waiting,
    JobState::Active,
    JobState::Delayed,
    JobState::Completed,
    JobState::Dead,
    JobState::Cancelled,
    JobState::Interrupted,
    JobState::Returned,
];

/// The drawing in `state.rs`, as a table: which verb leads where.
#[test]
fn verbs_follow_the_drawing() {
    use JobState::*;
    use Verb::*;
    let mut allowed = Vec::new();
    for verb in Verb::ALL {
        for state in STATES {
            if verb.applies_to(state) && !state.is_terminal() {
                allowed.push((state, verb, verb.target().unwrap_or(state)));
            }
        }
    }
    let drawn = [
        (Vacant, Admit, Waiting),
        (Vacant, Defer, Delayed),
        (Waiting, Activate, Active),
        (Delayed, Promote, Waiting),
        (Waiting, Reprioritize, Waiting),
        (Delayed, Reprioritize, Delayed),
        (Delayed, Reschedule, Delayed),
        (Active, Complete, Completed),
        (Active, Retry, Waiting),
        (Active, Snooze, Waiting),
        (Active, Requeue, Waiting),
        (Active, Bury, Dead),
        (Waiting, Expire, Dead),
        (Delayed, Expire, Dead),
        (Waiting, Cancel, Cancelled),
        (Active, Cancel, Cancelled),
        (Delayed, Cancel, Cancelled),
        (Active, Interrupt, Interrupted),
        (Waiting, Return, Returned),
        (Delayed, Return, Returned),
    ];
    assert_eq!(allowed, drawn);
}

#[test]
fn only_admission_leaves_a_terminal_state() {
    for state in STATES.into_iter().filter(|state| state.is_terminal()) {
        let leaving: Vec<_> = Verb::ALL
            .into_iter()
            .filter(|v| v.applies_to(state))
            .collect();
        assert_eq!(leaving, [Verb::Admit, Verb::Defer], "from {state:?}");
    }
}

#[test]
fn states_survive_their_bits() {
    for state in STATES {
        assert_eq!(JobState::from_bits(state as u64), state);
    }
}

#[test]
fn ids_have_one_spelling() {
    for id in [
        JobId {
            queue: 0,
            slot: 0,
            occupancy: 0,
        },
        JobId {
            queue: u32::MAX,
            slot: 7,
            occupancy: u64::MAX,
        },
    ] {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    for text in [
        "",
        "1",
        "1:2",
        "1:2:3:4",
        "01:2:3",
        "+1:2:3",
        "1:2:-3",
        "1: 2:3",
        "4294967296:0:0",
        "a:b:c",
        "::",
    ] {
        assert!(text.parse::<JobId>().is_err(), "{text:?} is no id");
    }
}

#[test]
fn ranges_include_their_ends() {
    for good in [1, 5, 10] {
        assert_eq!(check_range("option", good, 1..=10), Ok(good));
    }
    for bad in [0, 11] {
        let refused = check_range("option", bad, 1..=10).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("option must be 1 to 10, not {bad}")
        );
        assert_eq!(
            (refused.option(), refused.range()),
            ("option", Some(1..=10))
        );
    }
}

#[test]
fn panics_keep_their_text() {
    let caught = |f: fn()| Failure::panicked(std::panic::catch_unwind(f).unwrap_err(), |_| None);
    assert_eq!(
        caught(|| std::panic::panic_any("one")).error().to_string(),
        "one"
    );
    assert_eq!(
        caught(|| std::panic::panic_any(String::from("two")))
            .error()
            .to_string(),
        "two"
    );
    let third = caught(|| std::panic::panic_any(3));
    assert!(third.is_panic() && !third.is_discard());
    assert_eq!(
        third.to_string(),
        "the handler panicked: a panic without a text"
    );
}

/// What a function of the user's panics with is dropped, also if that panics in turn.
#[test]
fn unharmed_leaves_nothing_of_a_panic() {
    struct Loud(Arc<()>);
    impl Drop for Loud {
        fn drop(&mut self) {
            panic_any(self.0.clone());
        }
    }
    assert_eq!(unharmed(|| 7), Some(7));
    let token = Arc::new(());
    let inside = token.clone();
    assert_eq!(unharmed(|| -> u8 { panic_any(inside) }), None);
    assert_eq!(Arc::strong_count(&token), 1);
    let inside = token.clone();
    assert_eq!(unharmed(|| -> u8 { panic_any(Loud(inside)) }), None);
    // What the destructor panicked with is left alone.
    assert_eq!(Arc::strong_count(&token), 2);
    discard(Loud(token));
}
