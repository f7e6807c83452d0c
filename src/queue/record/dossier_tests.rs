//! Dossiers against a map that is told who comes when, and whose code runs where.

use std::collections::HashMap;
use std::time::SystemTime;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{AttemptError, FailureKind, LogLine};
use crate::queue::record::dossier::{Dossier, Dossiers, ERRORS_KEPT, Progress};
use crate::sync::Arc;

fn error(attempt: u32) -> AttemptError {
    AttemptError {
        attempt,
        kind: FailureKind::Error,
        message: format!("no stamp on letter {attempt}"),
        location: None,
        at: SystemTime::UNIX_EPOCH,
    }
}

fn line(attempt: u32) -> LogLine {
    LogLine {
        attempt,
        at: SystemTime::UNIX_EPOCH,
        text: format!("weighing letter {attempt}"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write,
    Peek,
    Take,
}

fn step() -> impl Strategy<Value = (u32, u64, Step)> {
    let step = prop_oneof![3 => Just(Step::Write), 1 => Just(Step::Peek), 1 => Just(Step::Take)];
    (0..3_u32, 1..5_u64, step)
}

/// Writes once more; how often it was written.
fn write(dossier: &mut Dossier) -> u32 {
    dossier.redelivered += 1;
    dossier.redelivered
}

proptest! {
    #[test]
    fn a_slot_has_the_dossier_of_its_latest_job(steps in vec(step(), 0..100)) {
        let dossiers = Dossiers::new(3);
        // By slot: whose it is, and how often it was written.
        let mut model = HashMap::<u32, (u64, u32)>::new();
        for (slot, occupancy, step) in steps {
            let there = model.get(&slot).copied();
            let own = there.filter(|(of, _)| *of == occupancy).map(|(_, writes)| writes);
            match step {
                Step::Write => {
                    let (writes, stale) = dossiers.with(slot, occupancy, write);
                    prop_assert_eq!(writes, own.unwrap_or(0) + 1);
                    let too_late = there.is_some_and(|(of, _)| of > occupancy);
                    if !too_late {
                        model.insert(slot, (occupancy, writes));
                    }
                    // The one that lost its place, if any.
                    let lost = match too_late {
                        true => Some(writes),
                        false => there.filter(|_| own.is_none()).map(|(_, writes)| writes),
                    };
                    prop_assert_eq!(stale.map(|it| it.redelivered), lost);
                }
                Step::Peek => {
                    let seen = dossiers.peek(slot, occupancy, |it| it.redelivered);
                    prop_assert_eq!(seen, own);
                }
                Step::Take => {
                    let taken = dossiers.take(slot, occupancy).map(|it| it.redelivered);
                    prop_assert_eq!(taken, own);
                    if own.is_some() {
                        model.remove(&slot);
                    }
                }
            }
        }
    }
}

#[test]
fn the_last_errors_are_kept_and_all_are_counted() {
    let mut dossier = Dossier::default();
    let all = ERRORS_KEPT as u32 + 8;
    (1..=all).for_each(|attempt| dossier.fail(error(attempt)));
    assert!(
        dossier
            .errors()
            .map(|kept| (**kept).clone())
            .eq((9..=all).map(error))
    );
    assert_eq!(dossier.failures(), u64::from(all));
}

#[test]
fn the_last_lines_are_kept_and_the_others_counted() {
    let mut dossier = Dossier::default();
    (1..=5).for_each(|attempt| dossier.log(line(attempt), 3));
    assert!(dossier.logs().cloned().eq((3..=5).map(line)));
    assert_eq!(dossier.logs_dropped(), 2);
    // With a smaller limit, more leave at a time; none may be kept.
    dossier.log(line(6), 0);
    assert_eq!((dossier.logs().count(), dossier.logs_dropped()), (0, 6));
}

#[test]
fn a_dossier_keeps_what_it_is_told_until_it_is_taken() {
    let dossiers = Dossiers::new(2);
    let ((), stale) = dossiers.with(1, 7, |dossier| {
        dossier.fail(error(1));
        dossier.cancel_reason = Some("moved house".to_owned());
        assert!(dossier.show(Arc::new(40_u32)).is_none());
    });
    assert!(stale.is_none());
    assert!(dossiers.peek(0, 7, |_| ()).is_none(), "another slot");
    let copy = dossiers.peek(1, 7, Dossier::clone);
    let taken = dossiers.take(1, 7);
    assert!(dossiers.take(1, 7).is_none());
    for dossier in [copy, taken.map(|dossier| *dossier)] {
        let dossier = dossier.expect("it was written");
        assert_eq!(dossier.errors().next().map(|kept| &**kept), Some(&error(1)));
        assert_eq!(dossier.cancel_reason.as_deref(), Some("moved house"));
        let shown = dossier.progress().and_then(|any| any.downcast_ref::<u32>());
        assert_eq!(shown, Some(&40));
    }
}

/// Whoever holds a clone besides sees whether the other is dropped.
fn progress() -> (Progress, Arc<u32>) {
    let value = Arc::new(0_u32);
    (value.clone(), value)
}

#[test]
fn what_has_to_go_is_given_to_the_caller() {
    let dossiers = Dossiers::new(1);
    let (first, first_watch) = progress();
    let (second, second_watch) = progress();
    let (third, third_watch) = progress();
    let (_, stale) = dossiers.with(0, 2, |dossier| dossier.show(first));
    assert!(stale.is_none());

    let (replaced, _) = dossiers.with(0, 2, |dossier| dossier.show(second));
    assert_eq!(Arc::strong_count(&first_watch), 2);
    drop(replaced);
    assert_eq!(Arc::strong_count(&first_watch), 1);

    let (_, too_late) = dossiers.with(0, 1, |dossier| dossier.show(third));
    assert_eq!(Arc::strong_count(&third_watch), 2);
    drop(too_late);
    assert_eq!(Arc::strong_count(&third_watch), 1);

    let ((), former) = dossiers.with(0, 3, |_| ());
    assert_eq!(Arc::strong_count(&second_watch), 2);
    drop(former);
    assert_eq!(Arc::strong_count(&second_watch), 1);
}
