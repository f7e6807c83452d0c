//! Command lines for the `guichet` program: any words at all, and lines of options whose values are drawn around the
//! ends of their ranges.
//!
//! A line is parsed as the program parses it, and nothing is run. It never panics: it comes to options inside their
//! ranges, to a help text, or to one line that says what is wrong. Lines of options are compared with the ranges as the
//! help states them, which are written down here once more.
//!
//! ```text
//! cargo +nightly fuzz run cli_args -- -max_total_time=60
//! ```

#![no_main]

// The program's own files; the library has no part in them.
#[path = "../../src/cli/args.rs"]
#[allow(dead_code)]
mod args;
#[path = "../../src/cli/level.rs"]
#[allow(dead_code)]
mod level;
#[path = "../../src/cli/usage.rs"]
mod usage;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use arbitrary::Arbitrary;
use clap::Parser;
use clap::error::ErrorKind;
use libfuzzer_sys::fuzz_target;

use args::{Args, BenchArgs, Command, Impl, WorkloadChoice};
use level::{Level, Levels};

/// What a random line is likely to mean something with.
const WORDS: [&str; 34] = [
    "bench",
    "--workload",
    "--levels",
    "--impl",
    "--input",
    "--quick",
    "--jobs",
    "--reps",
    "--capacity",
    "--seconds",
    "--seed",
    "--json",
    "--quiet",
    "-q",
    "--help",
    "-h",
    "--version",
    "-V",
    "help",
    "--",
    "-",
    "=",
    "",
    "0",
    "1",
    "-1",
    "1_000",
    "18446744073709551616",
    "1x1,2x2",
    "0x1",
    "empty",
    "chaos",
    "guichet-add,crossbeam",
    "all\nof it\r",
];
const MOST_WORDS: usize = 24;

#[derive(Arbitrary, Debug)]
enum Line {
    Words(Vec<Word>),
    Options(Options),
}

#[derive(Arbitrary, Debug)]
enum Word {
    Known(u8),
    /// With an equals sign between.
    Joined(u8, u8),
    Number(i64),
    Text(String),
    /// As a shell may give it, not always UTF-8.
    Bytes(Vec<u8>),
}

/// Options that are given each at most once, so that only their values decide.
#[derive(Arbitrary, Debug)]
struct Options {
    /// Whether an option and its value are one word.
    joined: bool,
    jobs: Option<Near>,
    reps: Option<Near>,
    capacity: Option<Near>,
    seconds: Option<Near>,
    seed: Option<Near>,
    levels: Option<Vec<(u16, u16)>>,
    quick: bool,
}

/// A number, most often near an end of a range.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Near {
    Least(i8),
    Most(i8),
    Any(i128),
}

impl Near {
    fn of(self, (least, most): (i128, i128)) -> i128 {
        match self {
            Near::Least(off) => least + i128::from(off),
            Near::Most(off) => most + i128::from(off),
            Near::Any(number) => number,
        }
    }
}

/// The numeric options, their ranges, and what they are if they are not given.
const RANGES: [(&str, (i128, i128), Option<u64>); 5] = [
    ("--jobs", (1, 10_000_000), None),
    ("--reps", (1, 1_000), None),
    ("--capacity", (1, 16_777_215), Some(1_024)),
    ("--seconds", (1, 86_400), Some(10)),
    ("--seed", (0, u64::MAX as i128), None),
];
const THREADS: (i128, i128) = (1, 256);

/// What the program makes of the line.
enum Answer {
    Bench(Box<BenchArgs>),
    /// Help or version.
    Text(String),
    Wrong(String),
}

fn parse(words: impl IntoIterator<Item = OsString>) -> Answer {
    let line = std::iter::once(OsString::from("guichet")).chain(words);
    match Args::try_parse_from(line) {
        Ok(Args {
            command: Command::Bench(options),
        }) => Answer::Bench(Box::new(options)),
        Err(answer) if !answer.use_stderr() => {
            let kind = answer.kind();
            assert!(
                matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
                "{kind}"
            );
            Answer::Text(answer.to_string())
        }
        Err(wrong) => {
            assert_eq!(wrong.exit_code(), 2, "the exit code for a wrong option");
            Answer::Wrong(usage::one_line(&wrong))
        }
    }
}

