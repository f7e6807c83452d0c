//! Programs of queue operations against a naive model: every count, every state, every result, every
//! payload given back, and the order of starts and of payload destructors.
//!
//! A queue of 1 to 12 places has no worker or one, which stops inside its handler until the program
//! says how that ends; so a program has one right answer. Nothing may be lost or happen twice: each
//! payload reports its own drop, each result carries a share of one `Arc`. Races are the business of
//! the models in `tests/loom`.
//!
//! ```text
//! cargo +nightly fuzz run queue_ops -- -max_total_time=60 -timeout=30
//! ```

#![no_main]

mod adding;
mod handler;
mod model;

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use guichet::{JobError, JobHandle, JobId, Producer, Queue, Runtime, WorkersError};
use libfuzzer_sys::fuzz_target;

use handler::{Answer, Payload, Verdict};
use model::{End, Event, Model, Outcome, Refusal, Worker};

/// More jobs than a program can add.
const KEPT: usize = 100_000;
/// Longer than anything takes: who is not there by then is lost.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Arbitrary, Debug)]
struct Program {
    capacity: u8,
    attempts: u8,
    prefetch: u8,
    sample_all: bool,
    /// Whether handlers take their payloads by value; then there is but one attempt.
    owned: bool,
    /// Whether the shutdown at the end lets the jobs run.
    graceful: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    TryAdd,
    Add,
    Submit,
    Call,
    TryAddMany(u8),
    AddMany(u8),
    Produce(u8),
    StartWorker,
    Release(End),
    /// The handler first adds a job to its own queue.
    ReleaseAdding(End),
    Cancel(u8),
    CancelStranger,
    Redeem(u8),
    Detach(u8),
    Shutdown {
        graceful: bool,
    },
    TakeReturned,
}

/// The queue and the model, side by side.
struct Pair {
    runtime: Runtime,
    queue: Queue<Payload, Answer>,
    producer: Producer<Payload, Answer>,
    model: Model,
    handles: Vec<(usize, JobHandle<Answer>)>,
    shares: Arc<()>,
    reports: Sender<Event>,
    events: Receiver<Event>,
    /// Dropped to let every handler succeed from then on.
    verdicts: Option<Sender<Verdict>>,
    told: Option<Receiver<Verdict>>,
    prefetch: usize,
    sample_all: bool,
}

impl Pair {
    fn new(program: &Program) -> Self {
        let capacity = usize::from(program.capacity) % 12 + 1;
        let attempts = if program.owned {
            1
        } else {
            u32::from(program.attempts) % 3 + 1
        };
        let prefetch = usize::from(program.prefetch) % 32 + 1;
        let runtime = Runtime::new().expect("a runtime can be made");
        let queue = runtime
            .queue("fuzzed")
            .capacity(capacity)
            .attempts(attempts)
            .prefetch(prefetch)
            .sample_every(if program.sample_all { 1 } else { 64 })
            .keep_failed(KEPT)
            .build()
            .expect("the options are valid");
        let (reports, events) = mpsc::channel();
        let (verdicts, told) = mpsc::channel();
        Pair {
            producer: queue.producer(),
            runtime,
            queue,
            model: Model::new(capacity, attempts, program.owned),
            handles: Vec::new(),
            shares: Arc::new(()),
            reports,
            events,
            verdicts: Some(verdicts),
            told: Some(told),
            prefetch,
            sample_all: program.sample_all,
        }
    }

