//! Performs the actors' operations.

use guichet::internals::sync::refuse_threads;
use guichet::{
    AddError, AddManyError, AddTimeoutError, Failure, JobId, Lease, LeaseError, Redrive,
    TryAddError, TryAddManyError, WorkersError,
};

use super::board::{Doing, Payload, Role, Room, play};
use super::operation::Op;
use super::program::Step;
use super::stage::{DAY, HOUR, Held, NO_TIME, Stage};

impl Stage {
    /// An actor: its operations one after the other.
    pub fn act(&self, me: usize) {
        play(Role::Actor(me));
        let mut hand = None;
        for step in &self.program.actors[me] {
            self.board.trace(|| format!("{step:?}"));
            if step.op.waits() {
                // It must be settled for the wait to end, perhaps.
                self.leases.lock().unwrap().extend(hand.take());
            }
            self.perform(me, *step, &mut hand);
            self.board
                .write(|records| records.actors[me] = Doing::Something);
        }
        if let Some(lease) = hand {
            self.leases.lock().unwrap().push(lease);
        }
        self.board
            .write(|records| records.actors[me] = Doing::Nothing);
    }

    fn does(&self, me: usize, doing: Doing) {
        self.board.write(|records| records.actors[me] = doing);
    }

    fn perform(&self, me: usize, step: Step, hand: &mut Option<Held>) {
        let (queue, board) = (&self.queue, &self.board);
        match step.op {
            Op::Add | Op::Submit | Op::Produce | Op::AddNewest | Op::AddMortal => {
                self.does(me, Doing::Adds(Room::Now, 1));
                self.add(step.op);
            }
            Op::AddMany => {
                let payloads = self.payloads();
                let numbers: Vec<_> = payloads.iter().map(|payload| payload.number).collect();
                self.does(me, Doing::Adds(Room::Now, payloads.len()));
                match queue.add_many(payloads) {
                    Ok(ids) => numbers
                        .iter()
                        .zip(ids)
                        .for_each(|(n, id)| board.added(*n, id)),
                    Err(AddManyError::Closed(_)) => self.must_be_shut(),
                    Err(other) => panic!("{other}"),
                }
            }
            Op::TryAdd | Op::AddTimeout | Op::AddDelayed => self.try_add(step.op),
            Op::TryAddMany => {
                let began = board.read().now;
                let payloads = self.payloads();
                let numbers: Vec<_> = payloads.iter().map(|payload| payload.number).collect();
                match queue.try_add_many(payloads) {
                    Ok(ids) => numbers
                        .iter()
                        .zip(ids)
                        .for_each(|(n, id)| board.added(*n, id)),
                    Err(TryAddManyError::Full(back)) => self.full(Room::Now, began, back.len()),
                    Err(TryAddManyError::Closed(_)) => self.must_be_shut(),
                    Err(other) => panic!("{other}"),
                }
            }
            Op::Work => {}
            Op::Lease => {
                self.does(me, Doing::Leases);
                match queue.lease() {
                    Ok(lease) => self.keep(lease, hand),
                    Err(error) => self.no_lease(error),
                }
            }
            Op::LeaseMany => {
                self.does(me, Doing::Leases);
                match queue.lease_many(2) {
                    Ok(leases) => leases.into_iter().for_each(|lease| self.keep(lease, hand)),
                    Err(error) => self.no_lease(error),
                }
            }
            Op::Consume => {
                self.does(me, Doing::Leases);
                let consumer = queue.consumer().prefetch(1).build();
                match consumer.lease() {
                    Ok(lease) => self.keep(lease, hand),
                    Err(error) => self.no_lease(error),
                }
            }
            Op::TryLease => {
                let found = self.checked(me, || queue.try_lease());
                found.into_iter().for_each(|lease| self.keep(lease, hand));
            }
            Op::LeaseTimeout => {
                let found = self.checked(me, || match queue.lease_timeout(NO_TIME) {
                    Err(LeaseError::Closed) => {
                        self.must_be_shut();
                        None
                    }
                    found => found.ok(),
                });
                found.into_iter().for_each(|lease| self.keep(lease, hand));
            }
            Op::Complete | Op::Fail | Op::Requeue | Op::DropLease | Op::Bury | Op::Extend => {
                let lying = hand.take().or_else(|| self.leases.lock().unwrap().pop());
                let found = lying.or_else(|| {
                    let lease = self.checked(me, || queue.try_lease())?;
                    self.took(&lease);
                    Some(lease)
                });
                if let Some(lease) = found {
                    self.settle(lease, step.op, hand);
                }
            }
            Op::Cancel | Op::CancelBecause => {
                if let Some((_, id)) = self.target(step) {
                    self.cancel_for(id, step.op == Op::CancelBecause);
                }
            }
            Op::CancelAll => {
                board.write(|records| records.cancelled_all = true);
                let count = queue.cancel_all("all");
                board.write(|records| records.cancelled += count);
            }
            Op::SetPriority => self.set_priority(step),
            Op::Promote => {
                if let Some((_, id)) = self.target(step) {
                    self.changed(id, queue.promote(id));
                }
            }
            Op::Reschedule => {
                if let Some((_, id)) = self.target(step) {
                    let delay = [NO_TIME, HOUR, 3 * DAY][step.value as usize % 3];
                    self.changed(id, queue.reschedule(id, delay));
                }
            }
            Op::Due | Op::Expire | Op::TimeOut => self.turn(),
            Op::Pause => queue.pause(),
            Op::Resume => queue.resume(),
            Op::Hold => {
                board.write(|records| records.held = true);
                queue.hold(HOUR);
            }
            Op::Redrive => {
                if let Some(dead) = &self.dead {
                    board.write(|records| records.redriving = true);
                    let done = dead.redrive(queue, Redrive::all());
                    board.write(|records| records.redriven += done.jobs.len());
                }
            }
            Op::TakeUnsent => drop(queue.take_unsent()),
            Op::Subscribe => {
                let mut events = queue.subscribe();
                while events.try_next().is_ok() {}
            }
            Op::Shutdown => {
                board.write(|records| records.shut = true);
                self.runtime.shutdown(NO_TIME);
            }
            Op::Engage => match self.engage(1) {
                Ok(()) => {}
                Err(WorkersError::ShutDown) => self.must_be_shut(),
                Err(WorkersError::Spawn(_)) => assert!(self.program.has(Op::RefuseThreads)),
                Err(other) => panic!("{other}"),
            },
            Op::RefuseThreads => refuse_threads(true),
            Op::OpenGate => board.open(),
        }
    }

