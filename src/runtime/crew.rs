//! The threads and queues of one runtime.
//!
//! ```text
//! open ── drain ──▶ draining: intake refused, workers leave when they find no more
//!                      │  a queue's last worker leaves, or shutdown's deadline passes
//!                      ▼
//!                   stopped: lanes closed, what waits is returned, what runs (deadline) interrupted
//! ```

use std::time::Duration;

use crate::park::{Alarm, EventCount, Yields};
use crate::queue::{Adopted, Body, Hand, Host, Managed, SpawnError};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::sync::atomic::{AtomicUsize, fence};
use crate::sync::{Arc, Deadline, Mutex, has_ended, next_runtime_number, thread};
use crate::time::Time;

/// See the module's drawing.
pub(super) struct Crew {
    number: u32,
    pub(super) time: Time,
    /// Wakes the clerk.
    pub(super) alarm: Arc<Alarm>,
    /// Workers without threads, if the clock is turned by hand.
    pub(super) hands: Mutex<Vec<Box<dyn Hand>>>,
    state: Mutex<State>,
    /// Worker threads that have not left.
    running: AtomicUsize,
    /// Leases that are not settled.
    guests: AtomicUsize,
    /// Workers among them that wait for the others, in a shutdown that their handler called.
    inside: AtomicUsize,
    /// Threads that are ending what is left.
    stopping: AtomicUsize,
    left: EventCount,
}

/// Leaves the crew when its thread ends, even if a handler's destructor panics there.
struct Leaving(Arc<Crew>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave_crew();
    }
}

struct State {
    draining: bool,
    queues: Vec<Arc<dyn Managed>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Crew {
    pub(super) fn new(time: Time) -> Self {
        let state = State {
            draining: false,
            queues: Vec::new(),
            threads: Vec::new(),
        };
        Crew {
            number: next_runtime_number(),
            time,
            alarm: Arc::new(Alarm::new()),
            hands: Mutex::new(Vec::new()),
            state: Mutex::new(state),
            running: AtomicUsize::new(0),
            guests: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            stopping: AtomicUsize::new(0),
            left: EventCount::new(Yields::Warily),
        }
    }

    pub(super) fn running(&self) -> usize {
        // ORDERING: Acquire — what a worker did is visible to who sees that it left; pairs with the
        // decrement in `leave`.
        self.running.load(Acquire)
    }

    /// Leases that are not settled.
    pub(super) fn guests(&self) -> usize {
        // ORDERING: Acquire — what the lease's holder did is visible to who sees that it was settled; pairs with `leave`.
        self.guests.load(Acquire)
    }

    /// Whether a lease was begun that the caller, who ended all other jobs before, may not have seen.
    pub(super) fn has_guests(&self) -> bool {
        // ORDERING: SeqCst fence — the look at the jobs before the look at the guests; partner: the fence of `visit`.
        fence(SeqCst);
        self.guests() > 0
    }

    pub(super) fn queues(&self) -> Vec<Arc<dyn Managed>> {
        self.state.lock().queues.clone()
    }

    /// Refuses new jobs, queues and workers.
    pub(super) fn drain(&self) {
        self.state.lock().draining = true;
        self.end_jobs(|queue| queue.drain());
        self.alarm.wake();
    }

    /// Whether the runtime is shut down and no worker is left: the clerk may go.
    pub(super) fn is_over(&self) -> bool {
        self.state.lock().draining && self.running() == 0 && self.guests() == 0
    }

    pub(super) fn keep_clerk(&self, clerk: thread::JoinHandle<()>) {
        self.state.lock().threads.push(clerk);
    }

    /// Ends what is left in every queue, and waits for others that are at it: only then are the
    /// counts right.
    pub(super) fn stop(&self, interrupt: bool) {
        if self.end_jobs(|queue| queue.stop(interrupt)) > 0 {
            // Not for ever: a destructor that runs there may be waiting for us.
            let patience = Deadline::after(Duration::from_secs(1));
            // ORDERING: Acquire — as in `end_jobs`.
            self.wait_until(patience, || self.stopping.load(Acquire) == 0);
        }
    }

    /// Does `end` to every queue; how many others are at it still.
    fn end_jobs(&self, end: impl Fn(&dyn Managed)) -> usize {
        self.stopping.fetch_add(1, Relaxed);
        // Not under the lock: payloads are dropped and waiters answered here.
        self.queues().iter().for_each(|queue| end(&**queue));
        // ORDERING: AcqRel — Release: the counts of the jobs ended here; Acquire: those ended by the
        // others; pairs with itself and with the load in `stop`.
        let others = self.stopping.fetch_sub(1, AcqRel) - 1;
        self.left.notify_all();
        others
    }

    /// Waits until all workers have left and all leases are settled; false when the time is over.
    pub(super) fn wait_for_all(&self, deadline: Deadline) -> bool {
        self.wait_until(deadline, || self.running() == 0 && self.guests() == 0)
    }

    /// The same from inside a handler: waits for all but those who wait here.
    pub(super) fn wait_for_others(&self, deadline: Deadline) -> bool {
        self.inside.fetch_add(1, Relaxed);
        self.left.notify_all();
        let gone = self.wait_until(deadline, || {
            self.running() <= self.inside.load(Relaxed) && self.guests() == 0
        });
        self.inside.fetch_sub(1, Relaxed);
        gone
    }

    fn wait_until(&self, deadline: Deadline, gone: impl Fn() -> bool) -> bool {
        let gone = || gone().then_some(());
        gone()
            .or_else(|| self.left.wait_until(Some(deadline), |_| gone(), || 1, || 0))
            .is_some()
    }

    /// Joins the threads, all of which have left.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut self.state.lock().threads);
        for thread in threads {
            // What a handler's destructor panics with at its thread's end is nobody's here.
            let _ = thread.join();
        }
    }

