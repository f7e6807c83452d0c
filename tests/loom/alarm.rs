//! The alarm clock: what the sleeper was told before it slept, it does not sleep over.

use guichet::internals::park::{Alarm, NEVER};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed};
use guichet::internals::wheel::{Timer, Timers};
use loom::sync::Arc;
use loom::thread;

use super::check;

struct Clerk {
    alarm: Alarm,
    /// What others have told it; Relaxed, so that the alarm alone must carry it.
    news: AtomicU32,
    /// Fences are no scheduling points for loom, so a step before each brings them into play.
    probe: AtomicU32,
}

impl Clerk {
    fn new() -> Arc<Clerk> {
        Arc::new(Clerk {
            alarm: Alarm::new(),
            news: AtomicU32::new(0),
            probe: AtomicU32::new(0),
        })
    }

    /// Sleeps until it was told `count` things.
    fn wait_for(&self, count: u32) {
        let told = || {
            self.probe.fetch_add(0, Relaxed);
            self.news.load(Relaxed) >= count
        };
        while !told() {
            self.alarm.sleep(NEVER, None, told);
        }
    }

    fn tell(&self, instant: u64) {
        self.news.fetch_add(1, Relaxed);
        self.probe.fetch_add(0, Relaxed);
        self.alarm.bring_forward(instant);
    }
}

#[test]
fn alarm_1x1() {
    check("alarm_1x1", || {
        let clerk = Clerk::new();
        let sleeper = {
            let clerk = clerk.clone();
            thread::spawn(move || clerk.wait_for(1))
        };
        clerk.tell(7);
        sleeper.join().unwrap();
    });
}

#[test]
fn alarm_2x1() {
    check("alarm_2x1", || {
        let clerk = Clerk::new();
        let others: Vec<_> = (0..2)
            .map(|at| {
                let clerk = clerk.clone();
                thread::spawn(move || clerk.tell(at))
            })
            .collect();
        clerk.wait_for(2);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// A wake for no instant, as shutdown's.
#[test]
fn alarm_wake() {
    check("alarm_wake", || {
        let clerk = Clerk::new();
        let sleeper = {
            let clerk = clerk.clone();
            thread::spawn(move || clerk.wait_for(1))
        };
        clerk.news.fetch_add(1, Relaxed);
        clerk.alarm.wake();
        sleeper.join().unwrap();
    });
}

/// One announces a slot's instant, another puts it into the wheel in passing, as whoever reviews a slot does: the clerk does
/// not sleep over what has left the inbox.
#[test]
fn alarm_reviewed() {
    check("alarm_reviewed", || {
        let (clerk, timers) = (Clerk::new(), Arc::new(Timers::new(0)));
        let told = |slot: u32| (slot == 0).then_some(Timer { due: 5, step: 1 });
        let reviewer = {
            let timers = timers.clone();
            thread::spawn(move || timers.review(1, told))
        };
        let sleeper = {
            let (clerk, timers) = (clerk.clone(), timers.clone());
            thread::spawn(move || {
                let mut fired = Vec::new();
                loop {
                    let next = timers.tick(0, 8, told, &mut fired).unwrap_or(NEVER);
                    if next != NEVER {
                        break;
                    }
                    clerk.alarm.sleep(next, None, || {
                        clerk.probe.fetch_add(0, Relaxed);
                        timers.has_news(next)
                    });
                }
            })
        };
        timers.announce(0, told);
        clerk.probe.fetch_add(0, Relaxed);
        clerk.alarm.bring_forward(5);
        sleeper.join().unwrap();
        reviewer.join().unwrap();
    });
}
