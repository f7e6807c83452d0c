//! The states of a job and the verbs that lead from one to the next.
//!
//! ```text
//! Vacant ─admit→ Waiting          Vacant ─defer→ Delayed       (a terminal slot counts as vacant)
//! Waiting ─activate→ Active       Delayed ─promote→ Waiting
//! Waiting ─reprioritize→ Waiting  Delayed ─reprioritize|reschedule→ Delayed
//! Active ─complete→ Completed  ─bury→ Dead  ─interrupt→ Interrupted
//! Active ─retry|snooze→ Waiting or Delayed  ─requeue→ Waiting
//! Waiting|Delayed ─expire→ Dead  ─return→ Returned
//! Waiting|Delayed|Active ─cancel→ Cancelled
//! ```

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum JobState {
    /// No job: the slot was never used. Not reported of a job.
    Vacant = 0,
    /// Accepted, and not handed to a worker yet; also between two attempts without a pause.
    Waiting = 1,
    /// Handed to a worker, whose handler may be running.
    Active = 2,
    /// Accepted, and not to be handed out before some instant: added with a delay, or between two attempts.
    Delayed = 3,
    /// A handler returned `Ok`. Terminal.
    Completed = 8,
    /// The last attempt failed, the handler said that no other would help, or the time to live was over.
    /// Terminal.
    Dead = 9,
    /// Cancelled before a handler's result was accepted. Terminal.
    Cancelled = 10,
    /// Shutdown gave up on its running handler. Terminal, and not a failure.
    Interrupted = 11,
    /// Shutdown gave it back before any further attempt began. Terminal.
    Returned = 12,
}

impl JobState {
    /// Whether no verb but `admit`, for another job, leads out of this state.
    ///
    /// ```
    /// use guichet::JobState;
    /// assert!(JobState::Cancelled.is_terminal());
    /// assert!(!JobState::Waiting.is_terminal());
    /// ```
    pub const fn is_terminal(self) -> bool {
        self as u8 & 8 != 0
    }

    /// The state with this number, as the state word keeps it.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        match bits {
            0 => JobState::Vacant,
            1 => JobState::Waiting,
            2 => JobState::Active,
            3 => JobState::Delayed,
            8 => JobState::Completed,
            9 => JobState::Dead,
            10 => JobState::Cancelled,
            11 => JobState::Interrupted,
            12 => JobState::Returned,
            _ => panic!("no such state"),
        }
    }
}

/// The alphabet of transitions. A job's state changes by one of these and in no other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A payload moves into a slot and waits.
    Admit,
    /// A payload moves into a slot and is not to be handed out yet.
    Defer,
    /// A worker takes the ticket: an attempt begins.
    Activate,
    /// A delayed job's instant has come, or somebody does not want to wait for it.
    Promote,
    /// A waiting job gets another place in line, or a delayed one will when it waits.
    Reprioritize,
    /// A delayed job gets another instant.
    Reschedule,
    /// The attempt succeeded.
    Complete,
    /// The attempt failed and another is due.
    Retry,
    /// The handler wants to be asked again later; that was no attempt.
    Snooze,
    /// The job goes back to its place in line; that was no attempt.
    Requeue,
    /// The attempt failed and was the last.
    Bury,
    /// The time to live was over before an attempt began.
    Expire,
    /// Somebody does not want the job any more.
    Cancel,
    /// Shutdown gives up on a running attempt.
    Interrupt,
    /// Shutdown gives back what did not run.
    Return,
}

impl Verb {
    /// Every verb.
    #[cfg(test)]
    pub(crate) const ALL: [Verb; 15] = [
        Verb::Admit,
        Verb::Defer,
        Verb::Activate,
        Verb::Promote,
        Verb::Reprioritize,
        Verb::Reschedule,
        Verb::Complete,
        Verb::Retry,
        Verb::Snooze,
        Verb::Requeue,
        Verb::Bury,
        Verb::Expire,
        Verb::Cancel,
        Verb::Interrupt,
        Verb::Return,
    ];

    /// Whether the verb may be applied in `state`.
    pub const fn applies_to(self, state: JobState) -> bool {
        match self {
            Verb::Admit | Verb::Defer => state.is_terminal() || matches!(state, JobState::Vacant),
            Verb::Activate => matches!(state, JobState::Waiting),
            Verb::Promote | Verb::Reschedule => matches!(state, JobState::Delayed),
            Verb::Complete
            | Verb::Retry
            | Verb::Snooze
            | Verb::Requeue
            | Verb::Bury
            | Verb::Interrupt => matches!(state, JobState::Active),
            Verb::Expire | Verb::Return | Verb::Reprioritize => {
                matches!(state, JobState::Waiting | JobState::Delayed)
            }
            Verb::Cancel => {
                matches!(
                    state,
                    JobState::Waiting | JobState::Delayed | JobState::Active
                )
            }
        }
    }

    /// The state it leads to; `None` for the one in which the job is. `retry` and `snooze` may also lead to
    /// `Delayed`.
    #[inline(always)]
    pub const fn target(self) -> Option<JobState> {
        Some(match self {
            Verb::Reprioritize => return None,
            Verb::Admit | Verb::Promote | Verb::Retry | Verb::Snooze | Verb::Requeue => {
                JobState::Waiting
            }
            Verb::Defer | Verb::Reschedule => JobState::Delayed,
            Verb::Activate => JobState::Active,
            Verb::Complete => JobState::Completed,
            Verb::Bury | Verb::Expire => JobState::Dead,
            Verb::Cancel => JobState::Cancelled,
            Verb::Interrupt => JobState::Interrupted,
            Verb::Return => JobState::Returned,
        })
    }
}
