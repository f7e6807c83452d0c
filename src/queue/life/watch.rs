//! Time-outs: who runs until when, and what happens when the time is over.
//!
//! Nothing is put into the wheel. A worker writes its attempt and deadline on its desk, which it does anyway for no other job
//! than a timed one, and brings the runtime's alarm forward; most deadlines lie behind that. The clerk looks at the desks at
//! the earliest deadline that it saw. Leases lie in a list of their own, since nobody's desk has them.
//!
//! The attempt is decided at its deadline by one step on the job's word, which the late handler finds taken. The job is
//! retried when that handler has returned; `table/README.md` says how the last hold brings it back.

use super::retry::Next;
use crate::model::{DeadReason, Failure, JobError, discard};
use crate::queue::base::desk::{Desk, Relief};
use crate::queue::base::switches::Setting;
use crate::queue::life::finish::Ended;
use crate::queue::life::{Queue, Shared};
use crate::queue::record::step::{Change, Note};
use crate::sync::{Arc, seeded};
use crate::table::{Claim, Ticket};
use crate::time::Timestamp;

impl<T: Send, R: Send> Shared<T, R> {
    /// When the time of the claimed attempt is over, if it has an end: the job's word before its worker's before the
    /// queue's, each in nanoseconds, and 0 if it says nothing.
    fn deadline(&self, claim: &Claim, worker: u64) -> Option<Timestamp> {
        let own = match claim.marks().optioned {
            true => self.core.slab.record(claim.slot()).timeout(),
            false => 0,
        };
        let limits = [own, worker, self.core.options.timeout];
        let limit = limits.into_iter().find(|limit| *limit != 0)?;
        Some(self.core.time.now().plus(limit))
    }

    /// The attempt's time runs from now on; its end, if it has one.
    #[cold]
    pub(crate) fn begin_timed(&self, claim: &Claim, desk: &Desk, limit: u64) -> Option<Timestamp> {
        let deadline = self.deadline(claim, limit)?;
        desk.timed.begin(claim.ticket(), deadline.to_nanos());
        self.core.alarm.bring_forward(deadline.to_nanos());
        Some(deadline)
    }

    /// A worker's timed attempt has returned: if it did so after its deadline, it is decided here.
    #[cold]
    pub(crate) fn end_timed(&self, claim: &Claim, desk: &Desk, deadline: Timestamp) {
        self.check_deadline(claim, deadline);
        if desk.timed.end() {
            // One more may be replaced now.
            self.core.alarm.wake();
        }
    }

    /// Decides the attempt if its time is over, whether or not the clerk has come to it.
    pub(crate) fn check_deadline(&self, claim: &Claim, deadline: Timestamp) {
        if self.core.time.now() >= deadline {
            self.time_out(claim.ticket());
        }
    }

    /// The same for a lease; its deadline, if it has one.
    pub(crate) fn begin_lease(&self, claim: &Claim) -> Option<Timestamp> {
        let deadline = self.deadline(claim, 0)?;
        self.lend_until(claim, deadline);
        Some(deadline)
    }

    pub(crate) fn lend_until(&self, claim: &Claim, deadline: Timestamp) {
        self.lent.insert(deadline, claim.ticket());
        self.core.alarm.bring_forward(deadline.to_nanos());
    }

    /// The lease's deadline is watched no more; false if its time was over before.
    pub(crate) fn stop_watching(&self, claim: &Claim, deadline: Timestamp) -> bool {
        self.lent.remove(deadline, claim.ticket())
    }

    /// When something is to be done about a running attempt, if ever.
    pub(crate) fn first_deadline(&self) -> Option<u64> {
        if !self.core.switches.now().any(Setting::TIMED) {
            return None;
        }
        let may_relieve = self.may_relieve();
        let look = |desk: &Arc<Desk>| {
            let (ticket, deadline) = desk.timed.view()?;
            match self.core.slab.runs(ticket) {
                true => Some(deadline),
                // Decided; now its thread may get stuck.
                false => (may_relieve && !desk.timed.was_sought(ticket))
                    .then(|| deadline.saturating_add(self.core.options.stuck_after)),
            }
        };
        let timed = self
            .ready
            .desks()
            .look(|all| all.iter().filter_map(look).min());
        let lent = self.lent.first().map(Timestamp::to_nanos);
        timed.into_iter().chain(lent).min()
    }

