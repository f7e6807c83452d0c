//! One line on stderr about how far a long measurement is.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Shorter measurements need no comment.
const SHORT: Duration = Duration::from_secs(2);

/// How far it is.
pub struct Progress {
    done: usize,
    total: usize,
    begun: Instant,
    shown: Instant,
    /// How often a line is worth it.
    every: Duration,
    terminal: bool,
    mute: bool,
}

impl Progress {
    /// The beginning of so many runs.
    pub fn new(total: usize, mute: bool) -> Self {
        let terminal = stderr().is_terminal();
        Progress {
            done: 0,
            total,
            begun: Instant::now(),
            shown: Instant::now(),
            every: Duration::from_secs(if terminal { 1 } else { 10 }),
            terminal,
            mute,
        }
    }

    /// One more run begins.
    pub fn step(&mut self, what: impl FnOnce() -> String) {
        let due = self.begun.elapsed() > SHORT && self.shown.elapsed() > self.every;
        if due && !self.mute {
            self.shown = Instant::now();
            let (done, total, seconds) = (self.done, self.total, self.begun.elapsed().as_secs());
            let line = format!("{done} of {total} runs, {seconds} s: {}", what());
            // Nothing depends on anybody seeing it.
            let _ = if self.terminal {
                write!(stderr(), "\r{line:<79}")
            } else {
                writeln!(stderr(), "{line}")
            };
        }
        self.done += 1;
    }

    /// Makes room for other output.
    pub fn pause(&self) {
        if self.terminal && !self.mute && self.begun.elapsed() > SHORT {
            // Nothing depends on anybody seeing it.
            let _ = write!(stderr(), "\r{:<79}\r", "");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.pause();
    }
}
