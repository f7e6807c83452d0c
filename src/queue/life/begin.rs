//! The one beginning of an attempt: expire, activate, remember where the ticket lay, put back what may not start.
//!
//! Nothing of the user's runs here, but where a shutdown has closed the line to a job that is put back: what an attempt that
//! did not begin leaves behind is given to the caller, who may be searching while others wait for it to go on.

use super::finish::Ended;
use crate::model::{JobId, Verb};
use crate::queue::base::core::Outcome;
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::queue::ready::line::{Spot, Taken};
use crate::queue::record::step::{Change, Step};
use crate::table::{Claim, Entered, Spoils, Surfaced, Trace};

/// Why an attempt did not begin. Small, since every beginning may answer with it.
#[must_use = "what is left of the job is to be published or dropped"]
pub(crate) enum NotBegun<T, R> {
    /// The ticket was stale, or its job waits again.
    Nothing,
    /// The job's time to live was over.
    Expired(Box<Ended<T, R>>),
    /// The job was decided by somebody else.
    Decided(JobId, Box<Spoils<T, Outcome<R>>>),
}

impl<T: Send, R: Send> Shared<T, R> {
    /// Begins an attempt of the job whose ticket is in hand; with it, what of `AT_START` is on.
    #[inline(always)]
    pub(crate) fn begin(&self, taken: Taken) -> Result<(Claim, Setting), NotBegun<T, R>> {
        if let Some(expired) = self.expire_in_hand(taken) {
            return Err(expired);
        }
        match self.core.slab.activate(taken.ticket, taken.position.trace) {
            Ok(claim) => {
                let now = self.activated(taken, &claim);
                if !now.any(Setting::AT_START) {
                    return Ok((claim, Setting::NONE));
                }
                if self.is_halted_at_start(&claim, now) {
                    return Err(self.put_back(claim, None));
                }
                Ok((claim, now))
            }
            Err(stale) => Err(self.stale(stale)),
        }
    }

    /// The same, with the payload, unless one of `halts` is on. If somebody still reads the payload, the job is delayed until
    /// that one has left.
    #[inline(always)]
    pub(crate) fn begin_owned(
        &self,
        taken: Taken,
        halts: Setting,
    ) -> Result<(Claim, T, Setting), NotBegun<T, R>> {
        if let Some(expired) = self.expire_in_hand(taken) {
            return Err(expired);
        }
        let slab = &self.core.slab;
        match slab.activate_owned(taken.ticket, taken.position.trace) {
            Ok((claim, payload)) => {
                let now = self.activated(taken, &claim);
                if now.any(Setting::HEARD) {
                    self.record_start(&claim);
                }
                match payload {
                    payload if now.any(halts) => Err(self.put_back(claim, payload)),
                    Some(payload) => Ok((claim, payload, now)),
                    None => Err(self.wait_for_holders(claim)),
                }
            }
            Err(stale) => Err(self.stale(stale)),
        }
    }

    /// `expire`, if the time to live of the job whose ticket is in hand is over.
    #[inline(always)]
    fn expire_in_hand(&self, taken: Taken) -> Option<NotBegun<T, R>> {
        match self.core.switches.now().any(Setting::MORTAL) {
            true => self.expire_if_over(taken),
            false => None,
        }
    }

    /// The attempt has begun: writes down where its ticket lay; the switches after that.
    #[inline(always)]
    fn activated(&self, taken: Taken, claim: &Claim) -> Setting {
        self.core.slab.set_position(claim, taken.position);
        self.core.switches.after_step()
    }

    /// Something is to be done when an attempt has begun: records it. Whether the queue is halted.
    #[cold]
    fn is_halted_at_start(&self, claim: &Claim, now: Setting) -> bool {
        self.record_start(claim);
        now.any(Setting::HALTED)
    }

    #[cold]
    fn stale(&self, stale: Surfaced) -> NotBegun<T, R> {
        self.ready.surfaced(&self.core, stale);
        NotBegun::Nothing
    }

