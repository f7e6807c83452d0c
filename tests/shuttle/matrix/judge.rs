//! What must be true of every program's every execution, at each refusal and when everything has
//! come to rest.
//!
//! **A refusal was true at some instant of the call.** *No job*: false if a job waited before and
//! after, the caller was the only one who takes jobs, and nothing halts the queue; for then that
//! job waited throughout. (Nobody else may be promoting jobs: one waits before its ticket is in
//! line.) *Full*: each job is taken to have its slot from the beginning of the operation that adds
//! it until its payload is dropped, which is longer than it has; the refusal is false if even so
//! there was never a lack of slots. *Gone*: false if the job is alive afterwards.
//!
//! **At rest**, when every actor has done its last operation or waits in one: if a job waits,
//! nobody sleeps who would take jobs; if slots are vacant for all that those who wait want to add,
//! none of them sleeps. The main thread waits for the record that it does not hold any more, so a
//! violation is a deadlock. The rule is asked anew after each thing that the main thread does to
//! help: it ends pauses, turns the clock, opens the gate. Then every job must end without further
//! help, by the program's workers if it has any.

use std::sync::Arc;

use guichet::internals::sync::refuse_threads;
use guichet::{ChangeError, JobError, JobId, JobState, Subscription};
use shuttle::thread;

use super::board::{Doing, Payload, Records, Role, Room, play};
use super::operation::Op;
use super::program::Verdict;
use super::stage::{DAY, Held, NO_TIME, Stage};

/// Refusals.
impl Stage {
    /// What a look for a job without waiting finds; if nothing, that must be true.
    pub fn checked(&self, me: usize, look: impl FnOnce() -> Option<Held>) -> Option<Held> {
        let before = self.waiting();
        let found = look();
        if found.is_none() && self.takes_alone(me) {
            let after = self.waiting();
            let ignored = before.iter().find(|id| after.contains(id));
            assert_eq!(ignored, None, "a job waited, and there was said to be none");
        }
        found
    }

    fn waiting(&self) -> Vec<JobId> {
        let mut live = self.board.read().live();
        live.retain(|id| self.queue.state(*id) == Some(JobState::Waiting));
        live
    }

    /// Whether nobody else takes jobs, or is about to put one into line that is said to wait
    /// already, and nothing halts the queue.
    fn takes_alone(&self, me: usize) -> bool {
        let takes =
            |op: Op| op.looks_for_work() || op.settles() || op == Op::Engage || op.promotes();
        let halts = |op: Op| matches!(op, Op::Pause | Op::Hold | Op::Shutdown);
        let mut others = self.program.actors.iter().enumerate();
        let alone = others.all(|(at, steps)| at == me || !steps.iter().any(|step| takes(step.op)));
        alone && self.program.shape.workers == 0 && self.program.count(halts) == 0
    }

    /// An add that began at `began` wanted `count` slots, and found that there were not so many.
    pub fn full(&self, room: Room, began: u64, count: usize) {
        let records = self.board.read();
        // A redriven job has a slot for jobs that are not delayed, wherever it was before.
        let redriven = room == Room::Now && self.program.count(|op| op == Op::Redrive) > 0;
        let jobs = records.jobs.iter();
        let jobs = jobs.filter(|job| job.room == room || redriven);
        // Its own payloads are among them: they are not dropped yet, or were so just now.
        let taken = jobs
            .filter(|job| job.dropped.is_none_or(|at| at >= began))
            .count();
        let capacity = self.capacity(room);
        assert!(
            taken > capacity || !self.exact,
            "said to be full: of {capacity} slots {} were taken at most, and {count} wanted",
            taken - count
        );
    }

    fn capacity(&self, room: Room) -> usize {
        match room {
            Room::Now => self.program.shape.capacity,
            Room::Later => self.program.shape.delayed_capacity,
        }
    }

    /// A change of a job was refused, or was not.
    pub fn changed(&self, id: JobId, changed: Result<(), ChangeError>) {
        if let Err(ChangeError::Gone) = changed {
            let state = self.queue.state(id);
            let alive = state.is_some_and(|state| !state.is_terminal());
            assert!(!alive, "job {id} was said to be gone and is {state:?}");
        }
    }
}