    fn add(&self, op: Op) {
        let payload = self.payload(Room::Now);
        let number = payload.number;
        let added = match op {
            Op::Submit => self.queue.submit(payload).map(|handle| {
                let id = handle.id();
                self.handles.lock().unwrap().push((number, handle));
                id
            }),
            Op::Produce => self.queue.producer().add(payload),
            Op::AddNewest => self.queue.job(payload).lifo().add(),
            Op::AddMortal => self.queue.job(payload).ttl(HOUR).add(),
            _ => self.queue.add(payload),
        };
        match added {
            Ok(id) => self.board.added(number, id),
            Err(AddError::Closed(_)) => self.must_be_shut(),
            Err(other) => panic!("{other}"),
        }
    }

    /// Adds without waiting; under a model, a wait with an end is none.
    fn try_add(&self, op: Op) {
        let room = match op {
            Op::AddDelayed => Room::Later,
            _ => Room::Now,
        };
        let began = self.board.read().now;
        let payload = self.payload(room);
        let number = payload.number;
        let added = match op {
            Op::AddTimeout => match self.queue.add_timeout(payload, NO_TIME) {
                Ok(id) => Ok(id),
                Err(AddTimeoutError::Timeout(payload)) => Err(TryAddError::Full {
                    payload,
                    waiting: 0,
                    active: 0,
                }),
                Err(AddTimeoutError::Closed(payload)) => Err(TryAddError::Closed(payload)),
                Err(other) => panic!("{other}"),
            },
            Op::AddDelayed => self.queue.job(payload).delay(HOUR).try_add(),
            _ => self.queue.try_add(payload),
        };
        match added {
            Ok(id) => self.board.added(number, id),
            Err(TryAddError::Full { .. }) => self.full(room, began, 1),
            Err(TryAddError::Closed(_)) => self.must_be_shut(),
            Err(other) => panic!("{other}"),
        }
    }

