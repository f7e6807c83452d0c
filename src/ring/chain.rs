//! FIFO lines of words that share one capacity.
//!
//! A [`Chain`] is a line in segments; all chains of a [`Segments`] take theirs from one store, so that
//! a thousand lines need no more memory than what lies in them, plus a few segments each. As in the
//! ring, one compare-and-swap claims a run of places, and a full fence follows the claim.
//!
//! ```text
//! index    63 ── position ── 1 | 0 CLOSED (of the tail)
//! position lap · LAP + offset; offset LAP − 1 is no place: the next segment is being linked
//! ```
//! A place is 0 until its pusher has filled it, and again when its popper has emptied it; whoever claims a
//! segment's last place gives the segment back, and its next user waits until all places are 0. A popper sees what is there by the places alone, and reads the tail only
//! to say "empty". A thread preempted between claim and fill delays the popper of that place; one preempted before it
//! emptied its place delays the segment's next user, which comes after all others in the store.
//!
//! Source of the index arithmetic: crossbeam-queue's `SegQueue`.

use std::fmt;

use crossbeam_utils::CachePadded;

use super::segments::{LAP, PLACES, Segment, Segments, fill, filled};
use super::{PushError, claimed, see_the_end};
use crate::sync::atomic::Ordering::{Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicU64};
use crate::sync::{Backoff, seeded};

const CLOSED: u64 = 1;
/// One step of a position in an index.
const STEP: u64 = 2;

/// One end of a chain.
struct End {
    index: AtomicU64,
    segment: AtomicU32,
}

impl End {
    fn new(segment: u32) -> CachePadded<Self> {
        CachePadded::new(End {
            index: AtomicU64::new(0),
            segment: AtomicU32::new(segment),
        })
    }

    /// Index and segment, which belong together if a swap from that index succeeds: the segment is changed
    /// only while the index names no place.
    #[inline(always)]
    fn load(&self) -> (u64, u32) {
        // ORDERING: Acquire — the segment of this index; pairs with the Release that follows each
        // change of `segment`.
        let index = self
            .index
            .load(seeded!("chain_index_relaxed", Relaxed => Acquire));
        (index, self.segment.load(Relaxed))
    }
}

/// A FIFO line of words other than 0, for any number of pushing and popping threads.
pub struct Chain {
    head: CachePadded<End>,
    tail: CachePadded<End>,
}

/// Why a chain gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// It was empty at some instant during the call.
    Empty,
    /// The next word lies at or behind the given end.
    Behind,
    /// There are words, but the caller may not claim them.
    Barred,
}

/// Words that were taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The first one's position; the others follow it.
    pub position: u64,
    /// How many.
    pub count: usize,
}

impl Chain {
    /// An empty chain.
    pub fn new(segments: &Segments) -> Self {
        let first = segments.take();
        Chain {
            head: End::new(first),
            tail: End::new(first),
        }
    }

    /// Appends `word`.
    #[inline]
    pub fn push(&self, segments: &Segments, word: u64) -> Result<(), PushError<u64>> {
        let (mut tail, mut number) = self.tail.load();
        // Neither closed nor at a segment's end, nor about to be there: almost always.
        while tail & CLOSED == 0 && offset(tail) < PLACES - 1 {
            match self.claim_push(tail, 1) {
                Ok(()) => {
                    let segment = segments.get(number);
                    fill(&segment.words[offset(tail) as usize], word);
                    return Ok(());
                }
                Err(now) => (tail, number) = (now, self.tail.segment.load(Relaxed)),
            }
        }
        match self.push_run(segments, &[word]) {
            Ok(_) => Ok(()),
            Err(_) => Err(PushError::Closed(word)),
        }
    }

    /// Appends the first of `words` with one claim; how many.
    pub fn push_run(&self, segments: &Segments, words: &[u64]) -> Result<usize, PushError<()>> {
        let mut backoff = Backoff::default();
        let mut spare = None;
        let (mut tail, mut number) = self.tail.load();
        loop {
            if tail & CLOSED != 0 {
                spare
                    .into_iter()
                    .for_each(|spare| segments.give_back(spare));
                see_the_end();
                return Err(PushError::Closed(()));
            }
            let offset = offset(tail);
            if offset == PLACES {
                backoff.snooze();
                (tail, number) = self.tail.load();
                continue;
            }
            let count = (words.len() as u64).min(PLACES - offset);
            let last = offset + count == PLACES;
            // Before the claim, so that nobody waits for a claimer that waits for a segment.
            if last && spare.is_none() {
                spare = Some(segments.take());
            }
            if let Err(now) = self.claim_push(tail, count) {
                (tail, number) = (now, self.tail.segment.load(Relaxed));
                continue;
            }
            let segment = segments.get(number);
            match spare {
                Some(spare) if last => self.link(segment, spare),
                Some(spare) => segments.give_back(spare),
                None => {}
            }
            let places = &segment.words[offset as usize..];
            places
                .iter()
                .zip(&words[..count as usize])
                .for_each(|(place, word)| fill(place, *word));
            return Ok(count as usize);
        }
    }

    /// Claims `count` places from `tail` on; the tail as it is now if it has moved.
    #[inline(always)]
    fn claim_push(&self, tail: u64, count: u64) -> Result<(), u64> {
        if seeded!("chain_claim_check_then_act") {
            self.tail.index.store(tail + count * STEP, Relaxed);
            return Ok(());
        }
        // ORDERING: Release — whoever sees the claim sees what came before it; pairs with `close`. Acquire on failure — as in `End::load`.
        let release = seeded!("chain_claim_push_relaxed", Relaxed => Release);
        self.tail.index.compare_exchange_weak(
            tail,
            tail + count * STEP,
            release,
            seeded!("chain_index_relaxed", Relaxed => Acquire),
        )?;
        claimed();
        Ok(())
    }

