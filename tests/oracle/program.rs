//! What a program consists of, and how programs are drawn.

use std::fmt;
use std::time::Duration;

use guichet::{Backoff, Failure, FailureKind};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// Pauses between attempts.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    None,
    Fixed(Duration),
    Exponential(Duration),
}

impl Pause {
    pub fn backoff(self) -> Backoff {
        match self {
            Pause::None => Backoff::none(),
            Pause::Fixed(pause) => Backoff::fixed(pause),
            Pause::Exponential(base) => Backoff::exponential(base),
        }
    }
}

/// How many records are kept, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Shelf {
    pub most: usize,
    pub age: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
pub enum Ranks {
    Fifo,
    Bands(u32),
    Heap(u32),
}

/// A queue's options.
#[derive(Clone, Debug)]
pub struct Setup {
    pub ranks: Ranks,
    pub capacity: usize,
    pub delayed_capacity: usize,
    pub attempts: u32,
    pub pause: Pause,
    /// A predicate and a backoff of the user's own: see [`Fail`].
    pub custom: bool,
    pub timeout: Option<Duration>,
    pub overlap_after: Option<Duration>,
    pub delivery_limit: u32,
    pub single_active: bool,
    pub keep_completed: Shelf,
    pub keep_failed: Shelf,
    pub keep_results: Option<usize>,
    pub log_lines: usize,
    pub event_capacity: usize,
}

/// One job's own options.
#[derive(Clone, Copy, Default)]
pub struct Terms {
    pub priority: Option<u32>,
    pub lifo: bool,
    pub delay: Option<Duration>,
    pub ttl: Option<Duration>,
    pub attempts: Option<u32>,
    pub pause: Option<Pause>,
    pub timeout: Option<Duration>,
    pub keep_completed: Option<bool>,
    pub keep_failed: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    TryAdd,
    Add,
    AddTimeout,
    Submit,
    /// Without terms only, and with no time to wait for the result.
    Call,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    Try,
    /// Without an end; only done when there is a job to be had.
    Wait,
    Timeout,
    Many(usize),
}

/// How an attempt fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fail {
    Plain,
    /// The queue's predicate, if it has one, refuses another attempt.
    Fatal,
    /// The queue's own backoff refuses it.
    Final,
    /// The queue's own functions panic.
    Broken,
    After(Duration),
    Discard,
    Snooze(Duration),
    Requeue,
    Limited(Duration),
}

pub const FATAL: &str = "fatal";
pub const FINAL: &str = "final";
pub const BROKEN: &str = "broken";
/// What the queue's own backoff says otherwise.
pub const OWN_PAUSE: Duration = Duration::from_millis(5);

impl Fail {
    pub fn failure(self) -> Failure {
        match self {
            Fail::Plain => std::io::Error::other("plain").into(),
            Fail::Fatal => Failure::msg(FATAL),
            Fail::Final => Failure::msg(FINAL),
            Fail::Broken => Failure::msg(BROKEN),
            Fail::After(pause) => Failure::retry("after").after(pause),
            Fail::Discard => Failure::discard("discard"),
            Fail::Snooze(pause) => Failure::snooze(pause),
            Fail::Requeue => Failure::requeue(),
            Fail::Limited(pause) => Failure::rate_limited(pause),
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Fail::Plain => "plain",
            Fail::Fatal => FATAL,
            Fail::Final => FINAL,
            Fail::Broken => BROKEN,
            Fail::After(_) => "after",
            Fail::Discard => "discard",
            Fail::Snooze(_) => "snooze",
            Fail::Requeue => "requeue",
            Fail::Limited(_) => "rate limited",
        }
    }

    pub fn kind(self) -> FailureKind {
        match self {
            Fail::Discard => FailureKind::Discard,
            Fail::Snooze(_) => FailureKind::Snooze,
            Fail::Requeue => FailureKind::Requeue,
            Fail::Limited(_) => FailureKind::RateLimited,
            _ => FailureKind::Error,
        }
    }
}

/// What the holder of a lease says of it at last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Say {
    Complete,
    Fail(Fail),
    Requeue,
    DeadLetter,
    /// Nothing: drops it.
    Drop,
    /// Nothing: drops it in a panic.
    Panic,
}

impl Say {
    pub fn name(self) -> String {
        match self {
            Say::Complete => "complete".to_owned(),
            Say::Fail(fail) => format!("fail: {}", fail.text()),
            Say::Requeue => "requeue".to_owned(),
            Say::DeadLetter => "dead_letter".to_owned(),
            Say::Drop => "drop".to_owned(),
            Say::Panic => "panic".to_owned(),
        }
    }
}

