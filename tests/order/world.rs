//! The queues under test beside their reference: every operation is done to both, and after it all answers are compared.

use std::collections::{HashMap, VecDeque};
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use guichet::{
    AddError, AddManyError, AddTimeoutError, ChangeError, Clock, Failure, JobBuilder, JobError,
    JobHandle, JobId, JobState, ManualClock, Order, Producer, Queue, Runtime, TryAddError,
    TryAddManyError,
};

use crate::harness::Coverage;
use crate::program::{
    Action, Call, Case, Level, Op, Pause, QueueSetup, Step, Terms, Verdict, Way, When,
};
use crate::reference::{Job, Reference};

/// A payload: its job's number, and a share in a count of the living.
pub struct Item(usize, #[allow(dead_code)] Arc<()>);

type Handle = JobHandle<usize>;
type Builder<'a> = JobBuilder<'a, Item, usize>;

/// Why a job was refused.
#[derive(Debug, PartialEq)]
enum No {
    /// One of these options is wrong.
    Invalid(Vec<&'static str>),
    Closed,
    Full {
        waiting: usize,
        active: usize,
    },
    WouldDeadlock,
    Timeout,
    TooMany,
}

impl No {
    fn name(&self) -> &'static str {
        match self {
            No::Invalid(_) => "refused as invalid",
            No::Closed => "refused as closed",
            No::Full { .. } => "refused as full",
            No::WouldDeadlock => "refused as a deadlock",
            No::Timeout => "refused in time",
            No::TooMany => "refused as too many",
        }
    }
}

type Taken = Result<(JobId, Option<Handle>), (No, Item)>;

fn of_try(answer: Result<JobId, TryAddError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(|error| match error {
        TryAddError::Full {
            payload,
            waiting,
            active,
        } => (No::Full { waiting, active }, payload),
        TryAddError::Closed(item) => (No::Closed, item),
        TryAddError::Invalid(item, why) => (No::Invalid(vec![why.option()]), item),
        _ => panic!("an unknown refusal"),
    })
}

fn of_add(error: AddError<Item>) -> (No, Item) {
    match error {
        AddError::Closed(item) => (No::Closed, item),
        AddError::WouldDeadlock(item) => (No::WouldDeadlock, item),
        AddError::Invalid(item, why) => (No::Invalid(vec![why.option()]), item),
        _ => panic!("an unknown refusal"),
    }
}

fn of_timeout(answer: Result<JobId, AddTimeoutError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(|error| match error {
        AddTimeoutError::Timeout(item) => (No::Timeout, item),
        AddTimeoutError::Closed(item) => (No::Closed, item),
        AddTimeoutError::WouldDeadlock(item) => (No::WouldDeadlock, item),
        AddTimeoutError::Invalid(item, why) => (No::Invalid(vec![why.option()]), item),
        _ => panic!("an unknown refusal"),
    })
}

fn of_submit(answer: Result<Handle, AddError<Item>>) -> Taken {
    answer
        .map(|handle| (handle.id(), Some(handle)))
        .map_err(of_add)
}

pub struct World {
    reference: Reference,
    runtime: Weak<Runtime>,
    clock: ManualClock,
    queues: Vec<Queue<Item, usize>>,
    producers: Vec<Producer<Item, usize>>,
    ids: Vec<JobId>,
    handles: Vec<Option<Handle>>,
    /// The job that a slot held last.
    tenants: HashMap<(usize, u32), (u64, usize)>,
    living: Arc<()>,
    /// The queue whose handler runs.
    inside: Option<usize>,
    steps: VecDeque<Step>,
    /// What went wrong in a handler, whose panic the queue takes for a failed attempt.
    wrong: Option<String>,
}

type Shared = Arc<Mutex<World>>;

/// The queues' time is not 0 when a case begins.
const START: Duration = Duration::from_secs(1);

fn build(runtime: &Runtime, name: &str, setup: &QueueSetup) -> Queue<Item, usize> {
    let (order, policy) = setup.ranking;
    let mut builder = runtime
        .queue(name)
        .order(order)
        .policy(policy)
        .capacity(setup.capacity)
        .delayed_capacity(setup.delayed_capacity)
        .attempts(setup.attempts)
        .backoff(setup.pause.backoff())
        .prefetch(setup.prefetch);
    if let Some(pick) = setup.default_priority {
        let priorities = match order {
            Order::Bands(count) | Order::Heap(count) => count,
            _ => 1,
        };
        builder = builder.default_priority(Level::Valid(pick).of(priorities));
    }
    // What is gone shall be gone.
    builder.keep_failed(0).build().unwrap()
}

fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().expect("a check failed under the lock")
}

