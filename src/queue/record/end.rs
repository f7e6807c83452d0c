//! One job's end, and what is kept of it.

use super::Records;
use super::archive::Finished;
use super::dossier::Dossier;
use super::step::Step;
use crate::model::{JobBrief, JobState, discard};
use crate::queue::base::core::Core;
use crate::queue::base::options::at_end;

/// One job's end.
pub(crate) struct End {
    /// The step that it was.
    pub(crate) step: Step,
    /// Whether something is written down about the job.
    pub(crate) noted: bool,
    /// What it said itself about its record.
    pub(crate) at_end: u32,
    /// Whether its handler may run on.
    pub(crate) running: bool,
}

impl End {
    pub(crate) fn brief(&self) -> JobBrief {
        JobBrief {
            id: self.step.id,
            attempt: self.step.attempt,
            ended: true,
        }
    }
}

impl<R> Records<R> {
    /// Keeps the job's record, if it is to be kept, and forgets what was known of the live job.
    pub(crate) fn keep_record<T>(&self, core: &Core<T, R>, end: &End) {
        let state = end.step.change.end();
        let (kept, anyway) = match state {
            JobState::Completed => (
                core.options.keeps_completed && end.at_end & at_end::DROP_COMPLETED == 0,
                end.at_end & at_end::KEEP_COMPLETED != 0,
            ),
            // It is given back: `take_returned` has it.
            JobState::Returned => (false, false),
            _ => (
                core.options.keeps_failed(end.at_end),
                end.at_end & at_end::KEEP_FAILED != 0,
            ),
        };
        let (slot, occupancy) = (end.step.id.slot, end.step.id.occupancy);
        let dead = state == JobState::Dead;
        // A reason may have been noted in the step that ended it.
        let noted = dead || end.noted || state == JobState::Cancelled;
        if kept || anyway {
            self.store_record(core, end, noted, anyway);
        }
        // Not before the record is there: who looks the job up finds the one or the other. A letter is written from it too, and
        // a handler that runs on may ask why it was cancelled: it is forgotten when that returns.
        discard(match dead {
            true if core.options.sends_letters => self.dossiers.done_with(slot, occupancy),
            false if !noted || end.running => None,
            _ => self.dossiers.take(slot, occupancy),
        });
    }

    fn store_record<T>(&self, core: &Core<T, R>, end: &End, noted: bool, anyway: bool) {
        let (slot, occupancy) = (end.step.id.slot, end.step.id.occupancy);
        let copy = |dossier: &Dossier| Box::new(dossier.clone());
        let dossier = match noted {
            true => self.dossiers.peek(slot, occupancy, copy),
            false => None,
        };
        let finished = Finished {
            id: end.step.id,
            state: end.step.change.end(),
            reason: end.step.change.reason(),
            attempts: end.step.attempt,
            finished: core.time.now().to_nanos(),
            at: core.time.wall(),
            dossier,
        };
        let until = self.archive.until(&finished);
        self.archive.store(finished, anyway).discard();
        if let Some(until) = until {
            core.alarm.bring_forward(until);
        }
    }
}
