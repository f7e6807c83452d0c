//! What is known of one execution: jobs, actors, handlers. Written down in steps that no thread can
//! interrupt, so that the records add no schedules; the main thread sleeps until a record is as it
//! waits for.
//!
//! A job's payload is its witness: its destructor runs when the job has ended, has been answered,
//! and its slot is there again.

use std::sync::{Arc, Mutex, MutexGuard};

use guichet::JobId;
use shuttle::thread::{self, Thread};
use std::cell::Cell;

/// A job's number, and where it is written down what becomes of it.
pub struct Payload {
    pub number: usize,
    board: Arc<Board>,
}

/// The slots that a job's own is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Now,
    Later,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub room: Room,
    /// Its id in the queue, once known; that of its dead letter's successor, if it has one.
    pub id: Option<JobId>,
    /// When its payload was dropped.
    pub dropped: Option<u64>,
    /// What it may say its priority is.
    pub priorities: Vec<u32>,
    /// What it must say.
    pub priority: Option<u32>,
    /// Whether an operation was asked to cancel it by its id.
    pub may_be_cancelled: bool,
    /// Attempts that are inside.
    pub inside: usize,
    /// No handler has said anything of it.
    pub fresh: bool,
}

/// What an actor does just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Something,
    /// Waits, perhaps, for so many slots.
    Adds(Room, usize),
    /// Waits, perhaps, for a job.
    Leases,
    /// Is in a payload's destructor, which waits for the gate.
    Clings,
    Nothing,
}

#[derive(Default)]
pub struct Records {
    /// Goes on with each record.
    pub now: u64,
    pub jobs: Vec<Job>,
    pub actors: Vec<Doing>,
    pub open: bool,
    at_gate: Vec<Thread>,
    /// Handlers, and destructors on workers' threads, that are running.
    pub busy: usize,
    pub workers: usize,
    /// Groups of workers that were engaged, and those of them that have all left.
    pub engaged: usize,
    pub left: usize,
    pub held: bool,
    pub shut: bool,
    /// Handlers complete every job.
    pub relaxed: bool,
    /// Whether dead letters may have been added anew, and how many were.
    pub redriving: bool,
    pub redriven: usize,
    pub cancelled: usize,
    /// Whether an operation was asked to cancel every job.
    pub cancelled_all: bool,
    awaited: bool,
}

pub struct Board {
    records: Mutex<Records>,
    main: Thread,
    clinging: bool,
    traced: bool,
    /// What the main thread waits for: all that a deadlock leaves to print.
    pub hope: Arc<Mutex<String>>,
}

/// Whose thread it is, if it is none of the library's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Worker,
    Actor(usize),
    /// Never waits for the gate.
    Judge,
}

shuttle::thread_local! {
    static ROLE: Cell<Role> = Cell::new(Role::Worker);
}

pub fn play(role: Role) {
    ROLE.with(|mine| mine.set(role));
}

impl Board {
    pub fn new(actors: usize, clinging: bool, hope: Arc<Mutex<String>>) -> Arc<Self> {
        Arc::new(Board {
            records: Mutex::new(Records {
                actors: vec![Doing::Something; actors],
                ..Records::default()
            }),
            main: thread::current(),
            clinging,
            traced: std::env::var_os("MATRIX_TRACE").is_some(),
            hope,
        })
    }

    /// What is known. To be let go before the thread's next step.
    pub fn read(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(|dead| dead.into_inner())
    }

    /// Changes what is known. No step of the model may be among the changes: the lock is not the
    /// model's.
    pub fn write<X>(&self, change: impl FnOnce(&mut Records) -> X) -> X {
        let mut records = self.read();
        records.now += 1;
        let done = change(&mut records);
        let awaited = records.awaited;
        drop(records);
        if awaited {
            self.main.unpark();
        }
        done
    }

    pub fn trace(&self, text: impl FnOnce() -> String) {
        if self.traced {
            eprintln!("  {:?}: {}", thread::current().name(), text());
        }
    }

    /// The main thread sleeps until `is` is true of what is known; if that never comes, it is a
    /// deadlock.
    pub fn wait_until(&self, hope: &str, mut is: impl FnMut(&mut Records) -> bool) {
        self.say(|| hope.to_owned());
        loop {
            {
                let mut records = self.read();
                records.awaited = true;
                if is(&mut records) {
                    records.awaited = false;
                    return;
                }
            }
            thread::park();
        }
    }

