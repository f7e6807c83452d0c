//! The way in: claim a slot, move the payload into it, put its ticket into the lane.

use crate::queue::record::step::Change;
use crate::queue::record::step::Step;
use std::time::Duration;

use crate::model::JobId;
use crate::park::Oneshot;
use crate::queue::base::core::Outcome;
use crate::queue::ready::line::Spot;
use crate::queue::ready::room::{NoSlot, Room};
use crate::queue::{
    AddError, AddManyError, AddTimeoutError, CallError, JobHandle, Queue, Shared, TryAddError,
    TryAddManyError,
};
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Arc, Deadline};
use crate::table::{Entered, Entry, Marks, Record, Ticket, Vacancies, Vacant};

/// Somebody who waits for the result of the job that is being added.
pub(crate) type Waiter<R> = Option<Arc<Oneshot<Outcome<R>>>>;

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Adds a job if there is room. Never waits.
    ///
    /// # Errors
    /// [`TryAddError::Full`] if at some instant during the call all `capacity` slots were taken: by jobs
    /// that wait, run or pause between two attempts, by a [`Producer`](crate::queue::Producer)'s reservation, or by a batch that
    /// is being added. A job that was cancelled while it waited takes none once `cancel` has returned: if
    /// another thread is just taking it out of line, the call yields to that thread, which runs none of
    /// your code meanwhile. So it never sleeps, but this one step is not lock-free.
    /// [`TryAddError::Closed`] once shutdown began. Both give the payload back.
    ///
    /// ```
    /// use guichet::{Runtime, TryAddError};
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<&str, ()>("one").capacity(1).build()?;
    /// queue.try_add("first")?;
    /// assert!(matches!(queue.try_add("second"), Err(TryAddError::Full { payload: "second", .. })));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn try_add(&self, payload: T) -> Result<JobId, TryAddError<T>> {
        if !self.shared.core.is_open() {
            return Err(TryAddError::Closed(payload));
        }
        match self
            .shared
            .ready
            .claim(&self.shared.core, self.shared.ready.room())
        {
            Some(vacant) => Ok(self.shared.admit_plain(vacant, payload)),
            None => Err(self.shared.full(self.shared.ready.room(), payload)),
        }
    }

    /// Adds a job; waits for room as long as it takes.
    ///
    /// Blocked callers are woken in the order in which they blocked. A caller that finds room does not
    /// queue up behind them, and one that is overtaken in this way blocks anew.
    ///
    /// # Errors
    /// [`AddError::Closed`] once shutdown began, also for a caller that is waiting;
    /// [`AddError::WouldDeadlock`] if the queue is full and the caller is one of its own workers.
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").build()?;
    /// let id = queue.add(7)?;
    /// assert_eq!(id.queue(), queue.id());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn add(&self, payload: T) -> Result<JobId, AddError<T>> {
        match self
            .shared
            .ready
            .slot(&self.shared.core, self.shared.ready.room(), None)
        {
            Ok(vacant) => Ok(self.shared.admit_plain(vacant, payload)),
            Err(no) => Err(AddError::new(no, payload)),
        }
    }

    /// Adds a job; waits for room for at most `timeout`.
    ///
    /// # Errors
    /// As [`add`](Queue::add), and [`AddTimeoutError::Timeout`].
    ///
    /// ```
    /// use guichet::{AddTimeoutError, Runtime};
    /// use std::time::Duration;
    ///
    /// let runtime = Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").capacity(1).build()?;
    /// queue.add(1)?;
    /// let refused = queue.add_timeout(2, Duration::from_millis(1));
    /// assert!(matches!(refused, Err(AddTimeoutError::Timeout(2))));
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn add_timeout(&self, payload: T, timeout: Duration) -> Result<JobId, AddTimeoutError<T>> {
        match self.shared.ready.slot(
            &self.shared.core,
            self.shared.ready.room(),
            Some(Deadline::after(timeout)),
        ) {
            Ok(vacant) => Ok(self.shared.admit_plain(vacant, payload)),
            Err(no) => Err(AddTimeoutError::new(no, payload)),
        }
    }

    /// Adds all jobs or none, next to each other in line as far as other adders allow; waits for
    /// room for all.
    ///
    /// One caller at a time collects room; it keeps what it has while it waits for the rest. A thread
    /// whose own [`Producer`](crate::queue::Producer) holds reserved slots should flush it before.
    ///
    /// # Errors
    /// All payloads come back: [`AddManyError::TooMany`] if they exceed the capacity, else as
    /// [`add`](Queue::add).
    ///
    /// ```
    /// let runtime = guichet::Runtime::new()?;
    /// let queue = runtime.queue::<u32, ()>("numbers").capacity(4).build()?;
    /// assert_eq!(queue.add_many(vec![1, 2, 3])?.len(), 3);
    /// assert!(queue.add_many(vec![0; 5]).is_err());
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn add_many(&self, payloads: Vec<T>) -> Result<Vec<JobId>, AddManyError<T>> {
        if payloads.len() > self.capacity() {
            return Err(AddManyError::TooMany {
                payloads,
                capacity: self.capacity(),
            });
        }
        match self
            .shared
            .ready
            .slots(&self.shared.core, self.shared.ready.room(), payloads.len())
        {
            Ok(reserved) => Ok(self.shared.admit_many(reserved, payloads)),
            Err(NoSlot::WouldDeadlock) => Err(AddManyError::WouldDeadlock(payloads)),
            Err(NoSlot::Closed | NoSlot::TimedOut) => Err(AddManyError::Closed(payloads)),
        }
    }

    /// Adds all jobs or none. Never waits.
    ///
    /// # Errors
    /// All payloads come back: [`TryAddManyError::TooMany`] if they exceed the capacity,
    /// [`TryAddManyError::Full`] if there was no room for all, [`TryAddManyError::Closed`] once shutdown
    /// began. While it collects room, that room counts as taken, so two batches at the same time may
    /// refuse each other.
    pub fn try_add_many(&self, payloads: Vec<T>) -> Result<Vec<JobId>, TryAddManyError<T>> {
        if payloads.len() > self.capacity() {
            return Err(TryAddManyError::TooMany {
                payloads,
                capacity: self.capacity(),
            });
        }
        if !self.shared.core.is_open() {
            return Err(TryAddManyError::Closed(payloads));
        }
        let room = self.shared.ready.room();
        match self
            .shared
            .ready
            .collect(&self.shared.core, room, payloads.len(), |missing| {
                self.shared
                    .ready
                    .claim_run(&self.shared.core, room, missing)
                    .ok_or(())
            }) {
            Ok(reserved) => Ok(self.shared.admit_many(reserved, payloads)),
            Err(()) => Err(TryAddManyError::Full(payloads)),
        }
    }

    /// Adds a job whose result the caller wants; waits for room as [`add`](Queue::add) does.
    ///
    /// Allocates the result's cell. Dropping the handle detaches it; the job runs all the same.
    ///
    /// # Errors
    /// As [`add`](Queue::add).
    pub fn submit(&self, payload: T) -> Result<JobHandle<R>, AddError<T>> {
        match self
            .shared
            .ready
            .slot(&self.shared.core, self.shared.ready.room(), None)
        {
            Ok(vacant) => Ok(self.shared.submit(vacant, payload)),
            Err(no) => Err(AddError::new(no, payload)),
        }
    }

    /// Adds a job and waits for its result, for at most `timeout` in all.
    ///
    /// When the time is over the job is detached: it stays in the queue and runs, and its result is
    /// dropped.
    ///
    /// # Errors
    /// [`CallError::Refused`] gives the payload back; [`CallError::Timeout`] names the job that goes
    /// on; [`CallError::Job`] says how the job ended if it gave no value.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = guichet::Runtime::new()?;
    /// let squares = runtime.queue::<u64, u64>("squares").build()?;
    /// squares.workers(1, |job| Ok(job.payload() * job.payload()))?;
    /// assert_eq!(squares.call(12, Duration::from_secs(30))?, 144);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn call(&self, payload: T, timeout: Duration) -> Result<R, CallError<T>> {
        if self.shared.core.is_own_worker() {
            return Err(CallError::Refused(AddTimeoutError::WouldDeadlock(payload)));
        }
        let deadline = Deadline::after(timeout);
        let handle = match self.shared.ready.slot(
            &self.shared.core,
            self.shared.ready.room(),
            Some(deadline),
        ) {
            Ok(vacant) => self.shared.submit(vacant, payload),
            Err(no) => return Err(CallError::Refused(AddTimeoutError::new(no, payload))),
        };
        match handle.wait_until(Some(deadline)) {
            Ok(outcome) => outcome.map_err(CallError::Job),
            Err(handle) => Err(CallError::Timeout(handle.id())),
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> Shared<T, R> {
    fn submit(self: &Arc<Self>, vacant: Vacant, payload: T) -> JobHandle<R> {
        let cell = Arc::new(Oneshot::new());
        let priority = self.core.options.default_priority;
        let id = self.admit(vacant, payload, Some(cell.clone()), priority);
        JobHandle::new(id, cell, self.clone())
    }
}

impl<T, R> Shared<T, R> {
    /// A job without options or a waiter.
    #[inline]
    pub(crate) fn admit_plain(&self, vacant: Vacant, payload: T) -> JobId {
        self.admit(vacant, payload, None, self.core.options.default_priority)
    }

    /// `admit`, push, wake.
    #[inline]
    pub(crate) fn admit(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        priority: u32,
    ) -> JobId {
        let (id, ticket) = self.admit_only(vacant, payload, waiter, priority);
        let trace = self.ready.end();
        self.enqueue(id, Entered { ticket, trace }, Spot::End);
        id
    }

    #[inline(always)]
    fn admit_only(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        priority: u32,
    ) -> (JobId, Ticket) {
        let slot = vacant.slot();
        let stamp = |slot: u32, occupancy: u64, record: &Record| {
            let marks = self.sample(slot, occupancy, record);
            (marks, priority)
        };
        let entry = Entry::Waiting(self.ready.end());
        let (ticket, occupancy) = self.core.slab.admit(vacant, payload, waiter, entry, stamp);
        let id = self.core.id_of(slot, occupancy);
        self.record_entry(id, ticket, Change::Admitted);
        (id, ticket)
    }

    /// Records that a job was added.
    #[inline(always)]
    pub(crate) fn record_entry(&self, id: JobId, ticket: Ticket, change: Change) {
        let step = Step {
            id,
            epoch: ticket.epoch(),
            attempt: 0,
            change,
        };
        let common = self.records.common();
        self.records.record(&self.core, step, common);
    }

    /// Decides whether the job's latencies are taken.
    #[inline(always)]
    pub(crate) fn sample(&self, slot: u32, occupancy: u64, record: &Record) -> Marks {
        // Every slot's every n-th job, each slot at another time.
        let sampled = (occupancy + u64::from(slot)) & (self.core.options.sample_every - 1) == 0;
        if sampled {
            record
                .admitted_at
                .store(self.core.time.now().to_nanos(), Relaxed);
        }
        Marks {
            sampled,
            optioned: false,
        }
    }

    /// A waiting job's ticket goes to its spot in line, and a sleeping worker is woken.
    #[inline]
    pub(crate) fn enqueue(&self, id: JobId, entered: Entered, spot: Spot) {
        if !self.ready.push(&self.core, entered, spot) {
            self.refused(id, entered);
        }
    }

    fn admit_many(&self, reserved: Vec<Vacancies>, payloads: Vec<T>) -> Vec<JobId> {
        let mut ids = Vec::with_capacity(payloads.len());
        let mut tickets = Vec::with_capacity(payloads.len());
        let mut runs = reserved.into_iter();
        let mut run = Vacancies::default();
        for payload in payloads {
            let vacant = loop {
                match run.pop() {
                    Some(vacant) => break vacant,
                    None => run = runs.next().expect("a slot was reserved for every payload"),
                }
            };
            let (id, ticket) =
                self.admit_only(vacant, payload, None, self.core.options.default_priority);
            ids.push(id);
            tickets.push(ticket.to_bits());
        }
        let mut lined_up = 0;
        while lined_up < tickets.len() {
            match self.ready.push_run(&self.core, &tickets[lined_up..]) {
                Some(count) => lined_up += count,
                None => {
                    let trace = self.ready.end();
                    for (id, ticket) in ids.iter().zip(&tickets).skip(lined_up) {
                        let ticket = Ticket::from_bits(*ticket);
                        self.refused(*id, Entered { ticket, trace });
                    }
                    break;
                }
            }
        }
        ids
    }

    /// Of the jobs in line the count is read off the line: a census would look at every slot, for every refusal.
    #[cold]
    pub(crate) fn full(&self, room: &Room, payload: T) -> TryAddError<T> {
        let waiting = self.ready.len();
        TryAddError::Full {
            payload,
            waiting,
            active: room.capacity().saturating_sub(waiting),
        }
    }
}
