//! What a queue with at most one worker must do, in the plainest words: a list of jobs, a line of
//! tickets, a count of slots in use.
//!
//! A step tells the model what was done; the model answers with the events that must follow, in their
//! order, because the one worker stops inside its handler until it is told how to end.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::Arbitrary;
use guichet::{JobId, JobState, QueueStats};

/// What the payloads and the handler report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An attempt began. A handler that owns its payload is told no id.
    Started {
        number: usize,
        attempt: u32,
        id: Option<JobId>,
    },
    /// The handler's own `add` was accepted or refused.
    Nested {
        number: usize,
        result: Result<JobId, Refusal>,
    },
    /// The payload's destructor ran.
    Dropped(usize),
}

/// Why a job was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Full,
    TimedOut,
    TooMany,
    Closed,
    WouldDeadlock,
}

/// How a handler ends.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Succeed,
    Fail,
    Discard,
    Panic,
}

/// What who waits for a job must learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Value { attempt: u32 },
    Failed(End),
    Cancelled,
    Interrupted,
    Returned,
}

/// Where the one worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    None,
    Idle,
    /// Stopped in the handler of this job.
    Busy(usize),
    Gone,
}

/// An accepted job. Its number is its place among all of them.
#[derive(Debug)]
pub struct Job {
    pub id: JobId,
    pub state: JobState,
    pub attempts: u32,
    /// Known from the job's end on.
    pub outcome: Option<Outcome>,
}

#[derive(Debug)]
pub struct Model {
    pub capacity: usize,
    pub attempts: u32,
    pub owned: bool,
    pub jobs: Vec<Job>,
    /// Every slot's last job.
    pub tenants: BTreeMap<String, usize>,
    pub stats: QueueStats,
    pub worker: Worker,
    pub stopped: bool,
    /// Payloads to be had from `take_returned`.
    pub returned: Vec<usize>,
    /// Attempts that ended, and how many of them were a job's first.
    pub runs: (u64, u64),
    /// Numbers of jobs; one that does not wait any more is passed over.
    lane: VecDeque<usize>,
    /// Slots of jobs that live or run late.
    used: usize,
}

impl Model {
    pub fn new(capacity: usize, attempts: u32, owned: bool) -> Self {
        Model {
            capacity,
            attempts,
            owned,
            jobs: Vec::new(),
            tenants: BTreeMap::new(),
            stats: QueueStats::default(),
            worker: Worker::None,
            stopped: false,
            returned: Vec::new(),
            runs: (0, 0),
            lane: VecDeque::new(),
            used: 0,
        }
    }

    pub fn room(&self) -> usize {
        self.capacity - self.used
    }

    /// Jobs in line: who is refused has had the line cleared of stale tickets.
    pub fn line(&self) -> usize {
        let waits = |number: &&usize| self.jobs[**number].state == JobState::Waiting;
        self.lane.iter().filter(waits).count()
    }

    pub fn is_live(&self, number: usize) -> bool {
        !self.jobs[number].state.is_terminal()
    }

    /// A job was accepted. The slot's former tenant, if it had one.
    pub fn admit(&mut self, id: JobId) -> Option<usize> {
        let number = self.jobs.len();
        self.jobs.push(Job {
            id,
            state: JobState::Waiting,
            attempts: 0,
            outcome: None,
        });
        self.lane.push_back(number);
        self.used += 1;
        self.stats.accepted += 1;
        self.stats.waiting += 1;
        let text = id.to_string();
        let slot = text
            .split(':')
            .nth(1)
            .expect("an id is queue:slot:occupancy");
        self.tenants.insert(slot.to_owned(), number)
    }

    /// An idle worker looks at the lane.
    pub fn look(&mut self) -> Vec<Event> {
        if self.worker != Worker::Idle {
            return Vec::new();
        }
        while let Some(number) = self.lane.pop_front() {
            if self.jobs[number].state != JobState::Waiting {
                continue;
            }
            let job = &mut self.jobs[number];
            job.state = JobState::Active;
            job.attempts += 1;
            self.stats.waiting -= 1;
            self.stats.active += 1;
            self.worker = Worker::Busy(number);
            let id = (!self.owned).then_some(job.id);
            return vec![Event::Started {
                number,
                attempt: job.attempts,
                id,
            }];
        }
        Vec::new()
    }

    /// The busy worker's handler ends so, and the worker goes on.
    pub fn release(&mut self, end: End) -> Vec<Event> {
        let Worker::Busy(number) = self.worker else {
            panic!("the worker is not in a handler: {:?}", self.worker);
        };
        let attempt = self.jobs[number].attempts;
        self.runs.0 += 1;
        self.runs.1 += u64::from(attempt == 1);
        self.stats.panicked += u64::from(end == End::Panic);
        let again = matches!(end, End::Fail | End::Panic) && attempt < self.attempts;
        let mut events = Vec::new();
        if !self.is_live(number) {
            self.stats.late += 1;
        } else if again {
            self.stats.retried += 1;
            self.stats.active -= 1;
            self.stats.waiting += 1;
            self.jobs[number].state = JobState::Waiting;
            self.lane.push_back(number);
        } else if end == End::Succeed {
            self.end(number, JobState::Completed, Outcome::Value { attempt });
        } else {
            self.end(number, JobState::Dead, Outcome::Failed(end));
        }
        if !self.is_live(number) {
            self.used -= 1;
            events.push(Event::Dropped(number));
        }
        self.worker = if self.stopped {
            Worker::Gone
        } else {
            Worker::Idle
        };
        events.extend(self.look());
        events
    }

    /// Whether the job is cancelled thereby, and what follows.
    pub fn cancel(&mut self, number: usize) -> (bool, Vec<Event>) {
        if !self.is_live(number) {
            return (false, Vec::new());
        }
        let waits = self.jobs[number].state == JobState::Waiting;
        self.end(number, JobState::Cancelled, Outcome::Cancelled);
        // A running handler still needs payload and slot; a waiting job's go at once.
        self.used -= usize::from(waits);
        (
            true,
            if waits {
                vec![Event::Dropped(number)]
            } else {
                Vec::new()
            },
        )
    }

    /// Shutdown without patience: what runs is interrupted, what waits is given back.
    pub fn stop(&mut self) {
        self.stopped = true;
        for number in 0..self.jobs.len() {
            match self.jobs[number].state {
                JobState::Waiting => {
                    self.end(number, JobState::Returned, Outcome::Returned);
                    self.returned.push(number);
                }
                JobState::Active => self.end(number, JobState::Interrupted, Outcome::Interrupted),
                _ => {}
            }
        }
        if self.worker == Worker::Idle {
            self.worker = Worker::Gone;
        }
    }

    /// Every end has one counter.
    fn end(&mut self, number: usize, state: JobState, outcome: Outcome) {
        let job = &mut self.jobs[number];
        let stats = &mut self.stats;
        match job.state {
            JobState::Waiting => stats.waiting -= 1,
            _ => stats.active -= 1,
        }
        match state {
            JobState::Completed => stats.completed += 1,
            JobState::Dead => stats.failed += 1,
            JobState::Cancelled => stats.cancelled += 1,
            JobState::Interrupted => stats.interrupted += 1,
            _ => stats.returned += 1,
        }
        job.state = state;
        job.outcome = Some(outcome);
    }
}
