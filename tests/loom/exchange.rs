//! The two lines, at a store of one place that is a single word: three threads stay affordable.

use std::time::Duration;

use guichet::internals::model::{PopError, PushError};
use guichet::internals::park::{Ended, Exchange, Store};
use guichet::internals::sync::Deadline;
use guichet::internals::sync::atomic::{AtomicU32, Ordering::*, fence};
use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use super::check;

/// One number above 0 at most, and a bit that says that the store is closed. As a store must, it fences
/// after a success and before it refuses; the loads may be stale until then.
struct Cup(AtomicU32);

const CLOSED: u32 = 1 << 31;

impl Store<u32> for Cup {
    fn put(&self, value: u32) -> Result<(), PushError<u32>> {
        let mut fenced = false;
        loop {
            let held = self.0.load(Relaxed);
            if held & CLOSED != 0 {
                return Err(PushError::Closed(value));
            }
            if held == 0 && self.0.compare_exchange(0, value, Release, Relaxed).is_ok() {
                fence(SeqCst);
                return Ok(());
            }
            if held != 0 && fenced {
                return Err(PushError::Full(value));
            }
            fence(SeqCst);
            fenced = true;
        }
    }

    fn get(&self) -> Result<u32, PopError> {
        let mut fenced = false;
        loop {
            let held = self.0.load(Relaxed);
            let (value, closed) = (held & !CLOSED, held & CLOSED);
            if value != 0
                && self
                    .0
                    .compare_exchange(held, closed, Acquire, Relaxed)
                    .is_ok()
            {
                fence(SeqCst);
                return Ok(value);
            }
            if value == 0 && closed != 0 {
                return Err(PopError::Closed);
            }
            if value == 0 && fenced {
                return Err(PopError::Empty);
            }
            fence(SeqCst);
            fenced = true;
        }
    }

    fn has_room(&self) -> bool {
        true
    }

    fn moved(&self) -> u64 {
        0
    }
}

struct Counter {
    cup: Cup,
    lines: Exchange<u32>,
}

impl Counter {
    fn new() -> Arc<Self> {
        Arc::new(Counter {
            cup: Cup(AtomicU32::new(0)),
            lines: Exchange::default(),
        })
    }

    /// Without waiting.
    fn put(&self, value: u32) -> Result<(), PushError<u32>> {
        self.cup.put(value)?;
        self.lines.put_done(&self.cup);
        Ok(())
    }

    fn give(&self, value: u32) {
        if let Err(refused) = self.put(value) {
            assert_eq!(refused, PushError::Full(value));
            let given = self.lines.give(&self.cup, value, None);
            given.expect("the store is open");
        }
    }

    fn take(&self, deadline: Option<Deadline>) -> Result<u32, Ended> {
        match self.cup.get() {
            Ok(value) => {
                self.lines.got(&self.cup);
                Ok(value)
            }
            Err(PopError::Empty) => self.lines.take(&self.cup, deadline),
            Err(PopError::Closed) => Err(Ended::Closed),
        }
    }

    fn close(&self) {
        self.cup.0.fetch_or(CLOSED, AcqRel);
        self.lines.closed(&self.cup);
    }
}

fn gives(counter: &Arc<Counter>, value: u32) -> JoinHandle<()> {
    let counter = counter.clone();
    thread::spawn(move || counter.give(value))
}

fn takes(counter: &Arc<Counter>) -> JoinHandle<Result<u32, Ended>> {
    let counter = counter.clone();
    thread::spawn(move || counter.take(None))
}

/// Two sleep. The second value may come while the first one's taker is roused and not back: it relies on that.
#[test]
fn exchange_roused() {
    check("exchange_roused", || {
        let counter = Counter::new();
        let (one, two) = (takes(&counter), takes(&counter));
        counter.put(1).expect("it is empty");
        counter.give(2);
        let sum = one.join().unwrap().unwrap() + two.join().unwrap().unwrap();
        assert_eq!(sum, 3);
    });
}

/// Both lines move at once: a giver waits before the full store while two take.
#[test]
fn exchange_both_lines() {
    check("exchange_both_lines", || {
        let counter = Counter::new();
        counter.give(1);
        let giving = gives(&counter, 2);
        let taking = takes(&counter);
        let mine = counter.take(None).unwrap();
        assert_eq!(mine + taking.join().unwrap().unwrap(), 3);
        giving.join().unwrap();
    });
}

/// One taker gives up: the value is not lost with it, and who waits on has it.
#[test]
fn exchange_one_gives_up() {
    check("exchange_one_gives_up", || {
        let counter = Counter::new();
        let staying = takes(&counter);
        let giving = gives(&counter, 1);
        let taken = counter.take(Some(Deadline::after(Duration::ZERO)));
        giving.join().unwrap();
        if taken.is_ok() {
            counter.give(2);
        }
        assert!(staying.join().unwrap().is_ok());
        assert_eq!(counter.cup.get(), Err(PopError::Empty));
    });
}

/// One giver gives up: it has its value back or somebody has it, and the other is served.
#[test]
fn exchange_giver_gives_up() {
    check("exchange_giver_gives_up", || {
        let counter = Counter::new();
        counter.give(1);
        let staying = gives(&counter, 2);
        let other = counter.clone();
        let leaving = thread::spawn(move || {
            let end = Some(Deadline::after(Duration::ZERO));
            let given = other.lines.give(&other.cup, 4, end);
            assert!(matches!(given, Ok(()) | Err((4, Ended::TimedOut))));
            given.is_ok()
        });
        let mut sum = counter.take(None).unwrap() + counter.take(None).unwrap();
        if leaving.join().unwrap() {
            sum += counter.take(None).unwrap();
            sum -= 4;
        }
        staying.join().unwrap();
        assert_eq!(sum, 3);
    });
}

/// The end wakes everybody who waits in vain, and what is there is taken first.
#[test]
fn exchange_close() {
    check("exchange_close", || {
        let counter = Counter::new();
        let (one, two) = (takes(&counter), takes(&counter));
        counter.give(1);
        counter.close();
        let mut got = [one.join().unwrap(), two.join().unwrap()];
        got.sort_by_key(|taken| taken.is_err());
        assert_eq!(got, [Ok(1), Err(Ended::Closed)]);
    });
}

/// Everybody who waits is turned away, not only the first.
#[test]
fn exchange_close_two() {
    check("exchange_close_two", || {
        let counter = Counter::new();
        let (one, two) = (takes(&counter), takes(&counter));
        counter.close();
        assert_eq!(one.join().unwrap(), Err(Ended::Closed));
        assert_eq!(two.join().unwrap(), Err(Ended::Closed));
    });
}

/// A value is handed over while its taker gives up and the end comes: the taker has it, or it is still there.
#[test]
fn exchange_deliver_or_close() {
    check("exchange_deliver_or_close", || {
        let counter = Counter::new();
        let (giver, closer) = (counter.clone(), counter.clone());
        let giving = thread::spawn(move || giver.put(1).is_ok());
        let closing = thread::spawn(move || closer.close());
        let taken = counter.take(Some(Deadline::after(Duration::ZERO)));
        closing.join().unwrap();
        let given = giving.join().unwrap();
        assert!(
            !(given && taken == Err(Ended::Closed)),
            "the end came before what was there"
        );
        let left = counter.cup.get().is_ok();
        let found = usize::from(taken.is_ok()) + usize::from(left);
        assert_eq!(found, usize::from(given), "the value was lost or doubled");
    });
}
