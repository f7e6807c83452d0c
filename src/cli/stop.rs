//! SIGINT and SIGTERM: the first asks for an orderly end, the second does not ask.
//!
//! The second signal must work even while every thread is stuck, so it exits from the signal handler itself:
//! a conditional shutdown registered *before* the flag that arms it, which is the order `signal-hook` documents.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether somebody asked the program to end, and with which signal.
#[derive(Debug, Default)]
pub struct Stop {
    armed: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Listens for SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    /// Whatever the system says when it refuses a signal handler.
    pub fn install() -> io::Result<Self> {
        let stop = Stop::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(
                signal,
                exit_code_of(signal),
                Arc::clone(&stop.armed),
            )?;
            flag::register(signal, Arc::clone(&stop.armed))?;
            flag::register_usize(signal, Arc::clone(&stop.signal), signal as usize)?;
        }
        Ok(stop)
    }

    /// True once a signal has come.
    pub fn requested(&self) -> bool {
        // ORDERING: Relaxed — a flag on its own; nothing is published with it, partner: the signal handler's store.
        self.signal.load(Ordering::Relaxed) != 0
    }

    /// 0, or 128 + the number of the signal that came, as a shell expects.
    pub fn exit_code(&self) -> u8 {
        // ORDERING: Relaxed — as in `requested`, partner: the signal handler's store.
        match self.signal.load(Ordering::Relaxed) {
            0 => 0,
            signal => exit_code_of(signal as i32) as u8,
        }
    }
}

fn exit_code_of(signal: i32) -> i32 {
    128 + signal
}
