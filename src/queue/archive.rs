//! The records of jobs that have ended: the newest, up to a number and an age.
//!
//! There are two shelves, so that many successes do not push the few failures out. A shelf is in the order of the
//! instants at which its jobs ended. Records that come a little late, because their writers overtook each other, go to
//! their place: the oldest is in front, and both limits look there only. A record may hold a value of the user's, whose
//! destructor is the user's code: what leaves a shelf is given to the caller and never dropped under the lock.

use std::fmt;
use std::mem;
use std::time::{Duration, SystemTime};

use super::dossier::Dossier;
use super::recent::Recent;
use crate::model::{InvalidOption, JobId, JobState, check_range, discard};
use crate::sync::{Arc, Mutex};

/// The most records that a queue can be told to keep.
const MOST: u64 = 10_000_000;
/// How many records of jobs that asked for it are kept where none are otherwise.
pub(super) const KEPT_ANYWAY: usize = 1_000;

/// How many finished jobs' records are kept, and how long.
///
/// A number converts into [`Keep::last`] of it. 0 to 10,000,000; what lies outside is refused when the queue is built.
///
/// ```
/// use guichet::Keep;
/// use std::time::Duration;
///
/// let of_today = Keep::last(5_000).for_at_most(Duration::from_secs(24 * 60 * 60));
/// assert_ne!(of_today, Keep::last(5_000));
/// assert_eq!(Keep::from(0), Keep::none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    most: usize,
    age: Option<Duration>,
}

impl Keep {
    /// No records.
    pub const fn none() -> Self {
        Self::last(0)
    }

    /// The records of the last `jobs` that ended, however old.
    pub const fn last(jobs: usize) -> Self {
        Keep {
            most: jobs,
            age: None,
        }
    }

    /// Of these, none whose job ended `age` ago or earlier. Default: no such limit.
    pub const fn for_at_most(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Whether there is room for any.
    pub(super) fn any(&self) -> bool {
        self.most > 0
    }

    /// Refuses a number out of range.
    pub(super) fn check(&self, option: &'static str) -> Result<(), InvalidOption> {
        check_range(option, self.most as u64, 0..=MOST).map(drop)
    }

    /// The instant at which a job that ended at `finished` has reached the age; none if that is never.
    fn until(&self, finished: u64) -> Option<u64> {
        finished.checked_add(u64::try_from(self.age?.as_nanos()).ok()?)
    }
}

impl From<usize> for Keep {
    fn from(jobs: usize) -> Self {
        Keep::last(jobs)
    }
}

/// Why a job ended without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadReason {
    /// Its last attempt failed.
    Exhausted,
    /// Its handler said that no other attempt would help.
    Discarded,
    /// Its queue's rules for retries wanted no other attempt after this error.
    NotRetried,
    /// Its time to live was over before an attempt began.
    Expired,
    /// Whoever held its lease rejected it.
    Rejected,
    /// It was handed out again too often, because whoever held its lease did not answer.
    DeliveryLimit,
}

impl fmt::Display for DeadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeadReason::Exhausted => "its last attempt failed",
            DeadReason::Discarded => "its handler said that no other attempt would help",
            DeadReason::NotRetried => "no other attempt was wanted after this error",
            DeadReason::Expired => "its time to live was over before it ran",
            DeadReason::Rejected => "whoever held its lease rejected it",
            DeadReason::DeliveryLimit => "it was handed out too often",
        })
    }
}

/// The record of a job that has ended.
#[derive(Clone)]
pub(super) struct Finished {
    pub(super) id: JobId,
    /// Terminal.
    pub(super) state: JobState,
    pub(super) reason: Option<DeadReason>,
    pub(super) attempts: u32,
    /// When, in nanoseconds of the queue's clock.
    pub(super) finished: u64,
    /// When, on the wall clock.
    pub(super) at: SystemTime,
    pub(super) dossier: Option<Box<Dossier>>,
}

/// Records that are not kept any more, for the caller to drop where it holds no lock.
#[must_use = "drop it where no lock is held"]
pub(super) struct Dropped(pub(super) Vec<Arc<Finished>>);

impl Dropped {
    /// Drops the records one by one: two destructors that panic at a time would end the process.
    pub(super) fn discard(self) {
        self.0.into_iter().for_each(discard);
    }
}

/// The records of the jobs of one queue that have ended.
pub(super) struct Archive {
    completed: Shelf,
    /// Those of dead, cancelled and interrupted jobs.
    failed: Shelf,
}

impl Archive {
    pub(super) fn new(completed: Keep, failed: Keep) -> Self {
        Archive {
            completed: Shelf::new(completed),
            failed: Shelf::new(failed),
        }
    }

