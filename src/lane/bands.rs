//! FIFO lines, one per level, under a bitmap of those that hold something.
//!
//! A push appends to its level's line and marks it in the bitmap; a pop takes from the most urgent line that is
//! marked. Up to 32 levels have one bitmap, up to 1,024 one for every 32 and a summary over those. All lines share
//! one store of segments. The front (`front.rs`) merges in by rank.
//!
//! * No pop gives a word while a more urgent one, or an earlier one of its level, lay here during the whole pop.
//! * `Empty` is said only if no word lay here during the whole pop.
//! * Nothing is stranded.

#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

use std::fmt;

use super::Rank;
use super::cover::{Cover, LINES, Lines};
use super::front::{Front, IN_LINE, Turn};
use crate::model::{PopError, PushError};
use crate::ring::{Chain, Nothing, Segments, Taken};
use crate::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::sync::atomic::{AtomicBool, fence};

/// The most levels.
pub const MOST_LEVELS: u32 = LINES * LINES;

/// So many bits of empty lines are left alone.
const STALE: u32 = if cfg!(guichet_loom) { 1 } else { 6 };

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

/// Words that a pop took: of one level, next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Level of all of them, and the first one's place; the others' follow.
    pub rank: Rank,
    /// How many.
    pub count: usize,
    /// Orders words of one rank; to be given back with the word.
    pub tie: u64,
    /// Whether it is a single word out of the front.
    pub from_front: bool,
}

/// How many words a pop wants.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// At the most so many.
    pub most: usize,
    /// And no more than its share of a line that so many poppers live on.
    pub poppers: usize,
}

impl Portion {
    /// A single word.
    pub const ONE: Portion = Portion {
        most: 1,
        poppers: 1,
    };

    #[inline(always)]
    fn of(self, line: &Chain) -> usize {
        match self.most > 1 && self.poppers > 1 {
            true => (line.len() / self.poppers).clamp(1, self.most),
            false => self.most,
        }
    }
}

/// What a look at the lines found.
enum Scan {
    Took(Run),
    /// The front has what comes first.
    Front,
    Nothing,
    /// Words have been moving since the look began: it does not count.
    Moving,
}

