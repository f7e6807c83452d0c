//! The two lines under their lock: the steps that somebody performs for those who wait, at the store or from hand to hand.

use super::line::{Line, Wake};
use crate::model::{PopError, PushError};

/// What the lines stand at.
///
/// A refusal is judged behind a full fence, and a full fence follows whatever makes the next step of
/// the other side possible. So of one who enters a line and is refused, and one who makes room or
/// brings a value and then looks at the lines, at least one sees the other.
pub trait Store<T> {
    /// Adds a value behind all others.
    fn put(&self, value: T) -> Result<(), PushError<T>>;
    /// Removes the oldest value.
    fn get(&self) -> Result<T, PopError>;
    /// Whether it can hold a value at all.
    fn has_room(&self) -> bool;
    /// How many values have gone through: about right.
    fn moved(&self) -> u64;
}

pub(super) struct Lines<T>(pub(super) [Line<T>; 2]);

impl<T> Lines<T> {
    /// Performs one waiting step, if one is possible.
    pub(super) fn step(
        &mut self,
        store: &impl Store<T>,
        wake: &mut Wake,
        handed: &mut u64,
    ) -> bool {
        let [takers, givers] = &mut self.0;
        if !store.has_room() && !takers.is_empty() && !givers.is_empty() {
            // Nothing but each other is what they wait for, so who sleeps is not spared.
            return self.hand_over(wake, handed);
        }
        if takers.servable() > 0 {
            match store.get() {
                Ok(value) => {
                    takers
                        .leave_first(wake)
                        .expect("somebody waits")
                        .fill(value);
                    return true;
                }
                Err(PopError::Closed) => {
                    takers.turn_away_first(wake);
                    return true;
                }
                Err(PopError::Empty) if givers.servable() > 0 => {
                    return self.hand_over(wake, handed);
                }
                Err(PopError::Empty) => {}
            }
        }
        if givers.servable() == 0 {
            return false;
        }
        let first = givers.first().expect("somebody waits");
        match store.put(first.empty()) {
            Ok(()) => {
                givers.leave_first(wake).expect("somebody waits").let_go();
                true
            }
            Err(PushError::Full(value)) => {
                first.refill(value);
                false
            }
            Err(PushError::Closed(value)) => {
                first.refill(value);
                givers.turn_away_first(wake);
                true
            }
        }
    }

    /// From the first giver to the first taker.
    fn hand_over(&mut self, wake: &mut Wake, handed: &mut u64) -> bool {
        let [takers, givers] = &mut self.0;
        let giver = givers.leave_first(wake).expect("somebody waits");
        let taker = takers.leave_first(wake).expect("somebody waits");
        taker.fill(giver.empty());
        giver.let_go();
        *handed += 1;
        true
    }
}
