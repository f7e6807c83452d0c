//! The end of a busy program: somebody asks for it, and every job is accounted for.
//!
//! While a producer keeps adding short jobs, a second thread asks for the end, as a handler of SIGTERM would. From then on
//! nothing is accepted; the workers finish what waits, until the deadline. What runs on after it is interrupted: a long
//! job that looks at its checkpoint returns, one that is stuck is left behind. What was not due yet is given back.

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use guichet::{Backoff, Failure, Job, JobError, JobHandle, Queue, Revoked, Runtime};

#[derive(Debug, PartialEq)]
enum Task {
    /// So many numbers to add up.
    Short(u64),
    /// Its end is far away, but it looks up now and then.
    Long,
    /// It waits for a server that does not answer.
    Stuck,
    /// It fails once, and is to be tried again in an hour.
    Flaky,
    /// It is due tomorrow.
    Tomorrow,
}

/// What the tasks need, and where they say what happens to them.
struct Desk {
    started: mpsc::Sender<Discriminant<Task>>,
    told: mpsc::Sender<Revoked>,
    /// Main has it until the end.
    server: Arc<Mutex<u64>>,
}

fn work(job: &Job<'_, Task>, desk: &Desk) -> Result<u64, Failure> {
    let add_up = |numbers: u64| (0..numbers).fold(0, u64::wrapping_add);
    let _ = desk.started.send(discriminant(job.payload()));
    match job.payload() {
        Task::Short(numbers) => Ok(add_up(*numbers)),
        Task::Long => loop {
            job.checkpoint()
                .inspect_err(|why| drop(desk.told.send(why.clone())))?;
            add_up(1_000);
        },
        Task::Stuck => Ok(desk.server.lock().map_or(0, |answer| *answer)),
        Task::Flaky | Task::Tomorrow => Err(Failure::msg("the server is down")),
    }
}

/// Adds short jobs until the queue takes no more; the one that it refused.
fn produce(queue: &Queue<Task, u64>) -> (Vec<JobHandle<u64>>, Task) {
    let mut accepted = Vec::new();
    loop {
        match queue.submit(Task::Short(10_000)) {
            Ok(handle) => accepted.push(handle),
            Err(refused) => return (accepted, refused.into_payload()),
        }
    }
}

fn main() -> Result<(), guichet::Error> {
    let runtime = Runtime::new()?;
    let queue = runtime
        .queue::<Task, u64>("tasks")
        .capacity(64)
        .attempts(2)
        .backoff(Backoff::fixed(Duration::from_secs(3600)))
        .build()?;
    let ((started, starts), (told, hears)) = (mpsc::channel(), mpsc::channel());
    let server = Arc::new(Mutex::new(0));
    let busy = server.lock();
    let desk = Desk {
        started,
        told,
        server: server.clone(),
    };
    queue.workers(3, move |job| work(job, &desk))?;

    let mut pending = Vec::new();
    for task in [Task::Flaky, Task::Long, Task::Stuck] {
        pending.push(queue.submit(task)?);
    }
    let tomorrow = queue
        .job(Task::Tomorrow)
        .delay(Duration::from_secs(24 * 3600));
    pending.push(tomorrow.submit()?);

    let to_fill = queue.clone();
    let producer = thread::spawn(move || produce(&to_fill));
    // A program would wait for SIGTERM; the second thread sends its own once jobs of all kinds but tomorrow's have started.
    let (terminate, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut kinds = HashSet::new();
        while kinds.len() < 4 {
            kinds.extend(starts.recv());
        }
        terminate.send("SIGTERM")
    });
    println!("{}: shutting down", asked.recv().expect("somebody asks"));
    let report = runtime.shutdown(Duration::from_millis(200));

    let (short, refused) = producer.join().expect("it does not panic");
    println!("accepted {} short jobs, refused {refused:?}", short.len());
    pending.extend(short);

    // Every job has ended, each in one way: nobody waits here any more.
    let accepted = pending.len() as u64;
    let (mut completed, mut interrupted, mut returned) = (0, 0, HashSet::new());
    for handle in pending {
        let id = handle.id();
        match handle.wait() {
            Ok(_) => completed += 1,
            Err(JobError::Interrupted) => interrupted += 1,
            Err(JobError::Returned) => drop(returned.insert(id)),
            Err(other) => return Err(other.into()),
        }
    }
    let stats = &report.queues[0].stats;
    println!(
        "{completed} completed, {interrupted} interrupted, {} returned; {} threads left behind",
        stats.returned, report.abandoned_threads
    );
    assert_eq!((stats.accepted, stats.completed), (accepted, completed));
    assert_eq!(interrupted, 2, "the long one and the stuck one");
    assert_eq!(
        (stats.interrupted, stats.returned),
        (2, returned.len() as u64)
    );
    assert!(stats.is_balanced() && stats.live() == 0);

    // The payloads that were given back, for a file or a database: here those that were not due.
    let given_back = queue.take_returned();
    assert_eq!(given_back.len(), returned.len());
    assert!(given_back.iter().all(|(id, _)| returned.contains(id)));
    for wanted in [Task::Flaky, Task::Tomorrow] {
        assert!(given_back.iter().any(|(_, task)| *task == wanted));
    }
    assert!(queue.take_returned().is_empty(), "they are given once");

    // The long job was told and has returned, perhaps just after the report; the stuck one needs its answer first.
    let heard = hears.recv_timeout(Duration::from_secs(10));
    assert_eq!(heard, Ok(Revoked::ShuttingDown));
    assert!(!report.in_time && (1..=2).contains(&report.abandoned_threads));
    drop(busy);
    Ok(())
}
