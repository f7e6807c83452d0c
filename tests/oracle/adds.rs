//! Adding: every way and every option, and how each is refused.

use std::time::Duration;

use guichet::{
    AddError, AddManyError, AddTimeoutError, CallError, JobBuilder, JobHandle, JobId, TryAddError,
    TryAddManyError,
};

use crate::program::{Terms, Way};
use crate::reference::{Job, MAIN};
use crate::world::{Item, World};

/// Why a job was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum No {
    Closed,
    Full { waiting: usize, active: usize },
    Timeout,
    TooMany,
}

type Taken = Result<(JobId, Option<JobHandle<u32>>), (No, Item)>;

impl World {
    /// The job that these terms make; its instants differ from those of all other jobs.
    fn job_of(&self, terms: &Terms, payload: usize) -> Job {
        let mut job = self.reference.plain(MAIN, payload);
        job.priority = terms.priority.map_or(job.priority, |one| self.level(one));
        job.lifo = terms.lifo;
        job.attempts = terms.attempts.unwrap_or(job.attempts);
        job.pause = terms.pause.unwrap_or(job.pause);
        job.keep = [terms.keep_completed, terms.keep_failed];
        let own = Duration::from_nanos(self.reference.jobs.len() as u64);
        job.timeout = terms.timeout.map(|limit| limit + own).or(job.timeout);
        job.expires = terms.ttl.map(|ttl| self.reference.after(ttl + own));
        let delay = terms.delay.filter(|delay| !delay.is_zero());
        if let Some(delay) = delay {
            job.later = true;
            job.due = self.reference.after(delay + own);
        }
        job
    }

    fn level(&self, priority: u32) -> u32 {
        1 + priority % self.reference.lanes[MAIN].priorities()
    }

    fn cover_terms(&mut self, terms: &Terms) {
        let asked = [
            ("priority", terms.priority.is_some()),
            ("lifo", terms.lifo),
            ("delay", terms.delay.is_some()),
            ("ttl", terms.ttl.is_some()),
            ("attempts", terms.attempts.is_some()),
            ("backoff", terms.pause.is_some()),
            ("timeout", terms.timeout.is_some()),
            ("keep_completed", terms.keep_completed.is_some()),
            ("keep_failed", terms.keep_failed.is_some()),
        ];
        let asked = asked.into_iter().filter(|(_, asked)| *asked);
        asked.for_each(|(option, _)| self.reference.cover(option));
    }

    fn no_room(&self, later: bool, count: usize, tries: bool) -> Option<No> {
        if self.reference.lanes[MAIN].stopped {
            return Some(No::Closed);
        }
        if self.reference.room(MAIN, later) >= count {
            return None;
        }
        let setup = &self.reference.lanes[MAIN].setup;
        let slots = if later {
            setup.delayed_capacity
        } else {
            setup.capacity
        };
        let waiting = self.reference.waiting(MAIN).len();
        let active = slots.saturating_sub(waiting);
        Some(match tries {
            true => No::Full { waiting, active },
            false => No::Timeout,
        })
    }

    pub fn add(&mut self, mut way: Way, terms: Option<Terms>) {
        let item = self.item();
        let payload = item.0;
        if way == Way::Call && terms.is_some() {
            way = Way::TryAdd;
        }
        let job = match &terms {
            Some(terms) => self.job_of(terms, payload),
            None => self.reference.plain(MAIN, payload),
        };
        let expected = self.no_room(job.later, 1, way == Way::TryAdd);
        if expected == Some(No::Timeout) && matches!(way, Way::Add | Way::Submit) {
            // Nobody else would make room.
            way = Way::AddTimeout;
        }
        let queue = &self.main.queue;
        let none = Duration::ZERO;
        let taken = match &terms {
            None => match way {
                Way::TryAdd => of_try(queue.try_add(item)),
                Way::Add => of_add(queue.add(item)),
                Way::AddTimeout => of_timeout(queue.add_timeout(item, none)),
                Way::Submit => of_submit(queue.submit(item)),
                Way::Call => match queue.call(item, none) {
                    Err(CallError::Timeout(id)) => Ok((id, None)),
                    Err(CallError::Refused(refused)) => of_timeout(Err(refused)),
                    Ok(_) | Err(_) => panic!("nobody ran it"),
                },
            },
            Some(terms) => {
                let builder = self.builder(terms, &job, item);
                match way {
                    Way::TryAdd => of_try(builder.try_add()),
                    Way::AddTimeout => of_timeout(builder.add_timeout(none)),
                    Way::Submit => of_submit(builder.submit()),
                    Way::Add | Way::Call => of_add(builder.add()),
                }
            }
        };
        match (taken, expected) {
            (Ok((id, handle)), None) => {
                if let Some(terms) = &terms {
                    self.cover_terms(terms);
                }
                self.reference.cover(match way {
                    Way::TryAdd => "try_add",
                    Way::Add => "add",
                    Way::AddTimeout => "add_timeout",
                    Way::Submit => "submit",
                    Way::Call => "call",
                });
                let number = self.reference.admit(job);
                self.reference.name(number, id);
                self.handles.resize_with(number, || None);
                self.handles.push(handle);
            }
            (Err((no, item)), Some(expected)) => {
                assert_eq!((no, item.0), (expected, payload), "the refusal");
                self.reference.cover(match no {
                    No::Closed => "refused as closed",
                    No::Full { .. } => "refused as full",
                    No::Timeout | No::TooMany => "refused in time",
                });
            }
            (Ok((id, _)), Some(expected)) => panic!("{id} was accepted, not {expected:?}"),
            (Err((no, _)), None) => panic!("refused: {no:?}"),
        }
    }

