//! Threads that add jobs in every way there is, and [meddle](super::meddle) with them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use guichet::{
    AddError, AddManyError, AddTimeoutError, Backoff, CallError, JobBuilder, JobHandle, JobId,
    Subscription, TryAddError, TryAddManyError,
};

use super::dice::Dice;
use super::facts::{End, Note};
use super::payload::{Kept, Payload};
use super::world::{FIFO, Queues, Work, World, end_of};

/// Names that a driver remembers, of each queue.
const REMEMBERED: usize = 48;
/// Handles that a driver keeps before it waits for the oldest.
const HANDLES: usize = 32;
/// How long the answer to a job may take once its queue has stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// One driver.
pub struct Driver {
    pub world: Arc<World>,
    pub queues: Queues,
    pub dice: Dice,
    /// Whether every record is to be kept.
    pub recorded: bool,
    /// Set when the round ends.
    pub closing: Arc<AtomicBool>,
    /// The last jobs it added, by queue.
    pub recent: [VecDeque<JobId>; 4],
    /// Results it is still to wait for.
    pub handles: VecDeque<(usize, u64, JobHandle<Kept>)>,
    /// What it listens to, now and then.
    pub listening: Option<Subscription>,
    /// What it saw, by queue.
    pub notes: [Vec<Note>; 5],
}

impl Driver {
    /// A driver that has done nothing yet.
    pub fn new(
        world: &Arc<World>,
        queues: &Queues,
        recorded: bool,
        closing: &Arc<AtomicBool>,
        dice: Dice,
    ) -> Self {
        Driver {
            world: Arc::clone(world),
            queues: queues.clone(),
            dice,
            recorded,
            closing: Arc::clone(closing),
            recent: Default::default(),
            handles: VecDeque::new(),
            listening: None,
            notes: Default::default(),
        }
    }

    /// Adds and meddles until the round ends; then waits for what it submitted.
    pub fn run(mut self) {
        // ORDERING: Relaxed — nothing is published with it; no partner.
        while !self.closing.load(Ordering::Relaxed) {
            match self.dice.one_in(3) {
                true => self.meddle(),
                false => self.add(),
            }
        }
        // Some go on, to be refused.
        for _ in 0..self.dice.below(20) {
            self.add();
        }
        while let Some((at, number, handle)) = self.handles.pop_front() {
            let id = handle.id();
            match handle.wait_timeout(PATIENCE) {
                Ok(outcome) => self.answered(at, id, number, outcome),
                Err(_) => self.notes[at].push(Note::Unanswered(id)),
            }
        }
        for (at, notes) in self.notes.into_iter().enumerate() {
            self.world.ledgers[at].note_all(notes);
        }
    }

    fn add(&mut self) {
        let at = self.dice.below(4) as usize;
        let queue = self.queues.work[at].clone();
        match self.dice.below(20) {
            0..4 => {
                let (number, payload) = self.payload();
                match queue.try_add(payload) {
                    Ok(id) => self.taken(at, id, number),
                    Err(no) => self.refused(at, number, no.into_payload()),
                }
            }
            4..6 => {
                let (number, payload) = self.payload();
                match queue.add(payload) {
                    Ok(id) => self.taken(at, id, number),
                    Err(no) => self.refused(at, number, no.into_payload()),
                }
            }
            6..9 => {
                let (number, payload) = self.payload();
                match queue.add_timeout(payload, self.dice.micros(0, 2_000)) {
                    Ok(id) => self.taken(at, id, number),
                    Err(no) => self.refused(at, number, no.into_payload()),
                }
            }
            9..11 => self.add_many(at, &queue),
            11 => self.produce(at, &queue),
            12..14 => {
                let (number, payload) = self.payload();
                match queue.submit(payload) {
                    Ok(handle) => self.submitted(at, number, handle),
                    Err(no) => self.refused(at, number, no.into_payload()),
                }
            }
            14 => self.call(at, &queue),
            _ => self.add_with_options(at, &queue),
        }
    }

