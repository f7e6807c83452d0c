//! Where a queue's waiting jobs stand, in the order that was asked for.

use crate::lane::{Bands, Heap, Schedule};
use crate::model::{Order, Policy};
use crate::table::{Position, Ticket, Trace};
use crate::time::nanos;

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
