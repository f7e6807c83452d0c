//! What one writes by hand: a heap of instants behind a mutex, and a thread that looks into it.
//!
//! A heap can't give back what lies in its middle, so a cancelled job is only forgotten, and its entry stays until it
//! would have been due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::schedule::Schedule;
use super::timing::Timing;
use crate::cli::args::Impl;
use crate::cli::bench::contenders::Failed;

/// How often [`Tick`] looks.
const TICK: Duration = Duration::from_millis(1);

/// How the thread waits until something is due.
pub trait Pause {
    /// Which contender this makes.
    const ID: Impl;
    /// Its name in the table.
    const NAME: &'static str;
    /// See [`Contender::note`](super::Contender::note).
    const NOTE: Option<&'static str>;

    /// Waits until it is worth looking again; `next` is when the first entry is due.
    fn pause(changed: &Condvar, pending: &mut MutexGuard<'_, Pending>, next: Option<Instant>);
}

/// Sleeps on a condition variable until the next job is due or an earlier one comes.
pub enum Alarm {}

impl Pause for Alarm {
    const ID: Impl = Impl::CondvarHeap;
    const NAME: &'static str = "heap, wait_until";
    const NOTE: Option<&'static str> =
        Some("the heaps know no bound and keep the entries of cancelled jobs until they are due");

    fn pause(changed: &Condvar, pending: &mut MutexGuard<'_, Pending>, next: Option<Instant>) {
        match next {
            Some(next) => {
                changed.wait_until(pending, next);
            }
            None => changed.wait(pending),
        }
    }
}

/// Looks every millisecond.
pub enum Tick {}

impl Pause for Tick {
    const ID: Impl = Impl::TickLoop;
    const NAME: &'static str = "heap, 1 ms tick";
    const NOTE: Option<&'static str> = None;

    fn pause(_: &Condvar, pending: &mut MutexGuard<'_, Pending>, _: Option<Instant>) {
        MutexGuard::unlocked(pending, || thread::sleep(TICK)); // WORK: the loop that is measured
    }
}

/// The jobs that are not due yet.
#[derive(Debug, Default)]
pub struct Pending {
    /// Due instant, sequence, job.
    heap: BinaryHeap<Reverse<(Instant, u64, u64)>>,
    /// Sequences of the jobs in the heap that are not cancelled.
    alive: HashSet<u64>,
    added: u64,
    closed: bool,
}

impl Pending {
    /// Takes a job; its sequence, and whether it is the next one due.
    pub fn add(&mut self, number: u64, due: Instant) -> (u64, bool) {
        let sequence = self.added;
        self.added += 1;
        self.heap.push(Reverse((due, sequence, number)));
        self.alive.insert(sequence);
        (sequence, self.next() == Some(due))
    }

    /// Forgets a job; false if it has been given out, or forgotten before.
    pub fn cancel(&mut self, sequence: u64) -> bool {
        self.alive.remove(&sequence)
    }

    /// Gives a job that is due, if there is one.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        while self.next()? <= now {
            let Reverse((_, sequence, number)) = self.heap.pop()?;
            if self.alive.remove(&sequence) {
                return Some(number);
            }
        }
        None
    }

    fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, ..))| *due)
    }
}

/// A heap and its thread.
pub struct Heap<P> {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    pause: PhantomData<P>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    changed: Condvar,
}

impl<P: Pause> Timing for Heap<P> {
    const ID: Impl = P::ID;
    const NAME: &'static str = P::NAME;
    const NOTE: Option<&'static str> = P::NOTE;
    type Job = u64;

    fn start(_jobs: u64, schedule: &Arc<Schedule>) -> Result<Self, Failed> {
        let shared = Arc::new(Shared::default());
        let (own, schedule) = (Arc::clone(&shared), Arc::clone(schedule));
        let thread = thread::Builder::new()
            .name("worker".to_owned())
            .spawn(move || work::<P>(&own, &schedule))
            .map_err(|error| Failed::new("spawning a worker", error))?;
        Ok(Heap {
            shared,
            thread,
            pause: PhantomData,
        })
    }

    fn add(&mut self, number: u64, delay: Duration) -> Result<u64, Failed> {
        let due = Instant::now() + delay;
        let (sequence, first) = self.shared.pending.lock().add(number, due);
        if first {
            self.shared.changed.notify_one();
        }
        Ok(sequence)
    }

    fn cancel(&mut self, sequence: &u64) -> bool {
        self.shared.pending.lock().cancel(*sequence)
    }

    fn finish(self) -> Result<(), Failed> {
        self.shared.pending.lock().closed = true;
        self.shared.changed.notify_one();
        self.thread
            .join()
            .map_err(|_| Failed::new("worker", "panicked"))
    }
}

fn work<P: Pause>(shared: &Shared, schedule: &Schedule) {
    let mut pending = shared.pending.lock();
    while !pending.closed {
        match pending.due(Instant::now()) {
            Some(number) => MutexGuard::unlocked(&mut pending, || schedule.run(number)),
            None => {
                let next = pending.next();
                P::pause(&shared.changed, &mut pending, next);
            }
        }
    }
}
