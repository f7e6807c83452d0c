//! The queues under test beside their reference: every operation is done to both, and after it the answers are compared.
//!
//! There is no worker: one thread drives everything by leases, on a clock that it turns itself, so that a program does the
//! same every time. Each operation takes a microsecond, which makes instants differ that nobody puts in an order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use guichet::{
    AddError, AddManyError, AddTimeoutError, CallError, Clock, DeadLetter, JobBrief, JobError,
    JobHandle, JobId, JobState, Keep, ManualClock, Order, Queue, QueueBuilder, Redrive, Runtime,
    TryAddError, TryAddManyError,
};

use crate::checks::check_letter;
use crate::harness::Coverage;
use crate::program::{
    BROKEN, Call, FATAL, FINAL, OWN_PAUSE, Op, Program, Ranks, Say, Setup, Shelf, Side, Terms, Way,
};
use crate::reference::{DEAD, HookCall, Job, MAIN, Reference};
use crate::subject::{Handles, Parcel, Subject};

/// A payload: its number, and a share in a count of the living.
pub struct Item(usize, #[allow(dead_code)] Arc<()>);

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

/// Why a job was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum No {
    Closed,
    Full { waiting: usize, active: usize },
    Timeout,
    TooMany,
}

/// Hook, job, attempt, whether it ended, text.
type HookSeen = (&'static str, JobId, u32, bool, String);
type HookLog = Arc<Mutex<Vec<HookSeen>>>;
type Taken = Result<(JobId, Option<JobHandle<u32>>), (No, Item)>;

/// The queues' time is not 0 when a program begins.
const START: Duration = Duration::from_secs(1);
const OPERATION: Duration = Duration::from_micros(1);

fn keep(shelf: Shelf) -> Keep {
    match shelf.age {
        Some(age) => Keep::last(shelf.most).for_at_most(age),
        None => Keep::last(shelf.most),
    }
}

/// A queue with these options, whose hooks write down what they are told.
fn builder<T: Parcel>(
    runtime: &Runtime,
    name: &str,
    setup: &Setup,
    hooks: &HookLog,
) -> QueueBuilder<T, u32> {
    let mut builder = runtime
        .queue(name)
        .capacity(setup.capacity)
        .delayed_capacity(setup.delayed_capacity)
        .attempts(setup.attempts)
        .backoff(setup.pause.backoff())
        .delivery_limit(setup.delivery_limit)
        .keep_completed(keep(setup.keep_completed))
        .keep_failed(keep(setup.keep_failed))
        .log_lines(setup.log_lines)
        .event_capacity(setup.event_capacity);
    builder = match setup.ranks {
        Ranks::Fifo => builder,
        Ranks::Bands(count) => builder.order(Order::Bands(count)),
        Ranks::Heap(count) => builder.order(Order::Heap(count)),
    };
    if setup.custom {
        let breaks = |text: &str| {
            if text == BROKEN {
                std::panic::resume_unwind(Box::new(BROKEN));
            }
        };
        builder = builder.retry_if(move |failure| {
            let text = failure.error().to_string();
            breaks(&text);
            text != FATAL
        });
        builder = builder.backoff_with(move |_, failure| {
            let text = failure.error().to_string();
            breaks(&text);
            (text != FINAL).then_some(OWN_PAUSE)
        });
    }
    if let Some(limit) = setup.timeout {
        builder = builder.timeout(limit);
    }
    if let Some(grace) = setup.overlap_after {
        builder = builder.overlap_after(grace);
    }
    if let Some(results) = setup.keep_results {
        builder = builder.keep_results(results);
    }
    if setup.single_active {
        builder = builder.single_active_consumer();
    }
    let write = |hook: &'static str, log: &HookLog| {
        let log = log.clone();
        move |brief: &JobBrief, text: String| {
            let seen = (hook, brief.id, brief.attempt, brief.ended, text);
            log.lock().unwrap().push(seen);
        }
    };
    let completed = write("completed", hooks);
    let failed = write("failed", hooks);
    let exhausted = write("exhausted", hooks);
    builder
        .on_completed(move |brief, result: &u32| completed(brief, result.to_string()))
        .on_failed(move |brief, failure| failed(brief, failure.error().to_string()))
        .on_exhausted(move |brief, failure| exhausted(brief, failure.error().to_string()))
}

