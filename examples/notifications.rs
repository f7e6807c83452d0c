//! Notifications through a flaky gateway: three at a time, three attempts each, with growing pauses between them.
//!
//! An address that does not exist bounces: no other attempt would help, so the job is discarded. Everybody else is tried
//! until the gateway answers, or until the attempts are used up. Hooks write the log, and for each job exactly one last line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guichet::{Backoff, DeadLetter, DeadReason, Failure, Job, JobBrief, JobError, JobId, Runtime};

/// To user number so and so.
#[derive(Clone, Debug)]
struct Notification {
    user: u32,
}

const USERS: u32 = 20;

/// Every tenth address does not exist; for the others the line breaks up to three times before it holds.
#[derive(Default)]
struct Gateway {
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

impl Gateway {
    fn send(&self, job: &Job<'_, Notification>) -> Result<String, Failure> {
        let user = job.payload().user;
        let busy = self.busy.fetch_add(1, Ordering::Relaxed) + 1;
        self.busiest.fetch_max(busy, Ordering::Relaxed);
        std::thread::yield_now(); // Meanwhile others may call.
        self.busy.fetch_sub(1, Ordering::Relaxed);
        match job.attempt() {
            _ if user % 10 == 0 => Err(Failure::discard(format!("user {user} has no address"))),
            attempt if attempt <= user % 4 => {
                Err(Failure::msg(format!("user {user}: the line broke")))
            }
            _ => Ok(format!("user {user}")),
        }
    }
}

/// The log: it prints a line, and remembers how each job ended.
#[derive(Default)]
struct Log {
    ends: Mutex<BTreeMap<JobId, Vec<&'static str>>>,
}

impl Log {
    fn end(&self, job: &JobBrief, how: &'static str, about: impl std::fmt::Display) {
        println!("{how:<9} in attempt {}: {about}", job.attempt);
        if let Ok(mut ends) = self.ends.lock() {
            ends.entry(job.id).or_default().push(how);
        }
    }
}

fn main() -> Result<(), guichet::Error> {
    let runtime = Runtime::new()?;
    let undelivered = runtime
        .queue::<DeadLetter<Notification>, ()>("undelivered")
        .build()?;

    let log = Arc::new(Log::default());
    let (delivered, discarded, gave_up) = (log.clone(), log.clone(), log.clone());
    let notifications = runtime
        .queue::<Notification, String>("notifications")
        .attempts(3)
        .backoff(Backoff::exponential(Duration::from_millis(4)).jitter(0.5))
        .dead_letters(&undelivered)
        .on_completed(move |job, to| delivered.end(job, "delivered", to))
        // It is told of every failed attempt. A discard is the job's last; what is used up has a hook of its own.
        .on_failed(move |job, why| match why.is_discard() {
            true => discarded.end(job, "discarded", why),
            false => println!("failed    in attempt {}: {why}", job.attempt),
        })
        .on_exhausted(move |job, why| gave_up.end(job, "gave up", why))
        .build()?;

    let gateway = Arc::new(Gateway::default());
    let line = gateway.clone();
    notifications.workers(3, move |job| line.send(job))?;

    let mut pending = Vec::new();
    for user in 1..=USERS {
        pending.push(notifications.submit(Notification { user })?);
    }
    let jobs: Vec<JobId> = pending.iter().map(|handle| handle.id()).collect();
    let mut dead = 0;
    for handle in pending {
        match handle.wait() {
            Ok(_) => {}
            Err(JobError::Failed(_)) => dead += 1,
            Err(other) => return Err(other.into()),
        }
    }

    // A hook is called before whoever waits for the job learns of its end: the log is complete.
    let ends = log.ends.lock().expect("no hook panicked");
    assert!(
        ends.keys().eq(&BTreeSet::from_iter(jobs)),
        "each job has a last line"
    );
    assert!(ends.values().all(|lines| lines.len() == 1), "and only one");

    // Somebody looks through the dead letters: takes one at a time, reads it, and settles it.
    println!("\ndead letters:");
    for _ in 0..dead {
        let lease = undelivered.lease_timeout(Duration::from_secs(10))?;
        let letter = lease.payload();
        println!(
            "{} ({} attempts: {})",
            letter.error, letter.attempts, letter.reason
        );
        let (how, attempts) = match letter.reason {
            DeadReason::Discarded => ("discarded", 1),
            _ => ("gave up", 3),
        };
        assert_eq!(ends[&letter.source], [how]);
        assert_eq!(letter.history.len(), attempts);
        lease.complete(())?;
    }

    let count = |how| ends.values().filter(|lines| lines[0] == how).count();
    let (sent, lost, bounced) = (count("delivered"), count("gave up"), count("discarded"));
    println!("\n{sent} delivered, {lost} given up, {bounced} discarded");
    assert_eq!((sent, lost, bounced), (13, 5, 2));
    assert!(
        gateway.busiest.load(Ordering::Relaxed) <= 3,
        "three at a time"
    );

    let report = runtime.shutdown(Duration::from_secs(30));
    assert!(report.queues.iter().all(|queue| queue.stats.is_balanced()));
    // Two more attempts for four users who were reached by the third and for five who were not; one more for five others.
    assert_eq!(notifications.stats().retried, 2 * (4 + 5) + 5);
    Ok(())
}
