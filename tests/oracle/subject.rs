//! One queue under test and what the program holds of it: every operation is done to it and to the reference.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use guichet::{
    ChangeError, Consumer, EventError, EventKind, JobHandle, Lease, LeaseError, Queue, Subscription,
};

use crate::program::{How, Op, Say};
use crate::reference::{DEAD, Reference};

/// What a queue's jobs carry.
pub trait Parcel: Send + Sync + 'static {
    /// It must be the payload of this job.
    fn inspect(&self, reference: &Reference, number: usize);
}

pub struct Subject<T: Parcel> {
    pub lane: usize,
    pub queue: Queue<T, u32>,
    /// With their numbers in the reference.
    pub leases: Vec<(usize, Lease<T, u32>)>,
    consumers: Vec<(u64, Consumer<T, u32>)>,
    /// As the reference's `heard`.
    pub subscriptions: Vec<Subscription>,
}

pub type Handles = Vec<Option<JobHandle<u32>>>;

impl<T: Parcel> Subject<T> {
    pub fn new(lane: usize, queue: Queue<T, u32>) -> Self {
        Subject {
            lane,
            queue,
            leases: Vec::new(),
            consumers: Vec::new(),
            subscriptions: Vec::new(),
        }
    }

    /// One operation that has nothing to do with the payloads' type.
    pub fn one(&mut self, reference: &mut Reference, handles: &mut Handles, op: Op) {
        let lane = self.lane;
        match op {
            Op::Lease { consumer, how } => self.lease(reference, consumer, how),
            Op::Settle(at, say) => self.settle(reference, at, say),
            Op::Log(at) => self.with_lease(at, |lease, held| {
                let line = reference.holds.len();
                held.log(line.to_string());
                reference.log(lease, line);
                reference.cover("log");
            }),
            Op::Progress(at) => self.with_lease(at, |lease, held| {
                let progress = reference.holds.len() as u32;
                held.set_progress(progress);
                reference.show(lease, progress);
                reference.cover("set_progress");
            }),
            Op::Extend(at, more) => self.with_lease(at, |lease, held| {
                let more = more + Duration::from_nanos(lease as u64);
                let answer = held.extend(more).map_err(|lost| lost.why().clone());
                assert_eq!(answer, reference.extend(lease, more), "extend");
                reference.cover(match answer {
                    Ok(()) => "extend",
                    Err(_) => "extend in vain",
                });
            }),
            Op::Look(at) => self.look(reference, at),
            Op::Enter { priority, prefetch } => {
                let builder = self.queue.consumer().priority(priority);
                let consumer = match prefetch {
                    Some(leases) => builder.prefetch(leases).build(),
                    None => builder.build(),
                };
                let most = prefetch.map_or(usize::MAX, |leases| leases.max(1));
                let member = reference.enter(lane, priority, most);
                self.consumers.push((member, consumer));
                reference.cover("consumer");
            }
            Op::Leave(at) if !self.consumers.is_empty() => {
                let (member, consumer) = self.consumers.remove(at % self.consumers.len());
                drop(consumer);
                reference.leave(lane, member);
                reference.cover("a consumer leaves");
            }
            Op::Cancel { job, because } => self.cancel(reference, handles, job, because),
            Op::CancelAll => {
                let cancelled = self.queue.cancel_all("all of them");
                assert_eq!(cancelled, reference.cancel_all(lane, "all of them"));
                reference.cover("cancel_all");
            }
            Op::SetPriority(at, priority) => {
                self.with_job(reference, at, |queue, reference, job| {
                    let answer = queue.set_priority(reference.jobs[job].id.unwrap(), priority);
                    if priority == 0 || priority > reference.lanes[lane].priorities() {
                        assert!(matches!(answer, Err(ChangeError::Invalid(_))), "{answer:?}");
                        reference.cover("set_priority invalid");
                        return;
                    }
                    let change = |reference: &mut Reference| reference.set_priority(job, priority);
                    changed(reference, job, "set_priority", answer, change);
                })
            }
            Op::Promote(at) => self.with_job(reference, at, |queue, reference, job| {
                let answer = queue.promote(reference.jobs[job].id.unwrap());
                let change = |reference: &mut Reference| reference.promote(job);
                changed(reference, job, "promote of a job", answer, change);
            }),
            Op::Reschedule(at, delay) => self.with_job(reference, at, |queue, reference, job| {
                let delay = delay + Duration::from_nanos(job as u64);
                let answer = queue.reschedule(reference.jobs[job].id.unwrap(), delay);
                let change = |reference: &mut Reference| reference.reschedule(job, delay);
                changed(reference, job, "reschedule of a job", answer, change);
            }),
            Op::Pause => {
                self.queue.pause();
                reference.lanes[lane].paused = true;
                reference.cover("pause");
            }
            Op::Resume => {
                self.queue.resume();
                reference.resume(lane);
                reference.cover("resume");
            }
            Op::Hold(pause) => {
                self.queue.hold(pause);
                reference.hold(lane, pause);
                reference.cover("hold");
            }
            Op::Listen => {
                self.subscriptions.push(self.queue.subscribe());
                reference.lanes[lane].heard.push(Vec::new());
                reference.cover("subscribe");
            }
            Op::Hear(at) if !self.subscriptions.is_empty() => {
                self.hear(reference, at % self.subscriptions.len());
            }
            Op::Deafen(at) if self.subscriptions.len() > self.permanent() => {
                let at = self.permanent() + at % (self.subscriptions.len() - self.permanent());
                drop(self.subscriptions.remove(at));
                reference.lanes[lane].heard.remove(at);
                reference.cover("a listener leaves");
            }
            Op::ForgetEnded => {
                self.queue.forget_ended();
                reference.forget_ended(lane);
                reference.cover("forget_ended");
            }
            _ => {}
        }
    }

