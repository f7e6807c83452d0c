//! What a queue of which everything is leased must do, in the plainest words: a list of jobs, lists of letters and
//! records, and a clock that somebody turns.
//!
//! Every step takes a nanosecond, so no two instants are alike, and the model has one right order.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::Arbitrary;
use guichet::{DeadReason, JobId, JobState, QueueStats, Revoked};

/// Lines of a job's log that are kept.
pub const LOG_LINES: u64 = 2;

/// The options of both queues. Times are in nanoseconds; a time-out of 0 is none.
#[derive(Debug)]
pub struct Terms {
    pub capacity: usize,
    /// Of the queue of dead letters, if there is one.
    pub letters: Option<usize>,
    pub attempts: u32,
    pub pause: u64,
    pub timeout: u64,
    pub delivery_limit: u32,
    pub keep_completed: usize,
    pub keep_failed: usize,
    /// Leases that the consumer may have.
    pub prefetch: usize,
}

/// What becomes of a lease. Pauses are in milliseconds.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Complete,
    Fail,
    FailAfter(u8),
    Discard,
    Snooze(u8),
    Requeue,
    /// By way of a failure, which does the same.
    FailRequeue,
    RateLimit(u8),
    Reject,
    Drop,
    /// Dropped while its thread unwinds.
    Unwind,
}

/// An accepted job. Its number is its place among all of them.
#[derive(Debug)]
pub struct Job {
    pub id: JobId,
    pub payload: usize,
    pub state: JobState,
    /// Attempts that began and count.
    pub attempts: u32,
    /// The smallest is the next in line.
    place: u64,
    due: u64,
    /// Its lease is out, lost or not.
    pub leased: bool,
    pub deadline: Option<u64>,
    pub failures: u64,
    pub redelivered: u32,
    pub logs: u64,
    pub reason: Option<DeadReason>,
    pub cancel_reason: Option<String>,
}

#[derive(Debug)]
pub struct Model {
    pub terms: Terms,
    pub now: u64,
    pub jobs: Vec<Job>,
    /// By payload: whether it has not been dropped.
    pub alive: Vec<bool>,
    /// Every slot's last job.
    tenants: BTreeMap<u32, usize>,
    /// Slots of jobs that live, that are read late, or whose letters found no room.
    pub used: usize,
    next_place: u64,
    pub paused: bool,
    held_until: Option<u64>,
    /// Dead jobs whose letters wait in line.
    pub letters: VecDeque<usize>,
    pub letters_done: u64,
    /// Dead jobs whose letters found no room.
    pub unsent: VecDeque<usize>,
    /// Records, the oldest first.
    pub completed: VecDeque<usize>,
    pub failed: VecDeque<usize>,
    /// Shutdown gave these back.
    pub returned: Vec<usize>,
    stats: QueueStats,
}

pub fn millis(count: u8) -> u64 {
    u64::from(count) * 1_000_000
}

impl Model {
    pub fn new(terms: Terms) -> Self {
        Model {
            terms,
            now: 0,
            jobs: Vec::new(),
            alive: Vec::new(),
            tenants: BTreeMap::new(),
            used: 0,
            next_place: 0,
            paused: false,
            held_until: None,
            letters: VecDeque::new(),
            letters_done: 0,
            unsent: VecDeque::new(),
            completed: VecDeque::new(),
            failed: VecDeque::new(),
            returned: Vec::new(),
            stats: QueueStats::default(),
        }
    }

    // ------------------------------------------------------------------------------------ asking --

    pub fn has_room(&self) -> bool {
        self.used < self.terms.capacity
    }

    pub fn is_live(&self, number: usize) -> bool {
        !self.jobs[number].state.is_terminal()
    }

    /// Jobs that have not ended, in the order of their slots: whoever ends all of them does it in this one, which decides
    /// whose records are left.
    pub fn live(&self) -> Vec<usize> {
        let tenants = self.tenants.values().copied();
        tenants.filter(|number| self.is_live(*number)).collect()
    }

    pub fn has_record(&self, number: usize) -> bool {
        self.completed.contains(&number) || self.failed.contains(&number)
    }

    /// Whether the job's slot serves no later one.
    pub fn is_tenant(&self, number: usize) -> bool {
        self.tenants[&slot_of(self.jobs[number].id)] == number
    }

    pub fn state(&self, number: usize) -> Option<JobState> {
        let known = self.is_tenant(number) || self.has_record(number);
        known.then_some(self.jobs[number].state)
    }

    pub fn stats(&self) -> QueueStats {
        let count = |state| self.jobs.iter().filter(|job| job.state == state).count() as u64;
        let mut stats = self.stats;
        stats.waiting = count(JobState::Waiting);
        stats.delayed = count(JobState::Delayed);
        stats.active = count(JobState::Active);
        stats.unsent = self.unsent.len() as u64;
        stats
    }

