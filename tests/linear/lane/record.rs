//! Runs a program against a lane and records what each thread called and got.

use std::fmt;
use std::sync::Arc;

use super::program::{Abilities, Call, Program};
use crate::crew::{Crew, Job, Part, Stage};
use crate::program::Pause;

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// There was nothing like that: no word to pop, to remove or to move.
    Nothing,
    /// The lane was closed: to what would come, or with nothing left.
    Closed,
    /// It was not tried, since nobody knows the word yet.
    Unknown,
    /// These words, of this level: taken, or put in.
    Got(usize, Vec<u8>),
}

/// One thread's access to a lane. What a lane cannot do, its `Abilities` keep out of the programs.
pub trait Seat: Send + 'static {
    fn push(&mut self, level: usize, words: &[u8]) -> Outcome;
    /// Remembers what it took until the next call that is no `put_back`.
    fn pop(&mut self, most: usize) -> Outcome;
    fn newest(&mut self, _level: usize, _word: u8) -> Outcome {
        unreachable!("no newest")
    }
    fn put_back(&mut self) -> Outcome {
        unreachable!("no way back")
    }
    fn remove(&mut self, _word: u8) -> Outcome {
        unreachable!("nothing is removed")
    }
    fn move_to(&mut self, _word: u8, _level: usize) -> Outcome {
        unreachable!("nothing moves")
    }
    fn collect(&mut self) {
        unreachable!("nothing is collected")
    }
    fn close(&mut self) {
        unreachable!("no close")
    }
}

/// Something to be checked.
pub trait Subject {
    type Seat: Seat;
    fn abilities(&self) -> Abilities;
    /// So many seats at an empty lane.
    fn seats(&self, count: usize) -> Vec<Self::Seat>;
}

/// A call and what came of it.
#[derive(Clone, Debug)]
pub struct Record {
    pub thread: usize,
    pub begin: u64,
    pub end: u64,
    pub call: Call,
    pub outcome: Outcome,
    /// What was put back, for `Back`.
    pub back: Vec<u8>,
}

/// What happened, in the order of the calls' beginnings.
pub struct History(pub Vec<Record>);

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|record| {
            let Record {
                thread, begin, end, ..
            } = record;
            write!(f, "{begin:4} ..{end:4}  thread {thread}  ")?;
            writeln!(
                f,
                "{:?} {:?} -> {:?}",
                record.call, record.back, record.outcome
            )
        })
    }
}

struct Actor<S> {
    seat: S,
    at: usize,
    stage: Arc<Stage>,
    records: Vec<Record>,
}

impl<S: Seat> Actor<S> {
    fn play(mut self, calls: Vec<(Pause, Call)>) -> Part<Record> {
        self.stage.start();
        for (pause, call) in calls {
            pause.take();
            self.stage.begins(self.at);
            match call {
                Call::Drain => while matches!(self.perform(Call::Pop(1)), Outcome::Got(..)) {},
                Call::Back => self.put_back(),
                call => drop(self.perform(call)),
            }
        }
        (self.records, Box::new(self.seat))
    }

    /// Puts back what the call before took, if it took one word.
    fn put_back(&mut self) {
        let taken = match self.records.last().map(|record| &record.outcome) {
            Some(Outcome::Got(_, words)) if words.len() == 1 => words.clone(),
            _ => return,
        };
        self.perform(Call::Back);
        let record = self.records.last_mut().expect("it was just recorded");
        record.back = taken;
    }

    fn perform(&mut self, call: Call) -> Outcome {
        let begin = self.stage.stamp();
        let outcome = self.attempt(&call);
        let end = self.stage.stamp();
        self.records.push(Record {
            thread: self.at,
            begin,
            end,
            call,
            outcome: outcome.clone(),
            back: Vec::new(),
        });
        outcome
    }

    fn attempt(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Push(level, words) => self.seat.push(*level, words),
            Call::Newest(level, word) => self.seat.newest(*level, *word),
            Call::Pop(most) => self.seat.pop(*most),
            Call::Back => self.seat.put_back(),
            Call::Remove(word) => self.seat.remove(*word),
            Call::Move(word, level) => self.seat.move_to(*word, *level),
            Call::Collect => {
                self.seat.collect();
                Outcome::Done
            }
            Call::Close => {
                self.seat.close();
                Outcome::Done
            }
            Call::Drain => unreachable!("recorded call by call"),
        }
    }
}

/// Plays the program; `Err` says who hangs or died, and in which call.
pub fn play<S: Subject>(
    crew: &mut Crew<Record>,
    subject: &S,
    program: &Program,
) -> Result<History, String> {
    let seats = subject.seats(program.threads.len());
    let stage = Arc::new(Stage::new(seats.len()));
    let jobs = seats.into_iter().enumerate().map(|(at, seat)| {
        let calls = program.threads[at].clone();
        let stage = Arc::clone(&stage);
        let records = Vec::with_capacity(2 * calls.len());
        let actor = Actor {
            seat,
            at,
            stage,
            records,
        };
        let job: Job<Record> = Box::new(move || actor.play(calls));
        job
    });
    let mut records = crew.run(jobs.collect()).map_err(|(at, what)| {
        let begun = stage.begun(at);
        let call = begun.checked_sub(1);
        let call = call.map(|last| &program.threads[at][last]);
        format!("thread {at} {what} in call {begun}: {call:?}")
    })?;
    records.sort_by_key(|record| record.begin);
    Ok(History(records))
}
