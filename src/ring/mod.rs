//! A bounded multi-producer multi-consumer ring.
//!
//! Vyukov's bounded queue with three changes. A slot's stamp counts laps (`2·lap` free, `2·lap + 1`
//! full), so capacity 1 works and no capacity is rounded. A push or pop that finds its slot in use
//! reads the other index behind a full fence before it says `Full` or `Empty`, as crossbeam's
//! `ArrayQueue` does; that makes the ring linearizable. And one reservation claims a run of slots.
//! Protocol and proof: `README.md` beside this file.
//!
//! Sources: Dmitry Vyukov, *Bounded MPMC queue* (1024cores, 2010); crossbeam-queue `ArrayQueue`.

mod broadcast;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod broadcast_tests;
mod chain;
mod laps;
mod segments;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::mem::MaybeUninit;

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicU64, fence};
use crate::sync::{Backoff, UnsafeCell, fence_after_rmw, seeded};
use laps::Laps;

pub use crate::model::{PopError, PushError};
pub use broadcast::{Broadcast, Missed};
pub use chain::{Chain, Nothing, Taken};
pub use segments::Segments;

/// Set in `tail` when the ring is closed.
const CLOSED: u64 = 1 << 63;

/// Why no slot could be reserved: full or empty, or closed.
enum Refused {
    Boundary,
    Closed,
}

struct Slot<T> {
    /// `2·lap`: free for that lap. `2·lap + 1`: holds that lap's value.
    stamp: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// A bounded FIFO ring for any number of pushing and popping threads.
///
/// No operation allocates or takes a lock. A thread preempted between its claim and its stamp
/// delays whoever needs that slot next, so this is not lock-free *progress*.
pub struct Ring<T> {
    head: CachePadded<AtomicU64>,
    tail: CachePadded<AtomicU64>,
    slots: Box<[Slot<T>]>,
    laps: Laps,
}

// SAFETY: a value is moved in by one thread and out by one thread, never shared; the stamps order
// the two (see README.md), so `T: Send` is enough.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; no `&T` is ever handed out.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// A ring of exactly `capacity` slots, allocated here and never again. One of no slots is always
    /// both full and empty.
    ///
    /// # Panics
    /// If `capacity` is above 2^32.
    pub fn new(capacity: usize) -> Self {
        let laps = Laps::new(capacity);
        let slot = |_| Slot {
            stamp: AtomicU64::new(laps.free(0)),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Ring {
            head: CachePadded::new(AtomicU64::new(0)),
            tail: CachePadded::new(AtomicU64::new(0)),
            slots: (0..capacity).map(slot).collect(),
            laps,
        }
    }

    /// How many values the ring can hold.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Appends `value`.
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        match self.reserve_push(1) {
            Ok((tail, _)) => {
                self.publish(tail, value);
                Ok(())
            }
            Err(Refused::Boundary) => Err(PushError::Full(value)),
            Err(Refused::Closed) => Err(PushError::Closed(value)),
        }
    }

    /// Moves the front of `values` into the ring with one reservation; how many.
    ///
    /// `Full` means that none fitted. Other threads see them as pushed one by one, together.
    pub fn push_many(&self, values: &mut VecDeque<T>) -> Result<usize, PushError<()>> {
        if values.is_empty() {
            return Ok(0);
        }
        let most = values.len().min(self.capacity());
        let (tail, count) = match self.reserve_push(most) {
            Ok(run) => run,
            Err(Refused::Boundary) => return Err(PushError::Full(())),
            Err(Refused::Closed) => return Err(PushError::Closed(())),
        };
        for (offset, value) in values.drain(..count).enumerate() {
            self.publish(self.laps.advance(tail, offset), value);
        }
        Ok(count)
    }

    /// Removes the oldest value.
    #[inline]
    pub fn pop(&self) -> Result<T, PopError> {
        let (head, _) = self.reserve_pop(1)?;
        Ok(self.take(head))
    }

    /// Moves up to `most` of the oldest values to the end of `out` with one reservation; how many.
    pub fn pop_many(&self, out: &mut Vec<T>, most: usize) -> Result<usize, PopError> {
        if most == 0 {
            return Ok(0);
        }
        let mut most = most.min(self.capacity());
        if most > out.capacity() - out.len() {
            // Between claim and take nothing may fail, so the room is made before; for what is there.
            most = most.min(self.len().max(1));
            out.reserve(most);
        }
        let (head, count) = self.reserve_pop(most)?;
        for offset in 0..count {
            out.push(self.take(self.laps.advance(head, offset)));
        }
        Ok(count)
    }

