//! Dead letters: a job that ended dead becomes a job of another queue, once no handler reads its payload.
//!
//! The step that decides the job marks its word; whoever holds the job last owes the letter. If the dead queue has no room,
//! the job keeps its slot and its payload, and the letter is sent when a job of the dead queue has ended. The letter is
//! admitted whether or not the dead queue still takes jobs: else a shutdown would lose what fails while it drains.

use crate::model::{DeadReason, discard};
use crate::queue::base::core::Outcome;
use crate::queue::life::Shared;
use crate::queue::ready::bell::Bell;
use crate::queue::ready::letters::{DeadLetter, Graveyard};
use crate::queue::record::dossier::Dossier;
use crate::queue::record::step::Note;
use crate::sync::Arc;
use crate::table::{Spoils, Vacant};

impl<T: Send + 'static, R: Send + 'static> Graveyard<T> for Shared<DeadLetter<T>, R> {
    fn reserve(&self) -> Option<Vacant> {
        self.ready.claim(&self.core, self.ready.room())
    }

    fn receive(&self, vacant: Vacant, letter: DeadLetter<T>) {
        self.admit_plain(vacant, letter);
    }

    fn await_room(&self, bell: &Arc<Bell>) {
        self.ready.await_room(&self.core, bell);
    }

    fn is_awaited_by(&self, bell: &Arc<Bell>) -> bool {
        self.ready.is_awaited_by(bell)
    }
}

impl<T: Send, R: Send> Shared<T, R> {
    /// Sends the dead letter of the job in `slot`, which the caller holds; or keeps it there until there is room.
    #[cold]
    pub(crate) fn post_letter(&self, slot: u32) {
        if self.try_post(slot, || {}) {
            return;
        }
        // While the slot is held: later it may serve another job.
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        let epoch = self.core.slab.epoch_of(slot);
        self.core.slab.keep_letter(slot);
        self.letters.keep(slot);
        let (note, common) = (Note::LetterKept { id, epoch }, self.records.common());
        self.records.note(&self.core, note, common);
        // Room that was made since the try is heard of only from now on.
        self.letters.bell().ring();
    }

    /// Sends the letter of a job that the caller holds, if there is room for it; `goes` is called before it is there.
    fn try_post(&self, slot: u32, goes: impl FnOnce()) -> bool {
        let dead = self
            .letters
            .dead()
            .expect("only a queue that names another owes letters");
        let vacant = dead.reserve().or_else(|| {
            dead.await_room(self.letters.bell());
            dead.reserve()
        });
        let Some(vacant) = vacant else {
            return false;
        };
        goes();
        let (letter, spoils) = self.write_letter(slot);
        // Whoever has the letter finds its job's slot free.
        self.share_late(spoils);
        dead.receive(vacant, letter);
        true
    }

    /// The dead letter of the job in `slot`, which the caller holds; with it, what is left of the job.
    fn write_letter(&self, slot: u32) -> (DeadLetter<T>, Spoils<T, Outcome<R>>) {
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        let attempts = self.core.slab.attempts(slot);
        let dossiers = self.records.dossiers();
        let known = |dossier: &Dossier| {
            let history: Vec<_> = dossier.errors().cloned().collect();
            (dossier.death, history)
        };
        let known = dossiers.peek(slot, id.occupancy, known);
        // It may hold a value of the user's.
        discard(dossiers.done_with(slot, id.occupancy));
        let (death, history) = known.unwrap_or_default();
        let (payload, spoils) = self.core.slab.send_letter(slot);
        let last = history.last();
        let (reason, failed_at) =
            death.unwrap_or_else(|| (DeadReason::Expired, self.core.time.wall()));
        let letter = DeadLetter {
            payload,
            error: last.map_or_else(|| reason.to_string(), |error| error.message.clone()),
            kind: last.map(|error| error.kind),
            attempts,
            failed_at,
            reason,
            source: id,
            queue: self.core.name.clone(),
            history,
        };
        (letter, spoils)
    }

    /// Takes the letters that were kept, and frees their jobs' slots.
    pub(crate) fn take_unsent(&self) -> Vec<DeadLetter<T>> {
        let slots = self.letters.take_all();
        let take = |slot| {
            self.core.slab.hold_letter(slot);
            let (letter, spoils) = self.write_letter(slot);
            self.share_late(spoils);
            letter
        };
        slots.into_iter().map(take).collect()
    }

    /// Sends letters that were kept, as far as there is room, if any may have been made.
    pub(crate) fn send_letters(&self) {
        while self.letters.bell().answer() {
            let first = self.letters.take();
            let Some(slot) = first else {
                return;
            };
            self.core.slab.hold_letter(slot);
            match self.try_post(slot, || self.letters.sent()) {
                // Perhaps there is room for another one.
                true => self.letters.bell().ring(),
                false => {
                    self.core.slab.keep_letter(slot);
                    self.letters.put_back(slot);
                    // Another who heard of room meanwhile did not find this letter.
                    let dead = self.letters.dead();
                    if dead.is_some_and(|dead| !dead.is_awaited_by(self.letters.bell())) {
                        self.letters.bell().ring();
                    }
                }
            }
        }
    }

    /// The same, whether or not any was made.
    pub(crate) fn retry_letters(&self) {
        if self.letters.dead().is_some() {
            self.letters.bell().ring();
            self.send_letters();
        }
    }
}

impl<T, R> Shared<T, R> {
    /// How many dead jobs keep their slots, since their letters found no room.
    pub(crate) fn unsent(&self) -> usize {
        self.letters.unsent()
    }
}
