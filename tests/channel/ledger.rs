//! Messages whose every drop is written down: none lost, none dropped twice.
//!
//! A token owns nothing, so that a channel that drops one twice is caught by the books and does not
//! corrupt the heap first.

use parking_lot::Mutex;

/// Keeps every ledger reachable, so that a leak checker has nothing to say about the tests.
static SHELF: Mutex<Vec<&'static Books>> = Mutex::new(Vec::new());

#[derive(Default)]
struct Books {
    /// How often each token was dropped, by its number.
    drops: Mutex<Vec<u32>>,
}

/// Makes tokens and knows their fate.
#[derive(Clone, Copy)]
pub struct Ledger(&'static Books);

/// A message. Its drop is written down and, if it is a bomb, panics.
pub struct Token {
    books: &'static Books,
    number: usize,
    bomb: bool,
}

impl Ledger {
    pub fn new() -> Self {
        let books: &'static Books = Box::leak(Box::default());
        SHELF.lock().push(books);
        Ledger(books)
    }

    pub fn token(self) -> Token {
        let mut drops = self.0.drops.lock();
        drops.push(0);
        Token {
            books: self.0,
            number: drops.len() - 1,
            bomb: false,
        }
    }

    /// A token whose drop panics, after it has been written down.
    pub fn bomb(self) -> Token {
        let mut token = self.token();
        token.bomb = true;
        token
    }

    /// How many tokens were made.
    pub fn made(self) -> usize {
        self.0.drops.lock().len()
    }

    /// How many tokens were dropped at least once.
    pub fn dropped(self) -> usize {
        let drops = self.0.drops.lock();
        drops.iter().filter(|&&times| times > 0).count()
    }

    /// No token was dropped twice so far.
    #[track_caller]
    pub fn none_twice(self) {
        let drops = self.0.drops.lock();
        let twice = drops.iter().position(|&times| times > 1);
        assert_eq!(twice, None, "a token dropped more than once");
    }

    /// Every token was dropped, and none twice.
    #[track_caller]
    pub fn close(self) {
        self.none_twice();
        assert_eq!(self.dropped(), self.made(), "tokens dropped, tokens made");
    }
}

impl Token {
    /// Tokens of a ledger are numbered from 0 as they are made.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.books.drops.lock()[self.number] += 1;
        assert!(!self.bomb, "a bomb goes off");
    }
}
