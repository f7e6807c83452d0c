//! Stale tickets: those of jobs that ended while they waited keep their slots until they are dropped.

use super::Ready;
use super::line::Line;
use crate::queue::base::core::Core;
use crate::queue::base::switches::Setting;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::table::{Surfaced, Ticket, Trace};

impl Ready {
    /// Takes a stale ticket out of where tickets can be taken out, and its slot back. If it is not there, whoever took it out
    /// finds that it is stale.
    pub(crate) fn take_out<T, R>(&self, core: &Core<T, R>, ticket: Ticket) {
        if self.line.remove(ticket) {
            self.drop_stale(core, ticket, Trace::Side);
        }
    }

    /// A step by which a ticket becomes stale. It counts as a stray before the step, so that no adder
    /// says "full" of its slot, and until that was given back; `strays` says whether the step left one.
    pub(crate) fn making_stray<T, R, X>(
        &self,
        core: &Core<T, R>,
        step: impl FnOnce() -> X,
        strays: impl FnOnce(&X) -> bool,
    ) -> X {
        if !core.switches.now().any(Setting::STRAYED) {
            core.switches.turn_on(Setting::STRAYED);
        }
        self.strays.fetch_add(1, Relaxed);
        let done = step();
        if !strays(&done) {
            self.strays.fetch_sub(1, Relaxed);
        }
        done
    }

    /// A stale ticket is dropped: it lies nowhere any more. With it, perhaps, its slot comes back.
    pub(crate) fn drop_stale<T, R>(&self, core: &Core<T, R>, ticket: Ticket, trace: Trace) {
        self.surfaced(core, core.slab.surface(ticket, trace));
    }

    /// A ticket was found stale and was dropped.
    #[cold]
    pub(crate) fn surfaced<T, R>(&self, core: &Core<T, R>, stale: Surfaced) {
        stale
            .vacant
            .into_iter()
            .for_each(|slot| self.vacate(core, slot));
        if stale.counted {
            // ORDERING: Release — the slot's return before the stray is gone; pairs with `has_strays`.
            let before = self.strays.fetch_sub(1, Release);
            debug_assert!(before > 0, "a stray was not counted");
        }
    }

    /// Whether stale tickets keep slots. Once it says no, the slots of all that were counted before are
    /// back in their pools.
    pub(crate) fn has_strays(&self) -> bool {
        // ORDERING: Acquire — the slots that strays had kept; pairs with the Release in `surfaced`.
        self.strays.load(Acquire) != 0
    }

    /// Drops the stale tickets that lie in lines or on desks.
    #[cold]
    pub(crate) fn compact<T, R>(&self, core: &Core<T, R>) {
        if let Line::Bands(bands, _) = &self.line {
            let mut stale = Vec::new();
            bands.collect(|word| match core.slab.set_aside(Ticket::from_bits(word)) {
                Ok(()) => true,
                Err(surfaced) => {
                    stale.push(surfaced);
                    false
                }
            });
            stale
                .into_iter()
                .for_each(|stale| self.surfaced(core, stale));
        }
        let desks = self.desks.all();
        for (ticket, _) in desks.iter().flat_map(|desk| desk.tray.unstarted()) {
            if !core.slab.is_current(ticket) {
                self.drop_stale(core, ticket, Trace::Line);
            }
        }
    }
}