    /// Keeps a record, of a job that has none, and drops the shelf's oldest if that is one too many. With `keep_anyway`
    /// it is kept even if its shelf keeps none; such a shelf has room for `KEPT_ANYWAY`.
    pub(super) fn store(&self, finished: Finished, keep_anyway: bool) -> Dropped {
        let shelf = self.shelf(finished.state);
        shelf.store(Arc::new(finished), keep_anyway)
    }

    /// When the next record will have reached the age at which it goes.
    pub(super) fn next(&self) -> Option<u64> {
        let nexts = [&self.completed, &self.failed].map(Shelf::next);
        nexts.into_iter().flatten().min()
    }

    /// When a record will have reached the age at which it goes.
    pub(super) fn until(&self, finished: &Finished) -> Option<u64> {
        self.shelf(finished.state).keep.until(finished.finished)
    }

    pub(super) fn find(&self, id: JobId) -> Option<Arc<Finished>> {
        let found = self.completed.find(id);
        found.or_else(|| self.failed.find(id))
    }

    /// The newest records of jobs in this state, `most` of them, after the `from` newest ones. The shelf is locked
    /// meanwhile; what is passed over costs time too.
    pub(super) fn list(&self, state: JobState, from: usize, most: usize) -> Vec<Arc<Finished>> {
        self.shelf(state).list(state, from, most)
    }

    /// Drops what has reached its age at `now`; with it, the instant at which the next record will.
    pub(super) fn expire(&self, now: u64) -> (Dropped, Option<u64>) {
        let mut dropped = Vec::new();
        let nexts = [&self.completed, &self.failed].map(|shelf| shelf.expire(now, &mut dropped));
        (Dropped(dropped), nexts.into_iter().flatten().min())
    }

    /// Drops all records.
    pub(super) fn clear(&self) -> Dropped {
        let shelves = [&self.completed, &self.failed].into_iter();
        Dropped(shelves.flat_map(Shelf::clear).collect())
    }

    /// How many records of jobs in this state there are.
    pub(super) fn len(&self, state: JobState) -> usize {
        self.shelf(state).kept.lock().counts[state as usize]
    }

    fn shelf(&self, state: JobState) -> &Shelf {
        match state {
            JobState::Completed => &self.completed,
            _ => &self.failed,
        }
    }
}

struct Shelf {
    keep: Keep,
    kept: Mutex<Kept>,
}

struct Kept {
    records: Recent<Arc<Finished>>,
    /// By state.
    counts: [usize; 16],
}

impl Shelf {
    fn new(keep: Keep) -> Self {
        Shelf {
            keep,
            kept: Mutex::new(Kept::new()),
        }
    }

    fn store(&self, finished: Arc<Finished>, keep_anyway: bool) -> Dropped {
        let most = match self.keep.most {
            0 if keep_anyway => KEPT_ANYWAY,
            0 => return Dropped(vec![finished]),
            most => most,
        };
        let mut kept = self.kept.lock();
        kept.insert(finished);
        let evicted = (kept.records.len() > most).then(|| kept.pop_oldest());
        Dropped(evicted.flatten().into_iter().collect())
    }

    fn next(&self) -> Option<u64> {
        self.keep.age?;
        self.keep.until(self.kept.lock().records.oldest()?.finished)
    }

    fn find(&self, id: JobId) -> Option<Arc<Finished>> {
        self.kept.lock().records.get(id).cloned()
    }

    fn list(&self, state: JobState, from: usize, most: usize) -> Vec<Arc<Finished>> {
        let kept = self.kept.lock();
        let records = kept.records.newest_first();
        let of_state = records.filter(|record| record.state == state);
        // Not to the end of the shelf for what is not there.
        let there = kept.counts[state as usize].saturating_sub(from);
        of_state.skip(from).take(most.min(there)).cloned().collect()
    }

    /// Moves what has reached its age to `dropped`; when the next one will.
    fn expire(&self, now: u64, dropped: &mut Vec<Arc<Finished>>) -> Option<u64> {
        let mut kept = self.kept.lock();
        loop {
            let until = self.keep.until(kept.records.oldest()?.finished)?;
            if until > now {
                return Some(until);
            }
            dropped.extend(kept.pop_oldest());
        }
    }

    fn clear(&self) -> impl Iterator<Item = Arc<Finished>> + use<> {
        let kept = mem::replace(&mut *self.kept.lock(), Kept::new());
        kept.records.into_values()
    }
}

impl Kept {
    fn new() -> Self {
        Kept {
            records: Recent::new(),
            counts: [0; 16],
        }
    }

    fn insert(&mut self, finished: Arc<Finished>) {
        self.counts[finished.state as usize] += 1;
        let at = finished.finished;
        let later = |other: &Arc<Finished>| other.finished > at;
        self.records.insert(finished.id, finished, later);
    }

    fn pop_oldest(&mut self) -> Option<Arc<Finished>> {
        let (_, oldest) = self.records.pop_oldest()?;
        self.counts[oldest.state as usize] -= 1;
        Some(oldest)
    }
}