/// At rest.
impl Stage {
    /// Judges what the actors leave behind, and ends it.
    pub fn judge(
        self: Arc<Self>,
        actors: Vec<thread::JoinHandle<()>>,
        events: Option<Subscription>,
    ) {
        let board = &self.board;
        let at_rest = |records: &mut Records| {
            let rests = |doing: &Doing| *doing != Doing::Something;
            records.actors.iter().all(rests)
        };
        board.wait_until("every actor has ended, or waits", at_rest);
        if !board.read().shut {
            self.come_to_rest();
            self.drain(events);
        }
        self.end(actors);
    }

    fn come_to_rest(&self) {
        self.nobody_sleeps("as the actors left it");
        refuse_threads(false);
        self.queue.resume();
        // A handler may be about to say that the rate is limited.
        let held = self.program.shape.verdict == Verdict::RateLimited;
        self.board.write(|records| records.held &= held);
        self.nobody_sleeps("after a resume");
        if self.program.needs_time() {
            self.turn();
            self.nobody_sleeps("after all that was due");
        }
    }

    /// Waits until nobody sleeps who could go on.
    fn nobody_sleeps(&self, when: &str) {
        loop {
            let now = self.board.read().now;
            let Some(why) = self.goes_on() else { return };
            let hope = format!("{when}: {why}");
            self.board.wait_until(&hope, |records| records.now != now);
        }
    }

    /// Why somebody will go on by himself, if so.
    fn goes_on(&self) -> Option<String> {
        let waiting = self.waiting();
        let halted = self.queue.is_paused();
        // A dead job whose letter found no room keeps its slot until the clerk has tried again.
        let unsent = self.queue.stats().unsent as usize;
        let records = self.board.read();
        let leasing = records
            .actors
            .iter()
            .filter(|doing| **doing == Doing::Leases);
        let idle = records.workers.saturating_sub(records.busy);
        let takers = leasing.count() + idle;
        if let Some(id) = waiting.first()
            && takers > 0
            && !halted
            && !records.held
        {
            return Some(format!("{takers} may take job {id}, which waits"));
        }
        [Room::Now, Room::Later].into_iter().find_map(|room| {
            let wanted = records.actors.iter().map(|doing| match doing {
                Doing::Adds(where_to, count) if *where_to == room => *count,
                _ => 0,
            });
            let wanted: usize = wanted.sum();
            let jobs = records.jobs.iter().filter(|job| job.room == room);
            // Those that are being added are among them.
            let taken = jobs.filter(|job| job.dropped.is_none()).count() + unsent;
            // A redriven job has a slot of this room, wherever it was before.
            let redriven = match room {
                Room::Now => records.redriven,
                Room::Later => 0,
            };
            let taken = taken + redriven;
            (wanted > 0 && taken <= self.capacity(room))
                .then(|| format!("there is room for all {wanted} that are being added"))
        })
    }

    /// Lets every job end, and looks at what is left then.
    fn drain(self: &Arc<Self>, events: Option<Subscription>) {
        let board = &self.board;
        board.write(|records| records.relaxed = true);
        board.open();
        let mut helpers = Vec::new();
        if self.program.needs_time() {
            self.clock.let_go();
            let stage = self.clone();
            helpers.push(helper("clerk", move || stage.runtime.be_clerk()));
        }
        if self.program.shape.workers == 0 {
            let stage = self.clone();
            helpers.push(helper("leaser", move || {
                while let Ok(lease) = stage.queue.lease() {
                    stage.finish(lease);
                }
            }));
        }
        if let Some(dead) = self.dead.clone() {
            helpers.push(helper("undertaker", move || {
                while let Ok(letter) = dead.lease() {
                    drop(letter.complete(()));
                }
            }));
        }
        self.all_end("every job ends");
        self.sums();
        // One that still waits for a job may go on to add some.
        let idle = |doing: &Doing| *doing == Doing::Nothing;
        if self.board.read().actors.iter().all(idle) {
            self.refill();
            self.sums();
        }
        self.shut();
        for helper in helpers {
            helper.join().unwrap();
        }
        if let Some(events) = events {
            self.walks(events);
        }
    }

    fn finish(&self, lease: Held) {
        let (number, id, priority) = (lease.payload().number, lease.id(), lease.priority());
        self.board
            .write(|records| records.begin(number, id, priority));
        self.settle(lease, Op::Complete, &mut None);
    }

