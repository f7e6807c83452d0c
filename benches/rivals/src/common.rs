//! Options that all measurements share.

use std::path::PathBuf;

use clap::Args;

use crate::contenders::Contender;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Channels to compare; all by default.
    #[arg(
        long = "impl",
        value_delimiter = ',',
        value_name = "LIST",
        global = true
    )]
    pub impls: Vec<Contender>,
    /// Runs of each contender in each cell; the median counts.
    #[arg(long, value_name = "N", default_value_t = 5, global = true)]
    pub reps: usize,
    /// How long a run shall take; every measurement has its own default.
    #[arg(long, value_name = "N", global = true)]
    pub millis: Option<u64>,
    /// Write all figures of all runs there, as JSON.
    #[arg(long, value_name = "FILE", global = true)]
    pub json: Option<PathBuf>,
    /// No progress on stderr.
    #[arg(long, global = true)]
    pub quiet: bool,
}

impl Common {
    /// The chosen channels that `suit`, in the order of the tables.
    pub fn contenders(&self, suits: impl Fn(Contender) -> bool) -> Vec<Contender> {
        let chosen = |who: &Contender| self.impls.is_empty() || self.impls.contains(who);
        let all = Contender::all().iter().copied();
        all.filter(chosen).filter(|who| suits(*who)).collect()
    }

    /// How long a run shall take, in milliseconds.
    pub fn millis(&self, default: u64) -> u64 {
        self.millis.unwrap_or(default).max(1)
    }
}
