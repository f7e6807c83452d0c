//! The states of a job and the verbs that lead from one to the next.
//!
//! ```text
//! Vacant ─admit→ Waiting ─activate→ Active ─complete→ Completed
//!                   ▲────── retry ─────┤    ─bury→ Dead
//!                                      └    ─interrupt→ Interrupted
//! Waiting ─return→ Returned        Waiting | Active ─cancel→ Cancelled
//! a terminal slot is admitted to again: ─admit→ Waiting
//! ```

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum JobState {
    /// No job: the slot was never used. Not reported of a job.
    Vacant = 0,
    /// Accepted, and not handed to a worker yet; also between two attempts.
    Waiting = 1,
    /// Handed to a worker, whose handler may be running.
    Active = 2,
    /// A handler returned `Ok`. Terminal.
    Completed = 8,
    /// The last attempt failed, or the handler said that no other would help. Terminal.
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
    pub(crate) const fn from_bits(bits: u64) -> Self {
        match bits {
            0 => JobState::Vacant,
            1 => JobState::Waiting,
            2 => JobState::Active,
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
    /// A payload moves into a slot.
    Admit,
    /// A worker takes the ticket: an attempt begins.
    Activate,
    /// The attempt succeeded.
    Complete,
    /// The attempt failed and another is due.
    Retry,
    /// The attempt failed and was the last.
    Bury,
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
    pub(crate) const ALL: [Verb; 8] = [
        Verb::Admit,
        Verb::Activate,
        Verb::Complete,
        Verb::Retry,
        Verb::Bury,
        Verb::Cancel,
        Verb::Interrupt,
        Verb::Return,
    ];

    /// Whether the verb may be applied in `state`.
    pub const fn applies_to(self, state: JobState) -> bool {
        match self {
            Verb::Admit => state.is_terminal() || matches!(state, JobState::Vacant),
            Verb::Activate | Verb::Return => matches!(state, JobState::Waiting),
            Verb::Complete | Verb::Retry | Verb::Bury | Verb::Interrupt => {
                matches!(state, JobState::Active)
            }
            Verb::Cancel => matches!(state, JobState::Waiting | JobState::Active),
        }
    }

    /// The state it leads to.
    pub const fn target(self) -> JobState {
        match self {
            Verb::Admit | Verb::Retry => JobState::Waiting,
            Verb::Activate => JobState::Active,
            Verb::Complete => JobState::Completed,
            Verb::Bury => JobState::Dead,
            Verb::Cancel => JobState::Cancelled,
            Verb::Interrupt => JobState::Interrupted,
            Verb::Return => JobState::Returned,
        }
    }
}
