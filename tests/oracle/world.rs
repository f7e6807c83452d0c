//! The queues under test beside their reference: every operation is done to both, and after it the answers are compared.
//!
//! There is no worker: one thread drives everything by leases, on a clock that it turns itself, so that a program does the
//! same every time. Each operation takes a microsecond, which makes instants differ that nobody puts in an order.

use std::sync::Arc;
use std::time::Duration;

use guichet::{
    Clock, DeadLetter, DeadReason, JobError, JobState, ManualClock, Queue, Redrive, Runtime,
};

use crate::build::{HookLog, builder};
use crate::checks::check_letter;
use crate::harness::Coverage;
use crate::program::{Call, How, Op, Program, Say, Side, Way};
use crate::reference::{DEAD, HookCall, MAIN, Reference};
use crate::subject::{Handles, Parcel, Subject};

/// A payload: its number, and a share in a count of the living.
pub struct Item(pub usize, #[allow(dead_code)] Arc<()>);

impl Parcel for Item {
    fn inspect(&self, reference: &Reference, number: usize) {
        assert_eq!(self.0, reference.jobs[number].payload, "job {number}");
    }
}

impl Parcel for DeadLetter<Item> {
    fn inspect(&self, reference: &Reference, number: usize) {
        let dead = reference.jobs[number].source.expect("it is a letter");
        let item = self.payload.as_ref().expect("nobody consumed it");
        item.inspect(reference, dead);
        check_letter(reference, self, dead);
    }
}

/// The queues' time is not 0 when a program begins.
const START: Duration = Duration::from_secs(1);
const OPERATION: Duration = Duration::from_micros(1);

pub struct World {
    runtime: Runtime,
    clock: ManualClock,
    pub reference: Reference,
    pub main: Subject<Item>,
    dead: Option<Subject<DeadLetter<Item>>>,
    /// By the jobs' numbers.
    pub handles: Handles,
    payloads: usize,
    hooks: HookLog,
    living: Arc<()>,
}

/// Runs a program from beginning to end.
pub fn run(program: Program) -> Coverage {
    let mut world = World::new(&program);
    for (at, call) in program.calls.into_iter().enumerate() {
        world.one(call);
        if at % 16 == 15 {
            world.look_around();
        }
    }
    world.look_around();
    world.finish(program.tidy)
}

impl World {
    fn new(program: &Program) -> Self {
        let clock = ManualClock::new();
        clock.advance(START);
        // Leases that a failed check leaves behind are not waited for.
        let runtime = Runtime::builder().drop_timeout(Duration::ZERO);
        let runtime = runtime.clock(clock.clone()).build().unwrap();
        let hooks = HookLog::default();
        let mut setups = vec![program.main.clone()];
        let dead = program.dead.clone().map(|mut setup| {
            // Its first listener must not miss anything.
            setup.event_capacity = 1024;
            setups.push(setup.clone());
            let queue = builder(&runtime, "dead", &setup, &hooks).build().unwrap();
            let mut subject = Subject::new(DEAD, queue);
            subject.subscriptions.push(subject.queue.subscribe());
            subject
        });
        let mut main = builder(&runtime, "main", &program.main, &hooks);
        if let Some(dead) = &dead {
            main = main.dead_letters(&dead.queue);
        }
        let main = Subject::new(MAIN, main.build().unwrap());
        let mut reference = Reference::new(setups, START.as_nanos() as u64);
        if dead.is_some() {
            reference.lanes[DEAD].heard.push(Vec::new());
        }
        World {
            runtime,
            clock,
            reference,
            main,
            dead,
            handles: Vec::new(),
            payloads: 0,
            hooks,
            living: Arc::default(),
        }
    }

    fn one(&mut self, call: Call) {
        self.reference.coverage.operation();
        self.turn_clock(OPERATION);
        // Whether the next search finds it is nobody's promise.
        if self.reference.expires_somewhere() {
            self.do_due();
        }
        match call.op {
            Op::Add(way, terms) => self.add(way, terms),
            Op::AddMany { count, waits } => self.add_many(count, waits),
            Op::Redrive {
                remainder,
                limit,
                rate,
            } => self.redrive(remainder, limit, rate),
            Op::TakeUnsent => self.take_unsent(),
            Op::Detach(at) if !self.handles.is_empty() => {
                let at = at % self.handles.len();
                if self.handles[at].take().is_some() {
                    self.reference.cover("a handle is dropped");
                }
            }
            Op::Run => {
                self.do_due();
                self.reference.cover("run_until_idle");
            }
            Op::Advance(by) => {
                self.runtime.advance(by);
                self.reference.advance(by);
                self.reference.cover("advance");
            }
            Op::Turn(by) => {
                self.turn_clock(by);
                self.reference.cover("turn");
            }
            Op::LookAround => self.look_around(),
            op => match (&mut self.dead, call.side) {
                (Some(dead), Side::Dead) => dead.one(&mut self.reference, &mut self.handles, op),
                _ => self.main.one(&mut self.reference, &mut self.handles, op),
            },
        }
        self.check();
    }

    /// Turns it behind the runtime's back, past one deadline at the most: attempts that time out in the same instant pause
    /// alike, and nobody says whose next one is due first.
    fn turn_clock(&mut self, by: Duration) {
        let end = self.reference.after(by);
        while let [first, second, ..] = self.reference.deadlines()[..]
            && second <= end
        {
            self.turn_to(first);
            self.do_due();
        }
        self.turn_to(end);
    }

    fn do_due(&mut self) {
        self.runtime.run_until_idle();
        self.reference.tick();
        self.check();
    }

    fn turn_to(&mut self, instant: u64) {
        let now = self.reference.now.max(instant);
        self.clock
            .advance(Duration::from_nanos(now - self.reference.now));
        self.reference.now = now;
    }

    // ------------------------------------------------------------------------------------ checks --

    fn check(&mut self) {
        let now = Duration::from_nanos(self.reference.now);
        assert_eq!(self.clock.now(), now, "the clock");
        if let Some(dead) = &mut self.dead {
            dead.hear(&mut self.reference, 0);
            dead.check(&self.reference);
        }
        self.main.check(&self.reference);
        self.check_hooks();
        for number in 0..self.handles.len() {
            self.check_handle(number);
        }
    }

    fn look_around(&mut self) {
        self.main.check_all(&mut self.reference);
        if let Some(dead) = &self.dead {
            dead.check_all(&mut self.reference);
        }
        self.reference.cover("look around");
    }

    fn check_hooks(&mut self) {
        let seen = std::mem::take(&mut *self.hooks.lock().unwrap());
        let jobs = &self.reference.jobs;
        let expected = self.reference.hooks.drain(..).map(|call| {
            let HookCall {
                hook,
                job,
                attempt,
                ended,
                text,
            } = call;
            (hook, jobs[job].id.unwrap(), attempt, ended, text)
        });
        assert_eq!(
            seen,
            expected.collect::<Vec<_>>(),
            "what the hooks were told"
        );
    }

    /// Whoever waits for a job learns its end at once.
    fn check_handle(&mut self, number: usize) {
        let Some(handle) = self.handles[number].take() else {
            return;
        };
        let job = &self.reference.jobs[number];
        let ended = job.state.is_terminal();
        assert_eq!(handle.is_finished(), ended, "whether job {number} ended");
        assert_eq!(handle.id(), job.id.unwrap());
        let known = self.reference.is_tenant(number) || self.reference.is_kept(number);
        assert_eq!(handle.state(), known.then_some(job.state));
        if !ended {
            let progress = handle.progress::<u32>().map(|value| *value);
            assert_eq!(progress, job.progress, "progress of job {number}");
            let handle = handle.wait_timeout(Duration::ZERO);
            self.handles[number] = Some(handle.expect_err("it has not ended"));
            self.reference.cover("wait: not yet");
            if progress.is_some() {
                self.reference.cover("progress by handle");
            }
            return;
        }
        let outcome = handle.wait();
        let last = job.errors.last().map(|error| (error.kind, &*error.text));
        let expired = job.reason == Some(DeadReason::Expired);
        let what = match (job.state, &outcome) {
            (JobState::Completed, Ok(value)) => {
                assert_eq!(Some(*value), job.result);
                "wait: a value"
            }
            (JobState::Dead, Err(JobError::Expired)) if expired => "wait: expired",
            (JobState::Dead, Err(JobError::Failed(failure))) if !expired => {
                let text = failure.error().to_string();
                assert_eq!(Some((failure.kind(), &*text)), last, "of job {number}");
                "wait: failed"
            }
            (JobState::Cancelled, Err(JobError::Cancelled { reason })) => {
                assert_eq!(*reason, job.cancel_reason);
                "wait: cancelled"
            }
            (JobState::Returned, Err(JobError::Returned)) => "wait: returned",
            (JobState::Interrupted, Err(JobError::Interrupted)) => "wait: interrupted",
            (state, outcome) => panic!("job {number} is {state:?}, its waiter hears {outcome:?}"),
        };
        self.reference.cover(what);
    }

    /// A payload that there was not yet.
    pub fn item(&mut self) -> Item {
        self.payloads += 1;
        Item(self.payloads, self.living.clone())
    }

    // ----------------------------------------------------------------------------------- letters --

    fn redrive(&mut self, remainder: Option<usize>, limit: Option<usize>, rate: Option<Duration>) {
        let Some(dead) = &self.dead else {
            return;
        };
        let mut redrive = Redrive::all();
        if let Some(remainder) = remainder {
            redrive = redrive.filter(move |letter: &DeadLetter<Item>| {
                letter.payload.as_ref().unwrap().0 % 2 == remainder
            });
        }
        if let Some(limit) = limit {
            redrive = redrive.limit(limit);
        }
        if let Some(per) = rate {
            redrive = redrive.rate(1, per);
        }
        let done = dead.queue.redrive(&self.main.queue, redrive);
        let limit = limit.unwrap_or(usize::MAX);
        let spacing = rate.unwrap_or_default();
        let (jobs, skipped, stopped) = self.reference.redrive(remainder, limit, spacing);
        assert_eq!(done.jobs.len(), jobs.len(), "redriven jobs");
        for (number, id) in jobs.iter().zip(&done.jobs) {
            self.reference.name(*number, *id);
        }
        let seen = (done.skipped, done.stopped);
        assert_eq!(seen, (skipped, stopped), "letters that stay");
        self.reference.cover(match (jobs.is_empty(), stopped) {
            (_, true) => "redrive: stopped",
            (true, _) => "redrive: nothing",
            (false, _) => "redrive",
        });
        if skipped > 0 {
            self.reference.cover("redrive: skipped");
        }
    }

    fn take_unsent(&mut self) {
        let letters = self.main.queue.take_unsent();
        let expected = self.reference.take_unsent();
        assert_eq!(letters.len(), expected.len(), "unsent letters");
        self.reference.cover(match letters.is_empty() {
            true => "take_unsent: none",
            false => "take_unsent",
        });
        for (letter, number) in letters.iter().zip(expected) {
            check_letter(&self.reference, letter, number);
        }
    }

    // ---------------------------------------------------------------------------------- shutdown --

    fn finish(mut self, tidy: bool) -> Coverage {
        while tidy && !self.main.leases.is_empty() {
            self.call(Side::Main, Op::Settle(0, Say::Complete));
        }
        while tidy
            && self
                .dead
                .as_ref()
                .is_some_and(|dead| !dead.leases.is_empty())
        {
            self.call(Side::Dead, Op::Settle(0, Say::Complete));
        }
        let report = self.runtime.shutdown(Duration::ZERO);
        let in_time = self.reference.shut_down();
        assert_eq!(report.in_time, in_time, "whether all leases were settled");
        self.reference.cover(match in_time {
            true => "shutdown",
            false => "shutdown gives up",
        });
        for (report, lane) in report
            .queues
            .iter()
            .zip((0..self.reference.lanes.len()).rev())
        {
            assert_eq!(report.stats, self.reference.stats(lane), "the report");
            assert_eq!(report.stats.live(), 0);
        }
        self.check();
        self.look_around();
        for way in [
            Way::TryAdd,
            Way::Add,
            Way::AddTimeout,
            Way::Submit,
            Way::Call,
        ] {
            self.call(Side::Main, Op::Add(way, None));
        }
        for waits in [false, true] {
            self.call(Side::Main, Op::AddMany { count: 1, waits });
        }
        for side in [Side::Main, Side::Dead] {
            let how = How::Timeout;
            let consumer = None;
            self.call(side, Op::Lease { consumer, how });
        }
        // What the last holders say comes too late; what they held goes where it is to go.
        while !self.main.leases.is_empty() {
            self.call(Side::Main, Op::Settle(0, Say::Complete));
        }
        while self
            .dead
            .as_ref()
            .is_some_and(|dead| !dead.leases.is_empty())
        {
            self.call(Side::Dead, Op::Settle(0, Say::Complete));
        }
        self.call(Side::Main, Op::TakeUnsent);
        self.look_around();
        for at in 0..self.main.subscriptions.len() {
            self.main.hear(&mut self.reference, at);
        }
        self.check_returned();
        let World {
            runtime,
            reference,
            main,
            dead,
            handles,
            living,
            ..
        } = self;
        drop((runtime, main, dead, handles));
        assert_eq!(Arc::strong_count(&living), 1, "payloads still alive");
        reference.coverage
    }

    fn call(&mut self, side: Side, op: Op) {
        self.one(Call { side, op });
    }

    fn check_returned(&mut self) {
        check_returned(&self.main.queue, &mut self.reference, MAIN);
        if let Some(dead) = &self.dead {
            check_returned(&dead.queue, &mut self.reference, DEAD);
        }
    }
}

fn check_returned<T: Parcel>(queue: &Queue<T, u32>, reference: &mut Reference, lane: usize) {
    let returned = queue.take_returned();
    let expected = std::mem::take(&mut reference.lanes[lane].returned);
    let ids: Vec<_> = returned.iter().map(|(id, _)| *id).collect();
    let expected_ids: Vec<_> = expected
        .iter()
        .map(|number| reference.jobs[*number].id.unwrap())
        .collect();
    assert_eq!(ids, expected_ids, "what was returned");
    for ((_, payload), number) in returned.iter().zip(expected) {
        payload.inspect(reference, number);
        reference.cover("take_returned");
    }
}