/// Runs a case from beginning to end.
pub fn run(case: Case) -> Coverage {
    let clock = ManualClock::new();
    clock.advance(START);
    let runtime = Arc::new(Runtime::builder().clock(clock.clone()).build().unwrap());
    let named = case.queues.iter().zip(["first", "second"]);
    let queues: Vec<_> = named
        .map(|(setup, name)| build(&runtime, name, setup))
        .collect();
    let world = Arc::new(Mutex::new(World {
        reference: Reference::new(&case.queues, &case.hands, START.as_nanos() as u64),
        runtime: Arc::downgrade(&runtime),
        clock,
        producers: queues.iter().map(Queue::producer).collect(),
        queues: queues.clone(),
        ids: Vec::new(),
        handles: Vec::new(),
        tenants: HashMap::new(),
        living: Arc::default(),
        inside: None,
        steps: VecDeque::new(),
        wrong: None,
    }));
    for &hand in &case.hands {
        let world = world.clone();
        queues[hand]
            .workers(1, move |job| handle(&world, hand, job))
            .unwrap();
    }
    for action in case.actions {
        match action {
            Action::Call(call) => lock(&world).one(call),
            Action::Run(steps) => turn(&runtime, &world, None, steps),
            Action::Advance(by, steps) => turn(&runtime, &world, Some(by), steps),
        }
    }
    finish(runtime, world, case.inside, case.last_steps)
}

/// The handler of every queue.
fn handle(world: &Shared, queue: usize, job: &guichet::Job<'_, Item>) -> Result<usize, Failure> {
    let decided = {
        let mut world = lock(world);
        let decided = catch_unwind(AssertUnwindSafe(|| world.attempt(queue, job)));
        if let Err(panic) = &decided {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            world.wrong.get_or_insert(text.unwrap_or_default());
        }
        decided
    };
    match decided.unwrap_or(Verdict::Complete) {
        Verdict::Complete => Ok(job.payload().0),
        Verdict::Fail => Err(Failure::msg("told to fail")),
        Verdict::Discard => Err(Failure::discard("told to discard")),
        Verdict::Panic => resume_unwind(Box::new("told to panic")),
        Verdict::Snooze(pause) => Err(Failure::snooze(pause)),
        Verdict::Requeue => Err(Failure::requeue()),
    }
}

/// Lets the runtime run, and perhaps turn the clock.
fn turn(runtime: &Runtime, world: &Shared, by: Option<Duration>, steps: Vec<Step>) {
    let by = lock(world).begin(by, steps);
    match by {
        Some(by) => runtime.advance(by),
        None => runtime.run_until_idle(),
    }
    lock(world).is_idle();
}

fn finish(runtime: Arc<Runtime>, world: Shared, inside: bool, mut steps: Vec<Step>) -> Coverage {
    if inside {
        let op = Op::Shutdown;
        let verdict = steps.first().map_or(Verdict::Requeue, |step| step.verdict);
        let calls = vec![Call { queue: 0, op }];
        turn(
            &runtime,
            &world,
            None,
            vec![Step {
                calls,
                takes: Duration::ZERO,
                verdict,
            }],
        );
    }
    {
        let mut world = lock(&world);
        world.reference.drain();
        world.reference.cover("shutdown");
        world.begin(None, take(&mut steps));
    }
    let report = runtime.shutdown(Duration::from_secs(10));
    assert!(report.in_time);
    let mut ended = lock(&world);
    ended.is_quiet();
    ended.reference.stop_all();
    ended.check();
    for (queue, report) in report.queues.iter().enumerate() {
        assert_eq!(report.stats, ended.reference.stats(queue), "the report");
        assert_eq!(report.stats.live(), 0);
        ended.check_returned(queue);
        let way = [
            Way::TryAdd,
            Way::Add,
            Way::AddTimeout,
            Way::Submit,
            Way::Producer,
        ];
        way.into_iter().for_each(|way| ended.add(queue, way, None));
    }
    drop(ended);
    drop(runtime);
    let world = Arc::into_inner(world)
        .expect("no worker is left")
        .into_inner()
        .unwrap();
    let World {
        queues,
        producers,
        living,
        reference,
        ..
    } = world;
    drop((queues, producers));
    assert_eq!(Arc::strong_count(&living), 1, "payloads still alive");
    reference.coverage
}

