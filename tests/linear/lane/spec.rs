//! What a line by priority may do. A word's place is its level, and within the level its turn.
//!
//! * Put in, put back, moved, removed: one instant each, within the call. A word that is put back is where it was: before
//!   all that was behind it.
//! * But of lines by level, who moves a word first looks where the level's line ends: that is its place from then on. The word
//!   appears there later in the call, perhaps in front of what was pushed in between, and perhaps has left.
//! * A pop takes its words in one instant: a run of one level, in its order. Which they may be is a `Rule`.
//! * No rule lets a word be lost, come out twice, be invented, or come out of another level than it was put into.
//! * A close is one instant per level, and one for what stands in front of all lines. To refuse is to have been closed, and to
//!   accept not to have been; but of lines by level, what was accepted before the close may appear after it.
//! * A collect changes nothing, and no pop may pass over the words that it moves.

use std::collections::HashMap;

use super::program::Call;
use super::record::{History, Outcome, Record};
use crate::search::{self, Draft, linearizable};

/// What a pop may take, and when it may say that there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// What comes first at the instant at which it is taken. Nothing, if nothing is there at some instant. So the heap.
    Strict,
    /// What comes first of its level then, if each more urgent level was empty at an instant of its own in the call,
    /// before that. Nothing, if each level was empty at such an instant. So the bands, if all words go in at the end.
    Levels,
    /// No word may be passed over that was there from the call's beginning until the words were taken, or until it said that
    /// there was nothing. So the bands in any case.
    ///
    /// Except a word before it is moved: it may be in the hand of somebody who took it, and is to find that it has moved.
    Search,
}

/// How many programs' threads there are at the most.
const THREADS: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    level: usize,
    word: u8,
    /// Or else it was taken and will be put back.
    here: bool,
    /// How often it will be moved yet.
    moves: usize,
}

impl Entry {
    fn bit(&self) -> u64 {
        1 << self.word
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// What comes first first.
    entries: Vec<Entry>,
    /// By thread, the words that have been here since its pop began; none while it does not pop.
    since: [u64; THREADS],
    /// A bit per level, and one for the front.
    closed: u64,
}

/// What happens in one instant.
#[derive(Clone, Debug)]
pub enum Effect {
    Accept(usize),
    Enter {
        level: usize,
        newest: bool,
        /// Not if that is closed.
        open: Option<usize>,
        /// And how often each will be moved.
        words: Vec<(u8, usize)>,
    },
    Begin(usize),
    Exit {
        rule: Rule,
        thread: usize,
        level: usize,
        /// And whether each will be put back.
        words: Vec<(u8, bool)>,
    },
    Nothing(Rule, usize),
    Empty(usize),
    /// What was taken or moved is here again.
    Appears(u8),
    Removed(u8),
    Moved {
        word: u8,
        level: usize,
        /// Or else it appears later.
        here: bool,
    },
    Absent(u8),
    Close(usize),
    Refused(usize),
    Closed,
}

impl State {
    fn at(&self, word: u8) -> Option<usize> {
        let found = self.entries.iter().position(|entry| entry.word == word);
        found.filter(|&at| self.entries[at].here)
    }

    /// Whether the rule forbids to pass over this one.
    fn forbids(&self, rule: Rule, thread: usize, level: usize, entry: &Entry) -> bool {
        let counts = match rule {
            Rule::Strict => true,
            Rule::Levels => entry.level == level,
            Rule::Search => self.since[thread] & entry.bit() != 0,
        };
        entry.here && counts
    }

    fn insert(&mut self, entry: Entry, newest: bool) {
        let before =
            |other: &Entry| other.level < entry.level || !newest && other.level == entry.level;
        let at = self.entries.partition_point(before);
        self.entries.insert(at, entry);
    }

