//! Who gets a slot, and who waits for one.

use super::Ready;
use super::room::Room;
use crate::park::Care;
use crate::queue::base::core::Core;
use crate::queue::base::refusal::Refusal;
use crate::queue::base::switches::Setting;
use crate::sync::{Backoff, Deadline, MODEL, seeded, thread_number};
use crate::table::{Vacancies, Vacant};

/// So many looks for what stale tickets keep until they are sought in the lines once more.
const COMPACT_EVERY: u32 = if MODEL { 2 } else { 16 };

impl Ready {
    /// A slot, if one is vacant.
    #[inline(always)]
    pub(crate) fn claim<T, R>(&self, core: &Core<T, R>, room: &Room) -> Option<Vacant> {
        let claim = || room.pool.claim_one(thread_number());
        claim().or_else(|| self.claim_from_strays(core, claim))
    }

    /// Up to `most` slots, at least one.
    pub(crate) fn claim_run<T, R>(
        &self,
        core: &Core<T, R>,
        room: &Room,
        most: usize,
    ) -> Option<Vacancies> {
        let claim = || room.pool.claim(thread_number(), most.min(32) as u32);
        claim().or_else(|| self.claim_from_strays(core, claim))
    }

    /// Whether a slot could be had from a stale ticket.
    fn keeps_strays(&self) -> bool {
        self.has_strays() && !seeded!("room_chain_ignores_strays")
    }

    /// Nothing was vacant: claims what stale tickets kept. Those that lie somewhere are dropped; who has
    /// one in hand is about to, and is waited for, so that "full" is said only if it is true.
    #[cold]
    fn claim_from_strays<T, R, X>(
        &self,
        core: &Core<T, R>,
        claim: impl Fn() -> Option<X>,
    ) -> Option<X> {
        if !core.switches.now().any(Setting::STRAYED) {
            return None;
        }
        let mut backoff = Backoff::default();
        let mut round = 0_u32;
        while self.has_strays() {
            // Most that are left now are in somebody's hand.
            if round.is_multiple_of(COMPACT_EVERY) {
                self.compact(core);
            }
            round += 1;
            let claimed = claim();
            if claimed.is_some() || seeded!("room_no_wait_for_strays") {
                return claimed;
            }
            backoff.snooze();
        }
        // The last ones came back since the caller looked.
        claim()
    }

    /// A slot for one job; waits for it up to `deadline`.
    #[inline(always)]
    pub(crate) fn slot<T, R>(
        &self,
        core: &Core<T, R>,
        room: &Room,
        deadline: Option<Deadline>,
    ) -> Result<Vacant, Refusal> {
        if !core.is_open() {
            return Err(Refusal::Closed);
        }
        match self.claim(core, room) {
            Some(vacant) => Ok(vacant),
            None => {
                let mut run = self.wait_for_run(core, room, 1, deadline)?;
                Ok(run.pop().expect("a run has at least one slot"))
            }
        }
    }

    /// A slot for one job, if one is vacant.
    #[inline(always)]
    pub(crate) fn slot_now<T, R>(&self, core: &Core<T, R>, room: &Room) -> Result<Vacant, Refusal> {
        if !core.is_open() {
            return Err(Refusal::Closed);
        }
        self.claim(core, room).ok_or_else(|| self.full(room))
    }

    /// Slots for all of `count` jobs, if so many are vacant.
    pub(crate) fn slots_now<T, R>(
        &self,
        core: &Core<T, R>,
        room: &Room,
        count: usize,
    ) -> Result<Vec<Vacancies>, Refusal> {
        if !core.is_open() {
            return Err(Refusal::Closed);
        }
        self.collect(core, room, count, |missing| {
            self.claim_run(core, room, missing)
                .ok_or(Refusal::NoRoom { jobs: count })
        })
    }

    /// Of the jobs in line the count is read off the line: a census would look at every slot, for
    /// every refusal.
    #[cold]
    fn full(&self, room: &Room) -> Refusal {
        let waiting = self.line.len();
        Refusal::Full {
            waiting,
            active: room.capacity().saturating_sub(waiting),
        }
    }