impl World {
    // -------------------------------------------------------------------------------------- runs --

    fn begin(&mut self, by: Option<Duration>, steps: Vec<Step>) -> Option<Duration> {
        self.steps = steps.into();
        let by = match by {
            // The wheel wakes the runtime early now and then, and each look takes a turn of a weighted round.
            Some(by) if self.reference.lanes.iter().any(|lane| lane.is_weighted()) => {
                self.turn_clock(by);
                None
            }
            by => by,
        };
        self.reference.begin(by);
        self.reference.coverage.operation();
        self.reference.cover(if by.is_some() {
            "advance"
        } else {
            "run_until_idle"
        });
        by
    }

    fn is_quiet(&mut self) {
        if let Some(text) = &self.wrong {
            panic!("{text}");
        }
        if let Some(number) = self.reference.go_on() {
            panic!("job {number} should have started");
        }
    }

    fn is_idle(&mut self) {
        self.is_quiet();
        self.check();
    }

    /// One attempt: it must be the one that the reference expects next.
    fn attempt(&mut self, queue: usize, job: &guichet::Job<'_, Item>) -> Verdict {
        if self.wrong.is_some() {
            return Verdict::Complete;
        }
        let number = self
            .reference
            .go_on()
            .unwrap_or_else(|| panic!("job {} should not start", job.payload().0));
        let expected = &self.reference.jobs[number];
        let last = expected.tries >= expected.attempts;
        let expected = (
            number,
            expected.queue,
            self.ids[number],
            expected.tries,
            last,
            expected.priority,
        );
        let begun = (
            job.payload().0,
            queue,
            job.id(),
            job.attempt(),
            job.is_last_attempt(),
            job.priority(),
        );
        assert_eq!(
            begun, expected,
            "job, queue, id, attempt, whether it is the last, priority"
        );
        let closed = !self.reference.lanes[queue].is_open();
        assert_eq!(job.is_shutting_down(), closed, "whether it shuts down");
        self.inside = Some(queue);
        self.check();
        let step = self.steps.pop_front();
        let step = step.unwrap_or(Step {
            calls: Vec::new(),
            takes: Duration::ZERO,
            verdict: Verdict::Complete,
        });
        step.calls.into_iter().for_each(|call| self.one(call));
        let decided = self.reference.jobs[number].state != JobState::Active;
        assert_eq!(
            job.is_cancelled(),
            decided,
            "whether job {number} was decided over its handler's head"
        );
        self.turn_clock(step.takes);
        self.reference.settle(number, step.verdict);
        self.inside = None;
        step.verdict
    }

    fn turn_clock(&mut self, by: Duration) {
        self.clock.advance(by);
        self.reference.now = self.reference.after(by);
    }

    // ------------------------------------------------------------------------------------ checks --

    /// All that can be asked has the reference's answer.
    fn check(&mut self) {
        let now = Duration::from_nanos(self.reference.now);
        assert_eq!(self.clock.now(), now, "the clock");
        for number in 0..self.ids.len() {
            self.check_job(number);
        }
        for (queue, subject) in self.queues.iter().enumerate() {
            let seen = subject.stats();
            assert_eq!(seen, self.reference.stats(queue), "counts of queue {queue}");
            assert!(seen.is_balanced(), "{seen:?}");
        }
    }

    fn check_job(&mut self, number: usize) {
        let Job {
            queue, slot, state, ..
        } = self.reference.jobs[number];
        let expected = (self.tenants[&(queue, slot)].1 == number).then_some(state);
        assert_eq!(
            self.queues[queue].state(self.ids[number]),
            expected,
            "state of job {number}"
        );
        let Some(handle) = self.handles[number].take() else {
            return;
        };
        assert_eq!(
            handle.is_finished(),
            state.is_terminal(),
            "whether job {number} has ended"
        );
        if !state.is_terminal() {
            self.handles[number] = Some(handle);
            return;
        }
        let outcome = handle.wait();
        match (state, &outcome) {
            (JobState::Completed, Ok(value)) => assert_eq!(*value, number),
            (JobState::Dead, Err(JobError::Failed(_) | JobError::Expired))
            | (JobState::Cancelled, Err(JobError::Cancelled { .. }))
            | (JobState::Returned, Err(JobError::Returned)) => {}
            _ => panic!("job {number} is {state:?}, and its waiter hears {outcome:?}"),
        }
        self.reference.cover("an outcome");
    }

