//! A model program: a prelude, and two to four actors of one or two operations each. It is drawn
//! from a cell, which is a pair or a triple of operations, and a seed; the same cell and seed make
//! the same program.

use std::fmt;
use std::str::FromStr;

use guichet::Order;

use super::operation::{Cell, Op};

/// What there is when the actors begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prelude {
    Empty,
    Waiting,
    /// Jobs wait, and one that was cancelled has its ticket among theirs.
    Cancelled,
    /// Delayed jobs, the first in a slot whose former tenant's timer is left.
    Delayed,
    /// One of the waiting jobs is leased.
    Leased,
    /// A job has timed out, and its handler is running still.
    TimedOut,
    Full,
}

impl Prelude {
    const ALL: [Prelude; 7] = [
        Prelude::Empty,
        Prelude::Waiting,
        Prelude::Cancelled,
        Prelude::Delayed,
        Prelude::Leased,
        Prelude::TimedOut,
        Prelude::Full,
    ];
}

/// What a handler says of a job's first attempt; it completes all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    Retry,
    Snooze,
    Requeue,
    Discard,
    RateLimited,
}

/// One operation of an actor: on the job number `target`, if it is on one, counted among those that
/// are known then; `value` is a priority.
#[derive(Clone, Copy)]
pub struct Step {
    pub op: Op,
    pub target: usize,
    pub value: u32,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Op::*;
        write!(f, "{:?}", self.op)?;
        match self.op {
            Cancel | CancelBecause | Promote | Reschedule => write!(f, "(job {})", self.target),
            SetPriority => write!(f, "(job {}, {})", self.target, self.value),
            _ => Ok(()),
        }
    }
}

/// A program. Each part is drawn, not multiplied.
#[derive(Clone)]
pub struct Program {
    pub cell: Cell,
    pub seed: u64,
    pub shape: Shape,
    pub actors: Vec<Vec<Step>>,
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub order: Order,
    pub prelude: Prelude,
    /// How many jobs there are in the prelude.
    pub jobs: usize,
    pub capacity: usize,
    pub delayed_capacity: usize,
    pub workers: usize,
    /// They begin before there are jobs, and may sleep when these come.
    pub early: bool,
    pub prefetch: usize,
    pub attempts: u32,
    pub verdict: Verdict,
    /// Handlers return once the gate is open.
    pub gated: bool,
    /// So do destructors of payloads.
    pub clinging: bool,
    /// The prelude's jobs have a time to live.
    pub mortal: bool,
    /// Their attempts have a time-out, and this many workers that are stuck then are replaced.
    pub timed: Option<usize>,
    pub heard: bool,
    /// Dead letters go to a queue of their own.
    pub letters: bool,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "MATRIX_PROGRAM={:?}/{}", self.cell, self.seed)?;
        writeln!(f, "  {:?}", self.shape)?;
        write!(f, "  actors: {:?}", self.actors)
    }
}

impl FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (cell, seed) = text.split_once('/').ok_or("expected OP,OP/SEED")?;
        let seed = seed.trim().parse().map_err(|_| "the seed is a number")?;
        Ok(Program::draw(&cell.parse()?, seed))
    }
}

impl Program {
    pub fn draw(cell: &Cell, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        // In half of the programs, all are about one job.
        let common = dice.one_in(2).then(|| dice.below(3));
        let step = |op, dice: &mut Dice| Step {
            op,
            target: common.unwrap_or_else(|| dice.below(3)),
            value: 1 + dice.below(3) as u32,
        };
        let actor_of = |op: &&Op| **op != Op::Work;
        let mut actors: Vec<Vec<Step>> = Vec::new();
        for op in cell.0.iter().filter(actor_of) {
            let mut actor = vec![step(*op, &mut dice)];
            if dice.one_in(3) {
                let second = dice.pick(Op::ALL);
                // What comes after a wait may come after the main thread has ended all pauses.
                let halts = op.waits() && matches!(second, Op::Pause | Op::Hold);
                if !halts && !matches!(second, Op::Shutdown | Op::Work) {
                    actor.push(step(second, &mut dice));
                }
            }
            actors.push(actor);
        }
        let mut workers = dice.below(3);
        let looks = cell.0.iter().any(|op| op.looks_for_work());
        if cell.0.contains(&Op::Work) {
            workers = 1 + dice.below(2);
        } else if !looks && workers == 0 {
            let way = dice.pick(&[
                Op::Lease,
                Op::TryLease,
                Op::Lease,
                Op::LeaseTimeout,
                Op::LeaseMany,
            ]);
            actors.push(vec![step(way, &mut dice)]);
        }
        let shape = Shape::draw(&actors, workers, &mut dice);
        Program {
            cell: cell.clone(),
            seed,
            shape,
            actors,
        }
    }

