//! Dead letters: a job that ended dead becomes a job of another queue, once no handler reads its payload.
//!
//! The step that decides the job marks its word; whoever holds the job last owes the letter. If the dead queue has no room,
//! the job keeps its slot and its payload, and the letter is sent when a job of the dead queue has ended. The letter is
//! admitted whether or not the dead queue still takes jobs: else a shutdown would lose what fails while it drains.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::model::{AttemptError, DeadReason, EventKind, FailureKind, JobId, discard, unharmed};
use crate::park::Alarm;
use crate::queue::base::core::Outcome;
use crate::queue::base::host::Visit;
use crate::queue::base::switches::Setting;
use crate::queue::record::dossier::Dossier;
use crate::queue::{Queue, Shared};
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::sync::{Arc, Mutex};
use crate::table::{Spoils, Vacant};

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
    /// Its failed attempts, the last 32 of them.
    pub history: Vec<AttemptError>,
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

/// Who waits for room in a queue of dead letters.
pub(crate) type Senders = Mutex<Vec<Arc<Bell>>>;

/// The dead jobs of a queue whose letters found no room, by their slots.
#[derive(Default)]
pub(crate) struct Unsent {
    slots: VecDeque<u32>,
    /// Those that are being tried again just now.
    in_hand: usize,
}

impl Unsent {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() + self.in_hand
    }

    fn take(&mut self) -> Option<u32> {
        let slot = self.slots.pop_front()?;
        self.in_hand += 1;
        Some(slot)
    }

    fn put_back(&mut self, slot: u32) {
        self.in_hand -= 1;
        self.slots.push_front(slot);
    }
}

/// Tells a queue that keeps dead letters to try again.
pub(crate) struct Bell {
    rung: AtomicBool,
    /// Wakes the clerk who tries.
    alarm: Arc<Alarm>,
}

impl Bell {
    pub(crate) fn new(alarm: Arc<Alarm>) -> Arc<Self> {
        Arc::new(Bell {
            rung: AtomicBool::new(false),
            alarm,
        })
    }

    fn ring(&self) {
        // Relaxed: the alarm's fence lies behind it.
        self.rung.store(true, Relaxed);
        self.alarm.wake();
    }

    /// Whether it was rung since the last try.
    pub(crate) fn is_rung(&self) -> bool {
        self.rung.load(Relaxed)
    }

    fn answer(&self) -> bool {
        // ORDERING: AcqRel — the room that was made, before the try; a later ring is not overwritten.
        self.is_rung() && self.rung.swap(false, AcqRel)
    }
}

impl<T: Send + 'static, R: Send + 'static> Graveyard<T> for Shared<DeadLetter<T>, R> {
    fn reserve(&self) -> Option<Vacant> {
        self.claim(&self.room)
    }

    fn receive(&self, vacant: Vacant, letter: DeadLetter<T>) {
        self.admit_plain(vacant, letter);
    }

    fn await_room(&self, bell: &Arc<Bell>) {
        let mut senders = self.senders.lock();
        if !senders.iter().any(|other| Arc::ptr_eq(other, bell)) {
            senders.push(bell.clone());
        }
        self.core.switches.turn_on(Setting::AWAITED);
        // ORDERING: full fence — the switch before the caller looks for room once more; partner: the fence between a slot's
        // return and the look in `look_for_senders`.
        self.core.switches.fence();
    }

    fn is_awaited_by(&self, bell: &Arc<Bell>) -> bool {
        let senders = self.senders.lock();
        senders.iter().any(|other| Arc::ptr_eq(other, bell))
    }
}

impl<T, R> Shared<T, R> {
    /// Sends the dead letter of the job in `slot`, which the caller holds; or keeps it there until there is room.
    #[cold]
    pub(crate) fn post_letter(&self, slot: u32) {
        if self.try_post(slot, || {}) {
            return;
        }
        // While the slot is held: later it may serve another job.
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        let epoch = self.core.slab.epoch_of(slot);
        self.core.slab.keep_letter(slot);
        self.unsent.lock().slots.push_back(slot);
        self.tell(EventKind::LetterKept, id, epoch, 0, None);
        // Room that was made since the try is heard of only from now on.
        self.bell.ring();
    }

