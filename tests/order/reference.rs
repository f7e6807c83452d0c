//! The naive reference: lists that are searched from end to end, and the runtime's promises in plain words.
//!
//! Of the queue's inner life it knows one thing, because it can be seen from outside: a job that leaves its place
//! in a line of `Order::Fifo` or `Order::Bands` without being run leaves its ticket there, which takes the queue's
//! turn when it comes up, and which goes away when an add finds no free slot.

use std::collections::HashSet;
use std::time::Duration;

use guichet::{JobState, Order, Policy, QueueStats};

use crate::harness::Coverage;
use crate::program::{Pause, QueueSetup, Verdict};

const HOUR: Duration = Duration::from_secs(3600);

/// Where a job goes in its line.
#[derive(Clone, Copy)]
enum Spot {
    End,
    /// The same, for one that gets another place.
    Moved,
    Newest,
    Back(u64, i64),
}

struct Entry {
    /// The smallest (key, place) comes first.
    key: u64,
    place: i64,
    job: usize,
    /// Only a ticket: its job has left.
    stale: bool,
    /// It can't be taken out from where it lies.
    in_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Open,
    Draining,
    Stopped,
}

/// One queue.
pub struct Lane {
    pub order: Order,
    pub policy: Policy,
    pub priorities: u32,
    pub default_priority: u32,
    pub attempts: u32,
    pub pause: Pause,
    /// Slots for jobs added without and with a delay.
    pub rooms: [usize; 2],
    phase: Phase,
    entries: Vec<Entry>,
    back: i64,
    front: i64,
    /// Whose turn it is under `Policy::Weighted`, by level from 0.
    round: Vec<u64>,
    turns: usize,
    /// All but the counts of the living.
    stats: QueueStats,
}

pub struct Job {
    pub queue: usize,
    pub slot: u32,
    /// It has one of the slots for delayed jobs.
    pub later: bool,
    pub state: JobState,
    pub tries: u32,
    pub attempts: u32,
    pub pause: Pause,
    pub priority: u32,
    pub lifo: bool,
    pub due: u64,
    /// What the wall clock must say.
    pub wall: Option<i128>,
    pub expires: Option<u64>,
    pub deadline: u64,
    /// When its instant was announced, among all announcements.
    announced: u64,
    /// Where it was taken from.
    taken: (u64, i64),
    at_work: bool,
}

pub struct Reference {
    pub lanes: Vec<Lane>,
    pub jobs: Vec<Job>,
    hands: Vec<usize>,
    /// In nanoseconds, of both clocks.
    pub now: u64,
    pub wall_ahead: i128,
    announcements: u64,
    /// The next of `hands` in this round, and whether one before it had something to do; `None` while idle.
    round: Option<(usize, bool)>,
    /// Until when the clock is being turned.
    turning: Option<u64>,
    pub coverage: Coverage,
}

/// What a queue's turn led to.
enum Turn {
    Nothing,
    /// A ticket that was worth nothing.
    Stale,
    Start(usize),
}