fn number(options: &BenchArgs, option: &str) -> Option<u64> {
    match option {
        "--jobs" => options.jobs,
        "--reps" => options.reps,
        "--capacity" => Some(options.capacity),
        "--seconds" => Some(options.seconds),
        _ => options.seed,
    }
}

/// Whatever the line was, this holds.
fn check(answer: &Answer) {
    match answer {
        Answer::Bench(options) => {
            for (option, (least, most), _) in RANGES {
                let number = number(options, option).map(i128::from);
                assert!(
                    number.is_none_or(|it| (least..=most).contains(&it)),
                    "{option} {number:?}"
                );
            }
            options.levels.iter().for_each(check_levels);
        }
        Answer::Text(text) => assert!(!text.trim().is_empty()),
        Answer::Wrong(line) => {
            assert!(!line.trim().is_empty(), "nothing was said");
            assert!(!line.contains(['\n', '\r']), "more than one line: {line:?}");
        }
    }
}

/// Some, none twice, each in range, and written as they are read.
fn check_levels(levels: &Levels) {
    assert!(!levels.0.is_empty());
    for (at, level) in levels.0.iter().enumerate() {
        for threads in [level.producers, level.workers] {
            assert!(
                (THREADS.0..=THREADS.1).contains(&(threads as i128)),
                "{level}"
            );
        }
        assert!(!levels.0[..at].contains(level), "{level} twice");
    }
    let text = levels
        .0
        .iter()
        .map(Level::to_string)
        .collect::<Vec<_>>()
        .join(",");
    assert_eq!(text.parse().as_ref(), Ok(levels), "{text}");
}

fn any_words(words: &[Word]) {
    let known = |at: u8| WORDS[usize::from(at) % WORDS.len()];
    let words = words.iter().take(MOST_WORDS).map(|word| match word {
        Word::Known(at) => known(*at).into(),
        Word::Joined(option, value) => format!("{}={}", known(*option), known(*value)).into(),
        Word::Number(number) => number.to_string().into(),
        Word::Text(text) => text.into(),
        Word::Bytes(bytes) => OsString::from_vec(bytes.clone()),
    });
    check(&parse(words));
}

fn options_in_and_out_of_range(given: &Options) {
    let mut words = vec![OsString::from("bench")];
    let mut give = |option: &str, value: String| match given.joined {
        true => words.push(format!("{option}={value}").into()),
        false => words.extend([option.into(), value.into()]),
    };
    let numbers = [
        given.jobs,
        given.reps,
        given.capacity,
        given.seconds,
        given.seed,
    ];
    let mut valid = true;
    let mut expected = Vec::new();
    for ((option, range, default), number) in RANGES.into_iter().zip(numbers) {
        let number = number.map(|near| near.of(range));
        if let Some(number) = number {
            valid &= (range.0..=range.1).contains(&number);
            give(option, number.to_string());
        }
        expected.push((option, number.or(default.map(i128::from))));
    }
    if let Some(levels) = &given.levels {
        let within = |threads: u16| (THREADS.0..=THREADS.1).contains(&i128::from(threads));
        valid &= !levels.is_empty() && levels.iter().all(|it| within(it.0) && within(it.1));
        let text = levels
            .iter()
            .map(|(producers, workers)| format!("{producers}x{workers}"));
        give("--levels", text.collect::<Vec<_>>().join(","));
    }
    if given.quick {
        words.push("--quick".into());
    }
    let answer = parse(words);
    check(&answer);
    match answer {
        Answer::Bench(options) => {
            assert!(valid, "accepted: {given:?}");
            for (option, expected) in expected {
                assert_eq!(
                    number(&options, option).map(i128::from),
                    expected,
                    "{option}"
                );
            }
            assert_eq!(options.levels.is_some(), given.levels.is_some());
            assert_eq!(options.quick, given.quick);
            assert_eq!(options.workload, WorkloadChoice::All);
            assert_eq!(options.impls, Vec::<Impl>::new());
        }
        Answer::Text(text) => panic!("nobody asked for help: {text}"),
        Answer::Wrong(line) => assert!(!valid, "refused: {line}, {given:?}"),
    }
}

fuzz_target!(|line: Line| {
    match &line {
        Line::Words(words) => any_words(words),
        Line::Options(options) => options_in_and_out_of_range(options),
    }
});