    fn check_returned(&mut self, queue: usize) {
        let jobs = self.reference.jobs.iter().enumerate();
        let returned =
            jobs.filter(|(_, job)| job.queue == queue && job.state == JobState::Returned);
        let expected: Vec<_> = returned
            .map(|(number, _)| (self.ids[number], number))
            .collect();
        let returned = self.queues[queue].take_returned();
        let mut returned: Vec<_> = returned
            .into_iter()
            .map(|(id, item)| (id, item.0))
            .collect();
        returned.sort_by_key(|(_, number)| *number);
        assert_eq!(returned, expected, "what queue {queue} returned");
        if !expected.is_empty() {
            self.reference.cover("take_returned");
        }
    }

    // ------------------------------------------------------------------------------- operations --

    fn one(&mut self, call: Call) {
        self.reference.coverage.operation();
        let queue = call.queue % self.queues.len();
        match call.op {
            Op::Add(way, terms) => self.add(queue, way, terms),
            Op::ProducerFlush => {
                self.producers[queue].flush();
                self.reference.cover("producer flush");
            }
            Op::AddMany { count, waits } => self.add_many(queue, count, waits),
            Op::Cancel(at) => self.with_job(queue, at, Self::cancel),
            Op::SetPriority(at, level) => self.with_job(queue, at, |world, queue, number| {
                world.set_priority(queue, number, level);
            }),
            Op::Promote(at) => self.with_job(queue, at, |world, queue, number| {
                let answer = world.queues[queue].promote(world.ids[number]);
                world.changed(queue, number, "promote", answer, |reference| {
                    reference.promote(number)
                });
            }),
            Op::Reschedule(at, delay) => self.with_job(queue, at, |world, queue, number| {
                let answer = world.queues[queue].reschedule(world.ids[number], delay);
                let change = |reference: &mut Reference| reference.reschedule(number, delay);
                world.changed(queue, number, "reschedule", answer, change);
            }),
            Op::State(at) => self.with_job(queue, at, |world, queue, number| {
                let seen = world.queues[queue].state(world.ids[number]);
                let gone = world.is_gone(queue, number);
                let expected = (!gone).then_some(world.reference.jobs[number].state);
                assert_eq!(seen, expected, "state of job {number}");
                world.reference.cover(if gone {
                    "state of a former tenant"
                } else {
                    "state"
                });
            }),
            // Compared after every operation.
            Op::Stats => self.reference.cover("stats"),
            Op::Turn(by) => {
                self.turn_clock(by);
                self.reference.cover(if self.inside.is_some() {
                    "turn inside"
                } else {
                    "turn"
                });
            }
            Op::Jump(by) => {
                let by = i128::from(by) * 1_000_000;
                self.reference.wall_ahead += by;
                let wall = self.clock.wall();
                let size = Duration::from_nanos(by.unsigned_abs() as u64);
                self.clock
                    .set_wall(if by < 0 { wall - size } else { wall + size });
                self.reference.cover("the wall clock jumps");
            }
            Op::RunInside => {
                if let (Some(_), Some(runtime)) = (self.inside, self.runtime.upgrade()) {
                    runtime.run_until_idle();
                    self.reference.cover("run inside");
                }
            }
            Op::Shutdown => self.shutdown_inside(),
        }
        self.check();
    }

    fn shutdown_inside(&mut self) {
        let Some(runtime) = self.runtime.upgrade() else {
            return;
        };
        let report = runtime.shutdown(Duration::from_secs(10));
        assert!(report.in_time);
        self.reference.stop_all();
        for (queue, report) in report.queues.iter().enumerate() {
            assert_eq!(report.stats, self.reference.stats(queue), "the report");
        }
        self.reference.cover("shutdown inside");
    }