    fn payloads(&self) -> Vec<Payload> {
        let count = self.program.shape.capacity.min(2);
        (0..count).map(|_| self.payload(Room::Now)).collect()
    }

    pub fn took(&self, lease: &Held) {
        let number = lease.payload().number;
        self.board.trace(|| format!("job {number} is leased"));
        let (id, priority) = (lease.id(), lease.priority());
        self.board
            .write(|records| records.begin(number, id, priority));
    }

    fn keep(&self, lease: Held, hand: &mut Option<Held>) {
        self.took(&lease);
        if let Some(before) = hand.replace(lease) {
            self.leases.lock().unwrap().push(before);
        }
    }

    /// Settles a lease that was taken.
    pub fn settle(&self, mut lease: Held, op: Op, hand: &mut Option<Held>) {
        let number = lease.payload().number;
        if op == Op::Extend {
            lease.log("more");
            drop(lease.extend(HOUR));
            drop(lease.checkpoint());
            *hand = Some(lease);
            return;
        }
        // Before it is settled: another attempt may begin at once.
        self.board.write(|records| records.end(number));
        let answer = match op {
            Op::Fail => lease.fail(Failure::msg("no")),
            Op::Requeue => Lease::requeue(lease),
            Op::Bury => lease.dead_letter("no"),
            Op::DropLease => {
                drop(lease);
                Ok(())
            }
            _ => lease.complete(number),
        };
        if answer.is_err() {
            let records = self.board.read();
            let ended = records.may_be_cancelled(number) || records.shut;
            let timed = self.program.shape.timed.is_some();
            assert!(ended || timed, "job {number}: {answer:?}");
        }
    }

    fn no_lease(&self, error: LeaseError) {
        assert_eq!(error, LeaseError::Closed);
        self.must_be_shut();
    }

    fn must_be_shut(&self) {
        assert!(self.board.read().shut, "closed before shutdown");
    }

    /// A job that is known by now.
    fn target(&self, step: Step) -> Option<(usize, JobId)> {
        let records = self.board.read();
        let mut known = records.jobs.iter().enumerate();
        let known: Vec<_> = known
            .by_ref()
            .filter_map(|(n, job)| Some((n, job.id?)))
            .collect();
        known.get(step.target % known.len().max(1)).copied()
    }

    pub fn cancel(&self, id: JobId) -> bool {
        self.cancel_for(id, false)
    }

    /// With a reason or without.
    fn cancel_for(&self, id: JobId, reason: bool) -> bool {
        self.board.write(|records| {
            let mut jobs = records.jobs.iter_mut();
            let job = jobs.find(|job| job.id == Some(id));
            job.expect("a known job").may_be_cancelled = true;
        });
        let cancelled = match reason {
            true => self.queue.cancel_because(id, "no"),
            false => self.queue.cancel(id),
        };
        self.board.trace(|| format!("cancel {id}: {cancelled}"));
        self.board
            .write(|records| records.cancelled += usize::from(cancelled));
        cancelled
    }

    fn set_priority(&self, step: Step) {
        let Some((number, id)) = self.target(step) else {
            return;
        };
        let priority = 1 + (step.value - 1) % self.levels();
        self.board
            .write(|records| records.jobs[number].priorities.push(priority));
        let changed = self.queue.set_priority(id, priority);
        self.board
            .trace(|| format!("set_priority {id}: {changed:?}"));
        let alone = self.program.count(|op| op == Op::SetPriority) == 1;
        if changed.is_ok() && alone {
            self.board
                .write(|records| records.jobs[number].priority = Some(priority));
        }
        self.changed(id, changed);
    }
}
