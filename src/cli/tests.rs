//! The command line's words: levels, ranges, and that every mistake is told in one line.

use clap::{CommandFactory, Parser};

use super::args::{Args, BenchArgs, Command, Impl, WorkloadChoice};
use super::level::{Level, LevelError, Levels};
use super::{error::Error, run, usage};

fn bench(options: &[&str]) -> Result<BenchArgs, String> {
    let line = ["guichet", "bench"].iter().chain(options);
    match Args::try_parse_from(line) {
        Ok(Args {
            command: Command::Bench(options),
        }) => Ok(options),
        Err(wrong) => Err(usage::one_line(&wrong)),
    }
}

#[test]
fn the_command_is_well_formed() {
    Args::command().debug_assert();
}

#[test]
fn defaults() {
    let options = bench(&[]).unwrap();
    assert_eq!(options.workload, WorkloadChoice::All);
    assert_eq!(
        (options.capacity, options.jobs, options.reps),
        (1024, None, None)
    );
    assert_eq!((options.seconds, options.seed), (10, None));
    assert!(
        options.impls.is_empty() && options.levels.is_none() && !options.quick && !options.quiet
    );
}

#[test]
fn levels_are_pairs() {
    let levels: Levels = "1x1, 2X4,3×256,1x1".parse().unwrap();
    assert_eq!(
        levels.0,
        [Level::new(1, 1), Level::new(2, 4), Level::new(3, 256)]
    );
    for wrong in [
        "", "1", "x", "1x", "x1", "0x1", "1x0", "257x1", "1x257", "1x1,", "1x1x1", "-1x1", "1 x 1",
        "1.5x1",
    ] {
        assert_eq!(
            wrong.parse::<Levels>(),
            Err(LevelError),
            "{wrong:?} is no list of levels"
        );
    }
}

