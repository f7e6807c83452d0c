//! A bounded log of small events that any number of threads write and any number read.
//!
//! Writers never wait for readers: the log keeps the last `capacity` events, and a reader that falls further
//! behind is told how many it missed. An event is `WORDS` words, copied out, never moved.
//!
//! ```text
//! stamp of a slot   2·i               free for the event at place i
//!                   2·i + 1           being written
//!                   2·(i + capacity)  written, and free for the place a lap later
//! ```
//! Places are given out by one `fetch_add`, so each has one writer, and only the writer of place i moves the stamp on from 2·i.
//! It need not take the slot by a compare-and-swap: it waits for that stamp, then the slot is its own. Each slot is a
//! seqlock; its words are atomics, so a torn copy is thrown away and is no data race. Protocol and proof: `README.md` beside this file.
//!
//! Source of the read and write sides: Hans Boehm, *Can seqlocks get along with programming language memory models?* (MSPC 2012).

use std::array;
use std::fmt;

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU64, fence};
use crate::sync::{Backoff, seeded};

struct Slot<const WORDS: usize> {
    stamp: AtomicU64,
    words: [AtomicU64; WORDS],
}

/// Why a reader got no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// The event at the cursor is not written yet.
    Nothing,
    /// The event at the cursor was overwritten. The cursor was moved forward by this many events, at least one: the reader
    /// will not see them.
    Lagged(u64),
}

/// A log of the last events, for any number of writers and readers.
///
/// No operation allocates or takes a lock. A writer preempted between its claim and its stamp delays the readers that come
/// to its place, and the writer that comes there a lap later; that one yields until it is back.
pub struct Broadcast<const WORDS: usize> {
    /// The place of the next event; it only grows.
    head: CachePadded<AtomicU64>,
    slots: Box<[Slot<WORDS>]>,
}