pub struct World {
    runtime: Runtime,
    clock: ManualClock,
    reference: Reference,
    main: Subject<Item>,
    dead: Option<Subject<DeadLetter<Item>>>,
    /// By the jobs' numbers.
    handles: Handles,
    payloads: usize,
    hooks: HookLog,
    living: Arc<()>,
}

/// Runs a program from beginning to end.
pub fn run(program: Program) -> Coverage {
    let mut world = World::new(&program);
    let step = if program.calls.len() > 40 { 16 } else { 8 };
    for (at, call) in program.calls.into_iter().enumerate() {
        world.one(call);
        if at % step == step - 1 {
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
        let builder = Runtime::builder().drop_timeout(Duration::ZERO);
        let runtime = builder.clock(clock.clone()).build().unwrap();
        let hooks = HookLog::default();
        let mut setups = vec![program.main.clone()];
        let dead = program.dead.clone().map(|mut setup| {
            // Its first listener must not miss anything.
            setup.event_capacity = 1024;
            setups.push(setup.clone());
            let queue = self::builder(&runtime, "dead", &setup, &hooks)
                .build()
                .unwrap();
            let mut subject = Subject::new(DEAD, queue);
            subject.subscriptions.push(subject.queue.subscribe());
            subject
        });
        let mut builder = self::builder(&runtime, "main", &program.main, &hooks);
        if let Some(dead) = &dead {
            builder = builder.dead_letters(&dead.queue);
        }
        let main = Subject::new(MAIN, builder.build().unwrap());
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
        let expired = job.reason == Some(guichet::DeadReason::Expired);
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

    // -------------------------------------------------------------------------------------- adds --

    fn item(&mut self) -> Item {
        self.payloads += 1;
        Item(self.payloads, self.living.clone())
    }

    /// The job that these terms make; its instants differ from those of all other jobs.
    fn job_of(&self, terms: &Terms, payload: usize) -> Job {
        let mut job = self.reference.plain(MAIN, payload);
        job.priority = terms.priority.map_or(job.priority, |one| self.level(one));
        job.lifo = terms.lifo;
        job.attempts = terms.attempts.unwrap_or(job.attempts);
        job.pause = terms.pause.unwrap_or(job.pause);
        job.keep = [terms.keep_completed, terms.keep_failed];
        let own = Duration::from_nanos(self.reference.jobs.len() as u64);
        job.timeout = terms.timeout.map(|limit| limit + own).or(job.timeout);
        job.expires = terms.ttl.map(|ttl| self.reference.after(ttl + own));
        let delay = terms.delay.filter(|delay| !delay.is_zero());
        if let Some(delay) = delay {
            job.later = true;
            job.due = self.reference.after(delay + own);
        }
        job
    }

    fn level(&self, priority: u32) -> u32 {
        1 + priority % self.reference.lanes[MAIN].priorities()
    }

    fn cover_terms(&mut self, terms: &Terms) {
        let asked = [
            ("priority", terms.priority.is_some()),
            ("lifo", terms.lifo),
            ("delay", terms.delay.is_some()),
            ("ttl", terms.ttl.is_some()),
            ("attempts", terms.attempts.is_some()),
            ("backoff", terms.pause.is_some()),
            ("timeout", terms.timeout.is_some()),
            ("keep_completed", terms.keep_completed.is_some()),
            ("keep_failed", terms.keep_failed.is_some()),
        ];
        let asked = asked.into_iter().filter(|(_, asked)| *asked);
        asked.for_each(|(option, _)| self.reference.cover(option));
    }

    fn no_room(&self, later: bool, count: usize, tries: bool) -> Option<No> {
        if self.reference.lanes[MAIN].stopped {
            return Some(No::Closed);
        }
        if self.reference.room(MAIN, later) >= count {
            return None;
        }
        let setup = &self.reference.lanes[MAIN].setup;
        let slots = if later {
            setup.delayed_capacity
        } else {
            setup.capacity
        };
        let waiting = self.reference.waiting(MAIN).len();
        let active = slots.saturating_sub(waiting);
        Some(match tries {
            true => No::Full { waiting, active },
            false => No::Timeout,
        })
    }

    fn add(&mut self, mut way: Way, terms: Option<Terms>) {
        let item = self.item();
        let payload = item.0;
        if way == Way::Call && terms.is_some() {
            way = Way::TryAdd;
        }
        let job = match &terms {
            Some(terms) => self.job_of(terms, payload),
            None => self.reference.plain(MAIN, payload),
        };
        let expected = self.no_room(job.later, 1, way == Way::TryAdd);
        if expected == Some(No::Timeout) && matches!(way, Way::Add | Way::Submit) {
            // Nobody else would make room.
            way = Way::AddTimeout;
        }
        let queue = &self.main.queue;
        let none = Duration::ZERO;
        let taken = match &terms {
            None => match way {
                Way::TryAdd => of_try(queue.try_add(item)),
                Way::Add => of_add(queue.add(item)),
                Way::AddTimeout => of_timeout(queue.add_timeout(item, none)),
                Way::Submit => of_submit(queue.submit(item)),
                Way::Call => match queue.call(item, none) {
                    Err(CallError::Timeout(id)) => Ok((id, None)),
                    Err(CallError::Refused(refused)) => of_timeout(Err(refused)),
                    Ok(_) | Err(_) => panic!("nobody ran it"),
                },
            },
            Some(terms) => {
                let builder = self.builder(terms, &job, item);
                match way {
                    Way::TryAdd => of_try(builder.try_add()),
                    Way::AddTimeout => of_timeout(builder.add_timeout(none)),
                    Way::Submit => of_submit(builder.submit()),
                    Way::Add | Way::Call => of_add(builder.add()),
                }
            }
        };
        match (taken, expected) {
            (Ok((id, handle)), None) => {
                if let Some(terms) = &terms {
                    self.cover_terms(terms);
                }
                self.reference.cover(match way {
                    Way::TryAdd => "try_add",
                    Way::Add => "add",
                    Way::AddTimeout => "add_timeout",
                    Way::Submit => "submit",
                    Way::Call => "call",
                });
                let number = self.reference.admit(job);
                self.reference.name(number, id);
                self.handles.resize_with(number, || None);
                self.handles.push(handle);
            }
            (Err((no, item)), Some(expected)) => {
                assert_eq!((no, item.0), (expected, payload), "the refusal");
                self.reference.cover(match no {
                    No::Closed => "refused as closed",
                    No::Full { .. } => "refused as full",
                    No::Timeout | No::TooMany => "refused in time",
                });
            }
            (Ok((id, _)), Some(expected)) => panic!("{id} was accepted, not {expected:?}"),
            (Err((no, _)), None) => panic!("refused: {no:?}"),
        }
    }

    fn builder(&self, terms: &Terms, job: &Job, item: Item) -> guichet::JobBuilder<'_, Item, u32> {
        let mut builder = self.main.queue.job(item);
        if terms.priority.is_some() {
            builder = builder.priority(job.priority);
        }
        if terms.lifo {
            builder = builder.lifo();
        }
        if terms.delay.is_some() {
            let delay = if job.later {
                job.due - self.reference.now
            } else {
                0
            };
            builder = builder.delay(Duration::from_nanos(delay));
        }
        if let Some(expires) = job.expires {
            builder = builder.ttl(Duration::from_nanos(expires - self.reference.now));
        }
        if let Some(attempts) = terms.attempts {
            builder = builder.attempts(attempts);
        }
        if let Some(pause) = terms.pause {
            builder = builder.backoff(pause.backoff());
        }
        if terms.timeout.is_some() {
            builder = builder.timeout(job.timeout.unwrap());
        }
        if let Some(kept) = terms.keep_completed {
            builder = builder.keep_completed(kept);
        }
        if let Some(kept) = terms.keep_failed {
            builder = builder.keep_failed(kept);
        }
        builder
    }

    fn add_many(&mut self, count: usize, waits: bool) {
        let items: Vec<_> = (0..count).map(|_| self.item()).collect();
        let numbers: Vec<_> = items.iter().map(|item| item.0).collect();
        let expected = match count > self.main.queue.capacity() {
            true => Some(No::TooMany),
            false => self.no_room(false, count, true),
        };
        // Nobody else would make room.
        let waits = waits && !matches!(expected, Some(No::Full { .. }));
        let full = No::Full {
            waiting: 0,
            active: 0,
        };
        let answer = match waits {
            true => self
                .main
                .queue
                .add_many(items)
                .map_err(|error| match error {
                    AddManyError::TooMany { payloads, .. } => (No::TooMany, payloads),
                    AddManyError::Closed(items) => (No::Closed, items),
                    _ => panic!("an unknown refusal"),
                }),
            false => self
                .main
                .queue
                .try_add_many(items)
                .map_err(|error| match error {
                    TryAddManyError::TooMany { payloads, .. } => (No::TooMany, payloads),
                    TryAddManyError::Closed(items) => (No::Closed, items),
                    TryAddManyError::Full(items) => (full, items),
                    _ => panic!("an unknown refusal"),
                }),
        };
        match (answer, expected) {
            (Ok(ids), None) => {
                assert_eq!(ids.len(), count);
                for (id, payload) in ids.into_iter().zip(numbers) {
                    let number = self.reference.admit(self.reference.plain(MAIN, payload));
                    self.reference.name(number, id);
                }
                self.reference
                    .cover(if waits { "add_many" } else { "try_add_many" });
            }
            (Err((no, items)), Some(expected)) => {
                assert!(items.iter().map(|item| item.0).eq(numbers), "the payloads");
                let expected = match expected {
                    No::Full { .. } => full,
                    other => other,
                };
                assert_eq!(no, expected);
                self.reference.cover(match no {
                    No::TooMany => "many refused as too many",
                    No::Closed => "many refused as closed",
                    _ => "many refused as full",
                });
            }
            (Ok(_), Some(expected)) => panic!("{count} jobs were accepted, not {expected:?}"),
            (Err((no, _)), None) => panic!("{count} jobs were refused: {no:?}"),
        }
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
            let how = crate::program::How::Timeout;
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

fn of_try(answer: Result<JobId, TryAddError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(|error| match error {
        TryAddError::Full {
            payload,
            waiting,
            active,
        } => (No::Full { waiting, active }, payload),
        TryAddError::Closed(item) => (No::Closed, item),
        _ => panic!("an unknown refusal"),
    })
}

fn of_add(answer: Result<JobId, AddError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(closed)
}

fn of_submit(answer: Result<JobHandle<u32>, AddError<Item>>) -> Taken {
    answer
        .map(|handle| (handle.id(), Some(handle)))
        .map_err(closed)
}

fn closed(error: AddError<Item>) -> (No, Item) {
    match error {
        AddError::Closed(item) => (No::Closed, item),
        _ => panic!("an unknown refusal"),
    }
}

fn of_timeout(answer: Result<JobId, AddTimeoutError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(|error| match error {
        AddTimeoutError::Timeout(item) => (No::Timeout, item),
        AddTimeoutError::Closed(item) => (No::Closed, item),
        _ => panic!("an unknown refusal"),
    })
}
