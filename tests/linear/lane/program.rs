//! Random short programs for lines by priority: each thread puts words in and takes words out.

use crate::program::{Pause, Random};

/// How many words a program puts in at the most; what comes out is as much, and what finds nothing is extra.
const WORDS: usize = 20;
/// The most words of one call.
const RUN: usize = 3;

/// What a thread calls. A word is a number from 1 that no other word of the history has; levels are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Put these next to each other behind their peers.
    Push(usize, Vec<u8>),
    /// Put this in front of its peers.
    Newest(usize, u8),
    /// Take at most so many.
    Pop(usize),
    /// Put what this thread's last pop took back to its place.
    Back,
    /// Take this word out, wherever it is.
    Remove(u8),
    /// Put this word behind the peers of that level.
    Move(u8, usize),
    /// Move all words of the lines to the front.
    Collect,
    Close,
    /// Pop until nothing is found; each pop is recorded.
    Drain,
}

/// What the calls of a subject may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Abilities {
    pub levels: usize,
    pub runs: bool,
    pub newest: bool,
    pub back: bool,
    pub removes: bool,
    pub moves: bool,
    pub collects: bool,
    pub closes: bool,
}

/// The calls of each thread.
pub struct Program {
    pub threads: Vec<Vec<(Pause, Call)>>,
}

impl Program {
    pub fn random(seed: u64, abilities: &Abilities) -> Self {
        let mut random = Random::new(seed);
        let count = 2 + random.below(3);
        let mut author = Author {
            abilities: *abilities,
            random,
            words: 0,
        };
        let mut threads: Vec<_> = (0..count).map(|_| author.thread(WORDS / count)).collect();
        if abilities.closes && author.random.below(3) == 0 {
            let calls = &mut threads[author.random.below(count)];
            let at = author.random.below(calls.len());
            calls.insert(at, (Pause::None, Call::Close));
        }
        Program { threads }
    }
}

struct Author {
    abilities: Abilities,
    random: Random,
    /// How many words there are so far.
    words: u8,
}

impl Author {
    fn thread(&mut self, most: usize) -> Vec<(Pause, Call)> {
        let (mut calls, mut left) = (Vec::new(), most);
        while left > 0 {
            let call = self.call(left);
            left = left.saturating_sub(match &call {
                Call::Push(_, words) => words.len(),
                _ => 1,
            });
            let pops = matches!(call, Call::Pop(_));
            calls.push((Pause::random(&mut self.random), call));
            if pops && self.abilities.back && self.random.below(3) == 0 {
                calls.push((Pause::random(&mut self.random), Call::Back));
            }
        }
        // What was stranded shows when everybody finds nothing.
        calls.push((Pause::None, Call::Drain));
        calls
    }

    /// A call that puts in at most `left` words.
    fn call(&mut self, left: usize) -> Call {
        let abilities = self.abilities;
        let level = self.random.below(abilities.levels);
        let length = match abilities.runs && self.random.below(3) == 0 {
            true => 1 + self.random.below(RUN.min(left)),
            false => 1,
        };
        match self.random.below(16) {
            0 if abilities.newest => Call::Newest(level, self.word()),
            1 if abilities.removes => Call::Remove(self.some_word()),
            2 | 3 if abilities.moves => Call::Move(self.some_word(), level),
            4 if abilities.collects => Call::Collect,
            0..9 => Call::Push(level, (0..length).map(|_| self.word()).collect()),
            _ => Call::Pop(length),
        }
    }

    fn word(&mut self) -> u8 {
        self.words += 1;
        self.words
    }

    /// One that there is, or will be, or the next one.
    fn some_word(&mut self) -> u8 {
        1 + self.random.below(usize::from(self.words) + 2) as u8
    }
}
