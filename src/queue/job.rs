//! What a handler sees of its job.

use std::fmt;

use super::Shared;
use crate::model::JobId;
use crate::table::Claim;

/// One attempt of a job, as its handler gets it.
pub struct Job<'a, T> {
    pub(super) payload: &'a T,
    pub(super) claim: &'a Claim,
    pub(super) queue: &'a dyn Records,
}

impl<'a, T> Job<'a, T> {
    /// What was added.
    pub fn payload(&self) -> &'a T {
        self.payload
    }

    /// The job's name.
    pub fn id(&self) -> JobId {
        self.queue.id(self.claim)
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.claim.attempt()
    }

    /// How urgent it is; 1 is the most urgent.
    pub fn priority(&self) -> u32 {
        self.queue.priority(self.claim)
    }

    /// Whether no attempt follows if this one fails.
    ///
    /// ```
    /// use guichet::{Failure, Runtime};
    ///
    /// let runtime = Runtime::new()?;
    /// let stubborn = runtime.queue::<(), u32>("stubborn").attempts(3).build()?;
    /// stubborn.workers(1, |job| match job.is_last_attempt() {
    ///     true => Ok(job.attempt()),
    ///     false => Err(Failure::msg("not yet")),
    /// })?;
    /// assert_eq!(stubborn.submit(())?.wait()?, 3);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn is_last_attempt(&self) -> bool {
        self.attempt() >= self.queue.attempts(self.claim)
    }

    /// Whether the job was decided over the handler's head, by a cancellation or a shutdown: nobody
    /// will take its result. One load; a long handler asks now and then and returns.
    pub fn is_cancelled(&self) -> bool {
        self.queue.is_revoked(self.claim)
    }
}

impl<T: fmt::Debug> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id())
            .field("attempt", &self.attempt())
            .field("payload", &self.payload)
            .finish()
    }
}

/// What a queue knows of a job, without its types. Asked only by the handlers that want to know.
pub(super) trait Records {
    fn id(&self, claim: &Claim) -> JobId;
    fn attempts(&self, claim: &Claim) -> u32;
    fn priority(&self, claim: &Claim) -> u32;
    fn is_revoked(&self, claim: &Claim) -> bool;
}

impl<T, R> Records for Shared<T, R> {
    fn id(&self, claim: &Claim) -> JobId {
        self.id_of(claim.slot(), self.slab.occupancy(claim))
    }

    fn attempts(&self, claim: &Claim) -> u32 {
        self.attempts_of(claim)
    }

    fn priority(&self, claim: &Claim) -> u32 {
        self.slab.priority(claim.slot())
    }

    fn is_revoked(&self, claim: &Claim) -> bool {
        self.slab.is_revoked(claim)
    }
}
