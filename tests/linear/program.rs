//! Random short programs: what each thread calls, in which order, and how it dawdles in between.
//!
//! No program can hang on a correct subject. Either each thread holds both sides and never blocks for
//! ever. Or the sides are split: each thread holds one side, may block for ever, and leaves its side at the
//! end, which lets go whoever is blocked on the other. Or, split too, the program is balanced: nobody
//! leaves, and as many messages are received as are sent, but for some that the channel has room for. There
//! a lost wake-up has nobody to make up for it, so it shows as a hang.

use std::hint::spin_loop;
use std::thread;
use std::time::Duration;

/// How many calls a program has in all, a batch counted by its length; the drains at its end are extra.
const CALLS: usize = 48;
/// The longest batch.
const BATCH: usize = 3;

/// SplitMix64: any seed will do, and neighbouring seeds give unlike programs.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

/// How long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Try,
    For(Duration),
    Forever,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Senders,
    Receivers,
}

/// What a thread calls. A message is a number that no other message of the history has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Send(Wait, u8),
    SendMany(Wait, Vec<u8>),
    Recv(Wait),
    RecvMany(Wait, usize),
    /// Receive until refused; each of these calls is recorded.
    Drain(Wait),
    /// Receive batches until there are so many messages; each of these calls is recorded.
    Gather(usize),
    /// Drop this thread's handle of that side.
    Leave(Side),
    /// Close both sides for everybody.
    Close,
}

/// What a thread does before a call, so that calls meet in ever new ways.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    None,
    Spin(usize),
    Yield,
}

impl Pause {
    pub fn random(random: &mut Random) -> Self {
        match random.below(8) {
            0..4 => Pause::None,
            4..7 => Pause::Spin(1 << random.below(9)),
            _ => Pause::Yield,
        }
    }

    pub fn take(self) {
        match self {
            Pause::None => {}
            Pause::Spin(turns) => (0..turns).for_each(|_| spin_loop()),
            Pause::Yield => thread::yield_now(),
        }
    }
}

/// What the calls of a subject may be.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Calls may wait, and each thread has handles that it can drop.
    pub blocks: bool,
    /// If it blocks: no message is ever lost, so programs may be balanced.
    pub balanced: bool,
    pub batches: bool,
    pub closes: bool,
    pub capacities: &'static [usize],
    /// A batch that does not block takes effect in one step, and not one message after the other.
    pub whole_batches: bool,
}

pub struct Program {
    pub capacity: usize,
    pub threads: Vec<Thread>,
}

pub struct Thread {
    pub sends: bool,
    pub receives: bool,
    pub calls: Vec<(Pause, Call)>,
}

impl Program {
    pub fn random(seed: u64, abilities: &Abilities) -> Self {
        let mut author = Author::new(seed, abilities);
        let capacity = author.random.pick(abilities.capacities);
        let threads = if author.balanced {
            author.balanced_threads(capacity)
        } else {
            author.threads()
        };
        Program { capacity, threads }
    }

    pub fn senders(&self) -> usize {
        self.threads.iter().filter(|thread| thread.sends).count()
    }

    pub fn receivers(&self) -> usize {
        self.threads.iter().filter(|thread| thread.receives).count()
    }
}

/// Writes the threads of one program.
struct Author {
    random: Random,
    abilities: Abilities,
    /// How many threads there are, and how many of them send, which are the first.
    count: usize,
    senders: usize,
    split: bool,
    /// Every call blocks for ever.
    patient: bool,
    balanced: bool,
    /// How many messages are sent so far.
    sent: u8,
}

impl Author {
    fn new(seed: u64, abilities: &Abilities) -> Self {
        let mut random = Random::new(seed);
        let count = 2 + random.below(3);
        let split = abilities.blocks && random.below(3) > 0;
        let patient = split && random.below(2) == 0;
        let some = 1 + random.below(count - 1);
        Author {
            count,
            senders: if split { some } else { count },
            split,
            patient,
            balanced: patient && abilities.balanced && random.below(2) == 0,
            random,
            abilities: *abilities,
            sent: 0,
        }
    }

