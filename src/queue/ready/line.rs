//! Where a queue's waiting jobs stand, in the order that was asked for.

use std::time::Duration;

use super::Ready;
use crate::lane::{Bands, Heap, IN_LINE, Item, Place, Portion, Rank, Schedule};
use crate::model::{Order, Policy, PopError};
use crate::queue::base::core::Core;
use crate::sync::atomic::Ordering::Relaxed;
use crate::table::{Entered, NotMoved, Position, Ticket, Trace};

/// Priorities up to which a heap has a list for each instead of comparing keys.
const LISTED: u32 = 1 << 20;

/// The lane of a queue, and how it is used.
// There is one per queue, in place: a box would cost every job a step.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Line {
    Bands(Bands, Option<Schedule>),
    Heap(Heap, Key),
}

/// What a heap orders by.
pub(crate) enum Key {
    Priority,
    Deadline,
    /// An instant: when it was put there, and so much more for every priority.
    Aged(u64),
}

/// Where a job goes in its line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spot {
    /// Behind its peers.
    End,
    /// In front of them.
    Newest,
    /// To where it was.
    Back(Position),
}

/// Tickets that a worker took: of one level, from one place.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) tickets: Vec<u64>,
    pub(crate) level: u32,
    /// Where the first one lay; the others lay behind it.
    pub(crate) first: Position,
}

impl Batch {
    pub(crate) fn new(most: usize) -> Self {
        Batch {
            tickets: Vec::with_capacity(most),
            level: 0,
            first: Position::in_line(0),
        }
    }

    /// The ticket number `at`, and where it lay.
    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> Taken {
        Taken {
            ticket: Ticket::from_bits(self.tickets[at]),
            position: Position {
                place: self.first.place + at as i64,
                ..self.first
            },
        }
    }

    /// A single ticket from another worker's desk, and where it lay.
    pub(crate) fn take_over(&mut self, (ticket, place): (Ticket, i64)) {
        self.tickets.clear();
        self.tickets.push(ticket.to_bits());
        self.first = Position::in_line(place);
    }
}

/// A ticket in a worker's hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) ticket: Ticket,
    pub(crate) position: Position,
}

impl Line {
    pub(crate) fn new(order: Order, policy: Policy, capacity: usize) -> Self {
        let priorities = order.priorities();
        match (order, policy) {
            (Order::Bands(_) | Order::Heap(_), Policy::Aging { per }) => {
                Line::Heap(Heap::new(None, capacity), Key::Aged(nanos(per)))
            }
            (Order::Deadline, _) => Line::Heap(Heap::new(None, capacity), Key::Deadline),
            (Order::Heap(_), _) => {
                let listed = (priorities <= LISTED).then_some(priorities);
                Line::Heap(Heap::new(listed, capacity), Key::Priority)
            }
            (Order::Fifo | Order::Bands(_), policy) => {
                let weighted = policy == Policy::Weighted;
                let schedule = weighted.then(|| Schedule::new(priorities));
                Line::Bands(Bands::new(priorities, capacity), schedule)
            }
        }
    }

    /// Where a ticket goes that goes behind its peers.
    #[inline(always)]
    pub(crate) fn end(&self) -> Trace {
        match self {
            Line::Bands(..) => Trace::Line,
            Line::Heap(..) => Trace::Side,
        }
    }

    /// Whether a pop would find nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Line::Bands(bands, _) => bands.is_empty(),
            Line::Heap(heap, _) => heap.is_empty(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Line::Bands(bands, _) => bands.len(),
            Line::Heap(heap, _) => heap.len(),
        }
    }

    pub(crate) fn popped(&self) -> u64 {
        match self {
            Line::Bands(bands, _) => bands.popped(),
            Line::Heap(heap, _) => heap.popped(),
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Line::Bands(bands, _) => bands.close(),
            Line::Heap(heap, _) => {
                heap.close();
            }
        }
    }

    /// Takes exactly this ticket out of where tickets can be taken out.
    pub(crate) fn remove(&self, ticket: Ticket) -> bool {
        match self {
            Line::Bands(bands, _) => bands.remove(ticket.to_bits()),
            Line::Heap(heap, _) => heap.remove(ticket.to_bits()).is_some(),
        }
    }

    /// Whether something more urgent than `level` has come; about right.
    #[inline]
    pub(crate) fn has_before(&self, level: u32) -> bool {
        match self {
            Line::Bands(bands, None) => level > 0 && bands.has_before(level),
            _ => false,
        }
    }
}

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
                    (&self.line, cfg!(guichet_bug = "line_batch_overlooks_ends"))
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
                true => core.slab.record(slot).key.load(Relaxed),
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
    pub(crate) fn take<T, R>(
        &self,
        _core: &Core<T, R>,
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

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
