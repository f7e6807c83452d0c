//! The bench measures what it says, and notices when a contender cheats.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;

use super::contenders::{self, Contender, Failed, Producing, Running};
use super::fault::Fault;
use super::files::Corpus;
use super::meter::Meter;
use super::plan::Plan;
use super::run::{Measured, Terms, measure};
use super::sample::{EVERY, Samples};
use super::tally::{Tally, Total};
use super::task::{PRIORITIES, Task, Workload, priority};
use crate::cli::args::{Args, Command, Impl};
use crate::cli::level::Level;

const TERMS: Terms = Terms {
    capacity: 16,
    patience: Duration::from_secs(20),
};
/// For runs that are to stall: any length will do, for nothing happens in it.
const SHORT: Terms = Terms {
    capacity: 16,
    patience: Duration::from_millis(100),
};

/// A directory of a few files, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("guichet-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("deeper")).unwrap();
        fs::write(path.join("a.txt"), "one two\nthree\n").unwrap();
        fs::write(path.join("deeper/b.txt"), "").unwrap();
        fs::write(path.join("deeper/c.bin"), [0, 159, 146, 150, b'\n', b' ']).unwrap();
        Scratch(path)
    }

    fn workload(&self) -> Workload {
        Workload::Files(Arc::new(Corpus::load(&self.0).unwrap()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A contender without threads that does to job 7 whatever is wanted.
struct Cheat(fn(&Task));

impl Contender for Cheat {
    fn id(&self) -> Impl {
        Impl::Mutex
    }

    fn name(&self) -> &'static str {
        "cheat"
    }

    fn start(
        &self,
        _workers: usize,
        _capacity: usize,
        task: &Arc<Task>,
    ) -> Result<Box<dyn Running>, Failed> {
        Ok(Box::new(Cheating {
            with_seven: self.0,
            task: Arc::clone(task),
        }))
    }
}

struct Cheating {
    with_seven: fn(&Task),
    task: Arc<Task>,
}

impl Running for Cheating {
    fn producer(&self) -> Producing {
        let (with_seven, task) = (self.with_seven, Arc::clone(&self.task));
        Box::new(move |share| {
            share.each(|number| {
                if number == 7 {
                    with_seven(&task)
                } else {
                    task.run(number)
                }
                Ok(())
            })
        })
    }

    fn finish(self: Box<Self>) -> Result<(), Failed> {
        Ok(())
    }
}

fn cheat(with_seven: fn(&Task), workload: &Workload, terms: Terms) -> Result<Measured, Fault> {
    measure(&Cheat(with_seven), Level::new(2, 2), workload, 30, terms)
}

#[test]
fn an_honest_run_passes() {
    let scratch = Scratch::new("honest");
    for workload in [Workload::Empty, Workload::Priority, scratch.workload()] {
        cheat(|task| task.run(7), &workload, TERMS).unwrap();
    }
}

#[test]
fn a_lost_job_is_reported() {
    let scratch = Scratch::new("lost");
    for workload in [Workload::Empty, Workload::Priority, scratch.workload()] {
        let fault = cheat(|_| (), &workload, SHORT).unwrap_err();
        // On a busy machine patience may end before the other 29 have run.
        assert!(
            matches!(
                fault,
                Fault::Stalled {
                    ran: ..30,
                    jobs: 30
                }
            ),
            "{fault}"
        );
    }
}

#[test]
fn a_job_that_ran_twice_is_reported() {
    let scratch = Scratch::new("twice");
    let twice: fn(&Task) = |task| (0..2).for_each(|_| task.run(7));
    let fault = cheat(twice, &Workload::Empty, TERMS).unwrap_err();
    assert_eq!(
        fault,
        Fault::Unsound("31 jobs ran, 30 were added".to_owned())
    );
    let fault = cheat(twice, &scratch.workload(), TERMS)
        .unwrap_err()
        .to_string();
    assert!(
        fault.starts_with("1 of 30 jobs started more than once, first job 7 ("),
        "{fault}"
    );
}

#[test]
fn a_job_that_took_anothers_place_is_reported() {
    let scratch = Scratch::new("instead");
    let instead: fn(&Task) = |task| task.run(8);
    let fault = cheat(instead, &Workload::Empty, TERMS)
        .unwrap_err()
        .to_string();
    assert!(
        fault.starts_with("30 jobs ran, but not each of them once"),
        "{fault}"
    );
    let fault = cheat(instead, &scratch.workload(), TERMS)
        .unwrap_err()
        .to_string();
    assert!(
        fault.starts_with("1 of 30 jobs lost, first job 7 ("),
        "{fault}"
    );
}

#[test]
fn a_different_answer_is_reported() {
    let scratch = Scratch::new("different");
    let workload = scratch.workload();
    // The sequential pass has been made; what the jobs find from now on is something else.
    fs::write(scratch.0.join("a.txt"), "one two\nthree\nfour").unwrap();
    fs::remove_file(scratch.0.join("deeper/b.txt")).unwrap();
    let fault = cheat(|task| task.run(7), &workload, TERMS)
        .unwrap_err()
        .to_string();
    let expected = "20 of 30 jobs answered differently from the sequential pass, first job 0 (";
    assert!(fault.starts_with(expected), "{fault}");
}

#[test]
fn every_contender_runs_every_job_once() {
    let scratch = Scratch::new("everyone");
    let orderless = [(Workload::Empty, 1_000), (scratch.workload(), 99)];
    every_job_once(&contenders::all(&[]), &orderless);
    every_job_once(
        &contenders::prioritised(&[]),
        &[(Workload::Priority, 1_000)],
    );
}

fn every_job_once(contenders: &[Box<dyn Contender>], workloads: &[(Workload, u64)]) {
    for contender in contenders {
        for level in [Level::new(1, 1), Level::new(3, 2)] {
            for (workload, jobs) in workloads {
                let measured = measure(&**contender, level, workload, *jobs, TERMS);
                let measured = measured
                    .unwrap_or_else(|fault| panic!("{} at {level}: {fault}", contender.name()));
                let due = jobs / EVERY..=jobs.div_ceil(EVERY);
                assert!(
                    due.contains(&measured.latencies.end.len()),
                    "{}: samples",
                    contender.name()
                );
            }
        }
    }
}

#[test]
fn a_capacity_of_one_is_enough() {
    let terms = Terms {
        capacity: 1,
        ..TERMS
    };
    let orderless = contenders::all(&[]).into_iter();
    for contender in orderless.chain(contenders::prioritised(&[])) {
        // Without priorities the workload `priority` is the empty one.
        let workload = Workload::Priority;
        let measured = measure(&*contender, Level::new(2, 2), &workload, 200, terms);
        measured.unwrap_or_else(|fault| panic!("{}: {fault}", contender.name()));
    }
}

#[test]
fn a_plan_counts_jobs_and_runs() {
    let plan = |options: &[&str]| {
        let line = ["guichet", "bench", "--quick"].iter().chain(options);
        let Command::Bench(options) = Args::try_parse_from(line).unwrap().command;
        Plan::new(&options, 2)
    };
    let workloads = [Workload::Empty, Workload::Priority];
    let (levels, reps) = (3, 3);
    let quick = plan(&[]);
    assert_eq!(quick.runs(&workloads), levels * reps * (7 + 4) + 3);
    assert_eq!(quick.timers_jobs(), 2_000);
    let named = plan(&[
        "--reps",
        "4",
        "--jobs",
        "2_000_000",
        "--impl",
        "tick-loop,mutex-heap",
    ]);
    assert_eq!(named.runs(&workloads), levels * 4 + 4);
    assert_eq!(named.timers_jobs(), 1_000_000);
    let heap = &*named.contenders(&Workload::Priority)[0];
    assert_eq!(named.jobs(&Workload::Priority, heap), 2_000_000);
    let untimed = plan(&["--workload", "empty"]);
    assert_eq!(untimed.runs(&workloads[..1]), levels * reps * 7);
}

#[test]
fn priorities_are_drawn_evenly_and_again_the_same() {
    let mut drawn = [0; PRIORITIES as usize];
    for number in 0..32_000 {
        assert_eq!(priority(number), priority(number));
        drawn[priority(number) as usize - 1] += 1;
    }
    assert!(
        drawn.iter().all(|times| (850..1_150).contains(times)),
        "about a thousand each, not {drawn:?}"
    );
}

#[test]
fn input_must_be_a_directory_with_files() {
    let scratch = Scratch::new("input");
    let empty = scratch.0.join("none");
    fs::create_dir(&empty).unwrap();
    let told = |path: &Path| {
        let error = Corpus::load(path).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    };
    assert!(told(&empty).ends_with("none: expected a directory with at least one file"));
    assert!(told(&scratch.0.join("missing")).starts_with("--input: cannot read "));
    assert!(told(&scratch.0.join("a.txt")).ends_with("expected a directory"));
    assert_eq!(Corpus::load(&scratch.0).unwrap().whole_passes(10), 12);
}

#[test]
fn a_tally_counts_beyond_its_seats() {
    let tally = Arc::new(Tally::new(400, 2, 64));
    std::thread::scope(|scope| {
        for nth in 0..4 {
            let tally = &tally;
            scope.spawn(move || (0..100).for_each(|number| tally.count(nth * 100 + number)));
        }
        assert!(tally.wait(TERMS.patience));
    });
    assert_eq!(tally.total(), Total::of_each_once(400));
}

#[test]
fn one_job_in_64_is_sampled() {
    let samples = Samples::new(6_400);
    let chosen: Vec<u64> = (0..6_400)
        .filter(|number| samples.start(*number).is_some())
        .collect();
    assert_eq!(chosen.len(), 100);
    assert!(
        (0..)
            .zip(&chosen)
            .all(|(group, number)| number / EVERY == group),
        "one of each 64"
    );
    let mut places: Vec<u64> = chosen.iter().map(|number| number % EVERY).collect();
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 32, "scattered over the 64, not {places:?}");
}

#[test]
fn allocations_are_counted() {
    let meter = Meter::start();
    let boxes: Vec<Box<u64>> = (0..100).map(Box::new).collect();
    assert!(meter.read().allocations >= 101, "the vector and its boxes");
    drop(boxes);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    struct Gone(AtomicU64);
    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            // ORDERING: Relaxed — one thread; no partner.
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let options = [
        "guichet",
        "bench",
        "--workload",
        "empty",
        "--levels",
        "1x1",
        "--reps",
        "1",
        "--jobs",
        "64",
        "-q",
    ];
    let error = crate::cli::run(
        options.iter().map(|word| word.into()),
        &mut Gone(AtomicU64::new(0)),
    )
    .unwrap_err();
    assert!(
        matches!(&error, crate::cli::Error::Output(source) if source.kind() == io::ErrorKind::BrokenPipe)
    );
}
