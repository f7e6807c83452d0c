//! Halting dispatch: a pause until somebody ends it, a hold until an instant. Jobs stay where they are.

use std::time::Duration;

use crate::queue::base::switches::Setting;
use crate::queue::{Queue, Shared};

impl<T: Send + 'static, R: Send + 'static> Queue<T, R> {
    /// Hands no more jobs out until [`resume`](Queue::resume).
    ///
    /// A job that was not handed out when this returns is not handed out before the queue is resumed; jobs that are running
    /// go on. Jobs may be added as before, and become due. In a shutdown the jobs of a paused queue are returned.
    ///
    /// ```
    /// use guichet::{ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// mail.workers(1, |_| Ok(()))?;
    /// mail.pause();
    /// mail.add("letter")?;
    /// runtime.run_until_idle();
    /// assert_eq!(mail.stats().waiting, 1);
    /// mail.resume();
    /// runtime.run_until_idle();
    /// assert_eq!(mail.stats().completed, 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn pause(&self) {
        let switches = &self.shared.core.switches;
        switches.turn_on(Setting::PAUSED);
        // ORDERING: full fence — the switch before whatever the caller does next; partner: the look behind each activation,
        // `after_step`.
        switches.fence();
    }

    /// Ends a [`pause`](Queue::pause) and a [`hold`](Queue::hold).
    pub fn resume(&self) {
        let shared = &self.shared;
        let mut held_until = shared.held_until.lock();
        *held_until = 0;
        shared.core.switches.turn_off(Setting::HALTED);
        drop(held_until);
        shared.idle.notify_all();
    }

    /// Whether the queue is paused.
    pub fn is_paused(&self) -> bool {
        self.shared.core.switches.now().any(Setting::PAUSED)
    }

    /// Hands no more jobs out for `pause`, as [`pause`](Queue::pause) does; a hold that ends later stays. What a handler does
    /// with [`Failure::rate_limited`](crate::Failure::rate_limited).
    ///
    /// ```
    /// use std::time::Duration;
    /// use guichet::{ManualClock, Runtime};
    ///
    /// let runtime = Runtime::builder().clock(ManualClock::new()).build()?;
    /// let mail = runtime.queue::<&str, ()>("mail").build()?;
    /// mail.workers(1, |_| Ok(()))?;
    /// mail.hold(Duration::from_secs(60));
    /// mail.add("letter")?;
    /// runtime.advance(Duration::from_secs(59));
    /// assert_eq!(mail.stats().waiting, 1);
    /// runtime.advance(Duration::from_secs(1));
    /// assert_eq!(mail.stats().completed, 1);
    /// # Ok::<(), guichet::Error>(())
    /// ```
    pub fn hold(&self, pause: Duration) {
        self.shared.hold_for(pause);
    }
}

impl<T, R> Shared<T, R> {
    pub(crate) fn hold_for(&self, pause: Duration) {
        let until = self.core.time.after(pause);
        let mut held_until = self.held_until.lock();
        *held_until = until.max(*held_until);
        self.core.switches.turn_on(Setting::HELD);
        // ORDERING: full fence — as in `pause`.
        self.core.switches.fence();
        drop(held_until);
        self.core.alarm.bring_forward(until);
    }

    /// When the hold is over, if there is one.
    pub(crate) fn hold_ends(&self) -> Option<u64> {
        let held = self.core.switches.now().any(Setting::HELD);
        held.then(|| *self.held_until.lock())
    }

    /// Ends the hold if it is over; else when it will be.
    pub(crate) fn end_hold(&self) -> Option<u64> {
        let until = self.hold_ends()?;
        if until > self.core.time.now().to_nanos() {
            return Some(until);
        }
        let mut held_until = self.held_until.lock();
        if *held_until != until {
            return Some(*held_until);
        }
        *held_until = 0;
        self.core.switches.turn_off(Setting::HELD);
        drop(held_until);
        self.idle.notify_all();
        None
    }
}