    pub fn has(&self, op: Op) -> bool {
        self.count(|other| other == op) > 0
    }

    /// Whether anything is ever due.
    pub fn needs_time(&self) -> bool {
        use Op::*;
        let timed = |op| {
            matches!(
                op,
                Due | Expire
                    | TimeOut
                    | Hold
                    | AddDelayed
                    | AddMortal
                    | Promote
                    | Reschedule
                    | Extend
            )
        };
        let shape = &self.shape;
        self.count(timed) > 0
            || matches!(shape.prelude, Prelude::Delayed | Prelude::TimedOut)
            || matches!(shape.verdict, Verdict::Snooze | Verdict::RateLimited)
            || shape.mortal
            || shape.timed.is_some()
            || shape.letters
    }

    /// Whether jobs may expire into dead letters.
    pub fn dies_silently(&self) -> bool {
        self.shape.letters && (self.shape.mortal || self.has(Op::AddMortal))
    }

    pub fn count(&self, which: impl Fn(Op) -> bool) -> usize {
        self.actors
            .iter()
            .flatten()
            .filter(|step| which(step.op))
            .count()
    }
}

impl Shape {
    fn draw(actors: &[Vec<Step>], workers: usize, dice: &mut Dice) -> Self {
        let has = |op: Op| actors.iter().flatten().any(|step| step.op == op);
        let settles = actors.iter().flatten().any(|step| step.op.settles());
        let apt = match () {
            () if settles => Prelude::Leased,
            () if has(Op::TimeOut) => dice.pick(&[Prelude::TimedOut, Prelude::Leased]),
            () if has(Op::Promote) || has(Op::Reschedule) || has(Op::Due) => Prelude::Delayed,
            () if has(Op::SetPriority) => dice.pick(&[Prelude::Delayed, Prelude::Waiting]),
            () => dice.pick(&[Prelude::Waiting, Prelude::Cancelled, Prelude::Full]),
        };
        let prelude = match dice.one_in(2) {
            true => apt,
            false => dice.pick(&Prelude::ALL),
        };
        let late = prelude == Prelude::TimedOut;
        // The operation before it would end, perhaps, when the main thread has ended all pauses.
        let halts = |step: &Step| matches!(step.op, Op::Pause | Op::Hold);
        let halts_late = actors.iter().any(|steps| steps[1..].iter().any(halts));
        let plain = matches!(
            prelude,
            Prelude::Waiting | Prelude::Cancelled | Prelude::Full
        );
        let jobs = 1 + dice.below(3);
        let spare = match prelude {
            Prelude::Full => 0,
            _ => dice.below(2),
        };
        let timed = late || has(Op::TimeOut) || has(Op::Extend) || dice.one_in(8);
        let letters = has(Op::Redrive) || has(Op::TakeUnsent) || dice.one_in(10);
        let orders = match has(Op::SetPriority) {
            true => &[
                Order::Bands(3),
                Order::Bands(3),
                Order::Fifo,
                Order::Heap(3),
            ][..],
            false => &[Order::Fifo, Order::Fifo, Order::Bands(3), Order::Heap(3)][..],
        };
        use Verdict::*;
        let verdicts = [
            Done,
            Done,
            Done,
            Done,
            Retry,
            Snooze,
            Requeue,
            Discard,
            RateLimited,
        ];
        Shape {
            order: dice.pick(orders),
            prelude,
            jobs,
            capacity: match prelude {
                Prelude::Empty => 1 + spare,
                _ => jobs + spare,
            },
            delayed_capacity: 1 + dice.below(2),
            workers: workers.max(usize::from(late)),
            early: late || plain && dice.one_in(2),
            prefetch: dice.pick(&[1, 1, 4]),
            attempts: 1 + dice.below(2) as u32,
            verdict: dice.pick(&verdicts),
            gated: late || dice.one_in(2),
            clinging: !halts_late && dice.one_in(4),
            mortal: has(Op::Expire) || dice.one_in(8),
            timed: timed.then(|| dice.below(2)),
            heard: dice.one_in(3),
            letters,
        }
    }
}

/// A stream of numbers that look random. Source: Steele, Lea and Flood, *Fast Splittable
/// Pseudorandom Number Generators* (2014).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<X: Copy>(&mut self, from: &[X]) -> X {
        from[self.below(from.len())]
    }
}
