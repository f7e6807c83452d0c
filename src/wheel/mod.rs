//! A hierarchical timing wheel: which slots' timers are due, in order, to the nanosecond.
//!
//! Varghese's and Lauck's wheel with contiguous buckets. Level 0 has a bucket per tick of 2^20 ns; a
//! bucket of level `n + 1` spans 256 of level `n`, and is *poured* into that level. Levels hold 512
//! buckets, two spans of the level above: whatever lies within the running span or the next goes to
//! the lower level, so the next span's bucket can be poured in portions while the running one lasts,
//! and a million timers never have to move at once. Six levels reach every instant.
//!
//! The buckets hold the ticks from `cursor` on. A tick before it is *open*: its timers were sorted
//! into `run`, and what is inserted for it later goes to a small heap. Both are handed out by
//! (due, insertion); no tick rounds an instant. A bitmap per level leads past what is empty.
//!
//! Source: George Varghese, Tony Lauck, *Hashed and Hierarchical Timing Wheels* (SOSP 1987).

mod entry;
mod late;
mod level;
mod store;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;
mod timers;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod timers_tests;

use std::fmt;

use entry::{DIGIT, Entry, Home, Place, Places};
use late::Late;
pub use timers::{Timer, Timers};

use level::Level;
use store::Store;

/// A tick is `2^TICK` nanoseconds, about a millisecond.
const TICK: u32 = 20;
/// As many as reach the last instant.
const LEVELS: usize = 6;
const _: () = assert!(TICK + DIGIT * LEVELS as u32 >= u64::BITS);
/// The most timers that one call pours before it must.
const AHEAD: usize = 2048;

/// The timers of numbered slots, at most one for each. Instants are nanoseconds on one clock.
///
/// Memory follows the highest slot and the most timers there ever were; 28 bytes for each and what
/// `Vec` adds.
pub struct Wheel {
    /// The latest `now` of `advance`.
    now: u64,
    /// The first tick that is not open. No bucket that holds anything begins before it.
    cursor: u64,
    levels: [Level; LEVELS],
    store: Store,
    /// The timers of the tick that was opened last, sorted.
    run: Vec<Entry>,
    /// Where the rest of `run` begins: at a timer that is not cancelled, or at the end.
    run_head: usize,
    late: Late,
    places: Places,
    /// Insertions so far, and ends: timers cancelled or handed out.
    inserted: u64,
    ended: u64,
}

impl Wheel {
    /// An empty wheel at the instant `now`.
    pub fn new(now: u64) -> Self {
        Wheel {
            now,
            cursor: (now >> TICK) + 1,
            levels: Default::default(),
            store: Store::new(),
            run: Vec::new(),
            run_head: 0,
            late: Late::default(),
            places: Places::default(),
            inserted: 0,
            ended: 0,
        }
    }

    /// Sets the timer of `slot`. If it has one, that is moved to the new instant. An instant in the
    /// past is due at once.
    #[inline]
    pub fn insert(&mut self, slot: u32, due: u64) {
        self.cancel(slot);
        self.places.grow(slot);
        let sequence = self.inserted;
        self.inserted += 1;
        self.put(Entry {
            due,
            sequence,
            slot,
        });
    }

    /// Removes the timer of `slot`; whether it had one. O(1), or O(log n) among the timers that were
    /// inserted for an instant that was past or less than a tick away.
    #[inline]
    pub fn cancel(&mut self, slot: u32) -> bool {
        let place = self.places.get(slot);
        let has_timer = place.home() != Home::NONE;
        if has_timer {
            self.remove(slot, place);
        }
        has_timer
    }

    /// When the timer of `slot` is due.
    pub fn due(&self, slot: u32) -> Option<u64> {
        let place = self.places.get(slot);
        let index = place.index();
        let entry = match place.home() {
            Home::NONE => return None,
            Home::RUN => &self.run[index as usize],
            Home::LATE => self.late.get(index),
            _ => self.store.get(index),
        };
        Some(entry.due)
    }

    /// Hands the timers that are due by `now` to `fired`, as slot and instant, in the order of their
    /// instants and among equal ones of their insertion.
    ///
    /// At most `budget` timers are moved or handed out, but that a tick is opened whole. False if the
    /// budget ran out: call again. A `now` before that of an earlier call counts as that one.
    pub fn advance(&mut self, now: u64, budget: usize, mut fired: impl FnMut(u32, u64)) -> bool {
        self.now = self.now.max(now);
        let tick = self.now >> TICK;
        let mut left = budget;
        loop {
            while let Some(entry) = self.first_open().filter(|entry| entry.due <= self.now) {
                if left == 0 {
                    return false;
                }
                left -= 1;
                self.cancel(entry.slot);
                fired(entry.slot, entry.due);
            }
            match self.first_bucket().filter(|&(_, start)| start <= tick) {
                None => break,
                Some(_) if left == 0 => return false,
                Some((0, start)) => left = left.saturating_sub(self.open(start)),
                Some((level, start)) => {
                    debug_assert!(
                        start >= self.cursor,
                        "bucket {start} is behind {}",
                        self.cursor
                    );
                    self.cursor = start;
                    left -= self.pour(level, start, left);
                }
            }
        }
        self.cursor = tick + 1;
        self.pour_ahead(left.min(AHEAD));
        true
    }

