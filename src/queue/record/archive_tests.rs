//! The archive against a list that is sorted and counted anew at every step.

use std::mem;
use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{DeadReason, JobId, JobState, Keep};
use crate::queue::record::archive::{Archive, Dropped, Finished, KEPT_ANYWAY};
use crate::queue::record::dossier::Dossier;
use crate::sync::Arc;

const STATES: [JobState; 4] = [
    JobState::Completed,
    JobState::Dead,
    JobState::Cancelled,
    JobState::Interrupted,
];

fn id(occupancy: u64) -> JobId {
    JobId {
        queue: 1,
        slot: 0,
        occupancy,
    }
}

fn record(job: u64, state: JobState, finished: u64) -> Finished {
    Finished {
        id: id(job),
        state,
        reason: None,
        attempts: 1,
        finished,
        at: SystemTime::UNIX_EPOCH,
        dossier: None,
    }
}

fn ids<'a>(records: impl IntoIterator<Item = &'a Arc<Finished>>) -> Vec<JobId> {
    records.into_iter().map(|record| record.id).collect()
}

/// The count and the age that the archive is told too.
type Limits = (usize, Option<u64>);

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The job ended so long before the newest that has.
    Store {
        state: JobState,
        ago: u64,
        anyway: bool,
    },
    /// Time goes on, then what is too old goes.
    Expire(u64),
    Find(u64),
    List {
        state: JobState,
        from: usize,
        most: usize,
    },
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let state = || proptest::sample::select(&STATES[..]);
    // Most come in order, some at the same instant, and some are overtaken.
    let ago = prop_oneof![6 => Just(0_u64), 1 => 0..20_u64];
    let most = prop_oneof![3 => 0..8_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        12 => (state(), ago, proptest::bool::weighted(0.2))
            .prop_map(|(state, ago, anyway)| Step::Store { state, ago, anyway }),
        4 => (0..15_u64).prop_map(Step::Expire),
        4 => (0..100_u64).prop_map(Step::Find),
        4 => (state(), 0..6_usize, most)
            .prop_map(|(state, from, most)| Step::List { state, from, most }),
        1 => Just(Step::Clear),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let age = proptest::option::of(prop_oneof![4 => 0..40_u64, 1 => Just(u64::MAX)]);
    (prop_oneof![Just(0), 1..9_usize], age)
}

fn keep((most, age): Limits) -> Keep {
    let keep = Keep::last(most);
    age.map_or(keep, |age| keep.for_at_most(Duration::from_nanos(age)))
}

/// The archive, and all that it should have, the oldest first.
struct Pair {
    archive: Archive,
    completed: Limits,
    failed: Limits,
    model: Vec<(JobId, JobState, u64)>,
    stored: u64,
    now: u64,
}

impl Pair {
    fn new(completed: Limits, failed: Limits) -> Self {
        Pair {
            archive: Archive::new(keep(completed), keep(failed)),
            completed,
            failed,
            model: Vec::new(),
            stored: 0,
            now: 100,
        }
    }

    fn limits(&self, state: JobState) -> Limits {
        match state {
            JobState::Completed => self.completed,
            _ => self.failed,
        }
    }