    /// Does something to one of the known jobs, most often a live one of this queue.
    fn with_job(
        &mut self,
        queue: usize,
        at: usize,
        mut action: impl FnMut(&mut Self, usize, usize),
    ) {
        let own = |number: &usize| at % 16 == 15 || self.reference.jobs[*number].queue == queue;
        let live = |number: &usize| !self.reference.jobs[*number].state.is_terminal();
        let known: Vec<usize> = (0..self.ids.len()).filter(own).collect();
        let living: Vec<usize> = known.iter().copied().filter(live).collect();
        let among = if at.is_multiple_of(4) || living.is_empty() {
            known
        } else {
            living
        };
        if !among.is_empty() {
            action(self, queue, among[at % among.len()]);
        }
    }

    /// Whether this queue no longer, or never, had the job.
    fn is_gone(&self, queue: usize, number: usize) -> bool {
        let job = &self.reference.jobs[number];
        job.queue != queue || self.tenants[&(queue, job.slot)].1 != number
    }

    fn cancel(&mut self, queue: usize, number: usize) {
        let expected = !self.is_gone(queue, number) && self.reference.cancel(number);
        assert_eq!(
            self.queues[queue].cancel(self.ids[number]),
            expected,
            "cancel of job {number}"
        );
        if !expected {
            self.reference.cover("cancel in vain");
        }
    }

    fn set_priority(&mut self, queue: usize, number: usize, level: Level) {
        let priorities = self.reference.lanes[queue].priorities;
        let priority = level.of(priorities);
        let answer = self.queues[queue].set_priority(self.ids[number], priority);
        if priority == 0 || priority > priorities {
            assert!(matches!(answer, Err(ChangeError::Invalid(why)) if why.option() == "priority"));
            self.reference.cover("set_priority invalid");
            return;
        }
        let change = |reference: &mut Reference| reference.set_priority(number, priority);
        self.changed(queue, number, "set_priority", answer, change);
    }

    fn changed(
        &mut self,
        queue: usize,
        number: usize,
        what: &'static str,
        answer: Result<(), ChangeError>,
        change: impl FnOnce(&mut Reference) -> Result<(), JobState>,
    ) {
        let expected = match self.is_gone(queue, number) {
            true => Err(ChangeError::Gone),
            false => change(&mut self.reference).map_err(ChangeError::State),
        };
        assert_eq!(answer, expected, "{what} of job {number}");
        self.reference.cover(match expected {
            Ok(()) => what,
            Err(ChangeError::Gone) => "a change of a former tenant",
            Err(_) => "a change in the wrong state",
        });
    }

    // -------------------------------------------------------------------------------------- adds --

    fn item(&self, ahead: usize) -> Item {
        Item(self.ids.len() + ahead, self.living.clone())
    }

    fn items(&self, count: usize) -> Vec<Item> {
        (0..count).map(|ahead| self.item(ahead)).collect()
    }

