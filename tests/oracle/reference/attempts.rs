//! Leases: who gets one, what its holder may say, and who may decide over its holder's head.

use std::time::Duration;

use guichet::{DeadReason, EventKind, FailureKind, JobState, Revoked};

use super::{AttemptFailure, DEAD, Hold, MAIN, Member, Reference};
use crate::program::{BROKEN, FATAL, FINAL, Fail, OWN_PAUSE, Pause, Say};

const HOUR: Duration = Duration::from_secs(3600);
const TIMED_OUT: &str = "the attempt took longer than its time-out";
const DROPPED_TOO_OFTEN: &str = "its lease was dropped too often";
const PANICKED: &str = "the thread that held the lease panicked";

/// What follows a failed attempt.
enum Next {
    Again(Duration),
    Nothing(DeadReason),
}

impl Reference {
    // --------------------------------------------------------------------------------- consumers --

    pub fn enter(&mut self, lane: usize, priority: i32, prefetch: usize) -> u64 {
        let lane = &mut self.lanes[lane];
        lane.next_member += 1;
        lane.members.push(Member {
            number: lane.next_member,
            priority,
            prefetch,
            leases: 0,
        });
        lane.next_member
    }

    pub fn leave(&mut self, lane: usize, member: u64) {
        self.lanes[lane].members.retain(|one| one.number != member);
    }

    /// Whether a consumer, or somebody who is none, may get a job now.
    fn may_lease(&self, lane: usize, member: Option<u64>) -> bool {
        let lane = &self.lanes[lane];
        let others = lane.members.iter();
        let Some(number) = member else {
            // As a consumer of priority 0 that came last.
            let before = others.filter(|one| one.priority >= 0).count();
            return !lane.setup.single_active || before == 0;
        };
        let itself = others.clone().find(|one| one.number == number).unwrap();
        let ahead = |one: &&Member| {
            one.priority > itself.priority
                || one.priority == itself.priority && one.number < itself.number
        };
        let its_turn = !lane.setup.single_active || others.filter(ahead).count() == 0;
        its_turn && itself.leases < itself.prefetch
    }

    // ------------------------------------------------------------------------------------- begin --

    /// Whether a lease could be had.
    pub fn has_lease(&self, lane: usize, member: Option<u64>) -> bool {
        let ready = self.waiting(lane);
        let ready = ready.iter().any(|number| !self.is_expired(*number));
        ready && !self.lanes[lane].stopped && !self.is_halted(lane) && self.may_lease(lane, member)
    }

    /// The next job, if there is one to be had; the number of the lease.
    pub fn lease(&mut self, lane: usize, member: Option<u64>) -> Option<usize> {
        let stopped = self.lanes[lane].stopped;
        if stopped || self.is_halted(lane) || !self.may_lease(lane, member) {
            self.cover(match () {
                () if stopped => "no lease: stopped",
                () if self.is_halted(lane) => "no lease: halted",
                () if self.lanes[lane].setup.single_active => "no lease: another is active",
                () => "no lease: prefetch",
            });
            return None;
        }
        for number in self.waiting(lane) {
            if self.is_expired(number) {
                self.cover("expired at dispatch");
                self.expire(number);
                continue;
            }
            self.start(number);
            let job = &mut self.jobs[number];
            job.holders += 1;
            let (attempt, timeout) = (job.tries, job.timeout);
            let hold = Hold {
                job: number,
                attempt,
                deadline: timeout.map(|timeout| self.after(timeout)),
                valid: true,
                member,
            };
            let mut members = self.lanes[lane].members.iter_mut();
            if let Some(member) = members.find(|one| Some(one.number) == member) {
                member.leases += 1;
            }
            self.holds.push(Some(hold));
            return Some(self.holds.len() - 1);
        }
        self.cover("no lease: no job");
        None
    }

    fn start(&mut self, number: usize) {
        self.go(number, "activate", JobState::Active);
        self.jobs[number].tries += 1;
        let attempt = self.jobs[number].tries;
        self.tell(number, EventKind::Started, attempt, None);
    }

    // ------------------------------------------------------------------------------- while it runs --

    /// Who decided a job over the head of somebody who ran it.
    fn who(&self, number: usize) -> Revoked {
        let job = &self.jobs[number];
        match job.state {
            JobState::Cancelled => Revoked::Cancelled {
                reason: job.cancel_reason.clone(),
            },
            JobState::Interrupted => Revoked::ShuttingDown,
            _ => Revoked::TimedOut,
        }
    }

