//! FIFO lines in segments: values carry what was done before, segments come back clean, order holds.

use guichet::internals::ring::{Chain, Nothing, Segments};
use guichet::internals::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::check;

struct Line {
    segments: Segments,
    chain: Chain,
    /// What a word stands for: written by its pusher only, read by its popper only.
    goods: Vec<UnsafeCell<u64>>,
}

// SAFETY: the models reach `goods` only through words; loom checks that this is enough.
unsafe impl Sync for Line {}
// SAFETY: as above.
unsafe impl Send for Line {}

impl Line {
    fn new() -> Arc<Line> {
        let segments = Segments::new(4, 1);
        Arc::new(Line {
            chain: Chain::new(&segments),
            segments,
            goods: (0..8).map(|_| UnsafeCell::new(0)).collect(),
        })
    }

    fn push(&self, word: u64) {
        self.goods[word as usize].with_mut(|goods| unsafe { *goods = word });
        self.chain.push(&self.segments, word).expect("open");
    }

    fn pop(&self) -> Option<u64> {
        let mut out = Vec::new();
        match self
            .chain
            .pop_run(&self.segments, &mut out, 1, u64::MAX, || true)
        {
            Ok(taken) => assert_eq!(taken.count, 1),
            Err(Nothing::Empty) => return None,
            Err(Nothing::Behind | Nothing::Barred) => unreachable!(),
        }
        let word = out.pop().unwrap();
        let goods = self.goods[word as usize].with(|goods| unsafe { *goods });
        assert_eq!(goods, word, "another word's goods");
        Some(word)
    }
}

/// Words cross two boundaries between segments; segments are used again.
#[test]
fn chain_1x1_laps() {
    check("chain_1x1_laps", || {
        let line = Line::new();
        for word in 1..=2 {
            line.push(word);
        }
        let pusher = {
            let line = line.clone();
            thread::spawn(move || (3..=5).for_each(|word| line.push(word)))
        };
        let mut last = 0;
        for _ in 0..4 {
            if let Some(word) = line.pop() {
                assert_eq!(word, last + 1, "out of order");
                last = word;
            }
        }
        pusher.join().unwrap();
        while let Some(word) = line.pop() {
            assert_eq!(word, last + 1, "out of order");
            last = word;
        }
        assert_eq!(last, 5, "a word was lost");
    });
}

/// Two pushers at a segment's end.
#[test]
fn chain_2x1() {
    check("chain_2x1", || {
        let line = Line::new();
        line.push(1);
        let pusher = {
            let line = line.clone();
            thread::spawn(move || {
                line.push(2);
                line.push(3);
            })
        };
        line.push(4);
        let mut found: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
        assert!(found.contains(&4), "a completed push was not found");
        pusher.join().unwrap();
        found.extend(std::iter::from_fn(|| line.pop()));
        assert_eq!(found[0], 1);
        let at = |word| found.iter().position(|other| *other == word);
        assert!(at(2) < at(3), "one pusher's words in another order");
        found.sort();
        assert_eq!(found, [1, 2, 3, 4]);
    });
}

/// Two poppers at a segment's end; the segment is used again at once.
#[test]
fn chain_1x2() {
    check("chain_1x2", || {
        let line = Line::new();
        for word in 1..=3 {
            line.push(word);
        }
        let popper = {
            let line = line.clone();
            thread::spawn(move || [line.pop(), line.pop()])
        };
        let mine = line.pop();
        line.push(4);
        let theirs = popper.join().unwrap();
        let mut found: Vec<_> = theirs.into_iter().chain([mine]).flatten().collect();
        assert_eq!(found.len(), 3, "a word that lay there was not found");
        found.extend(std::iter::from_fn(|| line.pop()));
        found.sort();
        assert_eq!(found, [1, 2, 3, 4]);
    });
}

/// A segment comes back with its old words in it, as far as a popper knows that heard nothing of the others but what the
/// chain tells it: it takes the new word or none.
#[test]
fn chain_second_use() {
    check("chain_second_use", || {
        let segments = Segments::new(1, 1);
        let line = Arc::new((Chain::new(&segments), segments, AtomicU32::new(0)));
        let pop = |line: &(Chain, Segments, AtomicU32)| {
            let mut out = Vec::new();
            let taken = line.0.pop_run(&line.1, &mut out, 1, u64::MAX, || true);
            taken.is_ok().then(|| out[0])
        };
        let other = line.clone();
        let popper = thread::spawn(move || match other.2.load(Relaxed) {
            0 => None,
            _ => pop(&other),
        });
        // Five segments of three places: the 16th word lies where the first one lay.
        for word in 1..=16 {
            line.0.push(&line.1, word).expect("open");
            if word < 16 {
                assert_eq!(pop(&line), Some(word));
            }
        }
        // Relaxed: it tells that there is something, and carries nothing.
        line.2.store(1, Relaxed);
        let found = popper.join().unwrap().or_else(|| pop(&line));
        assert_eq!(found, Some(16), "an old word was taken for a new one");
    });
}

/// What came before the end is visible to who is refused.
#[test]
fn chain_end_carries_causes() {
    check("chain_end_carries_causes", || {
        let line = Line::new();
        let other = line.clone();
        let closer = thread::spawn(move || {
            other.goods[0].with_mut(|goods| unsafe { *goods = 7 });
            other.chain.close();
        });
        if line.chain.push(&line.segments, 1).is_err() {
            assert_eq!(line.goods[0].with(|goods| unsafe { *goods }), 7);
        }
        closer.join().unwrap();
    });
}