    /// Who took the job from whoever has its lease.
    pub fn lost(&self, number: usize) -> Option<Revoked> {
        let job = &self.jobs[number];
        match job.state {
            JobState::Active => None,
            JobState::Cancelled => Some(Revoked::Cancelled {
                reason: job.cancel_reason.clone(),
            }),
            JobState::Interrupted => Some(Revoked::ShuttingDown),
            _ => Some(Revoked::TimedOut),
        }
    }

    // ---------------------------------------------------------------------------- into and out of --

    fn place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place
    }

    pub fn admit(&mut self, id: JobId, payload: usize) {
        let number = self.jobs.len();
        let place = self.place();
        self.jobs.push(Job {
            id,
            payload,
            state: JobState::Waiting,
            attempts: 0,
            place,
            due: 0,
            leased: false,
            deadline: None,
            failures: 0,
            redelivered: 0,
            logs: 0,
            reason: None,
            cancel_reason: None,
        });
        self.used += 1;
        assert!(self.used <= self.terms.capacity, "more jobs than slots");
        self.stats.accepted += 1;
        let before = self.tenants.insert(slot_of(id), number);
        assert!(
            before.is_none_or(|before| !self.is_live(before)),
            "the slot was in use"
        );
    }

    /// The next job, leased.
    pub fn lease(&mut self) -> Option<usize> {
        if self.paused || self.held_until.is_some() {
            return None;
        }
        let jobs = self.jobs.iter().enumerate();
        let waiting = jobs.filter(|(_, job)| job.state == JobState::Waiting);
        let (number, _) = waiting.min_by_key(|(_, job)| job.place)?;
        let job = &mut self.jobs[number];
        job.state = JobState::Active;
        job.attempts += 1;
        job.leased = true;
        job.deadline = (self.terms.timeout > 0).then_some(self.now + self.terms.timeout);
        Some(number)
    }

    /// Whether the lease was not lost.
    pub fn settle(&mut self, number: usize, answer: Answer) -> Result<(), Revoked> {
        self.stats.panicked += u64::from(answer == Answer::Unwind);
        let lost = self.lost(number);
        let job = &mut self.jobs[number];
        (job.leased, job.deadline) = (false, None);
        if let Some(lost) = lost {
            self.stats.late += 1;
            if !self.is_live(number) {
                self.leave(number);
            }
            return Err(lost);
        }
        let pause = self.terms.pause;
        match answer {
            Answer::Complete => {
                self.stats.completed += 1;
                self.end(number, JobState::Completed);
            }
            Answer::Fail | Answer::Unwind => self.fail(number, pause),
            Answer::FailAfter(pause) => self.fail(number, millis(pause)),
            Answer::Discard => self.bury(number, DeadReason::Discarded),
            Answer::Snooze(pause) => {
                self.stats.snoozed += 1;
                self.jobs[number].attempts -= 1;
                self.again(number, millis(pause));
            }
            Answer::Requeue | Answer::FailRequeue => self.requeue(number),
            Answer::RateLimit(pause) => {
                self.requeue(number);
                self.hold(millis(pause));
            }
            Answer::Reject => self.bury(number, DeadReason::Rejected),
            Answer::Drop if self.jobs[number].redelivered < self.terms.delivery_limit => {
                self.stats.redelivered += 1;
                self.jobs[number].redelivered += 1;
                self.requeue(number);
            }
            Answer::Drop => self.bury(number, DeadReason::DeliveryLimit),
        }
        Ok(())
    }

    fn requeue(&mut self, number: usize) {
        self.stats.requeued += 1;
        let job = &mut self.jobs[number];
        job.attempts -= 1;
        job.state = JobState::Waiting;
    }

    fn fail(&mut self, number: usize, pause: u64) {
        let job = &mut self.jobs[number];
        if job.attempts >= self.terms.attempts {
            return self.bury(number, DeadReason::Exhausted);
        }
        job.failures += 1;
        self.stats.retried += 1;
        self.again(number, pause);
    }

    fn again(&mut self, number: usize, pause: u64) {
        let place = self.place();
        let job = &mut self.jobs[number];
        match pause {
            0 => (job.state, job.place) = (JobState::Waiting, place),
            _ => (job.state, job.due) = (JobState::Delayed, self.now + pause),
        }
    }

    fn bury(&mut self, number: usize, reason: DeadReason) {
        self.stats.failed += 1;
        let job = &mut self.jobs[number];
        job.failures += 1;
        job.reason = Some(reason);
        self.end(number, JobState::Dead);
    }

    /// The job's end: its record is written, and what it had goes as soon as nobody has its lease.
    fn end(&mut self, number: usize, state: JobState) {
        self.jobs[number].state = state;
        let (shelf, most) = match state {
            JobState::Completed => (&mut self.completed, self.terms.keep_completed),
            _ => (&mut self.failed, self.terms.keep_failed),
        };
        if state != JobState::Returned {
            shelf.push_back(number);
            let over = shelf.len().saturating_sub(most);
            shelf.drain(..over);
        }
        if !self.jobs[number].leased {
            self.leave(number);
        }
    }

    fn leave(&mut self, number: usize) {
        let job = &self.jobs[number];
        match job.state {
            JobState::Dead if self.terms.letters.is_some() => return self.unsent.push_back(number),
            JobState::Returned => self.returned.push(number),
            _ => self.alive[job.payload] = false,
        }
        self.used -= 1;
    }

    // ----------------------------------------------------------------------------------- meddling --

    pub fn cancel(&mut self, number: usize, reason: Option<&str>) -> bool {
        if !self.is_live(number) {
            return false;
        }
        self.stats.cancelled += 1;
        self.jobs[number].cancel_reason = reason.map(str::to_owned);
        self.end(number, JobState::Cancelled);
        true
    }

    pub fn hold(&mut self, pause: u64) {
        self.held_until = self.held_until.max(Some(self.now + pause));
    }

    pub fn resume(&mut self) {
        (self.paused, self.held_until) = (false, None);
    }

    pub fn log(&mut self, number: usize) {
        let lost = self.lost(number).is_some();
        self.jobs[number].logs += u64::from(!lost);
    }

    /// Shutdown: what waits is given back, what is leased is interrupted.
    pub fn stop(&mut self) {
        for number in self.live() {
            match self.jobs[number].state {
                JobState::Waiting | JobState::Delayed => {
                    self.stats.returned += 1;
                    self.end(number, JobState::Returned);
                }
                JobState::Active => {
                    self.stats.interrupted += 1;
                    self.end(number, JobState::Interrupted);
                }
                _ => {}
            }
        }
    }

    // --------------------------------------------------------------------------------------- time --

    /// Turns the clock, and does at each instant what is due then.
    pub fn advance(&mut self, by: u64) {
        let end = self.now + by;
        self.tick();
        while let Some(next) = self.next_instant().filter(|next| *next <= end) {
            self.now = next;
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    fn next_instant(&self) -> Option<u64> {
        let instants = self.jobs.iter().filter_map(|job| match job.state {
            JobState::Delayed if !job.leased => Some(job.due),
            JobState::Active => job.deadline,
            _ => None,
        });
        instants.chain(self.held_until).min()
    }

    fn tick(&mut self) {
        self.held_until = self.held_until.filter(|until| *until > self.now);
        for number in 0..self.jobs.len() {
            let job = &self.jobs[number];
            let due = match job.state {
                JobState::Delayed if !job.leased => job.due <= self.now,
                JobState::Active => job.deadline.is_some_and(|deadline| deadline <= self.now),
                _ => false,
            };
            if due && job.state == JobState::Delayed {
                let place = self.place();
                let job = &mut self.jobs[number];
                (job.state, job.place) = (JobState::Waiting, place);
            } else if due {
                self.time_out(number);
            }
        }
        self.send_letters();
    }

    /// Nobody else gets the job before its lease is given back.
    fn time_out(&mut self, number: usize) {
        self.stats.timed_out += 1;
        let job = &mut self.jobs[number];
        job.deadline = None;
        if job.attempts >= self.terms.attempts {
            return self.bury(number, DeadReason::Exhausted);
        }
        job.failures += 1;
        (job.state, job.due) = (JobState::Delayed, self.now + self.terms.pause);
        self.stats.retried += 1;
    }

    // ------------------------------------------------------------------------------------ letters --

    /// In the order in which the jobs' last holders left them, as far as there is room.
    pub fn send_letters(&mut self) {
        while self.letters.len() < self.terms.letters.unwrap_or(0) {
            let Some(number) = self.unsent.pop_front() else {
                return;
            };
            self.letters.push_back(number);
            self.used -= 1;
        }
    }

    /// Somebody takes the first letter and drops it.
    pub fn take_letter(&mut self) -> Option<usize> {
        let number = self.letters.pop_front()?;
        self.letters_done += 1;
        self.alive[self.jobs[number].payload] = false;
        Some(number)
    }

    pub fn take_unsent(&mut self) -> Vec<usize> {
        let numbers = std::mem::take(&mut self.unsent);
        self.used -= numbers.len();
        numbers.into()
    }

    /// The payloads of chosen letters become these jobs; how many letters were passed over, and whether it
    /// stopped for want of room.
    pub fn redrive(
        &mut self,
        limit: usize,
        chosen: impl Fn(usize) -> bool,
        ids: &[JobId],
    ) -> (usize, bool) {
        let (mut skipped, mut done) = (0, 0);
        let mut at = 0;
        while at < self.letters.len() && done < limit {
            let payload = self.jobs[self.letters[at]].payload;
            if !chosen(payload) {
                skipped += 1;
                at += 1;
            } else if !self.has_room() {
                return (skipped, true);
            } else {
                self.letters.remove(at);
                self.letters_done += 1;
                self.admit(ids[done], payload);
                done += 1;
            }
        }
        assert_eq!(done, ids.len(), "more was added anew than was to be");
        (skipped, false)
    }
}

fn slot_of(id: JobId) -> u32 {
    let text = id.to_string();
    let slot = text.split(':').nth(1);
    let slot = slot.expect("an id is queue:slot:occupancy");
    slot.parse().expect("a slot is a number")
}
