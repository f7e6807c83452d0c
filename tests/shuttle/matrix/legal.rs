//! Each job's events form a legal walk by the table of verbs, numbered without a gap.

use std::collections::BTreeMap;

use guichet::internals::model::Verb;
use guichet::{Event, EventError, EventKind, JobId, JobState, Subscription};

use super::stage::Stage;

impl Stage {
    /// Each job's events form a legal walk, numbered without a gap.
    pub fn walks(&self, mut events: Subscription) {
        let mut walks = BTreeMap::<JobId, Vec<Event>>::new();
        loop {
            match events.try_next() {
                Ok(event) => walks.entry(event.job).or_default().push(event),
                Err(EventError::Empty | EventError::Closed) => break,
                Err(other) => panic!("{other}"),
            }
        }
        let known: Vec<_> = self
            .board
            .read()
            .jobs
            .iter()
            .filter_map(|job| job.id)
            .collect();
        for id in known {
            assert!(walks.contains_key(&id), "nothing was told of job {id}");
        }
        for walk in walks.values_mut() {
            walk.retain(|event| event.kind.is_step());
            walk.sort_by_key(|event| event.sequence);
            assert!(is_legal(walk), "{walk:#?}");
        }
    }
}

/// Whether the steps follow each other by the table of verbs, from an admission to an end.
fn is_legal(walk: &[Event]) -> bool {
    let numbered = walk
        .windows(2)
        .all(|two| two[1].sequence == two[0].sequence + 1);
    let mut states = vec![JobState::Vacant];
    for event in walk {
        let Some(verb) = verb(event.kind) else {
            return false;
        };
        states.retain(|state| verb.applies_to(*state));
        if states.is_empty() || event.kind == EventKind::Stuck {
            return false;
        }
        if let Some(target) = verb.target() {
            states = vec![target];
        }
        if matches!(verb, Verb::Retry | Verb::Snooze) {
            states.push(JobState::Delayed);
        }
    }
    numbered && states.iter().all(|state| state.is_terminal())
}

fn verb(kind: EventKind) -> Option<Verb> {
    Some(match kind {
        EventKind::Added => Verb::Admit,
        EventKind::Deferred => Verb::Defer,
        EventKind::Started => Verb::Activate,
        EventKind::Promoted => Verb::Promote,
        EventKind::Reprioritized => Verb::Reprioritize,
        EventKind::Rescheduled => Verb::Reschedule,
        EventKind::Completed => Verb::Complete,
        EventKind::Retried => Verb::Retry,
        EventKind::Snoozed => Verb::Snooze,
        EventKind::Requeued => Verb::Requeue,
        EventKind::Failed => Verb::Bury,
        EventKind::Expired => Verb::Expire,
        EventKind::Cancelled => Verb::Cancel,
        EventKind::Interrupted => Verb::Interrupt,
        EventKind::Returned => Verb::Return,
        _ => return None,
    })
}
