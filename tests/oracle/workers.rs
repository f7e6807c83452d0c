//! The oracle of a queue with a worker thread: random operations on it and on a naive reference, and after each the same answers.
//!
//! One worker with `prefetch(1)` reports the start of every attempt and waits for its verdict, so
//! execution is deterministic although it happens on another thread. The reference is a `VecDeque` of
//! job numbers and a list of states.
//!
//! The one thing that the driver cannot see is when an idle worker has given its last slot back; until
//! the next report the reference is `loose`: what it expects may come a little later.

use std::collections::{HashMap, VecDeque};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use guichet::{
    AddManyError, AddTimeoutError, Failure, JobError, JobHandle, JobId, JobState, Producer, Queue,
    QueueStats, Runtime, TryAddError, TryAddManyError,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::harness::{self, Coverage};

/// A wait as long as this is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Complete,
    Fail,
    Discard,
    Panic,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    TryAdd,
    Add,
    Submit,
    ProducerAdd,
    ProducerFlush,
    AddMany(usize),
    TryAddMany(usize),
    /// One of the known jobs.
    Cancel(usize),
    State(usize),
    Stats,
    /// Lets the handler that is at work return.
    Decide(Verdict),
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// Shutdown with no time left: returns what waits, interrupts what runs.
    AtOnce,
    /// Shutdown while the worker finishes everything.
    Drain,
}

fn op() -> impl Strategy<Value = Op> {
    use Verdict::*;
    prop_oneof![
        3 => Just(Op::TryAdd),
        2 => Just(Op::Add),
        4 => Just(Op::Submit),
        2 => Just(Op::ProducerAdd),
        1 => Just(Op::ProducerFlush),
        2 => (0..8_usize).prop_map(Op::AddMany),
        2 => (0..8_usize).prop_map(Op::TryAddMany),
        3 => (0..64_usize).prop_map(Op::Cancel),
        3 => (0..64_usize).prop_map(Op::State),
        1 => Just(Op::Stats),
        9 => prop_oneof![3 => Just(Complete), 3 => Just(Fail), 1 => Just(Discard), 1 => Just(Panic)]
            .prop_map(Op::Decide),
    ]
}

type Case = (usize, u32, Vec<Op>, End);

fn cases() -> impl Strategy<Value = Case> {
    let end = prop_oneof![Just(End::AtOnce), Just(End::Drain)];
    (1..=6_usize, 1..=3_u32, vec(op(), 1..60), end)
}

const OPERATIONS: [&str; 23] = [
    "try_add",
    "try_add full",
    "add",
    "submit",
    "add_timeout full",
    "producer add",
    "producer flush",
    "add_many",
    "add_many too many",
    "try_add_many",
    "try_add_many full",
    "try_add_many too many",
    "cancel of an ended job",
    "state",
    "state of a former tenant",
    "stats",
    "complete late",
    "fail late",
    "panic",
    "discard",
    "shutdown at once",
    "shutdown by draining",
    "take_returned",
];
const VERBS: [&str; 9] = [
    "admit",
    "activate",
    "complete",
    "retry",
    "bury",
    "cancel waiting",
    "cancel active",
    "interrupt",
    "return",
];

/// A payload: its job's number, and a share in a count of the living.
struct Item(u32, #[allow(dead_code)] Arc<()>);

/// What the handler reports when it begins.
#[derive(Debug, PartialEq)]
struct Begun {
    number: u32,
    id: JobId,
    attempt: u32,
    last: bool,
}

struct Known {
    id: JobId,
    slot: u32,
    state: JobState,
    tries: u32,
    handle: Option<JobHandle<u32>>,
}

/// The reference, and the queue that must match it.
struct Bench<'a> {
    runtime: Option<Runtime>,
    queue: Queue<Item, u32>,
    producer: Producer<Item, u32>,
    begun: Receiver<Begun>,
    verdict: Sender<Verdict>,
    living: Arc<()>,
    attempts: u32,
    jobs: Vec<Known>,
    /// Numbers of jobs in line; a cancelled one stays there.
    lane: VecDeque<usize>,
    /// The job whose handler runs, decided or not.
    at_work: Option<usize>,
    /// The job that a slot held last.
    tenants: HashMap<u32, (u64, usize)>,
    stats: QueueStats,
    loose: bool,
    coverage: &'a mut Coverage,
}

