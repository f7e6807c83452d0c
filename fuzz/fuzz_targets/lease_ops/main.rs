//! Programs of leases on a clock that stands still, against a naive model: every answer a lease can be given, leases that
//! are lost to a cancellation, their time or a shutdown, dead letters with and without room, letters that are tried anew,
//! pauses, and the records that are left.
//!
//! There are no threads, so a program has one right answer: after each step all counts, states, records, outcomes and
//! every payload's life are compared.
//!
//! ```text
//! cargo +nightly fuzz run lease_ops -- -max_total_time=60
//! ```

#![no_main]

mod model;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arbitrary::Arbitrary;
use guichet::{
    Backoff, Consumer, DeadLetter, Failure, JobError, JobHandle, JobState, Lease, LeaseLost,
    ManualClock, Queue, Redrive, Revoked, Runtime,
};
use libfuzzer_sys::fuzz_target;

use model::{Answer, LOG_LINES, Model, Terms, millis};

#[derive(Arbitrary, Debug)]
struct Program {
    capacity: u8,
    letters: Option<u8>,
    attempts: u8,
    pause: u8,
    timeout: u8,
    delivery_limit: u8,
    keep_completed: u8,
    keep_failed: u8,
    prefetch: u8,
    /// Whether shutdown finds leases out.
    abrupt: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    TryAdd,
    Submit,
    Lease,
    /// By a consumer that may have only so many.
    Consume,
    Settle(u8, Answer),
    Extend(u8, u8),
    Log(u8),
    Cancel(u8),
    CancelBecause(u8),
    CancelAll,
    Pause,
    Hold(u8),
    Resume,
    /// Milliseconds.
    Advance(u8),
    TakeLetter,
    TakeUnsent,
    Redrive {
        limit: u8,
        odd: bool,
    },
    ForgetEnded,
}

/// A number that reports its own drop.
#[derive(Debug)]
struct Payload {
    number: usize,
    alive: Arc<Mutex<Vec<bool>>>,
}

impl Drop for Payload {
    fn drop(&mut self) {
        let mut alive = self.alive.lock().expect("no check fails under the lock");
        let before = std::mem::replace(&mut alive[self.number], false);
        drop(alive);
        assert!(before, "payload {} was dropped twice", self.number);
    }
}

/// A job's number, and a share in the count of results.
type Value = (usize, Arc<()>);

struct Held {
    number: usize,
    lease: Lease<Payload, Value>,
    /// Counts against the consumer.
    seated: bool,
}

/// The queues and the model, side by side.
struct Pair {
    runtime: Runtime,
    queue: Queue<Payload, Value>,
    dead: Option<Queue<DeadLetter<Payload>, ()>>,
    consumer: Consumer<Payload, Value>,
    model: Model,
    leases: Vec<Held>,
    /// By job; a job that was added anew has none.
    handles: Vec<Option<JobHandle<Value>>>,
    alive: Arc<Mutex<Vec<bool>>>,
    shares: Arc<()>,
}