    /// How many listeners stay: of dead letters one, which tells their names.
    fn permanent(&self) -> usize {
        usize::from(self.lane == DEAD)
    }

    fn with_lease(&mut self, at: usize, mut action: impl FnMut(usize, &mut Lease<T, u32>)) {
        if !self.leases.is_empty() {
            let at = at % self.leases.len();
            let (number, lease) = &mut self.leases[at];
            action(*number, lease);
        }
    }

    /// Does something to one of the queue's jobs that are known by name, most often a live one.
    fn with_job(
        &mut self,
        reference: &mut Reference,
        at: usize,
        mut action: impl FnMut(&Queue<T, u32>, &mut Reference, usize),
    ) {
        // Now and then a job of the other queue.
        let own = |job: &usize| at % 16 == 15 || reference.jobs[*job].lane == self.lane;
        let named = |job: &usize| reference.jobs[*job].id.is_some();
        let known: Vec<usize> = (0..reference.jobs.len())
            .filter(own)
            .filter(named)
            .collect();
        let live = |job: &usize| !reference.jobs[*job].state.is_terminal();
        let living: Vec<usize> = known.iter().copied().filter(live).collect();
        let among = match at.is_multiple_of(4) || living.is_empty() {
            true => known,
            false => living,
        };
        if !among.is_empty() {
            let job = among[at % among.len()];
            if reference.jobs[job].lane == self.lane {
                return action(&self.queue, reference, job);
            }
            let id = reference.jobs[job].id.unwrap();
            assert_eq!(self.queue.promote(id), Err(ChangeError::Gone));
            assert!(!self.queue.cancel(id) && self.queue.state(id).is_none());
            assert!(self.queue.job_info(id).is_err());
            reference.cover("a job of another queue");
        }
    }

    // ------------------------------------------------------------------------------------- leases --

