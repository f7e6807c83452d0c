//! What a handler sees of its job.

use std::fmt;

use crate::model::JobId;
use crate::table::{Claim, Slab};

/// One attempt of a job, as its handler gets it.
pub struct Job<'a, T> {
    pub(super) payload: &'a T,
    pub(super) id: JobId,
    pub(super) attempts: u32,
    pub(super) priority: u32,
    pub(super) claim: &'a Claim,
    pub(super) slab: &'a dyn Revocable,
}

impl<'a, T> Job<'a, T> {
    /// What was added.
    pub fn payload(&self) -> &'a T {
        self.payload
    }

    /// The job's name.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.claim.attempt()
    }

    /// How urgent it is; 1 is the most urgent.
    pub fn priority(&self) -> u32 {
        self.priority
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
        self.attempt() >= self.attempts
    }

    /// Whether the job was decided over the handler's head, by a cancellation or a shutdown: nobody
    /// will take its result. One load; a long handler asks now and then and returns.
    pub fn is_cancelled(&self) -> bool {
        self.slab.is_revoked(self.claim)
    }
}

impl<T: fmt::Debug> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("attempt", &self.attempt())
            .field("payload", &self.payload)
            .finish()
    }
}

/// The table without its type of result, which a handler need not know.
pub(super) trait Revocable {
    fn is_revoked(&self, claim: &Claim) -> bool;
}

impl<T, O> Revocable for Slab<T, O> {
    fn is_revoked(&self, claim: &Claim) -> bool {
        Slab::is_revoked(self, claim)
    }
}