/// Numbers of jobs, leases, consumers and listeners are taken modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Add(Way, Option<Terms>),
    AddMany {
        count: usize,
        waits: bool,
    },
    Lease {
        consumer: Option<usize>,
        how: How,
    },
    Settle(usize, Say),
    Log(usize),
    Progress(usize),
    Extend(usize, Duration),
    /// Asks a lease whatever can be asked, and how it stands.
    Look(usize),
    Enter {
        priority: i32,
        prefetch: Option<usize>,
    },
    Leave(usize),
    Cancel {
        job: usize,
        because: bool,
    },
    CancelAll,
    SetPriority(usize, u32),
    Promote(usize),
    Reschedule(usize, Duration),
    Pause,
    Resume,
    Hold(Duration),
    /// Only letters whose number has this remainder by 2, if one is given.
    Redrive {
        remainder: Option<usize>,
        limit: Option<usize>,
        rate: Option<Duration>,
    },
    TakeUnsent,
    Listen,
    Hear(usize),
    Deafen(usize),
    ForgetEnded,
    Detach(usize),
    Run,
    Advance(Duration),
    /// Turns the clock behind the runtime's back.
    Turn(Duration),
    /// Compares all that can be asked, and not only states and counts.
    LookAround,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Side {
    Main,
    Dead,
}

#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub side: Side,
    pub op: Op,
}

#[derive(Clone)]
pub struct Program {
    pub main: Setup,
    /// A queue for dead letters, if there is one.
    pub dead: Option<Setup>,
    pub calls: Vec<Call>,
    /// Whether leases are settled before shutdown.
    pub tidy: bool,
}

/// One call a line.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "main: {:?}", self.main)?;
        if let Some(dead) = &self.dead {
            writeln!(f, "dead: {dead:?}")?;
        }
        for Call { side, op } in &self.calls {
            writeln!(f, "{side:?}: {op:?}")?;
        }
        let end = if self.tidy { "settles all, " } else { "" };
        write!(f, "{end}shuts down")
    }
}

/// Only what was asked for.
impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Terms");
        if self.lifo {
            shown.field("lifo", &true);
        }
        let fields: [(&str, Option<&dyn fmt::Debug>); 8] = [
            ("priority", self.priority.as_ref().map(|it| it as _)),
            ("delay", self.delay.as_ref().map(|it| it as _)),
            ("ttl", self.ttl.as_ref().map(|it| it as _)),
            ("attempts", self.attempts.as_ref().map(|it| it as _)),
            ("pause", self.pause.as_ref().map(|it| it as _)),
            ("timeout", self.timeout.as_ref().map(|it| it as _)),
            (
                "keep_completed",
                self.keep_completed.as_ref().map(|it| it as _),
            ),
            ("keep_failed", self.keep_failed.as_ref().map(|it| it as _)),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                shown.field(name, value);
            }
        }
        shown.finish_non_exhaustive()
    }
}

fn ms() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0..6_u64).prop_map(Duration::from_millis),
        3 => (0..20_u64).prop_map(Duration::from_millis),
        1 => (0..3_u64).prop_map(|hours| Duration::from_secs(3600 * hours)),
    ]
}

fn some_ms() -> impl Strategy<Value = Duration> {
    (1..10_u64).prop_map(Duration::from_millis)
}

fn pause() -> impl Strategy<Value = Pause> {
    prop_oneof![
        2 => Just(Pause::None),
        1 => some_ms().prop_map(Pause::Fixed),
        1 => some_ms().prop_map(Pause::Exponential),
    ]
}

fn shelf() -> impl Strategy<Value = Shelf> {
    let most = prop_oneof![2 => 0..4_usize, 1 => Just(1000)];
    (most, weighted(0.5, some_ms())).prop_map(|(most, age)| Shelf { most, age })
}

