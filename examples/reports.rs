//! Reports that take a while: the client keeps a job's id, asks how far it is, and fetches the result when it is there.
//!
//! rayon calculates each part of a report on all processors, and the job's worker waits for it. Between two parts the handler
//! shows its progress and asks whether its result is still wanted. One report is far too long for its time-out: who waits
//! for it learns at the deadline, its handler at the next part.

use std::sync::mpsc;
use std::time::Duration;

use guichet::{Failure, FailureKind, Job, JobError, JobId, JobState, Queue, Revoked, Runtime};
use rayon::prelude::*;

/// How many primes there are below `below`, to be calculated in so many parts.
struct Report {
    below: u64,
    parts: u64,
}

impl Report {
    /// A part is small enough to be waited for, and large enough to be worth sharing out.
    fn part(&self, number: u64) -> usize {
        let edge = |part| self.below / self.parts * part;
        let numbers = (edge(number)..edge(number + 1)).into_par_iter();
        numbers.filter(|&number| is_prime(number)).count()
    }
}

fn is_prime(number: u64) -> bool {
    let mut factors = (2..).take_while(|factor| factor * factor <= number);
    number >= 2 && !factors.any(|factor| number.is_multiple_of(factor))
}

/// Calculates a report part by part. `told` is for this example only: what the handler was told when it was too late.
fn calculate(job: &Job<'_, Report>, told: &mpsc::Sender<Revoked>) -> Result<usize, Failure> {
    let report = job.payload();
    let mut primes = 0;
    for part in 0..report.parts {
        job.checkpoint().inspect_err(|why| {
            let _ = told.send(why.clone());
        })?;
        primes += report.part(part);
        job.set_progress((part + 1) * 100 / report.parts);
    }
    Ok(primes)
}

type Reports = Queue<Report, usize>;

/// What a web page would do with the id in its address: asks now and then until the job has ended. The progress it has seen.
fn follow(reports: &Reports, address: &str) -> Result<Vec<u64>, guichet::Error> {
    let id: JobId = address.parse()?;
    let mut seen = Vec::new();
    loop {
        let info = reports.job_info(id)?;
        let percent = info.progress::<u64>().map_or(0, |percent| *percent);
        if seen.last() != Some(&percent) {
            println!("report {address}: {:?}, {percent} %", info.state);
            seen.push(percent);
        }
        if info.state.is_terminal() {
            return Ok(seen);
        }
        std::thread::yield_now(); // A web page would wait a second.
    }
}

fn main() -> Result<(), guichet::Error> {
    let runtime = Runtime::new()?;
    // Records and results of the last hundred jobs are kept, for clients that ask late.
    let reports = runtime
        .queue::<Report, usize>("reports")
        .timeout(Duration::from_secs(60))
        .keep_completed(100)
        .keep_results(100)
        .build()?;
    let (told, hears) = mpsc::channel();
    reports.workers(1, move |job| calculate(job, &told))?;

    let id = reports.add(Report {
        below: 200_000,
        parts: 10,
    })?;
    let seen = follow(&reports, &id.to_string())?;
    assert!(seen.is_sorted() && seen.iter().all(|percent| percent % 10 == 0));
    assert_eq!(seen.last(), Some(&100));
    let info = reports.job_info(id)?;
    assert_eq!((info.state, info.attempts), (JobState::Completed, 1));
    println!("report {id}: {:?} primes", reports.result(id));
    assert_eq!(reports.result(id), Some(17_984));

    // Years of work; a time-out of its own, shorter than the queue's.
    let endless = Report {
        below: u64::MAX,
        parts: u64::MAX / 10_000,
    };
    let endless = reports.job(endless).timeout(Duration::from_millis(100));
    let endless = endless.submit()?;
    let id = endless.id();
    match endless.wait() {
        Err(JobError::Failed(why)) if why.is_timeout() => println!("report {id}: {why}"),
        other => panic!("a report without an end ended with {other:?}"),
    }
    assert_eq!(
        hears.recv_timeout(Duration::from_secs(10)),
        Ok(Revoked::TimedOut)
    );
    let info = reports.job_info(id)?;
    assert_eq!((info.state, info.errors.len()), (JobState::Dead, 1));
    assert_eq!(info.errors[0].kind, FailureKind::Timeout);
    assert_eq!(reports.result(id), None);

    let report = runtime.shutdown(Duration::from_secs(30));
    let stats = &report.queues[0].stats;
    println!(
        "{} completed, {} timed out",
        stats.completed, stats.timed_out
    );
    assert_eq!((stats.completed, stats.failed, stats.timed_out), (1, 1, 1));
    assert!(report.in_time && stats.is_balanced());
    Ok(())
}
