//! Events: whether those of each job tell a life that a job can have, without a gap, and with one end.

use std::collections::HashMap;

use guichet::{EventKind, JobId};

use super::facts::{End, Heard, Step};

/// Where a job may be; after a retry or a snooze it waits or is delayed, which its next event shows.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Places(u8);

const WAITING: Places = Places(1);
const DELAYED: Places = Places(2);
const ACTIVE: Places = Places(4);
const ENDED: Places = Places(8);

impl Places {
    const fn or(self, other: Places) -> Places {
        Places(self.0 | other.0)
    }

    fn both(self, other: Places) -> Places {
        Places(self.0 & other.0)
    }

    fn meets(self, other: Places) -> bool {
        self.0 & other.0 != 0
    }
}

/// From where to where an event leads; `None` for those that are no step.
fn leads(kind: EventKind) -> Option<(Places, Places)> {
    let live = WAITING.or(DELAYED);
    Some(match kind {
        EventKind::Started => (WAITING, ACTIVE),
        EventKind::Promoted => (DELAYED, WAITING),
        // Where it is it stays.
        EventKind::Reprioritized => (live, live),
        EventKind::Rescheduled => (DELAYED, DELAYED),
        EventKind::Completed | EventKind::Failed | EventKind::Interrupted => (ACTIVE, ENDED),
        EventKind::Retried | EventKind::Snoozed => (ACTIVE, live),
        EventKind::Requeued => (ACTIVE, WAITING),
        EventKind::Expired | EventKind::Returned => (live, ENDED),
        EventKind::Cancelled => (live.or(ACTIVE), ENDED),
        _ => return None,
    })
}

fn end_of(kind: EventKind) -> Option<End> {
    Some(match kind {
        EventKind::Completed => End::Completed,
        EventKind::Failed => End::Failed,
        EventKind::Expired => End::Expired,
        EventKind::Cancelled => End::Cancelled,
        EventKind::Interrupted => End::Interrupted,
        EventKind::Returned => End::Returned,
        _ => return None,
    })
}

/// The ends that were heard of. A listener that lagged vouches for those only.
///
/// # Errors
/// What can't be true.
pub fn check(heard: &Heard) -> Result<Vec<(JobId, End)>, String> {
    let mut jobs: HashMap<JobId, Vec<Step>> = HashMap::new();
    for step in heard.steps.iter().filter(|step| step.kind.is_step()) {
        jobs.entry(step.job).or_default().push(*step);
    }
    let mut ends = Vec::new();
    for (job, steps) in &mut jobs {
        steps.sort_by_key(|step| step.sequence);
        if heard.lagged == 0 {
            life(steps).map_err(|wrong| format!("job {job}: {wrong}: {}", tell(steps)))?;
        }
        ends.extend(
            steps
                .iter()
                .filter_map(|step| Some((*job, end_of(step.kind)?))),
        );
    }
    Ok(ends)
}

fn life(steps: &[Step]) -> Result<(), String> {
    let first = steps[0];
    let mut place = match first.kind {
        EventKind::Added => WAITING,
        EventKind::Deferred => DELAYED,
        other => return Err(format!("its first event is {other:?}")),
    };
    for pair in steps.windows(2) {
        let (before, step) = (pair[0], pair[1]);
        if step.sequence != before.sequence + 1 {
            return Err(format!(
                "event {} follows event {}",
                step.sequence, before.sequence
            ));
        }
        place = match leads(step.kind) {
            Some((from, to)) if from.meets(place) && from == to => place.both(from),
            Some((from, to)) if from.meets(place) => to,
            _ => return Err(format!("{:?} can't follow {:?}", step.kind, before.kind)),
        };
    }
    match place {
        ENDED => Ok(()),
        _ => Err("it has no end".to_owned()),
    }
}

/// The last events, in one line.
fn tell(steps: &[Step]) -> String {
    let last = steps.iter().rev().take(12).rev();
    let told = last.map(|step| format!("{} {:?}", step.sequence, step.kind));
    told.collect::<Vec<_>>().join(", ")
}