    fn payload(&self) -> (u64, Payload) {
        let payload = self.world.pages.payload();
        (payload.0.number, payload)
    }

    fn taken(&mut self, at: usize, id: JobId, number: u64) {
        self.recent[at].push_back(id);
        if self.recent[at].len() > REMEMBERED {
            self.recent[at].pop_front();
        }
        self.notes[at].push(accepted(id, number));
    }

    fn refused(&mut self, at: usize, given: u64, back: Payload) {
        self.notes[at].extend(swapped(given, &back));
        // Whoever makes room, or shuts down, is not to be kept from it.
        std::thread::yield_now();
    }

    fn add_many(&mut self, at: usize, queue: &Work) {
        let some = self.dice.from(0, 6);
        let (numbers, payloads): (Vec<u64>, Vec<Payload>) =
            (0..some).map(|_| self.payload()).unzip();
        let outcome = match self.dice.one_in(2) {
            true => queue
                .add_many(payloads)
                .map_err(AddManyError::into_payloads),
            false => queue
                .try_add_many(payloads)
                .map_err(TryAddManyError::into_payloads),
        };
        match outcome {
            Ok(ids) => {
                for (id, number) in ids.into_iter().zip(numbers) {
                    self.taken(at, id, number);
                }
            }
            Err(back) => {
                if back.len() != numbers.len() {
                    let wrong = format!("{} of {some} payloads came back", back.len());
                    self.notes[at].push(Note::Wrong(wrong));
                }
                for (number, payload) in numbers.into_iter().zip(back) {
                    self.refused(at, number, payload);
                }
            }
        }
    }

    fn produce(&mut self, at: usize, queue: &Work) {
        let mut producer = queue.producer();
        for _ in 0..self.dice.from(1, 8) {
            let (number, payload) = self.payload();
            match producer.add(payload) {
                Ok(id) => self.taken(at, id, number),
                Err(no) => self.refused(at, number, no.into_payload()),
            }
        }
    }

    fn call(&mut self, at: usize, queue: &Work) {
        let (number, payload) = self.payload();
        let end = match queue.call(payload, self.dice.micros(0, 5_000)) {
            Ok(answer) if answer.number == number => Some(End::Completed),
            Ok(answer) => {
                let wrong = format!("call of {number} was answered as of {}", answer.number);
                return self.notes[at].push(Note::Wrong(wrong));
            }
            Err(CallError::Refused(no)) => return self.refused(at, number, no.into_payload()),
            Err(CallError::Timeout(id)) => return self.taken(at, id, number),
            Err(CallError::Job(error)) => end_of(&error),
            Err(_) => None,
        };
        self.notes[at].push(Note::Called { number, end });
    }

    fn add_with_options(&mut self, at: usize, queue: &Work) {
        let (number, payload) = self.payload();
        let job = self.options(at, queue.job(payload));
        match self.dice.below(4) {
            0 => match job.try_add() {
                Ok(id) => self.taken(at, id, number),
                Err(no) => self.refused(at, number, TryAddError::into_payload(no)),
            },
            1 => match job.add_timeout(self.dice.micros(0, 2_000)) {
                Ok(id) => self.taken(at, id, number),
                Err(no) => self.refused(at, number, AddTimeoutError::into_payload(no)),
            },
            2 => match job.add() {
                Ok(id) => self.taken(at, id, number),
                Err(no) => self.refused(at, number, AddError::into_payload(no)),
            },
            _ => match job.submit() {
                Ok(handle) => self.submitted(at, number, handle),
                Err(no) => self.refused(at, number, AddError::into_payload(no)),
            },
        }
    }

