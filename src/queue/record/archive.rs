//! The records of jobs that have ended: the newest, up to a number and an age.
//!
//! There are two shelves, so that many successes do not push the few failures out. A shelf is in the order of the
//! instants at which its jobs ended. Records that come a little late, because their writers overtook each other, go to
//! their place: the oldest is in front, and both limits look there only. A record may hold a value of the user's, whose
//! destructor is the user's code: what leaves a shelf is given to the caller and never dropped under the lock.

use std::mem;
use std::time::SystemTime;

use crate::model::{DeadReason, JobId, JobState, Keep, discard};
use crate::queue::record::dossier::Dossier;
use crate::queue::record::recent::Recent;
use crate::sync::{Arc, Mutex};

/// How many records of jobs that asked for it are kept where none are otherwise.
pub(crate) const KEPT_ANYWAY: usize = 1_000;

/// The record of a job that has ended.
#[derive(Clone)]
pub(crate) struct Finished {
    pub(crate) id: JobId,
    /// Terminal.
    pub(crate) state: JobState,
    pub(crate) reason: Option<DeadReason>,
    pub(crate) attempts: u32,
    /// When, in nanoseconds of the queue's clock.
    pub(crate) finished: u64,
    /// When, on the wall clock.
    pub(crate) at: SystemTime,
    pub(crate) dossier: Option<Box<Dossier>>,
}

/// Records that are not kept any more, for the caller to drop where it holds no lock.
#[must_use = "drop it where no lock is held"]
pub(crate) struct Dropped(pub(crate) Vec<Arc<Finished>>);

impl Dropped {
    /// Drops the records one by one: two destructors that panic at a time would end the process.
    pub(crate) fn discard(self) {
        self.0.into_iter().for_each(discard);
    }
}

/// The records of the jobs of one queue that have ended.
pub(crate) struct Archive {
    completed: Shelf,
    /// Those of dead, cancelled and interrupted jobs.
    failed: Shelf,
}

impl Archive {
    pub(crate) fn new(completed: Keep, failed: Keep) -> Self {
        Archive {
            completed: Shelf::new(completed),
            failed: Shelf::new(failed),
        }
    }

    /// Keeps a record, of a job that has none, and drops the shelf's oldest if that is one too many. With `keep_anyway`
    /// it is kept even if its shelf keeps none; such a shelf has room for `KEPT_ANYWAY`.
    pub(crate) fn store(&self, finished: Finished, keep_anyway: bool) -> Dropped {
        let shelf = self.shelf(finished.state);
        shelf.store(Arc::new(finished), keep_anyway)
    }

    /// When the next record will have reached the age at which it goes.
    pub(crate) fn next(&self) -> Option<u64> {
        let nexts = [&self.completed, &self.failed].map(Shelf::next);
        nexts.into_iter().flatten().min()
    }

    /// When a record will have reached the age at which it goes.
    pub(crate) fn until(&self, finished: &Finished) -> Option<u64> {
        self.shelf(finished.state).keep.until(finished.finished)
    }

    pub(crate) fn find(&self, id: JobId) -> Option<Arc<Finished>> {
        let found = self.completed.find(id);
        found.or_else(|| self.failed.find(id))
    }

    /// The newest records of jobs in this state, `most` of them, after the `from` newest ones. The shelf is locked
    /// meanwhile; what is passed over costs time too.
    pub(crate) fn list(&self, state: JobState, from: usize, most: usize) -> Vec<Arc<Finished>> {
        self.shelf(state).list(state, from, most)
    }

    /// Drops what has reached its age at `now`; with it, the instant at which the next record will.
    pub(crate) fn expire(&self, now: u64) -> (Dropped, Option<u64>) {
        let mut dropped = Vec::new();
        let nexts = [&self.completed, &self.failed].map(|shelf| shelf.expire(now, &mut dropped));
        (Dropped(dropped), nexts.into_iter().flatten().min())
    }

    /// Drops all records.
    pub(crate) fn clear(&self) -> Dropped {
        let shelves = [&self.completed, &self.failed].into_iter();
        Dropped(shelves.flat_map(Shelf::clear).collect())
    }

    /// How many records of jobs in this state there are.
    pub(crate) fn len(&self, state: JobState) -> usize {
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
        let most = match self.keep.most() {
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
        self.keep.age()?;
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