    fn builder(&self, terms: &Terms, job: &Job, item: Item) -> JobBuilder<'_, Item, u32> {
        let mut builder = self.main.queue.job(item);
        if terms.priority.is_some() {
            builder = builder.priority(job.priority);
        }
        if terms.lifo {
            builder = builder.lifo();
        }
        if terms.delay.is_some() {
            let delay = if job.later {
                job.due - self.reference.now
            } else {
                0
            };
            builder = builder.delay(Duration::from_nanos(delay));
        }
        if let Some(expires) = job.expires {
            builder = builder.ttl(Duration::from_nanos(expires - self.reference.now));
        }
        if let Some(attempts) = terms.attempts {
            builder = builder.attempts(attempts);
        }
        if let Some(pause) = terms.pause {
            builder = builder.backoff(pause.backoff());
        }
        if terms.timeout.is_some() {
            builder = builder.timeout(job.timeout.unwrap());
        }
        if let Some(kept) = terms.keep_completed {
            builder = builder.keep_completed(kept);
        }
        if let Some(kept) = terms.keep_failed {
            builder = builder.keep_failed(kept);
        }
        builder
    }

    pub fn add_many(&mut self, count: usize, waits: bool) {
        let items: Vec<_> = (0..count).map(|_| self.item()).collect();
        let numbers: Vec<_> = items.iter().map(|item| item.0).collect();
        let expected = match count > self.main.queue.capacity() {
            true => Some(No::TooMany),
            false => self.no_room(false, count, true),
        };
        // Nobody else would make room.
        let waits = waits && !matches!(expected, Some(No::Full { .. }));
        let full = No::Full {
            waiting: 0,
            active: 0,
        };
        let answer = match waits {
            true => self
                .main
                .queue
                .add_many(items)
                .map_err(|error| match error {
                    AddManyError::TooMany { payloads, .. } => (No::TooMany, payloads),
                    AddManyError::Closed(items) => (No::Closed, items),
                    _ => panic!("an unknown refusal"),
                }),
            false => self
                .main
                .queue
                .try_add_many(items)
                .map_err(|error| match error {
                    TryAddManyError::TooMany { payloads, .. } => (No::TooMany, payloads),
                    TryAddManyError::Closed(items) => (No::Closed, items),
                    TryAddManyError::Full(items) => (full, items),
                    _ => panic!("an unknown refusal"),
                }),
        };
        match (answer, expected) {
            (Ok(ids), None) => {
                assert_eq!(ids.len(), count);
                for (id, payload) in ids.into_iter().zip(numbers) {
                    let number = self.reference.admit(self.reference.plain(MAIN, payload));
                    self.reference.name(number, id);
                }
                self.reference
                    .cover(if waits { "add_many" } else { "try_add_many" });
            }
            (Err((no, items)), Some(expected)) => {
                assert!(items.iter().map(|item| item.0).eq(numbers), "the payloads");
                let expected = match expected {
                    No::Full { .. } => full,
                    other => other,
                };
                assert_eq!(no, expected);
                self.reference.cover(match no {
                    No::TooMany => "many refused as too many",
                    No::Closed => "many refused as closed",
                    _ => "many refused as full",
                });
            }
            (Ok(_), Some(expected)) => panic!("{count} jobs were accepted, not {expected:?}"),
            (Err((no, _)), None) => panic!("{count} jobs were refused: {no:?}"),
        }
    }
}

fn of_try(answer: Result<JobId, TryAddError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(|error| match error {
        TryAddError::Full {
            payload,
            waiting,
            active,
        } => (No::Full { waiting, active }, payload),
        TryAddError::Closed(item) => (No::Closed, item),
        _ => panic!("an unknown refusal"),
    })
}

fn of_add(answer: Result<JobId, AddError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(closed)
}

fn of_submit(answer: Result<JobHandle<u32>, AddError<Item>>) -> Taken {
    answer
        .map(|handle| (handle.id(), Some(handle)))
        .map_err(closed)
}

fn closed(error: AddError<Item>) -> (No, Item) {
    match error {
        AddError::Closed(item) => (No::Closed, item),
        _ => panic!("an unknown refusal"),
    }
}

fn of_timeout(answer: Result<JobId, AddTimeoutError<Item>>) -> Taken {
    answer.map(|id| (id, None)).map_err(|error| match error {
        AddTimeoutError::Timeout(item) => (No::Timeout, item),
        AddTimeoutError::Closed(item) => (No::Closed, item),
        _ => panic!("an unknown refusal"),
    })
}
