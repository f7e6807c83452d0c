//! The books of delayed jobs notice what is early, lost or repeated; every contender keeps to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::byhand::Pending;
use super::schedule::Schedule;
use super::timing::Timing;
use super::{Contender, DELAYS, Timers, contenders, delay};
use crate::cli::args::Impl;
use crate::cli::bench::contenders::Failed;
use crate::cli::bench::fault::Fault;
use crate::cli::bench::goals;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than a job of these tests may stay away.
const SHORT: Duration = Duration::from_millis(100);

/// Starts nothing by itself: does to each job, as it is added, what `WITH` says.
struct Cheat<const WITH: u8> {
    schedule: Arc<Schedule>,
}

const AT_ONCE: u8 = 0;
const NEVER: u8 = 1;
const KEEP: u8 = 2;

impl<const WITH: u8> Timing for Cheat<WITH> {
    const ID: Impl = Impl::TickLoop;
    const NAME: &'static str = "cheat";
    const NOTE: Option<&'static str> = None;
    type Job = ();

    fn start(_jobs: u64, schedule: &Arc<Schedule>) -> Result<Self, Failed> {
        let schedule = Arc::clone(schedule);
        Ok(Cheat { schedule })
    }

    fn add(&mut self, number: u64, delay: Duration) -> Result<(), Failed> {
        // The jobs that are due in an hour are left alone, or they would be noticed already there.
        if WITH == AT_ONCE && delay < super::FAR {
            self.schedule.run(number);
        }
        Ok(())
    }

    fn cancel(&mut self, (): &()) -> bool {
        WITH != KEEP
    }

    fn finish(self) -> Result<(), Failed> {
        Ok(())
    }
}

fn cheat<const WITH: u8>() -> Fault {
    let contender = Contender::of::<Cheat<WITH>>();
    contender.measure(30, SHORT).unwrap_err()
}

#[test]
fn an_early_job_is_reported() {
    let fault = cheat::<AT_ONCE>().to_string();
    assert!(
        fault.starts_with("30 of 30 jobs started before they were due, the worst of them "),
        "{fault}"
    );
}

#[test]
fn a_lost_job_is_reported() {
    assert_eq!(cheat::<NEVER>(), Fault::Stalled { ran: 0, jobs: 30 });
}

#[test]
fn a_job_that_cannot_be_cancelled_is_reported() {
    assert_eq!(
        cheat::<KEEP>().to_string(),
        "0 of 30 jobs could be cancelled an hour before they were due"
    );
}

#[test]
fn a_job_that_ran_after_all_is_reported() {
    let schedule = Schedule::new(3);
    assert_eq!(schedule.verify_none(), Ok(()));
    schedule.run(1);
    assert_eq!(
        schedule.verify_none().unwrap_err(),
        "1 jobs ran, though all had been cancelled"
    );
}

#[test]
fn a_job_that_ran_twice_is_reported() {
    let schedule = Schedule::new(2);
    for number in [0, 1] {
        schedule.expect(number, Duration::ZERO);
        schedule.run(number);
    }
    assert_eq!(schedule.wait(SHORT), Ok(()));
    assert_eq!(schedule.verify().unwrap().len(), 2);
    schedule.run(1);
    assert_eq!(schedule.verify().unwrap_err(), "3 jobs ran, 2 were added");
}

#[test]
fn delays_are_drawn_evenly() {
    let delays: Vec<u64> = (0..10_000)
        .map(|number| delay(number).as_nanos() as u64)
        .collect();
    assert!(delays.iter().all(|delay| DELAYS.contains(delay)));
    for tenth in 0..10 {
        let (from, to) = (tenth * 100_000_000, (tenth + 1) * 100_000_000);
        let within = delays
            .iter()
            .filter(|delay| (from..to).contains(*delay))
            .count();
        assert!(
            (800..1_200).contains(&within),
            "{within} from {from} to {to}"
        );
    }
}

#[test]
fn the_heap_forgets_what_is_cancelled() {
    let (mut pending, begun) = (Pending::default(), Instant::now());
    let at = |second| begun + Duration::from_secs(second);
    let added = [(7, 3), (8, 1), (9, 2)].map(|(job, second)| pending.add(job, at(second)));
    assert_eq!(added, [(0, true), (1, true), (2, false)], "sequence, first");
    assert!(pending.cancel(2) && !pending.cancel(2));
    assert_eq!(pending.due(begun), None);
    assert_eq!(
        [(); 3].map(|()| pending.due(at(3))),
        [Some(8), Some(7), None]
    );
    assert!(!pending.cancel(0), "it has been given out");
}

#[test]
fn every_contender_starts_every_job_once_and_none_early() {
    let every = contenders(&[]);
    let mut timers = Timers::new(50, &every);
    for (contender, row) in every.iter().zip(&mut timers.rows) {
        let measured = contender.measure(50, PATIENCE);
        let measured = measured.unwrap_or_else(|fault| panic!("{}: {fault}", contender.name));
        row.push(1, 50, &measured);
        row.push(2, 50, &measured);
        assert_eq!(row.lateness().samples, 100, "{}", contender.name);
        assert_eq!(row.spread(|run| Some(run.adds_per_second)).unwrap().min, {
            row.runs[0].adds_per_second
        });
    }
    let told: Vec<String> = goals::check(&[], None, Some(&timers))
        .iter()
        .filter(|goal| goal.reached.is_some())
        .map(|goal| goal.text.clone())
        .collect();
    assert_eq!(
        told,
        ["delayed jobs start ≤ 30 µs late at the median, and never early"]
    );
    let document = serde_json::to_value(timers.describe()).unwrap();
    assert_eq!(document["runs"].as_array().unwrap().len(), 6);
    assert_eq!(document["runs"][0]["contender"], "guichet-delay");
    assert_eq!(document["summary"][2]["contender"], "tick-loop");
    assert_eq!(document["summary"][2]["lateness"]["samples"], 100);
}
