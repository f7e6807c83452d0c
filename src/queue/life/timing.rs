//! What happens at an instant: delayed jobs become due, jobs expire.
//!
//! A job's instants are written in its record; the timers only say when to look at its slot again. Whoever
//! writes an instant announces the slot, and brings the runtime's alarm forward.

use std::time::Duration;

use crate::model::{DeadReason, JobError, JobId, JobState, Verb};
use crate::queue::base::core::Outcome;
use crate::queue::base::switches::Setting;
use crate::queue::base::terms::since_1970;
use crate::queue::life::Shared;
use crate::queue::life::finish::Ended;
use crate::queue::ready::line::Spot;
use crate::queue::record::dossier::Dossier;
use crate::queue::record::step::Change;
use crate::sync::atomic::Ordering::SeqCst;
use crate::sync::atomic::fence;
use crate::table::{Claim, Entered, Pinned, Spoils, Trace};

impl<T: Send, R: Send> Shared<T, R> {
    /// Something is to be done about `slot` at `instant`, as its record says.
    pub(crate) fn announce(&self, slot: u32, instant: u64) {
        self.timetable
            .announce(slot, |slot| self.core.slab.next_instant(slot));
        self.core.alarm.bring_forward(instant);
    }

    /// Something that was to be done about `slot` may not be any more.
    pub(crate) fn review(&self, slot: u32) {
        self.timetable
            .review(slot, |slot| self.core.slab.next_instant(slot));
    }

    /// `retry` or `snooze` until `due`, which the caller then announces.
    pub(crate) fn put_off(
        &self,
        claim: Claim,
        verb: Verb,
        due: u64,
    ) -> Result<(), Spoils<T, Outcome<R>>> {
        // The claim holds the slot, so the record is its job's; but once the attempt was decided, what is there is of who did it.
        if self.core.slab.runs(claim.ticket()) {
            let record = self.core.slab.record(claim.slot());
            record.set_pause(due);
        }
        self.core.slab.put_off(claim, verb)
    }

    /// A job is delayed until `due`, as its record says.
    pub(crate) fn delayed_until(&self, id: JobId, due: u64) {
        self.announce(id.slot, due);
        self.give_up_if_stopped(id);
    }

    /// Shutdown may have looked at the slot before the job was delayed there.
    fn give_up_if_stopped(&self, id: JobId) {
        // ORDERING: SeqCst fence — the delayed job before the look at the phase; partner: `stop`, whose scan finds the
        // job, or which is seen here.
        fence(SeqCst);
        if self.core.is_stopped() {
            self.give_up(id);
        }
    }

    /// Does what is due; when to come again.
    pub(crate) fn do_due(&self) -> Option<u64> {
        let jobs = self.do_due_jobs();
        self.send_letters();
        let (dropped, records) = self
            .records
            .archive()
            .expire(self.core.time.now().to_nanos());
        dropped.discard();
        let next = [jobs, self.watch(), self.ready.end_hold(&self.core), records];
        next.into_iter().flatten().min()
    }

    fn do_due_jobs(&self) -> Option<u64> {
        let (clock, when) = (
            || self.core.time.now().to_nanos(),
            |slot| self.core.slab.next_instant(slot),
        );
        self.timetable
            .do_due(clock, when, |slot, now| self.fire(slot, now))
    }

    /// The instant of the job in `slot` has come, unless it was changed meanwhile.
    fn fire(&self, slot: u32, now: u64) {
        if self.expire(slot, now) {
            return;
        }
        if self.waits_for_wall(slot) {
            return;
        }
        if let Some(entered) = self
            .core
            .slab
            .promote(slot, None, now, self.trace_when_due(slot))
        {
            // It may expire before its turn comes.
            if self.core.switches.now().any(Setting::MORTAL) {
                self.timetable
                    .announce(slot, |slot| self.core.slab.next_instant(slot));
            }
            self.promoted(entered);
        }
    }

    /// Whether the job in `slot` waits for a time of the wall clock that has not come, since that was set back; then it keeps
    /// waiting.
    fn waits_for_wall(&self, slot: u32) -> bool {
        // The occupancy first: if the job changes now, it is the new one's time that goes with it, or no job's.
        let occupancy = self.core.slab.occupancy_of(slot);
        if self.core.slab.state(slot, occupancy) != Some(JobState::Delayed) {
            return false;
        }
        let wall = self.core.slab.record(slot).wall();
        let missing = wall.saturating_sub(since_1970(self.core.time.wall()));
        missing > 0
            && self.postpone(
                slot,
                occupancy,
                self.core.time.after(Duration::from_nanos(missing)),
                wall,
            )
    }

    /// `expire`, if the job in `slot` is past its time to live.
    fn expire(&self, slot: u32, now: u64) -> bool {
        if !self.core.slab.has_expired(slot, now) {
            return false;
        }
        let letter = self.core.options.sends_letters;
        let pinned = self.ending(|| self.core.slab.expire(slot, now, letter));
        let Some(pinned) = pinned else {
            return false;
        };
        self.publish(self.expired(pinned), self.records.common());
        true
    }

    /// The end of a job that has expired.
    pub(super) fn expired(&self, pinned: Pinned<T, Outcome<R>>) -> Ended<T, R> {
        let (slot, occupancy) = (pinned.slot(), pinned.occupancy);
        let mut former = None;
        if self.core.options.sends_letters {
            // The letter may be written later: it is kept, or a late handler still reads the payload.
            let death = (DeadReason::Expired, self.core.time.wall());
            let note = |dossier: &mut Dossier| dossier.death = Some(death);
            ((), former) = self.records.dossiers().with(slot, occupancy, note);
        }
        let ended = Ended::outside(&self.core, pinned, Change::Expired, Err(JobError::Expired));
        ended.and_drop(former)
    }

    /// A delayed job waited for the return of its former handler: from now on only for its instant.
    pub(crate) fn resume_when_due(&self, slot: u32) {
        self.announce(slot, self.core.slab.record(slot).due());
    }

    /// Where the ticket of the delayed job in `slot` is to go.
    pub(crate) fn trace_when_due(&self, slot: u32) -> Trace {
        match self.core.slab.record(slot).is_newest() {
            true => Trace::Side,
            false => self.ready.end(),
        }
    }

    /// A job that was delayed waits now: its ticket goes where it asked for.
    pub(crate) fn promoted(&self, entered: Entered) {
        let slot = entered.ticket.slot();
        // The ticket that is not in line yet keeps the slot for its job.
        let spot = match self.core.slab.record(slot).is_newest() {
            true => Spot::Newest,
            false => Spot::End,
        };
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        self.record_change(id, entered.ticket.epoch(), Change::Promoted);
        self.enqueue(id, entered, spot);
    }

    /// Whether there is something to do before `until` that the last tick did not know of.
    pub(crate) fn has_news(&self, until: u64) -> bool {
        let before = |instant: Option<u64>| instant.is_some_and(|at| at < until);
        self.timetable.has_news(until)
            || before(self.first_deadline())
            || before(self.ready.hold_ends(&self.core))
            || before(self.records.archive().next())
            || self.letters.bell().is_rung()
    }
}
