//! Seeks an order of steps in which each is legal and within its span: Wing and Gong's search with Lowe's memory.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use todc_utils::{Action, History as Actions, Specification, WGLChecker};

/// What happens in one instant.
pub trait Effect: Clone + Debug {
    type State: Clone + Debug + Default + Eq + Hash;
    /// Whether it may happen now; if it may not, the state is spoilt.
    fn happens(&self, state: &mut Self::State) -> bool;
}

/// An effect, its own bit, and the bits of those that must come before it.
#[derive(Clone, Debug)]
pub struct Step<E> {
    pub effect: E,
    pub bit: u128,
    pub after: u128,
}

/// A step and the interval in which it happened.
#[derive(Clone, Debug)]
pub struct Span<E> {
    pub begin: u64,
    pub end: u64,
    pub step: Step<E>,
}

/// The spans of a history.
pub struct Draft<E> {
    pub spans: Vec<Span<E>>,
}

impl<E> Draft<E> {
    pub fn new() -> Self {
        Draft { spans: Vec::new() }
    }

    /// The bit of the new span.
    pub fn add(&mut self, (begin, end): (u64, u64), effect: E, after: u128) -> u128 {
        let bit = 1_u128
            .checked_shl(self.spans.len() as u32)
            .expect("at most 128 steps");
        let step = Step { effect, bit, after };
        self.spans.push(Span { begin, end, step });
        bit
    }
}

/// The steps that were taken go with the state. The search knows them anyway, so they split no states.
struct Ordered<E>(PhantomData<E>);

impl<E: Effect> Specification for Ordered<E> {
    type State = (E::State, u128);
    type Operation = Step<E>;

    fn init() -> Self::State {
        Default::default()
    }

    fn apply(step: &Step<E>, (state, done): &Self::State) -> (bool, Self::State) {
        let mut next = state.clone();
        if done & step.after == step.after && step.effect.happens(&mut next) {
            (true, (next, done | step.bit))
        } else {
            (false, (state.clone(), *done))
        }
    }
}

/// Whether each span's step can be taken within the span so that all steps are legal in that order.
pub fn linearizable<E: Effect>(spans: &[Span<E>]) -> bool {
    let mut events = Vec::new();
    for (process, span) in spans.iter().enumerate() {
        events.push((span.begin, process, Action::Call(span.step.clone())));
        events.push((span.end, process, Action::Response(span.step.clone())));
    }
    events.sort_by_key(|(stamp, ..)| *stamp);
    let actions = events
        .into_iter()
        .map(|(_, process, action)| (process, action));
    WGLChecker::<Ordered<E>>::is_linearizable(Actions::from_actions(actions.collect()))
}
