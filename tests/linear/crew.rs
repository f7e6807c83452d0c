//! Threads that play one history after the other, and the counter that stamps their calls.
//!
//! Each call is stamped from one counter before it begins and after it ended. The counter's increments
//! have one total order, so a call that ended with a smaller stamp than another began with was over
//! before the other began; no clock of another processor can say so falsely. The price: the increments
//! are barriers, which hide what a missing fence *between* two calls of a thread would show. The models
//! in `tests/loom` look for those.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// What the threads of a program share.
pub struct Stage {
    clock: AtomicU64,
    missing: AtomicUsize,
    /// Per thread, how many calls it has begun.
    progress: Vec<AtomicUsize>,
}

impl Stage {
    pub fn new(threads: usize) -> Self {
        Stage {
            clock: AtomicU64::new(1),
            missing: AtomicUsize::new(threads),
            progress: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    /// The stamps begin with 1 and are all different.
    pub fn stamp(&self) -> u64 {
        self.clock.fetch_add(1, SeqCst)
    }

    /// Lets all threads go at once. They spin, since waking one another would put them in a row.
    pub fn start(&self) {
        self.missing.fetch_sub(1, SeqCst);
        let mut turns = 0;
        while self.missing.load(SeqCst) > 0 {
            turns += 1;
            if turns % 64 == 0 {
                thread::yield_now();
            }
            spin_loop();
        }
    }

    /// Thread `at` begins its next call.
    pub fn begins(&self, at: usize) {
        self.progress[at].fetch_add(1, SeqCst);
    }

    pub fn begun(&self, at: usize) -> usize {
        self.progress[at].load(SeqCst)
    }
}

/// What a thread recorded, and its seat.
pub type Part<R> = (Vec<R>, Box<dyn Send>);
pub type Job<R> = Box<dyn FnOnce() -> Part<R> + Send>;

/// A thread: it takes jobs, and gives what came of them.
type Worker<R> = (Sender<Job<R>>, Receiver<Part<R>>);

/// Threads that play one program after the other and record `R`s.
pub struct Crew<R> {
    workers: Vec<Worker<R>>,
    /// A program that takes as long as this hangs.
    patience: Duration,
}

impl<R: Send + 'static> Crew<R> {
    pub fn new(patience: Duration) -> Self {
        let workers = Vec::new();
        Crew { workers, patience }
    }

    /// Runs each job on a thread of its own; `Err` says which one hangs or died.
    pub fn run(&mut self, jobs: Vec<Job<R>>) -> Result<Vec<R>, (usize, &'static str)> {
        let count = jobs.len();
        while self.workers.len() < count {
            self.hire();
        }
        for ((give, _), job) in self.workers.iter().zip(jobs) {
            give.send(job).expect("a worker that has not died");
        }
        let (mut records, mut left) = (Vec::new(), Vec::new());
        for (at, (_, results)) in self.workers[..count].iter().enumerate() {
            match results.recv_timeout(self.patience) {
                Ok((part, seat)) => {
                    records.extend(part);
                    left.push(seat);
                }
                Err(RecvTimeoutError::Timeout) => return Err((at, "hangs")),
                Err(RecvTimeoutError::Disconnected) => return Err((at, "died")),
            }
        }
        Ok(records)
    }

    fn hire(&mut self) {
        let (give, jobs) = channel::<Job<R>>();
        let (report, records) = channel();
        thread::spawn(move || {
            for job in jobs {
                if report.send(job()).is_err() {
                    break;
                }
            }
        });
        self.workers.push((give, records));
    }
}
