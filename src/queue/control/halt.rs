//! Halting dispatch: a pause until somebody ends it, a hold until an instant. Jobs stay where they are.

use std::time::Duration;

use crate::queue::base::switches::Setting;
use crate::queue::life::Queue;

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
        self.shared.ready.pause(&self.shared.core);
    }

    /// Ends a [`pause`](Queue::pause) and a [`hold`](Queue::hold).
    pub fn resume(&self) {
        self.shared.ready.resume(&self.shared.core);
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
        self.shared.ready.hold_for(&self.shared.core, pause);
    }
}
