//! What a slot says to those who do not hold its job: its state, its instants, who it is.
//!
//! Each answer is true of an instant; only a swap from the very word that was loaded can rely on it.

use super::record::count;
use super::slab::Slab;
use super::word::{FREE, Ticket};
use crate::model::JobState;
use crate::sync::atomic::Ordering::Relaxed;
use crate::wheel::Timer;

/// Tells the number of an admission from that of an epoch, where a timer names what set it.
const ADMISSION: u32 = 1 << 31;

impl<T, O> Slab<T, O> {
    /// Whether the job ended while it waited with this ticket.
    pub fn ended_waiting(&self, ticket: Ticket) -> bool {
        let word = self.load(ticket.slot());
        word.is_terminal() && word.follows(ticket)
    }

    /// The state of the named job; `None` when its slot has another or was never used.
    pub fn state(&self, number: u32, occupancy: u64) -> Option<JobState> {
        self.look(number, occupancy).map(|(state, _)| state)
    }

    /// The named job's state and, if it waits, its valid ticket.
    pub fn look(&self, number: u32, occupancy: u64) -> Option<(JobState, Option<Ticket>)> {
        if number as usize >= self.capacity() || occupancy == 0 {
            return None;
        }
        let word = self.load(number);
        if self.slot(number).occupancy.load(Relaxed) != occupancy {
            return None;
        }
        let waiting = word.state() == JobState::Waiting;
        Some((word.state(), waiting.then(|| Ticket::new(number, word))))
    }

    /// Whether the attempt that `ticket` names is running and undecided.
    pub fn runs(&self, ticket: Ticket) -> bool {
        let word = self.load(ticket.slot());
        word.state() == JobState::Active && word.epoch() == ticket.epoch()
    }

    /// Whether anybody holds the job in a slot.
    pub fn is_held(&self, number: u32) -> bool {
        self.load(number).holders() > 0
    }

    /// The number of a slot's last step.
    pub fn epoch_of(&self, number: u32) -> u64 {
        self.load(number).epoch()
    }

    /// How many attempts of the job in a slot have begun and count.
    pub fn attempts(&self, number: u32) -> u32 {
        let free = self.load(number).has(FREE);
        count(self.slot(number).attempts.load(Relaxed)) - u32::from(free)
    }

    /// Whether the job in a slot, whoever it is, is past its time to live at `now`.
    pub fn has_expired(&self, number: u32, now: u64) -> bool {
        let expiry = self.record(number).expiry(self.marks(number).optioned);
        expiry.is_some_and(|expires| expires <= now)
    }

    /// When something is to be done about the job in a slot, whoever it is: it is due, or expires.
    /// What sets the one is the step that delayed the job, the other its admission.
    ///
    /// The slot may move on meanwhile, so this may be half the one job's and half the next's; then
    /// whoever moved it has still to announce it.
    pub fn next_instant(&self, number: u32) -> Option<Timer> {
        let word = self.load(number);
        let record = self.record(number);
        let expiry = || {
            let due = record.expiry(self.marks(number).optioned)?;
            // Any number of the admission's own that no epoch has.
            let step = self.occupancy_of(number) as u32 | ADMISSION;
            Some(Timer { due, step })
        };
        match word.state() {
            JobState::Delayed => {
                let steps_since = record.reprioritized.load(Relaxed);
                let step = (word.epoch() as u32).wrapping_sub(steps_since) & !ADMISSION;
                let due = record.due_while_delayed(word.holders() > 0);
                let due = due.map(|due| Timer { due, step });
                expiry()
                    .into_iter()
                    .chain(due)
                    .min_by_key(|timer| timer.due)
            }
            JobState::Waiting => expiry(),
            _ => None,
        }
    }

    /// Every slot's occupancy and state, for counts: exact when nothing moves.
    pub fn scan(&self) -> impl Iterator<Item = (u32, u64, JobState)> + '_ {
        (0..self.capacity() as u32).map(|number| {
            let word = self.load(number);
            (number, self.occupancy_of(number), word.state())
        })
    }
}