    fn leave_crew(&self) {
        // ORDERING: Release — this worker's effects before the return of `shutdown`; pairs with the
        // load in `running`.
        self.running.fetch_sub(1, Release);
        self.left.notify_all();
        self.alarm.wake();
    }
}

impl Host for Crew {
    fn number(&self) -> u32 {
        self.number
    }

    fn adopt(&self, queue: Arc<dyn Managed>) -> Adopted {
        let mut state = self.state.lock();
        if state.draining {
            return Adopted::ShutDown;
        }
        if state
            .queues
            .iter()
            .any(|other| other.name() == queue.name())
        {
            return Adopted::NameTaken;
        }
        state.queues.push(queue);
        Adopted::Yes
    }

    fn spawn(self: Arc<Self>, name: String, body: Body) -> Result<(), SpawnError> {
        let state = self.state.lock();
        if state.draining {
            return Err(SpawnError::ShutDown);
        }
        self.running.fetch_add(1, Relaxed);
        // Not held any longer: if the system refuses, the closure is dropped here, and with it the
        // worker's `Shift`, which may end jobs.
        drop(state);
        let leaving = Leaving(self.clone());
        let started = thread::Builder::new().name(name).spawn(move || {
            let _leaving = leaving;
            body();
        });
        let thread = started.map_err(SpawnError::System)?;
        let mut state = self.state.lock();
        // Those of replaced workers, whose stacks would wait for shutdown.
        state.threads.retain(|thread| !has_ended(thread));
        state.threads.push(thread);
        Ok(())
    }

    fn time(&self) -> Time {
        self.time.clone()
    }

    fn alarm(&self) -> Arc<Alarm> {
        self.alarm.clone()
    }

    fn visit(&self) {
        self.guests.fetch_add(1, Relaxed);
        // ORDERING: SeqCst fence — the visit before the lease's job is active; partner: the fence of `has_guests`.
        fence(SeqCst);
    }

    fn leave(&self) {
        // ORDERING: Release — what the lease's holder did, before the return of `shutdown`; pairs with the load in `guests`.
        let others = self.guests.fetch_sub(1, Release) - 1;
        // Shutdown waits for the last one only, and so does the clerk.
        if others == 0 {
            self.left.notify_all();
            self.alarm.wake();
        }
    }

    fn enlist(&self, worker: Box<dyn Hand>) -> Result<(), SpawnError> {
        if self.state.lock().draining {
            return Err(SpawnError::ShutDown);
        }
        self.hands.lock().push(worker);
        Ok(())
    }
}
