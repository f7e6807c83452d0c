//! A concurrency level: how many threads add jobs and how many work on them, written `4x2`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Serialize;

/// How many producers or workers a level may name.
pub const THREADS: RangeInclusive<usize> = 1..=256;

/// One concurrency level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Threads that add jobs.
    pub producers: usize,
    /// Threads that work on them.
    pub workers: usize,
}

impl Level {
    /// `producers` threads that add, `workers` threads that work.
    pub const fn new(producers: usize, workers: usize) -> Self {
        Level { producers, workers }
    }

    /// True if neither side has more than `threads` threads.
    pub fn within(self, threads: usize) -> bool {
        self.producers <= threads && self.workers <= threads
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}x{}", self.producers, self.workers))
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        let (producers, workers) = text.trim().split_once(['x', 'X', '×']).ok_or(LevelError)?;
        Ok(Level::new(threads(producers)?, threads(workers)?))
    }
}

fn threads(text: &str) -> Result<usize, LevelError> {
    text.parse()
        .ok()
        .filter(|n| THREADS.contains(n))
        .ok_or(LevelError)
}

/// The levels to sweep, in order, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels(pub Vec<Level>);

impl Levels {
    /// The default sweep for a machine of `cores`: one and two on each side, doubling up to twice the cores, and one
    /// level with eight times as many threads as cores, where wake-ups and preemption decide.
    pub fn sweep(cores: usize) -> Self {
        let most = *THREADS.end();
        let doubling = std::iter::successors(Some(4), |n| Some(n * 2))
            .take_while(|n| *n <= (2 * cores).min(most));
        let even = doubling
            .chain([(8 * cores).min(most)])
            .map(|n| Level::new(n, n));
        let small = [
            Level::new(1, 1),
            Level::new(1, 2),
            Level::new(2, 1),
            Level::new(2, 2),
        ];
        Levels(distinct(small.into_iter().chain(even)))
    }

    /// The levels of a quick look.
    pub fn quick() -> Self {
        Levels(vec![Level::new(1, 1), Level::new(2, 2), Level::new(4, 4)])
    }
}

impl FromStr for Levels {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        let levels = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<Level>, _>>()?;
        Ok(Levels(distinct(levels)))
    }
}

fn distinct(levels: impl IntoIterator<Item = Level>) -> Vec<Level> {
    let mut seen = Vec::new();
    for level in levels {
        if !seen.contains(&level) {
            seen.push(level);
        }
    }
    seen
}

/// The text is not a list of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelError;

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (THREADS.start(), THREADS.end());
        write!(
            f,
            "PRODUCERSxWORKERS pairs, each side {least}..={most}, such as 1x1,2x2"
        )
    }
}

impl std::error::Error for LevelError {}
