//! Slots, a lane and the bookkeeping that every model of the table checks at its end: one outcome
//! per job, one drop per payload, no result alive, every slot vacant, no slot given back twice.

use guichet::internals::model::{JobState, Verb};
use guichet::internals::park::Oneshot;
use guichet::internals::sync::atomic::{AtomicU64, Ordering::*};
use guichet::internals::table::{Claim, Pool, Slab, Spoils, Ticket, Vacant};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst as Std};

#[derive(Default)]
pub struct Tally {
    pub admitted: AtomicUsize,
    ended: AtomicUsize,
    dropped: AtomicUsize,
    results: AtomicIsize,
}

/// A payload with memory that loom watches, behind the claim as in life.
pub struct Payload {
    pub job: u64,
    pub body: UnsafeCell<u64>,
    tally: StdArc<Tally>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.body.with_mut(|body| unsafe { *body = 0 });
        self.tally.dropped.fetch_add(1, Std);
    }
}

/// A result that counts itself.
pub struct Outcome {
    pub by: &'static str,
    tally: StdArc<Tally>,
}

impl Drop for Outcome {
    fn drop(&mut self) {
        self.tally.results.fetch_sub(1, Std);
    }
}

pub type Cell = Arc<Oneshot<Outcome>>;

pub fn cell() -> Cell {
    Arc::new(Oneshot::new())
}

// SAFETY: the models touch `body` only through claims; loom checks that this is enough.
unsafe impl Sync for Payload {}
// SAFETY: as above.
unsafe impl Send for Payload {}

pub struct World {
    pub slab: Slab<Payload, Outcome>,
    pub pool: Pool,
    lane: Vec<AtomicU64>,
    tally: StdArc<Tally>,
}

impl World {
    pub fn new(slots: usize) -> Arc<World> {
        Arc::new(World {
            slab: Slab::new(slots),
            pool: Pool::new(slots, 1),
            lane: (0..slots).map(|_| AtomicU64::new(u64::MAX)).collect(),
            tally: StdArc::default(),
        })
    }

    pub fn reserve(&self) -> Option<Vacant> {
        self.pool.claim(0, 1).and_then(|mut run| run.pop())
    }

    /// Admits job number `job` and puts its ticket into the lane; its occupancy.
    pub fn add(&self, vacant: Vacant, job: u64, waiter: Option<Cell>) -> u64 {
        self.tally.admitted.fetch_add(1, Std);
        let payload = Payload {
            job,
            body: UnsafeCell::new(job),
            tally: self.tally.clone(),
        };
        let admitted = self.slab.admit(vacant, payload, waiter, |_, _| 0);
        self.push(admitted.ticket);
        admitted.occupancy
    }

    /// The lane has as many places as there are slots, so a push always finds one. Relaxed: tickets
    /// also travel over desks, which order nothing, so the word alone must carry the payload.
    pub fn push(&self, ticket: Ticket) {
        let place = self.lane.iter().find(|place| {
            place
                .compare_exchange(u64::MAX, ticket.to_bits(), Release, Relaxed)
                .is_ok()
        });
        assert!(place.is_some(), "the lane is full: more tickets than slots");
    }

    pub fn pop(&self) -> Option<Ticket> {
        self.lane
            .iter()
            .find_map(|place| match place.swap(u64::MAX, Relaxed) {
                u64::MAX => None,
                bits => Some(Ticket::from_bits(bits)),
            })
    }

    /// A job that is admitted and claimed.
    pub fn start(&self, job: u64, waiter: Option<Cell>) -> Claim {
        let vacant = self.reserve().expect("a new world has vacant slots");
        self.add(vacant, job, waiter);
        self.slab.activate(self.pop().unwrap()).unwrap()
    }

    /// What the queue does with spoils.
    fn share(&self, by: &'static str, spoils: Spoils<Payload, Outcome>) {
        if let Some(vacant) = spoils.vacant {
            self.pool.give_back(vacant);
        }
        if let Some(waiter) = spoils.waiter {
            self.tally.results.fetch_add(1, Std);
            drop(waiter.set(Outcome {
                by,
                tally: self.tally.clone(),
            }));
        }
        drop(spoils.payload);
    }

    /// The handler: reads the payload, then completes. True if this attempt decided the job.
    pub fn run(&self, claim: Claim, job: u64) -> bool {
        let payload = self.slab.payload(&claim);
        assert_eq!(payload.job, job, "another job's payload");
        payload
            .body
            .with(|body| assert_eq!(unsafe { *body }, job, "a payload was read after its drop"));
        self.settle(claim)
    }

    pub fn settle(&self, claim: Claim) -> bool {
        let settled = self.slab.settle(claim, Verb::Complete);
        if settled.won {
            self.tally.ended.fetch_add(1, Std);
        }
        self.share("complete", settled.spoils);
        settled.won
    }

    /// The handler fails: its job waits again, or the attempt came late.
    pub fn fail(&self, claim: Claim) -> bool {
        match self.slab.retry(claim) {
            Ok(ticket) => {
                self.push(ticket);
                true
            }
            Err(spoils) => {
                self.share("late", spoils);
                false
            }
        }
    }

    /// `cancel`, `interrupt` or `return`; true if it decided the job.
    pub fn end(&self, occupancy: u64, verb: Verb) -> bool {
        let Some(spoils) = self.slab.end(0, occupancy, verb) else {
            return false;
        };
        self.tally.ended.fetch_add(1, Std);
        self.share("end", spoils);
        true
    }

    /// One turn of a worker; whether an attempt of it decided a job.
    pub fn work(&self, job: Option<u64>) -> Option<bool> {
        match self.slab.activate(self.pop()?) {
            Ok(claim) => match job {
                Some(job) => Some(self.run(claim, job)),
                None => Some(self.settle(claim)),
            },
            Err(vacant) => {
                if let Some(vacant) = vacant {
                    self.pool.give_back(vacant);
                }
                None
            }
        }
    }

    /// Runs what is left, then checks the books.
    pub fn close(&self) {
        while self
            .lane
            .iter()
            .any(|place| place.load(Acquire) != u64::MAX)
        {
            self.work(None);
        }
        let admitted = self.tally.admitted.load(Std);
        assert_eq!(
            self.tally.ended.load(Std),
            admitted,
            "terminal outcomes against jobs"
        );
        assert_eq!(
            self.tally.dropped.load(Std),
            admitted,
            "payload drops against jobs"
        );
        assert_eq!(self.tally.results.load(Std), 0, "results still alive");
        for _ in 0..self.slab.capacity() {
            std::mem::forget(self.reserve().expect("a slot was leaked"));
        }
        assert!(self.reserve().is_none(), "a slot was given back twice");
        let live = self
            .slab
            .scan()
            .filter(|(_, _, state)| matches!(state, JobState::Waiting | JobState::Active));
        assert_eq!(live.count(), 0, "jobs still live");
    }
}