    /// Waits until it can claim between 1 and `most` slots.
    #[cold]
    pub(crate) fn wait_for_run<T, R>(
        &self,
        core: &Core<T, R>,
        room: &Room,
        most: usize,
        deadline: Option<Deadline>,
    ) -> Result<Vacancies, Refusal> {
        let attempt = |care| match (core.is_open(), care) {
            (false, _) => Some(Err(Refusal::Closed)),
            (true, Care::Glance) => room.pool.claim_rich(thread_number(), most as u32).map(Ok),
            (true, Care::Exact) => self.claim_run(core, room, most).map(Ok),
        };
        if core.is_own_worker() {
            return attempt(Care::Exact).unwrap_or(Err(Refusal::WouldDeadlock));
        }
        let claimed = room.blocked.wait_until(
            deadline,
            attempt,
            // What stale tickets keep can be had too.
            || usize::from(room.pool.has_vacancy() || self.keeps_strays()),
            || self.line.popped(),
        );
        claimed.unwrap_or(Err(Refusal::TimedOut))
    }

    /// Slots for all of `count` jobs; waits for them.
    pub(crate) fn slots<T, R>(
        &self,
        core: &Core<T, R>,
        room: &Room,
        count: usize,
    ) -> Result<Vec<Vacancies>, Refusal> {
        // An own worker must not wait for who collects: that one may wait for this worker.
        let _collecting = (!core.is_own_worker()).then(|| room.bulk.lock());
        if !core.is_open() {
            return Err(Refusal::Closed);
        }
        self.collect(core, room, count, |missing| {
            match self.claim_run(core, room, missing) {
                Some(run) => Ok(run),
                None => self.wait_for_run(core, room, missing, None),
            }
        })
    }

    /// Slots for all of `count` jobs, run by run from `claim`, or none.
    fn collect<T, R, E>(
        &self,
        core: &Core<T, R>,
        room: &Room,
        count: usize,
        claim: impl Fn(usize) -> Result<Vacancies, E>,
    ) -> Result<Vec<Vacancies>, E> {
        let mut reserved = Vec::new();
        let mut missing = count;
        while missing > 0 {
            match claim(missing) {
                Ok(run) => {
                    missing -= run.len();
                    reserved.push(run);
                }
                Err(refused) => {
                    reserved
                        .into_iter()
                        .for_each(|run| self.give_back(core, room, run));
                    return Err(refused);
                }
            }
        }
        Ok(reserved)
    }

    /// Gives reserved slots back and wakes who waits for one.
    pub(crate) fn give_back<T, R>(&self, core: &Core<T, R>, room: &Room, run: Vacancies) {
        if !run.is_empty() {
            room.pool.give_back_all(run);
            self.slot_came_back(core, room);
        }
    }

    /// Gives one slot back and wakes who waits for it.
    #[inline]
    pub(crate) fn vacate<T, R>(&self, core: &Core<T, R>, vacant: Vacant) {
        let room = self.room_of(core, vacant.slot());
        room.pool.give_back(vacant);
        self.slot_came_back(core, room);
    }

    #[inline]
    fn slot_came_back<T, R>(&self, core: &Core<T, R>, room: &Room) {
        room.blocked.notify_one_after_rmw();
        self.look_for_senders(core);
    }

    /// Wakes who waits for room for a dead letter. Behind a notification's fence; partner: the fence of `await_room`.
    #[inline(always)]
    fn look_for_senders<T, R>(&self, core: &Core<T, R>) {
        if core.switches.now().any(Setting::AWAITED) {
            self.wake_senders(core);
        }
    }

    /// A slot can be made vacant by compaction: wakes who waits for it.
    #[cold]
    fn may_compact<T, R>(&self, core: &Core<T, R>, slot: u32) {
        let room = self.room_of(core, slot);
        room.blocked.notify_one();
        self.look_for_senders(core);
    }

    /// A job has ended and its slot did not come back: a stray may be what keeps it.
    #[cold]
    pub(crate) fn nudge<T, R>(&self, core: &Core<T, R>, slot: u32) {
        if self.has_strays() {
            self.may_compact(core, slot);
        }
    }

    #[inline(always)]
    fn room_of<T, R>(&self, core: &Core<T, R>, slot: u32) -> &Room {
        match (slot as usize) < core.options.capacity {
            true => &self.room,
            false => &self.later,
        }
    }
}
