//! Slots, a lane and the bookkeeping that every model of the table checks at its end: one outcome
//! per job, one drop per payload, no result alive, every slot vacant, no slot given back twice.

use guichet::internals::model::{JobState, Verb};
use guichet::internals::park::Oneshot;
use guichet::internals::sync::atomic::{AtomicU64, Ordering::*};
use guichet::internals::table::{
    Claim, Entered, Entry, Marks, NotMoved, Owed, Own, Pinned, Pool, Record, Slab, Spoils, Ticket,
    Trace, Vacant,
};
use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst as Std};

#[derive(Default)]
pub struct Tally {
    pub admitted: AtomicUsize,
    ended: AtomicUsize,
    dropped: AtomicUsize,
    results: AtomicIsize,
    /// Jobs whose last holder owes the payload, as a dead letter or since they are returned; and payloads sent.
    buried: AtomicUsize,
    sent: AtomicUsize,
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

/// What the clerk decides over a handler's head.
#[derive(Clone, Copy)]
pub enum Verdict {
    /// Another attempt at the instant 5, beside the handler from `overlap` on, if that is not 0.
    Again { overlap: u64 },
    /// The end.
    Dead { letter: bool },
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
    /// Whether slot 0 was announced and the clerk has not looked; when the clerk is to look by itself.
    announced: AtomicU64,
    timer: Mutex<Option<u64>>,
    /// Whether the queue of dead letters has room.
    room: AtomicU64,
    /// A slot whose letter was kept, plus 1. Relaxed, so that the word alone must carry what was done to the payload.
    unsent: AtomicU64,
    tally: StdArc<Tally>,
}

impl World {
    pub fn new(slots: usize) -> Arc<World> {
        Arc::new(World {
            slab: Slab::new(slots),
            pool: Pool::new(0, slots, 1),
            lane: (0..slots).map(|_| AtomicU64::new(u64::MAX)).collect(),
            side: AtomicU64::new(u64::MAX),
            announced: AtomicU64::new(0),
            timer: Mutex::new(None),
            room: AtomicU64::new(1),
            unsent: AtomicU64::new(0),
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
            record.set_due(5);
            record.set_own(&Own {
                expires: 9,
                attempts: 0,
                backoff: [0; 3],
                timeout: 0,
                at_end: 0,
            });
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

    /// The delayed job in slot 0 gets another priority; the epoch of the step.
    pub fn prioritize_delayed(&self, occupancy: u64, priority: u32) -> Option<u64> {
        match self.slab.reprioritize_delayed(0, occupancy, priority) {
            Ok(epoch) => Some(epoch),
            Err(spoils) => {
                let share = |spoils| self.share("prioritized", spoils);
                spoils.into_iter().for_each(share);
                None
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

    fn finish(&self, by: &'static str, ended: Pinned<Payload, Outcome>) {
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
        self.share(by, self.slab.let_go(ended));
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
    pub fn share(&self, by: &'static str, spoils: Spoils<Payload, Outcome>) {
        if let Some(vacant) = spoils.vacant {
            self.pool.give_back(vacant);
        }
        match spoils.owed {
            None => {}
            Some(Owed::Letter(slot)) => self.post(slot),
            Some(Owed::Announcement(slot)) => self.announce(slot),
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
        self.again(claim, Verb::Retry)
    }

    /// The handler fails: its job is delayed until the instant 5, or the attempt came late.
    pub fn put_off(&self, claim: Claim) -> bool {
        self.slab.record(claim.slot()).set_due(5);
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
        let owed = usize::from(verb == Verb::Return);
        self.tally.buried.fetch_add(owed, Std);
        self.finish("end", ended);
        true
    }

    /// One turn of a worker; whether an attempt of it decided a job.
    pub fn work(&self, job: Option<u64>) -> Option<bool> {
        let claim = self.begin()?;
        Some(match job {
            Some(job) => self.run(claim, job),
            None => self.settle(claim),
        })
    }

    /// The next attempt, if there is a ticket and it is valid.
    pub fn begin(&self) -> Option<Claim> {
        let (ticket, trace) = self.next()?;
        match self.slab.activate(ticket, trace) {
            Ok(claim) => Some(claim),
            Err(stale) => {
                stale
                    .vacant
                    .into_iter()
                    .for_each(|v| self.pool.give_back(v));
                None
            }
        }
    }

    /// Something is to be done about the slot at an instant, as its record says.
    pub fn announce(&self, slot: u32) {
        assert_eq!(slot, 0, "these models have one delayed job, in slot 0");
        self.announced.swap(1, AcqRel);
    }

    /// The clerk's look at what was announced, and at slot 0 if its instant has come by `now`. Whether it promoted its job.
    pub fn look(&self, now: u64) -> bool {
        let due = {
            let mut timer = self.timer.lock().unwrap();
            if self.announced.swap(0, AcqRel) == 1 {
                *timer = self.slab.next_instant(0).map(|timer| timer.due);
            }
            timer.take_if(|at| *at <= now).is_some()
        };
        due && match self.slab.promote(0, None, now, Trace::Line) {
            Some(entered) => {
                self.enter(entered);
                true
            }
            None => false,
        }
    }

    /// The clerk's decision over the head of the handler whose attempt `ticket` names, held meanwhile as in life; false if
    /// it came too late.
    pub fn time_out(&self, ticket: Ticket, verdict: Verdict) -> bool {
        let Some(claim) = self.slab.hold(ticket) else {
            return false;
        };
        let decided = match verdict {
            Verdict::Again { overlap } => {
                match self.slab.revoke_for_retry(claim.ticket(), 5, overlap) {
                    Ok(_) => {
                        self.announce(claim.slot());
                        true
                    }
                    Err(spoils) => {
                        spoils.into_iter().for_each(|s| self.share("time-out", s));
                        false
                    }
                }
            }
            Verdict::Dead { letter } => match self.slab.revoke(claim.ticket(), letter) {
                Some(ended) => {
                    self.tally.ended.fetch_add(1, Std);
                    self.tally.buried.fetch_add(usize::from(letter), Std);
                    self.finish("time-out", ended);
                    true
                }
                None => false,
            },
        };
        self.share("time-out", self.slab.leave(claim));
        decided
    }

    /// `expire` with a letter, if the job in slot 0 is past its time to live at `now`.
    pub fn expire_with_letter(&self, now: u64) -> bool {
        let Some(ended) = self.slab.expire(0, now, true) else {
            return false;
        };
        self.tally.ended.fetch_add(1, Std);
        self.tally.buried.fetch_add(1, Std);
        self.finish("expire", ended);
        true
    }

    /// The handler's last attempt fails: its job ends with a letter, or the attempt came late.
    pub fn bury(&self, claim: Claim) -> bool {
        let settled = self.slab.bury_with_letter(claim);
        if settled.won {
            self.tally.ended.fetch_add(1, Std);
            self.tally.buried.fetch_add(1, Std);
        }
        self.share("bury", settled.spoils);
        settled.won
    }

    /// Letters find no room from now on.
    pub fn fill(&self) {
        self.room.store(0, Relaxed);
    }

    /// Sends the letter of the job in `slot`, which the caller holds; or keeps it if there is no room.
    fn post(&self, slot: u32) {
        if self.room.load(Relaxed) == 1 {
            return self.send(slot);
        }
        self.slab.keep_letter(slot);
        let before = self.unsent.swap(u64::from(slot) + 1, Relaxed);
        assert_eq!(before, 0, "two letters of one slot");
    }

    fn send(&self, slot: u32) {
        let (payload, spoils) = self.slab.send_letter(slot);
        let payload = payload.expect("a letter was sent twice, or without its payload");
        let body = payload.body.with(|body| unsafe { *body });
        assert_ne!(body, 0, "a letter was sent with a dropped payload");
        self.tally.sent.fetch_add(1, Std);
        drop(payload);
        self.share("letter", spoils);
    }

    /// Sends the letter that was kept, if there is one.
    pub fn send_kept(&self) -> bool {
        match self.unsent.swap(0, Relaxed) {
            0 => false,
            slot => {
                self.slab.hold_letter(slot as u32 - 1);
                self.send(slot as u32 - 1);
                true
            }
        }
    }

    /// Takes the payload as a handler does that consumes it.
    pub fn start_owned(&self, job: u64, waiter: Option<Cell>) -> (Claim, Payload) {
        let vacant = self.reserve().expect("a new world has vacant slots");
        self.add(vacant, job, waiter);
        let ticket = self.pop().unwrap();
        let (claim, payload) = self.slab.activate_owned(ticket, Trace::Line).unwrap();
        (claim, payload.expect("nobody else holds it"))
    }

    /// The attempt was none: the job goes back with its payload.
    pub fn requeue_with(&self, claim: Claim, payload: Payload) -> bool {
        match self.slab.requeue_with(claim, payload, Trace::Line) {
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

    /// The same of one that had it by reference, or a snooze.
    pub fn again(&self, claim: Claim, verb: Verb) -> bool {
        match self.slab.retry(claim, verb, Trace::Line) {
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

    /// The handler writes into its payload; the models' word for whatever it does.
    pub fn touch(&self, claim: &Claim) {
        let body = &self.slab.payload(claim).body;
        body.with_mut(|body| unsafe { *body = 9 });
    }

    /// What the payload says; 9 after an attempt that touched it.
    pub fn read(&self, claim: &Claim) -> u64 {
        self.slab.payload(claim).body.with(|body| unsafe { *body })
    }

    /// Does whatever the clerk was told of, and runs what that leads to; then nothing is delayed, or it was stranded.
    pub fn wind_up(&self) {
        while self.look(u64::MAX - 1) || self.work(None).is_some() {}
        let delayed = self
            .slab
            .scan()
            .any(|(_, _, state)| state == JobState::Delayed);
        assert!(!delayed, "a delayed job was stranded");
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
        self.room.store(1, Relaxed);
        self.send_kept();
        let (buried, sent) = (self.tally.buried.load(Std), self.tally.sent.load(Std));
        assert_eq!(sent, buried, "letters sent against jobs that owe one");
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