    fn exit(&mut self, rule: Rule, thread: usize, level: usize, word: u8, back: bool) -> bool {
        let Some(at) = self.at(word) else {
            return false;
        };
        let passed = &self.entries[..at];
        let forbidden = passed
            .iter()
            .any(|entry| self.forbids(rule, thread, level, entry));
        if forbidden || self.entries[at].level != level {
            return false;
        }
        self.leaves(word);
        match back {
            true => self.entries[at].here = false,
            false => drop(self.entries.remove(at)),
        }
        true
    }

    fn is_closed(&self, level: usize) -> bool {
        self.closed & 1 << level != 0
    }

    fn leaves(&mut self, word: u8) {
        self.since
            .iter_mut()
            .for_each(|words| *words &= !(1 << word));
    }
}

impl search::Effect for Effect {
    type State = State;

    fn happens(&self, state: &mut State) -> bool {
        match self {
            Effect::Accept(level) => !state.is_closed(*level),
            Effect::Enter {
                level,
                newest,
                open,
                words,
            } => {
                for &(word, moves) in words {
                    let entry = Entry {
                        level: *level,
                        word,
                        here: true,
                        moves,
                    };
                    state.insert(entry, *newest);
                }
                open.is_none_or(|level| !state.is_closed(level))
            }
            Effect::Begin(thread) => {
                let stays = |entry: &&Entry| entry.here && entry.moves == 0;
                let words = state.entries.iter().filter(stays);
                state.since[*thread] = words.map(Entry::bit).sum();
                true
            }
            Effect::Exit {
                rule,
                thread,
                level,
                words,
            } => {
                let mut words = words.iter();
                let legal =
                    words.all(|&(word, back)| state.exit(*rule, *thread, *level, word, back));
                state.since[*thread] = 0;
                legal
            }
            Effect::Nothing(rule, thread) => {
                let mut entries = state.entries.iter();
                let legal = !entries.any(|entry| state.forbids(*rule, *thread, 0, entry));
                state.since[*thread] = 0;
                legal
            }
            Effect::Empty(level) => {
                let mut entries = state.entries.iter();
                !entries.any(|entry| entry.here && entry.level == *level)
            }
            Effect::Appears(word) => {
                let mut entries = state.entries.iter_mut();
                let entry = entries.find(|entry| entry.word == *word);
                entry.is_some_and(|entry| !std::mem::replace(&mut entry.here, true))
            }
            Effect::Removed(word) => {
                let found = state.at(*word);
                state.leaves(*word);
                found.map(|at| state.entries.remove(at)).is_some()
            }
            Effect::Moved { word, level, here } => {
                let Some(at) = state.at(*word) else {
                    return false;
                };
                let entry = state.entries.remove(at);
                let moved = Entry {
                    level: *level,
                    here: *here,
                    moves: entry.moves - 1,
                    ..entry
                };
                state.insert(moved, false);
                true
            }
            Effect::Absent(word) => state.at(*word).is_none(),
            Effect::Close(level) => {
                state.closed |= 1 << level;
                true
            }
            Effect::Refused(level) => state.is_closed(*level),
            Effect::Closed => state.closed != 0,
        }
    }
}

/// Whether a lane of so many levels may have done this by that rule; `Err` says why not.
pub fn judge(history: &History, rule: Rule, levels: usize) -> Result<(), String> {
    let records = &history.0;
    let mut author = Author {
        draft: Draft::new(),
        moves: HashMap::new(),
        rule,
        levels,
    };
    for record in records {
        if let (Call::Move(word, _), Outcome::Done) = (&record.call, &record.outcome) {
            *author.moves.entry(*word).or_default() += 1;
        }
    }
    for (at, record) in records.iter().enumerate() {
        let mut later = records[at + 1..].iter();
        let next = later.find(|later| later.thread == record.thread);
        author.record(record, next);
    }
    if linearizable(&author.draft.spans) {
        Ok(())
    } else {
        Err(format!("no order of the steps is legal by {rule:?}"))
    }
}

/// Writes the spans of a history.
struct Author {
    draft: Draft<Effect>,
    /// How often a word was moved.
    moves: HashMap<u8, usize>,
    rule: Rule,
    levels: usize,
}

impl Author {
    /// `next` is the same thread's next one.
    fn record(&mut self, record: &Record, next: Option<&Record>) {
        let span = (2 * record.begin, 2 * record.end);
        match (&record.call, &record.outcome) {
            (Call::Push(..), Outcome::Got(level, words)) => {
                self.enter(span, *level, false, words);
            }
            (Call::Newest(..), Outcome::Got(level, words)) => {
                self.enter(span, *level, true, words);
            }
            (Call::Push(level, _), Outcome::Closed) => self.one(span, Effect::Refused(*level)),
            (Call::Pop(_), _) => {
                let next = next.filter(|next| next.outcome == Outcome::Done);
                self.pop(record, next.map_or(&[], |next| &next.back));
            }
            (Call::Back, Outcome::Done) => self.one(span, Effect::Appears(record.back[0])),
            (Call::Newest(..) | Call::Back, Outcome::Closed) => {
                self.one(span, Effect::Refused(self.levels));
            }
            (Call::Remove(word), Outcome::Done) => self.one(span, Effect::Removed(*word)),
            (Call::Move(word, level), Outcome::Done) => self.moves(span, *word, *level),
            (Call::Remove(word) | Call::Move(word, _), Outcome::Nothing) => {
                self.one(span, Effect::Absent(*word));
            }
            (Call::Close, _) => (0..=self.levels).for_each(|level| {
                self.one(span, Effect::Close(level));
            }),
            (Call::Collect, _) | (_, Outcome::Unknown) => {}
            (call, outcome) => unreachable!("{call:?} does not come to {outcome:?}"),
        }
    }

