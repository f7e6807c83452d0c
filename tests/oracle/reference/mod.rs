//! The naive reference: a list of jobs with their states, searched from end to end, and the promises in plain words.
//!
//! Here is what there is, who gets a slot, and what happens in time; `attempts.rs` has what becomes of a lease, `ends.rs` what
//! others decide, `books.rs` what is told and kept.

mod attempts;
mod books;
mod ends;

use std::collections::HashMap;
use std::time::Duration;

use guichet::{ChangeError, DeadReason, EventKind, FailureKind, JobId, JobState, QueueStats};

use crate::harness::Coverage;
use crate::program::{Pause, Ranks, Setup};
pub use books::{HookCall, Told};

pub const MAIN: usize = 0;
pub const DEAD: usize = 1;

#[derive(Clone, Debug, PartialEq)]
pub struct AttemptFailure {
    pub attempt: u32,
    pub kind: FailureKind,
    pub text: String,
    pub at: u64,
}

pub struct Job {
    pub lane: usize,
    /// Its name, once that is known.
    pub id: Option<JobId>,
    /// Which payload it has; of a letter, whose.
    pub payload: usize,
    /// The dead job, if this is a letter.
    pub source: Option<usize>,
    /// It has one of the slots for delayed jobs.
    pub later: bool,
    pub state: JobState,
    pub tries: u32,
    pub attempts: u32,
    pub pause: Pause,
    pub timeout: Option<Duration>,
    /// Whether it asked that its record be kept, if it completes or not.
    pub keep: [Option<bool>; 2],
    pub priority: u32,
    pub lifo: bool,
    pub due: u64,
    /// From when on a former handler does not keep the next attempt up.
    pub overlap: Option<u64>,
    pub expires: Option<u64>,
    /// The smallest comes first.
    pub place: (u32, i64),
    /// It was given another place while it waited.
    moved: bool,
    announced: u64,
    /// Leases that are not settled.
    pub holders: usize,
    /// The number of its first step, less one, and how many there were.
    pub base: u64,
    pub steps: u64,
    pub errors: Vec<AttemptFailure>,
    /// Attempt, instant and number of each line.
    pub log: Vec<(u32, u64, usize)>,
    pub progress: Option<u32>,
    pub redelivered: u32,
    pub cancel_reason: Option<String>,
    pub reason: Option<DeadReason>,
    pub ended: u64,
    pub result: Option<u32>,
    /// Its letter or its payload has not gone where it is to go.
    owes: bool,
}

/// A lease that is not settled.
#[derive(Clone, Copy)]
pub struct Hold {
    pub job: usize,
    pub attempt: u32,
    pub deadline: Option<u64>,
    /// Nobody has decided the attempt.
    pub valid: bool,
    pub member: Option<u64>,
}

/// A consumer.
pub struct Member {
    pub number: u64,
    priority: i32,
    prefetch: usize,
    leases: usize,
}

/// One queue.
pub struct Lane {
    pub setup: Setup,
    pub stopped: bool,
    pub paused: bool,
    held: Option<u64>,
    back: i64,
    front: i64,
    pub members: Vec<Member>,
    next_member: u64,
    /// What each listener has not heard yet.
    pub heard: Vec<Vec<Told>>,
    /// The jobs whose records are kept, the newest last: those that completed, and the others.
    pub shelves: [Vec<usize>; 2],
    pub results: Vec<usize>,
    /// Dead jobs whose letters are kept.
    pub unsent: Vec<usize>,
    pub returned: Vec<usize>,
    /// The job that a slot had last.
    tenants: HashMap<u32, usize>,
    /// All but the counts of the living.
    stats: QueueStats,
}

pub struct Reference {
    pub lanes: Vec<Lane>,
    pub jobs: Vec<Job>,
    pub holds: Vec<Option<Hold>>,
    pub now: u64,
    announcements: u64,
    pub hooks: Vec<HookCall>,
    pub coverage: Coverage,
}

pub fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

impl Lane {
    fn new(setup: Setup) -> Self {
        Lane {
            setup,
            stopped: false,
            paused: false,
            held: None,
            back: 0,
            front: -1,
            members: Vec::new(),
            next_member: 0,
            heard: Vec::new(),
            shelves: Default::default(),
            results: Vec::new(),
            unsent: Vec::new(),
            returned: Vec::new(),
            tenants: HashMap::new(),
            stats: QueueStats::default(),
        }
    }