    /// Waits until every job has ended and no actor has anything to do but wait for one.
    fn all_end(&self, hope: &str) {
        loop {
            let now = self.board.read().now;
            let lying = std::mem::take(&mut *self.leases.lock().unwrap());
            for lease in lying {
                self.settle(lease, Op::Complete, &mut None);
            }
            let ended = {
                let records = self.board.read();
                let rest = |doing: &Doing| matches!(doing, Doing::Nothing | Doing::Leases);
                records.all_dropped() && records.actors.iter().all(rest)
            };
            if ended {
                return;
            }
            self.board.wait_until(hope, |records| records.now != now);
        }
    }

    fn sums(&self) {
        let mut stats = self.queue.stats();
        // The last handler may drop the payload of a job before whoever decided it has counted it.
        for _ in 0..100 {
            if !stats.is_balanced() {
                thread::yield_now();
                stats = self.queue.stats();
            }
        }
        assert!(stats.is_balanced() && stats.live() == 0, "{stats:?}");
        let records = self.board.read();
        let accepted = records.jobs.iter().filter(|job| job.id.is_some()).count();
        assert_eq!(
            stats.accepted as usize,
            accepted + records.redriven,
            "{stats:?}"
        );
        assert_eq!(stats.cancelled as usize, records.cancelled, "{stats:?}");
    }

    /// Nobody holds anything: every slot can be had again, and the next jobs run.
    fn refill(&self) {
        let shape = &self.program.shape;
        for at in 0..shape.delayed_capacity {
            let payload = self.payload(Room::Later);
            let number = payload.number;
            let job = self.queue.job(payload).delay(DAY);
            let added = match self.exact {
                true => job.try_add().ok(),
                false => job.add().ok(),
            };
            let id = added.unwrap_or_else(|| panic!("delayed slot {at} was not given back"));
            self.board.added(number, id);
            self.cancel(id);
        }
        let payloads: Vec<Payload> = (0..shape.capacity)
            .map(|_| self.payload(Room::Now))
            .collect();
        for (at, payload) in payloads.into_iter().enumerate() {
            let number = payload.number;
            let added = match self.exact {
                true => self.queue.try_add(payload).ok(),
                false => self.queue.add(payload).ok(),
            };
            let id = added.unwrap_or_else(|| panic!("slot {at} was not given back"));
            self.board.added(number, id);
        }
        self.all_end("the next jobs run");
    }

    fn shut(&self) {
        self.board.write(|records| records.shut = true);
        self.runtime.shutdown(NO_TIME);
    }

    /// Everything ends, also what a shutdown found in the middle.
    fn end(&self, actors: Vec<thread::JoinHandle<()>>) {
        let board = &self.board;
        board.write(|records| records.relaxed = true);
        board.open();
        refuse_threads(false);
        self.shut();
        board.say(|| "every actor is told that the queue is closed".into());
        for actor in actors {
            actor.join().unwrap();
        }
        let lying = std::mem::take(&mut *self.leases.lock().unwrap());
        for lease in lying {
            self.settle(lease, Op::Complete, &mut None);
        }
        board.wait_until("every worker leaves", |records| {
            records.left == records.engaged
        });
        self.answers();
        let returned = self.queue.take_returned();
        let stats = self.queue.stats();
        assert!(stats.is_balanced() && stats.live() == 0, "{stats:?}");
        assert_eq!(stats.returned as usize, returned.len(), "{stats:?}");
        drop(returned);
        drop(self.queue.take_unsent());
        if let Some(dead) = &self.dead {
            drop(dead.take_returned());
        }
        let records = board.read();
        let left = records.jobs.iter().position(|job| job.dropped.is_none());
        assert_eq!(
            left, None,
            "the payload of this job is nowhere: {:?}",
            records.jobs
        );
    }

    /// Everybody who waits for a job is told its end, and the true one.
    fn answers(&self) {
        let handles = std::mem::take(&mut *self.handles.lock().unwrap());
        for (number, handle) in handles {
            self.board.say(|| format!("job {number} is answered"));
            let answer = handle.wait();
            let records = self.board.read();
            let true_to_it = match &answer {
                Ok(value) => *value == number,
                Err(JobError::Cancelled { .. }) => records.may_be_cancelled(number),
                Err(JobError::Returned | JobError::Interrupted) => records.shut,
                Err(JobError::Expired) => self.program.shape.mortal,
                Err(JobError::Failed(_)) => true,
                Err(_) => false,
            };
            assert!(true_to_it, "job {number} is answered {answer:?}");
        }
    }
}

pub fn helper(name: &str, body: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    let body = move || {
        play(Role::Judge);
        body();
    };
    thread.spawn(body).expect("a thread")
}