    /// Refuses every later push; what is in the ring can still be popped. True for the first call.
    pub fn close(&self) -> bool {
        // The bit lies in the word that every push must change, so no push can miss it.
        // ORDERING: AcqRel — Acquire: what came before any push that got in is visible to the closer; pairs
        // with the claim in `reserve_push`. Release: what the closer did before is visible to who is told
        // that the ring is closed; pairs with `see_the_end`.
        let order = seeded!("ring_close_no_release", crate::sync::atomic::Ordering::Acquire => seeded!("ring_close_relaxed", Relaxed => AcqRel));
        self.tail.fetch_or(CLOSED, order) & CLOSED == 0
    }

    /// Whether `close` was called.
    pub fn is_closed(&self) -> bool {
        self.tail.load(Relaxed) & CLOSED != 0
    }

    /// How many values the ring held at some instant during the call; never more than fit.
    pub fn len(&self) -> usize {
        loop {
            // ORDERING: Acquire — `head` is not older than `tail`, nor the second look at `tail` older than
            // `head`; pairs with the claims.
            let tail = self
                .tail
                .load(seeded!("ring_len_relaxed", Relaxed => Acquire));
            let head = self
                .head
                .load(seeded!("ring_len_relaxed", Relaxed => Acquire));
            if self.tail.load(Relaxed) == tail {
                return self.laps.distance(head, tail & !CLOSED);
            }
        }
    }

    /// Whether the ring holds no value. A caller that fenced sees every push from before a partner's
    /// fence.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values have left the ring since it was made: about right.
    pub fn popped(&self) -> u64 {
        self.laps.places(self.head.load(Relaxed))
    }

    /// Claims up to `want` slots behind `tail`: the first position and how many.
    #[inline]
    fn reserve_push(&self, want: usize) -> Result<(u64, usize), Refused> {
        let mut backoff = Backoff::default();
        let mut tail = self.tail.load(Relaxed);
        loop {
            if tail & CLOSED != 0 {
                see_the_end();
                return Err(Refused::Closed);
            }
            let free = self.run(tail, want, |position| self.laps.free(position));
            if free > 0 {
                let next = self.laps.advance(tail, free);
                // ORDERING: Release — whoever sees the claim, a closer or a popper that judges the ring
                // empty, sees what came before it, other threads' claims included; pairs with `close`
                // and the fences below. The stamps carry the data.
                let order = seeded!("ring_claim_push_relaxed", Relaxed => Release);
                match self.tail.compare_exchange_weak(tail, next, order, Relaxed) {
                    Ok(_) => {
                        claimed();
                        return Ok((tail, free));
                    }
                    Err(now) => tail = now,
                }
                continue;
            }
            if !seeded!("ring_full_no_fence") {
                // ORDERING: SeqCst fence — whatever this thread published before is visible to a
                // peer whose own fence comes later; partner: the fence of `reserve_pop`.
                fence(SeqCst);
            }
            let head = self.head.load(Relaxed);
            let now = self.tail.load(Relaxed);
            if now == tail {
                if self.laps.distance(head, tail) == self.capacity() {
                    return Err(Refused::Boundary);
                }
                // A popper has claimed the slot and not emptied it yet.
                backoff.snooze();
            }
            tail = self.tail.load(Relaxed);
        }
    }