impl Pair {
    fn new(program: &Program) -> Self {
        let terms = Terms {
            capacity: usize::from(program.capacity) % 6 + 1,
            letters: program.letters.map(|letters| usize::from(letters) % 4 + 1),
            attempts: u32::from(program.attempts) % 3 + 1,
            pause: millis(program.pause % 4),
            timeout: millis(program.timeout % 6),
            delivery_limit: u32::from(program.delivery_limit) % 3,
            keep_completed: usize::from(program.keep_completed) % 4,
            keep_failed: usize::from(program.keep_failed) % 4,
            prefetch: usize::from(program.prefetch) % 3 + 1,
        };
        let runtime = Runtime::builder().clock(ManualClock::new());
        let runtime = runtime.build().expect("a runtime can be made");
        let dead = terms.letters.map(|capacity| {
            let dead = runtime.queue("dead").capacity(capacity).build();
            dead.expect("the options are valid")
        });
        let mut queue = runtime
            .queue("fuzzed")
            .capacity(terms.capacity)
            .attempts(terms.attempts)
            .backoff(Backoff::fixed(Duration::from_nanos(terms.pause)))
            .delivery_limit(terms.delivery_limit)
            .keep_completed(terms.keep_completed)
            .keep_failed(terms.keep_failed)
            .log_lines(LOG_LINES as usize);
        if let Some(dead) = &dead {
            queue = queue.dead_letters(dead);
        }
        if terms.timeout > 0 {
            queue = queue.timeout(Duration::from_nanos(terms.timeout));
        }
        let queue = queue.build().expect("the options are valid");
        Pair {
            runtime,
            consumer: queue.consumer().prefetch(terms.prefetch).build(),
            queue,
            dead,
            model: Model::new(terms),
            leases: Vec::new(),
            handles: Vec::new(),
            alive: Arc::default(),
            shares: Arc::new(()),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::TryAdd => self.try_add(),
            Step::Submit if self.model.has_room() => self.submit(),
            // It would wait for ever.
            Step::Submit => {}
            Step::Lease => {
                let lease = self.queue.try_lease();
                self.leased(lease, false);
            }
            Step::Consume => self.consume(),
            Step::Settle(at, answer) => self.settle(at, answer),
            Step::Extend(at, more) => self.extend(at, more),
            Step::Log(at) => {
                if let Some(held) = pick(&mut self.leases, at) {
                    held.lease.log("so far, so good");
                    self.model.log(held.number);
                }
            }
            Step::Cancel(back) => self.cancel(back, None),
            Step::CancelBecause(back) => self.cancel(back, Some("the day is over")),
            Step::CancelAll => {
                let live = self.model.live();
                assert_eq!(self.queue.cancel_all("all must go"), live.len());
                for number in live {
                    self.model.cancel(number, Some("all must go"));
                }
            }
            Step::Pause => {
                self.queue.pause();
                self.model.paused = true;
            }
            Step::Hold(pause) => {
                self.queue.hold(Duration::from_nanos(millis(pause)));
                self.model.hold(millis(pause));
            }
            Step::Resume => {
                self.queue.resume();
                self.model.resume();
            }
            Step::Advance(by) => self.advance(millis(by)),
            Step::TakeLetter => self.take_letter(),
            Step::TakeUnsent => {
                let letters = self.queue.take_unsent();
                let numbers = self.model.take_unsent();
                self.check_letters(&letters, &numbers);
                numbers
                    .iter()
                    .for_each(|number| self.payload_dropped(*number));
            }
            Step::Redrive { limit, odd } => self.redrive(usize::from(limit % 8), odd),
            Step::ForgetEnded => {
                self.queue.forget_ended();
                self.model.completed.clear();
                self.model.failed.clear();
            }
        }
        self.model.send_letters();
        self.advance(1);
        self.check();
    }

    fn advance(&mut self, by: u64) {
        self.runtime.advance(Duration::from_nanos(by));
        self.model.advance(by);
    }

    // -------------------------------------------------------------------------------- into the queue --

    fn payload(&mut self) -> Payload {
        let number = self.model.alive.len();
        self.model.alive.push(true);
        self.alive
            .lock()
            .expect("no check fails under the lock")
            .push(true);
        Payload {
            number,
            alive: self.alive.clone(),
        }
    }

    fn try_add(&mut self) {
        let payload = self.payload();
        let number = payload.number;
        match self.queue.try_add(payload) {
            Ok(id) => {
                assert!(self.model.has_room(), "accepted: {:?}", self.model);
                self.model.admit(id, number);
                self.handles.push(None);
            }
            Err(refused) => {
                assert!(
                    !self.model.has_room(),
                    "refused: {refused:?}, {:?}",
                    self.model
                );
                assert_eq!(refused.into_payload().number, number);
                self.model.alive[number] = false;
            }
        }
    }

    fn submit(&mut self) {
        let payload = self.payload();
        let number = payload.number;
        let handle = self.queue.submit(payload).expect("there is room");
        self.model.admit(handle.id(), number);
        self.handles.push(Some(handle));
    }

    // -------------------------------------------------------------------------------------- leases --

    fn consume(&mut self) {
        let lease = self.consumer.try_lease();
        let seats = self.leases.iter().filter(|held| held.seated).count();
        if seats < self.model.terms.prefetch {
            self.leased(lease, true);
        } else {
            assert!(lease.is_none(), "more leases than the consumer may have");
        }
    }