    fn lease(&mut self, reference: &mut Reference, consumer: Option<usize>, how: How) {
        let consumer = consumer.filter(|_| !self.consumers.is_empty());
        let consumer = consumer.map(|at| &self.consumers[at % self.consumers.len()]);
        let member = consumer.map(|(member, _)| *member);
        let consumer = consumer.map(|(_, consumer)| consumer);
        let queue = &self.queue;
        let there_is_one = reference.has_lease(self.lane, member);
        let how = match how {
            // They would wait for ever.
            How::Wait | How::Many(1..) if !there_is_one => How::Timeout,
            // Leases that begin at the same instant have the same deadline, and nobody says who comes first.
            How::Many(2..) if reference.lanes[self.lane].setup.timeout.is_some() => How::Many(1),
            how => how,
        };
        let (leases, most) = match how {
            How::Try => {
                let lease = consumer.map_or_else(|| queue.try_lease(), |one| one.try_lease());
                (Vec::from_iter(lease), 1)
            }
            How::Wait => {
                let lease = consumer.map_or_else(|| queue.lease(), |one| one.lease());
                (vec![lease.expect("there is one")], 1)
            }
            How::Timeout => {
                let none = Duration::ZERO;
                let lease = match consumer {
                    Some(consumer) => consumer.lease_timeout(none),
                    None => queue.lease_timeout(none),
                };
                let stopped = reference.lanes[self.lane].stopped;
                match (&lease, stopped) {
                    (Err(LeaseError::Closed), true) | (Err(LeaseError::Timeout), false) => {}
                    (Err(error), _) => panic!("no lease: {error}"),
                    (Ok(_), _) => {}
                }
                (Vec::from_iter(lease.ok()), 1)
            }
            How::Many(most) => {
                let leases = match consumer {
                    Some(consumer) => consumer.lease_many(most),
                    None => queue.lease_many(most),
                };
                (leases.expect("there is one"), most)
            }
        };
        reference.cover(match (how, consumer.is_some()) {
            (How::Try, false) => "try_lease",
            (How::Wait, false) => "lease",
            (How::Timeout, false) => "lease_timeout",
            (How::Many(_), false) => "lease_many",
            (How::Try, true) => "try_lease by a consumer",
            (How::Wait, true) => "lease by a consumer",
            (How::Timeout, true) => "lease_timeout by a consumer",
            (How::Many(_), true) => "lease_many by a consumer",
        });
        let mut expected = Vec::new();
        while expected.len() < most
            && let Some(lease) = reference.lease(self.lane, member)
        {
            expected.push(lease);
        }
        let jobs = |reference: &Reference, number: &usize| {
            let job = &reference.jobs[reference.holds[*number].unwrap().job];
            job.id.unwrap()
        };
        let expected_jobs: Vec<_> = expected.iter().map(|one| jobs(reference, one)).collect();
        let seen: Vec<_> = leases.iter().map(Lease::id).collect();
        assert_eq!(seen, expected_jobs, "which jobs are leased");
        for (number, lease) in expected.into_iter().zip(leases) {
            self.check_lease(reference, number, &lease);
            self.leases.push((number, lease));
        }
    }

    /// Everything that a lease says of a job that is its holder's.
    fn check_lease(&self, reference: &Reference, number: usize, lease: &Lease<T, u32>) {
        let hold = reference.holds[number].unwrap();
        let job = &reference.jobs[hold.job];
        lease.payload().inspect(reference, hold.job);
        assert_eq!(lease.id(), job.id.unwrap());
        assert_eq!(lease.attempt(), hold.attempt, "attempt of job {}", hold.job);
        let left = hold
            .deadline
            .map(|deadline| Duration::from_nanos(deadline.saturating_sub(reference.now)));
        assert_eq!(lease.time_left(), left, "the time left to job {}", hold.job);
        if hold.valid {
            let seen = (
                lease.priority(),
                lease.is_last_attempt(),
                lease.is_redelivered(),
            );
            let last = hold.attempt >= job.attempts;
            let expected = (job.priority, last, job.redelivered > 0);
            assert_eq!(seen, expected, "of job {}", hold.job);
        }
    }

    fn look(&mut self, reference: &mut Reference, at: usize) {
        if self.leases.is_empty() {
            return;
        }
        let (number, lease) = &self.leases[at % self.leases.len()];
        self.check_lease(reference, *number, lease);
        let answer = lease.checkpoint();
        assert_eq!(answer, reference.checkpoint(*number), "checkpoint");
        reference.cover(match answer {
            Ok(()) => "checkpoint",
            Err(_) => "checkpoint: revoked",
        });
    }

    fn settle(&mut self, reference: &mut Reference, at: usize, say: Say) {
        if self.leases.is_empty() {
            return;
        }
        let (number, lease) = self.leases.remove(at % self.leases.len());
        let result = number as u32;
        let hold = reference.holds[number].unwrap();
        lease.payload().inspect(reference, hold.job);
        let answer = match say {
            Say::Complete => lease.complete(result),
            Say::Fail(fail) => lease.fail(fail.failure()),
            Say::Requeue => lease.requeue(),
            Say::DeadLetter => lease.dead_letter("rejected"),
            Say::Drop => {
                drop(lease);
                reference.settle(number, say, result).ok();
                return;
            }
            Say::Panic => {
                let panics = AssertUnwindSafe(|| {
                    let _lease = lease;
                    resume_unwind(Box::new("told to panic"))
                });
                catch_unwind(panics).expect_err("it was told to");
                reference.settle(number, say, result).ok();
                return;
            }
        };
        let answer = answer.map_err(|lost| lost.why().clone());
        let expected = reference.settle(number, say, result);
        assert_eq!(answer, expected, "{say:?} of job {}", hold.job);
    }

