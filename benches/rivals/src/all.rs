//! `all`: every measurement at a short setting, for a look at the whole.
//!
//! What is near its floor here deserves a longer run of its own: three short runs on a shared machine
//! settle nothing to the percent.

use std::io;

use clap::Parser;

use crate::common::Common;
use crate::report::Report;
use crate::{bursts, executors, hog, idle, pingpong, stream};

/// Repetitions of short runs.
const REPS: usize = 3;

/// The defaults of a measurement's options.
#[derive(Parser)]
struct Defaults<T: clap::Args> {
    #[command(flatten)]
    options: T,
}

fn options<T: clap::Args>(line: &str) -> T {
    Defaults::parse_from(format!("all {line}").split_whitespace()).options
}

/// Makes all runs, prints all tables.
///
/// # Errors
/// When the company of a regime cannot be started.
pub fn measure(common: &Common, report: &mut Report) -> io::Result<()> {
    let brief = |reps: usize, millis: u64| Common {
        reps: reps.min(common.reps),
        millis: Some(common.millis(millis)),
        ..common.clone()
    };
    let short = brief(REPS, 40);
    stream::measure(&options("--regime quiet,onecore"), &short, report)?;
    // Beside the hogs most take their time, so fewer cells must do.
    let loaded = options("--regime loaded --cells 1x1,2x1,2x2,8x8");
    stream::measure(&loaded, &short, report)?;
    let batched = options("--batch 64 --capacity 1024 --cells 1x1,2x2,4x4");
    stream::measure(&batched, &short, report)?;
    pingpong::measure(&options(""), &short, report)?;
    hog::measure(&options(""), &brief(1, 1000), report)?;
    idle::measure(&brief(1, 1000), report);
    bursts::measure(&brief(1, 1000), report);
    executors::measure(&options(""), &short, report);
    Ok(())
}
