//! FIFO lines, one per level, under a bitmap of those that hold something.
//!
//! A push appends to its level's line and marks it in the bitmap; a pop takes from the most urgent line that is
//! marked. Up to 32 levels have one bitmap, up to 1,024 one for every 32 and a summary over those. All lines share
//! one store of segments. The front (`front.rs`) merges in by rank. What goes in and what moves is here; how a pop searches
//! is in `bands/pop.rs`.
//!
//! * No pop gives a word while a more urgent one, or an earlier one of its level, lay here during the whole pop.
//! * `Empty` is said only if no word lay here during the whole pop.
//! * Nothing is stranded.

mod pop;
mod run;

use std::fmt;

use super::Rank;
use super::cover::{Cover, LINES};
use super::front::Front;
use crate::model::PushError;
use crate::ring::{Chain, Segments};
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicBool, fence};
use crate::sync::seeded;
pub use run::Portion;
use run::Run;

/// The most levels.
pub const MOST_LEVELS: u32 = LINES * LINES;

/// A lane of FIFO lines by level; level 0 is the most urgent.
pub struct Bands {
    segments: Segments,
    lines: Box<[Chain]>,
    /// None for a single line.
    covers: Box<[Cover]>,
    /// Which of `covers` are not empty, if there are several.
    summary: Option<Cover>,
    front: Front,
    /// All lines are closed.
    closed: AtomicBool,
}