    /// The job that these terms make; or the options that are wrong.
    fn job_of(&self, queue: usize, terms: &Terms) -> Result<Job, Vec<&'static str>> {
        let mut job = self.reference.plain(queue);
        let lane = &self.reference.lanes[queue];
        let mut wrong = Vec::new();
        if let Some(level) = terms.priority {
            job.priority = level.of(lane.priorities);
            if job.priority == 0 || job.priority > lane.priorities {
                wrong.push("priority");
            }
        }
        if let Some(deadline) = self.deadline_of(queue, terms) {
            job.deadline = self.reference.after(deadline);
            if lane.order != Order::Deadline {
                wrong.push("deadline");
            }
        }
        if let Some(attempts) = terms.attempts {
            job.attempts = attempts;
            if !(1..=1_000_000).contains(&attempts) {
                wrong.push("attempts");
            }
        }
        if let Some(pause) = terms.pause {
            job.pause = pause;
            if matches!(pause, Pause::Invalid) {
                wrong.push("jitter");
            }
        }
        job.lifo = terms.lifo;
        job.expires = terms.ttl.map(|ttl| self.reference.after(ttl));
        match terms.when {
            When::Now => {}
            When::Delay(delay) => {
                job.later = !delay.is_zero();
                job.due = self.reference.after(delay);
            }
            When::At(milliseconds) => {
                let ahead = i128::from(milliseconds) * 1_000_000;
                job.later = true;
                job.wall = Some(self.reference.wall() + ahead);
                job.due = (i128::from(self.reference.now) + ahead) as u64;
            }
        }
        if wrong.is_empty() {
            Ok(job)
        } else {
            Err(wrong)
        }
    }

    fn deadline_of(&self, queue: usize, terms: &Terms) -> Option<Duration> {
        let fits = self.reference.lanes[queue].order == Order::Deadline;
        terms.deadline.filter(|_| fits || terms.misfit)
    }

    fn builder<'a>(
        &self,
        queue: &'a Queue<Item, usize>,
        at: usize,
        terms: &Terms,
        item: Item,
    ) -> Builder<'a> {
        let mut builder = queue.job(item);
        if let Some(level) = terms.priority {
            builder = builder.priority(level.of(self.reference.lanes[at].priorities));
        }
        if terms.lifo {
            builder = builder.lifo();
        }
        if let Some(ttl) = terms.ttl {
            builder = builder.ttl(ttl);
        }
        if let Some(deadline) = self.deadline_of(at, terms) {
            builder = builder.deadline(deadline);
        }
        if let Some(attempts) = terms.attempts {
            builder = builder.attempts(attempts);
        }
        if let Some(pause) = terms.pause {
            builder = builder.backoff(pause.backoff());
        }
        match terms.when {
            When::Now => builder,
            When::Delay(delay) => builder.delay(delay),
            When::At(milliseconds) => {
                let size = Duration::from_millis(milliseconds.unsigned_abs());
                let wall = self.clock.wall();
                builder.at(if milliseconds < 0 {
                    wall - size
                } else {
                    wall + size
                })
            }
        }
    }

    /// Adds one job, or learns why not.
    fn add(&mut self, at: usize, mut way: Way, terms: Option<Terms>) {
        let job = match &terms {
            Some(terms) => self.job_of(at, terms),
            None => Ok(self.reference.plain(at)),
        };
        let expected = match &job {
            Err(wrong) => Some(No::Invalid(wrong.clone())),
            Ok(_) if !self.reference.lanes[at].is_open() => Some(No::Closed),
            Ok(job) => self.no_room(at, job.later, &mut way),
        };
        let (item, queue) = (self.item(0), self.queues[at].clone());
        let number = item.0;
        let taken = match (&terms, way) {
            (Some(terms), _) => {
                let builder = self.builder(&queue, at, terms, item);
                match way {
                    Way::TryAdd => of_try(builder.try_add()),
                    Way::AddTimeout => of_timeout(builder.add_timeout(Duration::ZERO)),
                    Way::Submit => of_submit(builder.submit()),
                    Way::Add | Way::Producer => builder.add().map(|id| (id, None)).map_err(of_add),
                }
            }
            (None, Way::TryAdd) => of_try(queue.try_add(item)),
            (None, Way::AddTimeout) => of_timeout(queue.add_timeout(item, Duration::ZERO)),
            (None, Way::Submit) => of_submit(queue.submit(item)),
            (None, Way::Add) => queue.add(item).map(|id| (id, None)).map_err(of_add),
            (None, Way::Producer) => self.producers[at]
                .add(item)
                .map(|id| (id, None))
                .map_err(of_add),
        };
        match (taken, expected) {
            (Ok((id, handle)), None) => {
                let job = job.expect("its terms are valid");
                self.cover_added(way, &terms);
                self.admitted(job, id, handle);
            }
            (Err((no, item)), Some(expected)) => {
                assert_eq!(item.0, number, "the payload");
                match (&no, &expected) {
                    (No::Invalid(seen), No::Invalid(wrong)) => {
                        assert!(wrong.contains(&seen[0]), "{seen:?}, not {wrong:?}")
                    }
                    _ => assert_eq!(no, expected),
                }
                self.reference.cover(no.name());
            }
            (Ok((id, _)), Some(expected)) => panic!("job {id} was accepted, not {expected:?}"),
            (Err((no, _)), None) => panic!("refused: {no:?}"),
        }
    }

    fn cover_added(&mut self, way: Way, terms: &Option<Terms>) {
        self.reference.cover(match way {
            Way::TryAdd => "try_add",
            Way::Add => "add",
            Way::AddTimeout => "add_timeout",
            Way::Submit => "submit",
            Way::Producer => "producer add",
        });
        let Some(terms) = terms else {
            return;
        };
        let asked = [
            ("priority", terms.priority.is_some()),
            ("lifo", terms.lifo),
            ("delay", matches!(terms.when, When::Delay(_))),
            ("at", matches!(terms.when, When::At(_))),
            ("ttl", terms.ttl.is_some()),
            ("deadline", terms.deadline.is_some()),
            ("attempts", terms.attempts.is_some()),
            ("backoff", terms.pause.is_some()),
        ];
        let asked = asked.into_iter().filter(|(_, asked)| *asked);
        asked.for_each(|(option, _)| self.reference.cover(option));
    }

    /// How an open queue refuses a job for want of a slot. Nobody else would make room for one that waits.
    fn no_room(&mut self, queue: usize, later: bool, way: &mut Way) -> Option<No> {
        if self.reference.claim(queue, later, 1) {
            return None;
        }
        if later {
            self.reference.cover("no slot for a delayed job");
        }
        if *way == Way::TryAdd {
            let waiting = self.reference.count(queue, JobState::Waiting) as usize;
            let room = self.reference.lanes[queue].rooms[usize::from(later)];
            let active = room.saturating_sub(waiting);
            return Some(No::Full { waiting, active });
        }
        if self.inside == Some(queue) {
            return Some(No::WouldDeadlock);
        }
        *way = Way::AddTimeout;
        Some(No::Timeout)
    }

    fn add_many(&mut self, at: usize, count: usize, waits: bool) {
        let lane = &self.reference.lanes[at];
        let (capacity, open) = (lane.rooms[0], lane.is_open());
        let own = self.inside == Some(at);
        let mut waits = waits;
        let expected = if count > capacity {
            Some(No::TooMany)
        } else if !open {
            Some(No::Closed)
        } else if self.reference.claim(at, false, count) {
            None
        } else if waits && own {
            Some(No::WouldDeadlock)
        } else {
            waits = false;
            Some(No::Full {
                waiting: 0,
                active: 0,
            })
        };
        let (items, queue) = (self.items(count), &self.queues[at]);
        let answer = match waits {
            true => queue.add_many(items).map_err(|error| match error {
                AddManyError::TooMany { payloads, .. } => (No::TooMany, payloads),
                AddManyError::Closed(items) => (No::Closed, items),
                AddManyError::WouldDeadlock(items) => (No::WouldDeadlock, items),
                _ => panic!("an unknown refusal"),
            }),
            false => queue.try_add_many(items).map_err(|error| match error {
                TryAddManyError::TooMany { payloads, .. } => (No::TooMany, payloads),
                TryAddManyError::Closed(items) => (No::Closed, items),
                TryAddManyError::Full(items) => (
                    No::Full {
                        waiting: 0,
                        active: 0,
                    },
                    items,
                ),
                _ => panic!("an unknown refusal"),
            }),
        };
        match (answer, expected) {
            (Ok(ids), None) => {
                assert_eq!(ids.len(), count);
                self.reference
                    .cover(if waits { "add_many" } else { "try_add_many" });
                ids.into_iter()
                    .for_each(|id| self.admitted(self.reference.plain(at), id, None));
            }
            (Err((no, items)), Some(expected)) => {
                let numbers = items.iter().map(|item| item.0);
                assert!(
                    numbers.eq(self.ids.len()..self.ids.len() + count),
                    "the payloads"
                );
                assert_eq!(no, expected);
                self.reference.cover(if waits {
                    "add_many refused"
                } else {
                    "try_add_many refused"
                });
                self.reference.cover(no.name());
            }
            (Ok(_), Some(expected)) => panic!("{count} jobs were accepted, not {expected:?}"),
            (Err((no, _)), None) => panic!("{count} jobs were refused: {no:?}"),
        }
    }

    /// A job was accepted under this name.
    fn admitted(&mut self, mut job: Job, id: JobId, handle: Option<Handle>) {
        let text = id.to_string();
        let mut parts = text
            .split(':')
            .skip(1)
            .map(|part| part.parse::<u64>().unwrap());
        let (slot, occupancy) = (parts.next().unwrap() as u32, parts.next().unwrap());
        let number = self.ids.len();
        let before = self.tenants.insert((job.queue, slot), (occupancy, number));
        let (former, _) = before.unwrap_or_default();
        assert_eq!(occupancy, former + 1, "slot {slot}");
        if let Some((_, former)) = before {
            let state = self.reference.jobs[former].state;
            assert!(
                state.is_terminal(),
                "slot {slot} was taken from job {former}, which is {state:?}"
            );
        }
        job.slot = slot;
        self.reference.admit(job);
        self.ids.push(id);
        self.handles.push(handle);
    }
}
