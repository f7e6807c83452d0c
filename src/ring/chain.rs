//! FIFO lines of words that share one capacity.
//!
//! A [`Chain`] is a line in segments; all chains of a [`Segments`] take theirs from one store, so that
//! a thousand lines need no more memory than what lies in them, plus a few segments each. As in the
//! ring, one compare-and-swap claims a run of places, and a full fence follows the claim.
//!
//! ```text
//! index    63 ── position ── 1 | 0 CLOSED (tail), LATER (head: the tail is in a later segment)
//! position lap · LAP + offset; offset LAP − 1 is no place: the next segment is being linked
//! ```
//! A place is 0 until its pusher has filled it, and again when its popper has emptied it; whoever empties a
//! segment's last place gives the segment back. A thread preempted between claim and fill delays the
//! popper of that place; one preempted before it emptied its place delays a pusher that finds the store empty.
//!
//! Source of the index arithmetic: crossbeam-queue's `SegQueue`.

use std::fmt;

use crossbeam_utils::CachePadded;

use super::{PushError, Ring, claimed, see_the_end};
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicU32, AtomicU64, fence};
use crate::sync::{Backoff, order};

/// Positions of one segment; small under loom, so that models cross from one to the next.
const LAP: u64 = if cfg!(guichet_loom) { 4 } else { 32 };
/// Places of one segment.
const PLACES: u64 = LAP - 1;
const FLAG: u64 = 1;
const CLOSED: u64 = FLAG;
const LATER: u64 = FLAG;

/// One step of a position in an index.
const STEP: u64 = 2;

struct Segment {
    words: [AtomicU64; PLACES as usize],
    /// The segment behind this one, counted from 1; 0 while there is none.
    next: AtomicU32,
    emptied: AtomicU32,
}

/// The store of segments.
pub struct Segments {
    segments: Box<[Segment]>,
    vacant: Ring<u32>,
}

impl Segments {
    /// Enough for `capacity` words in `chains` chains.
    pub fn new(capacity: usize, chains: usize) -> Self {
        // A chain of n words spans at most n / PLACES + 2 segments, and may have one more ready.
        let count = capacity.div_ceil(PLACES as usize) + 3 * chains + 1;
        let segment = |_| Segment {
            words: [const { 0 }; PLACES as usize].map(AtomicU64::new),
            next: AtomicU32::new(0),
            emptied: AtomicU32::new(0),
        };
        let vacant = Ring::new(count);
        for number in 0..count as u32 {
            assert!(vacant.push(number).is_ok(), "{count} segments fit");
        }
        Segments {
            segments: (0..count).map(segment).collect(),
            vacant,
        }
    }

    fn get(&self, number: u32) -> &Segment {
        &self.segments[number as usize]
    }

    /// A vacant segment. If there is none, poppers are about to give some back: words and chains account for
    /// fewer segments than there are.
    fn take(&self) -> u32 {
        let mut backoff = Backoff::default();
        loop {
            match self.vacant.pop() {
                Ok(number) => return number,
                Err(_) => backoff.snooze(),
            }
        }
    }

