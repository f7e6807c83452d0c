//! The way in: claim a slot, move the payload into it, put its ticket into the lane.

use std::collections::VecDeque;
use std::time::Duration;

use super::control::OPEN;
use super::{
    AddError, AddManyError, AddTimeoutError, CallError, JobHandle, Outcome, Queue, Shared,
    TryAddError, TryAddManyError, current_worker,
};
use crate::model::JobId;
use crate::park::{Care, Oneshot};
use crate::ring::PushError;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Arc, Deadline, thread_number};
use crate::table::{Ticket, Vacancies, Vacant};

/// Somebody who waits for the result of the job that is being added.
type Waiter<R> = Option<Arc<Oneshot<Outcome<R>>>>;

/// Why no slot was given.
pub(super) enum NoSlot {
    Closed,
    TimedOut,
    WouldDeadlock,
}

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Adds a job if there is room. Never waits.
    ///
    /// # Errors
    /// [`TryAddError::Full`] if at some instant during the call all `capacity` slots were taken: by jobs
    /// that wait or run, by jobs that were cancelled and whose place in line was not reached yet, by a
    /// [`Producer`](super::Producer)'s reservation, or by a batch that is being added.
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
        if !self.shared.is_open() {
            return Err(TryAddError::Closed(payload));
        }
        match self.shared.claim() {
            Some(vacant) => Ok(self.shared.admit(vacant, payload, None)),
            None => Err(self.shared.full(payload)),
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
        match self.shared.slot(None) {
            Ok(vacant) => Ok(self.shared.admit(vacant, payload, None)),
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
        match self.shared.slot(Some(Deadline::after(timeout))) {
            Ok(vacant) => Ok(self.shared.admit(vacant, payload, None)),
            Err(no) => Err(AddTimeoutError::new(no, payload)),
        }
    }

    /// Adds all jobs or none, next to each other in line as far as other adders allow; waits for
    /// room for all.
    ///
    /// One caller at a time collects room; it keeps what it has while it waits for the rest. A thread
    /// whose own [`Producer`](super::Producer) holds reserved slots should flush it before.
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
        match self.shared.slots(payloads.len()) {
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
        if !self.shared.is_open() {
            return Err(TryAddManyError::Closed(payloads));
        }
        match self.shared.collect(payloads.len(), |missing| {
            self.shared.claim_run(missing).ok_or(())
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
        match self.shared.slot(None) {
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
        if self.shared.is_own_worker() {
            return Err(CallError::Refused(AddTimeoutError::WouldDeadlock(payload)));
        }
        let deadline = Deadline::after(timeout);
        let handle = match self.shared.slot(Some(deadline)) {
            Ok(vacant) => self.shared.submit(vacant, payload),
            Err(no) => return Err(CallError::Refused(AddTimeoutError::new(no, payload))),
        };
        match handle.wait_until(Some(deadline)) {
            Ok(outcome) => outcome.map_err(CallError::Job),
            Err(handle) => Err(CallError::Timeout(handle.id())),
        }
    }
}

impl<T, R> Shared<T, R> {
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.phase.load(Relaxed) == OPEN
    }

    /// Whether the calling thread is one of this queue's workers.
    pub(super) fn is_own_worker(&self) -> bool {
        current_worker().is_some_and(|worker| worker.queue == self.number)
    }

    #[inline]
    fn claim(&self) -> Option<Vacant> {
        self.pool.claim(thread_number(), 1)?.pop()
    }

    /// Claims up to `most` slots, at least one.
    pub(super) fn claim_run(&self, most: usize) -> Option<Vacancies> {
        self.pool.claim(thread_number(), most.min(32) as u32)
    }

    /// A slot for one job; waits for it up to `deadline`.
    #[inline]
    fn slot(&self, deadline: Option<Deadline>) -> Result<Vacant, NoSlot> {
        if !self.is_open() {
            return Err(NoSlot::Closed);
        }
        match self.claim() {
            Some(vacant) => Ok(vacant),
            None => {
                let mut run = self.wait_for_run(1, deadline)?;
                Ok(run.pop().expect("a run has at least one slot"))
            }
        }
    }

    /// Waits until it can claim between 1 and `most` slots.
    #[cold]
    pub(super) fn wait_for_run(
        &self,
        most: usize,
        deadline: Option<Deadline>,
    ) -> Result<Vacancies, NoSlot> {
        let attempt = |care| match (self.is_open(), care) {
            (false, _) => Some(Err(NoSlot::Closed)),
            (true, Care::Glance) => self.pool.claim_rich(thread_number(), most as u32).map(Ok),
            (true, Care::Exact) => self.claim_run(most).map(Ok),
        };
        if self.is_own_worker() {
            return attempt(Care::Exact).unwrap_or(Err(NoSlot::WouldDeadlock));
        }
        let claimed = self.blocked.wait_until(
            deadline,
            attempt,
            || usize::from(self.pool.has_vacancy()),
            || self.lane.popped(),
        );
        claimed.unwrap_or(Err(NoSlot::TimedOut))
    }

    /// Slots for all of `count` jobs; waits for them.
    fn slots(&self, count: usize) -> Result<Vec<Vacancies>, NoSlot> {
        // An own worker must not wait for who collects: that one may wait for this worker.
        let _collecting = (!self.is_own_worker()).then(|| self.bulk.lock());
        if !self.is_open() {
            return Err(NoSlot::Closed);
        }
        self.collect(count, |missing| match self.claim_run(missing) {
            Some(run) => Ok(run),
            None => self.wait_for_run(missing, None),
        })
    }

    /// Slots for all of `count` jobs, run by run from `claim`, or none.
    fn collect<E>(
        &self,
        count: usize,
        claim: impl Fn(usize) -> Result<Vacancies, E>,
    ) -> Result<Vec<Vacancies>, E> {
        let mut reserved = Vec::new();
        let mut missing = count;
        while missing > 0 {
            match claim(missing) {
                Ok(run) => {
                    missing -= run.len();
                    reserved.push(run);
                }
                Err(refused) => {
                    reserved.into_iter().for_each(|run| self.give_back(run));
                    return Err(refused);
                }
            }
        }
        Ok(reserved)
    }

    /// Gives reserved slots back and wakes who waits for one.
    pub(super) fn give_back(&self, run: Vacancies) {
        if !run.is_empty() {
            self.pool.give_back_all(run);
            self.blocked.notify_one_after_rmw();
        }
    }

    /// `admit`, push, wake.
    #[inline]
    pub(super) fn admit(&self, vacant: Vacant, payload: T, waiter: Waiter<R>) -> JobId {
        let (id, ticket) = self.admit_only(vacant, payload, waiter);
        self.enqueue(id, ticket);
        id
    }

    #[inline]
    fn admit_only(&self, vacant: Vacant, payload: T, waiter: Waiter<R>) -> (JobId, Ticket) {
        let slot = vacant.slot();
        let stamp = |slot: u32, occupancy: u64| {
            // Every slot's every n-th job, each slot at another time.
            let sampled = (occupancy + u64::from(slot)) & (self.options.sample_every - 1) == 0;
            if sampled {
                self.clock.now().to_nanos()
            } else {
                0
            }
        };
        let admitted = self.slab.admit(vacant, payload, waiter, stamp);
        (self.id_of(slot, admitted.occupancy), admitted.ticket)
    }

    /// A waiting job's ticket goes to the end of the line, and a sleeping worker is woken.
    #[inline]
    pub(super) fn enqueue(&self, id: JobId, ticket: Ticket) {
        match self.lane.push(ticket) {
            Ok(()) => self.idle.notify_one_after_rmw(),
            // Shutdown closed the lane in between: the job is given back like the others.
            Err(PushError::Closed(_)) => self.give_up(id),
            Err(PushError::Full(ticket)) => panic!("more tickets than slots: {ticket:?}"),
        }
    }

    fn admit_many(&self, reserved: Vec<Vacancies>, payloads: Vec<T>) -> Vec<JobId> {
        let mut ids = Vec::with_capacity(payloads.len());
        let mut tickets = VecDeque::with_capacity(payloads.len());
        let mut runs = reserved.into_iter();
        let mut run = Vacancies::default();
        for payload in payloads {
            let vacant = loop {
                match run.pop() {
                    Some(vacant) => break vacant,
                    None => run = runs.next().expect("a slot was reserved for every payload"),
                }
            };
            let (id, ticket) = self.admit_only(vacant, payload, None);
            ids.push(id);
            tickets.push_back(ticket);
        }
        while !tickets.is_empty() {
            match self.lane.push_many(&mut tickets) {
                Ok(_) => self.idle.notify_one_after_rmw(),
                Err(PushError::Closed(())) => {
                    // What is left of the tickets are the last of the ids.
                    ids[ids.len() - tickets.len()..]
                        .iter()
                        .for_each(|id| self.give_up(*id));
                    break;
                }
                Err(PushError::Full(())) => panic!("more tickets than slots"),
            }
        }
        ids
    }

    fn submit(&self, vacant: Vacant, payload: T) -> JobHandle<R> {
        let cell = Arc::new(Oneshot::new());
        let id = self.admit(vacant, payload, Some(cell.clone()));
        JobHandle::new(id, cell)
    }

    /// The counts are read off the lane: a census would look at every slot, for every refusal.
    #[cold]
    fn full(&self, payload: T) -> TryAddError<T> {
        let waiting = self.lane.len();
        TryAddError::Full {
            payload,
            waiting,
            active: self.slab.capacity() - waiting,
        }
    }
}
