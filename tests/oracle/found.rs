//! Programs that the reference and the queue once disagreed about, as small as they got.

use std::time::Duration;

use crate::program::{
    Call, Fail, How, Op, Pause, Program, Ranks, Say, Setup, Shelf, Side, Terms, Way,
};
use crate::world;

const MS: Duration = Duration::from_millis(1);
const NONE: Shelf = Shelf { most: 0, age: None };
const TRY: Op = Op::Lease {
    consumer: None,
    how: How::Try,
};

fn setup() -> Setup {
    Setup {
        ranks: Ranks::Fifo,
        capacity: 1,
        delayed_capacity: 1,
        attempts: 2,
        pause: Pause::None,
        custom: false,
        timeout: None,
        overlap_after: None,
        delivery_limit: 0,
        single_active: false,
        keep_completed: NONE,
        keep_failed: NONE,
        keep_results: None,
        log_lines: 0,
        event_capacity: 2,
    }
}

fn add(terms: Terms) -> Op {
    Op::Add(Way::TryAdd, Some(terms))
}

fn check(main: Setup, dead: Option<Setup>, calls: &[(Side, Op)]) {
    let calls = calls.iter().map(|(side, op)| Call {
        side: *side,
        op: *op,
    });
    let calls = calls.collect();
    let tidy = true;
    world::run(Program {
        main,
        dead,
        calls,
        tidy,
    });
}

fn check_main(main: Setup, ops: &[Op]) {
    let calls: Vec<_> = ops.iter().map(|op| (Side::Main, *op)).collect();
    check(main, None, &calls);
}

/// The letter says when the job died, not when there was room for it.
#[test]
fn a_letter_of_an_expired_job_that_was_kept_says_when_it_died() {
    let terms = Terms {
        ttl: Some(MS),
        ..Terms::default()
    };
    let main = Setup {
        capacity: 2,
        ..setup()
    };
    let calls = [add(terms), add(terms), Op::Advance(5 * MS)].map(|op| (Side::Main, op));
    let settle = (Side::Dead, Op::Settle(0, Say::Complete));
    let later = [
        (Side::Dead, TRY),
        settle,
        (Side::Main, Op::Run),
        (Side::Dead, TRY),
    ];
    check(main, Some(setup()), &[&calls[..], &later].concat());
}

/// The handler whose time was over runs on while the job, which pauses, is cancelled.
#[test]
fn a_late_handler_learns_why_the_job_was_cancelled_that_paused_meanwhile() {
    let cancel = Op::Cancel {
        job: 0,
        because: true,
    };
    let timed = Setup {
        timeout: Some(MS),
        ..setup()
    };
    let calls = [add(Terms::default()), TRY, Op::Advance(MS), cancel];
    check_main(timed, &calls);
}

/// What a late handler says of the next attempt is not accepted, its pause included.
#[test]
fn a_late_failure_does_not_move_the_next_attempt() {
    let timed = |pause| Setup {
        timeout: Some(2 * MS),
        pause: Pause::Fixed(pause),
        ..setup()
    };
    for fail in [Fail::Plain, Fail::After(9 * MS), Fail::Snooze(9 * MS)] {
        let settle = Op::Settle(0, Say::Fail(fail));
        let begin = [add(Terms::default()), TRY, Op::Advance(4 * MS), settle];
        check_main(timed(MS), &[&begin[..], &[Op::Run, TRY]].concat());
    }
}

/// The grace of the former handler is over, so nothing keeps the job up.
#[test]
fn a_job_is_promoted_beside_a_late_handler() {
    let main = Setup {
        timeout: Some(2 * MS),
        pause: Pause::Fixed(9 * MS),
        overlap_after: Some(Duration::ZERO),
        ..setup()
    };
    let calls = [
        add(Terms::default()),
        TRY,
        Op::Advance(2 * MS),
        Op::Promote(0),
    ];
    check_main(main, &calls);
}

/// Of two handlers whose job was cancelled the one that returns first does not forget for the other.
#[test]
fn both_late_handlers_learn_why_the_job_was_cancelled() {
    let main = Setup {
        timeout: Some(MS),
        overlap_after: Some(Duration::ZERO),
        ..setup()
    };
    let cancel = Op::Cancel {
        job: 0,
        because: true,
    };
    let overlap = [add(Terms::default()), TRY, Op::Advance(MS), TRY];
    check_main(main, &[&overlap[..], &[cancel]].concat());
}

/// A letter that a late handler still reads is not taken from under its eyes.
#[test]
fn a_letter_that_a_late_handler_reads_is_not_redriven() {
    let dead = Setup {
        timeout: Some(MS),
        overlap_after: Some(Duration::ZERO),
        ..setup()
    };
    let bury = Op::Settle(0, Say::DeadLetter);
    let redrive = Op::Redrive {
        remainder: None,
        limit: None,
        rate: None,
    };
    let calls = [
        (Side::Main, add(Terms::default())),
        (Side::Main, TRY),
        (Side::Main, bury),
        (Side::Dead, TRY),
        (Side::Main, Op::Advance(2 * MS)),
        (Side::Main, redrive),
        (Side::Dead, Op::Settle(0, Say::Complete)),
        (Side::Main, Op::Run),
        (Side::Main, redrive),
    ];
    check(setup(), Some(dead), &calls);
}
