//! Dead letters, and where a queue keeps those that found no room.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::bell::Bell;
use crate::model::{AttemptError, DeadReason, FailureKind, JobId};
use crate::park::Alarm;
use crate::sync::{Arc, Mutex};
use crate::table::Vacant;

/// A job that ended dead, as a job of the queue that its queue named with
/// [`dead_letters`](crate::QueueBuilder::dead_letters).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter<T> {
    /// What was added; `None` if the handler had taken it by value.
    pub payload: Option<T>,
    /// What the last failed attempt said, or why there was none.
    pub error: String,
    /// How the last attempt failed, if there was one.
    pub kind: Option<FailureKind>,
    /// How many attempts had begun.
    pub attempts: u32,
    /// When the job died.
    pub failed_at: SystemTime,
    /// Why.
    pub reason: DeadReason,
    /// The job's name in its own queue.
    pub source: JobId,
    /// Its queue's name.
    pub queue: String,
    /// Its failed attempts, the last 32 of them; shared with its record, not copied.
    pub history: Vec<Arc<AttemptError>>,
}

/// A queue of dead letters, as the queues see it that send them.
pub(crate) trait Graveyard<T>: Send + Sync {
    /// A slot for one letter.
    fn reserve(&self) -> Option<Vacant>;
    /// Puts a letter there.
    fn receive(&self, vacant: Vacant, letter: DeadLetter<T>);
    /// `bell` rings when room may have been made.
    fn await_room(&self, bell: &Arc<Bell>);
    /// Whether `bell` is still to ring for that.
    fn is_awaited_by(&self, bell: &Arc<Bell>) -> bool;
}

/// The dead jobs of a queue whose letters found no room, by their slots.
#[derive(Default)]
pub(crate) struct Unsent {
    pub(crate) slots: VecDeque<u32>,
    /// Those that are being tried again just now.
    pub(crate) in_hand: usize,
}

impl Unsent {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() + self.in_hand
    }

    pub(crate) fn take(&mut self) -> Option<u32> {
        let slot = self.slots.pop_front()?;
        self.in_hand += 1;
        Some(slot)
    }

    pub(crate) fn put_back(&mut self, slot: u32) {
        self.in_hand -= 1;
        self.slots.push_front(slot);
    }
}

/// Where a queue's dead jobs go, and those that could not be sent.
pub(crate) struct Letters<T> {
    pub(crate) dead: Option<Arc<dyn Graveyard<T>>>,
    pub(crate) unsent: Mutex<Unsent>,
    /// Says when to try again.
    pub(crate) bell: Arc<Bell>,
}

impl<T> Letters<T> {
    /// To `dead`, if that is given; `alarm` wakes whoever tries again.
    pub(crate) fn new(dead: Option<Arc<dyn Graveyard<T>>>, alarm: Arc<Alarm>) -> Self {
        Letters {
            dead,
            unsent: Mutex::new(Unsent::default()),
            bell: Bell::new(alarm),
        }
    }

    /// How many dead jobs keep their slots.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.lock().len()
    }

    /// Whether letters are to be tried again.
    pub(crate) fn has_news(&self) -> bool {
        self.bell.is_rung()
    }
}
