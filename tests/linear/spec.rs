//! What a bounded FIFO channel may do, and the search for an order in which it did.
//!
//! * A call takes effect at one instant between its stamps: `Full` and `Disconnected` too. `TimedOut`
//!   counts as `Full` or `Empty`: it tried, and there was no room, or nothing to receive.
//! * A batch is a sequence of single messages in its order, each at an instant of its own within the
//!   call, so others may get in between; a refusal comes after the last that moved. That is all that a
//!   blocking batch promises, since it may move in several runs. With `whole` a batch that does not
//!   block moves in one instant, as the ring says of a run. That fewer moved than were asked for
//!   is never wrong: the slot behind may have been claimed and not yet filled or emptied.
//! * `len`, `is_empty` and `is_full` promise nothing while messages move, so they are not called.
//! * At capacity 0 a message's sending and receiving are one event, a meeting, which lies within both
//!   calls. A `Full` or `Empty` proves nothing there, except that the other side was not gone: whether
//!   a partner was already waiting cannot be told from when it was called. Two `Try` calls cannot meet,
//!   as neither waits.

use std::collections::HashMap;

use crate::program::{Call, Side, Wait};
use crate::record::{FORGED, History, Record, Refusal};
use crate::search::{self, Draft, linearizable};

/// The longest queue that is modelled.
const LONGEST: usize = 8;

/// What happens in one instant.
#[derive(Clone, Debug)]
pub enum Effect {
    Open {
        capacity: usize,
        senders: usize,
        receivers: usize,
    },
    Enter(Vec<u8>),
    Exit(Vec<u8>),
    Meet,
    Full,
    Empty,
    NoReceivers,
    NoSenders,
    Leave(Side),
    Close,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    queue: [u8; LONGEST],
    length: usize,
    capacity: usize,
    senders: usize,
    receivers: usize,
}

impl State {
    /// Whether the effect may happen now; if it may not, the state is spoilt.
    pub fn take(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Open {
                capacity,
                senders,
                receivers,
            } => {
                (self.capacity, self.senders, self.receivers) = (*capacity, *senders, *receivers);
                true
            }
            Effect::Enter(values) => {
                self.receivers > 0 && values.iter().all(|&value| self.enter(value))
            }
            Effect::Exit(values) => values.iter().all(|&value| self.exit(value)),
            Effect::Meet => self.senders > 0 && self.receivers > 0,
            Effect::Full => self.receivers > 0 && self.length == self.capacity,
            Effect::Empty => self.senders > 0 && self.length == 0,
            Effect::NoReceivers => self.receivers == 0,
            Effect::NoSenders => self.senders == 0 && self.length == 0,
            Effect::Leave(side) => {
                let handles = match side {
                    Side::Senders => &mut self.senders,
                    Side::Receivers => &mut self.receivers,
                };
                *handles -= 1;
                true
            }
            Effect::Close => {
                (self.senders, self.receivers) = (0, 0);
                true
            }
        }
    }

    fn enter(&mut self, value: u8) -> bool {
        if value == FORGED || self.length == self.capacity {
            return false;
        }
        self.queue[self.length] = value;
        self.length += 1;
        true
    }

    fn exit(&mut self, value: u8) -> bool {
        if self.length == 0 || self.queue[0] != value {
            return false;
        }
        self.queue.copy_within(1.., 0);
        // Equal queues must be equal arrays.
        self.queue[LONGEST - 1] = 0;
        self.length -= 1;
        true
    }
}

impl search::Effect for Effect {
    type State = State;

    fn happens(&self, state: &mut State) -> bool {
        state.take(self)
    }
}

/// Whether a channel may have done this; `Err` says why not.
pub fn judge(history: &History, whole: bool) -> Result<(), String> {
    let mut draft = Draft::of(history);
    if history.capacity == 0 {
        draft.meetings(&history.records)?;
    } else {
        for record in &history.records {
            draft.moves(record, whole);
        }
    }
    if linearizable(&draft.spans) {
        Ok(())
    } else {
        Err("no order of the steps is legal".into())
    }
}

impl Draft<Effect> {
    fn of(history: &History) -> Self {
        let mut draft = Draft::new();
        let open = Effect::Open {
            capacity: history.capacity,
            senders: history.senders,
            receivers: history.receivers,
        };
        // The stamps begin with 1, so nothing else begins before this has ended.
        draft.add((0, 0), open, 0);
        draft
    }

    fn moves(&mut self, record: &Record, whole: bool) {
        let enter = match &record.call {
            Call::Send(..) | Call::SendMany(..) => Effect::Enter,
            _ => Effect::Exit,
        };
        let single = !(whole && is_try(&record.call));
        let size = if single { 1 } else { record.moved.len().max(1) };
        let mut after = 0;
        for part in record.moved.chunks(size) {
            after = self.add((record.begin, record.end), enter(part.to_vec()), after);
        }
        self.rest(record, after);
    }

    /// What a call did besides moving messages.
    fn rest(&mut self, record: &Record, after: u128) {
        let sends = matches!(record.call, Call::Send(..) | Call::SendMany(..));
        let effect = match (&record.call, record.refusal) {
            (Call::Leave(side), _) => Effect::Leave(*side),
            (Call::Close, _) => Effect::Close,
            (_, None) => return,
            (_, Some(Refusal::Disconnected)) if sends => Effect::NoReceivers,
            (_, Some(Refusal::Disconnected)) => Effect::NoSenders,
            (_, Some(_)) if sends => Effect::Full,
            (_, Some(_)) => Effect::Empty,
        };
        self.add((record.begin, record.end), effect, after);
    }

    fn meetings(&mut self, records: &[Record]) -> Result<(), String> {
        let (mut senders, mut receivers) = (HashMap::new(), HashMap::new());
        for record in records {
            let sends = matches!(record.call, Call::Send(..) | Call::SendMany(..));
            let side = if sends { &mut senders } else { &mut receivers };
            for &value in &record.moved {
                if value == FORGED || side.insert(value, record).is_some() {
                    return Err(format!("message {value} is forged, or moved twice"));
                }
            }
        }
        if let Some(value) = receivers.keys().find(|value| !senders.contains_key(value)) {
            return Err(format!("message {value} was received and not sent"));
        }
        let mut bits = HashMap::new();
        for record in records {
            let mut after = 0;
            for value in &record.moved {
                let Some(partner) = receivers.get(value) else {
                    return Err(format!("message {value} was sent and not received"));
                };
                let sender = senders[value];
                let span = (sender.begin.max(partner.begin), sender.end.min(partner.end));
                let tries = |record: &Record| is_try(&record.call);
                if span.0 > span.1 || tries(sender) && tries(partner) {
                    return Err(format!("message {value}: the two calls cannot have met"));
                }
                // The record of the other side comes to the same meeting.
                let bit = *bits
                    .entry(*value)
                    .or_insert_with(|| self.add(span, Effect::Meet, 0));
                let own = self.spans.iter_mut().find(|span| span.step.bit == bit);
                own.expect("the span of the bit").step.after |= after;
                after = bit;
            }
            self.rest(record, after);
        }
        Ok(())
    }
}

fn is_try(call: &Call) -> bool {
    matches!(
        call,
        Call::Send(Wait::Try, _)
            | Call::SendMany(Wait::Try, _)
            | Call::Recv(Wait::Try)
            | Call::RecvMany(Wait::Try, _)
    )
}
