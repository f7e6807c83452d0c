//! What a ticket that comes up leads to: an attempt begins, or, if it is stale, nothing but its passage.

use super::pool::Vacant;
use super::slab::Slab;
use super::tokens::{Claim, Surfaced};
use super::word::{FREE, FULL, STRAY, Ticket, Trace, Word};
use crate::model::Verb;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::seeded;

impl<T, O> Slab<T, O> {
    /// `activate`: begins an attempt of the job whose `ticket` came from where `trace` says.
    ///
    /// # Errors
    /// The ticket is stale, and has surfaced.
    #[inline(always)]
    pub fn activate(&self, ticket: Ticket, trace: Trace) -> Result<Claim, Surfaced> {
        self.activate_and(ticket, trace, |word| word)
    }

    /// `activate`, and moves the payload out: for handlers that take it by value. `None` if somebody still holds the slot, who
    /// may be reading the payload: a late handler, or who looks at the job.
    #[inline(always)]
    pub fn activate_owned(
        &self,
        ticket: Ticket,
        trace: Trace,
    ) -> Result<(Claim, Option<T>), Surfaced> {
        let empty = |word: Word| {
            let held = word.holders() > 1 && !seeded!("slab_take_held");
            if held { word } else { word.without(FULL) }
        };
        let claim = self.activate_and(ticket, trace, empty)?;
        let payload = (!claim.has_payload()).then(|| self.move_payload(claim.slot()));
        Ok((claim, payload))
    }

    #[inline(always)]
    fn activate_and(
        &self,
        ticket: Ticket,
        trace: Trace,
        also: impl Fn(Word) -> Word,
    ) -> Result<Claim, Surfaced> {
        let slot = self.slot(ticket.slot());
        // The ticket tells the word almost surely, so the line is fetched once, exclusively.
        let mut word = Word::waiting(ticket, trace.flag());
        loop {
            if !word.admits(ticket) {
                return Err(self.surface(ticket, trace));
            }
            let active = word.apply(Verb::Activate).without(trace.flag());
            let active = seeded!("slab_free_kept", active => active.without(FREE));
            let new = also(active.pinned());
            // ORDERING: Acquire — payload and former attempts, published by `admit` and `retry`, and the reads of who held the
            // slot; the ticket itself may have come over a desk, which orders nothing.
            let order = seeded!("slab_activate_relaxed", Relaxed => Acquire);
            if seeded!("slab_activate_check_then_act") {
                slot.word.store(new.0, Relaxed);
            } else if let Err(now) = self.swap(ticket.slot(), word, new, order) {
                word = now;
                continue;
            }
            let counts = !word.has(FREE) || seeded!("slab_free_ignored");
            let attempts = slot.attempts.load(Relaxed) + u32::from(counts);
            slot.attempts.store(attempts, Relaxed);
            return Ok(Claim::new(ticket.slot(), new, attempts));
        }
    }

    /// A stale ticket has left its lane.
    #[cold]
    pub fn surface(&self, ticket: Ticket, trace: Trace) -> Surfaced {
        let mut word = self.load(ticket.slot());
        loop {
            // Another copy of the ticket may have been used; then nothing is owed. Only the one that the
            // slot still counts on gives its trace up.
            let counted = if trace == Trace::Line && word.has(STRAY) {
                self.record(ticket.slot()).stray.load(Relaxed) == ticket.to_bits()
            } else {
                // One verb after the ticket's epoch, and the trace still there: the job ended while it waited.
                word.has(trace.flag()) && word.is_terminal() && word.follows(ticket)
            };
            if !counted {
                return Surfaced {
                    counted,
                    vacant: None,
                };
            }
            let mut new = word.without(trace.flag());
            if trace == Trace::Line {
                new = new.without(STRAY);
            }
            // Relaxed: the canceller's last use of the slot came with the load, or with a failed swap;
            // this thread used nothing; and a word with this flag is the last of its epoch to have it.
            match self.swap(ticket.slot(), word, new, Relaxed) {
                Ok(()) => {
                    return Surfaced {
                        counted,
                        vacant: new.is_vacant().then(|| Vacant::new(ticket.slot())),
                    };
                }
                Err(now) => word = now,
            }
        }
    }

    /// Whether `ticket` is valid: its job waits.
    pub fn is_current(&self, ticket: Ticket) -> bool {
        self.load(ticket.slot()).admits(ticket)
    }
}