    fn give_back(&self, number: u32) {
        assert!(self.vacant.push(number).is_ok(), "a segment too many");
    }
}

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
        let index = self.index.load(order!("chain_index_relaxed", Acquire));
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
        match self.push_run(segments, &[word]) {
            Ok(_) => Ok(()),
            Err(_) => Err(PushError::Closed(word)),
        }
    }

    /// Appends the first of `words` with one claim; how many.
    #[inline]
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
            let next = tail + count * STEP;
            // ORDERING: Release — whoever sees the claim sees what came before it; pairs with `close` and
            // with `pop_run`. Acquire on failure — as in `End::load`.
            let release = order!("chain_claim_push_relaxed", Release);
            let swapped = self.tail.index.compare_exchange_weak(
                tail,
                next,
                release,
                order!("chain_index_relaxed", Acquire),
            );
            if let Err(now) = swapped {
                (tail, number) = (now, self.tail.segment.load(Relaxed));
                continue;
            }
            claimed();
            let segment = segments.get(number);
            match spare {
                Some(spare) if last => self.link(segment, spare),
                Some(spare) => segments.give_back(spare),
                None => {}
            }
            for (place, word) in segment.words[offset as usize..]
                .iter()
                .zip(&words[..count as usize])
            {
                debug_assert!(*word != 0, "0 stands for an empty place");
                // ORDERING: Release — what the pusher did before; pairs with the Acquire in `empty`.
                place.store(*word, order!("chain_publish_relaxed", Release));
            }
            return Ok(count as usize);
        }
    }

    /// The claimer of a segment's last place puts the next segment behind it.
    #[inline(never)]
    fn link(&self, segment: &Segment, next: u32) {
        self.tail.segment.store(next, Relaxed);
        // A closer may set its bit at any time, hence no store.
        // ORDERING: Release — the segment of the new index, emptied by its last users; pairs with `End::load`.
        self.tail
            .index
            .fetch_add(STEP, order!("chain_tail_relaxed", Release));
        // ORDERING: Release — as above, for poppers; pairs with the Acquire in `follow`.
        segment
            .next
            .store(next + 1, order!("chain_next_relaxed", Release));
    }

    /// Moves up to `most` words from in front of position `end` to the end of `out`, with one claim.
    #[inline]
    pub fn pop_run(
        &self,
        segments: &Segments,
        out: &mut Vec<u64>,
        most: usize,
        end: u64,
    ) -> Result<Taken, Nothing> {
        let mut backoff = Backoff::default();
        let (mut head, mut number) = self.head.load();
        loop {
            let offset = offset(head);
            if offset == PLACES {
                backoff.snooze();
                (head, number) = self.head.load();
                continue;
            }
            let position = position(head);
            if position >= end {
                return Err(Nothing::Behind);
            }
            let Some((there, later)) = self.ahead(head) else {
                return Err(Nothing::Empty);
            };
            let count = there.min(most as u64).min(end - position);
            let next = (head + count * STEP) | later;
            // Nothing may fail between the claim and the emptying.
            out.reserve(count as usize);
            // ORDERING: Release — as in `push_run`, for whoever judges the chain empty. Acquire on failure —
            // as in `End::load`.
            let release = order!("chain_claim_pop_relaxed", Release);
            let swapped = self.head.index.compare_exchange_weak(
                head,
                next,
                release,
                order!("chain_index_relaxed", Acquire),
            );
            if let Err(now) = swapped {
                (head, number) = (now, self.head.segment.load(Relaxed));
                continue;
            }
            claimed();
            let segment = segments.get(number);
            if offset + count == PLACES {
                self.follow(segment, next);
            }
            for place in &segment.words[offset as usize..(offset + count) as usize] {
                out.push(empty(place));
            }
            // ORDERING: AcqRel — Release: the emptied places, to whoever gives the segment back; Acquire: those
            // of the others, passed on through `vacant`; pairs with itself.
            let order = order!("chain_emptied_relaxed", AcqRel);
            let emptied = segment.emptied.fetch_add(count as u32, order);
            if u64::from(emptied) + count == PLACES {
                segment.next.store(0, Relaxed);
                segment.emptied.store(0, Relaxed);
                segments.give_back(number);
            }
            return Ok(Taken {
                position,
                count: count as usize,
            });
        }
    }

    /// How many words the head's segment holds from `head` on, and the LATER flag; `None` if the chain was empty.
    #[inline(always)]
    fn ahead(&self, head: u64) -> Option<(u64, u64)> {
        let in_segment = PLACES - offset(head);
        if head & LATER != 0 {
            return Some((in_segment, LATER));
        }
        let mut tail = self.tail.index.load(Relaxed);
        if position(tail) <= position(head) {
            // ORDERING: SeqCst fence — a push that completed before a peer's fence is in the `tail` read below;
            // partners: the fence after a claim, and whoever fences before it asks.
            fence(SeqCst);
            tail = self.tail.index.load(Relaxed);
            if position(tail) <= position(head) {
                return None;
            }
        }
        if position(tail) / LAP == position(head) / LAP {
            Some((position(tail) - position(head), 0))
        } else {
            Some((in_segment, LATER))
        }
    }

    /// The popper of a segment's last place leads the head to the next segment.
    #[inline(never)]
    fn follow(&self, segment: &Segment, index: u64) {
        let mut backoff = Backoff::default();
        let next = loop {
            // ORDERING: Acquire — the next segment is fit for use; pairs with the Release in `link`.
            match segment.next.load(order!("chain_follow_relaxed", Acquire)) {
                0 => backoff.snooze(),
                next => break next - 1,
            }
        };
        self.head.segment.store(next, Relaxed);
        // ORDERING: Release — the segment of the new index, and what `follow` acquired; pairs with `End::load`.
        self.head.index.store(
            (index & !LATER) + STEP,
            order!("chain_head_relaxed", Release),
        );
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
            .fetch_or(CLOSED, order!("chain_close_relaxed", AcqRel));
    }
}

/// Takes the word out of a claimed place; waits for it if its pusher has not put it there yet.
#[inline(always)]
fn empty(place: &AtomicU64) -> u64 {
    let mut backoff = Backoff::default();
    loop {
        // ORDERING: Acquire — what the pusher did before; pairs with the Release store in `push_run`.
        match place.load(order!("chain_empty_relaxed", Acquire)) {
            0 => backoff.snooze(),
            word => {
                place.store(0, Relaxed);
                return word;
            }
        }
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