/// One look at lines and front.
#[derive(Clone, Copy)]
struct Look {
    /// When it began.
    turn: Turn,
    /// Where it ends: at the first word of the front, or at the level that the popper wants.
    limit: Rank,
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
            if !cfg!(guichet_bug = "bands_summary_no_fence") {
                // ORDERING: SeqCst fence — the mark, perhaps another pusher's, before the look at the summary.
                // Partner: the fence of `begin_doubt` on the summary.
                fence(SeqCst);
            }
            summary.mark(level / LINES);
        }
    }

    /// Moves the `portion` of words that come next, all of one level, which is below `until`, to the end of `out`.
    #[inline]
    pub fn pop_run(
        &self,
        out: &mut Vec<u64>,
        portion: Portion,
        until: u32,
    ) -> Result<Run, PopError> {
        let end = match until < MOST_LEVELS {
            true => Rank::first_of(until),
            false => Rank::LAST,
        };
        self.pop_with(out, end, |look, out| self.scan(look, out, portion))
    }

    /// Takes the next word of `level`; if it has none, what comes first.
    pub fn pop_preferring(&self, level: u32, out: &mut Vec<u64>) -> Result<Run, PopError> {
        self.pop_with(out, Rank::LAST, |look, out| {
            let line = &self.lines[level as usize];
            let mut end = u64::MAX;
            if look.limit != Rank::LAST {
                let (head, _) = line.ends();
                match self.front.pop_in(level, head as i64) {
                    Ok((rank, tie, word)) => {
                        out.push(word);
                        return Scan::Took(Run::single(rank, tie));
                    }
                    // The head may move on: what stands in front of the line goes first.
                    Err(next) => end = next.map_or(u64::MAX, |rank| rank.place().max(0) as u64),
                }
            }
            match line.pop_run(&self.segments, out, 1, end, || self.is_valid(look)) {
                Ok(taken) => Scan::Took(Run::of_line(level, taken)),
                Err(Nothing::Barred | Nothing::Behind) => Scan::Moving,
                Err(Nothing::Empty) => self.scan(look, out, Portion::ONE),
            }
        })
    }

    #[inline]
    fn pop_with(
        &self,
        out: &mut Vec<u64>,
        end: Rank,
        mut search: impl FnMut(Look, &mut Vec<u64>) -> Scan,
    ) -> Result<Run, PopError> {
        loop {
            let turn = self.front.turn();
            let best = self.front.best();
            let limit = best.min(end);
            let look = Look { turn, limit };
            match search(look, out) {
                Scan::Took(run) => return Ok(run),
                Scan::Front | Scan::Nothing if best < end => {
                    if let Some((rank, tie, word)) = self.front.pop(limit) {
                        out.push(word);
                        return Ok(Run::single(rank, tie));
                    }
                }
                Scan::Front | Scan::Nothing => {
                    if self.is_valid(look) {
                        return Err(match self.closed.load(Relaxed) {
                            true => PopError::Closed,
                            false => PopError::Empty,
                        });
                    }
                }
                Scan::Moving => {}
            }
        }
    }

    /// Whether no word has been moved since the look began.
    #[inline(always)]
    fn is_valid(&self, look: Look) -> bool {
        self.front.undisturbed(look.turn)
    }

    /// One look at the lines in front of the limit.
    #[inline]
    fn scan(&self, look: Look, out: &mut Vec<u64>, portion: Portion) -> Scan {
        if self.covers.is_empty() {
            return self.look_into(0, look, out, portion);
        }
        let Some(summary) = &self.summary else {
            return self.scan_cover(0, look, out, portion);
        };
        loop {
            let covered = summary.load();
            let mut stale = Lines::default();
            for number in covered.lines().iter() {
                match self.scan_cover(number, look, out, portion) {
                    Scan::Nothing => {}
                    found => return found,
                }
                // A cover that is not empty after this look is others' business, and nobody waits for them.
                if !covered.in_doubt(number) && self.covers[number as usize].load().is_empty() {
                    stale.insert(number);
                }
            }
            if stale.is_empty() {
                return Scan::Nothing;
            }
            summary.clear(stale, |number| {
                !self.covers[number as usize].load().is_empty()
            });
        }
    }

    /// One look at one line.
    #[inline]
    fn look_into(&self, level: u32, look: Look, out: &mut Vec<u64>, portion: Portion) -> Scan {
        let limit = look.limit;
        if level > limit.level() {
            return Scan::Front;
        }
        let end = if level == limit.level() && limit != Rank::LAST {
            limit.place().max(0) as u64
        } else {
            u64::MAX
        };
        let line = &self.lines[level as usize];
        let may_claim = || self.is_valid(look);
        match line.pop_run(&self.segments, out, portion.of(line), end, may_claim) {
            Ok(taken) => Scan::Took(Run::of_line(level, taken)),
            Err(Nothing::Behind) => Scan::Front,
            Err(Nothing::Empty) => Scan::Nothing,
            Err(Nothing::Barred) => Scan::Moving,
        }
    }

    /// One look at the lines of one bitmap. Bits of empty lines are cleared several at a time, since the bitmap is what all
    /// threads change; all are cleared before "nothing" is said.
    #[inline]
    fn scan_cover(&self, number: u32, look: Look, out: &mut Vec<u64>, portion: Portion) -> Scan {
        let cover = &self.covers[number as usize];
        loop {
            let covered = cover.load();
            let mut stale = Lines::default();
            let mut found = Scan::Nothing;
            for bit in covered.lines().iter() {
                // Most looks find nothing more than this.
                if !self.line(number, bit).is_empty() {
                    found = self.look_into(number * LINES + bit, look, out, portion);
                    if !matches!(found, Scan::Nothing) {
                        break;
                    }
                }
                if !covered.in_doubt(bit) {
                    stale.insert(bit);
                }
            }
            let nothing = matches!(found, Scan::Nothing);
            // Who takes several asks before each whether something more urgent has come.
            let several = matches!(&found, Scan::Took(run) if run.count > 1);
            if stale.len() > STALE || (nothing || several) && !stale.is_empty() {
                cover.clear(stale, |bit| !self.line(number, bit).is_empty());
            }
            if !nothing || stale.is_empty() {
                return found;
            }
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
        let ignored = cfg!(guichet_bug = "bands_empty_ignores_moves");
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

impl Run {
    fn of_line(level: u32, taken: Taken) -> Self {
        Run {
            rank: Rank::new(level, taken.position as i64),
            count: taken.count,
            tie: IN_LINE,
            from_front: false,
        }
    }

    fn single(rank: Rank, tie: u64) -> Self {
        Run {
            rank,
            count: 1,
            tie,
            from_front: true,
        }
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