impl<'a> Bench<'a> {
    fn new(capacity: usize, attempts: u32, coverage: &'a mut Coverage) -> Self {
        let runtime = Runtime::new().unwrap();
        let builder = runtime
            .queue("oracle")
            .capacity(capacity)
            .attempts(attempts)
            .prefetch(1);
        let queue: Queue<Item, u32> = builder.build().unwrap();
        let (begin, begun) = channel();
        let (verdict, verdicts) = channel();
        let verdicts = Mutex::new(verdicts);
        let handler = move |job: &guichet::Job<'_, Item>| {
            let (number, id) = (job.payload().0, job.id());
            let last = job.is_last_attempt();
            let _ = begin.send(Begun {
                number,
                id,
                attempt: job.attempt(),
                last,
            });
            let verdict = verdicts.lock().unwrap().recv_timeout(PATIENCE);
            match verdict {
                Ok(Verdict::Complete) => Ok(number),
                Ok(Verdict::Panic) => resume_unwind(Box::new("told to panic")),
                Ok(Verdict::Discard) => Err(Failure::discard("told to discard")),
                Ok(Verdict::Fail) | Err(_) => Err(Failure::msg("told to fail")),
            }
        };
        queue.processor().workers(1).start(handler).unwrap();
        let producer = queue.producer();
        Bench {
            runtime: Some(runtime),
            queue,
            producer,
            begun,
            verdict,
            living: Arc::new(()),
            attempts,
            jobs: Vec::new(),
            lane: VecDeque::new(),
            at_work: None,
            tenants: HashMap::new(),
            stats: QueueStats::default(),
            loose: false,
            coverage,
        }
    }

    fn cover(&mut self, what: &'static str) {
        self.coverage.add(what);
    }

    fn item(&self, ahead: usize) -> Item {
        Item((self.jobs.len() + ahead) as u32, self.living.clone())
    }

    fn items(&self, count: usize) -> Vec<Item> {
        (0..count).map(|ahead| self.item(ahead)).collect()
    }

    fn room(&self) -> usize {
        let waiting = |number: &&usize| self.jobs[**number].state == JobState::Waiting;
        let waiting = self.lane.iter().filter(waiting).count();
        self.queue.capacity() - waiting - usize::from(self.at_work.is_some())
    }

    /// Repeats `attempt` while it gives nothing, if the reference is loose; else it is asked once.
    fn patiently<X>(&self, what: &str, mut attempt: impl FnMut(&Self) -> Option<X>) -> X {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = attempt(self) {
                return found;
            }
            assert!(self.loose, "{what}: not what the reference says");
            assert!(Instant::now() < end, "{what}: not in {PATIENCE:?}");
            thread::yield_now();
        }
    }

    /// A job was accepted under this name.
    fn admitted(&mut self, id: JobId, handle: Option<JobHandle<u32>>) {
        let text = id.to_string();
        let mut parts = text
            .split(':')
            .skip(1)
            .map(|part| part.parse::<u64>().unwrap());
        let (slot, occupancy) = (parts.next().unwrap() as u32, parts.next().unwrap());
        let number = self.jobs.len();
        let before = self.tenants.insert(slot, (occupancy, number));
        assert_eq!(
            occupancy,
            before.map_or(0, |(occupancy, _)| occupancy) + 1,
            "slot {slot}"
        );
        if let Some((_, former)) = before {
            assert!(
                self.jobs[former].state.is_terminal(),
                "slot {slot} was taken from a live job"
            );
        }
        self.jobs.push(Known {
            id,
            slot,
            state: JobState::Waiting,
            tries: 0,
            handle,
        });
        self.lane.push_back(number);
        self.stats.accepted += 1;
        self.cover("admit");
    }

    /// The idle worker takes the next live job; its report must be the reference's.
    fn advance(&mut self) {
        while self.at_work.is_none()
            && let Some(number) = self.lane.pop_front()
        {
            if self.jobs[number].state != JobState::Waiting {
                self.loose = true;
                continue;
            }
            let job = &mut self.jobs[number];
            job.state = JobState::Active;
            job.tries += 1;
            let (attempt, last) = (job.tries, job.tries == self.attempts);
            let expected = Begun {
                number: number as u32,
                id: job.id,
                attempt,
                last,
            };
            let begun = self
                .begun
                .recv_timeout(PATIENCE)
                .expect("a waiting job is not started");
            assert_eq!(begun, expected, "order of execution");
            self.at_work = Some(number);
            self.loose = false;
            self.cover("activate");
        }
        assert!(
            self.begun.try_recv().is_err(),
            "a job started that should not"
        );
    }

    fn check_stats(&mut self) {
        let count = |state| self.jobs.iter().filter(|job| job.state == state).count() as u64;
        let mut expected = self.stats;
        expected.waiting = count(JobState::Waiting);
        expected.active = count(JobState::Active);
        let seen = self.patiently("stats", |bench| {
            let seen = bench.queue.stats();
            (seen == expected || !bench.loose).then_some(seen)
        });
        assert_eq!(seen, expected);
        assert!(seen.is_balanced(), "{seen:?}");
    }

    fn check_state(&mut self, number: usize) {
        let job = &self.jobs[number];
        let tenant = self.tenants[&job.slot].1;
        // Of a former tenant the queue keeps a record, unless it completed or was given back.
        let kept = !matches!(job.state, JobState::Completed | JobState::Returned);
        let expected = (tenant == number || kept).then_some(job.state);
        let seen = self.patiently("state", |bench| {
            let seen = bench.queue.state(bench.jobs[number].id);
            (seen == expected || !bench.loose).then_some(seen)
        });
        assert_eq!(seen, expected, "job {number}");
        self.cover(if expected.is_some() {
            "state"
        } else {
            "state of a former tenant"
        });
    }

    fn cancel(&mut self, number: usize) {
        let cancelled = self.queue.cancel(self.jobs[number].id);
        let what = match self.jobs[number].state {
            JobState::Waiting => "cancel waiting",
            JobState::Active => "cancel active",
            _ => "cancel of an ended job",
        };
        let expected = what != "cancel of an ended job";
        assert_eq!(cancelled, expected, "job {number}: {what}");
        self.cover(what);
        if expected {
            self.stats.cancelled += 1;
            self.ended(number, JobState::Cancelled);
        }
    }

    /// A job has its end; its waiter must hear of it.
    fn ended(&mut self, number: usize, state: JobState) {
        let job = &mut self.jobs[number];
        job.state = state;
        let Some(handle) = job.handle.take() else {
            // The end shows in the state; nothing tells when the worker has done the rest.
            self.loose = true;
            self.patiently("an end", |b| {
                (b.queue.state(b.jobs[number].id) == Some(state)).then_some(())
            });
            return;
        };
        let outcome = handle
            .wait_timeout(PATIENCE)
            .expect("the waiter is not told");
        match (state, &outcome) {
            (JobState::Completed, Ok(value)) => assert_eq!(*value, number as u32),
            (JobState::Dead, Err(JobError::Failed(_)))
            | (JobState::Cancelled, Err(JobError::Cancelled { .. }))
            | (JobState::Returned, Err(JobError::Returned))
            | (JobState::Interrupted, Err(JobError::Interrupted)) => {}
            _ => panic!("job {number} is {state:?}, and its waiter hears {outcome:?}"),
        }
    }

    /// The handler at work returns.
    fn decide(&mut self, verdict: Verdict) {
        let Some(number) = self.at_work.take() else {
            return;
        };
        self.verdict.send(verdict).unwrap();
        self.stats.panicked += u64::from(verdict == Verdict::Panic);
        let last = self.jobs[number].tries == self.attempts;
        if self.jobs[number].state != JobState::Active {
            self.stats.late += 1;
            self.loose = true;
            self.cover(if verdict == Verdict::Complete {
                "complete late"
            } else {
                "fail late"
            });
        } else if verdict == Verdict::Complete {
            self.stats.completed += 1;
            self.cover("complete");
            self.ended(number, JobState::Completed);
        } else if last || verdict == Verdict::Discard {
            self.stats.failed += 1;
            self.cover("bury");
            self.ended(number, JobState::Dead);
        } else {
            self.stats.retried += 1;
            self.cover("retry");
            self.jobs[number].state = JobState::Waiting;
            self.lane.push_back(number);
        }
        match verdict {
            Verdict::Panic => self.cover("panic"),
            Verdict::Discard => self.cover("discard"),
            _ => {}
        }
    }

    fn one(&mut self, op: Op) {
        let (room, item) = (self.room(), self.item(0));
        let number = item.0;
        match op {
            Op::TryAdd if room == 0 => match self.queue.try_add(item) {
                Err(TryAddError::Full { payload, .. }) => {
                    assert_eq!(payload.0, number);
                    self.cover("try_add full");
                }
                _ => panic!("accepted by a full queue"),
            },
            Op::TryAdd => {
                let id = self.patiently("try_add", |b| b.queue.try_add(b.item(0)).ok());
                self.admitted(id, None);
                self.cover("try_add");
            }
            Op::Add | Op::Submit | Op::ProducerAdd if room == 0 => {
                match self.queue.add_timeout(item, Duration::ZERO) {
                    Err(AddTimeoutError::Timeout(payload)) => assert_eq!(payload.0, number),
                    _ => panic!("accepted by a full queue"),
                }
                self.cover("add_timeout full");
            }
            Op::Add => {
                let id = self
                    .queue
                    .add_timeout(item, PATIENCE)
                    .expect("there is room");
                self.admitted(id, None);
                self.cover("add");
            }
            Op::Submit => {
                let handle = self.queue.submit(item).expect("there is room");
                self.admitted(handle.id(), Some(handle));
                self.cover("submit");
            }
            Op::ProducerAdd => {
                let id = self.producer.add(item).expect("there is room");
                self.admitted(id, None);
                self.cover("producer add");
            }
            Op::ProducerFlush => {
                self.producer.flush();
                self.cover("producer flush");
            }
            Op::AddMany(count) if count > self.queue.capacity() => {
                match self.queue.add_many(self.items(count)) {
                    Err(AddManyError::TooMany {
                        payloads, capacity, ..
                    }) => {
                        assert_eq!((payloads.len(), capacity), (count, self.queue.capacity()));
                    }
                    _ => panic!("accepted more than the capacity"),
                }
                self.cover("add_many too many");
            }
            Op::AddMany(count) if count <= room => {
                let ids = self
                    .queue
                    .add_many(self.items(count))
                    .expect("there is room");
                assert_eq!(ids.len(), count);
                ids.into_iter().for_each(|id| self.admitted(id, None));
                self.cover("add_many");
            }
            Op::TryAddMany(count) if count > self.queue.capacity() => {
                match self.queue.try_add_many(self.items(count)) {
                    Err(TryAddManyError::TooMany {
                        payloads, capacity, ..
                    }) => {
                        assert_eq!((payloads.len(), capacity), (count, self.queue.capacity()));
                    }
                    _ => panic!("accepted more than the capacity"),
                }
                self.cover("try_add_many too many");
            }
            // It would wait for room that only this thread makes.
            Op::AddMany(count) | Op::TryAddMany(count) if count > room => {
                match self.queue.try_add_many(self.items(count)) {
                    Err(TryAddManyError::Full(payloads)) => {
                        assert!(
                            payloads
                                .iter()
                                .map(|item| item.0)
                                .eq(number..number + count as u32)
                        );
                    }
                    _ => panic!("{count} accepted where {room} fit"),
                }
                self.cover("try_add_many full");
            }
            Op::AddMany(count) | Op::TryAddMany(count) => {
                let add = |b: &Self| b.queue.try_add_many(b.items(count)).ok();
                let ids = self.patiently("try_add_many", add);
                assert_eq!(ids.len(), count);
                ids.into_iter().for_each(|id| self.admitted(id, None));
                self.cover("try_add_many");
            }
            Op::Cancel(at) if !self.jobs.is_empty() => self.cancel(at % self.jobs.len()),
            Op::State(at) if !self.jobs.is_empty() => self.check_state(at % self.jobs.len()),
            Op::Cancel(_) | Op::State(_) => {}
            Op::Stats => {
                self.check_stats();
                self.cover("stats");
            }
            Op::Decide(verdict) => self.decide(verdict),
        }
        self.advance();
    }

    fn finish(mut self, end: End) {
        let runtime = self.runtime.take().unwrap();
        let at_once = matches!(end, End::AtOnce) && self.at_work.is_some();
        if at_once {
            self.cover("shutdown at once");
            let report = runtime.shutdown(Duration::ZERO);
            assert!(!report.in_time);
            let mut expected = Vec::new();
            for number in 0..self.jobs.len() {
                match self.jobs[number].state {
                    JobState::Waiting => {
                        expected.push((self.jobs[number].id, number as u32));
                        self.stats.returned += 1;
                        self.cover("return");
                        self.ended(number, JobState::Returned);
                    }
                    JobState::Active => {
                        self.stats.interrupted += 1;
                        self.cover("interrupt");
                        self.ended(number, JobState::Interrupted);
                    }
                    _ => {}
                }
            }
            assert_eq!(report.queues[0].stats, self.stats, "the report");
            let mut returned: Vec<_> = self
                .queue
                .take_returned()
                .into_iter()
                .map(|(id, item)| (id, item.0))
                .collect();
            returned.sort_by_key(|(_, number)| *number);
            assert_eq!(returned, expected, "what was returned");
            self.cover("take_returned");
            self.lane.clear();
            self.decide(Verdict::Complete);
        }
        let closer = thread::spawn(move || runtime.shutdown(PATIENCE));
        if !at_once {
            self.cover("shutdown by draining");
            while self.at_work.is_some() {
                self.decide(Verdict::Complete);
                self.advance();
            }
        }
        let report = closer.join().unwrap();
        assert!(report.in_time);
        self.loose = false;
        assert_eq!(report.queues[0].stats, self.stats, "the report");
        self.check_stats();
        for number in 0..self.jobs.len() {
            self.check_state(number);
        }
        assert!(matches!(
            self.queue.try_add(self.item(0)),
            Err(TryAddError::Closed(_))
        ));
        let Bench {
            queue,
            producer,
            living,
            ..
        } = self;
        drop((queue, producer));
        assert_eq!(Arc::strong_count(&living), 1, "payloads still alive");
    }
}

/// Runs one case.
fn run((capacity, attempts, ops, end): Case) -> Coverage {
    let mut coverage = Coverage::default();
    let mut bench = Bench::new(capacity, attempts, &mut coverage);
    for op in ops {
        bench.coverage.operation();
        bench.one(op);
    }
    bench.finish(end);
    coverage
}

/// New cases in every run.
#[test]
fn random_operations_have_the_references_answers() {
    harness::run_random(cases(), run);
}

/// The same cases in every run; together they do everything there is to do.
#[test]
fn fixed_operations_have_the_references_answers_and_leave_nothing_out() {
    harness::run_fixed(cases(), run).demand(&[&OPERATIONS, &VERBS]);
}
