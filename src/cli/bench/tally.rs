//! Who has run how many jobs, without a shared counter in the way of the contenders.
//!
//! A counter that every worker increments would cost as much as the queues that are measured. So each worker counts
//! in a cell of its own with plain stores, and adds to the shared `flushed` only every `stride` jobs. At most
//! `stride - 1` jobs per worker are unflushed, so when `flushed` comes within that distance of the goal the waiting
//! thread is woken, once, and from then on looks at the cells itself until they add up.
//!
//! Beside the number, the cells keep the sum of the job numbers: a job lost and another run twice cannot cancel out.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

/// Tells tallies apart in [`SEAT`]; a worker thread may live through several.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

thread_local! {
    /// The tally this thread counted for last, and its cell there.
    static SEAT: Cell<(u32, usize)> = const { Cell::new((0, 0)) };
}

/// Counts the jobs of one run.
#[derive(Debug)]
pub struct Tally {
    id: u32,
    goal: u64,
    stride: u64,
    cells: Box<[CachePadded<Count>]>,
    /// For threads beyond the expected number of workers; shared, so counted with read-modify-write.
    spill: CachePadded<Count>,
    seats: AtomicUsize,
    flushed: CachePadded<AtomicU64>,
    near: AtomicBool,
    waiter: Thread,
}

#[derive(Debug, Default)]
struct Count {
    jobs: AtomicU64,
    numbers: AtomicU64,
}

/// What a tally holds: how many jobs ran, and the (wrapping) sum of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Jobs that ran.
    pub jobs: u64,
    /// Sum of their numbers, modulo 2^64.
    pub numbers: u64,
}

impl Total {
    /// What jobs `0..jobs` come to when each ran once.
    pub fn of_each_once(jobs: u64) -> Self {
        let numbers = (u128::from(jobs) * u128::from(jobs.saturating_sub(1)) / 2) as u64;
        Total { jobs, numbers }
    }

    /// Checks that this is what jobs `0..jobs` come to when each ran once.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(self, jobs: u64) -> Result<(), String> {
        let (ran, due) = (self, Total::of_each_once(jobs));
        if ran.jobs != due.jobs {
            return Err(format!("{} jobs ran, {} were added", ran.jobs, due.jobs));
        }
        if ran.numbers != due.numbers {
            return Err(format!(
                "{} jobs ran, but not each of them once: some are lost, others ran twice",
                ran.jobs
            ));
        }
        Ok(())
    }
}

impl Tally {
    /// A tally for `goal` jobs on `workers` threads, to be awaited by the calling thread.
    ///
    /// A `stride` of 1 suits long jobs (the waiter sleeps to the end), a larger one short jobs.
    pub fn new(goal: u64, workers: usize, stride: u64) -> Self {
        let slack = (workers as u64 + 1) * (stride - 1);
        Tally {
            // ORDERING: Relaxed — only uniqueness counts; no partner.
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            goal,
            stride,
            cells: (0..workers).map(|_| CachePadded::default()).collect(),
            spill: CachePadded::default(),
            seats: AtomicUsize::new(0),
            flushed: CachePadded::new(AtomicU64::new(0)),
            near: AtomicBool::new(goal <= slack),
            waiter: thread::current(),
        }
    }

    /// Counts one finished job.
    #[inline]
    pub fn count(&self, number: u64) {
        let seat = self.seat();
        let jobs = match self.cells.get(seat) {
            Some(own) => {
                // ORDERING: Relaxed loads — this thread alone stores to its cell; no partner.
                let jobs = own.jobs.load(Ordering::Relaxed) + 1;
                let numbers = own.numbers.load(Ordering::Relaxed).wrapping_add(number);
                // ORDERING: Relaxed — carried along by the Release store below, partner: `total`.
                own.numbers.store(numbers, Ordering::Relaxed);
                // ORDERING: Release — publishes what the job wrote (its result, its sample), partner: `total`.
                own.jobs.store(jobs, Ordering::Release);
                jobs
            }
            None => {
                // ORDERING: Relaxed — carried along by the Release below, partner: `total`.
                self.spill.numbers.fetch_add(number, Ordering::Relaxed);
                // ORDERING: Release — publishes what the job wrote, partner: `total`.
                self.spill.jobs.fetch_add(1, Ordering::Release) + 1
            }
        };
        if jobs.is_multiple_of(self.stride) {
            self.flush();
        }
    }

    #[inline]
    fn seat(&self) -> usize {
        SEAT.with(|kept| match kept.get() {
            (id, seat) if id == self.id => seat,
            _ => {
                // ORDERING: Relaxed — only uniqueness counts; no partner.
                let seat = self.seats.fetch_add(1, Ordering::Relaxed);
                kept.set((self.id, seat));
                seat
            }
        })
    }

    #[cold]
    fn flush(&self) {
        // ORDERING: Relaxed — a hint when to look; the cells carry the truth; no partner.
        let flushed = self.flushed.fetch_add(self.stride, Ordering::Relaxed) + self.stride;
        let slack = (self.cells.len() as u64 + 1) * (self.stride - 1);
        // ORDERING: Release — partner: the Acquire in `wait`, so that the woken waiter sees the flag that woke it.
        if flushed + slack >= self.goal && !self.near.swap(true, Ordering::Release) {
            self.waiter.unpark();
        }
    }

    /// What has been counted so far; exact once the workers are done.
    pub fn total(&self) -> Total {
        let mut total = Total {
            jobs: 0,
            numbers: 0,
        };
        for cell in self.cells.iter().chain([&self.spill]) {
            // ORDERING: Acquire — reads what the counted jobs wrote, partner: the Release stores in `count`.
            total.jobs += cell.jobs.load(Ordering::Acquire);
            // ORDERING: Relaxed — stored before `jobs`, which the Acquire above read; partner: `count`.
            total.numbers = total
                .numbers
                .wrapping_add(cell.numbers.load(Ordering::Relaxed));
        }
        total
    }

    /// Waits until the goal is reached; false if `patience` passed without any job.
    pub fn wait(&self, patience: Duration) -> bool {
        let mut seen = (0, Instant::now());
        loop {
            let jobs = self.total().jobs;
            if jobs >= self.goal {
                return true;
            }
            if jobs != seen.0 {
                seen = (jobs, Instant::now());
            } else if seen.1.elapsed() >= patience {
                return false;
            }
            // ORDERING: Acquire — partner: the swap in `flush`.
            if self.near.load(Ordering::Acquire) {
                thread::yield_now();
            } else {
                thread::park_timeout(patience);
            }
        }
    }
}
