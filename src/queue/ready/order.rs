//! Waiting jobs' tickets: put in line, taken out of it, moved in it.

use super::Ready;
use super::line::{Batch, Key, Line, Spot};
use crate::lane::{Bands, Heap, IN_LINE, Item, Place, Portion, Rank};
use crate::model::PopError;
use crate::queue::base::core::Core;
use crate::sync::seeded;
use crate::table::{Entered, NotMoved, Position, Ticket, Trace};

impl Ready {
    /// Where a ticket goes that goes behind its peers.
    #[inline(always)]
    pub(crate) fn end(&self) -> Trace {
        self.line.end()
    }

    /// A waiting job's ticket goes to its spot, and a sleeping worker is woken. False if the line is closed:
    /// the caller gives the job up.
    #[inline]
    pub(crate) fn push<T, R>(&self, core: &Core<T, R>, entered: Entered, spot: Spot) -> bool {
        let pushed = self.line_up(core, entered, spot);
        if pushed {
            self.idle.notify_one_after_rmw();
        }
        pushed
    }

    /// The same of the first of these tickets, of the default priority, next to each other; how many.
    pub(crate) fn push_run<T, R>(&self, core: &Core<T, R>, tickets: &[u64]) -> Option<usize> {
        let count = self.line_up_run(core, tickets)?;
        self.idle.notify_one_after_rmw();
        Some(count)
    }

    /// A waiting job's ticket goes to its spot. False if the line is closed: the caller gives the job up.
    #[inline]
    pub(crate) fn line_up<T, R>(&self, core: &Core<T, R>, entered: Entered, spot: Spot) -> bool {
        let (slot, word) = (entered.ticket.slot(), entered.ticket.to_bits());
        let refused = match (&self.line, entered.trace) {
            (Line::Bands(bands, _), Trace::Line) => {
                return bands.push(self.level(core, slot), word).is_ok();
            }
            (Line::Bands(bands, _), Trace::Side) => self.stand_aside(core, bands, slot, word, spot),
            (Line::Heap(heap, key), _) => self.put_on_heap(core, heap, key, slot, word, spot),
        };
        // Ended after it began to wait and before it lay there: whoever ended it did not find it.
        if !refused && core.slab.ended_waiting(entered.ticket) {
            self.take_out(core, entered.ticket);
        }
        !refused
    }

    /// The first of these waiting jobs' tickets, of the default priority, go behind their peers, next to each other; how many.
    fn line_up_run<T, R>(&self, core: &Core<T, R>, tickets: &[u64]) -> Option<usize> {
        match &self.line {
            Line::Bands(bands, _) => bands
                .push_run(core.options.default_priority - 1, tickets)
                .ok(),
            Line::Heap(..) => {
                let entered = Entered {
                    ticket: Ticket::from_bits(tickets[0]),
                    trace: Trace::Side,
                };
                if let (Line::Heap(heap, key), true) =
                    (&self.line, seeded!("line_batch_overlooks_ends"))
                {
                    let slot = entered.ticket.slot();
                    let refused = self.put_on_heap(core, heap, key, slot, tickets[0], Spot::End);
                    return (!refused).then_some(1);
                }
                self.line_up(core, entered, Spot::End).then_some(1)
            }
        }
    }

    #[cold]
    fn stand_aside<T, R>(
        &self,
        core: &Core<T, R>,
        bands: &Bands,
        slot: u32,
        word: u64,
        spot: Spot,
    ) -> bool {
        let level = self.level(core, slot);
        match spot {
            Spot::End => bands.insert_behind(level, word).is_err(),
            Spot::Newest => bands.insert_newest(level, word).is_err(),
            Spot::Back(Position { trace, place, key }) => {
                let tie = match trace {
                    Trace::Line => IN_LINE,
                    Trace::Side => key,
                };
                bands.insert(Rank::new(level, place), tie, word).is_err()
            }
        }
    }