    fn leased(&mut self, lease: Option<Lease<Payload, Value>>, seated: bool) {
        let expected = self.model.lease();
        let Some(lease) = lease else {
            return assert_eq!(expected, None, "{:?}", self.model);
        };
        let number = expected.unwrap_or_else(|| panic!("leased: {lease:?}, {:?}", self.model));
        let job = &self.model.jobs[number];
        assert_eq!((lease.id(), lease.payload().number), (job.id, job.payload));
        let last = job.attempts >= self.model.terms.attempts;
        assert_eq!(
            (lease.attempt(), lease.is_last_attempt()),
            (job.attempts, last)
        );
        assert_eq!(lease.is_redelivered(), job.redelivered > 0);
        self.leases.push(Held {
            number,
            lease,
            seated,
        });
    }

    fn settle(&mut self, at: u8, answer: Answer) {
        if self.leases.is_empty() {
            return;
        }
        let Held { number, lease, .. } =
            self.leases.swap_remove(usize::from(at) % self.leases.len());
        let answered = self.answer(number, lease, answer);
        let expected = self.model.settle(number, answer);
        if let Some(answered) = answered {
            let answered = answered.map_err(|lost| lost.why().clone());
            assert_eq!(
                answered, expected,
                "{answer:?}, {:?}",
                self.model.jobs[number]
            );
        }
    }

    /// What the lease says to the answer, unless it is dropped.
    fn answer(
        &self,
        number: usize,
        lease: Lease<Payload, Value>,
        answer: Answer,
    ) -> Option<Result<(), LeaseLost>> {
        let pause = |count| Duration::from_nanos(millis(count));
        Some(match answer {
            Answer::Complete => lease.complete((number, self.shares.clone())),
            Answer::Fail => lease.fail(Failure::msg("no")),
            Answer::FailAfter(count) => lease.fail(Failure::msg("not yet").after(pause(count))),
            Answer::Discard => lease.fail(Failure::discard("never")),
            Answer::Snooze(count) => lease.fail(Failure::snooze(pause(count))),
            Answer::Requeue => lease.requeue(),
            Answer::FailRequeue => lease.fail(Failure::requeue()),
            Answer::RateLimit(count) => lease.fail(Failure::rate_limited(pause(count))),
            Answer::Reject => lease.dead_letter("no use"),
            Answer::Drop => {
                drop(lease);
                return None;
            }
            Answer::Unwind => {
                let unwound = catch_unwind(AssertUnwindSafe(|| {
                    let _lease = lease;
                    resume_unwind(Box::new("the holder gives up"));
                }));
                assert!(unwound.is_err());
                return None;
            }
        })
    }

    fn extend(&mut self, at: u8, more: u8) {
        let Some(held) = pick(&mut self.leases, at) else {
            return;
        };
        let extended = held.lease.extend(Duration::from_nanos(millis(more)));
        let extended = extended.map_err(|lost| lost.why().clone());
        let lost = self.model.lost(held.number);
        assert_eq!(extended, lost.map_or(Ok(()), Err));
        if extended.is_ok() {
            self.model.jobs[held.number].deadline = Some(self.model.now + millis(more));
        }
    }

    fn cancel(&mut self, back: u8, reason: Option<&str>) {
        let jobs = self.model.jobs.len();
        if jobs == 0 {
            return;
        }
        // Among the latest, so that it often lives, or has lost its slot to one that does.
        let number = jobs - 1 - usize::from(back) % jobs.min(16);
        let id = self.model.jobs[number].id;
        let cancelled = match reason {
            None => self.queue.cancel(id),
            Some(reason) => self.queue.cancel_because(id, reason),
        };
        assert_eq!(
            cancelled,
            self.model.cancel(number, reason),
            "{id}, {:?}",
            self.model
        );
    }

    // ------------------------------------------------------------------------------------- letters --

    fn take_letter(&mut self) {
        let Some(dead) = &self.dead else { return };
        let lease = dead.try_lease();
        let number = self.model.take_letter();
        let letters: Vec<_> = lease.iter().map(|lease| lease.payload()).collect();
        self.check_letters(letters, number.as_slice());
        if let Some(lease) = lease {
            lease.complete(()).expect("nobody else decides it");
        }
    }

