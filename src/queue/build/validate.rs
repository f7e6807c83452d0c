//! A queue's options, checked and in its own terms, and the queue made of them.

use crate::lane::MOST_LEVELS;
use crate::model::{Order, Policy, check_range};
use crate::queue::base::core::Core;
use crate::queue::base::error::BuildError;
use crate::queue::base::host::Adopted;
use crate::queue::base::options::Options;
use crate::queue::base::switches::{Setting, Switches};
use crate::queue::base::terms::check_timeout;
use crate::queue::build::builder::QueueBuilder;
use crate::queue::life::{Queue, Shared};
use crate::queue::ready::letters::Letters;
use crate::queue::record::Records;
use crate::sync::{Arc, next_queue_number};
use crate::table::{MAX_SLOTS, Slab};
use crate::time::nanos;

impl<T: Send + 'static, R: Send + 'static> QueueBuilder<T, R> {
    /// Checks the options and makes the queue.
    ///
    /// # Errors
    /// [`BuildError::Invalid`] names the option and its range; [`BuildError::BadName`] and
    /// [`BuildError::NameTaken`] if the runtime can't have a queue of this name; [`BuildError::ShutDown`] if it is shut down or gone.
    pub fn build(self) -> Result<Queue<T, R>, BuildError> {
        let options = self.check()?;
        if self.name.is_empty() || self.name.contains('\0') {
            return Err(BuildError::BadName(self.name));
        }
        let host = self.host.upgrade().ok_or(BuildError::ShutDown)?;
        let (now, later) = (options.capacity, options.delayed_capacity);
        let time = host.time();
        let switches = Switches::new();
        if options.timeout != 0 {
            switches.turn_on(Setting::TIMED);
        }
        if self.hooks.completed.is_some() || options.keeps_completed || self.results.is_some() {
            switches.turn_on(Setting::FOLLOWED);
        }
        let core = Core {
            number: next_queue_number(),
            name: self.name,
            options,
            time,
            host: self.host,
            switches,
            slab: Slab::new(now + later),
            alarm: host.alarm(),
        };
        let kept = [self.keep_completed, self.keep_failed];
        let records = Records::new(now + later, kept, self.results);
        let letters = Letters::new(self.dead, host.alarm());
        let shared = Arc::new(Shared::new(core, self.hooks, letters, records));
        match host.adopt(shared.clone()) {
            Adopted::Yes => Ok(Queue { shared }),
            Adopted::NameTaken => Err(BuildError::NameTaken(shared.core.name.clone())),
            Adopted::ShutDown => Err(BuildError::ShutDown),
        }
    }
}

impl<T, R> QueueBuilder<T, R> {
    fn check(&self) -> Result<Options, BuildError> {
        let slots = MAX_SLOTS as u64;
        let capacity = check_range("capacity", self.capacity as u64, 1..=slots - 1)?;
        let delayed = match self.delayed_capacity {
            Some(given) => check_range("delayed_capacity", given as u64, 1..=slots - capacity)?,
            None => capacity.min(slots - capacity),
        };
        let levels = self.order.priorities();
        let most_levels = match self.order {
            Order::Bands(_) => MOST_LEVELS,
            _ => u32::MAX,
        };
        check_range("order", levels.into(), 1..=most_levels.into())?;
        let default = self.default_priority.unwrap_or(levels.div_ceil(2).min(5));
        self.check_policy()?;
        self.backoff.check()?;
        self.keep_completed.check("keep_completed")?;
        self.keep_failed.check("keep_failed")?;
        if let Some(results) = &self.results {
            results.check("keep_results")?;
        }
        let sample_every = check_range("sample_every", self.sample_every.into(), 1..=65_536)?;
        if !sample_every.is_power_of_two() {
            return Err(BuildError::SampleNotPowerOfTwo(self.sample_every));
        }
        Ok(Options {
            capacity: capacity as usize,
            delayed_capacity: delayed as usize,
            order: self.order,
            policy: self.policy,
            default_priority: check_range("default_priority", default.into(), 1..=levels.into())?
                as u32,
            attempts: check_range("attempts", self.attempts.into(), 1..=1_000_000)? as u32,
            backoff: self.backoff,
            prefetch: check_range("prefetch", self.prefetch as u64, 1..=32)? as usize,
            sample_every,
            timeout: self.timeout.map_or(Ok(0), check_timeout)?,
            stuck_after: nanos(self.stuck_after),
            max_stuck: check_range("max_stuck", self.max_stuck as u64, 0..=1024)? as usize,
            // 0 would mean never.
            overlap_after: self.overlap_after.map_or(0, |grace| nanos(grace).max(1)),
            delivery_limit: check_range(
                "delivery_limit",
                self.delivery_limit.into(),
                0..=1_000_000,
            )? as u32,
            log_lines: check_range("log_lines", self.log_lines as u64, 0..=100_000)? as usize,
            event_capacity: check_range("event_capacity", self.event_capacity as u64, 2..=1 << 24)?
                as usize,
            keeps_completed: self.keep_completed.any(),
            keeps_failed: self.keep_failed.any(),
            single_active: self.single_active,
            sends_letters: self.dead.is_some(),
        })
    }

    fn check_policy(&self) -> Result<(), BuildError> {
        let fits = match (self.policy, self.order) {
            (Policy::Strict, _) => true,
            (Policy::Aging { per }, Order::Bands(_) | Order::Heap(_)) => !per.is_zero(),
            (Policy::Weighted, Order::Bands(_)) => true,
            _ => false,
        };
        match fits {
            true => Ok(()),
            false => Err(BuildError::PolicyOfOrder(self.policy, self.order)),
        }
    }
}
