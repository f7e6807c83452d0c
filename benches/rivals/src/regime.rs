//! In whose company a run happens.
//!
//! `quiet`: nobody's, as far as it depends on this program. `loaded`: as many processes as there are
//! cores do nothing but burn CPU time beside it. `onecore`: the run's process is confined to one core.

use std::fmt;
use std::io;
use std::process;

use clap::ValueEnum;
use serde::Serialize;

use crate::child::{self, Order};
use crate::machine;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Nobody else.
    Quiet,
    /// One hog per core.
    Loaded,
    /// On one core.
    #[value(name = "onecore")]
    OneCore,
}

/// Where a child process may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On all cores.
    Anywhere,
    /// On one.
    OneCore,
}

impl Regime {
    /// Where its runs go.
    pub fn place(self) -> Place {
        match self {
            Regime::OneCore => Place::OneCore,
            Regime::Quiet | Regime::Loaded => Place::Anywhere,
        }
    }

    /// Brings the company; it leaves when the value is dropped.
    ///
    /// # Errors
    /// When the processes cannot be started.
    pub fn enter(self) -> io::Result<Hogs> {
        match self {
            Regime::Loaded => Hogs::start(machine::cores().len()),
            Regime::Quiet | Regime::OneCore => Hogs::start(0),
        }
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Regime::Quiet => "quiet",
            Regime::Loaded => "loaded",
            Regime::OneCore => "onecore",
        })
    }
}

/// Processes that burn CPU time until this is dropped.
#[derive(Debug)]
pub struct Hogs(Vec<process::Child>);

impl Hogs {
    /// Starts so many.
    ///
    /// # Errors
    /// When one cannot be started; the others are ended.
    pub fn start(number: usize) -> io::Result<Self> {
        let mut hogs = Hogs(Vec::new());
        for _ in 0..number {
            hogs.0.push(child::start(&Order::Burn, Place::Anywhere)?);
        }
        Ok(hogs)
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            // Whoever is gone already needs no killing.
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}
