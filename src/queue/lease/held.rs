//! Manual mode: a job in the caller's hands until it says what came of it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::model::{DeadReason, Failure, JobId, Revoked, Verb};
use crate::queue::base::host::Visit;
use crate::queue::base::switches::Setting;
use crate::queue::life::Shared;
use crate::queue::life::job::Job;
use crate::queue::ready::turns::Seat;
use crate::queue::record::step::Note;
use crate::sync::{Arc, thread};
use crate::table::Claim;
use crate::time::{Timestamp, nanos};

/// One attempt of a job, in the hands of whoever took it with [`Queue::lease`](crate::Queue::lease) or a [`Consumer`](crate::Consumer).
///
/// Each way to settle it uses it up, so there is no second answer. One that is dropped goes back to its place in line, is
/// [redelivered](Lease::is_redelivered), and counts toward the queue's
/// [`delivery_limit`](crate::QueueBuilder::delivery_limit); dropped while its thread panics it is a failed attempt. It may be
/// sent to other threads. The queue's and the job's [`timeout`](crate::QueueBuilder::timeout) apply from when it was taken.
///
/// ```
/// let runtime = guichet::Runtime::new()?;
/// let mail = runtime.queue::<&str, usize>("mail").build()?;
/// let length = mail.submit("letter")?;
/// let lease = mail.try_lease().expect("there is one");
/// let answer = lease.payload().len();
/// lease.complete(answer)?;
/// assert_eq!(length.wait()?, 6);
/// # Ok::<(), guichet::Error>(())
/// ```
///
/// A second answer does not compile:
/// ```compile_fail,E0382
/// # let runtime = guichet::Runtime::new().unwrap();
/// # let mail = runtime.queue::<&str, ()>("mail").build().unwrap();
/// let lease = mail.try_lease().unwrap();
/// lease.complete(()).unwrap();
/// lease.fail(guichet::Failure::msg("too late")).unwrap();
/// ```
/// ```compile_fail,E0382
/// # let runtime = guichet::Runtime::new().unwrap();
/// # let mail = runtime.queue::<&str, ()>("mail").build().unwrap();
/// let lease = mail.try_lease().unwrap();
/// lease.requeue().unwrap();
/// lease.complete(()).unwrap();
/// ```
/// Nor does a copy of it:
/// ```compile_fail,E0599
/// # let runtime = guichet::Runtime::new().unwrap();
/// # let mail = runtime.queue::<&str, ()>("mail").build().unwrap();
/// let lease = mail.try_lease().unwrap();
/// let other = lease.clone();
/// ```
#[must_use = "a lease that is dropped goes back into line"]
pub struct Lease<T: Send + Sync + 'static, R: Send + 'static> {
    queue: Arc<Shared<T, R>>,
    /// `None` once it was settled.
    claim: Option<Claim>,
    /// When its time is over, if ever.
    deadline: Option<Timestamp>,
    /// Shutdown waits for it.
    _visit: Visit,
    /// Of a consumer that may have only so many.
    _seat: Option<Seat>,
}

/// Why no job was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseError {
    /// None came in time.
    Timeout,
    /// The runtime is shut down or shutting down, and nothing is left.
    Closed,
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeaseError::Timeout => "no job came in time",
            LeaseError::Closed => {
                "the queue is empty and its runtime is shut down or shutting down"
            }
        })
    }
}

impl Error for LeaseError {}

/// The lease's job was decided by somebody else: what its holder says of it is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseLost {
    why: Revoked,
}

impl LeaseLost {
    /// By whom.
    pub fn why(&self) -> &Revoked {
        &self.why
    }
}

impl fmt::Display for LeaseLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lease was lost: {}", self.why)
    }
}

impl Error for LeaseLost {}

impl<T: Send + Sync + 'static, R: Send + 'static> Lease<T, R> {
    /// What was added.
    pub fn payload(&self) -> &T {
        self.queue.core.slab.payload(self.claim())
    }

    /// The job's name.
    pub fn id(&self) -> JobId {
        self.job().id()
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.claim().attempt()
    }

    /// Whether no attempt follows if this one fails.
    pub fn is_last_attempt(&self) -> bool {
        self.job().is_last_attempt()
    }

    /// How urgent the job is; 1 is the most urgent.
    pub fn priority(&self) -> u32 {
        self.job().priority()
    }

    /// Whether a lease of this job was dropped before.
    pub fn is_redelivered(&self) -> bool {
        self.job().is_redelivered()
    }

    /// How long is left of its time; `None` if it has no end.
    pub fn time_left(&self) -> Option<Duration> {
        self.job().time_left()
    }

    /// Whether somebody else has decided the job: it was cancelled, its time is over, or a shutdown gave up on it.
    ///
    /// # Errors
    /// Who, if so.
    pub fn checkpoint(&self) -> Result<(), Revoked> {
        self.job().checkpoint()
    }

    /// Shows how far the work is; see [`Job::set_progress`](crate::Job::set_progress).
    pub fn set_progress(&self, progress: impl Any + Send + Sync) {
        self.job().set_progress(progress);
    }

    /// Adds a line to the job's log; see [`Job::log`](crate::Job::log).
    pub fn log(&self, line: impl Into<String>) {
        self.job().log(line);
    }

