//! What the tests share: waits that end, threads that can be asked, and a small generator.
//!
//! A wait that lasts `PATIENCE` is a failure: a lost wake-up shows as a panic, never as a hang.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Far longer than anything here takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A thread whose end is waited for with patience.
pub struct Pending<X> {
    thread: JoinHandle<()>,
    outcome: Receiver<X>,
}

/// Runs `body` on a thread of its own, which has begun when this returns.
pub fn start<X: Send + 'static>(body: impl FnOnce() -> X + Send + 'static) -> Pending<X> {
    let (tell, outcome) = channel();
    let (running, runs) = channel();
    let thread = thread::spawn(move || {
        let _ = running.send(());
        let _ = tell.send(body());
    });
    runs.recv_timeout(PATIENCE).expect("the thread starts");
    Pending { thread, outcome }
}

impl<X> Pending<X> {
    /// What the thread returned; its panic goes on here.
    #[track_caller]
    pub fn get(self) -> X {
        match self.outcome.recv_timeout(PATIENCE) {
            Ok(outcome) => {
                let _ = self.thread.join();
                outcome
            }
            Err(RecvTimeoutError::Timeout) => panic!("a thread hangs"),
            Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                Ok(()) => unreachable!("a thread that returns tells so"),
                Err(panic) => resume_unwind(panic),
            },
        }
    }

    /// Whether the thread is still at it. Does not wait.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    pub fn thread(&self) -> &Thread {
        self.thread.thread()
    }
}

/// Runs a test's body on a thread of its own and fails if it does not come to an end.
#[track_caller]
pub fn finishes(body: impl FnOnce() + Send + 'static) {
    start(body).get();
}

/// Gives threads that are about to block the time to get there. Nothing depends on whether they did,
/// except that the test then tests more.
pub fn let_block() {
    let end = Instant::now() + Duration::from_millis(2);
    while Instant::now() < end {
        thread::yield_now();
    }
}

/// Calls `attempt` until it gives something.
#[track_caller]
pub fn eventually<X>(what: &str, mut attempt: impl FnMut() -> Option<X>) -> X {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not in {PATIENCE:?}");
        thread::yield_now();
    }
}

/// Threads in small numbers, as (senders, receivers).
pub const CREWS: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 4)];

/// Rendezvous, the smallest rings, one that wraps, one that hardly fills.
pub const CAPACITIES: [usize; 5] = [0, 1, 2, 16, 1024];

/// Reproducible numbers that look like chance (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Spends up to `most` looks at the clock, so that two threads meet at varying moments.
    pub fn dawdle(&mut self, most: u64) {
        for _ in 0..self.below(most) {
            std::hint::black_box(Instant::now());
        }
    }
}
