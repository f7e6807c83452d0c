//! What a case consists of, and how cases are drawn.

use std::time::Duration;

use guichet::{Backoff, Order, Policy};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

/// Pauses between attempts, as a case names them.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    None,
    Fixed(Duration),
    Exponential(Duration),
    /// With a jitter that every builder refuses.
    Invalid,
}

impl Pause {
    pub fn backoff(self) -> Backoff {
        match self {
            Pause::None => Backoff::none(),
            Pause::Fixed(pause) => Backoff::fixed(pause),
            Pause::Exponential(base) => Backoff::exponential(base),
            Pause::Invalid => Backoff::none().jitter(1.5),
        }
    }
}

/// A priority, whatever their number.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    Valid(usize),
    Zero,
    TooHigh,
}

impl Level {
    pub fn of(self, priorities: u32) -> u32 {
        let most = priorities;
        match self {
            Level::Valid(pick) if most <= 8 => 1 + pick as u32 % most,
            Level::Valid(pick) => [1, 2, 3, 5, most / 2, most / 2 + 1, most - 1, most][pick % 8],
            Level::TooHigh if most < u32::MAX => most + 1,
            Level::Zero | Level::TooHigh => 0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum When {
    Now,
    Delay(Duration),
    /// On the wall clock, so many milliseconds from now.
    At(i64),
}

#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub priority: Option<Level>,
    pub lifo: bool,
    pub when: When,
    pub ttl: Option<Duration>,
    pub deadline: Option<Duration>,
    /// Asks for the deadline though the queue may not be ordered by it.
    pub misfit: bool,
    pub attempts: Option<u32>,
    pub pause: Option<Pause>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    TryAdd,
    Add,
    AddTimeout,
    Submit,
    /// Not for a job with terms of its own.
    Producer,
}

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Add(Way, Option<Terms>),
    ProducerFlush,
    AddMany {
        count: usize,
        waits: bool,
    },
    Cancel(usize),
    SetPriority(usize, Level),
    Promote(usize),
    Reschedule(usize, Duration),
    State(usize),
    Stats,
    /// Turns the clock behind the runtime's back.
    Turn(Duration),
    /// Makes the wall clock jump, by so many milliseconds.
    Jump(i64),
    /// Asks for a run from where none may begin: inside a handler.
    RunInside,
    /// Ends the runtime from inside a handler.
    Shutdown,
}

/// An operation on one of the queues.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub queue: usize,
    pub op: Op,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Complete,
    Fail,
    Discard,
    Panic,
    Snooze(Duration),
    Requeue,
}

/// What one attempt does.
#[derive(Clone, Debug)]
pub struct Step {
    pub calls: Vec<Call>,
    /// How long it takes, by the runtime's clock.
    pub takes: Duration,
    pub verdict: Verdict,
}

#[derive(Clone, Debug)]
pub enum Action {
    Call(Call),
    /// `run_until_idle`; attempts beyond the steps complete at once.
    Run(Vec<Step>),
    Advance(Duration, Vec<Step>),
}

#[derive(Clone, Copy, Debug)]
pub struct QueueSetup {
    pub ranking: (Order, Policy),
    pub default_priority: Option<usize>,
    pub capacity: usize,
    pub delayed_capacity: usize,
    pub attempts: u32,
    pub pause: Pause,
    pub prefetch: usize,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub queues: Vec<QueueSetup>,
    /// Which queues get workers, in this order.
    pub hands: Vec<usize>,
    pub actions: Vec<Action>,
    /// Whether shutdown begins inside a handler, if one can be had.
    pub inside: bool,
    pub last_steps: Vec<Step>,
}

fn milliseconds() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0..4_u64).prop_map(Duration::from_millis),
        4 => (0..12_u64).prop_map(Duration::from_millis),
        1 => (0..40_u64).prop_map(|tenths| Duration::from_millis(100 * tenths)),
        1 => (0..3_u64).prop_map(|days| Duration::from_secs(24 * 3600 * days) + Duration::from_nanos(1)),
    ]
}

fn pause() -> impl Strategy<Value = Pause> {
    prop_oneof![
        2 => Just(Pause::None),
        2 => milliseconds().prop_map(Pause::Fixed),
        2 => milliseconds().prop_map(Pause::Exponential),
    ]
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        14 => (0..8_usize).prop_map(Level::Valid),
        1 => Just(Level::Zero),
        1 => Just(Level::TooHigh),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let when = prop_oneof![
        4 => Just(When::Now),
        4 => milliseconds().prop_map(When::Delay),
        2 => (-3..12_i64).prop_map(When::At),
    ];
    let attempts = prop_oneof![10 => 1..=3_u32, 1 => Just(0), 1 => Just(1_000_001)];
    let own_pause = prop_oneof![10 => pause(), 1 => Just(Pause::Invalid)];
    (
        weighted(0.7, level()),
        any::<bool>(),
        when,
        weighted(0.35, milliseconds()),
        weighted(0.7, milliseconds()),
        prop::bool::weighted(0.04),
        weighted(0.3, attempts),
        weighted(0.3, own_pause),
    )
        .prop_map(
            |(priority, lifo, when, ttl, deadline, misfit, attempts, pause)| Terms {
                priority,
                lifo,
                when,
                ttl,
                deadline,
                misfit,
                attempts,
                pause,
            },
        )
}

