//! Looking jobs up: what is known of one, lists by state, results by id.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use super::Records;
use crate::model::{AttemptError, DeadReason, JobId, JobState, LogLine};
use crate::queue::base::core::Core;
use crate::queue::record::archive::Finished;
use crate::queue::record::dossier::{Dossier, Progress};
use crate::sync::Arc;

/// What is known of one job.
#[derive(Clone)]
#[non_exhaustive]
pub struct JobInfo {
    /// Its name.
    pub id: JobId,
    /// Where it is in its life.
    pub state: JobState,
    /// How many of its attempts have begun and count.
    pub attempts: u32,
    /// How often it was handed out again because its lease was dropped.
    pub redelivered: u32,
    /// Its failed attempts, the last 32, the oldest first.
    pub errors: Vec<Arc<AttemptError>>,
    /// How many of its attempts failed, those that are not kept included.
    pub failures: u64,
    /// What its handlers logged, the oldest first.
    pub log: Vec<LogLine>,
    /// How many lines of the log are not kept.
    pub log_dropped: u64,
    /// Why it ended dead, if it did.
    pub reason: Option<DeadReason>,
    /// Why it was cancelled, if it was and whoever did it said so.
    pub cancel_reason: Option<String>,
    /// When it ended, if it did.
    pub finished_at: Option<SystemTime>,
    progress: Option<Progress>,
}

impl JobInfo {
    /// How far it is, if its handler [said so](crate::Job::set_progress) with a value of this type.
    pub fn progress<P: Any + Send + Sync>(&self) -> Option<Arc<P>> {
        self.progress.clone()?.downcast().ok()
    }

    fn new(id: JobId, state: JobState, attempts: u32, dossier: Option<&Dossier>) -> Self {
        let empty = Dossier::default();
        let dossier = dossier.unwrap_or(&empty);
        JobInfo {
            id,
            state,
            attempts,
            redelivered: dossier.redelivered,
            errors: dossier.errors().cloned().collect(),
            failures: dossier.failures(),
            log: dossier.logs().cloned().collect(),
            log_dropped: dossier.logs_dropped(),
            reason: None,
            cancel_reason: dossier.cancel_reason.clone(),
            finished_at: None,
            progress: dossier.progress().cloned(),
        }
    }

    pub(crate) fn of(record: &Finished) -> Self {
        JobInfo {
            reason: record.reason,
            finished_at: Some(record.at),
            ..Self::new(
                record.id,
                record.state,
                record.attempts,
                record.dossier.as_deref(),
            )
        }
    }
}

impl fmt::Debug for JobInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobInfo")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}

/// The job has ended and its record is not kept any more, or it never was of this queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the job has ended and its record is not kept, or it was never of this queue")
    }
}

impl Error for Gone {}

impl<R> Records<R> {
    pub(crate) fn info_of_live<T>(&self, core: &Core<T, R>, id: JobId) -> Option<JobInfo> {
        let state = core.slab.state(id.slot, id.occupancy)?;
        let attempts = core.slab.attempts(id.slot);
        let mut known = None;
        self.dossiers.peek(id.slot, id.occupancy, |dossier| {
            known = Some(JobInfo::new(id, state, attempts, Some(dossier)));
        });
        let known = known.unwrap_or_else(|| JobInfo::new(id, state, attempts, None));
        // Its slot serves it still: what was read is its own.
        core.slab.state(id.slot, id.occupancy).map(|_| known)
    }

    pub(crate) fn progress_of<T>(&self, core: &Core<T, R>, id: JobId) -> Option<Progress> {
        if id.queue != core.number || id.slot as usize >= core.slab.capacity() {
            return None;
        }
        let here = self
            .dossiers
            .peek(id.slot, id.occupancy, |dossier| dossier.progress().cloned());
        here.flatten().or_else(|| {
            let record = self.archive.find(id)?;
            record.dossier.as_deref()?.progress().cloned()
        })
    }

    /// The state of a job, while its slot serves it or its record is kept.
    pub(crate) fn state_of<T>(&self, core: &Core<T, R>, id: JobId) -> Option<JobState> {
        if id.queue != core.number {
            return None;
        }
        let here = core.slab.state(id.slot, id.occupancy);
        here.or_else(|| self.archive.find(id).map(|record| record.state))
    }
}
