//! Leases: who gets one, what its holder may say, and who may decide over its holder's head.

use std::time::Duration;

use guichet::{DeadReason, EventKind, FailureKind, JobState, Revoked};

use super::{AttemptFailure, Hold, Member, Reference};
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

    pub(super) fn start(&mut self, number: usize) {
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

    pub(super) fn put_off(&mut self, number: usize, verb: &str, pause: Duration) {
        self.go(number, verb, JobState::Delayed);
        let (due, announced) = (self.after(pause), self.announcement());
        let job = &mut self.jobs[number];
        (job.due, job.announced, job.lifo) = (due, announced, false);
    }

    pub(super) fn not_counted(&mut self, number: usize) -> u32 {
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

    pub(super) fn complete(&mut self, number: usize, result: Option<u32>) {
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
}