fn op() -> impl Strategy<Value = Op> {
    let way = || {
        prop_oneof![
            3 => Just(Way::TryAdd),
            1 => Just(Way::Add),
            1 => Just(Way::AddTimeout),
            2 => Just(Way::Submit),
        ]
    };
    let job = || 0..64_usize;
    prop_oneof![
        8 => (way(), terms()).prop_map(|(way, terms)| Op::Add(way, Some(terms))),
        3 => way().prop_map(|way| Op::Add(way, None)),
        1 => Just(Op::Add(Way::Producer, None)),
        1 => Just(Op::ProducerFlush),
        2 => (0..8_usize, any::<bool>()).prop_map(|(count, waits)| Op::AddMany { count, waits }),
        3 => job().prop_map(Op::Cancel),
        5 => (job(), level()).prop_map(|(job, level)| Op::SetPriority(job, level)),
        2 => job().prop_map(Op::Promote),
        2 => (job(), milliseconds()).prop_map(|(job, delay)| Op::Reschedule(job, delay)),
        1 => job().prop_map(Op::State),
        1 => Just(Op::Stats),
        3 => milliseconds().prop_map(Op::Turn),
        1 => (-12..4_i64).prop_map(Op::Jump),
        1 => Just(Op::RunInside),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    (0..2_usize, op()).prop_map(|(queue, op)| Call { queue, op })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Complete),
        5 => Just(Verdict::Fail),
        1 => Just(Verdict::Discard),
        1 => Just(Verdict::Panic),
        2 => milliseconds().prop_map(Verdict::Snooze),
        3 => Just(Verdict::Requeue),
    ];
    let takes = prop_oneof![1 => Just(Duration::ZERO), 1 => milliseconds()];
    let step = (vec(call(), 0..3), takes, verdict);
    let step = step.prop_map(|(calls, takes, verdict)| Step {
        calls,
        takes,
        verdict,
    });
    vec(step, 0..6)
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => call().prop_map(Action::Call),
        2 => steps().prop_map(Action::Run),
        2 => (milliseconds(), steps()).prop_map(|(by, steps)| Action::Advance(by, steps)),
    ]
}

fn ranking() -> impl Strategy<Value = (Order, Policy)> {
    let per = || {
        prop_oneof![
            (1..6_u64).prop_map(Duration::from_millis),
            Just(Duration::from_secs(1))
        ]
    };
    let aging = || per().prop_map(|per| Policy::Aging { per });
    let heap = || prop_oneof![2 => 1..12_u32, 1 => Just(1 << 20), 1 => Just((1 << 20) + 1), 1 => Just(u32::MAX)];
    prop_oneof![
        2 => Just((Order::Fifo, Policy::Strict)),
        4 => (1..=40_u32).prop_map(|levels| (Order::Bands(levels), Policy::Strict)),
        1 => Just((Order::Bands(1024), Policy::Strict)),
        2 => (1..=40_u32, aging()).prop_map(|(levels, policy)| (Order::Bands(levels), policy)),
        2 => (1..=12_u32).prop_map(|levels| (Order::Bands(levels), Policy::Weighted)),
        3 => heap().prop_map(|levels| (Order::Heap(levels), Policy::Strict)),
        2 => (heap(), aging()).prop_map(|(levels, policy)| (Order::Heap(levels), policy)),
        2 => Just((Order::Deadline, Policy::Strict)),
    ]
}

fn queue() -> impl Strategy<Value = QueueSetup> {
    (
        ranking(),
        weighted(0.3, 0..8_usize),
        1..=6_usize,
        1..=4_usize,
        1..=3_u32,
        pause(),
        prop_oneof![Just(1), Just(32)],
    )
        .prop_map(
            |(ranking, default_priority, capacity, delayed_capacity, attempts, pause, prefetch)| {
                QueueSetup {
                    ranking,
                    default_priority,
                    capacity,
                    delayed_capacity,
                    attempts,
                    pause,
                    prefetch,
                }
            },
        )
}

pub fn cases() -> impl Strategy<Value = Case> {
    let hands = prop_oneof![
        5 => Just(vec![0, 1]),
        3 => Just(vec![1, 0]),
        3 => Just(vec![0, 0, 1]),
        1 => Just(vec![0]),
        1 => Just(vec![]),
    ];
    (
        prop_oneof![1 => vec(queue(), 1..=1), 2 => vec(queue(), 2..=2)],
        hands,
        vec(action(), 1..50),
        prop::bool::weighted(0.3),
        steps(),
    )
        .prop_map(|(queues, hands, actions, inside, last_steps)| Case {
            hands: hands
                .into_iter()
                .filter(|hand| *hand < queues.len())
                .collect(),
            queues,
            actions,
            inside,
            last_steps,
        })
}
