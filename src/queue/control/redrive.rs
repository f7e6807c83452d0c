//! Dead letters that go back: redriven, or taken out where they could not be sent.

use std::time::Duration;

use crate::lane::Portion;
use crate::model::{JobId, unharmed};
use crate::queue::base::host::Visit;
use crate::queue::base::switches::Setting;
use crate::queue::life::{Queue, Shared};
use crate::queue::ready::letters::DeadLetter;
use crate::queue::ready::line::Batch;
use crate::table::Claim;

/// Which dead letters are to be tried again, and how fast; for [`Queue::redrive`].
pub struct Redrive<'a, T> {
    filter: Filter<'a, T>,
    limit: usize,
    spacing: Duration,
}

type Filter<'a, T> = Box<dyn Fn(&DeadLetter<T>) -> bool + 'a>;

/// What [`Queue::redrive`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redriven {
    /// The jobs that were added anew.
    pub jobs: Vec<JobId>,
    /// Letters that were looked at and stay: the filter refused them, or they have no payload.
    pub skipped: usize,
    /// Whether it stopped because the target took no more: it was full, or shut down.
    pub stopped: bool,
}

impl<'a, T> Redrive<'a, T> {
    /// All that wait, as fast as they can be added.
    pub fn all() -> Self {
        Redrive {
            filter: Box::new(|_| true),
            limit: usize::MAX,
            spacing: Duration::ZERO,
        }
    }

    /// Only those for which `filter` says so.
    pub fn filter(mut self, filter: impl Fn(&DeadLetter<T>) -> bool + 'a) -> Self {
        self.filter = Box::new(filter);
        self
    }

    /// So many at the most.
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = letters;
        self
    }

    /// The first at once, each further one with a delay of `per / jobs` more: they are delayed jobs of the target, and
    /// this call does not wait. `jobs` of 0 counts as 1.
    pub fn rate(mut self, jobs: u32, per: Duration) -> Self {
        self.spacing = per / jobs.max(1);
        self
    }
}

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Takes the dead letters of this queue's jobs that found no room where they were to go, and frees their jobs' slots: the
    /// last resort, after a shutdown say.
    ///
    /// ```
    /// use guichet::{DeadLetter, Failure, ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let dead = runtime.queue::<DeadLetter<u32>, ()>("dead").capacity(1).build()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").dead_letters(&dead).build()?;
    /// queue.workers(1, |_| Err(Failure::msg("no")))?;
    /// queue.add_many(vec![1, 2])?;
    /// runtime.run_until_idle();
    /// assert_eq!(queue.stats().unsent, 1);
    /// assert_eq!(queue.take_unsent()[0].payload, Some(2));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn take_unsent(&self) -> Vec<DeadLetter<T>> {
        self.shared.take_unsent()
    }
}

impl<T: Send + 'static, R: Send + 'static> Queue<DeadLetter<T>, R> {
    /// Adds the payloads of waiting dead letters to `target` anew, attempts reset; stops when that is full.
    ///
    /// What was added anew is completed here; all others keep their places. Does not wait, and takes no notice of a
    /// [pause](Queue::pause); a letter that a worker has in hand is left alone.
    ///
    /// ```
    /// use guichet::{DeadLetter, Failure, ManualClock, Redrive, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let dead = runtime.queue::<DeadLetter<u32>, ()>("dead").build()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").dead_letters(&dead).build()?;
    /// queue.workers(1, |_| Err(Failure::msg("no")))?;
    /// queue.add_many(vec![1, 2, 3])?;
    /// runtime.run_until_idle();
    /// let done = dead.redrive(&queue, Redrive::all().filter(|letter| letter.payload != Some(2)));
    /// assert_eq!((done.jobs.len(), done.skipped), (2, 1));
    /// assert_eq!(dead.stats().waiting, 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn redrive<S: Send + 'static>(
        &self,
        target: &Queue<T, S>,
        redrive: Redrive<'_, T>,
    ) -> Redriven {
        let shared = &self.shared;
        let mut done = Redriven::default();
        let Some(host) = shared.core.host.upgrade() else {
            return done;
        };
        let _visit = Visit::begin(host);
        let mut kept = Vec::new();
        // No more than there are now: what is redriven may die anew meanwhile.
        for _ in 0..shared.ready.len() {
            if done.jobs.len() >= redrive.limit || done.stopped {
                break;
            }
            let Some((claim, mut letter)) = take_owned(shared) else {
                break;
            };
            let chosen = unharmed(|| (redrive.filter)(&letter)).unwrap_or(false);
            let Some(payload) = letter.payload.take_if(|_| chosen) else {
                done.skipped += 1;
                kept.push((claim, letter));
                continue;
            };
            let spacing = redrive.spacing.saturating_mul(done.jobs.len() as u32);
            match target.job(payload).delay(spacing).try_add() {
                Ok(id) => {
                    done.jobs.push(id);
                    shared.complete_for_nobody(claim);
                }
                Err(refused) => {
                    done.stopped = true;
                    letter.payload = Some(refused.into_payload());
                    kept.push((claim, letter));
                }
            }
        }
        for (claim, letter) in kept {
            shared.not_begun(shared.put_back(claim, Some(letter)));
        }
        done
    }
}

/// The next job, taken out with its payload, also in a pause; `None` if there is none. For who puts it back or ends it at
/// once.
fn take_owned<T: Send, R: Send>(shared: &Shared<T, R>) -> Option<(Claim, T)> {
    let mut batch = Batch::new(1);
    loop {
        let most = Portion::ONE;
        shared.ready.take(&mut batch, most, u32::MAX).ok()?;
        match shared.begin_owned(batch.get(0), Setting::NONE) {
            Ok((claim, payload, _)) => return Some((claim, payload)),
            Err(why) => shared.not_begun(why),
        }
    }
}
