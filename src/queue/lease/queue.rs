//! Taking leases from a queue.

use std::time::Duration;

use super::held::{Lease, LeaseError};
use super::search;
use crate::queue::life::Queue;
use crate::sync::Deadline;

impl<T: Send + Sync + 'static, R: Send + 'static> Queue<T, R> {
    /// Takes the next job; waits for one as long as it takes.
    ///
    /// # Errors
    /// [`LeaseError::Closed`] once shutdown began and nothing is left.
    pub fn lease(&self) -> Result<Lease<T, R>, LeaseError> {
        match self.shared.core.options.single_active {
            true => self.consumer().build().lease(),
            false => search::wait_for_lease(&self.shared, None),
        }
    }

    /// Takes the next job, if there is one. Does not wait.
    pub fn try_lease(&self) -> Option<Lease<T, R>> {
        match self.shared.core.options.single_active {
            true => self.consumer().build().try_lease(),
            false => search::try_lease(&self.shared).ok().flatten(),
        }
    }

    /// Takes the next job; waits for one for at most `timeout`.
    ///
    /// # Errors
    /// As [`lease`](Queue::lease), and [`LeaseError::Timeout`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// let none = mail.lease_timeout(Duration::from_millis(1));
    /// assert_eq!(none.unwrap_err(), guichet::LeaseError::Timeout);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn lease_timeout(&self, timeout: Duration) -> Result<Lease<T, R>, LeaseError> {
        match self.shared.core.options.single_active {
            true => self.consumer().build().lease_timeout(timeout),
            false => {
                let deadline = Some(Deadline::after(timeout));
                search::wait_for_lease(&self.shared, deadline)
            }
        }
    }

    /// Takes up to `most` jobs; waits for the first as long as it takes. Empty if `most` is 0.
    ///
    /// # Errors
    /// As [`lease`](Queue::lease).
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let mail = runtime.queue::<u32, ()>("mail").build()?;
    /// mail.add_many(vec![1, 2, 3])?;
    /// let leases = mail.lease_many(2)?;
    /// assert_eq!(leases.iter().map(|lease| *lease.payload()).collect::<Vec<_>>(), [1, 2]);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn lease_many(&self, most: usize) -> Result<Vec<Lease<T, R>>, LeaseError> {
        self.consumer().build().lease_many(most)
    }
}
