//! What else drivers do: cancel, change, halt, look, listen, take jobs by lease, redrive letters.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;

use guichet::{EventError, JobId, JobState, Queue, Redrive};

use super::driver::Driver;
use super::facts::{End, Note};
use super::handler::read;
use super::leaser;
use super::payload::Kept;
use super::world::DEAD;

impl Driver {
    /// One thing that is not adding.
    pub fn meddle(&mut self) {
        let at = self.dice.below(4) as usize;
        match self.dice.below(200) {
            0..60 => self.cancel_one(at),
            60 => self.cancel_all(at),
            61..63 if self.world.slow => self.queues.work[at].pause(),
            63 if self.world.slow => self.queues.dead.pause(),
            64..70 => match self.dice.one_in(2) {
                true => self.queues.work[at].resume(),
                false => self.queues.dead.resume(),
            },
            70..73 if self.world.slow => self.queues.work[at].hold(self.dice.micros(0, 2_000)),
            73..100 => self.change(at),
            100..130 => self.look(at),
            130..145 => self.listen(at),
            145..170 => self.redrive(at),
            170..180 => self.lease_letter(),
            180..190 => self.lease_one(at),
            190 if !self.recorded => self.queues.work[at].forget_ended(),
            _ => std::thread::yield_now(),
        }
    }

    fn any(&mut self, at: usize) -> Option<JobId> {
        let recent = &self.recent[at];
        match recent.len() as u64 {
            0 => None,
            known => recent.get(self.dice.below(known) as usize).copied(),
        }
    }

    fn cancel_one(&mut self, at: usize) {
        let Some(id) = self.any(at) else { return };
        let queue = &self.queues.work[at];
        let handle = self.handles.iter().find(|(_, _, handle)| handle.id() == id);
        let cancelled = match (self.dice.below(4), handle) {
            (0, _) => queue.cancel(id),
            (1, _) => queue.cancel_because(id, "chaos"),
            (2, Some((_, _, handle))) => handle.cancel(),
            (_, Some((_, _, handle))) => handle.cancel_because("chaos"),
            _ => false,
        };
        if cancelled {
            self.notes[at].push(Note::Ended {
                id,
                end: End::Cancelled,
                witness: "cancel",
            });
        }
    }

    fn cancel_all(&mut self, at: usize) {
        let (at, jobs) = match self.dice.one_in(4) {
            true => (DEAD, self.queues.dead.cancel_all("chaos")),
            false => (at, self.queues.work[at].cancel_all("chaos")),
        };
        self.notes[at].push(Note::CancelledMany(jobs as u64));
    }

    /// Refusals are answers too: the job may have begun, or ended.
    fn change(&mut self, at: usize) {
        let Some(id) = self.any(at) else { return };
        let queue = &self.queues.work[at];
        let _ = match self.dice.below(3) {
            0 => queue.set_priority(id, self.dice.from(1, 5) as u32),
            1 => queue.promote(id),
            _ => queue.reschedule(id, self.dice.micros(0, 3_000)),
        };
    }

    fn look(&mut self, at: usize) {
        let Some(id) = self.any(at) else { return };
        let queue = &self.queues.work[at];
        let mut wrong = None;
        match self.dice.below(6) {
            0 | 1 => match queue.job_info(id) {
                Ok(info) if info.id != id => {
                    wrong = Some(format!("job_info({id}) is of job {}", info.id));
                }
                _ => {}
            },
            2 => {
                let state = self.dice.pick(&[
                    JobState::Waiting,
                    JobState::Active,
                    JobState::Delayed,
                    JobState::Dead,
                    JobState::Cancelled,
                ]);
                let infos = queue.jobs(state, 0, 4);
                let stranger = infos.iter().find(|info| info.id.queue() != queue.id());
                wrong = stranger.map(|info| format!("jobs() lists job {}", info.id));
            }
            3 => drop(queue.progress::<Kept>(id)),
            4 => drop(queue.result(id)),
            _ => {
                let stats = queue.stats();
                let most = (queue.capacity() + queue.delayed_capacity()) as u64;
                if stats.live() > most {
                    wrong = Some(format!("{} jobs live in {most} slots", stats.live()));
                }
            }
        }
        self.notes[at].extend(wrong.map(Note::Wrong));
    }

    fn listen(&mut self, at: usize) {
        let Some(listening) = &mut self.listening else {
            self.listening = Some(match self.dice.one_in(5) {
                true => self.queues.dead.subscribe(),
                false => self.queues.work[at].subscribe(),
            });
            return;
        };
        for _ in 0..self.dice.below(32) {
            match listening.next_timeout(self.dice.micros(0, 200)) {
                Ok(_) | Err(EventError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        if self.dice.one_in(3) {
            self.listening = None;
        }
    }

    fn redrive(&mut self, at: usize) {
        let chosen = RefCell::new(Vec::new());
        let dice = Cell::new(self.dice.roll());
        let redrive = Redrive::all()
            .limit(self.dice.from(1, 6) as usize)
            .filter(|letter| {
                read(&self.world, letter);
                dice.set(dice.get().rotate_left(7));
                let Some(payload) = letter
                    .payload
                    .as_ref()
                    .filter(|_| !dice.get().is_multiple_of(4))
                else {
                    return false;
                };
                payload.0.alone();
                chosen.borrow_mut().push(payload.0.number);
                true
            });
        let redrive = match self.dice.one_in(4) {
            true => redrive.rate(1, self.dice.micros(0, 1_000)),
            false => redrive,
        };
        let done = self.queues.dead.redrive(&self.queues.work[at], redrive);
        let chosen = chosen.into_inner();
        if chosen.len() != done.jobs.len() + usize::from(done.stopped) {
            let wrong = format!(
                "{} letters were chosen and {} redriven; stopped: {}",
                chosen.len(),
                done.jobs.len(),
                done.stopped
            );
            self.notes[DEAD].push(Note::Wrong(wrong));
        }
        let redriven = &self.world.ledgers[DEAD].redriven;
        // ORDERING: Relaxed — added up when all threads have ended; no partner.
        redriven.fetch_add(done.jobs.len() as u64, Ordering::Relaxed);
        for (id, number) in done.jobs.into_iter().zip(chosen) {
            self.notes[at].push(Note::Accepted {
                id,
                number,
                redriven: true,
            });
        }
    }

    fn lease_letter(&mut self) {
        let Some(lease) = self.queues.dead.try_lease() else {
            return;
        };
        let letter = lease.payload();
        read(&self.world, letter);
        let page = letter.payload.as_ref().map(|payload| payload.0.clone());
        leaser::settle(&self.world, DEAD, page.as_ref(), lease, &mut self.dice);
    }

    /// By the side of workers and consumers.
    fn lease_one(&mut self, at: usize) {
        let queue: &Queue<_, _> = &self.queues.work[at];
        if let Some(lease) = queue.try_lease() {
            let page = lease.payload().0.clone();
            leaser::settle(&self.world, at, Some(&page), lease, &mut self.dice);
        }
    }
}
