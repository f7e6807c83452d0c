//! Taking out: the most urgent word, or run of words, that lies in the lines or in the front.
//!
//! A pop looks into the lines that the bitmaps name, and claims only what no word that moves meanwhile has come before.

#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod tests;

use super::run::{Portion, Run};
use super::{Bands, MOST_LEVELS};
use crate::lane::Rank;
use crate::lane::cover::{LINES, Lines};
use crate::lane::front::Turn;
use crate::model::PopError;
use crate::ring::Nothing;
use crate::sync::atomic::Ordering::Relaxed;

/// So many bits of empty lines are left alone.
const STALE: u32 = if cfg!(guichet_loom) { 1 } else { 6 };

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
}