impl<const WORDS: usize> Broadcast<WORDS> {
    /// A log of the last `capacity` events, rounded up to a power of two and to at least 2. Allocated here and never again.
    ///
    /// # Panics
    /// If `capacity` is above 2^32.
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity as u64 <= 1 << 32,
            "a log holds at most 2^32 events, not {capacity}"
        );
        let slot = |place: usize| Slot {
            stamp: AtomicU64::new(free(place as u64)),
            words: array::from_fn(|_| AtomicU64::new(0)),
        };
        Broadcast {
            head: CachePadded::new(AtomicU64::new(0)),
            slots: (0..capacity.max(2).next_power_of_two()).map(slot).collect(),
        }
    }

    /// How many events the log keeps.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Appends `event`. Whoever reads it sees what the caller did before.
    ///
    /// Waits for no reader; for another writer only if that one has not finished the event a lap before.
    #[inline]
    pub fn publish(&self, event: [u64; WORDS]) {
        // ORDERING: Release — what came before this event is visible to who is told that its place is behind the tail; pairs with
        // the Acquire in `tail`. The stamps carry the events.
        let place = self
            .head
            .fetch_add(1, seeded!("broadcast_claim_relaxed", Relaxed => Release));
        let slot = self.slot(place);
        self.await_turn(slot, place);
        slot.stamp.store(free(place) + 1, Relaxed);
        if !seeded!("broadcast_write_no_fence") {
            // ORDERING: Release fence — who reads one of the words below finds the stamp above, or a later one, at its second
            // look; partner: the Acquire fence in `copy`.
            fence(Release);
        }
        for (word, value) in slot.words.iter().zip(event) {
            word.store(value, Relaxed);
        }
        // ORDERING: Release — publishes the words above, and what the caller did before; pairs with the Acquire in `read`, and
        // with that in `await_turn` of the writer a lap later.
        let order = seeded!("broadcast_publish_relaxed", Relaxed => Release);
        slot.stamp.store(self.written(place), order);
    }

    /// Waits until the writer of the lap before has finished: almost always it has, long ago.
    #[inline(always)]
    fn await_turn(&self, slot: &Slot<WORDS>, place: u64) {
        if seeded!("broadcast_no_turn") {
            return;
        }
        let mut backoff = Backoff::default();
        // ORDERING: Acquire — the words of the lap before were stored before ours; pairs with the Release store in `publish`.
        let order = seeded!("broadcast_turn_relaxed", Relaxed => Acquire);
        while slot.stamp.load(order) != free(place) {
            backoff.snooze();
        }
    }

    /// The place of the next event to be published: where a new reader's cursor starts.
    ///
    /// An event whose `publish` happens after this call lies at that place or behind it. What happened before the `publish` of
    /// an event in front of it is visible to the caller.
    ///
    /// So a new reader misses nothing if it sets a flag, fences (SeqCst), takes the tail, and then looks at the state that the
    /// events tell of; and a writer changes the state, fences likewise, and publishes if the flag is set. Each change is in
    /// what the reader looks at, or its event lies at the tail or behind.
    #[inline]
    pub fn tail(&self) -> u64 {
        // ORDERING: Acquire — what came before the events in front of the tail; pairs with the Release in `publish`.
        self.head
            .load(seeded!("broadcast_tail_relaxed", Relaxed => Acquire))
    }

    /// The event at `cursor`, which then moves on to the next place.
    ///
    /// A caller that fenced finds each event whose `publish` came before a partner's fence, if those in front of it are finished too.
    ///
    /// # Errors
    /// * [`Missed::Nothing`]: the event is not written yet. Events behind it may be.
    /// * [`Missed::Lagged`]: it was overwritten. The cursor has moved to the oldest event that is likely to stay for a
    ///   while: an eighth of the capacity behind the oldest one, so that the reader doesn't lag again at once.
    #[inline]
    pub fn read(&self, cursor: &mut u64) -> Result<[u64; WORDS], Missed> {
        let (slot, written) = (self.slot(*cursor), self.written(*cursor));
        // ORDERING: Acquire — the words of this event, and what its writer did before; pairs with the Release store in `publish`.
        let stamp = slot
            .stamp
            .load(seeded!("broadcast_read_relaxed", Relaxed => Acquire));
        if stamp < written {
            return Err(Missed::Nothing);
        }
        if stamp == written
            && let Some(event) = slot.copy(stamp)
        {
            *cursor += 1;
            return Ok(event);
        }
        Err(Missed::Lagged(self.skip(cursor)))
    }

    /// Moves an overtaken cursor forward; by how many places.
    #[cold]
    fn skip(&self, cursor: &mut u64) -> u64 {
        let capacity = self.slots.len() as u64;
        let kept = capacity - capacity / 8;
        // Relaxed: this may be an old head, but the event at the cursor is gone in any case.
        let oldest = self.head.load(Relaxed).saturating_sub(kept);
        let skipped = oldest.saturating_sub(*cursor).max(1);
        *cursor += skipped;
        skipped
    }

    /// The stamp of a slot that holds the event at `place`.
    #[inline(always)]
    fn written(&self, place: u64) -> u64 {
        free(place + self.slots.len() as u64)
    }

    #[inline(always)]
    fn slot(&self, place: u64) -> &Slot<WORDS> {
        // The number of slots is a power of two.
        &self.slots[place as usize & (self.slots.len() - 1)]
    }
}

impl<const WORDS: usize> Slot<WORDS> {
    /// The words, unless a writer came by since `stamp` was read.
    #[inline(always)]
    fn copy(&self, stamp: u64) -> Option<[u64; WORDS]> {
        let words = array::from_fn(|at| self.words[at].load(Relaxed));
        if seeded!("broadcast_no_second_look") {
            return Some(words);
        }
        if !seeded!("broadcast_read_no_fence") {
            // ORDERING: Acquire fence — if a word above is of a later lap, the look below finds that lap's stamp; partner: the
            // Release fence in `publish`.
            fence(Acquire);
        }
        (self.stamp.load(Relaxed) == stamp).then_some(words)
    }
}

/// The stamp of a slot that waits for the event at `place`.
#[inline(always)]
fn free(place: u64) -> u64 {
    2 * place
}

impl<const WORDS: usize> fmt::Debug for Broadcast<WORDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("tail", &self.tail())
            .field("capacity", &self.capacity())
            .finish()
    }
}
