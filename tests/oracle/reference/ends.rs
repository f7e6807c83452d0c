//! What others decide: who ends a job over its holder's head, and where letters and payloads go when nobody reads them.

use std::time::Duration;

use guichet::{DeadReason, EventKind, JobState};

use super::{DEAD, MAIN, Reference};

impl Reference {
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

    pub(super) fn give_back_if_stopped(&mut self, number: usize) {
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
    pub(super) fn release(&mut self, number: usize) {
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
    pub(super) fn end(
        &mut self,
        number: usize,
        verb: &str,
        state: JobState,
        reason: Option<DeadReason>,
    ) {
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