    pub fn priorities(&self) -> u32 {
        match self.setup.ranks {
            Ranks::Fifo => 1,
            Ranks::Bands(count) | Ranks::Heap(count) => count,
        }
    }
}

impl Reference {
    pub fn new(setups: Vec<Setup>, now: u64) -> Self {
        Reference {
            lanes: setups.into_iter().map(Lane::new).collect(),
            jobs: Vec::new(),
            holds: Vec::new(),
            now,
            announcements: 0,
            hooks: Vec::new(),
            coverage: Coverage::default(),
        }
    }

    pub fn cover(&mut self, what: &str) {
        self.coverage.add(what);
    }

    pub fn after(&self, delay: Duration) -> u64 {
        self.now + nanos(delay)
    }

    fn announcement(&mut self) -> u64 {
        self.announcements += 1;
        self.announcements
    }

    // ------------------------------------------------------------------------------------ slots --

    fn occupies(&self, number: usize) -> bool {
        let job = &self.jobs[number];
        !job.state.is_terminal() || job.holders > 0 || job.owes
    }

    /// How many slots are free.
    pub fn room(&self, lane: usize, later: bool) -> usize {
        let setup = &self.lanes[lane].setup;
        let slots = match later {
            true => setup.delayed_capacity,
            false => setup.capacity,
        };
        let taken = (0..self.jobs.len()).filter(|number| {
            let job = &self.jobs[*number];
            job.lane == lane && job.later == later && self.occupies(*number)
        });
        slots - taken.count()
    }

    /// A job turned out to have this name: its slot must have been free.
    pub fn name(&mut self, number: usize, id: JobId) {
        let text = id.to_string();
        let mut parts = text
            .split(':')
            .skip(1)
            .map(|part| part.parse::<u64>().unwrap());
        let (slot, occupancy) = (parts.next().unwrap() as u32, parts.next().unwrap());
        let (lane, later) = (self.jobs[number].lane, self.jobs[number].later);
        let setup = &self.lanes[lane].setup;
        assert_eq!(slot as usize >= setup.capacity, later, "the room of {id}");
        let former = self.lanes[lane].tenants.insert(slot, number);
        let expected = former.map_or(0, |former| occupancy_of(&self.jobs[former])) + 1;
        assert_eq!(occupancy, expected, "the tenancy of {id}");
        if let Some(former) = former {
            let taken = self.occupies(former);
            assert!(!taken, "job {number} got the slot of job {former}");
            self.jobs[number].base = self.jobs[former].base + self.jobs[former].steps;
        }
        self.jobs[number].id = Some(id);
    }

    /// Whether a job's slot is still its own.
    pub fn is_tenant(&self, number: usize) -> bool {
        let lane = &self.lanes[self.jobs[number].lane];
        lane.tenants.values().any(|tenant| *tenant == number)
    }

    /// The jobs of a queue in the order of their slots: that in which a queue ends several at once.
    fn by_slot(&self, lane: usize) -> Vec<usize> {
        let mut tenants: Vec<_> = self.lanes[lane].tenants.iter().collect();
        tenants.sort();
        tenants.into_iter().map(|(_, number)| *number).collect()
    }

    // ------------------------------------------------------------------------------- beginnings --

    /// A job without terms of its own.
    pub fn plain(&self, lane: usize, payload: usize) -> Job {
        let setup = &self.lanes[lane].setup;
        Job {
            lane,
            id: None,
            payload,
            source: None,
            later: false,
            state: JobState::Vacant,
            tries: 0,
            attempts: setup.attempts,
            pause: setup.pause,
            timeout: setup.timeout,
            keep: [None; 2],
            priority: self.lanes[lane].priorities().div_ceil(2),
            lifo: false,
            due: 0,
            overlap: None,
            expires: None,
            place: (0, 0),
            moved: false,
            announced: 0,
            holders: 0,
            base: 0,
            steps: 0,
            errors: Vec::new(),
            log: Vec::new(),
            progress: None,
            redelivered: 0,
            cancel_reason: None,
            reason: None,
            ended: 0,
            result: None,
            owes: false,
        }
    }

