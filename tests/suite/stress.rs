//! Everything at once: producers by every way in, workers, failures, panics, cancels, tiny capacities.
//!
//! Each job carries its own count of starts and ends, so a job that is lost, started twice at a time or
//! ended twice shows, whatever the queue's counts say. Choices come from a seeded generator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use guichet::{Failure, JobError, JobHandle, JobId, Queue};

use super::support::*;

const JOBS: usize = 2_400;
const ATTEMPTS: u32 = 3;

/// xorshift64*: small, seeded, good enough to choose.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// What is known of one job outside the queue.
#[derive(Default)]
struct Record {
    inside: AtomicU32,
    starts: AtomicU32,
    drops: AtomicU32,
}

/// A payload that books its drop.
struct Work {
    fate: u64,
    record: Arc<Record>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.record.drops.fetch_add(1, SeqCst);
    }
}

#[derive(Default)]
struct Tally {
    completed: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
}

/// What one producer knows of one of its jobs.
struct Added {
    fate: u64,
    record: Arc<Record>,
    handle: Option<JobHandle<u64>>,
    cancelled: bool,
}

fn produce(queue: &Queue<Work, u64>, jobs: usize, mut dice: Dice) -> Vec<Added> {
    let mut producer = queue.producer();
    let mut added: Vec<Added> = Vec::new();
    let mut names: Vec<JobId> = Vec::new();
    while added.len() < jobs {
        let work = |dice: &mut Dice| {
            let (fate, record) = (dice.roll(20), Arc::new(Record::default()));
            Work { fate, record }
        };
        let count = match dice.roll(5) {
            4 => (1 + dice.roll(queue.capacity().min(9) as u64) as usize).min(jobs - added.len()),
            _ => 1,
        };
        let run: Vec<_> = (0..count).map(|_| work(&mut dice)).collect();
        let known = run.iter().map(|work| Added {
            fate: work.fate,
            record: work.record.clone(),
            handle: None,
            cancelled: false,
        });
        added.extend(known);
        let mut handle = None;
        let ids = match dice.roll(2) {
            0 if count > 1 => queue.add_many(run).unwrap(),
            // A whole stretch by the producer. What it has reserved goes back before this thread waits
            // in any other way: the producers together could reserve all there is.
            1 => {
                let ids = run
                    .into_iter()
                    .map(|work| producer.add(work).unwrap())
                    .collect();
                producer.flush();
                ids
            }
            _ => {
                let work = run.into_iter().next_back().unwrap();
                let id = match dice.roll(3) {
                    0 => queue.add(work).unwrap(),
                    1 => {
                        let submitted = queue.submit(work).unwrap();
                        let id = submitted.id();
                        handle = Some(submitted);
                        id
                    }
                    _ => {
                        // A refusal gives the very payload back.
                        let mut work = work;
                        loop {
                            match queue.try_add(work) {
                                Ok(id) => break id,
                                Err(full) => work = full.into_payload(),
                            }
                            std::thread::yield_now();
                        }
                    }
                };
                vec![id]
            }
        };
        names.extend(ids);
        if let Some(handle) = handle {
            added.last_mut().unwrap().handle = Some(handle);
        }
        if dice.roll(6) == 0 {
            let at = names.len() - 1 - dice.roll(names.len().min(8) as u64) as usize;
            added[at].cancelled |= queue.cancel(names[at]);
        }
    }
    added
}

fn storm(producers: usize, workers: usize, capacity: usize, prefetch: usize) {
    let runtime = runtime();
    let queue = runtime
        .queue::<Work, u64>("storm")
        .capacity(capacity)
        .attempts(ATTEMPTS)
        .prefetch(prefetch)
        .build()
        .unwrap();
    let overlaps = Count::new();
    let seen = overlaps.clone();
    queue
        .workers(workers, move |job| {
            let work = job.payload();
            if work.record.inside.fetch_add(1, SeqCst) != 0 || work.record.drops.load(SeqCst) != 0 {
                seen.bump();
            }
            let starts = work.record.starts.fetch_add(1, SeqCst) + 1;
            if starts != job.attempt() {
                seen.bump();
            }
            work.record.inside.fetch_sub(1, SeqCst);
            match work.fate {
                0 => Err(Failure::msg("always")),
                1 => Err(Failure::discard("at once")),
                2 if job.attempt() < 2 => Err(Failure::msg("once")),
                3 if job.attempt() < 3 => std::panic::resume_unwind(Box::new("twice")),
                fate => Ok(fate),
            }
        })
        .unwrap();
    let tally = Arc::new(Tally::default());
    let threads: Vec<_> = (0..producers)
        .map(|number| {
            let (queue, tally) = (queue.clone(), tally.clone());
            let dice = Dice::new((capacity * 1_000 + workers * 100 + number) as u64 + 1);
            start(move || {
                let added = produce(&queue, JOBS / producers, dice);
                settle_all(&queue);
                for job in added {
                    judge(job, &tally);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(Pending::get);
    assert_eq!(
        overlaps.get(),
        0,
        "attempts overlapped, were skipped or read a dropped payload"
    );
    let stats = queue.stats();
    let books = Books {
        completed: tally.completed.load(SeqCst),
        failed: tally.failed.load(SeqCst),
        cancelled: tally.cancelled.load(SeqCst),
        retried: stats.retried,
        panicked: stats.panicked,
        late: stats.late,
        ..NONE
    };
    settle(&queue, books);
    let report = runtime.shutdown(PATIENCE);
    audit(
        &report.queues[0].stats,
        Books {
            late: report.queues[0].stats.late,
            ..books
        },
    );
    assert!(stats.late <= books.cancelled);
}

/// What the producer saw of its job must fit what the handler did with it.
fn judge(job: Added, tally: &Tally) {
    let (fate, cancelled) = (job.fate, job.cancelled);
    let starts = job.record.starts.load(SeqCst);
    let needed = match fate {
        0 | 3 => 3,
        2 => 2,
        _ => 1,
    };
    let fails = fate < 2;
    if cancelled {
        assert!(starts <= needed, "fate {fate}: {starts} starts");
        tally.cancelled.fetch_add(1, SeqCst);
    } else {
        assert_eq!(starts, needed, "fate {fate}: starts");
        let end = if fails {
            &tally.failed
        } else {
            &tally.completed
        };
        end.fetch_add(1, SeqCst);
    }
    match job.handle.map(outcome) {
        None => {}
        Some(Err(JobError::Cancelled { .. })) => assert!(cancelled),
        Some(Err(JobError::Failed(_))) => assert!(!cancelled && fails),
        Some(Ok(value)) => assert!(!cancelled && !fails && value == fate),
        Some(Err(other)) => panic!("{other}"),
    }
    until("the payload is dropped", || {
        job.record.drops.load(SeqCst) > 0
    });
    assert_eq!(
        job.record.drops.load(SeqCst),
        1,
        "a payload was dropped twice"
    );
}

fn storms(threads: usize) {
    for capacity in [1, 2, 3, 64] {
        for prefetch in [1, 32] {
            storm(threads, threads, capacity, prefetch);
        }
    }
}

#[test]
fn storm_1_by_1() {
    storms(1);
}

#[test]
fn storm_2_by_2() {
    storms(2);
}

#[test]
fn storm_4_by_4() {
    storms(4);
}

#[test]
fn storm_8_by_8() {
    storms(8);
}
