//! The vacant slots.
//!
//! Slots come in groups of 32; a group's word is a bitmap of its vacant slots, to which the worker
//! that ends a job adds. A thread that adds jobs has a *home* with a stash of up to one group's
//! slots: it refills the stash from a group at once and then takes from a line that nobody else
//! writes. Anybody may take from any stash before it says "none", so "none" is exact.
//!
//! ```text
//! group  63 ── version (32) ── 32 31 ── vacant (32) ── 0      version: additions, to notice them
//! stash  63 BUSY  62 ── group (31) ── 32 31 ── vacant (32) ── 0
//! ```

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU64, AtomicUsize};
use crate::sync::{Backoff, seeded};

/// Slots of one group. Under loom two, so that groups run out.
const GROUP: usize = if cfg!(guichet_loom) { 2 } else { 32 };
const MAP: u64 = (1 << 32) - 1;
const VERSION: u64 = 1 << 32;
/// The stash's owner is between taking from a group and stashing: its slots are in nobody's place.
const BUSY: u64 = 1 << 63;
/// A group with fewer vacant slots is left to fill while there is a better one.
const RICH: u32 = 8;

/// One vacant slot. Not `Clone`: whoever has it has the slot.
#[must_use = "a vacant slot that is not given back is lost"]
#[derive(Debug)]
pub struct Vacant(u32);

impl Vacant {
    pub(super) fn new(slot: u32) -> Self {
        Vacant(slot)
    }

    /// The slot's number.
    pub fn slot(&self) -> u32 {
        self.0
    }
}

/// Vacant slots of one group.
#[must_use = "vacant slots that are not given back are lost"]
#[derive(Debug, Default)]
pub struct Vacancies {
    /// The first slot of the pool they are of.
    first: u32,
    group: u32,
    map: u32,
}

impl Vacancies {
    /// How many.
    pub fn len(&self) -> usize {
        self.map.count_ones() as usize
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.map == 0
    }

    /// Takes out the lowest.
    #[inline]
    pub fn pop(&mut self) -> Option<Vacant> {
        if self.map == 0 {
            return None;
        }
        let bit = self.map.trailing_zeros();
        self.map &= self.map - 1;
        Some(Vacant(self.first + self.group * GROUP as u32 + bit))
    }

    /// Takes out the lowest `most`.
    #[inline(always)]
    fn split(&mut self, most: u32) -> Vacancies {
        let mut rest = self.map & self.map.wrapping_sub(1);
        for _ in 1..most.min(self.map.count_ones()) {
            rest &= rest - 1;
        }
        let taken = self.map & !rest;
        self.map = rest;
        Vacancies {
            map: taken,
            ..*self
        }
    }
}

/// The place a thread takes from first.
struct Home {
    stash: AtomicU64,
    /// The group it refilled from last: where the next refill looks first.
    cursor: AtomicUsize,
}

/// Which slots of a range are vacant.
pub struct Pool {
    /// The range's first slot.
    first: u32,
    homes: Box<[CachePadded<Home>]>,
    groups: Box<[CachePadded<AtomicU64>]>,
    /// Refills begun: they move slots past a reader of the groups.
    moves: CachePadded<AtomicU64>,
}