    /// Its time is over `more` from now, instead of when it was to be; also if it had no end.
    ///
    /// # Errors
    /// [`LeaseLost`] if it was over before, or the job was decided otherwise.
    pub fn extend(&mut self, more: Duration) -> Result<(), LeaseLost> {
        if self.checkpoint().is_ok() {
            let claim = self.claim.as_ref().expect(SETTLED);
            let watched = |before| self.queue.stop_watching(claim, before);
            if self.deadline.is_none_or(watched) {
                let deadline = self.queue.core.time.now().plus(nanos(more));
                self.deadline = Some(deadline);
                self.queue.core.switches.turn_on(Setting::TIMED);
                self.queue.lend_until(claim, deadline);
                return Ok(());
            }
        }
        Err(self.lost(self.id()))
    }

    /// The job is done, with this result.
    ///
    /// # Errors
    /// [`LeaseLost`] if the job was decided before; the result is dropped.
    pub fn complete(mut self, result: R) -> Result<(), LeaseLost> {
        self.settle(|queue, claim| queue.settle(claim, Ok(result), false, queue.records.common()))
    }

    /// The attempt failed: what follows is what would follow if a handler had returned this.
    ///
    /// # Errors
    /// [`LeaseLost`] if the job was decided before.
    pub fn fail(mut self, failure: impl Into<Failure>) -> Result<(), LeaseLost> {
        let failure = failure.into();
        self.settle(|queue, claim| queue.failed(claim, failure, false, queue.records.common()))
    }

    /// The job goes back to its place in line; that was no attempt.
    ///
    /// # Errors
    /// [`LeaseLost`] if the job was decided before.
    pub fn requeue(mut self) -> Result<(), LeaseLost> {
        self.settle(|queue, claim| {
            let (verb, pause) = (Verb::Requeue, Duration::ZERO);
            queue.again(
                claim,
                verb,
                pause,
                Failure::requeue(),
                queue.records.common(),
            )
        })
    }

    /// The job ends dead at once, for this reason; see [`dead_letters`](crate::QueueBuilder::dead_letters).
    ///
    /// # Errors
    /// [`LeaseLost`] if the job was decided before.
    pub fn dead_letter(mut self, reason: impl fmt::Display) -> Result<(), LeaseLost> {
        let failure = Failure::msg(reason);
        self.settle(|queue, claim| {
            queue.bury(claim, DeadReason::Rejected, failure, queue.records.common())
        })
    }

    fn settle(
        &mut self,
        settle: impl FnOnce(&Shared<T, R>, Claim) -> bool,
    ) -> Result<(), LeaseLost> {
        self.give_up_time();
        let (id, before) = (self.id(), self.queue.revoked(self.claim()));
        let claim = self.claim.take().expect(SETTLED);
        match settle(&self.queue, claim) {
            true => Ok(()),
            // Or else it was decided in this very instant.
            false => Err(before.map_or_else(|| self.lost(id), |why| LeaseLost { why })),
        }
    }

    /// No deadline is watched from now on; one that has passed decides the job.
    fn give_up_time(&self) {
        let claim = self.claim();
        if let Some(deadline) = self.deadline {
            self.queue.check_deadline(claim, deadline);
            self.queue.stop_watching(claim, deadline);
        }
    }

    fn lost(&self, id: JobId) -> LeaseLost {
        LeaseLost {
            why: self.queue.who_decided(id),
        }
    }

    fn claim(&self) -> &Claim {
        self.claim.as_ref().expect(SETTLED)
    }

    fn job(&self) -> Job<'_, T> {
        self.queue.job(self.claim(), self.deadline)
    }
}

const SETTLED: &str = "whatever settles a lease consumes it";

impl<T: Send + Sync + 'static, R: Send + 'static> Drop for Lease<T, R> {
    fn drop(&mut self) {
        if self.claim.is_none() {
            return;
        }
        self.give_up_time();
        let claim = self.claim.take().expect(SETTLED);
        let queue = &self.queue;
        if thread::panicking() {
            let panic = Box::new("the thread that held the lease panicked");
            queue.failed(
                claim,
                Failure::panicked(panic, |_| None),
                false,
                queue.records.common(),
            );
            return;
        }
        let id = queue.core.id(&claim);
        if queue.records.redelivered(id) >= queue.core.options.delivery_limit {
            let failure = Failure::msg("its lease was dropped too often");
            queue.bury(
                claim,
                DeadReason::DeliveryLimit,
                failure,
                queue.records.common(),
            );
            return;
        }
        queue
            .records
            .write(&queue.core, &claim, |dossier| dossier.redelivered += 1);
        let (verb, pause) = (Verb::Requeue, Duration::ZERO);
        if queue.again(
            claim,
            verb,
            pause,
            Failure::requeue(),
            queue.records.common(),
        ) {
            let common = queue.records.common();
            queue.records.note(&queue.core, Note::Redelivered, common);
        }
    }
}

impl<T: Send + Sync + fmt::Debug + 'static, R: Send + 'static> fmt::Debug for Lease<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id())
            .field("attempt", &self.attempt())
            .field("payload", self.payload())
            .finish()
    }
}

impl<T: Send + Sync + 'static, R: Send + 'static> Lease<T, R> {
    /// The attempt that `claim` has begun; `deadline` is when its time is over, if ever.
    pub(crate) fn new(
        queue: Arc<Shared<T, R>>,
        claim: Claim,
        deadline: Option<Timestamp>,
        visit: Visit,
    ) -> Self {
        Lease {
            queue,
            claim: Some(claim),
            deadline,
            _visit: visit,
            _seat: None,
        }
    }

    /// Counts against its consumer from now on.
    pub(crate) fn seated(mut self, seat: Seat) -> Self {
        self._seat = Some(seat);
        self
    }
}
