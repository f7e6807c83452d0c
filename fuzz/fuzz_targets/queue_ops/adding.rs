//! Every way to add jobs, brought to one form: the ids, or the payloads that came back and why.

use std::thread;
use std::time::{Duration, Instant};

use guichet::{
    AddError, AddManyError, AddTimeoutError, CallError, JobId, JobState, TryAddError,
    TryAddManyError,
};

use crate::handler::Payload;
use crate::model::{Event, Refusal, Worker};
use crate::{PATIENCE, Pair};

type Refused = (Vec<Payload>, Refusal);

impl Pair {
    /// Adds `count` jobs with `how`; `full` is what it says when there is no room for all.
    pub fn add(
        &mut self,
        count: usize,
        full: Refusal,
        how: impl Fn(&mut Self, Vec<Payload>) -> Result<Vec<JobId>, Refused>,
    ) {
        let numbers = self.model.jobs.len()..self.model.jobs.len() + count;
        let mut payloads: Vec<_> = numbers
            .clone()
            .map(|number| Payload::new(number, &self.reports))
            .collect();
        let expected = if count > self.model.capacity {
            Some(Refusal::TooMany)
        } else if self.model.stopped {
            Some(Refusal::Closed)
        } else {
            (count > self.model.room()).then_some(full)
        };
        let since = Instant::now();
        loop {
            match how(self, payloads) {
                Ok(ids) => {
                    assert_eq!(expected, None, "{count} accepted, {:?}", self.model);
                    assert_eq!(ids.len(), count);
                    ids.into_iter().for_each(|id| self.accepted(id));
                    let events = self.model.look();
                    return self.expect(events);
                }
                Err((back, why)) => {
                    assert!(
                        back.iter()
                            .map(|payload| payload.number)
                            .eq(numbers.clone())
                    );
                    // A worker that has reported a job's end may be about to give the slot back.
                    let late = expected.is_none() && why == full && self.has_worker();
                    if late && since.elapsed() < PATIENCE {
                        payloads = back;
                        thread::yield_now();
                        continue;
                    }
                    assert_eq!(expected, Some(why), "{count} refused, {:?}", self.model);
                    drop(back);
                    return self.expect(numbers.map(Event::Dropped).collect());
                }
            }
        }
    }

    fn has_worker(&self) -> bool {
        matches!(self.model.worker, Worker::Idle | Worker::Busy(_))
    }

    /// The model learns of a job; its id is new, and its slot was nobody's.
    pub fn accepted(&mut self, id: JobId) {
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.queue(), self.queue.id());
        if let Some(former) = self.model.admit(id) {
            assert!(
                !self.model.is_live(former),
                "{id} took the slot of a live job"
            );
            assert_ne!(self.model.jobs[former].id, id);
            // Of a job that completed no record is kept; of any other the record outlives its slot.
            let former = &self.model.jobs[former];
            let kept = Some(former.state).filter(|state| *state != JobState::Completed);
            assert_eq!(self.queue.state(former.id), kept);
        }
    }

    pub fn try_add(&mut self, mut jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        match self.queue.try_add(jobs.pop().expect("one job")) {
            Ok(id) => Ok(vec![id]),
            Err(TryAddError::Full {
                payload,
                waiting,
                active,
            }) => {
                if self.model.room() == 0 {
                    assert_eq!(waiting + active, self.model.capacity);
                    // A worker may have taken some out of the line that it has not started.
                    let line = self.model.line();
                    let exact = self.model.worker == Worker::None || self.prefetch == 1;
                    assert!(
                        waiting == line || waiting < line && !exact,
                        "{waiting} of {line}"
                    );
                }
                Err((vec![payload], Refusal::Full))
            }
            Err(TryAddError::Closed(payload)) => Err((vec![payload], Refusal::Closed)),
            Err(other) => panic!("{other:?}"),
        }
    }

    pub fn add_waiting(&mut self, mut jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        let added = self.queue.add(jobs.pop().expect("one job"));
        added.map(|id| vec![id]).map_err(refused)
    }

    pub fn add_in_no_time(&mut self, mut jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        let added = self
            .queue
            .add_timeout(jobs.pop().expect("one job"), Duration::ZERO);
        added.map(|id| vec![id]).map_err(refused_in_time)
    }

    pub fn submit(&mut self, mut jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        let payload = jobs.pop().expect("one job");
        let number = payload.number;
        let handle = self.queue.submit(payload).map_err(refused)?;
        let id = handle.id();
        self.handles.push((number, handle));
        Ok(vec![id])
    }

    /// The job can't end before the program goes on, so a call that was accepted times out.
    pub fn call_in_no_time(&mut self, mut jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        match self
            .queue
            .call(jobs.pop().expect("one job"), Duration::ZERO)
        {
            Err(CallError::Timeout(id)) => Ok(vec![id]),
            Err(CallError::Refused(error)) => Err(refused_in_time(error)),
            _ => panic!("an answer from nobody"),
        }
    }

    pub fn produce(&mut self, mut jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        let added = self.producer.add(jobs.pop().expect("one job"));
        added.map(|id| vec![id]).map_err(refused)
    }

    pub fn add_many(&mut self, jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        self.queue.add_many(jobs).map_err(|error| match error {
            AddManyError::TooMany { payloads, capacity } => {
                assert_eq!(capacity, self.model.capacity);
                (payloads, Refusal::TooMany)
            }
            AddManyError::Closed(payloads) => (payloads, Refusal::Closed),
            other => panic!("{other:?}"),
        })
    }

    pub fn try_add_many(&mut self, jobs: Vec<Payload>) -> Result<Vec<JobId>, Refused> {
        self.queue.try_add_many(jobs).map_err(|error| match error {
            TryAddManyError::TooMany { payloads, .. } => (payloads, Refusal::TooMany),
            TryAddManyError::Full(payloads) => (payloads, Refusal::Full),
            TryAddManyError::Closed(payloads) => (payloads, Refusal::Closed),
            other => panic!("{other:?}"),
        })
    }
}

fn refused(error: AddError<Payload>) -> Refused {
    match error {
        AddError::Closed(payload) => (vec![payload], Refusal::Closed),
        other => panic!("{other:?}"),
    }
}

fn refused_in_time(error: AddTimeoutError<Payload>) -> Refused {
    match error {
        AddTimeoutError::Closed(payload) => (vec![payload], Refusal::Closed),
        AddTimeoutError::Timeout(payload) => (vec![payload], Refusal::TimedOut),
        other => panic!("{other:?}"),
    }
}
