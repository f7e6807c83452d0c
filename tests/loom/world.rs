//! Slots, a lane and the bookkeeping that every model of the table checks at its end: one outcome
//! per job, one drop per payload, no result alive, every slot vacant, no slot given back twice.

use guichet::internals::model::{JobState, Verb};
use guichet::internals::park::Oneshot;
use guichet::internals::sync::atomic::{AtomicU64, Ordering::*};
use guichet::internals::table::{
    Claim, Ended, Entered, Entry, Marks, NotMoved, Pool, Record, Slab, Spoils, Ticket, Trace,
    Vacant,
};
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

/// A job without marks, of priority 1.
pub const PLAIN: (Marks, u32) = (
    Marks {
        sampled: false,
        optioned: false,
    },
    1,
);

fn take(place: &AtomicU64) -> Option<Ticket> {
    match place.swap(u64::MAX, Relaxed) {
        u64::MAX => None,
        bits => Some(Ticket::from_bits(bits)),
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
    /// Where tickets can be taken out.
    side: AtomicU64,
    tally: StdArc<Tally>,
}

impl World {
    pub fn new(slots: usize) -> Arc<World> {
        Arc::new(World {
            slab: Slab::new(slots),
            pool: Pool::new(0, slots, 1),
            lane: (0..slots).map(|_| AtomicU64::new(u64::MAX)).collect(),
            side: AtomicU64::new(u64::MAX),
            tally: StdArc::default(),
        })
    }

    pub fn reserve(&self) -> Option<Vacant> {
        self.pool.claim(0, 1).and_then(|mut run| run.pop())
    }

    /// Admits job number `job` and puts its ticket into the lane; its occupancy.
    pub fn add(&self, vacant: Vacant, job: u64, waiter: Option<Cell>) -> u64 {
        self.tally.admitted.fetch_add(1, Std);
        let payload = self.payload(job);
        let entry = Entry::Waiting(Trace::Line);
        let (ticket, occupancy) = self
            .slab
            .admit(vacant, payload, waiter, entry, |_, _, _| PLAIN);
        self.push(ticket);
        occupancy
    }

    /// Admits a job that is delayed until the instant 5 and expires at 9; its occupancy.
    pub fn defer(&self, vacant: Vacant, job: u64, waiter: Option<Cell>) -> u64 {
        self.tally.admitted.fetch_add(1, Std);
        let payload = self.payload(job);
        let stamp = |_, _, record: &Record| {
            record.due.store(5, Relaxed);
            record.expires.store(9, Relaxed);
            let optioned = true;
            (
                Marks {
                    optioned,
                    ..PLAIN.0
                },
                1,
            )
        };
        let (_, occupancy) = self
            .slab
            .admit(vacant, payload, waiter, Entry::Delayed, stamp);
        occupancy
    }

    /// The clerk's look at slot 0: promotes what is due at `now`, or ends what has expired.
    pub fn tick(&self, now: u64) -> bool {
        if let Some(ended) = self.slab.expire(0, now, false) {
            self.tally.ended.fetch_add(1, Std);
            self.finish("expire", ended);
            return true;
        }
        match self.slab.promote(0, None, now, Trace::Line) {
            Some(entered) => {
                self.enter(entered);
                true
            }
            None => false,
        }
    }

    /// Puts a new ticket where it must go.
    pub fn enter(&self, entered: Entered) {
        match entered.trace {
            Trace::Line => self.push(entered.ticket),
            Trace::Side => self.put_aside(entered.ticket),
        }
    }

    /// The side holds one ticket of the one slot that is moved there.
    fn put_aside(&self, ticket: Ticket) {
        let before = self.side.swap(ticket.to_bits(), AcqRel);
        assert_eq!(before, u64::MAX, "two tickets at the side");
    }

    /// Changes the priority of the job in slot 0, as the front does it: taken out, or left in its line as a stray.
    /// True if it moved.
    pub fn reprioritize(&self, occupancy: u64) -> bool {
        let Some((_, Some(ticket))) = self.slab.look(0, occupancy) else {
            return false;
        };
        let taken = self
            .side
            .compare_exchange(ticket.to_bits(), u64::MAX, AcqRel, Relaxed)
            .is_ok();
        match self.slab.reprioritize(ticket, taken) {
            Ok(new) => {
                self.put_aside(new);
                true
            }
            Err(NotMoved::Stale | NotMoved::Starting) => {
                if taken {
                    let stale = self.slab.surface(ticket, Trace::Side);
                    stale
                        .vacant
                        .into_iter()
                        .for_each(|v| self.pool.give_back(v));
                }
                false
            }
        }
    }

    /// A delayed job is due at the instant `due`.
    pub fn reschedule(&self, occupancy: u64, due: u64) -> bool {
        match self.slab.reschedule(0, occupancy, due, 0) {
            Ok(_) => true,
            Err(spoils) => {
                let share = |spoils| self.share("rescheduled", spoils);
                spoils.into_iter().for_each(share);
                false
            }
        }
    }

    fn payload(&self, job: u64) -> Payload {
        Payload {
            job,
            body: UnsafeCell::new(job),
            tally: self.tally.clone(),
        }
    }

    fn finish(&self, by: &'static str, ended: Ended<Payload, Outcome>) {
        if let Some((ticket, Trace::Side)) = ended.stale
            && self
                .side
                .compare_exchange(ticket.to_bits(), u64::MAX, AcqRel, Relaxed)
                .is_ok()
        {
            let stale = self.slab.surface(ticket, Trace::Side);
            stale
                .vacant
                .into_iter()
                .for_each(|v| self.pool.give_back(v));
        }
        self.share(by, ended.spoils);
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
        self.lane.iter().find_map(take)
    }

    /// The next ticket, from the side if there is one.
    fn next(&self) -> Option<(Ticket, Trace)> {
        let aside = take(&self.side).map(|ticket| (ticket, Trace::Side));
        aside.or_else(|| self.pop().map(|ticket| (ticket, Trace::Line)))
    }

    /// A job that is admitted and claimed.
    pub fn start(&self, job: u64, waiter: Option<Cell>) -> Claim {
        let vacant = self.reserve().expect("a new world has vacant slots");
        self.add(vacant, job, waiter);
        let ticket = self.pop().unwrap();
        self.slab.activate(ticket, Trace::Line).unwrap()
    }

    /// The next attempt of what waits.
    pub fn start_next(&self) -> Claim {
        let (ticket, trace) = self.next().unwrap();
        self.slab.activate(ticket, trace).unwrap()
    }

    /// Moves the next ticket of the line to the side.
    pub fn set_aside(&self) {
        let Some(ticket) = self.pop() else { return };
        match self.slab.set_aside(ticket) {
            Ok(()) => {
                self.put_aside(ticket);
                // Ended after it was set aside and before it lay there: whoever ended it did not find it.
                if !self.slab.is_current(ticket) {
                    self.work(None);
                }
            }
            Err(stale) => {
                stale
                    .vacant
                    .into_iter()
                    .for_each(|v| self.pool.give_back(v));
            }
        }
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
        match self.slab.retry(claim, Verb::Retry, Trace::Line) {
            Ok(entered) => {
                self.enter(entered);
                true
            }
            Err(spoils) => {
                self.share("late", spoils);
                false
            }
        }
    }

    /// The handler fails: its job is delayed until the instant 5, or the attempt came late.
    pub fn put_off(&self, claim: Claim) -> bool {
        self.slab.record(claim.slot()).due.store(5, Relaxed);
        match self.slab.put_off(claim, Verb::Retry) {
            Ok(()) => true,
            Err(spoils) => {
                self.share("late", spoils);
                false
            }
        }
    }

    /// `cancel`, `interrupt` or `return`; true if it decided the job.
    pub fn end(&self, occupancy: u64, verb: Verb) -> bool {
        let Some(ended) = self.slab.end(0, occupancy, verb) else {
            return false;
        };
        self.tally.ended.fetch_add(1, Std);
        self.finish("end", ended);
        true
    }

    /// One turn of a worker; whether an attempt of it decided a job.
    pub fn work(&self, job: Option<u64>) -> Option<bool> {
        let (ticket, trace) = self.next()?;
        match self.slab.activate(ticket, trace) {
            Ok(claim) => match job {
                Some(job) => Some(self.run(claim, job)),
                None => Some(self.settle(claim)),
            },
            Err(stale) => {
                stale
                    .vacant
                    .into_iter()
                    .for_each(|v| self.pool.give_back(v));
                None
            }
        }
    }

    /// Runs what is left, then checks the books.
    pub fn close(&self) {
        let full = |place: &AtomicU64| place.load(Acquire) != u64::MAX;
        loop {
            // What is delayed still becomes due, and runs before it expires.
            let ticked = (0..self.slab.capacity() as u32)
                .filter_map(|slot| self.slab.promote(slot, None, 5, Trace::Line))
                .map(|entered| self.enter(entered))
                .count();
            if ticked == 0 && !full(&self.side) && !self.lane.iter().any(full) {
                break;
            }
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
        let live = self.slab.scan().filter(|(_, _, state)| {
            matches!(
                state,
                JobState::Waiting | JobState::Active | JobState::Delayed
            )
        });
        assert_eq!(live.count(), 0, "jobs still live");
    }
}