    fn step(&mut self, step: &Step) {
        let blocks = |pair: &Pair, count| !pair.model.stopped && pair.model.room() < count;
        match *step {
            Step::TryAdd => self.add(1, Refusal::Full, |pair, jobs| pair.try_add(jobs)),
            Step::Add if blocks(self, 1) => {
                self.add(1, Refusal::TimedOut, |pair, jobs| pair.add_in_no_time(jobs));
            }
            Step::Add => self.add(1, Refusal::Full, |pair, jobs| pair.add_waiting(jobs)),
            Step::Submit if blocks(self, 1) => {}
            Step::Submit => self.add(1, Refusal::Full, |pair, jobs| pair.submit(jobs)),
            Step::Call => self.add(1, Refusal::TimedOut, |pair, jobs| {
                pair.call_in_no_time(jobs)
            }),
            Step::AddMany(count) if !blocks(self, usize::from(count % 14)) => {
                self.add(usize::from(count % 14), Refusal::TooMany, |pair, jobs| {
                    pair.add_many(jobs)
                });
            }
            Step::TryAddMany(count) | Step::AddMany(count) => {
                self.add(usize::from(count % 14), Refusal::Full, |pair, jobs| {
                    pair.try_add_many(jobs)
                });
            }
            Step::Produce(count) => {
                for _ in 0..count % 8 {
                    if !blocks(self, 1) {
                        self.add(1, Refusal::Full, |pair, jobs| pair.produce(jobs));
                    }
                }
                // What a producer keeps counts as taken, and the model does not know how much that is.
                self.producer.flush();
            }
            Step::StartWorker => self.start_worker(),
            Step::Release(end) => self.release(end, false),
            Step::ReleaseAdding(end) => self.release(end, true),
            Step::Cancel(back) => self.cancel(usize::from(back)),
            Step::CancelStranger => {
                let stranger: JobId = "4294967295:0:1".parse().expect("an id");
                assert!(!self.queue.cancel(stranger));
                assert_eq!(self.queue.state(stranger), None);
            }
            Step::Redeem(at) => self.with_handle(at, Self::redeem),
            Step::Detach(at) => self.with_handle(at, |_, _, handle| drop(handle)),
            Step::Shutdown { graceful } => self.shutdown(graceful),
            Step::TakeReturned => self.take_returned(),
        }
        self.check();
    }

    fn start_worker(&mut self) {
        if self.model.worker != Worker::None {
            return;
        }
        let Some(told) = self.told.take() else { return };
        let started = handler::start(
            &self.queue,
            self.model.owned,
            told,
            &self.reports,
            &self.shares,
        );
        if self.model.stopped {
            return assert!(
                matches!(started, Err(WorkersError::ShutDown)),
                "{started:?}"
            );
        }
        started.expect("a thread can be started");
        self.model.worker = Worker::Idle;
        let events = self.model.look();
        self.expect(events);
    }

    /// The worker's handler goes on and ends so.
    fn release(&mut self, end: End, adding: bool) {
        let Worker::Busy(number) = self.model.worker else {
            return;
        };
        let nested = self.model.jobs.len();
        let verdict = Verdict {
            end,
            revoked: !self.model.is_live(number),
            nested: adding.then(|| Payload::new(nested, &self.reports)),
        };
        let verdicts = self
            .verdicts
            .as_ref()
            .expect("it is there while a handler waits");
        verdicts.send(verdict).expect("the handler listens");
        if adding {
            self.nested(nested);
        }
        let events = self.model.release(end);
        self.expect(events);
    }

    /// A worker that adds to its own queue never waits for room.
    fn nested(&mut self, number: usize) {
        let expected = match (self.model.stopped, self.model.room()) {
            (true, _) => Some(Refusal::Closed),
            (_, 0) => Some(Refusal::WouldDeadlock),
            _ => None,
        };
        let Event::Nested {
            number: reported,
            result,
        } = self.next_event()
        else {
            panic!("the handler did not say how its own add went");
        };
        assert_eq!(
            (reported, result.err()),
            (number, expected),
            "{:?}",
            self.model
        );
        match result {
            Ok(id) => self.accepted(id),
            Err(_) => self.expect(vec![Event::Dropped(number)]),
        }
    }

    fn cancel(&mut self, back: usize) {
        let jobs = self.model.jobs.len();
        if jobs == 0 {
            return;
        }
        // Among the latest, so that it often lives, or has lost its slot to one that does.
        let number = jobs - 1 - back % jobs.min(16);
        let id = self.model.jobs[number].id;
        let (cancelled, events) = self.model.cancel(number);
        assert_eq!(self.queue.cancel(id), cancelled, "{id}, {:?}", self.model);
        self.expect(events);
    }

    fn with_handle(&mut self, at: u8, act: impl Fn(&mut Self, usize, JobHandle<Answer>)) {
        if !self.handles.is_empty() {
            let (number, handle) = self
                .handles
                .swap_remove(usize::from(at) % self.handles.len());
            assert_eq!(handle.id(), self.model.jobs[number].id);
            act(self, number, handle);
        }
    }