    fn put_on_heap<T, R>(
        &self,
        core: &Core<T, R>,
        heap: &Heap,
        key: &Key,
        slot: u32,
        word: u64,
        spot: Spot,
    ) -> bool {
        match spot {
            Spot::End => {
                let key = self.key(core, key, slot, core.slab.priority(slot));
                heap.push(key, word).is_err()
            }
            Spot::Newest => {
                let key = self.key(core, key, slot, core.slab.priority(slot));
                heap.insert(key, Place::Front, word).is_err()
            }
            Spot::Back(Position { place, key, .. }) => {
                heap.insert(key, Place::At(place), word).is_err()
            }
        }
    }

    /// The level of the job in `slot`, from 0.
    #[inline(always)]
    fn level<T, R>(&self, core: &Core<T, R>, slot: u32) -> u32 {
        core.slab.priority(slot) - 1
    }

    /// What a heap orders the job in `slot` by, with this priority.
    fn key<T, R>(&self, core: &Core<T, R>, key: &Key, slot: u32, priority: u32) -> u64 {
        match key {
            Key::Priority => u64::from(priority) - 1,
            Key::Deadline => match core.slab.marks(slot).optioned {
                true => core.slab.record(slot).key(),
                false => u64::MAX,
            },
            Key::Aged(per) => {
                let credit = u64::from(priority).saturating_mul(*per);
                core.time.now().to_nanos().saturating_add(credit)
            }
        }
    }

    /// The next tickets, at most `portion`, of a level below `until`.
    #[inline]
    pub(crate) fn take(
        &self,
        batch: &mut Batch,
        portion: Portion,
        until: u32,
    ) -> Result<(), PopError> {
        batch.tickets.clear();
        match &self.line {
            Line::Bands(bands, schedule) => {
                let tickets = &mut batch.tickets;
                let run = match schedule {
                    None => bands.pop_run(tickets, portion, until),
                    Some(schedule) => bands.pop_preferring(schedule.next(), tickets),
                };
                run.map(|run| {
                    batch.level = run.rank.level();
                    batch.first = match run.from_front {
                        true => Position::aside(run.rank.place(), run.tie),
                        false => Position::in_line(run.rank.place()),
                    };
                })
            }
            Line::Heap(heap, _) => heap.pop().map(|Item { key, place, value }| {
                batch.tickets.push(value);
                batch.level = 0;
                batch.first = Position::aside(place, key);
            }),
        }
    }

    /// A waiting job moves behind its peers of another priority. `Starting`: a worker has it in hand.
    pub(crate) fn move_to<T, R>(
        &self,
        core: &Core<T, R>,
        ticket: Ticket,
        priority: u32,
    ) -> Result<(), NotMoved> {
        let slot = ticket.slot();
        match &self.line {
            Line::Bands(bands, _) => {
                let replace = || {
                    let mut stray = false;
                    let moved = bands.replace(ticket.to_bits(), priority - 1, |present| {
                        let new = core.slab.reprioritize(ticket, present)?;
                        stray = !present;
                        core.slab.set_priority(slot, priority);
                        Ok(new.to_bits())
                    });
                    (moved, stray)
                };
                let (moved, _) = self.making_stray(core, replace, |(_, stray)| *stray);
                moved.unwrap_or(Err(NotMoved::Starting))
            }
            Line::Heap(heap, key) => {
                // The key of an aging queue counts the new priority.
                let key = self.key(core, key, slot, priority);
                let mut refused = NotMoved::Starting;
                let moved = heap.replace(ticket.to_bits(), key, || {
                    match core.slab.reprioritize(ticket, true) {
                        Ok(new) => {
                            core.slab.set_priority(slot, priority);
                            Some(new.to_bits())
                        }
                        Err(not) => {
                            refused = not;
                            None
                        }
                    }
                });
                match moved {
                    Some(true) => Ok(()),
                    // Ended meanwhile: whoever did it takes the ticket out. Or a worker has taken it.
                    Some(false) | None => Err(refused),
                }
            }
        }
    }
}
