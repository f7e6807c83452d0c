//! Programs that the reference and the queue once disagreed about, as small as they got.

use std::time::Duration;

use guichet::{Order, Policy};

use crate::program::{
    Action, Call, Case, Level, Op, Pause, QueueSetup, Step, Terms, Verdict, Way, When,
};
use crate::world;

const MS: Duration = Duration::from_millis(1);
const PLAIN: Terms = Terms {
    priority: None,
    lifo: false,
    when: When::Now,
    ttl: None,
    deadline: None,
    misfit: false,
    attempts: None,
    pause: None,
};

fn call(op: Op) -> Call {
    Call { queue: 0, op }
}

fn add(terms: Terms) -> Call {
    call(Op::Add(Way::TryAdd, Some(terms)))
}

fn step(calls: Vec<Call>, verdict: Verdict) -> Step {
    let takes = Duration::ZERO;
    Step {
        calls,
        takes,
        verdict,
    }
}

/// Runs a program on one queue, first in, first out, with two attempts.
fn check(hands: Vec<usize>, actions: Vec<Action>) {
    check_with(4, hands, actions);
}

/// The same with so many slots for jobs added without a delay.
fn check_with(capacity: usize, hands: Vec<usize>, actions: Vec<Action>) {
    let setup = QueueSetup {
        ranking: (Order::Fifo, Policy::Strict),
        default_priority: None,
        capacity,
        delayed_capacity: 4,
        attempts: 2,
        pause: Pause::Fixed(7 * MS),
        prefetch: 1,
    };
    world::run(Case {
        queues: vec![setup],
        hands,
        actions,
        inside: false,
        last_steps: Vec::new(),
    });
}

#[test]
fn what_is_due_happens_without_workers_too() {
    let later = Terms {
        when: When::Delay(MS),
        ..PLAIN
    };
    let turn = call(Op::Turn(MS));
    check(
        vec![],
        vec![
            Action::Call(add(later)),
            Action::Call(turn),
            Action::Run(vec![]),
        ],
    );
}

#[test]
fn a_lifo_job_that_is_due_goes_in_front() {
    let later = Terms {
        lifo: true,
        when: When::Delay(MS),
        ..PLAIN
    };
    let calls = [add(later), add(PLAIN), call(Op::Turn(MS))];
    check(
        vec![0],
        calls
            .map(Action::Call)
            .into_iter()
            .chain([Action::Run(vec![])])
            .collect(),
    );
}

#[test]
fn a_lifo_job_that_is_promoted_goes_in_front() {
    let later = Terms {
        lifo: true,
        when: When::Delay(MS),
        ..PLAIN
    };
    let calls = [add(later), add(PLAIN), call(Op::Promote(0))];
    check(
        vec![0],
        calls
            .map(Action::Call)
            .into_iter()
            .chain([Action::Run(vec![])])
            .collect(),
    );
}

#[test]
fn a_requeued_job_stays_before_one_that_was_moved_behind_it() {
    let moved = |at| call(Op::SetPriority(at, Level::Valid(0)));
    let calls = [add(PLAIN), add(PLAIN), moved(0), moved(1)];
    let steps = vec![step(vec![], Verdict::Requeue)];
    check(
        vec![0],
        calls
            .map(Action::Call)
            .into_iter()
            .chain([Action::Run(steps)])
            .collect(),
    );
}

#[test]
fn jobs_due_at_once_keep_the_order_of_their_announcement_though_one_was_retried() {
    let mortal = Terms {
        ttl: Some(3600 * 1000 * MS),
        ..PLAIN
    };
    let later = Terms {
        when: When::Delay(7 * MS),
        ..PLAIN
    };
    let steps = vec![step(vec![add(later)], Verdict::Fail)];
    check(
        vec![0],
        vec![
            Action::Call(add(mortal)),
            Action::Run(steps),
            Action::Advance(7 * MS, vec![]),
        ],
    );
}

const LATER: Terms = Terms {
    when: When::Delay(Duration::from_millis(7)),
    ..PLAIN
};

#[test]
fn a_former_tenants_timer_brings_no_job_forward() {
    let mortal = Terms {
        ttl: Some(7 * MS),
        ..PLAIN
    };
    let fails = vec![step(vec![], Verdict::Fail)];
    // The one slot serves both: the second job is due when the first would have expired.
    check_with(
        1,
        vec![0],
        vec![
            Action::Call(add(mortal)),
            Action::Run(vec![]),
            Action::Call(add(LATER)),
            Action::Call(add(PLAIN)),
            Action::Run(fails),
            Action::Advance(7 * MS, vec![]),
        ],
    );
}

#[test]
fn a_rescheduled_job_goes_behind_those_due_at_once() {
    let soon = Terms {
        when: When::Delay(5 * MS),
        ..PLAIN
    };
    for first in [soon, LATER] {
        let calls = [
            add(first),
            add(LATER),
            call(Op::Reschedule(0, Duration::from_millis(7))),
        ];
        // Whether or not the clerk has looked in between.
        for at in 0..=2 {
            let mut actions: Vec<Action> = calls.map(Action::Call).into();
            actions.insert(at, Action::Run(vec![]));
            actions.push(Action::Advance(7 * MS, vec![]));
            check(vec![0], actions);
        }
    }
}