    /// Who waits learns how the job ended; while it has not, the handle comes back.
    fn redeem(&mut self, number: usize, handle: JobHandle<Answer>) {
        let Some(outcome) = self.model.jobs[number].outcome else {
            assert!(!handle.is_finished());
            let handle = handle
                .wait_timeout(Duration::ZERO)
                .expect_err("the job has not ended");
            return self.handles.push((number, handle));
        };
        assert!(handle.is_finished() || self.model.owned);
        match (handle.wait(), outcome) {
            (Ok(answer), Outcome::Value { attempt }) => {
                assert_eq!((answer.number, answer.attempt), (number, attempt));
            }
            (Err(JobError::Failed(why)), Outcome::Failed(end)) => {
                assert_eq!(why.is_panic(), end == End::Panic);
                assert_eq!(why.is_discard(), end == End::Discard);
                assert_eq!(why.error().to_string(), format!("no {number}"));
            }
            (Err(JobError::Cancelled { .. }), Outcome::Cancelled)
            | (Err(JobError::Interrupted), Outcome::Interrupted)
            | (Err(JobError::Returned), Outcome::Returned) => {}
            (result, outcome) => {
                panic!("job {number} is {outcome:?}, but its waiter got {result:?}")
            }
        }
    }

    /// Gracefully, or with the worker held in its handler, which it leaves later.
    fn shutdown(&mut self, graceful: bool) {
        let mut events = Vec::new();
        if graceful && let Worker::Busy(_) = self.model.worker {
            self.verdicts = None;
            while let Worker::Busy(_) = self.model.worker {
                events.extend(self.model.release(End::Succeed));
            }
        }
        let held = matches!(self.model.worker, Worker::Busy(_));
        let report = self
            .runtime
            .shutdown(if held { Duration::ZERO } else { PATIENCE });
        self.model.stop();
        assert_eq!(
            (report.in_time, report.abandoned_threads),
            (!held, usize::from(held))
        );
        assert_eq!(report.queues.len(), 1);
        assert_eq!(report.queues[0].stats, self.model.stats, "{:?}", self.model);
        self.expect(events);
    }

    fn take_returned(&mut self) {
        let mut taken = self.queue.take_returned();
        taken.sort_by_key(|(_, payload)| payload.number);
        let numbers = std::mem::take(&mut self.model.returned);
        let expected = numbers
            .iter()
            .map(|number| (self.model.jobs[*number].id, *number));
        assert!(
            taken
                .iter()
                .map(|(id, payload)| (*id, payload.number))
                .eq(expected),
            "{taken:?}"
        );
        drop(taken);
        self.expect(numbers.into_iter().map(Event::Dropped).collect());
    }

    fn next_event(&self) -> Event {
        self.events
            .recv_timeout(PATIENCE)
            .expect("the worker goes on")
    }

    fn expect(&self, events: Vec<Event>) {
        for event in events {
            assert_eq!(self.next_event(), event, "{:?}", self.model);
        }
    }

    /// What holds between any two steps.
    fn check(&self) {
        // A handler that owned its payload dropped it before its end was counted.
        let since = Instant::now();
        while self.model.owned && self.queue.stats() != self.model.stats {
            assert!(
                since.elapsed() < PATIENCE,
                "{:?}, {:?}",
                self.queue.stats(),
                self.model
            );
            thread::yield_now();
        }
        let stats = self.queue.stats();
        assert_eq!(stats, self.model.stats, "{:?}", self.model);
        assert!(stats.is_balanced(), "{stats:?}");
        for number in self.model.tenants.values() {
            let job = &self.model.jobs[*number];
            assert_eq!(self.queue.state(job.id), Some(job.state), "{job:?}");
        }
        let more = self.events.try_recv();
        assert!(more.is_err(), "unexpected: {more:?}, {:?}", self.model);
    }

    /// All ends, and everything is accounted for.
    fn finish(mut self, graceful: bool) {
        self.shutdown(graceful);
        self.check();
        self.release(End::Fail, false);
        self.verdicts = None;
        self.shutdown(true);
        self.take_returned();
        self.check();
        while !self.handles.is_empty() {
            self.with_handle(0, Self::redeem);
        }
        if self.sample_all {
            let latencies = self.queue.latencies();
            let samples = (latencies.run.samples, latencies.wait.samples);
            assert_eq!(
                samples, self.model.runs,
                "one sample per attempt, and per first attempt"
            );
        }
        let Pair {
            runtime,
            queue,
            producer,
            told,
            shares,
            events,
            reports,
            ..
        } = self;
        drop((runtime, queue, producer, told, reports));
        let more = events.try_recv();
        assert!(more.is_err(), "a payload outlived its end: {more:?}");
        assert_eq!(Arc::strong_count(&shares), 1, "every result was dropped");
    }
}

fuzz_target!(|program: Program| {
    let mut pair = Pair::new(&program);
    program.steps.iter().for_each(|step| pair.step(step));
    pair.finish(program.graceful);
});
