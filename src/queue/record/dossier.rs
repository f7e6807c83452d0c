//! What a queue knows of a live job beyond its slot: failed attempts, log lines, progress, why it was cancelled.
//!
//! Most jobs never have any of this, so a dossier is made when there is something to write into it. Each is named by its
//! job's occupancy of the slot: it stays when its job has ended without anybody taking it, and the slot's next job must
//! not be shown it. A dossier may hold a value of the user's, whose destructor is the user's code, so nothing is ever
//! dropped under a lock: what has to go is given to the caller.

use std::any::Any;
use std::collections::VecDeque;
use std::time::SystemTime;

use crate::model::{AttemptError, DeadReason, LogLine};
use crate::sync::{Arc, Mutex, seeded};

/// How many failed attempts of a job are kept.
pub(crate) const ERRORS_KEPT: usize = 32;

/// A value that a handler showed as its progress.
pub(crate) type Progress = Arc<dyn Any + Send + Sync>;

/// What is known of one job beyond its slot.
#[derive(Clone, Default)]
pub(crate) struct Dossier {
    /// Whose it is.
    occupancy: u64,
    /// Shared with the job's record and its dead letter.
    errors: VecDeque<Arc<AttemptError>>,
    failures: u64,
    logs: VecDeque<LogLine>,
    logs_dropped: u64,
    progress: Option<Progress>,
    /// How often the job was handed out again because whoever held its lease did not answer.
    pub(crate) redelivered: u32,
    /// What the canceller said.
    pub(crate) cancel_reason: Option<String>,
    /// Why and when the job died, for its dead letter.
    pub(crate) death: Option<(DeadReason, SystemTime)>,
    /// Record or letter has been written; the other one has not.
    half_done: bool,
}

impl Dossier {
    /// The dossier of a job of which nothing is known yet.
    fn of(occupancy: u64) -> Box<Self> {
        Box::new(Dossier {
            occupancy,
            ..Dossier::default()
        })
    }

    /// Notes a failed attempt. The last `ERRORS_KEPT` are kept.
    pub(crate) fn fail(&mut self, error: AttemptError) {
        self.failures += 1;
        self.errors.push_back(Arc::new(error));
        if self.errors.len() > ERRORS_KEPT {
            self.errors.pop_front();
        }
    }

    /// Notes a line. The last `most` are kept.
    pub(crate) fn log(&mut self, line: LogLine, most: usize) {
        self.logs.push_back(line);
        while self.logs.len() > most {
            self.logs.pop_front();
            self.logs_dropped += 1;
        }
    }

    /// Shows `progress`; what was shown before, to be dropped outside the lock.
    #[must_use]
    pub(crate) fn show(&mut self, progress: Progress) -> Option<Progress> {
        self.progress.replace(progress)
    }

    /// The failed attempts that are kept, the oldest first.
    pub(crate) fn errors(&self) -> impl DoubleEndedIterator<Item = &Arc<AttemptError>> {
        self.errors.iter()
    }

    /// How many attempts failed, those that are not kept included.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// The lines that are kept, the oldest first.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &LogLine> {
        self.logs.iter()
    }

    /// How many lines are not kept.
    pub(crate) fn logs_dropped(&self) -> u64 {
        self.logs_dropped
    }

    /// What was shown last.
    pub(crate) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }
}

/// One dossier per slot, or none.
pub(crate) struct Dossiers {
    slots: Box<[Mutex<Option<Box<Dossier>>>]>,
}

impl Dossiers {
    pub(crate) fn new(slots: usize) -> Self {
        Dossiers {
            slots: (0..slots).map(|_| Mutex::new(None)).collect(),
        }
    }

    /// Calls `f`, under the slot's lock, with the job's dossier, which is made if there is none. With it comes what the
    /// caller has to drop: a former job's dossier, or the one just made if the slot has one of a later job. Somebody
    /// who comes that late must not spoil it.
    #[must_use]
    pub(crate) fn with<X>(
        &self,
        slot: u32,
        occupancy: u64,
        f: impl FnOnce(&mut Dossier) -> X,
    ) -> (X, Option<Box<Dossier>>) {
        let mut kept = self.slots[slot as usize].lock();
        if let Some(dossier) = kept.as_deref_mut().filter(|it| it.occupancy == occupancy) {
            return (f(dossier), None);
        }
        let mut made = Dossier::of(occupancy);
        let result = f(&mut made);
        let too_late = kept.as_ref().is_some_and(|it| it.occupancy > occupancy)
            && !seeded!("dossier_late_spoils");
        let stale = match too_late {
            true => Some(made),
            false => kept.replace(made),
        };
        (result, stale)
    }

    /// Calls `f` under the slot's lock.
    pub(crate) fn locked<X>(&self, slot: u32, f: impl FnOnce() -> X) -> X {
        let _kept = self.slots[slot as usize].lock();
        f()
    }

    /// Calls `f`, under the slot's lock, with the job's dossier, if there is one.
    pub(crate) fn peek<X>(
        &self,
        slot: u32,
        occupancy: u64,
        f: impl FnOnce(&Dossier) -> X,
    ) -> Option<X> {
        let kept = self.slots[slot as usize].lock();
        let dossier = kept.as_deref().filter(|it| it.occupancy == occupancy);
        dossier.map(f)
    }

    /// Of a dead job both its record and its letter are written from the dossier, in any order: who comes second takes it out.
    pub(crate) fn done_with(&self, slot: u32, occupancy: u64) -> Option<Box<Dossier>> {
        let mut kept = self.slots[slot as usize].lock();
        kept.take_if(|it| it.occupancy == occupancy && std::mem::replace(&mut it.half_done, true))
    }

    /// Takes the job's dossier out, if there is one.
    pub(crate) fn take(&self, slot: u32, occupancy: u64) -> Option<Box<Dossier>> {
        let mut kept = self.slots[slot as usize].lock();
        kept.take_if(|it| it.occupancy == occupancy)
    }
}
