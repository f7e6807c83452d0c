//! Waiting with an end, and waiting for a peer that is in the middle of its step.

use std::time::Duration;
#[cfg(not(any(guichet_loom, guichet_shuttle)))]
use std::time::Instant;

use super::thread;

/// The instant at which a blocking call gives up.
///
/// The only clock below `queue`: a blocking call's own time-out. Models do not have time, so there
/// a deadline has always passed and the wait that has one ends at once, unless it is as far away as a
/// `Duration` can say: that one never passes.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(
    #[cfg(not(any(guichet_loom, guichet_shuttle)))] Option<Instant>,
    #[cfg(any(guichet_loom, guichet_shuttle))] Option<()>,
);

impl Deadline {
    /// The deadline `timeout` from now. One too far for the clock to name never passes.
    pub fn after(timeout: Duration) -> Self {
        #[cfg(not(any(guichet_loom, guichet_shuttle)))]
        return Deadline(Instant::now().checked_add(timeout));
        #[cfg(any(guichet_loom, guichet_shuttle))]
        Deadline((timeout != Duration::MAX).then_some(()))
    }

    /// The deadline at `instant`.
    pub fn at(instant: std::time::Instant) -> Self {
        #[cfg(not(any(guichet_loom, guichet_shuttle)))]
        return Deadline(Some(instant));
        #[cfg(any(guichet_loom, guichet_shuttle))]
        {
            let _ = instant;
            Deadline(Some(()))
        }
    }

    /// Whether it has passed.
    pub fn passed(&self) -> bool {
        // Whoever waits for a time that is over at once would wait in a circle, and let nobody else run.
        #[cfg(guichet_shuttle)]
        thread::yield_now();
        self.remaining() == Some(Duration::ZERO)
    }

    /// How long is left; `None` is for ever.
    pub fn remaining(&self) -> Option<Duration> {
        #[cfg(not(any(guichet_loom, guichet_shuttle)))]
        return self
            .0
            .map(|end| end.saturating_duration_since(Instant::now()));
        #[cfg(any(guichet_loom, guichet_shuttle))]
        self.0.map(|()| Duration::ZERO)
    }
}

/// Parks the calling thread until it is unparked (or for no reason), at the longest to `deadline`.
pub fn park_until(deadline: Option<Deadline>) {
    match deadline.and_then(|end| end.remaining()) {
        None => thread::park(),
        #[cfg(not(any(guichet_loom, guichet_shuttle)))]
        Some(left) => thread::park_timeout(left),
        #[cfg(any(guichet_loom, guichet_shuttle))]
        Some(_) => {}
    }
}

/// What a thread does while a peer that has claimed its place has not finished its step yet.
///
/// A few growing pauses, then yields: the peer may have been preempted, and on one core only a
/// yield lets it finish.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    const PAUSES: u32 = 6;

    /// Waits a little longer than the last time.
    #[inline]
    pub fn snooze(&mut self) {
        if super::MODEL || self.0 >= Self::PAUSES {
            thread::yield_now();
        } else {
            for _ in 0..1 << self.0 {
                std::hint::spin_loop();
            }
            self.0 += 1;
        }
    }
}
