//! A channel made of a lock and a condition variable, and what can be wrong with one.
//!
//! Without a flaw it must pass, and with any flaw it must be rejected: so the harness is tested on every
//! kind of call. The flaws strike now and then, as real ones do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Abilities, Program, Side, Wait};
use crate::record::{Refusal, Seat, Subject};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// The newest message comes out first.
    Lifo,
    /// One message in 1000 is lost.
    Loses,
    /// One message in 100 comes out twice.
    Doubles,
    /// One receive in 100 finds nothing although there is something.
    SaysEmpty,
    /// One send in 100 finds no room although there is some.
    SaysFull,
    /// A time-out of zero is over before there was an attempt, one time in 10.
    TimesOut,
    /// One send in 100 needs no room.
    Overfills,
    /// A batch that waits for room begins with its last message.
    TurnsBatches,
    /// A batch that does not block lets others in between.
    SplitsBatches,
    /// Once the senders have gone, nothing is received any more.
    Forgets,
    /// Accepts messages after the last receiver has gone.
    Talks,
    /// Wakes nobody up: a hang, and not an order that is wrong.
    Sleeps,
}

impl Flaw {
    /// Those that make wrong histories.
    pub const ALL: [Flaw; 11] = [
        Flaw::Lifo,
        Flaw::Loses,
        Flaw::Doubles,
        Flaw::SaysEmpty,
        Flaw::SaysFull,
        Flaw::TimesOut,
        Flaw::Overfills,
        Flaw::TurnsBatches,
        Flaw::SplitsBatches,
        Flaw::Forgets,
        Flaw::Talks,
    ];
}

/// The flaw, and how often it might have struck so far.
pub struct Flawed(Flaw, Arc<AtomicUsize>);

impl Flawed {
    pub fn new(flaw: Flaw) -> Self {
        Flawed(flaw, Arc::default())
    }
}

impl<M: Copy + Send + 'static> Subject<M> for Flawed {
    type Seat = Chair<M>;
    const ABILITIES: Abilities = Abilities {
        blocks: true,
        balanced: false,
        batches: true,
        closes: false,
        capacities: &[1, 2, 3, 4],
        whole_batches: true,
    };

    fn seats(&self, program: &Program) -> Vec<Chair<M>> {
        let shared = Arc::new(Shared {
            flaw: self.0,
            chances: Arc::clone(&self.1),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                capacity: program.capacity,
                senders: program.senders(),
                receivers: program.receivers(),
            }),
            changed: Condvar::new(),
        });
        let chair = |_| Chair(Arc::clone(&shared));
        program.threads.iter().map(chair).collect()
    }
}

struct Shared<M> {
    flaw: Flaw,
    chances: Arc<AtomicUsize>,
    state: Mutex<State<M>>,
    changed: Condvar,
}

struct State<M> {
    queue: VecDeque<M>,
    capacity: usize,
    senders: usize,
    receivers: usize,
}

impl<M: Copy> Shared<M> {
    /// Whether the flaw is this one and strikes now, as it does one time in `period`.
    fn strikes(&self, flaw: Flaw, period: usize) -> bool {
        self.flaw == flaw && self.chances.fetch_add(1, Relaxed) % period == period - 1
    }

    fn wake(&self) {
        if self.flaw != Flaw::Sleeps {
            self.changed.notify_all();
        }
    }

    fn enter(&self, state: &mut State<M>, message: M) -> Result<(), Refusal> {
        let room = state.queue.len() < state.capacity;
        if state.receivers == 0 && !(room && self.flaw == Flaw::Talks) {
            return Err(Refusal::Disconnected);
        }
        if !room && !self.strikes(Flaw::Overfills, 100) {
            return Err(Refusal::Boundary);
        }
        if !self.strikes(Flaw::Loses, 1000) {
            state.queue.push_back(message);
        }
        Ok(())
    }

