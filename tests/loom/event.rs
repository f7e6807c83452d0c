//! The event count: no wake-up is lost. A lost one is a deadlock, which loom reports.

use guichet::internals::park::{EventCount, Oneshot, Yields};
use guichet::internals::ring::Ring;
use guichet::internals::sync::Deadline;
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::sync::Arc;
use loom::thread;
use std::time::Duration;

use super::check;

/// One consumer of a ring sleeps or not; the value reaches it.
#[test]
fn event_and_ring() {
    check("event_and_ring", || {
        let shared = Arc::new((Ring::new(2), EventCount::new(Yields::Warily)));
        let other = shared.clone();
        let consumer = thread::spawn(move || {
            let (ring, event) = &*other;
            event.wait_until(None, |_| ring.pop().ok(), || ring.len(), || 0)
        });
        shared.0.push(1).unwrap();
        shared.1.notify_one_after_rmw();
        assert_eq!(consumer.join().unwrap(), Some(1));
    });
}

/// Units that can be taken, and who waits for them.
struct Counter {
    units: AtomicU32,
    event: EventCount,
}

fn counter() -> Arc<Counter> {
    Arc::new(Counter {
        units: AtomicU32::new(0),
        event: EventCount::new(Yields::Warily),
    })
}

impl Counter {
    fn add(&self, units: u32) {
        self.units.fetch_add(units, Relaxed);
        self.event.notify_one_after_rmw();
    }

    /// How many units there were, the one taken included.
    fn take(&self, deadline: Option<Deadline>) -> Option<u32> {
        let attempt = |_| {
            let mut units = self.units.load(Relaxed);
            while units > 0 {
                match self
                    .units
                    .compare_exchange(units, units - 1, Relaxed, Relaxed)
                {
                    Ok(_) => return Some(units),
                    Err(now) => units = now,
                }
            }
            None
        };
        self.event.wait_until(
            deadline,
            attempt,
            || self.units.load(Relaxed) as usize,
            || 0,
        )
    }
}

fn consumer(counter: &Arc<Counter>) -> thread::JoinHandle<Option<u32>> {
    let counter = counter.clone();
    thread::spawn(move || counter.take(None))
}

/// One consumer, one unit, made by a plain store as a desk's are.
#[test]
fn event_1x1() {
    check("event_1x1", || {
        let counter = counter();
        let consumer = consumer(&counter);
        counter.units.store(1, Relaxed);
        counter.event.notify_one();
        assert!(consumer.join().unwrap().is_some());
    });
}

/// Two consumers, two units: nobody is woken while one searches, and yet both end.
#[test]
fn event_two_sleepers() {
    check("event_two_sleepers", || {
        let counter = counter();
        let (first, second) = (consumer(&counter), consumer(&counter));
        counter.add(1);
        counter.add(1);
        assert!(first.join().unwrap().is_some() && second.join().unwrap().is_some());
    });
}

/// One notification for two units, and the first one's work waits for the second one's: the woken
/// consumer must wake the next before it works.
#[test]
fn event_chain() {
    check("event_chain", || {
        let counter = counter();
        let meeting = Arc::new(Oneshot::new());
        let worker = || {
            let (counter, meeting) = (counter.clone(), meeting.clone());
            thread::spawn(move || match counter.take(None) {
                Some(2) => drop(meeting.wait(None)),
                _ => drop(meeting.set(())),
            })
        };
        let (first, second) = (worker(), worker());
        counter.add(2);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// A waiter that gives up passes on the notification that was meant for it.
#[test]
fn event_time_out_passes_on() {
    check("event_time_out_passes_on", || {
        let counter = counter();
        let hurried = {
            let counter = counter.clone();
            thread::spawn(move || counter.take(Some(Deadline::after(Duration::ZERO))))
        };
        let patient = consumer(&counter);
        counter.add(1);
        if hurried.join().unwrap().is_some() {
            counter.add(1);
        }
        assert!(patient.join().unwrap().is_some());
    });
}

/// Closing wakes everybody for good.
#[test]
fn event_close() {
    check("event_close", || {
        let counter = counter();
        let waiter = || {
            let counter = counter.clone();
            thread::spawn(move || {
                let closed = |_| (counter.units.load(Relaxed) > 0).then_some(());
                counter.event.wait_until(None, closed, || 1, || 0)
            })
        };
        let (first, second) = (waiter(), waiter());
        counter.units.fetch_add(1, Relaxed);
        counter.event.notify_all();
        first.join().unwrap();
        second.join().unwrap();
    });
}