    /// The claimer of a segment's last place puts the next segment behind it.
    #[inline(never)]
    fn link(&self, segment: &Segment, next: u32) {
        self.tail.segment.store(next, Relaxed);
        // A closer may set its bit at any time, hence no store.
        // ORDERING: Release — the segment of the new index, emptied by its last users; pairs with `End::load`.
        self.tail
            .index
            .fetch_add(STEP, seeded!("chain_tail_relaxed", Relaxed => Release));
        // Relaxed: the word in the last place, which is put there after this, carries it to `follow`.
        segment.next.store(next + 1, Relaxed);
    }

    /// Moves up to `most` words from in front of position `end` to the end of `out`, with one claim.
    ///
    /// `may_claim` is asked after the words were seen and before each try to claim them: a claim
    /// succeeds only if nothing has left the chain since the words were seen.
    #[inline]
    pub fn pop_run(
        &self,
        segments: &Segments,
        out: &mut Vec<u64>,
        most: usize,
        end: u64,
        may_claim: impl Fn() -> bool,
    ) -> Result<Taken, Nothing> {
        let mut backoff = Backoff::default();
        let (mut head, mut number) = self.head.load();
        loop {
            let (position, offset) = (position(head), offset(head));
            if position >= end {
                return Err(Nothing::Behind);
            }
            let segment = segments.get(number);
            let most = (most as u64).min(end - position).min(PLACES - offset);
            let places = &segment.words[offset as usize..(offset + most) as usize];
            let count = filled(places);
            if count == 0 {
                if offset < PLACES && self.ends_at(position) {
                    return Err(Nothing::Empty);
                }
                // A pusher has claimed the place and not filled it yet, or a popper leads the head on.
                backoff.snooze();
                (head, number) = self.head.load();
                continue;
            }
            // Nothing may fail between the claim and the emptying.
            out.reserve(count);
            if !may_claim() {
                return Err(Nothing::Barred);
            }
            let next = head + count as u64 * STEP;
            // Relaxed: words are passed on by their places, segments by `follow`; who takes words elsewhere fences.
            // ORDERING: Acquire on failure — as in `End::load`.
            let swapped = self.head.index.compare_exchange_weak(
                head,
                next,
                Relaxed,
                seeded!("chain_index_relaxed", Relaxed => Acquire),
            );
            if let Err(now) = swapped {
                (head, number) = (now, self.head.segment.load(Relaxed));
                continue;
            }
            claimed();
            let last = offset + count as u64 == PLACES;
            if last {
                self.follow(segment, next);
            }
            for place in &places[..count] {
                out.push(place.load(Relaxed));
                place.store(0, Relaxed);
            }
            if last {
                segments.give_back(number);
            }
            return Ok(Taken { position, count });
        }
    }

    /// Whether nothing was pushed at or behind `head`. No fence: a push that happened before this call is seen, and who
    /// waits for one fences before it looks.
    #[inline]
    fn ends_at(&self, head: u64) -> bool {
        position(self.tail.index.load(Relaxed)) <= head
    }

    /// The popper of a segment's last place leads the head to the next segment.
    #[inline(never)]
    fn follow(&self, segment: &Segment, index: u64) {
        // Relaxed: `link` comes before the word in the last place, and that word was acquired. So it is no older.
        let next = segment.next.load(Relaxed);
        debug_assert!(next != 0, "a full segment has one behind it");
        segment.next.store(0, Relaxed);
        self.head.segment.store(next - 1, Relaxed);
        // ORDERING: Release — the segment of the new index, emptied by its last users; pairs with `End::load`.
        self.head.index.store(index + STEP, Release);
    }

    /// Where the next word will be taken from, and where the next one will be put.
    #[inline]
    pub fn ends(&self) -> (u64, u64) {
        let head = position(self.head.index.load(Relaxed));
        (head, position(self.tail.index.load(Relaxed)))
    }

    /// Whether the chain holds no word. A caller that fenced sees every push from before a partner's fence.
    pub fn is_empty(&self) -> bool {
        let (head, tail) = self.ends();
        tail <= head
    }

    /// How many words the chain holds: about right while it is used.
    pub fn len(&self) -> usize {
        let (head, tail) = self.ends();
        words(tail).saturating_sub(words(head)) as usize
    }

    /// How many words have left.
    pub fn popped(&self) -> u64 {
        words(self.ends().0)
    }

    /// Refuses every later push; what is in the chain can still be popped.
    pub fn close(&self) {
        // ORDERING: AcqRel — Acquire: what came before any push that got in is visible to the closer; pairs with
        // the claim in `push_run`. Release: what the closer did before is visible to who is refused; pairs with
        // `see_the_end`.
        self.tail
            .index
            .fetch_or(CLOSED, seeded!("chain_close_relaxed", Relaxed => AcqRel));
    }
}

#[inline(always)]
fn position(index: u64) -> u64 {
    index / STEP
}

#[inline(always)]
fn offset(index: u64) -> u64 {
    position(index) % LAP
}

/// How many places lie in front of a position.
fn words(position: u64) -> u64 {
    position / LAP * PLACES + (position % LAP).min(PLACES)
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("len", &self.len()).finish()
    }
}
