//! Figures: percentiles, spreads, paired ratios, and the goals drawn from them.

use std::time::Duration;

use super::super::goals;
use super::super::meter::Consumed;
use super::super::report::{count, micros, percentiles};
use super::super::run::Measured;
use super::super::sample::Latencies;
use super::{Group, Percentiles, Row, Spread};
use crate::cli::args::Impl;
use crate::cli::level::Level;

/// A row whose runs had these repetitions and speeds, in jobs per second.
fn row(id: Impl, speeds: &[(u64, u64)]) -> Row {
    let mut row = Row {
        id,
        name: "",
        runs: Vec::new(),
        latencies: Latencies::default(),
    };
    for (repetition, jobs) in speeds {
        let cpu = Some(Duration::from_micros(*jobs));
        let consumed = Consumed {
            wall: Duration::from_secs(1),
            cpu,
            allocations: jobs / 2,
        };
        row.push(
            *repetition,
            *jobs,
            &Measured {
                consumed,
                latencies: Latencies::default(),
            },
        );
    }
    row
}

#[test]
fn percentiles_are_in_microseconds() {
    let mut latencies = Latencies::default();
    (1..=1000).for_each(|us| latencies.record(us * 1_000, us * 2_000));
    let (start, end) = (
        Percentiles::of(&latencies.start),
        Percentiles::of(&latencies.end),
    );
    assert_eq!(start.samples, 1000);
    for (seen, due) in [
        (start.p50_us, 500.0),
        (start.p99_us, 990.0),
        (start.p999_us, 999.0),
        (end.p50_us, 1000.0),
    ] {
        assert!(
            (seen / due - 1.0_f64).abs() < 0.002,
            "{seen} should be {due}"
        );
    }
    assert_eq!(percentiles(&start), ["500", "990", "999"]);
    assert_eq!(percentiles(&Percentiles::default()), ["–"; 3]);
}

#[test]
fn figures_are_short() {
    assert_eq!(
        [0.0, 0.4199, 9.994, 42.04, 731.2, 73_100.0].map(micros),
        ["0.00", "0.42", "9.99", "42.0", "731", "73100"]
    );
    assert_eq!(
        [42_345_678.0, 815_499.0, 99.0, 0.0].map(count),
        ["42.3M", "815k", "99", "0"]
    );
}

#[test]
fn a_spread_has_a_middle() {
    assert_eq!(Spread::of([]), None);
    assert_eq!(
        Spread::of([3.0, 1.0, 2.0]),
        Some(Spread {
            median: 2.0,
            min: 1.0,
            max: 3.0
        })
    );
    assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
}

#[test]
fn ratios_pair_the_runs_of_a_repetition() {
    let rows = vec![
        row(Impl::GuichetAdd, &[(1, 10), (2, 200), (3, 30), (4, 1)]),
        row(Impl::Crossbeam, &[(1, 20), (2, 100), (3, 30)]),
    ];
    let group = Group {
        workload: "empty",
        level: Level::new(1, 1),
        rows,
    };
    let ratio = group.ratio(Impl::GuichetAdd, Impl::Crossbeam).unwrap();
    assert_eq!(
        ratio,
        Spread {
            median: 1.0,
            min: 0.5,
            max: 2.0
        }
    );
    assert_eq!(group.ratio(Impl::Rayon, Impl::Crossbeam), None);
}

#[test]
fn a_run_in_figures() {
    let row = row(Impl::GuichetAdd, &[(1, 4000)]);
    let run = &row.runs[0];
    assert_eq!(
        (
            run.jobs_per_second,
            run.cpu_ns_per_job,
            run.allocations_per_job
        ),
        (4000.0, Some(1000.0), 0.5)
    );
}

#[test]
fn goals_name_the_worst_level() {
    let group = |threads, own, other| Group {
        workload: "empty",
        level: Level::new(threads, threads),
        rows: vec![
            row(Impl::GuichetAdd, &[(1, own)]),
            row(Impl::Crossbeam, &[(1, other)]),
        ],
    };
    // 16x16 is beyond what the goals judge.
    let mut groups = vec![group(1, 90, 100), group(2, 53, 100), group(16, 1, 100)];
    let told = |groups: &[Group]| {
        goals::check(groups, None, None)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let goals = told(&groups);
    assert_eq!(
        goals[0],
        "single add ≥ 0.5 × crossbeam at every level up to 4x4: PASS (worst 0.53 at 2x2)"
    );
    assert_eq!(
        goals[1],
        "producer ≥ 1 × crossbeam at every level up to 4x4: not measured"
    );
    groups.push(group(4, 39, 100));
    assert_eq!(
        told(&groups)[0],
        "single add ≥ 0.5 × crossbeam at every level up to 4x4: MISS (worst 0.39 at 4x4)"
    );
}

#[test]
fn bands_are_judged_by_their_cpu_time_beside_fifo() {
    // The rows' CPU time is 1 µs per job whatever their speed, so here it is set.
    let with_cpu = |id, cpu| {
        let mut row = row(id, &[(1, 100), (2, 100), (3, 100)]);
        let runs = row.runs.iter_mut().zip(cpu);
        runs.for_each(|(run, cpu)| run.cpu_ns_per_job = cpu);
        row
    };
    let group = |workload, bands| Group {
        workload,
        level: Level::new(2, 2),
        rows: vec![
            with_cpu(Impl::GuichetFifo, [Some(100.0), Some(200.0), Some(100.0)]),
            with_cpu(Impl::GuichetBands, bands),
        ],
    };
    let goal = |workload, bands| {
        let goals = goals::check(&[group(workload, bands)], None, None);
        let told = goals.iter().map(ToString::to_string);
        told.filter(|goal| goal.starts_with("Bands(32)"))
            .collect::<Vec<_>>()
    };
    let text = "Bands(32) ≤ 1.3 × the CPU time of Fifo at every level up to 4x4";
    let fast = [Some(125.0), Some(200.0), Some(900.0)];
    assert_eq!(
        goal("priority", fast),
        [format!("{text}: PASS (worst 1.25 at 2x2)")]
    );
    let slow = [Some(125.0), Some(280.0), Some(900.0)];
    assert_eq!(
        goal("priority", slow),
        [format!("{text}: MISS (worst 1.40 at 2x2)")]
    );
    assert_eq!(goal("empty", slow), [format!("{text}: not measured")]);
    assert_eq!(
        goal("priority", [None; 3]),
        [format!("{text}: not measured")]
    );
}