    /// `admit` or `defer`; the job's number.
    pub fn admit(&mut self, mut job: Job) -> usize {
        let (number, lane, later) = (self.jobs.len(), job.lane, job.later);
        job.announced = self.announcement();
        self.jobs.push(job);
        self.lanes[lane].stats.accepted += 1;
        if later {
            self.go(number, "defer", JobState::Delayed);
            self.tell(number, EventKind::Deferred, 0, None);
        } else {
            self.go(number, "admit", JobState::Waiting);
            self.line_up(number);
            self.tell(number, EventKind::Added, 0, None);
        }
        number
    }

    /// The one way for a job to come into a state.
    fn go(&mut self, number: usize, verb: &str, to: JobState) {
        let from = std::mem::replace(&mut self.jobs[number].state, to);
        self.cover(verb);
        self.cover(&format!("{from:?} {verb} {to:?}"));
    }

    /// The job's place: behind its peers, or in front of them.
    fn line_up(&mut self, number: usize) {
        let job = &mut self.jobs[number];
        let lane = &mut self.lanes[job.lane];
        if job.lifo {
            job.place = (job.priority, lane.front);
            lane.front -= 1;
        } else {
            job.place = (job.priority, lane.back);
            lane.back += 1;
        }
    }

    /// Who waits, the next one first.
    pub fn waiting(&self, lane: usize) -> Vec<usize> {
        let mut waiting = self.in_state(lane, JobState::Waiting);
        waiting.sort_by_key(|number| self.jobs[*number].place);
        waiting
    }

    pub fn in_state(&self, lane: usize, state: JobState) -> Vec<usize> {
        let own = |number: &usize| self.jobs[*number].lane == lane;
        let all = (0..self.jobs.len()).filter(own);
        all.filter(|number| self.jobs[*number].state == state)
            .collect()
    }

    // ----------------------------------------------------------------------------------- changes --

    pub fn set_priority(&mut self, number: usize, priority: u32) -> Result<(), ChangeError> {
        match self.jobs[number].state {
            JobState::Waiting => {
                self.go(number, "reprioritize", JobState::Waiting);
                self.jobs[number].moved = true;
                self.jobs[number].priority = priority;
                let lifo = std::mem::take(&mut self.jobs[number].lifo);
                self.line_up(number);
                self.jobs[number].lifo = lifo;
                self.tell(number, EventKind::Reprioritized, 0, None);
            }
            JobState::Delayed => {
                self.go(number, "reprioritize", JobState::Delayed);
                self.jobs[number].priority = priority;
                self.tell(number, EventKind::Reprioritized, 0, None);
                self.cover("set_priority delayed");
            }
            state => return Err(ChangeError::State(state)),
        }
        Ok(())
    }

    /// Whether a former handler keeps the next attempt up.
    fn is_kept_up(&self, number: usize) -> bool {
        let job = &self.jobs[number];
        job.holders > 0 && job.overlap.is_none_or(|overlap| overlap > self.now)
    }

    pub fn promote(&mut self, number: usize) -> Result<(), ChangeError> {
        match self.jobs[number].state {
            // When the former handler has returned, it waits at once.
            JobState::Delayed if self.is_kept_up(number) => {
                self.cover("promote while held");
                self.reschedule(number, Duration::ZERO)
            }
            JobState::Delayed => {
                self.go(number, "promote", JobState::Waiting);
                self.line_up(number);
                self.tell(number, EventKind::Promoted, 0, None);
                Ok(())
            }
            state => Err(ChangeError::State(state)),
        }
    }

    pub fn reschedule(&mut self, number: usize, delay: Duration) -> Result<(), ChangeError> {
        match self.jobs[number].state {
            JobState::Delayed => {
                self.go(number, "reschedule", JobState::Delayed);
                self.jobs[number].due = self.after(delay);
                self.jobs[number].announced = self.announcement();
                self.tell(number, EventKind::Rescheduled, 0, None);
                Ok(())
            }
            state => Err(ChangeError::State(state)),
        }
    }

    pub fn hold(&mut self, lane: usize, pause: Duration) {
        let until = self.after(pause);
        let held = &mut self.lanes[lane].held;
        *held = Some(held.map_or(until, |held| held.max(until)));
    }

    pub fn resume(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        (lane.paused, lane.held) = (false, None);
    }