    /// Sends the letter of a job that the caller holds, if there is room for it; `goes` is called before it is there.
    fn try_post(&self, slot: u32, goes: impl FnOnce()) -> bool {
        let dead = self
            .dead
            .as_ref()
            .expect("only a queue that names another owes letters");
        let vacant = dead.reserve().or_else(|| {
            dead.await_room(&self.bell);
            dead.reserve()
        });
        let Some(vacant) = vacant else {
            return false;
        };
        goes();
        let (letter, spoils) = self.write_letter(slot);
        // Whoever has the letter finds its job's slot free.
        self.share_late(spoils);
        dead.receive(vacant, letter);
        true
    }

    /// The dead letter of the job in `slot`, which the caller holds; with it, what is left of the job.
    fn write_letter(&self, slot: u32) -> (DeadLetter<T>, Spoils<T, Outcome<R>>) {
        let id = self.core.id_of(slot, self.core.slab.occupancy_of(slot));
        let attempts = self.core.slab.attempts(slot);
        let copy = |dossier: &Dossier| dossier.clone();
        let dossier = self.dossiers.peek(slot, id.occupancy, copy);
        discard(self.dossiers.done_with(slot, id.occupancy));
        let dossier = dossier.unwrap_or_default();
        let (payload, spoils) = self.core.slab.send_letter(slot);
        let last = dossier.errors().last();
        let (reason, failed_at) = dossier
            .death
            .unwrap_or((DeadReason::Expired, self.core.time.wall()));
        let letter = DeadLetter {
            payload,
            error: last.map_or_else(|| reason.to_string(), |error| error.message.clone()),
            kind: last.map(|error| error.kind),
            attempts,
            failed_at,
            reason,
            source: id,
            queue: self.core.name.clone(),
            history: dossier.errors().cloned().collect(),
        };
        // It may hold a value of the user's.
        discard(dossier);
        (letter, spoils)
    }

    /// Sends letters that were kept, as far as there is room, if any may have been made.
    pub(crate) fn send_letters(&self) {
        while self.bell.answer() {
            let first = self.unsent.lock().take();
            let Some(slot) = first else {
                return;
            };
            self.core.slab.hold_letter(slot);
            match self.try_post(slot, || self.unsent.lock().in_hand -= 1) {
                // Perhaps there is room for another one.
                true => self.bell.ring(),
                false => {
                    self.core.slab.keep_letter(slot);
                    self.unsent.lock().put_back(slot);
                    // Another who heard of room meanwhile did not find this letter.
                    let dead = self.dead.as_ref();
                    if dead.is_some_and(|dead| !dead.is_awaited_by(&self.bell)) {
                        self.bell.ring();
                    }
                }
            }
        }
    }

    /// The same, whether or not any was made.
    pub(crate) fn retry_letters(&self) {
        if self.dead.is_some() {
            self.bell.ring();
            self.send_letters();
        }
    }

    /// A slot of this queue was given back: whoever waits for one looks once more.
    #[cold]
    pub(crate) fn wake_senders(&self) {
        self.core.switches.turn_off(Setting::AWAITED);
        let senders = std::mem::take(&mut *self.senders.lock());
        senders.iter().for_each(|bell| bell.ring());
    }
}

/// Which dead letters are to be tried again, and how fast; for [`Queue::redrive`].
pub struct Redrive<'a, T> {
    filter: Filter<'a, T>,
    limit: usize,
    spacing: Duration,
}

type Filter<'a, T> = Box<dyn Fn(&DeadLetter<T>) -> bool + 'a>;

/// What [`Queue::redrive`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redriven {
    /// The jobs that were added anew.
    pub jobs: Vec<JobId>,
    /// Letters that were looked at and stay: the filter refused them, or they have no payload.
    pub skipped: usize,
    /// Whether it stopped because the target took no more: it was full, or shut down.
    pub stopped: bool,
}

impl<'a, T> Redrive<'a, T> {
    /// All that wait, as fast as they can be added.
    pub fn all() -> Self {
        Redrive {
            filter: Box::new(|_| true),
            limit: usize::MAX,
            spacing: Duration::ZERO,
        }
    }

