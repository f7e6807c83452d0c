//! Runs a program against a subject and records what each thread called and got.

use std::fmt;
use std::sync::Arc;

use crate::crew::{Crew, Job, Part, Stage};
use crate::program::{Abilities, Call, Pause, Program, Side, Wait};

/// Stands for a message that nobody sent.
pub const FORGED: u8 = u8::MAX;

/// A number, written many times.
///
/// Moving a long message takes longer than all else that a call does, so a thread that loses its core
/// within a call mostly loses it between its claim of a slot and the end. Short ones leave more of the
/// time to everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> Message<WORDS> {
    fn new(number: u8) -> Self {
        Message([number.into(); WORDS])
    }

    /// The number, or `FORGED` if the message is torn.
    fn number(&self) -> u8 {
        let number = u8::try_from(self.0[0]).unwrap_or(FORGED);
        if *self == Message::new(number) {
            number
        } else {
            FORGED
        }
    }
}

fn numbers<const WORDS: usize>(messages: &[Message<WORDS>]) -> Vec<u8> {
    messages.iter().map(Message::number).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There was no room, or nothing to receive.
    Boundary,
    TimedOut,
    Disconnected,
}

/// One thread's access to a subject. What a subject cannot do, its `Abilities` keep out of the programs.
pub trait Seat<M>: Send + 'static {
    fn send(&mut self, wait: Wait, message: M) -> Result<(), (Refusal, M)>;
    fn recv(&mut self, wait: Wait) -> Result<M, Refusal>;
    fn send_many(&mut self, _: Wait, _: &mut Vec<M>) -> Result<usize, Refusal> {
        unreachable!("no batches")
    }
    fn recv_many(&mut self, _: Wait, _: &mut Vec<M>, _: usize) -> Result<usize, Refusal> {
        unreachable!("no batches")
    }
    fn leave(&mut self, _: Side) {
        unreachable!("no handles")
    }
    fn close(&mut self) {
        unreachable!("no close")
    }
}

/// Something to be checked.
pub trait Subject<M> {
    type Seat: Seat<M>;
    const ABILITIES: Abilities;
    /// A fresh one, with a seat for each thread of the program.
    fn seats(&self, program: &Program) -> Vec<Self::Seat>;
}

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct Record {
    pub thread: usize,
    pub begin: u64,
    pub end: u64,
    pub call: Call,
    /// What went in, or came out, in order.
    pub moved: Vec<u8>,
    pub refusal: Option<Refusal>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record {
            thread, begin, end, ..
        } = self;
        write!(f, "{begin:4} ..{end:4}  thread {thread}  {:?}", self.call)?;
        write!(f, " -> {:?}", self.moved)?;
        self.refusal.map_or(Ok(()), |why| write!(f, " {why:?}"))
    }
}

/// What happened, in the order of the calls' beginnings.
pub struct History {
    pub capacity: usize,
    pub senders: usize,
    pub receivers: usize,
    pub records: Vec<Record>,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "capacity {}", self.capacity)?;
        self.records
            .iter()
            .try_for_each(|record| writeln!(f, "{record}"))
    }
}

/// A thread on the stage.
struct Actor<S, const WORDS: usize> {
    seat: S,
    at: usize,
    stage: Arc<Stage>,
    records: Vec<Record>,
}

impl<S: Seat<Message<WORDS>>, const WORDS: usize> Actor<S, WORDS> {
    fn play(mut self, calls: Vec<(Pause, Call)>) -> Part<Record> {
        self.stage.start();
        for (pause, call) in calls {
            pause.take();
            self.stage.begins(self.at);
            match call {
                Call::Drain(wait) => while self.perform(Call::Recv(wait)).is_some() {},
                Call::Gather(mut left) => {
                    while let Some(count) = self.perform(Call::RecvMany(Wait::Forever, left)) {
                        left = left.saturating_sub(count);
                        if left == 0 {
                            break;
                        }
                    }
                }
                call => drop(self.perform(call)),
            }
        }
        // The others may not be done, and a seat that is left in silence would let go who is blocked.
        (self.records, Box::new(self.seat))
    }

    /// How many messages moved, unless the call was refused.
    fn perform(&mut self, call: Call) -> Option<usize> {
        let offered = match &call {
            Call::Send(_, number) => vec![Message::new(*number)],
            Call::SendMany(_, numbers) => numbers.iter().map(|&n| Message::new(n)).collect(),
            _ => Vec::new(),
        };
        let begin = self.stage.stamp();
        let (moved, refusal) = self.attempt(&call, offered);
        let end = self.stage.stamp();
        let count = refusal.is_none().then_some(moved.len());
        self.records.push(Record {
            thread: self.at,
            begin,
            end,
            call,
            moved,
            refusal,
        });
        count
    }

    fn attempt(
        &mut self,
        call: &Call,
        mut batch: Vec<Message<WORDS>>,
    ) -> (Vec<u8>, Option<Refusal>) {
        match call {
            Call::Send(wait, number) => match self.seat.send(*wait, batch[0]) {
                Ok(()) => (vec![*number], None),
                Err((why, back)) if back == batch[0] => (Vec::new(), Some(why)),
                Err((why, _)) => (vec![FORGED], Some(why)),
            },
            Call::Recv(wait) => match self.seat.recv(*wait) {
                Ok(message) => (vec![message.number()], None),
                Err(why) => (Vec::new(), Some(why)),
            },
            Call::SendMany(wait, offered) => {
                let outcome = self.seat.send_many(*wait, &mut batch);
                let sent = outcome.unwrap_or(offered.len().saturating_sub(batch.len()));
                let fair = sent <= offered.len() && numbers(&batch) == offered[sent..];
                let moved = if fair { &offered[..sent] } else { &[FORGED] };
                (moved.to_vec(), outcome.err())
            }
            Call::RecvMany(wait, most) => {
                let outcome = self.seat.recv_many(*wait, &mut batch, *most);
                let fair = outcome.unwrap_or(0) == batch.len() && batch.len() <= *most;
                let moved = if fair { numbers(&batch) } else { vec![FORGED] };
                (moved, outcome.err())
            }
            Call::Leave(side) => {
                self.seat.leave(*side);
                (Vec::new(), None)
            }
            Call::Close => {
                self.seat.close();
                (Vec::new(), None)
            }
            Call::Drain(_) | Call::Gather(_) => unreachable!("recorded call by call"),
        }
    }
}

impl Crew<Record> {
    /// Plays the program; `Err` says who hangs or died, and in which call.
    pub fn play<S: Subject<Message<WORDS>>, const WORDS: usize>(
        &mut self,
        subject: &S,
        program: &Program,
    ) -> Result<History, String> {
        let seats = subject.seats(program);
        let stage = Arc::new(Stage::new(seats.len()));
        let jobs = seats.into_iter().enumerate().map(|(at, seat)| {
            let calls = program.threads[at].calls.clone();
            let actor = Actor::<_, WORDS> {
                seat,
                at,
                stage: Arc::clone(&stage),
                records: Vec::with_capacity(2 * calls.len()),
            };
            let job: Job<Record> = Box::new(move || actor.play(calls));
            job
        });
        let mut records = self.run(jobs.collect()).map_err(|(at, what)| {
            let begun = stage.begun(at);
            let call = begun.checked_sub(1);
            let call = call.map(|last| &program.threads[at].calls[last]);
            format!("thread {at} {what} in call {begun}: {call:?}")
        })?;
        records.sort_by_key(|record| record.begin);
        Ok(History {
            capacity: program.capacity,
            senders: program.senders(),
            receivers: program.receivers(),
            records,
        })
    }
}
