//! How long a job whose attempt failed waits for its next one.

use std::time::Duration;

use super::options::{InvalidOption, check_share};

/// The pause between a failed attempt of a job and its next one.
///
/// Default: [`none`](Backoff::none). Pauses are kept in nanoseconds; what exceeds `u64::MAX` of
/// them (584 years) counts as that.
///
/// # Examples
/// ```
/// use guichet::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::exponential(Duration::from_secs(1)).cap(Duration::from_secs(60));
/// assert_eq!(backoff.delay(1, 0), Duration::from_secs(1));
/// assert_eq!(backoff.delay(4, 0), Duration::from_secs(8));
/// assert_eq!(backoff.delay(7, 0), Duration::from_secs(60));
///
/// // With jitter, the random bits choose between half a pause and a whole one.
/// let spread = backoff.jitter(0.5);
/// assert_eq!(spread.delay(4, 0), Duration::from_secs(8));
/// assert_eq!(spread.delay(4, u64::MAX), Duration::from_secs(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    growth: Growth,
    base_nanos: u64,
    cap_nanos: u64,
    /// Which share of a pause is left to chance. An `f32`, so that it survives `to_bits` unchanged.
    jitter: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    Fixed = 0,
    Doubling = 1,
}

/// The cap of `exponential`, unless another is given.
const HOUR: Duration = Duration::from_secs(3600);

impl Backoff {
    /// No pause: the job goes back to the end of the line at once. The default.
    pub const fn none() -> Self {
        Self::fixed(Duration::ZERO)
    }

    /// The same pause after every failed attempt, without a cap.
    pub const fn fixed(pause: Duration) -> Self {
        Backoff {
            growth: Growth::Fixed,
            base_nanos: nanos(pause),
            cap_nanos: u64::MAX,
            jitter: 0.0,
        }
    }

    /// `base` after the first failed attempt, and twice the last pause after each further one, up to
    /// 1 hour or what [`cap`](Backoff::cap) says.
    pub const fn exponential(base: Duration) -> Self {
        Backoff {
            growth: Growth::Doubling,
            base_nanos: nanos(base),
            cap_nanos: nanos(HOUR),
            jitter: 0.0,
        }
    }

    /// No pause is longer than `longest`. Default: 1 hour for [`exponential`](Backoff::exponential),
    /// none for [`fixed`](Backoff::fixed).
    pub const fn cap(mut self, longest: Duration) -> Self {
        self.cap_nanos = nanos(longest);
        self
    }

    /// Draws each pause evenly from `[d * (1 - share), d]`, where `d` is the capped pause, so that
    /// jobs that failed together do not return together. Default 0; 0 to 1, kept as the nearest
    /// `f32`. What lies outside is refused when the queue is built.
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = share as f32;
        self
    }

    /// The pause after failed attempt number `failed_attempts` (from 1; 0 counts as 1), drawn with
    /// 64 `random` bits. The same arguments give the same pause; more failed attempts with the same
    /// bits never give a shorter one.
    pub fn delay(&self, failed_attempts: u32, random: u64) -> Duration {
        let doublings = match self.growth {
            Growth::Fixed => 0,
            Growth::Doubling => failed_attempts.saturating_sub(1),
        };
        let grown = self
            .base_nanos
            .saturating_mul(2_u64.saturating_pow(doublings));
        let longest = grown.min(self.cap_nanos);
        // In integers, so that long pauses lose no bits: the part left to chance is
        // `longest * jitter`, and `random / 2^64` of it, ends included, is taken off.
        let span = (u128::from(longest) * u128::from(self.jitter_in_2_to_32())) >> 32;
        let off = ((span + 1) * u128::from(random)) >> 64;
        Duration::from_nanos(longest - off as u64)
    }

    /// The jitter as a multiple of 2^-32. A share that `check` refuses counts as the nearest valid
    /// one, and NaN as 0.
    fn jitter_in_2_to_32(&self) -> u64 {
        const ONE: u64 = 1 << 32;
        // The cast ends at 0 by itself.
        ((f64::from(self.jitter) * ONE as f64) as u64).min(ONE)
    }

    /// Refuses a jitter outside 0 to 1.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn check(&self) -> Result<(), InvalidOption> {
        check_share("jitter", self.jitter)
    }

    /// Packed for shared cells: base, cap, and `growth` (upper half) with `jitter` (lower half).
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn to_bits(self) -> [u64; 3] {
        let shape = (self.growth as u64) << 32 | u64::from(self.jitter.to_bits());
        [self.base_nanos, self.cap_nanos, shape]
    }

    /// The reverse of `to_bits`.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn from_bits([base_nanos, cap_nanos, shape]: [u64; 3]) -> Self {
        let growth = match shape >> 32 {
            0 => Growth::Fixed,
            _ => Growth::Doubling,
        };
        Backoff {
            growth,
            base_nanos,
            cap_nanos,
            jitter: f32::from_bits(shape as u32),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::none()
    }
}

const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        nanos as u64
    }
}