    /// Only those for which `filter` says so.
    pub fn filter(mut self, filter: impl Fn(&DeadLetter<T>) -> bool + 'a) -> Self {
        self.filter = Box::new(filter);
        self
    }

    /// So many at the most.
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = letters;
        self
    }

    /// The first at once, each further one with a delay of `per / jobs` more: they are delayed jobs of the target, and
    /// this call does not wait. `jobs` of 0 counts as 1.
    pub fn rate(mut self, jobs: u32, per: Duration) -> Self {
        self.spacing = per / jobs.max(1);
        self
    }
}

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Takes the dead letters of this queue's jobs that found no room where they were to go, and frees their jobs' slots: the
    /// last resort, after a shutdown say.
    ///
    /// ```
    /// use guichet::{DeadLetter, Failure, ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let dead = runtime.queue::<DeadLetter<u32>, ()>("dead").capacity(1).build()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").dead_letters(&dead).build()?;
    /// queue.workers(1, |_| Err(Failure::msg("no")))?;
    /// queue.add_many(vec![1, 2])?;
    /// runtime.run_until_idle();
    /// assert_eq!(queue.stats().unsent, 1);
    /// assert_eq!(queue.take_unsent()[0].payload, Some(2));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn take_unsent(&self) -> Vec<DeadLetter<T>> {
        let shared = &self.shared;
        let slots = std::mem::take(&mut shared.unsent.lock().slots);
        let take = |slot| {
            shared.core.slab.hold_letter(slot);
            let (letter, spoils) = shared.write_letter(slot);
            shared.share_late(spoils);
            letter
        };
        slots.into_iter().map(take).collect()
    }
}

impl<T: Send + 'static, R: Send + 'static> Queue<DeadLetter<T>, R> {
    /// Adds the payloads of waiting dead letters to `target` anew, attempts reset; stops when that is full.
    ///
    /// What was added anew is completed here; all others keep their places. Does not wait, and takes no notice of a
    /// [pause](Queue::pause); a letter that a worker has in hand is left alone.
    ///
    /// ```
    /// use guichet::{DeadLetter, Failure, ManualClock, Redrive, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let dead = runtime.queue::<DeadLetter<u32>, ()>("dead").build()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").dead_letters(&dead).build()?;
    /// queue.workers(1, |_| Err(Failure::msg("no")))?;
    /// queue.add_many(vec![1, 2, 3])?;
    /// runtime.run_until_idle();
    /// let done = dead.redrive(&queue, Redrive::all().filter(|letter| letter.payload != Some(2)));
    /// assert_eq!((done.jobs.len(), done.skipped), (2, 1));
    /// assert_eq!(dead.stats().waiting, 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn redrive<S: Send + 'static>(
        &self,
        target: &Queue<T, S>,
        redrive: Redrive<'_, T>,
    ) -> Redriven {
        let shared = &self.shared;
        let mut done = Redriven::default();
        let Some(host) = shared.core.host.upgrade() else {
            return done;
        };
        let _visit = Visit::begin(host);
        let mut kept = Vec::new();
        // No more than there are now: what is redriven may die anew meanwhile.
        for _ in 0..shared.line.len() {
            if done.jobs.len() >= redrive.limit || done.stopped {
                break;
            }
            let Some((claim, mut letter)) = shared.take_owned() else {
                break;
            };
            let chosen = unharmed(|| (redrive.filter)(&letter)).unwrap_or(false);
            let Some(payload) = letter.payload.take_if(|_| chosen) else {
                done.skipped += 1;
                kept.push((claim, letter));
                continue;
            };
            let spacing = redrive.spacing.saturating_mul(done.jobs.len() as u32);
            match target.job(payload).delay(spacing).try_add() {
                Ok(id) => {
                    done.jobs.push(id);
                    shared.complete_for_nobody(claim);
                }
                Err(refused) => {
                    done.stopped = true;
                    letter.payload = Some(refused.into_payload());
                    kept.push((claim, letter));
                }
            }
        }
        for (claim, letter) in kept {
            shared.put_back_or_share(claim, Some(letter));
        }
        done
    }
}