    /// Claims up to `want` values from `head` on: the first position and how many.
    #[inline]
    fn reserve_pop(&self, want: usize) -> Result<(u64, usize), PopError> {
        let mut backoff = Backoff::default();
        let mut head = self.head.load(Relaxed);
        loop {
            let full = self.run(head, want, |position| self.laps.full(position));
            if full > 0 {
                let next = self.laps.advance(head, full);
                // ORDERING: Release — as in `reserve_push`, for a pusher that judges the ring full.
                let order = seeded!("ring_claim_pop_relaxed", Relaxed => Release);
                match self.head.compare_exchange_weak(head, next, order, Relaxed) {
                    Ok(_) => {
                        claimed();
                        return Ok((head, full));
                    }
                    Err(now) => head = now,
                }
                continue;
            }
            if !seeded!("ring_empty_no_fence") {
                // ORDERING: SeqCst fence — a push that completed before a peer's fence is in the
                // `tail` read below; partners: the fence of `reserve_push`, `EventCount::notify`.
                fence(SeqCst);
            }
            let tail = self.tail.load(Relaxed);
            let now = self.head.load(Relaxed);
            if now == head {
                if tail & !CLOSED == head {
                    if tail & CLOSED == 0 {
                        return Err(PopError::Empty);
                    }
                    see_the_end();
                    return Err(PopError::Closed);
                }
                // A pusher has claimed the slot and not filled it yet.
                backoff.snooze();
            }
            head = self.head.load(Relaxed);
        }
    }

    /// How many slots from `position` on, at most `want`, bear the stamp they should.
    #[inline(always)]
    fn run(&self, position: u64, want: usize, stamp: impl Fn(u64) -> u64) -> usize {
        let mut count = 0;
        while count < want {
            let at = self.laps.advance(position, count);
            // ORDERING: Acquire — the peer's last access to `value` came before this stamp; pairs
            // with the Release stores in `publish` and `take`.
            let order = seeded!("ring_stamp_relaxed", Relaxed => Acquire);
            match self.slots.get(self.laps.index(at)) {
                Some(slot) if slot.stamp.load(order) == stamp(at) => count += 1,
                _ => break,
            }
        }
        count
    }

    /// Fills a slot that this thread has claimed.
    #[inline(always)]
    fn publish(&self, position: u64, value: T) {
        let slot = self.slot(position);
        // SAFETY: the claim made this thread the slot's only user until the stamp below.
        slot.value.with_mut(|cell| unsafe {
            (*cell).write(value);
        });
        // ORDERING: Release — publishes `value`; pairs with the Acquire in `run`.
        slot.stamp.store(
            self.laps.full(position),
            seeded!("ring_publish_relaxed", Relaxed => Release),
        );
    }

    /// Empties a slot that this thread has claimed.
    #[inline(always)]
    fn take(&self, position: u64) -> T {
        let slot = self.slot(position);
        // SAFETY: the claim made this thread the slot's only user until the stamp below, and the
        // stamp it read said that the slot holds this lap's value.
        let value = slot
            .value
            .with_mut(|cell| unsafe { (*cell).assume_init_read() });
        // ORDERING: Release — the read above is over; pairs with the Acquire in `run`.
        slot.stamp.store(
            self.laps.freed(position),
            seeded!("ring_free_relaxed", Relaxed => Release),
        );
        value
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &Slot<T> {
        &self.slots[self.laps.index(position)]
    }
}

/// What follows every claim, so that the claimer may ask at once who waits for it.
#[inline(always)]
fn claimed() {
    // On x86 this is a compiler fence, which the language takes for no synchronisation between threads. So
    // the other orderings of ring and chain must do without it, and their bugs are seeded without it.
    let left_out = cfg!(any(
        guichet_bug = "ring_claim_no_fence",
        guichet_bug = "ring_stamp_relaxed",
        guichet_bug = "ring_claim_push_relaxed",
        guichet_bug = "ring_claim_pop_relaxed",
        guichet_bug = "chain_filled_relaxed",
        guichet_bug = "chain_publish_relaxed",
        guichet_bug = "chain_index_relaxed",
        guichet_bug = "chain_tail_relaxed"
    ));
    if !left_out {
        // ORDERING: full fence — the claim comes before whatever the claimer looks at next. Partner: the
        // fence with which a push or pop is refused. Who says that it waits and is refused then is
        // seen by the claimer, or sees the claim.
        fence_after_rmw();
    }
}

/// What comes before the word that the ring is closed.
fn see_the_end() {
    if !seeded!("ring_closed_no_fence") {
        // ORDERING: Acquire fence — what the closer did before it closed is visible to who is told so;
        // pairs with the Release in `close`, which the bit was read from.
        fence(crate::sync::atomic::Ordering::Acquire);
    }
}

impl<T> Drop for Ring<T> {
    /// Drops what remains. If a value's destructor panics, the values behind it are leaked.
    fn drop(&mut self) {
        while self.pop().is_ok() {}
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}
