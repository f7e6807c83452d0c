//! Slots and tickets: who gets a slot, where waiting jobs stand, and whether one may start.
//!
//! `room.rs` and `slots.rs` have the slots, `line.rs` and `order.rs` the tickets in their order, `stale.rs` those of jobs that have ended meanwhile,
//! `desks.rs` those that workers have taken, `gate.rs` what holds a start back, `next.rs` what there is to start,
//! `turns.rs` whose turn it is, `letters.rs` dead letters, `bell.rs` and `senders.rs` who waits for room for one.

pub(crate) mod bell;
pub(crate) mod desks;
pub(crate) mod gate;
pub(crate) mod letters;
pub(crate) mod line;
pub(crate) mod next;
pub(crate) mod order;
pub(crate) mod room;
pub(crate) mod senders;
pub(crate) mod slots;
pub(crate) mod stale;
pub(crate) mod turns;

use bell::Senders;
use desks::Desks;
use line::Line;
use room::Room;
use turns::Roster;

use crate::park::{EventCount, Yields};
use crate::queue::base::options::Options;
use crate::sync::atomic::AtomicU64;
use crate::sync::{Arc, MODEL, Mutex};

/// The slots of one queue, its waiting jobs' tickets, and who waits for either.
pub(crate) struct Ready {
    /// Slots for jobs that wait from the start.
    room: Room,
    /// Slots for jobs that are delayed from the start.
    later: Room,
    /// The tickets of waiting jobs.
    line: Line,
    /// Stale tickets in lines and on desks, each of which keeps a slot.
    strays: AtomicU64,
    /// Workers without a job.
    idle: EventCount,
    desks: Desks,
    /// When a hold ends.
    held_until: Mutex<u64>,
    /// Who waits for room for letters here.
    senders: Senders,
    turns: Arc<Roster>,
}

impl Ready {
    /// All slots vacant, and nobody there.
    pub(crate) fn new(options: &Options) -> Self {
        let (now, later) = (options.capacity, options.delayed_capacity);
        Ready {
            room: Room::new(0, now, homes()),
            later: Room::new(now as u32, later, 2),
            line: Line::new(options.order, options.policy, now + later),
            strays: AtomicU64::new(0),
            idle: EventCount::new(Yields::Warily),
            desks: Desks::new(),
            held_until: Mutex::new(0),
            senders: Mutex::new(Vec::new()),
            turns: Arc::new(Roster::new(options.single_active)),
        }
    }

    /// Slots for jobs that wait from the start.
    #[inline(always)]
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Slots for jobs that are delayed from the start.
    pub(crate) fn later(&self) -> &Room {
        &self.later
    }

    /// What workers show.
    #[inline(always)]
    pub(crate) fn desks(&self) -> &Desks {
        &self.desks
    }

    /// Whose turn it is to lease.
    pub(crate) fn turns(&self) -> &Arc<Roster> {
        &self.turns
    }

    /// Wakes all workers without a job, and all who look for one to lease.
    pub(crate) fn wake_idle(&self) {
        self.idle.notify_all();
    }

    /// Everybody who waits for anything here looks once more.
    pub(crate) fn wake_everybody(&self) {
        // Takes the sleepers' lock, so who goes to sleep later sees what the caller changed.
        self.idle.notify_all();
        self.room.wake_all();
        self.later.wake_all();
        self.turns.wake_all();
    }

    /// No ticket gets in from here on.
    pub(crate) fn close(&self) {
        self.line.close();
    }
}

/// Homes of vacant slots: enough that threads which add at the same time rarely share one.
fn homes() -> usize {
    if MODEL {
        2
    } else {
        (4 * num_cpus::get()).min(64)
    }
}
