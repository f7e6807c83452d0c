//! What an actor can do: every public operation on jobs. A new one has its name here, and a place in
//! `play.rs`; then it meets every other.

use std::fmt;
use std::str::FromStr;

macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        /// What an actor does; `play.rs` does it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Op { $($name),* }

        impl Op {
            pub const ALL: &[Op] = &[$(Op::$name),*];
        }
    };
}

operations! {
    // Adding.
    Add, TryAdd, AddTimeout, AddMany, TryAddMany, Submit, Produce, AddDelayed, AddNewest, AddMortal,
    // Looking for work.
    Work, Lease, TryLease, LeaseTimeout, LeaseMany, Consume,
    // Settling a lease.
    Complete, Fail, Requeue, DropLease, Bury, Extend,
    // Changing jobs by id.
    Cancel, CancelBecause, CancelAll, SetPriority, Promote, Reschedule,
    // Turning the clock, and what is due then: a delay is over, a job expires, an attempt times
    // out.
    Due, Expire, TimeOut,
    // The queue.
    Pause, Resume, Hold, Redrive, TakeUnsent, Subscribe, Shutdown,
    // Threads, and handlers that return.
    Engage, RefuseThreads, OpenGate,
}

impl Op {
    /// Takes jobs, or waits for them.
    pub fn looks_for_work(self) -> bool {
        use Op::*;
        matches!(
            self,
            Work | Lease | TryLease | LeaseTimeout | LeaseMany | Consume
        )
    }

    /// May wait without an end.
    pub fn waits(self) -> bool {
        use Op::*;
        let adds = matches!(
            self,
            Add | AddMany | Submit | Produce | AddNewest | AddMortal
        );
        adds || matches!(self, Lease | LeaseMany | Consume)
    }

    /// Settles a lease: the actor's, or one that lies around, or that of the next job.
    pub fn settles(self) -> bool {
        use Op::*;
        matches!(self, Complete | Fail | Requeue | DropLease | Bury | Extend)
    }

    /// Makes delayed jobs wait.
    pub fn promotes(self) -> bool {
        use Op::*;
        matches!(self, Promote | Reschedule | Due | Expire | TimeOut)
    }

    /// Moves tickets, makes them invalid, or compacts lines.
    pub fn moves_tickets(self) -> bool {
        use Op::*;
        let moves = matches!(self, SetPriority | Promote | Requeue | DropLease | Pause);
        let invalidates = matches!(
            self,
            Cancel | CancelBecause | CancelAll | Expire | TimeOut | Due
        );
        moves || invalidates || matches!(self, TryAddMany | TryAdd | Redrive)
    }
}

/// What a program is drawn for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell(pub Vec<Op>);

impl Cell {
    /// Every pair of operations, each with itself too.
    pub fn pairs() -> Vec<Cell> {
        let with = |at: usize| {
            Op::ALL[at..]
                .iter()
                .map(move |op| Cell(vec![Op::ALL[at], *op]))
        };
        (0..Op::ALL.len()).flat_map(with).collect()
    }

    /// Every triple with an operation that moves, invalidates or compacts.
    pub fn triples() -> Vec<Cell> {
        let (all, mut cells) = (Op::ALL, Vec::new());
        for (a, first) in all.iter().enumerate() {
            for (b, second) in all.iter().enumerate().skip(a) {
                cells.extend(
                    all[b..]
                        .iter()
                        .map(|third| Cell(vec![*first, *second, *third])),
                );
            }
        }
        cells.retain(|cell| cell.0.iter().any(|op| op.moves_tickets()));
        cells
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|op| format!("{op:?}")).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Op {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Op::ALL.iter();
        let found = all.find(|op| format!("{op:?}") == name.trim());
        found.copied().ok_or_else(|| format!("no operation {name}"))
    }
}

impl FromStr for Cell {
    type Err = String;

    fn from_str(names: &str) -> Result<Self, String> {
        let ops: Result<_, _> = names.split(',').map(str::parse).collect();
        ops.map(Cell)
    }
}