fn setup(capacities: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Setup> {
    let ranks = prop_oneof![
        2 => Just(Ranks::Fifo),
        1 => Just(Ranks::Bands(3)),
        1 => Just(Ranks::Heap(3)),
    ];
    let attempts = (1..=3_u32, pause(), prop::bool::weighted(0.4));
    let time = (weighted(0.5, some_ms()), weighted(0.4, ms()));
    let leases = (0..=3_u32, prop::bool::weighted(0.25));
    let records = (shelf(), shelf(), weighted(0.7, 0..4_usize), 0..3_usize);
    let events = prop_oneof![Just(2_usize), Just(8), Just(1024)];
    (
        (ranks, capacities, 1..=3_usize),
        attempts,
        time,
        leases,
        records,
        events,
    )
        .prop_map(
            |(shape, attempts, time, leases, records, event_capacity)| Setup {
                ranks: shape.0,
                capacity: shape.1,
                delayed_capacity: shape.2,
                attempts: attempts.0,
                pause: attempts.1,
                custom: attempts.2,
                timeout: time.0,
                overlap_after: time.1,
                delivery_limit: leases.0,
                single_active: leases.1,
                keep_completed: records.0,
                keep_failed: records.1,
                keep_results: records.2,
                log_lines: records.3,
                event_capacity,
            },
        )
}

fn terms() -> impl Strategy<Value = Terms> {
    (
        weighted(0.6, 1..=3_u32),
        prop::bool::weighted(0.3),
        weighted(0.4, ms()),
        weighted(0.3, ms()),
        weighted(0.4, 1..=3_u32),
        weighted(0.3, pause()),
        weighted(0.4, some_ms()),
        weighted(0.3, any::<bool>()),
        weighted(0.3, any::<bool>()),
    )
        .prop_map(
            |(
                priority,
                lifo,
                delay,
                ttl,
                attempts,
                pause,
                timeout,
                keep_completed,
                keep_failed,
            )| {
                Terms {
                    priority,
                    lifo,
                    delay,
                    ttl,
                    attempts,
                    pause,
                    timeout,
                    keep_completed,
                    keep_failed,
                }
            },
        )
}

fn say() -> impl Strategy<Value = Say> {
    let fail = prop_oneof![
        4 => Just(Fail::Plain),
        1 => Just(Fail::Fatal),
        1 => Just(Fail::Final),
        1 => Just(Fail::Broken),
        1 => ms().prop_map(Fail::After),
        1 => Just(Fail::Discard),
        2 => ms().prop_map(Fail::Snooze),
        1 => Just(Fail::Requeue),
        1 => ms().prop_map(Fail::Limited),
    ];
    prop_oneof![
        3 => Just(Say::Complete),
        6 => fail.prop_map(Say::Fail),
        1 => Just(Say::Requeue),
        2 => Just(Say::DeadLetter),
        3 => Just(Say::Drop),
        1 => Just(Say::Panic),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let way = || {
        prop_oneof![
            3 => Just(Way::TryAdd),
            1 => Just(Way::Add),
            1 => Just(Way::AddTimeout),
            3 => Just(Way::Submit),
            1 => Just(Way::Call),
        ]
    };
    let how = prop_oneof![
        5 => Just(How::Try),
        2 => Just(How::Wait),
        1 => Just(How::Timeout),
        2 => (0..4_usize).prop_map(How::Many),
    ];
    let job = || 0..64_usize;
    let at = || 0..8_usize;
    let adds = prop_oneof![
        3 => (way(), terms()).prop_map(|(way, terms)| Op::Add(way, Some(terms))),
        4 => way().prop_map(|way| Op::Add(way, None)),
        1 => (0..5_usize, any::<bool>()).prop_map(|(count, waits)| Op::AddMany { count, waits }),
    ];
    let leases = prop_oneof![
        9 => (weighted(0.4, at()), how).prop_map(|(consumer, how)| Op::Lease { consumer, how }),
        8 => (at(), say()).prop_map(|(at, say)| Op::Settle(at, say)),
        1 => at().prop_map(Op::Log),
        1 => at().prop_map(Op::Progress),
        1 => (at(), ms()).prop_map(|(at, more)| Op::Extend(at, more)),
        1 => at().prop_map(Op::Look),
        1 => (-1..=1, weighted(0.6, 0..3_usize))
            .prop_map(|(priority, prefetch)| Op::Enter { priority, prefetch }),
        1 => at().prop_map(Op::Leave),
    ];
    let changes = prop_oneof![
        4 => (job(), any::<bool>()).prop_map(|(job, because)| Op::Cancel { job, because }),
        1 => Just(Op::CancelAll),
        2 => (job(), 0..=4_u32).prop_map(|(job, priority)| Op::SetPriority(job, priority)),
        2 => job().prop_map(Op::Promote),
        2 => (job(), ms()).prop_map(|(job, delay)| Op::Reschedule(job, delay)),
        1 => Just(Op::Pause),
        2 => Just(Op::Resume),
        3 => ms().prop_map(Op::Hold),
        2 => (weighted(0.5, 0..2_usize), weighted(0.5, 0..3_usize), weighted(0.3, ms()))
            .prop_map(|(remainder, limit, rate)| Op::Redrive { remainder, limit, rate }),
        1 => Just(Op::TakeUnsent),
    ];
    let looks = prop_oneof![
        1 => Just(Op::Listen),
        2 => at().prop_map(Op::Hear),
        1 => at().prop_map(Op::Deafen),
        1 => Just(Op::ForgetEnded),
        1 => job().prop_map(Op::Detach),
        4 => Just(Op::LookAround),
    ];
    let time = prop_oneof![
        2 => Just(Op::Run),
        3 => ms().prop_map(Op::Advance),
        2 => ms().prop_map(Op::Turn),
    ];
    // Boxed: a union moves all its alternatives about for each value that it draws.
    prop_oneof![
        7 => adds.boxed(),
        14 => leases.boxed(),
        5 => changes.boxed(),
        3 => looks.boxed(),
        4 => time.boxed(),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let side = prop_oneof![2 => Just(Side::Main), 1 => Just(Side::Dead)];
    (side, op()).prop_map(|(side, op)| Call { side, op })
}

pub fn programs() -> impl Strategy<Value = Program> {
    (
        setup(1..=5),
        weighted(0.7, setup(1..=3)),
        vec(call(), 1..110),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(main, dead, calls, tidy)| Program {
            main,
            dead,
            calls,
            tidy,
        })
}