    pub fn say(&self, hope: impl FnOnce() -> String) {
        let hope = hope();
        self.trace(|| format!("waits: {hope}"));
        *self.hope.lock().unwrap_or_else(|dead| dead.into_inner()) = hope;
    }

    /// A payload for a job that is going to be added.
    pub fn payload(self: &Arc<Self>, room: Room, priority: u32) -> Payload {
        let number = self.write(|records| {
            records.jobs.push(Job {
                room,
                id: None,
                dropped: None,
                priorities: vec![priority],
                priority: None,
                may_be_cancelled: false,
                inside: 0,
                fresh: true,
            });
            records.jobs.len() - 1
        });
        Payload {
            number,
            board: self.clone(),
        }
    }

    pub fn added(&self, number: usize, id: JobId) {
        self.trace(|| format!("job {number} is {id}"));
        self.write(|records| records.name(number, id));
    }

    /// The gate is open for good.
    pub fn open(&self) {
        let waiting = self.write(|records| {
            records.open = true;
            std::mem::take(&mut records.at_gate)
        });
        waiting.iter().for_each(Thread::unpark);
    }

    pub fn pass_gate(&self) {
        let me = thread::current();
        loop {
            {
                let mut records = self.read();
                if records.open {
                    return;
                }
                records.at_gate.push(me.clone());
            }
            thread::park();
        }
    }

    /// A payload's destructor waits for the gate.
    fn cling(&self) {
        match ROLE.with(Cell::get) {
            Role::Judge => {}
            Role::Worker => {
                self.write(|records| records.busy += 1);
                self.pass_gate();
                self.write(|records| records.busy -= 1);
            }
            Role::Actor(me) => {
                let clings = |records: &mut Records| {
                    std::mem::replace(&mut records.actors[me], Doing::Clings)
                };
                let before = self.write(clings);
                self.pass_gate();
                self.write(|records| records.actors[me] = before);
            }
        }
    }
}

impl Records {
    /// The job has this id, whoever learned it first.
    pub fn name(&mut self, number: usize, id: JobId) {
        let job = &mut self.jobs[number];
        let known = *job.id.get_or_insert(id);
        assert!(
            known == id || self.redriving,
            "job {number} is {known} and {id}"
        );
        self.jobs[number].id = Some(id);
        let same = self.jobs.iter().filter(|job| job.id == Some(id));
        assert_eq!(same.count(), 1, "two jobs are {id}");
    }

    /// An attempt of a job begins, whoever makes it.
    pub fn begin(&mut self, number: usize, id: JobId, priority: u32) {
        self.name(number, id);
        let job = &mut self.jobs[number];
        assert_eq!(job.inside, 0, "two attempts of job {number} at a time");
        assert_eq!(job.dropped, None, "job {number} begins after its end");
        job.inside += 1;
        assert!(
            job.priorities.contains(&priority),
            "job {number} has priority {priority}, and was given one of {:?}",
            job.priorities
        );
        if let Some(right) = job.priority
            && !self.redriving
        {
            assert_eq!(priority, right, "the priority of job {number}");
        }
    }

    pub fn end(&mut self, number: usize) {
        self.jobs[number].inside -= 1;
    }

    /// Ids of jobs that were accepted, and whose payloads are there.
    pub fn live(&self) -> Vec<JobId> {
        let live = self.jobs.iter().filter(|job| job.dropped.is_none());
        live.filter_map(|job| job.id).collect()
    }

    pub fn may_be_cancelled(&self, number: usize) -> bool {
        self.cancelled_all || self.jobs[number].may_be_cancelled
    }

    pub fn all_dropped(&self) -> bool {
        self.jobs.iter().all(|job| job.dropped.is_some())
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let number = self.number;
        let was_job = self.board.write(|records| {
            let now = records.now;
            let before = records.jobs[number].dropped.replace(now);
            assert_eq!(before, None, "job {number} was dropped twice");
            records.jobs[number].id.is_some()
        });
        self.board.trace(|| format!("job {number} is dropped"));
        if was_job && self.board.clinging {
            self.board.cling();
        }
    }
}