    /// When `advance` is to be called next; `None` if there are no timers.
    ///
    /// This is when the first timer is due, if that is in an open tick, and otherwise when its bucket
    /// begins: a timer costs at most one early call per level.
    pub fn next(&self) -> Option<u64> {
        let first_open = self.first_open().map(|entry| entry.due);
        first_open.or_else(|| self.first_bucket().map(|(_, start)| start << TICK))
    }

    /// How many timers there are.
    pub fn pending(&self) -> usize {
        (self.inserted - self.ended) as usize
    }

    /// Removes the timer of `slot`, which lies at `place`.
    fn remove(&mut self, slot: u32, place: Place) {
        self.places.clear(slot);
        self.ended += 1;
        match place.home() {
            Home::RUN => self.skip_cancelled(),
            Home::LATE => self.late.remove(place.index(), &mut self.places),
            home => {
                let (level, bucket) = home.level_and_bucket();
                let level = &mut self.levels[level];
                if let Some(moved) = level.swap_remove(bucket, place.index(), &mut self.store) {
                    self.places.set(moved, place);
                }
            }
        }
    }

    /// Puts a timer where it belongs. Inlined by order: passed in memory, a timer stalls the reader.
    #[inline(always)]
    fn put(&mut self, entry: Entry) {
        let tick = entry.due >> TICK;
        if tick < self.cursor {
            return self.put_late(entry.due, entry.sequence, entry.slot);
        }
        // The lowest level that reaches it, by the end of the span after the running one.
        let spans_away = |shift: u32| (tick >> shift) - (self.cursor >> shift);
        let mut level = 0;
        while spans_away(DIGIT * (level + 1)) > 1 {
            level += 1;
        }
        let bucket = Level::wrap(tick >> (DIGIT * level));
        let index = self.levels[level as usize].push(bucket, entry, &mut self.store);
        let home = Home::bucket(level as usize, bucket);
        self.places.set(entry.slot, Place::new(home, index));
    }

    /// Takes the parts of a timer, so that `put` need not build it in memory for the rare case.
    #[cold]
    fn put_late(&mut self, due: u64, sequence: u64, slot: u32) {
        let entry = Entry {
            due,
            sequence,
            slot,
        };
        self.late.push(entry, &mut self.places);
    }

    /// The first timer of all open ticks.
    #[inline]
    fn first_open(&self) -> Option<Entry> {
        match (self.run.get(self.run_head), self.late.first()) {
            (Some(run), Some(late)) if late.key() < run.key() => Some(*late),
            (run, late) => run.or(late).copied(),
        }
    }

    /// The bucket that begins first: its level, and the tick. Of several the highest, since what lies
    /// in that may come before the others.
    #[inline]
    fn first_bucket(&self) -> Option<(usize, u64)> {
        let mut first = None;
        for (level, buckets) in self.levels.iter().enumerate() {
            let shift = DIGIT * level as u32;
            let Some(number) = buckets.first_occupied(self.cursor >> shift) else {
                continue;
            };
            let start = number << shift;
            if first.is_none_or(|(_, least)| start <= least) {
                first = Some((level, start));
            }
        }
        first
    }

    /// Sorts a tick's timers into the run; how many.
    fn open(&mut self, tick: u64) -> usize {
        debug_assert!(self.run_head == self.run.len(), "the last tick is not over");
        self.cursor = tick + 1;
        self.run.clear();
        self.run_head = 0;
        self.levels[0].drain_into(Level::wrap(tick), &mut self.run, &mut self.store);
        self.run.sort_unstable_by_key(Entry::key);
        for (index, entry) in self.run.iter().enumerate() {
            let place = Place::new(Home::RUN, index as u32);
            self.places.set(entry.slot, place);
        }
        self.run.len()
    }

    /// Moves up to `most` timers of the bucket that begins at tick `start` to lower levels; how many.
    fn pour(&mut self, level: usize, start: u64, most: usize) -> usize {
        let bucket = Level::wrap(start >> (DIGIT * level as u32));
        for moved in 0..most {
            match self.levels[level].pop(bucket, &mut self.store) {
                Some(entry) => self.put(entry),
                None => return moved,
            }
        }
        most
    }

    /// Pours what the next spans will need, so that it need not be done when they begin.
    fn pour_ahead(&mut self, mut left: usize) {
        for level in 1..LEVELS {
            let shift = DIGIT * level as u32;
            let next_span = ((self.cursor >> shift) + 1) << shift;
            left -= self.pour(level, next_span, left);
        }
    }

    /// Moves the head of the run to a timer that still lies there.
    fn skip_cancelled(&mut self) {
        while let Some(entry) = self.run.get(self.run_head) {
            let place = Place::new(Home::RUN, self.run_head as u32);
            if self.places.get(entry.slot) == place {
                break;
            }
            self.run_head += 1;
        }
    }
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("now", &self.now)
            .field("pending", &self.pending())
            .field("next", &self.next())
            .finish_non_exhaustive()
    }
}
