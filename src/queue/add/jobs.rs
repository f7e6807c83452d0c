//! The way in: claim a slot, move the payload into it, put its ticket into the lane.

use std::time::Duration;

use crate::model::{EventKind, JobId};
use crate::park::Oneshot;
use crate::queue::base::refusal::Refusal;
use crate::queue::base::switches::Setting;
use crate::queue::ready::line::Spot;
use crate::queue::ready::room::Room;
use crate::queue::{
    AddError, AddManyError, AddTimeoutError, CallError, JobHandle, Outcome, Queue, Shared,
    TryAddError, TryAddManyError,
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
    /// [`TryAddError::Full`] if at some instant during the call all `capacity` slots were taken: by
    /// jobs that wait, run or pause between two attempts, by a
    /// [`Producer`](crate::queue::Producer)'s reservation, or by a batch that is being added. A job
    /// that was cancelled while it waited takes none once `cancel` has returned: if another thread
    /// is just taking it out of line, the call yields to that thread, which runs none of your code
    /// meanwhile. So it never sleeps, but this one step is not lock-free. [`TryAddError::Closed`]
    /// once shutdown began. Both give the payload back.
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
        self.job(payload).try_add()
    }

    /// Adds a job; waits for room as long as it takes.
    ///
    /// Blocked callers are woken in the order in which they blocked. A caller that finds room does
    /// not queue up behind them, and one that is overtaken in this way blocks anew.
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
        self.job(payload).add()
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
        self.job(payload).add_timeout(timeout)
    }

    /// Adds all jobs or none, next to each other in line as far as other adders allow; waits for
    /// room for all.
    ///
    /// One caller at a time collects room; it keeps what it has while it waits for the rest. A
    /// thread whose own [`Producer`](crate::queue::Producer) holds reserved slots should flush it
    /// before.
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
        self.shared
            .add_batch(payloads, Shared::slots)
            .map_err(AddManyError::new)
    }

    /// Adds all jobs or none. Never waits.
    ///
    /// # Errors
    /// All payloads come back: [`TryAddManyError::TooMany`] if they exceed the capacity,
    /// [`TryAddManyError::Full`] if there was no room for all, [`TryAddManyError::Closed`] once
    /// shutdown began. While it collects room, that room counts as taken, so two batches at the
    /// same time may refuse each other.
    pub fn try_add_many(&self, payloads: Vec<T>) -> Result<Vec<JobId>, TryAddManyError<T>> {
        self.shared
            .add_batch(payloads, Shared::slots_now)
            .map_err(TryAddManyError::new)
    }

    /// Adds a job whose result the caller wants; waits for room as [`add`](Queue::add) does.
    ///
    /// Allocates the result's cell. Dropping the handle detaches it; the job runs all the same.
    ///
    /// # Errors
    /// As [`add`](Queue::add).
    pub fn submit(&self, payload: T) -> Result<JobHandle<R>, AddError<T>> {
        self.job(payload).submit()
    }

    /// Adds a job and waits for its result, for at most `timeout` in all.
    ///
    /// When the time is over the job is detached: it stays in the queue and runs, and its result is
    /// dropped.
    ///
    /// # Errors
    /// [`CallError::Refused`] gives the payload back; [`CallError::Timeout`] names the job that
    /// goes on; [`CallError::Job`] says how the job ended if it gave no value.
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
        let handle = self
            .job(payload)
            .submit_until(Some(deadline))
            .map_err(|refused| CallError::Refused(AddTimeoutError::new(refused)))?;
        match handle.wait_until(Some(deadline)) {
            Ok(outcome) => outcome.map_err(CallError::Job),
            Err(handle) => Err(CallError::Timeout(handle.id())),
        }
    }
}

impl<T, R> Shared<T, R> {
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        !self.switches.now().any(Setting::CLOSED)
    }

    /// A slot for one job, if one is vacant.
    #[inline(always)]
    pub(super) fn slot_now(&self, room: &Room) -> Result<Vacant, Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed);
        }
        self.claim(room).ok_or_else(|| self.full(room))
    }

    /// Slots for all of `count` jobs, if so many are vacant.
    fn slots_now(&self, room: &Room, count: usize) -> Result<Vec<Vacancies>, Refusal> {
        if !self.is_open() {
            return Err(Refusal::Closed);
        }
        self.collect(room, count, |missing| {
            self.claim_run(room, missing)
                .ok_or(Refusal::NoRoom { jobs: count })
        })
    }

    /// All jobs or none, to the slots that `claim` gives for them.
    fn add_batch(
        &self,
        payloads: Vec<T>,
        claim: impl FnOnce(&Self, &Room, usize) -> Result<Vec<Vacancies>, Refusal>,
    ) -> Result<Vec<JobId>, (Refusal, Vec<T>)> {
        let (jobs, capacity) = (payloads.len(), self.room.capacity());
        if jobs > capacity {
            return Err((Refusal::TooMany { jobs, capacity }, payloads));
        }
        match claim(self, &self.room, jobs) {
            Ok(reserved) => Ok(self.admit_many(reserved, payloads)),
            Err(refusal) => Err((refusal, payloads)),
        }
    }

    /// A job without options or a waiter.
    #[inline]
    pub(crate) fn admit_plain(&self, vacant: Vacant, payload: T) -> JobId {
        self.admit(vacant, payload, None, self.options.default_priority)
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
        let trace = self.line.end();
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
        let entry = Entry::Waiting(self.line.end());
        let (ticket, occupancy) = self.slab.admit(vacant, payload, waiter, entry, stamp);
        let id = self.id_of(slot, occupancy);
        self.tell_added(EventKind::Added, id, ticket);
        (id, ticket)
    }

    /// Tells that a job was added. Without a fence: who does not see a listener had begun to add
    /// before it listened.
    #[inline(always)]
    pub(crate) fn tell_added(&self, kind: EventKind, id: JobId, ticket: Ticket) {
        if self.switches.now().any(Setting::HEARD) {
            self.publish(kind, id, ticket.epoch(), 0, None);
        }
    }

    /// Decides whether the job's latencies are taken.
    #[inline(always)]
    pub(crate) fn sample(&self, slot: u32, occupancy: u64, record: &Record) -> Marks {
        // Every slot's every n-th job, each slot at another time.
        let sampled = (occupancy + u64::from(slot)) & (self.options.sample_every - 1) == 0;
        if sampled {
            record
                .admitted_at
                .store(self.time.now().to_nanos(), Relaxed);
        }
        Marks {
            sampled,
            optioned: false,
        }
    }

    /// A waiting job's ticket goes to its spot in line, and a sleeping worker is woken.
    #[inline]
    pub(crate) fn enqueue(&self, id: JobId, entered: Entered, spot: Spot) {
        if self.line_up(entered, spot) {
            self.idle.notify_one_after_rmw();
        } else {
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
                self.admit_only(vacant, payload, None, self.options.default_priority);
            ids.push(id);
            tickets.push(ticket.to_bits());
        }
        let mut lined_up = 0;
        while lined_up < tickets.len() {
            match self.line_up_run(&tickets[lined_up..]) {
                Some(count) => {
                    lined_up += count;
                    self.idle.notify_one_after_rmw();
                }
                None => {
                    let trace = self.line.end();
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

    /// Of the jobs in line the count is read off the line: a census would look at every slot, for
    /// every refusal.
    #[cold]
    fn full(&self, room: &Room) -> Refusal {
        let waiting = self.line.len();
        Refusal::Full {
            waiting,
            active: room.capacity().saturating_sub(waiting),
        }
    }
}