    /// Any number of options, some of which the queue can't have.
    fn options<'a>(
        &mut self,
        at: usize,
        mut job: JobBuilder<'a, Payload, Kept>,
    ) -> JobBuilder<'a, Payload, Kept> {
        let dice = &mut self.dice;
        if dice.one_in(3) && at != FIFO {
            job = job.priority(dice.from(1, 5) as u32);
        }
        if dice.one_in(4) {
            job = job.lifo();
        }
        match dice.below(4) {
            0 => job = job.delay(dice.micros(0, 5_000)),
            1 if dice.one_in(3) => job = job.at(SystemTime::now() + dice.micros(0, 5_000)),
            _ => {}
        }
        if dice.one_in(3) {
            job = job.ttl(dice.micros(50, 8_000));
        }
        if dice.one_in(12) {
            job = job.deadline(dice.micros(0, 10_000));
        }
        if dice.one_in(4) {
            job = job.attempts(dice.from(1, 5) as u32);
        }
        if dice.one_in(6) {
            job = job.backoff(Backoff::fixed(dice.micros(0, 1_000)));
        }
        if dice.one_in(4) {
            job = job.timeout(dice.micros(1_000, 10_000));
        }
        if dice.one_in(8) {
            job = job.keep_completed(self.recorded || dice.one_in(2));
        }
        if dice.one_in(8) {
            job = job.keep_failed(self.recorded || dice.one_in(2));
        }
        job
    }

    fn submitted(&mut self, at: usize, number: u64, handle: JobHandle<Kept>) {
        self.taken(at, handle.id(), number);
        // A dropped handle detaches its job.
        if self.dice.one_in(8) {
            return;
        }
        self.handles.push_back((at, number, handle));
        let patience = self.dice.micros(0, 1_000);
        if (self.handles.len() > HANDLES || self.dice.one_in(8))
            && let Some((at, number, handle)) = self.handles.pop_front()
        {
            let id = handle.id();
            match handle.wait_timeout(patience) {
                Ok(outcome) => self.answered(at, id, number, outcome),
                Err(handle) => self.handles.push_back((at, number, handle)),
            }
        }
    }

    fn answered(
        &mut self,
        at: usize,
        id: JobId,
        number: u64,
        outcome: Result<Kept, guichet::JobError>,
    ) {
        let witness = "its handle";
        let end = match outcome {
            Ok(answer) if answer.number == number => Some(End::Completed),
            Ok(answer) => {
                let wrong = format!("job {id} of {number} was answered as of {}", answer.number);
                return self.notes[at].push(Note::Wrong(wrong));
            }
            Err(error) => end_of(&error),
        };
        self.notes[at].push(match end {
            Some(end) => Note::Ended { id, end, witness },
            None => Note::Wrong(format!("who waited for job {id} was told of a deadlock")),
        });
    }
}

fn accepted(id: JobId, number: u64) -> Note {
    Note::Accepted {
        id,
        number,
        redriven: false,
    }
}

fn swapped(given: u64, back: &Payload) -> Option<Note> {
    back.0.alone();
    let back = back.0.number;
    (back != given).then_some(Note::Swapped { given, back })
}

/// A handler of queue `from` adds a job to any queue, its own among them; never waiting without an end, since the other
/// queue's handlers may do the same.
pub fn add_from_inside(world: &World, queues: &Queues, from: usize, dice: &mut Dice) {
    let at = match dice.one_in(2) {
        true => from,
        false => dice.below(4) as usize,
    };
    let payload = world.pages.payload();
    let number = payload.0.number;
    let outcome = match (at == from, dice.below(3)) {
        (true, 0) => queues.work[at].add(payload).map_err(AddError::into_payload),
        (_, 1) => queues.work[at]
            .add_timeout(payload, dice.micros(0, 500))
            .map_err(AddTimeoutError::into_payload),
        _ => queues.work[at]
            .try_add(payload)
            .map_err(TryAddError::into_payload),
    };
    match outcome {
        Ok(id) => world.ledgers[at].note(accepted(id, number)),
        Err(back) => {
            if let Some(note) = swapped(number, &back) {
                world.ledgers[at].note(note);
            }
        }
    }
}
