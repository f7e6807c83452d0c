//! Which lines hold something: a bitmap that never leaves a completed push uncovered.
//!
//! ```text
//! 63 ── doubt (32) ── 32 31 ── live (32) ── 0
//! ```
//! A popper that wants to clear the bits of lines that it found empty moves them to *doubt*, looks once more behind a
//! full fence, makes a line live again if something is there, and ends the doubt. Others look into lines in doubt like into
//! live ones. To clear the bit and look again would strand nothing either, with the fences, but in
//! between another popper would see no bit and say "empty", or take something less urgent.
//!
//! The Acquires and Releases here are no part of the proof: the fences of line and doubt carry everything in the models, and so
//! no seeded bug stands for them. They cost nothing, and tell a reader which way things flow.

#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

use crossbeam_utils::CachePadded;

use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU64, fence};
use crate::sync::fence_after_rmw;
use crate::sync::seeded;

/// Lines of one bitmap.
pub(super) const LINES: u32 = 32;

/// Some of the lines.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines(u32);

impl Lines {
    pub(super) fn one(line: u32) -> Self {
        Lines(1 << line)
    }

    pub(super) fn insert(&mut self, line: u32) {
        self.0 |= 1 << line;
    }

    pub(super) fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in front of line number `end`.
    #[inline(always)]
    pub(super) fn before(self, end: u32) -> Self {
        match end < LINES {
            true => Lines(self.0 & ((1 << end) - 1)),
            false => self,
        }
    }

    /// The first one first.
    #[inline]
    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let line = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (line < LINES).then_some(line)
        })
    }

    fn live(self) -> u64 {
        self.0.into()
    }

    fn doubt(self) -> u64 {
        self.live() << LINES
    }
}

/// What a bitmap said at one instant.
#[derive(Clone, Copy)]
pub(super) struct Covered(u64);

impl Covered {
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lines that may hold something.
    #[inline]
    pub(super) fn lines(self) -> Lines {
        Lines((self.0 | self.0 >> LINES) as u32)
    }

    #[inline]
    pub(super) fn in_doubt(self, line: u32) -> bool {
        self.0 & Lines::one(line).doubt() != 0
    }
}

/// The bitmap of up to 32 lines.
pub(super) struct Cover(CachePadded<AtomicU64>);

impl Cover {
    pub(super) fn new() -> Self {
        Cover(CachePadded::new(AtomicU64::new(0)))
    }

    #[inline]
    pub(super) fn load(&self) -> Covered {
        // ORDERING: Acquire — what lay in the line when its bit was set; pairs with `mark` and `clear`.
        Covered(self.0.load(Acquire))
    }

    /// The line holds something. The caller has put a full fence between putting it there and this.
    #[inline]
    pub(super) fn mark(&self, line: u32) {
        let live = Lines::one(line).live();
        if self.0.load(Relaxed) & live == 0 {
            // ORDERING: Release — what was put into the line; pairs with `load`.
            self.0.fetch_or(live, Release);
        }
    }

    /// Clears the bits of `lines`, which a popper found empty, but for those where `holds` now finds something. Leaves them to
    /// others if somebody else has changed the bitmap meanwhile, or is in doubt about them.
    pub(super) fn clear(&self, lines: Lines, holds: impl Fn(u32) -> bool) {
        let now = self.0.load(Relaxed);
        if now & lines.live() != lines.live() || now & lines.doubt() != 0 {
            return;
        }
        let doubted = seeded!("cover_plain_bitmap", now & !lines.live() => now & !lines.live() | lines.doubt());
        // ORDERING: Release — who emptied the lines, and where their words went, to whoever sees no bit; pairs
        // with `load`.
        // unseen: it takes a thread that moves the words to the front, one that clears, and one that then finds neither
        // bit nor words: more steps in turn than the models' preemptions. A claim's fence, real under loom, helps too.
        let release = Release;
        let begun = self.0.compare_exchange(now, doubted, release, Relaxed);
        if begun.is_err() {
            return;
        }
        if !seeded!("cover_doubt_no_fence") {
            // ORDERING: full fence — the cleared bits before the second look into the lines. Partner: the fence
            // between a push and its `mark`. Either the look finds the push, or the pusher finds the bit clear.
            fence_after_rmw();
        }
        let mut again = Lines::default();
        lines
            .iter()
            .filter(|line| holds(*line))
            .for_each(|line| again.insert(line));
        // ORDERING: Acquire fence — who moved the words that the look did not find; pairs with the fences of `collect` and of
        // a claim. Handed on below to whoever sees no bit: it then knows that words are on their way.
        fence(Acquire);
        if !again.is_empty() {
            // ORDERING: Release — as in `mark`.
            // unseen: the mark itself and the begun doubt head the release sequence of this one, and who waits fences.
            self.0.fetch_or(again.live(), Release);
        }
        // ORDERING: Release — as where the doubt began.
        // unseen: the swap there heads the release sequence of this one; only the second look lies between.
        self.0.fetch_and(!lines.doubt(), Release);
    }
}
