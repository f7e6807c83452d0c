//! Puts the events of several logs in order: those of one job in the order of their numbers, and beside that those of one log
//! in the order in which they lie there.
//!
//! The reader looks at the tails of all logs twice. What lay before the first tails is *due*; what lay between the first and
//! the second is read too, but only waits. The merge then hands out what is due, save what comes, in its job, after something
//! that only waits. Everything that waits is due the next time.
//!
//! So an event never comes before one of its job that has a smaller number and had been told before it was told itself. For if
//! it is handed out, it was due, so the other was told before the second look, and was read: either it was due too and comes first, or
//! it was not and keeps this one back. An event comes late only if its teller was held up between its step and its telling for so long
//! that another thread took the job's next step, told it, and the reader looked twice.

use crate::queue::record::events::{MOST_LOGS, Packed};

/// What was read of all logs and not handed out yet.
pub(crate) struct Merge {
    lanes: Box<[Lane]>,
    ready: Vec<Packed>,
    /// How many of `ready` were handed out.
    taken: usize,
    /// Kept for their memory: what waits, by slot and rank; what is to be told before an event.
    keys: Vec<Key>,
    chain: Vec<Place>,
}

/// What waits of one log.
#[derive(Default)]
struct Lane {
    waiting: Vec<Waiting>,
    /// So many of them are due.
    due: usize,
    /// So many of them have had their turn.
    passed: usize,
}

struct Waiting {
    event: Packed,
    /// The one before it in its slot, or `Place::NONE`.
    before: Place,
    /// Whether one before it in its slot is not due.
    held: bool,
    told: bool,
}

/// Where an event waits: `31 ─ lane ─ 28 27 ── index ── 0`
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const NONE: Place = Place(u32::MAX);
    const INDEX_BITS: u32 = 28;

    fn new(lane: usize, index: usize) -> Self {
        debug_assert!(index < 1 << Self::INDEX_BITS, "{index} events wait");
        Place((lane << Self::INDEX_BITS | index) as u32)
    }

    fn lane(self) -> usize {
        (self.0 >> Self::INDEX_BITS) as usize
    }

    fn index(self) -> usize {
        (self.0 & ((1 << Self::INDEX_BITS) - 1)) as usize
    }
}

const _: () = assert!(MOST_LOGS <= 1 << (32 - Place::INDEX_BITS));

/// What is sorted: `slot (32) · rank (41) · place (32)`
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    const RANK_BITS: u32 = Packed::RANKS.trailing_zeros();

    fn new(event: Packed, place: Place) -> Self {
        let key = u128::from(event.slot()) << Self::RANK_BITS | u128::from(event.rank());
        Key(key << 32 | u128::from(place.0))
    }

    fn place(self) -> Place {
        Place(self.0 as u32)
    }

    fn slot(self) -> u32 {
        (self.0 >> (32 + Self::RANK_BITS)) as u32
    }

    fn rank(self) -> u64 {
        (self.0 >> 32) as u64 & (Packed::RANKS - 1)
    }
}

impl Merge {
    pub(crate) fn new(lanes: usize) -> Self {
        Merge {
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            ready: Vec::new(),
            taken: 0,
            keys: Vec::new(),
            chain: Vec::new(),
        }
    }

    /// The next event that is ready.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Packed> {
        let next = self.ready.get(self.taken).copied();
        self.taken += usize::from(next.is_some());
        next
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.waiting.is_empty())
    }

    /// The next event of a log. First come those that are due.
    #[inline]
    pub(crate) fn push(&mut self, lane: usize, event: Packed, due: bool) {
        let lane = &mut self.lanes[lane];
        debug_assert!(
            !due || lane.due == lane.waiting.len(),
            "due behind what is not"
        );
        lane.due += usize::from(due);
        lane.waiting.push(Waiting {
            event,
            before: Place::NONE,
            held: false,
            told: false,
        });
    }

    /// Readies what is due; how many events that are.
    pub(crate) fn settle(&mut self) -> usize {
        self.ready.clear();
        self.taken = 0;
        self.link();
        for lane in 0..self.lanes.len() {
            self.pass(lane, usize::MAX, 1 << lane);
        }
        for lane in &mut self.lanes {
            lane.waiting.retain(|waiting| !waiting.told);
            (lane.due, lane.passed) = (lane.waiting.len(), 0);
        }
        self.ready.len()
    }

    /// Finds for each event the one before it in its slot, and who is held.
    fn link(&mut self) {
        let Merge { lanes, keys, .. } = self;
        keys.clear();
        for (number, lane) in lanes.iter().enumerate() {
            let places = (0..).map(|index| Place::new(number, index));
            let keyed = lane.waiting.iter().zip(places);
            keys.extend(keyed.map(|(waiting, place)| Key::new(waiting.event, place)));
        }
        keys.sort_unstable();
        for slot in keys.chunk_by_mut(|one, other| one.slot() == other.slot()) {
            unroll(slot);
            let (mut before, mut held) = (Place::NONE, false);
            for place in slot.iter().map(|key| key.place()) {
                let lane = &mut lanes[place.lane()];
                held |= place.index() >= lane.due;
                let waiting = &mut lane.waiting[place.index()];
                (waiting.before, waiting.held) = (before, held);
                before = place;
            }
        }
    }

    /// Tells what is due in a lane, up to an index; before each event those that come before it, which may lie in other
    /// lanes. Those in `passing` are on their way already. At an event that cannot be told yet the lane ends.
    fn pass(&mut self, number: usize, end: usize, passing: u32) {
        loop {
            let lane = &mut self.lanes[number];
            if lane.passed >= lane.due.min(end) {
                return;
            }
            let place = Place::new(number, lane.passed);
            let Waiting { before, held, .. } = lane.waiting[lane.passed];
            if held {
                lane.due = lane.passed;
                return;
            }
            lane.passed += 1;
            if before != Place::NONE && !self.at(before).told {
                let other = before.lane();
                // If that lane is on its way, threads that share a log told in another order than they acted in. The job's
                // order counts more.
                if passing & 1 << other == 0 {
                    self.pass(other, before.index() + 1, passing | 1 << other);
                    if !self.at(before).told {
                        let lane = &mut self.lanes[number];
                        lane.passed -= 1;
                        lane.due = lane.passed;
                        return;
                    }
                }
            }
            self.tell(place);
        }
    }

    /// Tells an event, after those before it in its slot, unless it was told already.
    #[inline]
    fn tell(&mut self, place: Place) {
        let mut next = place;
        while next != Place::NONE && !self.at(next).told {
            self.chain.push(next);
            next = self.at(next).before;
        }
        while let Some(next) = self.chain.pop() {
            let waiting = &mut self.lanes[next.lane()].waiting[next.index()];
            waiting.told = true;
            self.ready.push(waiting.event);
        }
    }

    fn at(&self, place: Place) -> &Waiting {
        &self.lanes[place.lane()].waiting[place.index()]
    }
}

/// Puts the events of one slot, sorted by rank, in order where the ranks began again from 0 among them.
fn unroll(slot: &mut [Key]) {
    if let [first, .., last] = slot
        && last.rank() - first.rank() > Packed::RANKS / 2
    {
        let begin = slot.partition_point(|key| key.rank() < Packed::RANKS / 2);
        slot.rotate_left(begin);
    }
}
