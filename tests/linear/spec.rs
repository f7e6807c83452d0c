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

use todc_utils::{Action, History as Actions, Specification, WGLChecker};

use crate::program::{Call, Side, Wait};
use crate::record::{FORGED, History, Record, Refusal};

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

/// An effect, its own bit, and the bits of those that must come before it.
#[derive(Clone, Debug)]
pub struct Step {
    pub effect: Effect,
    pub bit: u128,
    pub after: u128,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    queue: [u8; LONGEST],
    length: usize,
    capacity: usize,
    senders: usize,
    receivers: usize,
    /// The steps that were taken. The search knows them anyway, so they split no states.
    done: u128,
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

struct Channel;

impl Specification for Channel {
    type State = State;
    type Operation = Step;

    fn init() -> State {
        State::default()
    }

    fn apply(step: &Step, state: &State) -> (bool, State) {
        let mut next = *state;
        if state.done & step.after == step.after && next.take(&step.effect) {
            next.done |= step.bit;
            (true, next)
        } else {
            (false, *state)
        }
    }
}

/// A step and the interval in which it happened.
#[derive(Clone, Debug)]
pub struct Span {
    pub begin: u64,
    pub end: u64,
    pub step: Step,
}

/// Whether each span's step can be taken within the span so that all steps are legal in that order.
pub fn linearizable(spans: &[Span]) -> bool {
    let mut events = Vec::new();
    for (process, span) in spans.iter().enumerate() {
        events.push((span.begin, process, Action::Call(span.step.clone())));
        events.push((span.end, process, Action::Response(span.step.clone())));
    }
    events.sort_by_key(|(stamp, ..)| *stamp);
    let actions = events
        .into_iter()
        .map(|(_, process, action)| (process, action));
    WGLChecker::<Channel>::is_linearizable(Actions::from_actions(actions.collect()))
}

/// Whether a channel may have done this; `Err` says why not.
pub fn judge(history: &History, whole: bool) -> Result<(), String> {
    let mut draft = Draft::new(history);
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

/// The spans of a history.
struct Draft {
    spans: Vec<Span>,
}

impl Draft {
    fn new(history: &History) -> Self {
        let mut draft = Draft { spans: Vec::new() };
        let open = Effect::Open {
            capacity: history.capacity,
            senders: history.senders,
            receivers: history.receivers,
        };
        // The stamps begin with 1, so nothing else begins before this has ended.
        draft.add((0, 0), open, 0);
        draft
    }

    /// The bit of the new span.
    fn add(&mut self, (begin, end): (u64, u64), effect: Effect, after: u128) -> u128 {
        let bit = 1_u128
            .checked_shl(self.spans.len() as u32)
            .expect("at most 128 steps");
        let step = Step { effect, bit, after };
        self.spans.push(Span { begin, end, step });
        bit
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
