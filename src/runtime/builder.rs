//! `Runtime`: made, asked for queues, dropped.

use std::fmt;
use std::time::Duration;

use super::crew::Crew;
use crate::queue::{BuildError, Host, QueueBuilder, current_worker};
use crate::sync::{Arc, Weak};

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
#[derive(Clone, Debug)]
#[must_use = "a runtime exists once it is built"]
pub struct RuntimeBuilder {
    drop_timeout: Duration,
}

impl RuntimeBuilder {
    /// How long dropping the runtime waits for its jobs. Default 5 s.
    pub fn drop_timeout(mut self, timeout: Duration) -> Self {
        self.drop_timeout = timeout;
        self
    }

    /// Makes the runtime. It starts no thread until a queue gets workers.
    ///
    /// # Errors
    /// None yet; threads of the runtime's own will be started here.
    pub fn build(self) -> Result<Runtime, BuildError> {
        Ok(Runtime {
            crew: Arc::new(Crew::new()),
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