    /// Decides the attempts whose time is over; when to look again.
    pub(crate) fn watch(&self) -> Option<u64> {
        if !self.core.switches.now().any(Setting::TIMED) {
            return None;
        }
        let now = self.core.time.now();
        while let Some(ticket) = self.lent.over(now) {
            self.time_out(ticket);
        }
        let now = now.to_nanos();
        let desks = self.ready.desks().all();
        for desk in &desks {
            let Some((ticket, deadline)) = desk.timed.view() else {
                continue;
            };
            if deadline <= now {
                self.time_out(ticket);
            }
            if deadline.saturating_add(self.core.options.stuck_after) <= now {
                self.send_relief(desk, ticket);
            }
        }
        self.first_deadline()
    }

    /// A handler has not returned long after its time: the thread of another worker is started, once, if there may be one more.
    /// It is that thread which takes the stuck one's place.
    #[cold]
    fn send_relief(&self, desk: &Arc<Desk>, ticket: Ticket) {
        if !self.may_relieve() || !desk.timed.seek(ticket) {
            return;
        }
        if seeded!("desk_relieve_before_hire") {
            let _ = desk.timed.relieve(ticket, || ());
        }
        let relief = Relief::new(desk.clone(), ticket, self.coming.clone());
        if let Some(hire) = desk.hire() {
            hire(relief);
            // The worker may have left meanwhile, and with it all others that had the handler.
            discard(hire);
        }
    }

    /// Whether one more worker may be replaced, those counted whose replacements have not come yet.
    fn may_relieve(&self) -> bool {
        let gone = seeded!("relief_coming_uncounted", self.ready.desks().stuck() => self.coming.and_stuck(|| self.ready.desks().stuck()));
        gone < self.core.options.max_stuck
    }

    /// The attempt that `ticket` names is decided over its handler's head, if it still runs.
    #[cold]
    pub(crate) fn time_out(&self, ticket: Ticket) {
        // Held, so that what is asked about the job is true of it, and the user's functions may see it.
        let Some(claim) = self.core.slab.hold(ticket) else {
            return;
        };
        let failure = Failure::timed_out();
        let next = match claim.has_payload() {
            true => self.next(&claim, &failure),
            // Its handler has consumed it, however many attempts the job may have.
            false => Next::Nothing(DeadReason::Exhausted),
        };
        match next {
            Next::Again(_, pause) => self.retry_running(&claim, &failure, pause),
            Next::Nothing(reason) => self.bury_running(&claim, failure, reason),
        }
        let id = self.core.id(&claim);
        self.share_looker(id, self.core.slab.leave(claim));
    }

    /// `bury` of an attempt that goes on running, unless it was decided meanwhile.
    fn bury_running(&self, claim: &Claim, failure: Failure, reason: DeadReason) {
        let (slot, attempt) = (claim.slot(), claim.attempt());
        let id = self.core.id_of(slot, self.core.slab.occupancy(claim));
        let kept = self
            .core
            .options
            .keeps_failed(self.core.at_end(slot, claim.marks()));
        let letter = self.core.options.sends_letters;
        let buried =
            self.records
                .with_death(&self.core, id, attempt, kept, (&failure, reason), || {
                    self.core.slab.revoke(claim.ticket(), letter).ok_or(())
                });
        let Ok(ended) = buried else {
            return;
        };
        // Counted before anybody learns of it.
        let (note, common) = (Note::TimedOut, self.records.common());
        self.records.note(&self.core, note, common);
        let change = Change::Failed {
            failure: failure.kind(),
            reason,
        };
        let outcome = Err(JobError::Failed(failure));
        let ended = Ended::outside(&self.core, ended, change, outcome);
        self.publish(ended, self.records.common());
    }
}

impl<T, R> Queue<T, R> {
    /// The first act of a worker that was sent in place of a stuck one: whether it has that place, and so may work.
    pub(crate) fn take_over(&self, relief: Relief) -> bool {
        let (shared, slot) = (&self.shared, relief.ticket().slot());
        let look = || {
            (
                shared.core.slab.occupancy_of(slot),
                shared.core.slab.epoch_of(slot),
            )
        };
        let Some((occupancy, epoch)) = relief.take_place(look) else {
            // It came in vain, and no longer counts: one more may be replaced now.
            shared.core.alarm.wake();
            return seeded!("desk_relieve_before_hire");
        };
        let id = shared.core.id_of(slot, occupancy);
        let (note, common) = (Note::Stuck { id, epoch }, shared.records.common());
        shared.records.note(&shared.core, note, common);
        true
    }
}