    pub fn is_halted(&self, lane: usize) -> bool {
        self.lanes[lane].paused || self.lanes[lane].held.is_some()
    }

    // -------------------------------------------------------------------------------------- time --

    /// When something is to be done about a job.
    fn instant(&self, number: usize) -> Option<u64> {
        let job = &self.jobs[number];
        let due = match job.state {
            JobState::Delayed if job.holders > 0 => job.overlap.map(|at| at.max(job.due)),
            JobState::Delayed => Some(job.due),
            JobState::Waiting => None,
            _ => return None,
        };
        due.into_iter().chain(job.expires).min()
    }

    fn is_expired(&self, number: usize) -> bool {
        let job = &self.jobs[number];
        let waits = matches!(job.state, JobState::Waiting | JobState::Delayed);
        waits && job.expires.is_some_and(|expires| expires <= self.now)
    }

    /// Whether a waiting job has expired that was given another place: it may be found at either.
    pub fn expires_somewhere(&self) -> bool {
        let mut moved = (0..self.jobs.len()).filter(|number| self.jobs[*number].moved);
        moved.any(|number| self.is_expired(number))
    }

    /// When the leases that nobody has decided time out, the first one first.
    pub fn deadlines(&self) -> Vec<u64> {
        let valid = self.holds.iter().flatten().filter(|hold| hold.valid);
        let mut deadlines: Vec<_> = valid.filter_map(|hold| hold.deadline).collect();
        deadlines.sort();
        deadlines
    }

    /// The next instant at which something happens.
    fn next_instant(&self) -> Option<u64> {
        let jobs = (0..self.jobs.len()).filter_map(|number| self.instant(number));
        let deadlines = self.deadlines();
        let holds = self.lanes.iter().filter_map(|lane| lane.held);
        let records = (0..self.lanes.len()).filter_map(|lane| self.next_record(lane));
        jobs.chain(deadlines).chain(holds).chain(records).min()
    }

    /// What is due happens.
    pub fn tick(&mut self) {
        // The queues in the order in which they were built.
        for lane in (0..self.lanes.len()).rev() {
            self.do_due(lane);
            if lane == MAIN {
                self.send_letters();
            }
            self.drop_old_records(lane);
            self.time_out_all(lane);
            if self.lanes[lane].held.is_some_and(|until| until <= self.now) {
                self.lanes[lane].held = None;
                self.cover("a hold ends");
            }
        }
    }

    fn do_due(&mut self, lane: usize) {
        loop {
            let own = (0..self.jobs.len()).filter(|number| self.jobs[*number].lane == lane);
            let come = own.filter(|number| self.instant(*number).is_some_and(|at| at <= self.now));
            let order = |number: &usize| (self.instant(*number), self.jobs[*number].announced);
            let Some(number) = come.min_by_key(order) else {
                return;
            };
            if self.is_expired(number) {
                self.expire(number);
            } else {
                if self.jobs[number].holders > 0 {
                    self.cover("an attempt beside a late handler");
                }
                self.cover("due");
                self.promote(number).expect("it is delayed");
            }
        }
    }

    /// Time passes, and whatever becomes due happens at its instant.
    pub fn advance(&mut self, by: Duration) {
        let end = self.after(by);
        self.tick();
        while let Some(next) = self.next_instant().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    // ---------------------------------------------------------------------------------- shutdown --

    /// The runtime shuts down without patience; whether nobody held a lease.
    pub fn shut_down(&mut self) -> bool {
        for lane in (0..self.lanes.len()).rev() {
            self.lanes[lane].stopped = true;
            for number in self.by_slot(lane) {
                self.give_back_if_it_waits(number);
            }
            self.send_letters();
        }
        self.tick();
        let in_time = self.holds.iter().all(Option::is_none);
        for lane in (0..self.lanes.len()).rev() {
            for number in self.by_slot(lane) {
                if !in_time && self.jobs[number].state == JobState::Active {
                    self.interrupt(number);
                }
            }
            self.send_letters();
        }
        in_time
    }
}

/// Which of its slot's jobs a job is.
fn occupancy_of(job: &Job) -> u64 {
    let text = job.id.expect("it was named").to_string();
    text.rsplit(':').next().unwrap().parse().unwrap()
}
