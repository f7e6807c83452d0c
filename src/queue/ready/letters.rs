//! Dead letters, and where a queue keeps those that found no room.

use std::collections::VecDeque;
use std::mem;
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

/// Where a queue's dead jobs go, and those that could not be sent.
pub(crate) struct Letters<T> {
    dead: Option<Arc<dyn Graveyard<T>>>,
    unsent: Mutex<Unsent>,
    /// Says when to try again.
    bell: Arc<Bell>,
}

/// Dead jobs whose letters found no room, by their slots.
#[derive(Default)]
struct Unsent {
    slots: VecDeque<u32>,
    /// Those that are being tried again just now.
    in_hand: usize,
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

    /// Where they go, if anywhere.
    pub(crate) fn dead(&self) -> Option<&Arc<dyn Graveyard<T>>> {
        self.dead.as_ref()
    }

    /// Says when to try again.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// How many dead jobs keep their slots.
    pub(crate) fn unsent(&self) -> usize {
        let unsent = self.unsent.lock();
        unsent.slots.len() + unsent.in_hand
    }

    /// One more found no room.
    pub(crate) fn keep(&self, slot: u32) {
        self.unsent.lock().slots.push_back(slot);
    }

    /// The first that is kept, to be tried again; then it is `sent` or `put_back`.
    pub(crate) fn take(&self) -> Option<u32> {
        let mut unsent = self.unsent.lock();
        let slot = unsent.slots.pop_front()?;
        unsent.in_hand += 1;
        Some(slot)
    }

    /// One that was taken goes to its place.
    pub(crate) fn sent(&self) {
        self.unsent.lock().in_hand -= 1;
    }

    /// One that was taken found no room again.
    pub(crate) fn put_back(&self, slot: u32) {
        let mut unsent = self.unsent.lock();
        unsent.in_hand -= 1;
        unsent.slots.push_front(slot);
    }

    /// All that are kept, but for those that are being tried again.
    pub(crate) fn take_all(&self) -> VecDeque<u32> {
        mem::take(&mut self.unsent.lock().slots)
    }
}
