//! Which lines hold something: a bitmap that never leaves a completed push uncovered.
//!
//! ```text
//! 63 ── doubt (32) ── 32 31 ── live (32) ── 0
//! ```
//! A popper that finds a live line empty moves its bit to *doubt*, looks once more behind a full fence, makes
//! the line live again if something is there, and ends the doubt. Others look into lines in doubt like into
//! live ones. To clear the bit and look again would strand nothing either, with the fences, but in
//! between another popper would see no bit and say "empty", or take something less urgent.

use crossbeam_utils::CachePadded;

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{fence_after_rmw, order};

/// Lines of one bitmap.
pub(super) const LINES: u32 = 32;

/// What a bitmap said at one instant.
#[derive(Clone, Copy)]
pub(super) struct Covered(u64);

impl Covered {
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lines that may hold something, the first one first.
    pub(super) fn lines(self) -> impl Iterator<Item = u32> {
        let mut left = (self.0 | self.0 >> LINES) as u32;
        std::iter::from_fn(move || {
            let line = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (line < LINES).then_some(line)
        })
    }

    pub(super) fn in_doubt(self, line: u32) -> bool {
        self.0 & doubt(line) != 0
    }
}

/// The bitmap of up to 32 lines.
pub(super) struct Cover(CachePadded<AtomicU64>);

fn live(line: u32) -> u64 {
    1 << line
}

fn doubt(line: u32) -> u64 {
    live(line) << LINES
}

impl Cover {
    pub(super) fn new() -> Self {
        Cover(CachePadded::new(AtomicU64::new(0)))
    }

    #[inline]
    pub(super) fn load(&self) -> Covered {
        // ORDERING: Acquire — what lay in the line when its bit was set; pairs with `mark` and `settle`.
        Covered(self.0.load(order!("cover_load_relaxed", Acquire)))
    }

    /// The line holds something. The caller has put a full fence between putting it there and this.
    #[inline]
    pub(super) fn mark(&self, line: u32) {
        if self.0.load(Relaxed) & live(line) == 0 {
            // ORDERING: Release — what was put into the line; pairs with `load`.
            self.0
                .fetch_or(live(line), order!("cover_mark_relaxed", Release));
        }
    }

    /// A popper found the line empty: from live to in doubt, with a full fence. False if it is not live or in
    /// doubt already.
    pub(super) fn begin_doubt(&self, line: u32) -> bool {
        let now = self.0.load(Relaxed);
        if now & live(line) == 0 || now & doubt(line) != 0 {
            return false;
        }
        let doubted = if cfg!(guichet_bug = "cover_plain_bitmap") {
            now & !live(line)
        } else {
            now & !live(line) | doubt(line)
        };
        // ORDERING: Release — who emptied the line, and where its words went, to whoever sees no bit; pairs
        // with `load`.
        let release = order!("cover_doubt_relaxed", Release);
        let begun = self
            .0
            .compare_exchange(now, doubted, release, Relaxed)
            .is_ok();
        if begun && !cfg!(guichet_bug = "cover_doubt_no_fence") {
            // ORDERING: full fence — the cleared bit before the second look into the line. Partner: the fence
            // between a push and its `mark`. Either the look finds the push, or the pusher finds the bit clear.
            fence_after_rmw();
        }
        begun
    }

    /// The second look found something, or nothing.
    pub(super) fn end_doubt(&self, line: u32, something: bool) {
        if something {
            // ORDERING: Release — as in `mark`.
            self.0
                .fetch_or(live(line), order!("cover_settle_relaxed", Release));
        }
        // ORDERING: Release — as in `begin_doubt`.
        self.0
            .fetch_and(!doubt(line), order!("cover_end_relaxed", Release));
    }
}
