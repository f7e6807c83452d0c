//! What stands in front of the lines: words with a place of their own.
//!
//! A word that goes back to where it was, that wants to be the newest, or that changes its level can't go to
//! the end of a line. It lies here, under a lock, ordered by (level, place); a place is a position
//! of the level's line, so that line and front merge exactly. `best` says without the lock what comes
//! first here: as long as nothing does, poppers read one word.
//!
//! `turn` is odd while words move from the lines to the front (`collect`, `replace`). A popper asks for
//! it before its look and again after it has seen words and before it claims them: if it has changed,
//! the look may have missed words that are moving, and does not count.

use std::collections::{BTreeMap, HashMap};

use crossbeam_utils::CachePadded;

use super::{Rank, id_of};
use crate::model::PushError;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU64, fence};
use crate::sync::{Mutex, seeded};

/// Orders what has the same rank: what was put behind a line's end in turn, and then what lay in the line there.
pub type Tie = u64;

/// The tie of what lay in a line.
pub const IN_LINE: Tie = Tie::MAX;

type Key = (Rank, Tie);

#[derive(Default)]
struct Words {
    by_rank: BTreeMap<Key, u64>,
    by_id: HashMap<u32, Key>,
    /// The next tie.
    ties: Tie,
    /// Words ever put here as the newest.
    newest: i64,
    closed: bool,
}

/// The mutexed front of all lines of a lane.
pub(super) struct Front {
    signs: CachePadded<Signs>,
    words: Mutex<Words>,
}

/// What poppers read without the lock.
struct Signs {
    best: AtomicU64,
    turn: AtomicU64,
}

/// What `turn` said when a look began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn(u64);

impl Turn {
    /// Whether words are moving from the lines to the front.
    pub(super) fn is_moving(self) -> bool {
        !self.0.is_multiple_of(2)
    }
}

impl Front {
    pub(super) fn new() -> Self {
        Front {
            signs: CachePadded::new(Signs {
                best: AtomicU64::new(Rank::LAST.to_bits()),
                turn: AtomicU64::new(0),
            }),
            words: Mutex::new(Words::default()),
        }
    }

    /// The first rank in the front; `LAST` if nothing is there.
    #[inline]
    pub(super) fn best(&self) -> Rank {
        Rank::from_bits(self.signs.best.load(Relaxed))
    }

    /// To be asked before a look. Waits while words are moving to the front.
    #[inline]
    pub(super) fn turn(&self) -> Turn {
        loop {
            let turn = self.turn_now();
            if !turn.is_moving() {
                return turn;
            }
            drop(self.words.lock());
        }
    }

    /// The same without waiting.
    #[inline]
    pub(super) fn turn_now(&self) -> Turn {
        // ORDERING: Acquire — `best` as the last move left it; pairs with the end of `moving`.
        Turn(
            self.signs
                .turn
                .load(seeded!("front_turn_relaxed", Relaxed => Acquire)),
        )
    }

    /// Whether no word has been moved since the look that began at `turn`, as far as that look has
    /// seen: to be asked after words were seen and before they are claimed, or before "nothing" is said.
    #[inline]
    pub(super) fn undisturbed(&self, turn: Turn) -> bool {
        if !seeded!("front_look_no_fence") {
            // ORDERING: Acquire fence — the look at the lines before the look at `turn`: if it has seen
            // that a word was gone, it sees the odd turn. Partner: the Release fence of `moving`.
            fence(Acquire);
        }
        self.signs.turn.load(Relaxed) == turn.0 || seeded!("front_ignore_turn")
    }

    /// Puts `word` back to where it was. Like all that puts words here, refused once closed.
    pub(super) fn insert(&self, rank: Rank, tie: Tie, word: u64) -> Result<(), PushError<u64>> {
        let mut words = self.words.lock();
        words.admit(word)?;
        words.insert((rank, tie), word);
        self.publish(&words);
        Ok(())
    }

    /// Puts `word` at `rank`, behind others that were put there.
    pub(super) fn insert_behind(&self, rank: Rank, word: u64) -> Result<(), PushError<u64>> {
        let mut words = self.words.lock();
        words.admit(word)?;
        words.append(rank, word);
        self.publish(&words);
        Ok(())
    }

    /// Puts `word` in front of everything on `level`.
    pub(super) fn insert_newest(&self, level: u32, word: u64) -> Result<(), PushError<u64>> {
        let mut words = self.words.lock();
        words.admit(word)?;
        words.newest += 1;
        let rank = Rank::new(level, -words.newest);
        words.append(rank, word);
        self.publish(&words);
        Ok(())
    }

    /// Refuses whatever wants to be put here from now on.
    pub(super) fn close(&self) {
        self.words.lock().closed = true;
    }