    fn threads(&mut self) -> Vec<Thread> {
        let ats = 0..self.count;
        let threads =
            ats.map(|at| self.thread(at < self.senders, !self.split || at >= self.senders));
        let mut threads: Vec<_> = threads.collect();
        if self.abilities.closes && self.random.below(2) == 0 {
            let calls = &mut threads[self.random.below(self.count)].calls;
            let at = self.random.below(calls.len());
            calls.insert(at, (Pause::None, Call::Close));
        }
        threads
    }

    fn balanced_threads(&mut self, capacity: usize) -> Vec<Thread> {
        let mut threads: Vec<_> = (0..self.senders)
            .map(|_| self.thread(true, false))
            .collect();
        let stay = self.random.below(capacity + 1);
        let mut left = usize::from(self.sent).saturating_sub(stay);
        for at in self.senders..self.count {
            let quota = left / (self.count - at);
            left -= quota;
            threads.push(self.gatherer(quota));
        }
        threads
    }

    fn thread(&mut self, sends: bool, receives: bool) -> Thread {
        let (mut calls, mut left) = (Vec::new(), CALLS / self.count);
        while left > 0 {
            let length = 1 + self.random.below(BATCH.min(left));
            let batch = self.abilities.batches && self.random.below(4) == 0;
            left -= if batch { length } else { 1 };
            let send = sends && (!receives || self.random.below(2) == 0);
            let call = self.call(send, batch.then_some(length));
            calls.push((Pause::random(&mut self.random), call));
        }
        // What got lost shows at the latest when somebody finds the queue empty.
        if !self.split {
            calls.push((Pause::None, Call::Drain(Wait::Try)));
        } else if receives && self.random.below(2) == 0 {
            calls.push((Pause::None, Call::Drain(Wait::Forever)));
        }
        if self.abilities.blocks && !self.balanced {
            let held = [(sends, Side::Senders), (receives, Side::Receivers)];
            let held = held.into_iter().filter(|(held, _)| *held);
            calls.extend(held.map(|(_, side)| (Pause::None, Call::Leave(side))));
        }
        Thread {
            sends,
            receives,
            calls,
        }
    }

    /// A thread that receives so many messages.
    fn gatherer(&mut self, quota: usize) -> Thread {
        let (mut calls, mut left) = (Vec::new(), quota);
        while left > 0 {
            let batch = self.abilities.batches && self.random.below(2) == 0;
            let length = 1 + self.random.below(BATCH.min(left));
            left -= if batch { length } else { 1 };
            let call = if batch {
                Call::Gather(length)
            } else {
                Call::Recv(Wait::Forever)
            };
            calls.push((Pause::random(&mut self.random), call));
        }
        Thread {
            sends: false,
            receives: true,
            calls,
        }
    }

    fn call(&mut self, send: bool, batch: Option<usize>) -> Call {
        match (send, batch) {
            (true, None) => Call::Send(self.wait(), self.message()),
            (false, None) => Call::Recv(self.wait()),
            (true, Some(length)) => {
                let messages = (0..length).map(|_| self.message()).collect();
                Call::SendMany(self.batch_wait(), messages)
            }
            (false, Some(most)) => Call::RecvMany(self.batch_wait(), most),
        }
    }

    fn message(&mut self) -> u8 {
        self.sent += 1;
        self.sent
    }

    fn wait(&mut self) -> Wait {
        match self.random.below(8) {
            _ if !self.abilities.blocks => Wait::Try,
            _ if self.patient => Wait::Forever,
            0..3 if self.split => Wait::Forever,
            3 => Wait::For(Duration::from_micros(1 << self.random.below(7))),
            4 => Wait::For(Duration::ZERO),
            _ => Wait::Try,
        }
    }

    /// Batches have no time-out.
    fn batch_wait(&mut self) -> Wait {
        match self.wait() {
            Wait::For(_) => Wait::Try,
            wait => wait,
        }
    }
}