    /// Who decided the attempt, if anybody did or its time is over now.
    pub fn checkpoint(&mut self, lease: usize) -> Result<(), Revoked> {
        let hold = self.holds[lease].unwrap();
        if hold.valid && hold.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.cover("timed out when asked");
            self.time_out(lease);
        }
        match self.holds[lease].unwrap().valid {
            true => Ok(()),
            false => Err(self.who(hold.job)),
        }
    }

    pub fn extend(&mut self, lease: usize, more: Duration) -> Result<(), Revoked> {
        self.checkpoint(lease)?;
        let deadline = self.after(more);
        self.holds[lease].as_mut().unwrap().deadline = Some(deadline);
        Ok(())
    }

    pub fn log(&mut self, lease: usize, line: usize) {
        let hold = self.holds[lease].unwrap();
        if hold.valid {
            let line = (hold.attempt, self.now, line);
            self.jobs[hold.job].log.push(line);
        }
    }

    pub fn show(&mut self, lease: usize, progress: u32) {
        let hold = self.holds[lease].unwrap();
        if hold.valid {
            self.jobs[hold.job].progress = Some(progress);
        }
    }

    pub(super) fn time_out_all(&mut self, lane: usize) {
        loop {
            let over = |lease: &usize| {
                let hold = self.holds[*lease]?;
                let own = hold.valid && self.jobs[hold.job].lane == lane;
                hold.deadline.filter(|at| own && *at <= self.now)
            };
            let all = (0..self.holds.len()).filter_map(|lease| Some((over(&lease)?, lease)));
            let Some((_, lease)) = all.min() else {
                return;
            };
            self.cover("timed out at the deadline");
            self.time_out(lease);
        }
    }

    /// The attempt is decided; its holder's word will come too late.
    fn time_out(&mut self, lease: usize) {
        let hold = self.holds[lease].as_mut().unwrap();
        hold.valid = false;
        let number = hold.job;
        let lane = self.jobs[number].lane;
        self.lanes[lane].stats.timed_out += 1;
        match self.next(number, TIMED_OUT) {
            Next::Again(pause) => {
                self.cover("time-out: retry");
                let grace = self.lanes[lane].setup.overlap_after;
                let overlap = grace.map(|grace| self.after(grace.max(Duration::from_nanos(1))));
                self.jobs[number].overlap = overlap;
                self.retry(number, FailureKind::Timeout, TIMED_OUT, pause, true);
            }
            Next::Nothing(reason) => {
                self.cover("time-out: bury");
                self.bury(number, reason, FailureKind::Timeout, TIMED_OUT);
            }
        }
    }

    // -------------------------------------------------------------------------------------- settle --

    /// The holder says its last word about a job.
    pub fn settle(&mut self, lease: usize, say: Say, result: u32) -> Result<(), Revoked> {
        let answer = self.checkpoint(lease);
        let hold = self.holds[lease].take().unwrap();
        let number = hold.job;
        let lane = self.jobs[number].lane;
        let panics = say == Say::Panic;
        self.lanes[lane].stats.panicked += u64::from(panics);
        let word = say.name();
        match &answer {
            Ok(()) => {
                self.cover(&format!("{word}, in time"));
                self.decide(number, say, result);
            }
            Err(why) => {
                self.lanes[lane].stats.late += 1;
                self.cover(&format!("{word}, late"));
                self.cover(match why {
                    Revoked::Cancelled { .. } => "late: cancelled",
                    Revoked::TimedOut => "late: timed out",
                    _ => "late: shut down",
                });
            }
        }
        let mut members = self.lanes[lane].members.iter_mut();
        if let Some(member) = members.find(|one| Some(one.number) == hold.member) {
            member.leases -= 1;
        }
        self.release(number);
        answer
    }

    fn decide(&mut self, number: usize, say: Say, result: u32) {
        let lane = self.jobs[number].lane;
        match say {
            Say::Complete => self.complete(number, Some(result)),
            Say::Fail(Fail::Snooze(pause)) => {
                self.lanes[lane].stats.snoozed += 1;
                let attempt = self.not_counted(number);
                self.again(number, "snooze", pause);
                let kind = Some(FailureKind::Snooze);
                self.tell(number, EventKind::Snoozed, attempt, kind);
                self.give_back_if_stopped(number);
            }
            Say::Requeue | Say::Fail(Fail::Requeue) => {
                self.requeue(number, FailureKind::Requeue);
            }
            Say::Fail(Fail::Limited(pause)) => {
                self.requeue(number, FailureKind::RateLimited);
                self.hold(lane, pause);
            }
            Say::DeadLetter => {
                let reason = DeadReason::Rejected;
                self.bury(number, reason, FailureKind::Error, "rejected");
            }
            Say::Drop if self.jobs[number].redelivered >= self.limit(lane) => {
                let (reason, kind) = (DeadReason::DeliveryLimit, FailureKind::Error);
                self.bury(number, reason, kind, DROPPED_TOO_OFTEN);
            }
            Say::Drop => {
                self.jobs[number].redelivered += 1;
                self.lanes[lane].stats.redelivered += 1;
                self.requeue(number, FailureKind::Requeue);
            }
            Say::Fail(Fail::Discard) => {
                let (reason, kind) = (DeadReason::Discarded, FailureKind::Discard);
                self.bury(number, reason, kind, Fail::Discard.text());
            }
            Say::Fail(fail) => {
                let next = match (self.next(number, fail.text()), fail) {
                    // What the holder asks for goes before what the queue says.
                    (Next::Again(_), Fail::After(pause)) => Next::Again(pause),
                    (next, _) => next,
                };
                self.fail(number, next, fail.kind(), fail.text());
            }
            Say::Panic => {
                let next = self.next(number, PANICKED);
                self.fail(number, next, FailureKind::Panic, PANICKED);
            }
        }
    }

    fn limit(&self, lane: usize) -> u32 {
        self.lanes[lane].setup.delivery_limit
    }

    fn next(&self, number: usize, text: &str) -> Next {
        let job = &self.jobs[number];
        let custom = self.lanes[job.lane].setup.custom;
        if job.tries >= job.attempts {
            Next::Nothing(DeadReason::Exhausted)
        } else if custom && [FATAL, FINAL].contains(&text) {
            Next::Nothing(DeadReason::NotRetried)
        } else if custom && text != BROKEN {
            Next::Again(OWN_PAUSE)
        } else {
            Next::Again(match job.pause {
                Pause::None => Duration::ZERO,
                Pause::Fixed(pause) => pause,
                Pause::Exponential(base) => (base * 2_u32.pow(job.tries - 1)).min(HOUR),
            })
        }
    }

    fn fail(&mut self, number: usize, next: Next, kind: FailureKind, text: &str) {
        match next {
            Next::Again(pause) => self.retry(number, kind, text, pause, false),
            Next::Nothing(reason) => self.bury(number, reason, kind, text),
        }
    }

    fn note(&mut self, number: usize, kind: FailureKind, text: &str) {
        let at = self.now;
        let job = &mut self.jobs[number];
        job.errors.push(AttemptFailure {
            attempt: job.tries,
            kind,
            text: text.to_owned(),
            at,
        });
    }

    /// Another attempt is due. One that was decided over its holder's head waits for that in any case.
    fn retry(
        &mut self,
        number: usize,
        kind: FailureKind,
        text: &str,
        pause: Duration,
        runs_on: bool,
    ) {
        let (lane, attempt) = (self.jobs[number].lane, self.jobs[number].tries);
        self.lanes[lane].stats.retried += 1;
        self.note(number, kind, text);
        match runs_on {
            true => self.put_off(number, "retry", pause),
            false => self.again(number, "retry", pause),
        }
        self.tell(number, EventKind::Retried, attempt, Some(kind));
        self.call_hook("failed", number, attempt, false, text);
        self.give_back_if_stopped(number);
    }

    /// Behind its peers, at once or after a pause.
    fn again(&mut self, number: usize, verb: &str, pause: Duration) {
        if pause.is_zero() {
            self.go(number, verb, JobState::Waiting);
            self.jobs[number].lifo = false;
            self.line_up(number);
        } else {
            self.put_off(number, verb, pause);
        }
    }

    fn put_off(&mut self, number: usize, verb: &str, pause: Duration) {
        self.go(number, verb, JobState::Delayed);
        let (due, announced) = (self.after(pause), self.announcement());
        let job = &mut self.jobs[number];
        (job.due, job.announced, job.lifo) = (due, announced, false);
    }

    fn not_counted(&mut self, number: usize) -> u32 {
        let job = &mut self.jobs[number];
        job.tries -= 1;
        job.tries + 1
    }

    /// Back to its place in line.
    fn requeue(&mut self, number: usize, kind: FailureKind) {
        let lane = self.jobs[number].lane;
        self.lanes[lane].stats.requeued += 1;
        let attempt = self.not_counted(number);
        self.go(number, "requeue", JobState::Waiting);
        self.tell(number, EventKind::Requeued, attempt, Some(kind));
        self.give_back_if_stopped(number);
    }

    fn complete(&mut self, number: usize, result: Option<u32>) {
        let lane = self.jobs[number].lane;
        self.lanes[lane].stats.completed += 1;
        self.jobs[number].result = result;
        let attempt = self.jobs[number].tries;
        self.end(number, "complete", JobState::Completed, None);
        self.tell(number, EventKind::Completed, attempt, None);
        if let Some(result) = result {
            self.keep_result(number);
            self.call_hook("completed", number, attempt, true, &result.to_string());
        }
    }

    fn bury(&mut self, number: usize, reason: DeadReason, kind: FailureKind, text: &str) {
        let (lane, attempt) = (self.jobs[number].lane, self.jobs[number].tries);
        self.lanes[lane].stats.failed += 1;
        self.cover(&format!("bury: {reason:?}"));
        self.note(number, kind, text);
        self.end(number, "bury", JobState::Dead, Some(reason));
        self.tell(number, EventKind::Failed, attempt, Some(kind));
        self.call_hook("failed", number, attempt, true, text);
        if reason == DeadReason::Exhausted {
            self.call_hook("exhausted", number, attempt, true, text);
        }
    }

    // -------------------------------------------------------------------- over the holder's head --

    pub(super) fn expire(&mut self, number: usize) {
        let job = &self.jobs[number];
        let (lane, held) = (job.lane, job.holders > 0);
        self.lanes[lane].stats.expired += 1;
        self.cover(match held {
            true => "expire while held",
            false => "expire while nobody holds it",
        });
        let attempt = self.jobs[number].tries;
        let reason = Some(DeadReason::Expired);
        self.end(number, "expire", JobState::Dead, reason);
        self.tell(number, EventKind::Expired, attempt, None);
        self.hand_over_if_unheld(number);
    }

    pub fn cancel(&mut self, number: usize, reason: Option<&str>) -> bool {
        let job = &self.jobs[number];
        let (lane, attempt) = (job.lane, job.tries);
        if job.state.is_terminal() {
            self.cover("cancel in vain");
            return false;
        }
        if job.state == JobState::Delayed && job.holders > 0 {
            self.cover("cancel delayed while held");
        }
        self.lanes[lane].stats.cancelled += 1;
        self.jobs[number].cancel_reason = reason.map(str::to_owned);
        self.revoke(number);
        self.end(number, "cancel", JobState::Cancelled, None);
        self.tell(number, EventKind::Cancelled, attempt, None);
        true
    }

    pub fn cancel_all(&mut self, lane: usize, reason: &str) -> usize {
        let mut cancelled = 0;
        for number in self.by_slot(lane) {
            if !self.jobs[number].state.is_terminal() {
                cancelled += usize::from(self.cancel(number, Some(reason)));
            }
        }
        cancelled
    }

    pub(super) fn interrupt(&mut self, number: usize) {
        let (lane, attempt) = (self.jobs[number].lane, self.jobs[number].tries);
        self.lanes[lane].stats.interrupted += 1;
        self.revoke(number);
        self.end(number, "interrupt", JobState::Interrupted, None);
        self.tell(number, EventKind::Interrupted, attempt, None);
    }

    /// The attempt that runs, if one does, is not its holder's any more.
    fn revoke(&mut self, number: usize) {
        let holds = self.holds.iter_mut().flatten();
        let own = holds.filter(|hold| hold.job == number);
        own.for_each(|hold| hold.valid = false);
    }

    fn give_back_if_stopped(&mut self, number: usize) {
        if self.lanes[self.jobs[number].lane].stopped {
            self.give_back_if_it_waits(number);
        }
    }

    pub(super) fn give_back_if_it_waits(&mut self, number: usize) {
        let state = self.jobs[number].state;
        if !matches!(state, JobState::Waiting | JobState::Delayed) {
            return;
        }
        let (lane, attempt) = (self.jobs[number].lane, self.jobs[number].tries);
        self.lanes[lane].stats.returned += 1;
        self.end(number, "return", JobState::Returned, None);
        self.tell(number, EventKind::Returned, attempt, None);
        self.hand_over_if_unheld(number);
    }

    // ------------------------------------------------------------------------------------- letters --

    /// A holder has left.
    fn release(&mut self, number: usize) {
        let before = self.instant(number);
        self.jobs[number].holders -= 1;
        if self.instant(number) != before {
            self.jobs[number].announced = self.announcement();
        }
        self.hand_over_if_unheld(number);
    }

    /// The letter of a dead job, and the payload of one that was given back, goes when nobody reads it any more.
    fn hand_over_if_unheld(&mut self, number: usize) {
        let job = &self.jobs[number];
        let lane = job.lane;
        if !job.owes || job.holders > 0 || self.lanes[lane].unsent.contains(&number) {
            return;
        }
        if job.state == JobState::Returned {
            self.jobs[number].owes = false;
            self.lanes[lane].returned.push(number);
        } else if self.room(DEAD, false) > 0 {
            self.cover("a letter");
            self.send(number);
        } else {
            self.cover("a letter is kept");
            self.lanes[lane].unsent.push(number);
            self.tell(number, EventKind::LetterKept, 0, None);
        }
    }

    fn send(&mut self, number: usize) {
        self.jobs[number].owes = false;
        let mut letter = self.plain(DEAD, self.jobs[number].payload);
        letter.source = Some(number);
        let letter = self.admit(letter);
        self.give_back_if_stopped(letter);
    }

    /// Letters that were kept go, the oldest first, as far as there is room.
    pub(super) fn send_letters(&mut self) {
        while !self.lanes[MAIN].unsent.is_empty() && self.room(DEAD, false) > 0 {
            let number = self.lanes[MAIN].unsent.remove(0);
            self.cover("a letter that was kept");
            self.send(number);
        }
    }

    /// The letters that found no room.
    pub fn take_unsent(&mut self) -> Vec<usize> {
        let unsent = std::mem::take(&mut self.lanes[MAIN].unsent);
        for number in &unsent {
            self.jobs[*number].owes = false;
        }
        unsent
    }

    /// Adds the payloads of letters anew: the numbers of the new jobs, how many stay though they were looked at, and whether
    /// the target was full.
    pub fn redrive(
        &mut self,
        remainder: Option<usize>,
        limit: usize,
        spacing: Duration,
    ) -> (Vec<usize>, usize, bool) {
        let (mut jobs, mut skipped, mut stopped) = (Vec::new(), 0, false);
        let mut stay = Vec::new();
        for number in self.waiting(DEAD) {
            if jobs.len() >= limit || stopped {
                break;
            }
            self.start(number);
            if self.jobs[number].holders > 0 {
                // A late handler reads it.
                self.lanes[DEAD].stats.snoozed += 1;
                self.not_counted(number);
                self.jobs[number].overlap = None;
                self.put_off(number, "snooze", Duration::ZERO);
                self.tell(number, EventKind::Snoozed, 0, None);
                continue;
            }
            let payload = self.jobs[number].payload;
            if remainder.is_some_and(|wanted| payload % 2 != wanted) {
                skipped += 1;
                stay.push(number);
                continue;
            }
            let delay = spacing * jobs.len() as u32;
            let mut job = self.plain(MAIN, payload);
            job.later = !delay.is_zero();
            job.due = self.after(delay);
            if self.lanes[MAIN].stopped || self.room(MAIN, job.later) == 0 {
                stopped = true;
                stay.push(number);
                continue;
            }
            jobs.push(self.admit(job));
            self.complete(number, None);
        }
        for number in stay {
            self.not_counted(number);
            self.go(number, "requeue", JobState::Waiting);
            self.tell(number, EventKind::Requeued, 0, None);
        }
        (jobs, skipped, stopped)
    }

    /// Ends a job; how is told by the caller.
    fn end(&mut self, number: usize, verb: &str, state: JobState, reason: Option<DeadReason>) {
        self.go(number, verb, state);
        let now = self.now;
        let has_dead_queue = self.lanes.len() > DEAD;
        let job = &mut self.jobs[number];
        (job.reason, job.ended) = (reason, now);
        job.owes = match state {
            JobState::Dead => job.lane == MAIN && has_dead_queue,
            _ => state == JobState::Returned,
        };
        self.keep_record(number);
    }
}