    fn check_letters<'a>(
        &self,
        letters: impl IntoIterator<Item = &'a DeadLetter<Payload>>,
        numbers: &[usize],
    ) {
        let letters: Vec<_> = letters.into_iter().collect();
        assert_eq!(
            letters.len(),
            numbers.len(),
            "{letters:?}, {:?}",
            self.model
        );
        for (letter, number) in letters.into_iter().zip(numbers) {
            let job = &self.model.jobs[*number];
            let payload = letter.payload.as_ref().map(|payload| payload.number);
            assert_eq!((letter.source, payload), (job.id, Some(job.payload)));
            assert_eq!(
                (Some(letter.reason), letter.attempts),
                (job.reason, job.attempts)
            );
            assert_eq!(letter.history.len() as u64, job.failures.min(32));
            assert_eq!(letter.queue, "fuzzed");
        }
    }

    fn redrive(&mut self, limit: usize, odd: bool) {
        let Some(dead) = &self.dead else { return };
        let chosen = |payload: usize| !odd || payload % 2 == 1;
        let of_letter = |letter: &DeadLetter<Payload>| {
            letter
                .payload
                .as_ref()
                .is_some_and(|payload| chosen(payload.number))
        };
        let done = dead.redrive(&self.queue, Redrive::all().filter(of_letter).limit(limit));
        let expected = self.model.redrive(limit, chosen, &done.jobs);
        assert_eq!((done.skipped, done.stopped), expected, "{:?}", self.model);
        self.handles.resize_with(self.model.jobs.len(), || None);
    }

    fn payload_dropped(&mut self, number: usize) {
        let payload = self.model.jobs[number].payload;
        self.model.alive[payload] = false;
    }

    // -------------------------------------------------------------------------------------- checks --

    /// What holds between any two steps.
    fn check(&mut self) {
        let stats = self.queue.stats();
        assert_eq!(stats, self.model.stats(), "{:?}", self.model);
        assert!(stats.is_balanced(), "{stats:?}");
        assert_eq!(self.queue.is_paused(), self.model.paused);
        for number in 0..self.model.jobs.len() {
            self.check_job(number);
        }
        let alive = self
            .alive
            .lock()
            .expect("no check fails under the lock")
            .clone();
        assert_eq!(alive, self.model.alive, "{:?}", self.model);
        for held in &self.leases {
            let lost = self.model.lost(held.number);
            assert_eq!(
                held.lease.checkpoint().err(),
                lost,
                "{:?}",
                self.model.jobs[held.number]
            );
            let deadline = self.model.jobs[held.number].deadline;
            if let (None, Some(deadline)) = (lost, deadline) {
                let left = Duration::from_nanos(deadline.saturating_sub(self.model.now));
                assert_eq!(held.lease.time_left(), Some(left));
            }
        }
        if let Some(dead) = &self.dead {
            let stats = dead.stats();
            let letters = (self.model.letters.len() as u64, self.model.letters_done);
            assert_eq!(
                (stats.waiting, stats.completed),
                letters,
                "{:?}",
                self.model
            );
            assert!(stats.is_balanced(), "{stats:?}");
        }
        let (completed, failed) = (&self.model.completed, &self.model.failed);
        for state in [JobState::Completed, JobState::Dead, JobState::Cancelled] {
            let shelf = if state == JobState::Completed {
                completed
            } else {
                failed
            };
            let records = shelf.iter().rev().map(|number| &self.model.jobs[*number]);
            let expected = records.filter(|job| job.state == state).map(|job| job.id);
            let expected: Vec<_> = expected.collect();
            let kept = self.queue.jobs(state, 0, usize::MAX);
            assert!(
                kept.iter().map(|info| info.id).eq(expected.iter().copied()),
                "{kept:?}"
            );
            assert_eq!(self.queue.kept(state), expected.len());
        }
    }

    fn check_job(&mut self, number: usize) {
        let job = &self.model.jobs[number];
        assert_eq!(
            self.queue.state(job.id),
            self.model.state(number),
            "{job:?}"
        );
        let info = self.queue.job_info(job.id);
        assert_eq!(info.is_ok(), self.model.state(number).is_some(), "{job:?}");
        if let Ok(info) = info {
            assert_eq!((info.id, info.state), (job.id, job.state));
            // Of one that has ended, the record has it.
            if !job.state.is_terminal() || self.model.has_record(number) {
                let told = (info.attempts, info.redelivered, info.failures);
                assert_eq!(
                    told,
                    (job.attempts, job.redelivered, job.failures),
                    "{job:?}"
                );
                let logs = job.logs.min(LOG_LINES);
                let told = (info.log.len() as u64, info.log_dropped);
                assert_eq!(told, (logs, job.logs - logs), "{job:?}");
                assert_eq!(info.reason, job.reason, "{job:?}");
                assert_eq!(info.cancel_reason, job.cancel_reason, "{job:?}");
            }
        }
        let Some(handle) = self.handles[number].take() else {
            return;
        };
        assert_eq!(handle.is_finished(), job.state.is_terminal(), "{job:?}");
        if !job.state.is_terminal() {
            self.handles[number] = Some(handle);
            return;
        }
        match (job.state, handle.wait()) {
            (JobState::Completed, Ok(value)) => assert_eq!(value.0, number),
            (JobState::Dead, Err(JobError::Failed(_)))
            | (JobState::Interrupted, Err(JobError::Interrupted))
            | (JobState::Returned, Err(JobError::Returned)) => {}
            (JobState::Cancelled, Err(JobError::Cancelled { reason })) => {
                assert_eq!(reason, job.cancel_reason);
            }
            (_, outcome) => panic!("{job:?}, and its waiter hears {outcome:?}"),
        }
    }

    // ----------------------------------------------------------------------------------------- end --

    /// All ends, and everything is accounted for.
    fn finish(mut self, abrupt: bool) {
        if !abrupt {
            while !self.leases.is_empty() {
                self.step(&Step::Settle(0, Answer::Drop));
            }
        }
        let in_time = self.leases.is_empty();
        assert_eq!(self.runtime.shutdown(Duration::ZERO).in_time, in_time);
        self.model.stop();
        self.stopped();
        while let Some(Held { number, lease, .. }) = self.leases.pop() {
            assert_eq!(lease.checkpoint().err(), self.model.lost(number));
            drop(lease);
            let settled = self.model.settle(number, Answer::Drop);
            assert_ne!(settled, Ok(()));
            assert!(!matches!(settled, Err(Revoked::ShuttingDown)) || abrupt);
        }
        assert!(self.runtime.shutdown(Duration::ZERO).in_time);
        self.stopped();
        self.check_returned();
        let alive = self
            .alive
            .lock()
            .expect("no check fails under the lock")
            .clone();
        assert_eq!(
            alive,
            vec![false; alive.len()],
            "payloads outlive their ends"
        );
        let Pair {
            runtime,
            queue,
            dead,
            consumer,
            handles,
            shares,
            ..
        } = self;
        drop((runtime, queue, dead, consumer, handles));
        assert_eq!(Arc::strong_count(&shares), 1, "every result was dropped");
    }

    /// Letters move while the queues stop, which the counts of the living do not show.
    fn stopped(&mut self) {
        let (mut seen, mut expected) = (self.queue.stats(), self.model.stats());
        (seen.unsent, expected.unsent) = (0, 0);
        assert_eq!(seen, expected, "{:?}", self.model);
        assert_eq!(seen.live(), 0);
        for number in 0..self.model.jobs.len() {
            self.check_job(number);
        }
    }

    /// What was given back, and every letter, wherever it is.
    fn check_returned(&mut self) {
        let mut returned = self.queue.take_returned();
        returned.sort_by_key(|(_, payload)| payload.number);
        let jobs = self
            .model
            .returned
            .iter()
            .map(|number| &self.model.jobs[*number]);
        let mut expected: Vec<_> = jobs.map(|job| (job.id, job.payload)).collect();
        expected.sort_by_key(|(_, payload)| *payload);
        let seen = returned.iter().map(|(id, payload)| (*id, payload.number));
        assert!(seen.eq(expected), "{returned:?}, {:?}", self.model);
        let dead = self.dead.iter().flat_map(|dead| dead.take_returned());
        let mut letters: Vec<_> = dead.map(|(_, letter)| letter).collect();
        letters.extend(self.queue.take_unsent());
        letters.sort_by_key(|letter| letter.payload.as_ref().map(|payload| payload.number));
        let numbers = self.model.letters.iter().chain(&self.model.unsent);
        let mut numbers: Vec<_> = numbers.copied().collect();
        numbers.sort_by_key(|number| self.model.jobs[*number].payload);
        self.check_letters(&letters, &numbers);
    }
}

fn pick(leases: &mut [Held], at: u8) -> Option<&mut Held> {
    let count = leases.len().max(1);
    leases.get_mut(usize::from(at) % count)
}

fuzz_target!(|program: Program| {
    let mut pair = Pair::new(&program);
    program.steps.iter().for_each(|step| pair.step(step));
    pair.finish(program.abrupt);
});