impl Pool {
    /// A pool of `capacity` vacant slots from number `first` on, for about `homes` threads that take from it.
    pub fn new(first: u32, capacity: usize, homes: usize) -> Self {
        let group = |at: usize| {
            let slots = (capacity - at * GROUP).min(GROUP);
            CachePadded::new(AtomicU64::new((1 << slots) - 1))
        };
        let groups = capacity.div_ceil(GROUP);
        let home = |at| Home {
            stash: AtomicU64::new(0),
            cursor: AtomicUsize::new(at * groups / homes),
        };
        Pool {
            first,
            homes: (0..homes).map(|at| CachePadded::new(home(at))).collect(),
            groups: (0..groups).map(group).collect(),
            moves: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// Takes up to `most` vacant slots (32 at the most), from the home of thread number `thread` if it
    /// can. `None`: at some instant during the call no slot was vacant.
    #[inline]
    pub fn claim(&self, thread: usize, most: u32) -> Option<Vacancies> {
        let home = &self.homes[thread % self.homes.len()];
        self.take_from_stash(home, most)
            .or_else(|| self.claim_elsewhere(home, most))
    }

    /// One slot out of the home's stash, which almost always has one.
    #[inline(always)]
    pub fn claim_one(&self, thread: usize) -> Option<Vacant> {
        let home = &self.homes[thread % self.homes.len()];
        let mut run = self
            .take_from_stash(home, 1)
            .or_else(|| self.claim_elsewhere(home, 1))?;
        run.pop()
    }

    #[cold]
    fn claim_elsewhere(&self, home: &Home, most: u32) -> Option<Vacancies> {
        self.refill(home, most, 1).or_else(|| self.sweep(most))
    }

    /// Like `claim`, if a good number of slots is vacant together: for a thread that waits and will ask
    /// again. It leaves alone what the workers are adding to, and comes away with a run.
    pub fn claim_rich(&self, thread: usize, most: u32) -> Option<Vacancies> {
        let home = &self.homes[thread % self.homes.len()];
        self.take_from_stash(home, most)
            .or_else(|| self.refill(home, most, RICH))
    }

    /// Gives one slot back.
    #[inline]
    pub fn give_back(&self, vacant: Vacant) {
        let slot = (vacant.0 - self.first) as usize;
        self.add(slot / GROUP, 1 << (slot % GROUP));
    }

    /// Gives several slots back.
    pub fn give_back_all(&self, vacancies: Vacancies) {
        if !vacancies.is_empty() {
            self.add(vacancies.group as usize, u64::from(vacancies.map));
        }
    }

    /// Whether a claim may succeed. True if a slot was vacant throughout the call.
    pub fn has_vacancy(&self) -> bool {
        // ORDERING: Acquire — a group that a refill emptied shows that refill's stash BUSY or filled;
        // pairs with the take in `take_from_group`.
        let vacant = |group: &AtomicU64| {
            group.load(seeded!("pool_hint_relaxed", Relaxed => Acquire)) & MAP != 0
        };
        self.groups.iter().any(|group| vacant(group))
            || self
                .homes
                .iter()
                .any(|home| home.stash.load(Relaxed) & (MAP | BUSY) != 0)
    }

    #[inline]
    fn add(&self, group: usize, bits: u64) {
        // The bits are clear, so adding sets them, and the version counts up in the same step.
        // ORDERING: Release — the last tenant's end before the next one's beginning; pairs with the
        // Acquire of whoever takes the bits.
        let before = self.groups[group].fetch_add(
            VERSION | bits,
            seeded!("pool_free_relaxed", Relaxed => Release),
        );
        debug_assert!(
            before & bits == 0,
            "slots {bits:b} of group {group} were given back twice"
        );
    }

    #[inline(always)]
    fn take_from_stash(&self, home: &Home, most: u32) -> Option<Vacancies> {
        let mut stash = home.stash.load(Relaxed);
        loop {
            if stash & BUSY != 0 || stash & MAP == 0 {
                return None;
            }
            let mut rest = Vacancies {
                first: self.first,
                group: (stash >> 32) as u32,
                map: stash as u32,
            };
            let taken = rest.split(most);
            let new = stash & !MAP | u64::from(rest.map);
            // ORDERING: AcqRel — Acquire: the last tenant's end, passed on by the Release in `refill`;
            // Release: who sees the stash emptied sees what its taker gave back before; pairs with
            // the loads in `sweep`.
            let order = seeded!("pool_stash_take_relaxed", Relaxed => AcqRel);
            match home.stash.compare_exchange_weak(stash, new, order, Relaxed) {
                Ok(_) => return Some(taken),
                Err(now) => stash = now,
            }
        }
    }

    /// Moves a group's vacant slots, if there are `least`, into an empty stash, all but up to `most`.
    fn refill(&self, home: &Home, most: u32, least: u32) -> Option<Vacancies> {
        let empty = home.stash.load(Relaxed);
        if empty & (BUSY | MAP) != 0 {
            return None;
        }
        let group = self.find_group(home, least)?;
        if !seeded!("pool_refill_not_busy") {
            // Relaxed: the bump of `moves` below publishes it.
            home.stash
                .compare_exchange(empty, BUSY, Relaxed, Relaxed)
                .ok()?;
            // ORDERING: Release — who sees the bump sees BUSY or what followed; pairs with the
            // first load of `moves` in `sweep`.
            self.moves.fetch_add(1, Release);
        }
        let Some(mut all) = self.take_from_group(group, GROUP as u32) else {
            home.stash.store(0, Relaxed);
            return None;
        };
        let taken = all.split(most);
        let stash = u64::from(all.group) << 32 | u64::from(all.map);
        // ORDERING: Release — passes on what the take of the group acquired; pairs with the Acquire
        // in `take_from_stash`.
        home.stash
            .store(stash, seeded!("pool_stash_relaxed", Relaxed => Release));
        Some(taken)
    }

    /// A rich group; the richest seen if none is; `None` if it has fewer than `least` vacant slots.
    fn find_group(&self, home: &Home, least: u32) -> Option<usize> {
        let start = home.cursor.load(Relaxed);
        let mut best = (0, start);
        for step in 0..self.groups.len() {
            let at = (start + step) % self.groups.len();
            let vacant = (self.groups[at].load(Relaxed) & MAP).count_ones();
            if vacant > best.0 {
                best = (vacant, at);
                if vacant >= RICH {
                    break;
                }
            }
        }
        let (vacant, at) = best;
        home.cursor.store(at, Relaxed);
        (vacant >= least).then_some(at)
    }

    fn take_from_group(&self, at: usize, most: u32) -> Option<Vacancies> {
        let mut group = self.groups[at].load(Relaxed);
        loop {
            if group & MAP == 0 {
                return None;
            }
            let mut rest = Vacancies {
                first: self.first,
                group: at as u32,
                map: group as u32,
            };
            let taken = rest.split(most);
            let new = group & !MAP | u64::from(rest.map);
            // ORDERING: AcqRel — Acquire: the last tenants' ends, from `add`; Release: who sees the
            // group emptied sees the bump of `moves` before it; pairs with the loads in `sweep`.
            match self.groups[at].compare_exchange_weak(
                group,
                new,
                seeded!("pool_group_take_relaxed", Relaxed => AcqRel),
                Relaxed,
            ) {
                Ok(_) => return Some(taken),
                Err(now) => group = now,
            }
        }
    }

    /// Looks everywhere. `None` only if nothing was added and nothing moved between two looks that
    /// found every place empty: then all were empty at the instant between them.
    fn sweep(&self, most: u32) -> Option<Vacancies> {
        let mut backoff = Backoff::default();
        loop {
            // ORDERING: Acquire — pairs with the Release bump in `refill`.
            let moves = self.moves.load(Acquire);
            let mut busy = false;
            for home in &self.homes {
                if let Some(taken) = self.take_from_stash(home, most) {
                    return Some(taken);
                }
                // Filled since the take above counts as busy.
                // ORDERING: Acquire — a stash that was emptied shows what its taker gave back before.
                let stash = home
                    .stash
                    .load(seeded!("pool_sweep_stash_relaxed", Relaxed => Acquire));
                busy |= stash & (BUSY | MAP) != 0;
            }
            let mut versions = 0_u64;
            for at in 0..self.groups.len() {
                // ORDERING: Acquire — a group that a refill emptied shows the refill's bump of `moves`, and
                // all first looks come before the second ones; pairs with `take_from_group`.
                let group = self.groups[at].load(seeded!("pool_look_relaxed", Relaxed => Acquire));
                if let Some(taken) = self.take_from_group(at, most) {
                    return Some(taken);
                }
                versions += group >> 32;
            }
            for group in &self.groups {
                // Relaxed: a stale look agrees with the first one, and says no more than that.
                let group = group.load(Relaxed);
                versions = versions.wrapping_sub(group >> 32).wrapping_sub(group & MAP);
            }
            if !busy && versions == 0 && self.moves.load(Relaxed) == moves
                || seeded!("pool_single_look")
            {
                return None;
            }
            backoff.snooze();
        }
    }
}