/// Turns of `levels` levels: of the weights n, n-1 … 1 each one's turns lie in the middle of as many equal parts of the round.
fn weighted_round(levels: u32) -> Vec<u64> {
    let mut turns = Vec::new();
    for level in 0..u64::from(levels) {
        let weight = u64::from(levels) - level;
        turns.extend((0..weight).map(|turn| (2 * turn + 1, weight, level)));
    }
    turns.sort_by(|one, other| (one.0 * other.1, one.2).cmp(&(other.0 * one.1, other.2)));
    turns.into_iter().map(|(_, _, level)| level).collect()
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

impl Lane {
    fn new(setup: &QueueSetup) -> Self {
        let (order, policy) = setup.ranking;
        let priorities = match order {
            Order::Bands(count) | Order::Heap(count) => count,
            _ => 1,
        };
        let unset = priorities.div_ceil(2).min(5);
        let round = match policy {
            Policy::Weighted => weighted_round(priorities),
            _ => Vec::new(),
        };
        Lane {
            order,
            policy,
            priorities,
            default_priority: setup.default_priority.map_or(unset, |pick| {
                crate::program::Level::Valid(pick).of(priorities)
            }),
            attempts: setup.attempts,
            pause: setup.pause,
            rooms: [setup.capacity, setup.delayed_capacity],
            phase: Phase::Open,
            entries: Vec::new(),
            back: 0,
            front: -1,
            round,
            turns: 0,
            stats: QueueStats::default(),
        }
    }

    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub fn is_weighted(&self) -> bool {
        self.policy == Policy::Weighted
    }

    /// Whether it has lines out of which nothing can be taken.
    fn has_lines(&self) -> bool {
        let banded = matches!(self.order, Order::Fifo | Order::Bands(_));
        banded && !matches!(self.policy, Policy::Aging { .. })
    }

    /// Takes out what comes first.
    fn pop(&mut self) -> Option<Entry> {
        let mut first = None;
        if !self.round.is_empty() {
            let level = self.round[self.turns % self.round.len()];
            self.turns += 1;
            first = self.first(|entry| entry.key == level);
        }
        let first = first.or_else(|| self.first(|_| true))?;
        Some(self.entries.remove(first))
    }

    fn first(&self, wanted: impl Fn(&Entry) -> bool) -> Option<usize> {
        let all = (0..self.entries.len()).filter(|at| wanted(&self.entries[*at]));
        all.min_by_key(|at| (self.entries[*at].key, self.entries[*at].place))
    }
}

impl Reference {
    pub fn new(setups: &[QueueSetup], hands: &[usize], now: u64) -> Self {
        Reference {
            lanes: setups.iter().map(Lane::new).collect(),
            jobs: Vec::new(),
            hands: hands.to_vec(),
            now,
            wall_ahead: 0,
            announcements: 0,
            round: None,
            turning: None,
            coverage: Coverage::default(),
        }
    }

    pub fn cover(&mut self, what: &'static str) {
        self.coverage.add(what);
    }

    /// The instant so much from now.
    pub fn after(&self, delay: Duration) -> u64 {
        self.now + nanos(delay)
    }

    pub fn wall(&self) -> i128 {
        i128::from(self.now) + self.wall_ahead
    }

    fn announcement(&mut self) -> u64 {
        self.announcements += 1;
        self.announcements
    }

    // ------------------------------------------------------------------------------------ slots --

    /// Whether `count` slots are free, those of stale tickets included.
    pub fn claim(&mut self, queue: usize, later: bool, count: usize) -> bool {
        if self.vacant(queue, later) < count {
            let entries = &mut self.lanes[queue].entries;
            let before = entries.len();
            entries.retain(|entry| !entry.stale);
            if entries.len() < before {
                entries.iter_mut().for_each(|entry| entry.in_line = false);
                self.cover("compaction");
            }
        }
        self.vacant(queue, later) >= count
    }

    fn vacant(&self, queue: usize, later: bool) -> usize {
        let lane = &self.lanes[queue];
        let own = |job: &&Job| job.queue == queue && job.later == later;
        let held = self
            .jobs
            .iter()
            .filter(|job| !job.state.is_terminal() || job.at_work);
        let stale = lane.entries.iter().filter(|entry| entry.stale);
        let stale = stale.map(|entry| &self.jobs[entry.job]);
        let taken: HashSet<u32> = held.chain(stale).filter(own).map(|job| job.slot).collect();
        lane.rooms[usize::from(later)] - taken.len()
    }

    // -------------------------------------------------------------------------------- beginnings --

    /// A job without terms of its own.
    pub fn plain(&self, queue: usize) -> Job {
        let lane = &self.lanes[queue];
        Job {
            queue,
            slot: 0,
            later: false,
            state: JobState::Waiting,
            tries: 0,
            attempts: lane.attempts,
            pause: lane.pause,
            priority: lane.default_priority,
            lifo: false,
            due: 0,
            wall: None,
            expires: None,
            deadline: u64::MAX,
            announced: 0,
            taken: (0, 0),
            at_work: false,
        }
    }

    pub fn admit(&mut self, mut job: Job) {
        let (number, queue, later, lifo) = (self.jobs.len(), job.queue, job.later, job.lifo);
        job.announced = self.announcement();
        self.jobs.push(job);
        self.lanes[queue].stats.accepted += 1;
        if later {
            self.jobs[number].state = JobState::Delayed;
            self.cover("defer");
        } else {
            self.enter(number, if lifo { Spot::Newest } else { Spot::End });
            self.cover("admit");
        }
    }

    // ------------------------------------------------------------------------------------- lines --

    fn enter(&mut self, number: usize, spot: Spot) {
        let job = &self.jobs[number];
        let lane = &mut self.lanes[job.queue];
        let fresh = match (lane.order, lane.policy) {
            (_, Policy::Aging { per }) => self.now + u64::from(job.priority) * nanos(per),
            (Order::Deadline, _) => job.deadline,
            _ => u64::from(job.priority) - 1,
        };
        let occupied = lane
            .entries
            .iter()
            .any(|entry| entry.in_line && self.jobs[entry.job].slot == job.slot);
        let in_line = matches!(spot, Spot::End) && lane.has_lines() && !occupied;
        let (key, place) = match spot {
            Spot::End | Spot::Moved => (fresh, lane.back),
            Spot::Newest => (fresh, lane.front),
            Spot::Back(key, place) => (key, place),
        };
        match spot {
            Spot::End | Spot::Moved => lane.back += 1,
            Spot::Newest => lane.front -= 1,
            Spot::Back(..) => {}
        }
        lane.entries.push(Entry {
            key,
            place,
            job: number,
            stale: false,
            in_line,
        });
        self.jobs[number].state = JobState::Waiting;
    }

    /// A waiting job leaves its line without being run.
    fn leave(&mut self, number: usize) {
        let entries = &mut self.lanes[self.jobs[number].queue].entries;
        let at = entries
            .iter()
            .position(|entry| entry.job == number && !entry.stale);
        if let Some(at) = at {
            match entries[at].in_line {
                true => entries[at].stale = true,
                false => drop(entries.remove(at)),
            }
        }
    }

    /// Ends a job that no handler has decided.
    fn end(&mut self, number: usize, state: JobState) {
        if self.jobs[number].state == JobState::Waiting {
            self.leave(number);
        }
        self.jobs[number].state = state;
    }

    fn is_expired(&self, number: usize) -> bool {
        let job = &self.jobs[number];
        let waits = matches!(job.state, JobState::Waiting | JobState::Delayed);
        waits && job.expires.is_some_and(|expires| expires <= self.now)
    }

    fn expire(&mut self, number: usize, what: &'static str) {
        self.lanes[self.jobs[number].queue].stats.expired += 1;
        self.cover(what);
        self.cover("expire");
        self.end(number, JobState::Dead);
    }

    // ------------------------------------------------------------------------------------ changes --

    pub fn cancel(&mut self, number: usize) -> bool {
        let what = match self.jobs[number].state {
            JobState::Waiting => "cancel waiting",
            JobState::Delayed => "cancel delayed",
            JobState::Active => "cancel active",
            _ => return false,
        };
        self.cover(what);
        self.cover("cancel");
        self.lanes[self.jobs[number].queue].stats.cancelled += 1;
        self.end(number, JobState::Cancelled);
        true
    }

    pub fn set_priority(&mut self, number: usize, priority: u32) -> Result<(), JobState> {
        match self.jobs[number].state {
            JobState::Waiting => {
                self.leave(number);
                self.jobs[number].priority = priority;
                self.enter(number, Spot::Moved);
                self.cover("reprioritize");
            }
            JobState::Delayed => {
                self.jobs[number].priority = priority;
                self.cover("set_priority delayed");
            }
            state => return Err(state),
        }
        Ok(())
    }

    pub fn promote(&mut self, number: usize) -> Result<(), JobState> {
        match self.jobs[number].state {
            JobState::Delayed => {
                let lifo = self.jobs[number].lifo;
                self.enter(number, if lifo { Spot::Newest } else { Spot::End });
                self.cover("promote");
                Ok(())
            }
            state => Err(state),
        }
    }

    pub fn reschedule(&mut self, number: usize, delay: Duration) -> Result<(), JobState> {
        match self.jobs[number].state {
            JobState::Delayed => {
                let (due, announced) = (self.after(delay), self.announcement());
                let job = &mut self.jobs[number];
                (job.due, job.announced, job.wall) = (due, announced, None);
                self.cover("reschedule");
                Ok(())
            }
            state => Err(state),
        }
    }

    // --------------------------------------------------------------------------------------- time --

    /// When something is to be done about a job.
    fn instant(&self, number: usize) -> Option<u64> {
        let job = &self.jobs[number];
        match job.state {
            JobState::Delayed => Some(job.expires.map_or(job.due, |expires| expires.min(job.due))),
            JobState::Waiting => job.expires,
            _ => None,
        }
    }

    fn next_instant(&self) -> Option<u64> {
        (0..self.jobs.len())
            .filter_map(|job| self.instant(job))
            .min()
    }

    /// What is due happens, by instant and announcement.
    fn tick(&mut self) {
        loop {
            let come = (0..self.jobs.len())
                .filter(|job| self.instant(*job).is_some_and(|at| at <= self.now));
            let Some(number) =
                come.min_by_key(|job| (self.instant(*job), self.jobs[*job].announced))
            else {
                return;
            };
            let missing = self.jobs[number].wall.map_or(0, |wall| wall - self.wall());
            if self.is_expired(number) {
                self.expire(number, "expired when its instant came");
            } else if missing > 0 {
                let (due, announced) = (self.now + missing as u64, self.announcement());
                let job = &mut self.jobs[number];
                (job.due, job.announced) = (due, announced);
                self.cover("the wall clock lags");
            } else {
                self.cover("due");
                self.promote(number).expect("it is delayed");
            }
        }
    }

    /// The runtime begins to run what can run, perhaps while it turns the clock.
    pub fn begin(&mut self, by: Option<Duration>) {
        self.turning = by.map(|by| self.after(by));
        self.round = Some((self.hands.len(), true));
    }

    /// Everything that happens up to the next attempt; `None` when all is quiet.
    pub fn go_on(&mut self) -> Option<usize> {
        while let Some((next, worked)) = self.round {
            if next < self.hands.len() {
                let turn = self.turn(self.hands[next]);
                self.round = Some((next + 1, worked || !matches!(turn, Turn::Nothing)));
                if let Turn::Start(job) = turn {
                    return Some(job);
                }
            } else {
                self.next_round(worked);
            }
        }
        None
    }

    fn next_round(&mut self, worked: bool) {
        self.tick();
        self.round = Some((0, false));
        if worked {
            return;
        }
        match (self.turning, self.next_instant()) {
            (Some(end), Some(next)) if next <= end => self.now = self.now.max(next),
            (Some(end), _) => {
                self.now = self.now.max(end);
                self.turning = None;
            }
            (None, _) => self.round = None,
        }
        self.tick();
    }

    /// One job of a queue, if it has one.
    fn turn(&mut self, queue: usize) -> Turn {
        let lane = &mut self.lanes[queue];
        if lane.phase == Phase::Stopped {
            return Turn::Nothing;
        }
        let Some(entry) = lane.pop() else {
            return Turn::Nothing;
        };
        let number = entry.job;
        if self.is_expired(number) {
            self.expire(number, "expired at dispatch");
            return Turn::Stale;
        }
        if entry.stale {
            self.cover("a stale ticket came up");
            return Turn::Stale;
        }
        let job = &mut self.jobs[number];
        job.state = JobState::Active;
        job.tries += 1;
        job.at_work = true;
        job.taken = (entry.key, entry.place);
        self.cover("activate");
        Turn::Start(number)
    }

    // --------------------------------------------------------------------------------------- ends --

    /// The handler of a job returns.
    pub fn settle(&mut self, number: usize, verdict: Verdict) {
        let job = &mut self.jobs[number];
        job.at_work = false;
        let (queue, last) = (job.queue, job.tries >= job.attempts);
        let late = job.state != JobState::Active;
        let stats = &mut self.lanes[queue].stats;
        stats.panicked += u64::from(verdict == Verdict::Panic);
        if late {
            stats.late += 1;
            self.cover("late");
            return;
        }
        match verdict {
            Verdict::Complete => {
                stats.completed += 1;
                job.state = JobState::Completed;
                self.cover("complete");
            }
            Verdict::Snooze(pause) => {
                stats.snoozed += 1;
                job.tries -= 1;
                self.cover("snooze");
                self.again(number, pause);
            }
            Verdict::Requeue => {
                stats.requeued += 1;
                job.tries -= 1;
                let (key, place) = job.taken;
                self.cover("requeue");
                self.enter(number, Spot::Back(key, place));
                self.return_if_stopped(number);
            }
            Verdict::Fail | Verdict::Panic if !last => {
                stats.retried += 1;
                let pause = match job.pause {
                    Pause::None | Pause::Invalid => Duration::ZERO,
                    Pause::Fixed(pause) => pause,
                    Pause::Exponential(base) => (base * 2_u32.pow(job.tries - 1)).min(HOUR),
                };
                self.cover("retry");
                self.again(number, pause);
            }
            Verdict::Fail | Verdict::Panic | Verdict::Discard => {
                stats.failed += 1;
                job.state = JobState::Dead;
                self.cover("bury");
            }
        }
        match verdict {
            Verdict::Panic => self.cover("panic"),
            Verdict::Discard => self.cover("discard"),
            _ => {}
        }
    }

    /// Behind its peers, at once or after a pause.
    fn again(&mut self, number: usize, pause: Duration) {
        if pause.is_zero() {
            self.enter(number, Spot::End);
        } else {
            let (due, announced) = (self.after(pause), self.announcement());
            let job = &mut self.jobs[number];
            (job.due, job.announced, job.wall, job.lifo) = (due, announced, None, false);
            job.state = JobState::Delayed;
            self.cover("back after a pause");
        }
        self.return_if_stopped(number);
    }

    fn return_if_stopped(&mut self, number: usize) {
        if self.lanes[self.jobs[number].queue].phase == Phase::Stopped {
            self.give_back(number);
        }
    }

    fn give_back(&mut self, number: usize) {
        self.lanes[self.jobs[number].queue].stats.returned += 1;
        self.cover("return");
        self.end(number, JobState::Returned);
    }

    /// Refuses new jobs; queues without workers give theirs back.
    pub fn drain(&mut self) {
        for queue in 0..self.lanes.len() {
            if !self.hands.contains(&queue) {
                self.stop(queue);
            } else if self.lanes[queue].phase == Phase::Open {
                self.lanes[queue].phase = Phase::Draining;
            }
        }
    }

    pub fn stop_all(&mut self) {
        (0..self.lanes.len()).for_each(|queue| self.stop(queue));
    }

    fn stop(&mut self, queue: usize) {
        self.lanes[queue].phase = Phase::Stopped;
        for number in 0..self.jobs.len() {
            let job = &self.jobs[number];
            let waits = matches!(job.state, JobState::Waiting | JobState::Delayed);
            if job.queue == queue && waits {
                self.give_back(number);
            }
        }
    }

    // ------------------------------------------------------------------------------------- counts --

    pub fn count(&self, queue: usize, state: JobState) -> u64 {
        let own = self.jobs.iter().filter(|job| job.queue == queue);
        own.filter(|job| job.state == state).count() as u64
    }

    pub fn stats(&self, queue: usize) -> QueueStats {
        let mut stats = self.lanes[queue].stats;
        stats.waiting = self.count(queue, JobState::Waiting);
        stats.delayed = self.count(queue, JobState::Delayed);
        stats.active = self.count(queue, JobState::Active);
        stats
    }
}