    /// Publishes or drops what an attempt that did not begin has left.
    #[cold]
    pub(crate) fn not_begun(&self, why: NotBegun<T, R>) {
        match why {
            NotBegun::Nothing => {}
            NotBegun::Expired(ended) => self.publish(*ended, self.records.common()),
            NotBegun::Decided(id, spoils) => self.share_looker(id, *spoils),
        }
    }

    #[cold]
    fn expire_if_over(&self, taken: Taken) -> Option<NotBegun<T, R>> {
        let (slot, now) = (taken.ticket.slot(), self.core.time.now().to_nanos());
        if !self.core.slab.has_expired(slot, now) {
            return None;
        }
        let in_hand = (taken.ticket, taken.position.trace);
        let letter = self.core.options.sends_letters;
        let pinned = self.ending_in_hand(in_hand, || self.core.slab.expire(slot, now, letter))?;
        Some(NotBegun::Expired(Box::new(self.expired(pinned))))
    }

    /// The attempt needs the payload for itself, and somebody may still be reading it: the job is delayed until that one has
    /// left.
    #[cold]
    fn wait_for_holders(&self, claim: Claim) -> NotBegun<T, R> {
        let id = self.core.id(&claim);
        let epoch = claim.past().next_epoch();
        let due = self.core.time.now().to_nanos();
        let record = self.core.slab.record(claim.slot());
        record.set_overlap(0);
        if let Err(spoils) = self.put_off(claim, Verb::Snooze, due) {
            return NotBegun::Decided(id, Box::new(spoils));
        }
        self.record_change(id, epoch, Change::Awaited { due });
        self.delayed_until(id, due);
        NotBegun::Nothing
    }

    /// The attempt was none: the job waits again, with its payload if that was taken, where it lay.
    #[cold]
    pub(crate) fn put_back(&self, claim: Claim, payload: Option<T>) -> NotBegun<T, R> {
        let id = self.core.id(&claim);
        let position = self.core.slab.position(&claim);
        let entered = match payload {
            Some(payload) => self.core.slab.requeue_with(claim, payload, Trace::Side),
            None => self.core.slab.retry(claim, Verb::Requeue, Trace::Side),
        };
        match entered {
            Ok(entered) => {
                self.record_change(id, entered.ticket.epoch(), Change::PutBack);
                self.enqueue(id, entered, Spot::Back(position));
                NotBegun::Nothing
            }
            Err(spoils) => NotBegun::Decided(id, Box::new(spoils)),
        }
    }

    /// A worker that leaves has not started this ticket: its job waits again, unless somebody else has taken it.
    #[cold]
    pub(crate) fn give_back_unstarted(&self, taken: Taken) {
        let why = match self.begin(taken) {
            Ok((claim, _)) => self.put_back(claim, None),
            Err(why) => why,
        };
        self.not_begun(why);
    }

    /// Puts a ticket back that was taken from the side and not used.
    #[cold]
    pub(crate) fn line_up_again(&self, taken: Taken) {
        let entered = Entered {
            ticket: taken.ticket,
            trace: Trace::Side,
        };
        let spot = Spot::Back(taken.position);
        if !self.ready.line_up(&self.core, entered, spot) {
            // Until its ticket is dropped the slot is its job's.
            let slot = taken.ticket.slot();
            let occupancy = self.core.slab.occupancy_of(slot);
            self.refused(self.core.id_of(slot, occupancy), entered);
        }
    }

    /// An attempt has begun.
    #[cold]
    fn record_start(&self, claim: &Claim) {
        let step = Step {
            id: self.core.id(claim),
            epoch: claim.ticket().epoch(),
            attempt: claim.attempt(),
            change: Change::Started,
        };
        self.records.record(&self.core, step, self.records.common());
    }

    /// Records a step of nobody's attempt, by no worker.
    pub(crate) fn record_change(&self, id: JobId, epoch: u64, change: Change) {
        let step = Step {
            id,
            epoch,
            attempt: 0,
            change,
        };
        self.records.record(&self.core, step, self.records.common());
    }
}