    /// When the record has to go; none: never.
    fn until(&self, state: JobState, finished: u64) -> Option<u64> {
        finished.checked_add(self.limits(state).1?)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Store { state, ago, anyway } => self.store(state, self.now - ago, anyway),
            Step::Expire(later) => self.expire(self.now + later),
            Step::Find(job) => {
                let found = self.archive.find(id(job));
                let found = found.map(|record| (record.id, record.state, record.finished));
                let all = &mut self.model.iter();
                assert_eq!(found, all.find(|(it, ..)| *it == id(job)).copied());
            }
            Step::List { state, from, most } => {
                let all = self.model.iter().rev().filter(|(_, it, _)| *it == state);
                let part: Vec<_> = all.skip(from).take(most).map(|(it, ..)| *it).collect();
                assert_eq!(ids(&self.archive.list(state, from, most)), part);
            }
            Step::Clear => {
                let all = self.model.drain(..).map(|(it, ..)| it).collect();
                self.gone(self.archive.clear(), all);
            }
        }
        for state in STATES {
            let of_state = self.model.iter().filter(|(_, it, _)| *it == state);
            assert_eq!(self.archive.len(state), of_state.count());
        }
    }

    fn store(&mut self, state: JobState, finished: u64, anyway: bool) {
        self.stored += 1;
        self.now += 1;
        let dropped = self
            .archive
            .store(record(self.stored, state, finished), anyway);
        let most = match self.limits(state).0 {
            0 if anyway => KEPT_ANYWAY,
            most => most,
        };
        if most == 0 {
            return self.gone(dropped, vec![id(self.stored)]);
        }
        self.model.push((id(self.stored), state, finished));
        self.model.sort_by_key(|(_, _, finished)| *finished);
        let peer = |it: JobState| (it == JobState::Completed) == (state == JobState::Completed);
        let count = self.model.iter().filter(|(_, it, _)| peer(*it)).count();
        let oldest = self.model.iter().position(|(_, it, _)| peer(*it));
        let evicted = oldest.filter(|_| count > most);
        let evicted = evicted.map(|oldest| self.model.remove(oldest).0);
        self.gone(dropped, evicted.into_iter().collect());
    }

    fn expire(&mut self, now: u64) {
        self.now = now;
        let (dropped, next) = self.archive.expire(now);
        let all = mem::take(&mut self.model);
        let old = |it: &(JobId, JobState, u64)| self.until(it.1, it.2).is_some_and(|at| at <= now);
        let (gone, left): (Vec<_>, Vec<_>) = all.into_iter().partition(old);
        let nexts = left.iter().filter_map(|it| self.until(it.1, it.2));
        assert_eq!(next, nexts.min());
        self.gone(dropped, gone.into_iter().map(|(it, ..)| it).collect());
        self.model = left;
    }

    /// What left the archive is what should have, in whatever order.
    fn gone(&self, dropped: Dropped, mut expected: Vec<JobId>) {
        let mut dropped = ids(&dropped.0);
        dropped.sort();
        expected.sort();
        assert_eq!(dropped, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_is_a_sorted_list(completed in limits(), failed in limits(), steps in vec(step(), 0..120)) {
        let mut pair = Pair::new(completed, failed);
        steps.iter().for_each(|step| pair.step(*step));
    }
}

#[test]
fn a_shelf_that_keeps_none_has_room_for_those_that_ask() {
    let archive = Archive::new(Keep::none(), Keep::none());
    for job in 0..KEPT_ANYWAY as u64 {
        let dropped = archive.store(record(job, JobState::Completed, job), true);
        assert!(dropped.0.is_empty());
    }
    let one_more = archive.store(record(5_000, JobState::Completed, 5_000), true);
    assert_eq!(ids(&one_more.0), [id(0)]);
    // Who does not ask drives nobody out.
    let unasked = archive.store(record(5_001, JobState::Completed, 5_001), false);
    assert_eq!(ids(&unasked.0), [id(5_001)]);
    assert_eq!(archive.len(JobState::Completed), KEPT_ANYWAY);
}

#[test]
fn coming_when_told_is_enough() {
    let archive = Archive::new(
        Keep::last(9).for_at_most(Duration::from_nanos(10)),
        Keep::last(9),
    );
    for job in 0..5 {
        let _ = archive.store(record(job, JobState::Completed, 100 + 3 * job), false);
        let _ = archive.store(record(9 + job, JobState::Dead, 100 + job), false);
    }
    let (mut now, mut calls) = (0, 0);
    while let (dropped, Some(next)) = archive.expire(now) {
        assert_eq!(dropped.0.len(), usize::from(now > 0));
        assert!(next > now && calls < 9, "{calls} calls, {now} then {next}");
        (now, calls) = (next, calls + 1);
    }
    assert_eq!((now, calls), (122, 5));
    assert_eq!(archive.len(JobState::Dead), 5);
}

#[test]
fn a_record_has_all_that_it_was_given() {
    let archive = Archive::new(Keep::none(), Keep::last(1));
    let mut dossier = Box::new(Dossier::default());
    dossier.cancel_reason = Some("moved house".to_owned());
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
    let given = Finished {
        reason: Some(DeadReason::Rejected),
        attempts: 3,
        at,
        dossier: Some(dossier),
        ..record(7, JobState::Dead, 50)
    };
    let _ = archive.store(given, false);
    let found = Finished::clone(&archive.find(id(7)).expect("it was stored"));
    assert_eq!((found.attempts, found.at), (3, at));
    assert_eq!(found.reason, Some(DeadReason::Rejected));
    let dossier = found.dossier.expect("it was given one");
    assert_eq!(dossier.cancel_reason.as_deref(), Some("moved house"));
}

/// A record whose dossier holds a clone of `value`.
fn holding(job: u64, value: &Arc<()>, finished: u64) -> Finished {
    let mut dossier = Box::new(Dossier::default());
    assert!(dossier.show(value.clone()).is_none());
    Finished {
        dossier: Some(dossier),
        ..record(job, JobState::Dead, finished)
    }
}

#[test]
fn what_leaves_is_given_to_the_caller() {
    let archive = Archive::new(
        Keep::none(),
        Keep::last(1).for_at_most(Duration::from_nanos(10)),
    );
    let values = [Arc::new(()), Arc::new(()), Arc::new(())];
    let held = || values.each_ref().map(|value| Arc::strong_count(value) - 1);
    let _ = archive.store(holding(1, &values[0], 100), false);
    let evicted = archive.store(holding(2, &values[1], 100), false);
    assert_eq!(held(), [1, 1, 0]);
    drop(evicted);
    assert_eq!(held(), [0, 1, 0]);
    let expired = archive.expire(110);
    assert_eq!(held(), [0, 1, 0]);
    drop(expired);
    let _ = archive.store(holding(3, &values[2], 120), false);
    assert_eq!(held(), [0, 0, 1]);
    let cleared = archive.clear();
    assert_eq!(held(), [0, 0, 1]);
    drop(cleared);
    assert_eq!(held(), [0, 0, 0]);
}

#[test]
fn a_number_out_of_range_is_refused() {
    assert_eq!(Keep::last(10_000_000).check("keep_failed"), Ok(()));
    let refused = Keep::from(10_000_001).check("keep_failed").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "keep_failed must be 0 to 10000000, not 10000001"
    );
}