#[test]
fn a_sweep_doubles_to_twice_the_cores() {
    let sweep = |cores| {
        Levels::sweep(cores)
            .0
            .iter()
            .map(Level::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(sweep(1), "1x1 1x2 2x1 2x2 8x8");
    assert_eq!(sweep(2), "1x1 1x2 2x1 2x2 4x4 16x16");
    assert_eq!(sweep(6), "1x1 1x2 2x1 2x2 4x4 8x8 48x48");
    assert_eq!(
        sweep(500),
        "1x1 1x2 2x1 2x2 4x4 8x8 16x16 32x32 64x64 128x128 256x256"
    );
}

#[test]
fn numbers_keep_to_their_range() {
    assert_eq!(
        bench(&["--jobs", "10_000_000"]).unwrap().jobs,
        Some(10_000_000)
    );
    assert_eq!(
        bench(&["--capacity", "16777215"]).unwrap().capacity,
        16_777_215
    );
    assert_eq!(bench(&["--reps=1"]).unwrap().reps, Some(1));
    for (option, wrong) in [
        ("--jobs", "0"),
        ("--jobs", "10000001"),
        ("--reps", "0"),
        ("--reps", "many"),
    ] {
        assert!(
            bench(&[option, wrong]).is_err(),
            "{option} {wrong} must be refused"
        );
    }
    assert!(bench(&["--capacity", "16777216"]).is_err());
    assert_eq!(bench(&["--seconds", "86_400"]).unwrap().seconds, 86_400);
    assert!(bench(&["--seconds", "86401"]).is_err());
    let greatest = u64::MAX.to_string();
    let options = bench(&["--workload", "chaos", "--seed", &greatest]).unwrap();
    assert_eq!(options.seed, Some(u64::MAX));
    assert_eq!(options.workload, WorkloadChoice::Chaos);
    assert!(bench(&["--seed", "18446744073709551616"]).is_err());
}

#[test]
fn names_come_in_lists() {
    let options = bench(&["--impl", "rayon,guichet-add", "--workload", "empty"]).unwrap();
    assert_eq!(options.impls, [Impl::Rayon, Impl::GuichetAdd]);
    assert_eq!(options.workload, WorkloadChoice::Empty);
    let options = bench(&["--impl", "mutex-heap,guichet-bands", "--workload=priority"]).unwrap();
    assert_eq!(options.impls, [Impl::MutexHeap, Impl::GuichetBands]);
    assert_eq!(options.workload, WorkloadChoice::Priority);
    let options = bench(&["--impl", "tick-loop", "--workload", "timers"]).unwrap();
    assert_eq!(options.impls, [Impl::TickLoop]);
    assert_eq!(options.workload, WorkloadChoice::Timers);
}

#[test]
fn contenders_and_workload_must_have_to_do_with_each_other() {
    for (workload, contender) in [
        ("empty", "guichet-bands"),
        ("files", "tick-loop"),
        ("priority", "crossbeam"),
        ("timers", "guichet-add"),
        ("chaos", "guichet-add"),
    ] {
        let line = [
            "guichet",
            "bench",
            "-q",
            "--workload",
            workload,
            "--impl",
            contender,
        ];
        let wrong = run(line.iter().map(|word| word.into()), &mut Vec::new()).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            format!(
                "--impl: none of them takes part in --workload {workload}; see guichet bench --help"
            )
        );
        assert_eq!(wrong.exit_code(), 2);
    }
}

#[test]
fn a_soak_writes_no_json() {
    let line = [
        "guichet",
        "bench",
        "--workload",
        "chaos",
        "--json",
        "result.json",
    ];
    let wrong = run(line.iter().map(|word| word.into()), &mut Vec::new()).unwrap_err();
    assert_eq!(wrong.to_string(), "--json: --workload chaos writes none");
    assert_eq!(wrong.exit_code(), 2);
}

#[test]
fn mistakes_name_option_and_range_in_one_line() {
    for (options, expected) in [
        (
            &["--jobs", "0"][..],
            "--jobs 0: expected a whole number in 1..=10000000",
        ),
        (
            &["--jobs", "-1"],
            "--jobs -1: expected a whole number in 1..=10000000",
        ),
        (
            &["--jobs"],
            "--jobs needs a value: a whole number in 1..=10000000",
        ),
        (
            &["--reps", "x"],
            "--reps x: expected a whole number in 1..=1000",
        ),
        (
            &["--capacity", "0"],
            "--capacity 0: expected a whole number in 1..=16777215",
        ),
        (
            &["--levels", "0x1"],
            "--levels 0x1: expected PRODUCERSxWORKERS pairs, each side 1..=256, such as 1x1,2x2",
        ),
        (
            &["--workload", "all\nof it"],
            "--workload all of it: expected one of empty, files, priority, timers, idle, all, chaos",
        ),
        (
            &["--impl", "kanal"],
            "--impl kanal: expected a list of guichet-add, guichet-heard, guichet-producer, guichet-add-many, crossbeam, std, mutex, rayon, guichet-fifo, guichet-bands, guichet-heap, mutex-heap, guichet-delay, condvar-heap, tick-loop",
        ),
        (
            &["--seconds", "0"],
            "--seconds 0: expected a whole number in 1..=86400",
        ),
        (
            &["--seed", "-1"],
            "--seed -1: expected a whole number in 0..=18446744073709551615",
        ),
        (&["--quick", "--quick"], "--quick may be given only once"),
        (
            &["--job", "1"],
            "unknown option '--job', did you mean --jobs?; see guichet bench --help",
        ),
        (
            &["fast"],
            "unknown argument 'fast'; see guichet bench --help",
        ),
        (&["--quick=3"], "--quick takes no value"),
    ] {
        assert_eq!(bench(options).unwrap_err(), expected, "{options:?}");
    }
}

#[test]
fn a_command_is_required() {
    for (line, expected) in [
        (
            &["guichet"][..],
            "a command is missing: expected bench; see guichet --help",
        ),
        (
            &["guichet", "dance"],
            "unknown command 'dance': expected bench; see guichet --help",
        ),
    ] {
        let wrong = run(line.iter().map(|word| word.into()), &mut Vec::new()).unwrap_err();
        assert!(
            matches!(&wrong, Error::Usage(line) if line == expected),
            "{wrong}"
        );
        assert_eq!(wrong.exit_code(), 2);
    }
}

#[test]
fn help_shows_every_range() {
    let help = Args::command()
        .find_subcommand_mut("bench")
        .unwrap()
        .render_long_help()
        .to_string();
    for range in [
        "1..=10000000",
        "1..=1000 ",
        "1..=16777215",
        "1..=256",
        "1..=86400",
    ] {
        assert!(help.contains(range), "{range} is missing in\n{help}");
    }
}