    /// Takes the first word, if its rank is at most `limit`.
    pub(super) fn pop(&self, limit: Rank) -> Option<(Rank, Tie, u64)> {
        let mut words = self.words.lock();
        let (key, _) = words.by_rank.first_key_value()?;
        let key = (key.0 <= limit).then_some(*key)?;
        let word = words.take(key);
        self.publish(&words);
        Some((key.0, key.1, word))
    }

    /// Takes the first word of `level`, if its place is at most `end`.
    ///
    /// # Errors
    /// The rank of the first word of the level that lies further behind, if there is one.
    pub(super) fn pop_in(&self, level: u32, end: i64) -> Result<(Rank, Tie, u64), Option<Rank>> {
        let mut words = self.words.lock();
        let first = words.by_rank.range((Rank::first_of(level), 0)..).next();
        let key = first.map(|(key, _)| *key);
        let key = key.filter(|key| key.0.level() == level).ok_or(None)?;
        if key.0 > Rank::new(level, end) {
            return Err(Some(key.0));
        }
        let word = words.take(key);
        self.publish(&words);
        Ok((key.0, key.1, word))
    }

    /// Takes out exactly `word`; false if it is not here.
    pub(super) fn remove(&self, word: u64) -> bool {
        let mut words = self.words.lock();
        let found = words.find(word);
        if let Some(key) = found {
            words.take(key);
            self.publish(&words);
        }
        found.is_some()
    }

    /// Puts what `change` makes of `word` at `rank`, and takes `word` out if it is here. `change` is told whether,
    /// and may refuse. One step for everyone else.
    pub(super) fn replace<E>(
        &self,
        word: u64,
        rank: impl FnOnce() -> Rank,
        change: impl FnOnce(bool) -> Result<u64, E>,
    ) -> Result<Result<(), E>, PushError<u64>> {
        let mut words = self.words.lock();
        words.admit(word)?;
        let present = words.find(word);
        let replace = |words: &mut Words| {
            let new = change(present.is_some())?;
            if let Some(key) = present {
                words.take(key);
            }
            words.append(rank(), new);
            Ok(())
        };
        // A word of a line means nothing once it was changed, and the new one is not here yet.
        Ok(
            match present.is_none() && !seeded!("front_replace_no_turn") {
                true => self.moving(&mut words, replace),
                false => {
                    let replaced = replace(&mut words);
                    self.publish(&words);
                    replaced
                }
            },
        )
    }

    /// Moves words here that `drain` takes out of the lines one by one.
    pub(super) fn collect(&self, drain: impl FnOnce(&mut dyn FnMut(Rank, u64))) {
        let mut words = self.words.lock();
        self.moving(&mut words, |words| {
            drain(&mut |rank, word| words.insert((rank, IN_LINE), word));
        });
    }

    /// Does `step`, in which words leave their lines before they are here.
    fn moving<X>(&self, words: &mut Words, step: impl FnOnce(&mut Words) -> X) -> X {
        self.signs.turn.fetch_add(1, Relaxed);
        if !seeded!("front_moving_no_fence") {
            // ORDERING: Release fence — the odd turn before the first word is gone. Partner: the Acquire
            // fence of `undisturbed`.
            fence(Release);
        }
        let done = step(words);
        self.publish(words);
        // ORDERING: Release — `best`, to looks of the next turn; pairs with `turn_now`.
        self.signs
            .turn
            .fetch_add(1, seeded!("front_collected_relaxed", Relaxed => Release));
        done
    }

    /// How many words are here.
    pub(super) fn len(&self) -> usize {
        if self.best() == Rank::LAST {
            return 0;
        }
        self.words.lock().by_rank.len()
    }

    fn publish(&self, words: &Words) {
        let first = words.by_rank.first_key_value();
        let best = first.map_or(Rank::LAST, |(key, _)| key.0);
        self.signs.best.store(best.to_bits(), Relaxed);
    }
}

impl Words {
    fn admit(&self, word: u64) -> Result<(), PushError<u64>> {
        match self.closed {
            true => Err(PushError::Closed(word)),
            false => Ok(()),
        }
    }

    fn append(&mut self, rank: Rank, word: u64) {
        let key = (rank, self.ties);
        self.ties += 1;
        self.insert(key, word);
    }

    fn insert(&mut self, key: Key, word: u64) {
        self.by_rank.insert(key, word);
        let before = self.by_id.insert(id_of(word), key);
        debug_assert!(before.is_none(), "two words of slot {}", id_of(word));
    }

    fn find(&self, word: u64) -> Option<Key> {
        let key = *self.by_id.get(&id_of(word))?;
        (self.by_rank[&key] == word).then_some(key)
    }

    fn take(&mut self, key: Key) -> u64 {
        let word = self.by_rank.remove(&key).expect("the key is in the map");
        self.by_id.remove(&id_of(word));
        word
    }
}
