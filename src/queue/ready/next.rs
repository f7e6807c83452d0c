//! What there is to start: tickets in line, and those that a worker has taken and not started.

use super::Ready;
use crate::queue::base::core::Core;
use crate::queue::base::switches::Setting;
use crate::sync::{Deadline, seeded};
use crate::table::Ticket;

impl Ready {
    /// Waits for what `look` finds, up to `deadline`.
    pub(crate) fn wait_for_work<T, R, X>(
        &self,
        core: &Core<T, R>,
        deadline: Option<Deadline>,
        mut look: impl FnMut() -> Option<X>,
    ) -> Option<X> {
        let more = || self.work_left(core);
        let progress = || self.line.popped();
        self.idle.wait_until(deadline, |_| look(), more, progress)
    }

    /// A job is there that nobody was told of: wakes a worker, if none looks.
    pub(crate) fn wake_one(&self) {
        self.idle.notify_one();
    }

    /// Whether workers sleep who could start a job.
    #[inline]
    pub(crate) fn has_sleepers(&self) -> bool {
        self.idle.has_sleepers()
    }

    /// How many tickets lie in line, stale ones included.
    pub(crate) fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether something more urgent than `level` has come; about right.
    #[inline]
    pub(crate) fn has_before(&self, level: u32) -> bool {
        self.line.has_before(level)
    }

    /// How many jobs an idle worker could start, about: those on desks count as one, and so do those in line.
    pub(crate) fn work_left<T, R>(&self, core: &Core<T, R>) -> usize {
        if core.switches.now().any(Setting::HALTED) {
            return 0;
        }
        usize::from(!self.line.is_empty() || self.any_unstarted(core).is_some())
    }

    /// Asked by who has found nothing in line and then nothing on the desks: whether there is something in line after
    /// all. A job that gets another priority while its ticket lies on a desk moves from there into the line.
    pub(crate) fn has_moved(&self) -> bool {
        !self.line.is_empty() && !seeded!("dispatch_overlooks_moves")
    }

    /// A job that a worker has taken out of the lane and not started, and where it lay.
    pub(crate) fn any_unstarted<T, R>(&self, core: &Core<T, R>) -> Option<(Ticket, i64)> {
        self.desks.look(|all| {
            let mut laid_out = all.iter().flat_map(|desk| desk.tray.unstarted());
            laid_out.find(|(ticket, _)| core.slab.is_current(*ticket))
        })
    }
}