    fn one(&mut self, span: (u64, u64), effect: Effect) {
        self.draft.add(span, effect, 0);
    }

    fn moves(&mut self, span: (u64, u64), word: u8, level: usize) {
        let here = self.rule == Rule::Strict;
        let moved = self.draft.add(span, Effect::Moved { word, level, here }, 0);
        if !here {
            self.draft.add(span, Effect::Appears(word), moved);
        }
    }

    fn enter(&mut self, span: (u64, u64), level: usize, newest: bool, words: &[u8]) {
        let moves = |&word| (word, self.moves.get(&word).copied().unwrap_or(0));
        let words = words.iter().map(moves).collect();
        let gate = if newest { self.levels } else { level };
        let (open, after) = match self.rule {
            Rule::Strict => (Some(gate), 0),
            _ => (None, self.draft.add(span, Effect::Accept(gate), 0)),
        };
        let effect = Effect::Enter {
            level,
            newest,
            open,
            words,
        };
        self.draft.add(span, effect, after);
    }

    /// `back` is put back next.
    fn pop(&mut self, record: &Record, back: &[u8]) {
        let rule = self.rule;
        let (span, thread) = ((2 * record.begin, 2 * record.end), record.thread);
        let outcome = &record.outcome;
        let mut after = 0;
        if rule == Rule::Search {
            // Exactly at the call's beginning.
            let begin = (span.0, span.0 + 1);
            after = self.draft.add(begin, Effect::Begin(thread), 0);
        }
        let searched = match outcome {
            Outcome::Got(level, _) => *level,
            _ => self.levels,
        };
        if rule == Rule::Levels {
            for level in 0..searched {
                after |= self.draft.add(span, Effect::Empty(level), 0);
            }
        }
        if *outcome == Outcome::Closed {
            self.one(span, Effect::Closed);
        }
        match outcome {
            Outcome::Got(level, words) => {
                let words = words.iter().map(|&word| (word, back.contains(&word)));
                let effect = Effect::Exit {
                    rule,
                    thread,
                    level: *level,
                    words: words.collect(),
                };
                self.draft.add(span, effect, after);
            }
            _ if rule == Rule::Levels => {}
            _ => drop(self.draft.add(span, Effect::Nothing(rule, thread), after)),
        }
    }
}
