//! Payloads that report their drop, and a handler that waits to be told how to end.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use guichet::{AddError, Failure, Queue, WorkersError};

use crate::model::{End, Event, Refusal};

/// A payload; its number is that of its job, if it is accepted.
pub struct Payload {
    pub number: usize,
    reports: Sender<Event>,
}

impl Payload {
    pub fn new(number: usize, reports: &Sender<Event>) -> Self {
        Payload {
            number,
            reports: reports.clone(),
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // Who listens may be gone when the fuzzer stops on a failure.
        let _ = self.reports.send(Event::Dropped(self.number));
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payload {}", self.number)
    }
}

/// A result.
#[derive(Debug)]
pub struct Answer {
    pub number: usize,
    pub attempt: u32,
    _share: Arc<()>,
}

/// How the running handler is to end.
pub struct Verdict {
    pub end: End,
    /// Whether the job was decided over its head.
    pub revoked: bool,
    /// To be added to the handler's own queue first.
    pub nested: Option<Payload>,
}

/// Gives the queue its one worker.
pub fn start(
    queue: &Queue<Payload, Answer>,
    owned: bool,
    told: Receiver<Verdict>,
    reports: &Sender<Event>,
    shares: &Arc<()>,
) -> Result<(), WorkersError> {
    let (told, reports, shares) = (Mutex::new(told), reports.clone(), shares.clone());
    let own = queue.clone();
    // One worker, so nobody disputes the lock. Once nobody tells any more, all is well.
    let wait = move || {
        let told = told.lock().expect("a panicking handler does not hold it");
        let verdict = told.recv().ok()?;
        if let Some(payload) = verdict.nested {
            add_nested(&own, payload);
        }
        Some((verdict.end, verdict.revoked))
    };
    if owned {
        return queue.workers_owned(1, move |payload: Payload| {
            let Payload {
                number,
                ref reports,
            } = payload;
            report(
                reports,
                Event::Started {
                    number,
                    attempt: 1,
                    id: None,
                },
            );
            let end = wait().map_or(End::Succeed, |(end, _)| end);
            finish(
                end,
                Answer {
                    number,
                    attempt: 1,
                    _share: shares.clone(),
                },
            )
        });
    }
    queue.workers(1, move |job| {
        let (number, attempt) = (job.payload().number, job.attempt());
        report(
            &reports,
            Event::Started {
                number,
                attempt,
                id: Some(job.id()),
            },
        );
        let end = wait().map_or(End::Succeed, |(end, revoked)| {
            assert_eq!(job.is_cancelled(), revoked, "job {number}");
            end
        });
        finish(
            end,
            Answer {
                number,
                attempt,
                _share: shares.clone(),
            },
        )
    })
}

fn report(reports: &Sender<Event>, event: Event) {
    reports
        .send(event)
        .expect("the program listens while a worker lives");
}

fn add_nested(queue: &Queue<Payload, Answer>, payload: Payload) {
    let (number, reports) = (payload.number, payload.reports.clone());
    let (result, _back) = match queue.add(payload) {
        Ok(id) => (Ok(id), None),
        Err(AddError::Closed(back)) => (Err(Refusal::Closed), Some(back)),
        Err(AddError::WouldDeadlock(back)) => (Err(Refusal::WouldDeadlock), Some(back)),
        Err(other) => panic!("{other:?}"),
    };
    report(&reports, Event::Nested { number, result });
}

fn finish(end: End, answer: Answer) -> Result<Answer, Failure> {
    let text = format!("no {}", answer.number);
    match end {
        End::Succeed => Ok(answer),
        End::Fail => Err(Failure::msg(text)),
        End::Discard => Err(Failure::discard(text)),
        // The fuzzer's panic hook would end the process; this way of unwinding does not call it.
        End::Panic => resume_unwind(Box::new(text)),
    }
}