    fn exit(&self, state: &mut State<M>) -> Result<M, Refusal> {
        let gone = state.senders == 0;
        let next = match self.flaw {
            Flaw::Lifo => state.queue.pop_back(),
            Flaw::Forgets if gone => None,
            _ => state.queue.pop_front(),
        };
        let Some(message) = next else {
            return Err(if gone {
                Refusal::Disconnected
            } else {
                Refusal::Boundary
            });
        };
        if self.strikes(Flaw::Doubles, 100) {
            state.queue.push_front(message);
        }
        Ok(message)
    }

    /// Attempts until it succeeds or nobody wants to wait any longer.
    fn until<T>(
        &self,
        wait: Wait,
        mut attempt: impl FnMut(&mut State<M>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let started = Instant::now();
        let mut state = self.state.lock().expect("no panic under the lock");
        if wait == Wait::For(Duration::ZERO) && self.strikes(Flaw::TimesOut, 10) {
            return Err(Refusal::TimedOut);
        }
        loop {
            let outcome = attempt(&mut state);
            if !matches!(outcome, Err(Refusal::Boundary)) {
                self.wake();
                return outcome;
            }
            state = match wait {
                Wait::Try => return outcome,
                Wait::Forever => self.changed.wait(state).expect("no panic under the lock"),
                Wait::For(patience) => {
                    let left = patience.saturating_sub(started.elapsed());
                    if left.is_zero() {
                        return Err(Refusal::TimedOut);
                    }
                    let woken = self.changed.wait_timeout(state, left);
                    woken.expect("no panic under the lock").0
                }
            };
        }
    }

    /// Whether a call that does not wait is refused for no reason.
    fn denies(&self, wait: Wait, flaw: Flaw) -> bool {
        wait == Wait::Try && self.strikes(flaw, 100)
    }
}

/// One thread's place at a flawed channel.
pub struct Chair<M>(Arc<Shared<M>>);

impl<M: Copy + Send + 'static> Seat<M> for Chair<M> {
    fn send(&mut self, wait: Wait, message: M) -> Result<(), (Refusal, M)> {
        if self.0.denies(wait, Flaw::SaysFull) {
            return Err((Refusal::Boundary, message));
        }
        let sent = self.0.until(wait, |state| self.0.enter(state, message));
        sent.map_err(|why| (why, message))
    }

    fn recv(&mut self, wait: Wait) -> Result<M, Refusal> {
        if self.0.denies(wait, Flaw::SaysEmpty) {
            return Err(Refusal::Boundary);
        }
        self.0.until(wait, |state| self.0.exit(state))
    }

    fn send_many(&mut self, wait: Wait, messages: &mut Vec<M>) -> Result<usize, Refusal> {
        if wait == Wait::Forever && self.0.flaw == Flaw::TurnsBatches {
            messages.rotate_right(1);
        }
        let mut sent = 0;
        while !messages.is_empty() {
            let outcome = self.0.until(wait, |state| {
                let most = if self.0.flaw == Flaw::SplitsBatches {
                    1
                } else {
                    messages.len()
                };
                let room = state.capacity.saturating_sub(state.queue.len());
                let room = room.clamp(1, most);
                for &message in &messages[..room] {
                    self.0.enter(state, message)?;
                }
                Ok(room)
            });
            match outcome {
                Ok(moved) => {
                    messages.drain(..moved);
                    sent += moved;
                }
                Err(_) if wait == Wait::Try && sent > 0 => break,
                Err(why) => return Err(why),
            }
            if wait == Wait::Try && self.0.flaw != Flaw::SplitsBatches {
                break;
            }
            thread::yield_now();
        }
        Ok(sent)
    }

    fn recv_many(
        &mut self,
        wait: Wait,
        messages: &mut Vec<M>,
        most: usize,
    ) -> Result<usize, Refusal> {
        self.0.until(wait, |state| {
            messages.push(self.0.exit(state)?);
            while messages.len() < most && !state.queue.is_empty() {
                messages.push(self.0.exit(state)?);
            }
            Ok(messages.len())
        })
    }

    fn leave(&mut self, side: Side) {
        let mut state = self.0.state.lock().expect("no panic under the lock");
        match side {
            Side::Senders => state.senders -= 1,
            Side::Receivers => state.receivers -= 1,
        }
        self.0.wake();
    }
}
