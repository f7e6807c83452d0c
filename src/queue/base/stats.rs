//! What became of a queue's jobs, in numbers.

/// How many jobs a queue has accepted and what became of them.
///
/// Exact when nothing moves. While jobs move, off by at most the transitions in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Jobs that were admitted, counted slot by slot.
    pub accepted: u64,
    /// Jobs whose handler returned `Ok`.
    pub completed: u64,
    /// Jobs whose last attempt failed or that were discarded by their handler.
    pub failed: u64,
    /// Jobs that were cancelled.
    pub cancelled: u64,
    /// Jobs whose time to live was over before an attempt began.
    pub expired: u64,
    /// Jobs whose running handler shutdown gave up on.
    pub interrupted: u64,
    /// Jobs that shutdown gave back.
    pub returned: u64,
    /// Jobs that wait, counted slot by slot.
    pub waiting: u64,
    /// Jobs that are delayed, counted slot by slot.
    pub delayed: u64,
    /// Jobs that run, counted slot by slot.
    pub active: u64,
    /// Failed attempts after which another was due.
    pub retried: u64,
    /// Attempts that did not count, because their handler wanted to be asked again later.
    pub snoozed: u64,
    /// Attempts that did not count, because their handler gave the job back.
    pub requeued: u64,
    /// Those of them whose lease was dropped.
    pub redelivered: u64,
    /// Attempts that panicked.
    pub panicked: u64,
    /// Attempts that took longer than their time-out.
    pub timed_out: u64,
    /// Handlers that run on long after their time was over, while other workers do their work.
    pub stuck: u64,
    /// Dead jobs whose dead letters found no room, and that keep their slots.
    pub unsent: u64,
    /// Attempts that returned after their job had been decided by somebody else.
    pub late: u64,
}

impl QueueStats {
    /// Jobs that have not ended.
    pub fn live(&self) -> u64 {
        self.waiting + self.delayed + self.active
    }

    /// The accounting identity: every accepted job is live or has exactly one end.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// queue.add(1)?;
    /// let stats = queue.stats();
    /// assert_eq!((stats.accepted, stats.waiting), (1, 1));
    /// assert!(stats.is_balanced());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn is_balanced(&self) -> bool {
        let ended = self.completed
            + self.failed
            + self.cancelled
            + self.expired
            + self.interrupted
            + self.returned;
        self.accepted == ended + self.live()
    }
}