impl Bands {
    /// Lines for `levels` levels (1 to 1,024), with room for `capacity` words in all.
    pub fn new(levels: u32, capacity: usize) -> Self {
        assert!((1..=MOST_LEVELS).contains(&levels), "{levels} levels");
        let segments = Segments::new(capacity, levels as usize);
        // A single line needs no bitmap: it is looked into.
        let covers = match levels {
            1 => 0,
            levels => levels.div_ceil(LINES),
        };
        Bands {
            lines: (0..levels).map(|_| Chain::new(&segments)).collect(),
            covers: (0..covers).map(|_| Cover::new()).collect(),
            summary: (covers > 1).then(Cover::new),
            segments,
            front: Front::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// How many levels there are.
    pub fn levels(&self) -> u32 {
        self.lines.len() as u32
    }

    /// Appends `word` to the line of `level`. Refused once the lane is closed.
    #[inline(always)]
    pub fn push(&self, level: u32, word: u64) -> Result<(), PushError<u64>> {
        self.lines[level as usize].push(&self.segments, word)?;
        if !self.covers.is_empty() {
            self.mark(level);
        }
        Ok(())
    }

    /// Appends the first of `words`, next to each other; how many.
    #[inline]
    pub fn push_run(&self, level: u32, words: &[u64]) -> Result<usize, PushError<()>> {
        let count = self.lines[level as usize].push_run(&self.segments, words)?;
        if !self.covers.is_empty() {
            self.mark(level);
        }
        Ok(count)
    }

    /// A line's push is behind a full fence here: the chain puts one after each claim.
    #[inline]
    fn mark(&self, level: u32) {
        self.covers[(level / LINES) as usize].mark(level % LINES);
        if let Some(summary) = &self.summary {
            if !seeded!("bands_summary_no_fence") {
                // ORDERING: SeqCst fence — the mark, perhaps another pusher's, before the look at the summary.
                // Partner: the fence of `begin_doubt` on the summary.
                fence(SeqCst);
            }
            summary.mark(level / LINES);
        }
    }

    fn line(&self, number: u32, bit: u32) -> &Chain {
        &self.lines[(number * LINES + bit) as usize]
    }

    /// Puts `word` back to where the pop said that it lay.
    pub fn insert(&self, rank: Rank, tie: u64, word: u64) -> Result<(), PushError<u64>> {
        self.front.insert(rank, tie, word)
    }

    /// Puts `word` in front of all others of its level.
    pub fn insert_newest(&self, level: u32, word: u64) -> Result<(), PushError<u64>> {
        self.front.insert_newest(level, word)
    }

    /// Puts `word` behind all others of its level, without a place in the line: for a slot that has one there.
    pub fn insert_behind(&self, level: u32, word: u64) -> Result<(), PushError<u64>> {
        self.front.insert_behind(self.end_of(level), word)
    }

    /// Puts what `change` makes of `word` behind all others of `level`, and takes `word` out of the front if it
    /// is there, as `change` is told. In a line it stays, for whoever pops it to drop.
    pub fn replace<E>(
        &self,
        word: u64,
        level: u32,
        change: impl FnOnce(bool) -> Result<u64, E>,
    ) -> Result<Result<(), E>, PushError<u64>> {
        self.front.replace(word, || self.end_of(level), change)
    }

    fn end_of(&self, level: u32) -> Rank {
        let (_, end) = self.lines[level as usize].ends();
        Rank::new(level, end as i64)
    }

    /// Takes exactly `word` out of the front; false if it is not there.
    pub fn remove(&self, word: u64) -> bool {
        self.front.remove(word)
    }

    /// Moves the words of all lines to the front, but for those that `keep` says mean nothing any more.
    pub fn collect(&self, mut keep: impl FnMut(u64) -> bool) {
        let mut words = Vec::with_capacity(LINES as usize);
        self.front.collect(|put| {
            for (level, line) in self.lines.iter().enumerate() {
                while let Ok(taken) =
                    line.pop_run(&self.segments, &mut words, LINES as usize, u64::MAX, || {
                        true
                    })
                {
                    let run = Run::of_line(level as u32, taken);
                    for (offset, word) in words.drain(..).enumerate() {
                        if keep(word) {
                            put(run.rank.behind(offset), word);
                        }
                    }
                }
            }
        });
    }

    /// Whether a pop would now give something more urgent than `level`; about right.
    #[inline]
    pub fn has_before(&self, level: u32) -> bool {
        let before = self.front.turn_now();
        if before.is_moving() || self.front.best().level() < level {
            return true;
        }
        if self.covers.is_empty() {
            return false;
        }
        let holds = match &self.summary {
            None => self.holds_before(0, level),
            Some(summary) => {
                let mut covers = summary.load().lines().iter();
                covers.any(|number| self.holds_before(number, level))
            }
        };
        holds || !self.front.undisturbed(before)
    }

    /// Whether a line of this bitmap that is more urgent than `level` holds something.
    fn holds_before(&self, number: u32, level: u32) -> bool {
        let covered = self.covers[number as usize].load();
        let urgent = covered.lines().before(level.saturating_sub(number * LINES));
        urgent.iter().any(|bit| !self.line(number, bit).is_empty())
    }

    /// How many words there are: about right while the lane is used.
    pub fn len(&self) -> usize {
        self.front.len() + self.lines.iter().map(Chain::len).sum::<usize>()
    }

    /// Whether a pop would find nothing. A caller that fenced sees every push from before a partner's
    /// fence. Never true because of words that are moving from the lines to the front.
    pub fn is_empty(&self) -> bool {
        let before = self.front.turn_now();
        let ignored = seeded!("bands_empty_ignores_moves");
        if before.is_moving() && !ignored || self.front.best() != Rank::LAST {
            return false;
        }
        let nothing_in = |number| !self.holds_before(number, u32::MAX);
        let empty = match (&self.summary, self.covers.is_empty()) {
            (Some(summary), _) => summary.load().lines().iter().all(nothing_in),
            (None, false) => nothing_in(0),
            (None, true) => self.lines[0].is_empty(),
        };
        empty && (self.front.undisturbed(before) || ignored)
    }

    /// How many words have left the lines: about right.
    pub fn popped(&self) -> u64 {
        self.lines.iter().map(Chain::popped).sum()
    }

    /// Refuses every later word; what is here can still be popped.
    pub fn close(&self) {
        self.lines.iter().for_each(Chain::close);
        self.front.close();
        self.closed.store(true, Relaxed);
    }
}

impl fmt::Debug for Bands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bands")
            .field("levels", &self.levels())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
