//! `Runtime`: made, asked for queues, dropped.

use std::fmt;
use std::time::Duration;

use super::crew::Crew;
use crate::queue::{BuildError, Host, QueueBuilder, current_worker};
use crate::sync::{Arc, Weak};
use crate::time::{Clock, Time};

/// Owns the worker threads of its queues.
///
/// Dropping it shuts it down: jobs that are running or waiting get five seconds (see
/// [`RuntimeBuilder::drop_timeout`]). Dropped by one of its own workers it only signals, since that
/// worker can't wait for itself.
///
/// ```
/// use guichet::Runtime;
///
/// let runtime = Runtime::new()?;
/// let squares = runtime.queue::<u64, u64>("squares").capacity(1024).build()?;
/// squares.workers(4, |job| Ok(job.payload() * job.payload()))?;
/// assert_eq!(squares.submit(12)?.wait()?, 144);
/// # Ok::<(), guichet::Error>(())
/// ```
pub struct Runtime {
    pub(super) crew: Arc<Crew>,
    drop_timeout: Duration,
}

/// Configures a [`Runtime`].
#[derive(Clone)]
#[must_use = "a runtime exists once it is built"]
pub struct RuntimeBuilder {
    drop_timeout: Duration,
    time: Time,
    #[cfg(guichet_shuttle)]
    without_clerk: bool,
}

impl RuntimeBuilder {
    /// How long dropping the runtime waits for its jobs. Default 5 s.
    pub fn drop_timeout(mut self, timeout: Duration) -> Self {
        self.drop_timeout = timeout;
        self
    }

    /// Which clock tells its queues the time. Default: the system's.
    ///
    /// With a clock that [stands still until it is turned](Clock::is_manual), such as
    /// [`ManualClock`](crate::ManualClock), the runtime starts no threads at all: handlers run in
    /// [`run_until_idle`](Runtime::run_until_idle) and [`advance`](Runtime::advance), on the thread that calls them, one at a
    /// time and in the same order every time. So a test says what happens when.
    ///
    /// ```
    /// use std::time::Duration;
    /// use guichet::{ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let reminders = runtime.queue::<&str, ()>("reminders").build()?;
    /// reminders.workers(1, |_| Ok(()))?;
    /// let days = |count: u64| Duration::from_secs(count * 24 * 3600);
    /// let reminder = reminders.job("renew the passport").delay(days(3)).submit()?;
    /// runtime.advance(days(2));
    /// assert!(!reminder.is_finished());
    /// runtime.advance(days(1));
    /// assert!(reminder.is_finished());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        self.time = Time::of(clock);
        self
    }

    /// Starts no clerk: a model does its work with [`Runtime::do_due`] or [`Runtime::be_clerk`],
    /// so that a clock which only an actor turns can go with worker threads.
    #[cfg(guichet_shuttle)]
    #[doc(hidden)]
    pub fn without_clerk(mut self) -> Self {
        self.without_clerk = true;
        self
    }

    /// Makes the runtime. It starts a thread that does what is due, the *clerk*; workers are started per queue.
    ///
    /// # Errors
    /// [`BuildError::Spawn`] if the system refuses the thread.
    pub fn build(self) -> Result<Runtime, BuildError> {
        let crew = Arc::new(Crew::new(self.time));
        #[cfg(guichet_shuttle)]
        let employed = !self.without_clerk;
        #[cfg(not(guichet_shuttle))]
        let employed = true;
        if employed {
            crew.clone().employ_clerk()?;
        }
        Ok(Runtime {
            crew,
            drop_timeout: self.drop_timeout,
        })
    }
}

impl Runtime {
    /// A runtime with default options.
    ///
    /// # Errors
    /// As [`RuntimeBuilder::build`].
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Configures a runtime.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder {
            drop_timeout: Duration::from_secs(5),
            time: Time::system(),
            #[cfg(guichet_shuttle)]
            without_clerk: false,
        }
    }

    /// Configures a queue of payloads `T` and results `R`; `name` is its own in this runtime.
    ///
    /// A queue and its slots live as long as the runtime, even when no handle is left: build queues
    /// once and not per request.
    pub fn queue<T: Send + 'static, R: Send + 'static>(&self, name: &str) -> QueueBuilder<T, R> {
        let crew: Arc<dyn Host> = self.crew.clone();
        let host: Weak<dyn Host> = Arc::downgrade(&crew);
        QueueBuilder::new(host, name)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if current_worker().is_some_and(|worker| worker.runtime == self.crew.number()) {
            self.crew.drain();
        } else {
            let _ = self.shutdown(self.drop_timeout);
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("threads", &self.crew.running())
            .field("drop_timeout", &self.drop_timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder")
            .field("drop_timeout", &self.drop_timeout)
            .finish_non_exhaustive()
    }
}