    // ----------------------------------------------------------------------------------- one job --

    fn cancel(
        &mut self,
        reference: &mut Reference,
        handles: &mut Handles,
        at: usize,
        because: bool,
    ) {
        self.with_job(reference, at, |queue, reference, job| {
            let id = reference.jobs[job].id.unwrap();
            let expected = reference.is_tenant(job);
            let reason = because.then_some("not wanted");
            let expected = expected && reference.cancel(job, reason);
            let handle = handles.get(job).and_then(Option::as_ref);
            let (answer, what) = match (handle, reason) {
                (None, None) => (queue.cancel(id), "cancel by name"),
                (None, Some(why)) => (queue.cancel_because(id, why), "cancel_because"),
                (Some(handle), None) => (handle.cancel(), "cancel by handle"),
                (Some(handle), Some(why)) => {
                    (handle.cancel_because(why), "cancel_because by handle")
                }
            };
            assert_eq!(answer, expected, "{what} of job {job}");
            reference.cover(what);
        });
    }

    // ------------------------------------------------------------------------------------- events --

    /// A listener hears all that it has not heard.
    pub fn hear(&mut self, reference: &mut Reference, at: usize) {
        let mut expected = std::mem::take(&mut reference.lanes[self.lane].heard[at]);
        let lane = &reference.lanes[self.lane];
        let (capacity, over) = (lane.setup.event_capacity, lane.stopped);
        let subscription = &mut self.subscriptions[at];
        let mut heard = Vec::new();
        loop {
            // All ways to ask, in turn; without an end only where there is one.
            let next = match heard.len() % 3 {
                0 => subscription.try_next(),
                1 => subscription.next_timeout(Duration::ZERO),
                _ if over => subscription.next().unwrap_or(Err(EventError::Closed)),
                _ => subscription.try_next(),
            };
            match next {
                Ok(event) => heard.push(event),
                Err(EventError::Lagged(missed)) => {
                    assert!(
                        heard.is_empty() && expected.len() > capacity,
                        "{missed} of {} events were missed with room for {capacity}",
                        expected.len()
                    );
                    expected.drain(..missed as usize);
                    reference.cover("a listener lags");
                }
                Err(EventError::Empty | EventError::Closed) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(heard.len(), expected.len(), "{heard:?}, not {expected:?}");
        for (event, told) in heard.iter().zip(&expected) {
            // Nobody says what a letter's name is but its first event.
            if reference.jobs[told.job].id.is_none() && told.step == 1 {
                reference.name(told.job, event.job);
            }
            let job = &reference.jobs[told.job];
            let seen = (event.job, event.sequence, event.kind, event.attempt);
            let (sequence, id) = (job.base + told.step, job.id.unwrap());
            assert_eq!(seen, (id, sequence, told.kind, told.attempt), "{told:?}");
            assert_eq!(event.failure, told.failure, "{told:?}");
            let ended = event.kind.is_end();
            assert!(!ended || job.state.is_terminal(), "{told:?}");
            let step = event.kind != EventKind::LetterKept;
            assert_eq!(event.kind.is_step(), step, "{told:?}");
        }
        reference.cover("events");
    }
}

/// A change of a job was asked for: the answer must be the reference's.
fn changed(
    reference: &mut Reference,
    job: usize,
    what: &str,
    answer: Result<(), ChangeError>,
    change: impl FnOnce(&mut Reference) -> Result<(), ChangeError>,
) {
    let expected = match reference.is_tenant(job) {
        true => change(reference),
        false => Err(ChangeError::Gone),
    };
    assert_eq!(answer, expected, "{what} of job {job}");
    reference.cover(&match expected {
        Ok(()) => what.to_owned(),
        Err(ChangeError::Gone) => format!("{what}: gone"),
        Err(_) => format!("{what}: wrong state"),
    });
}
