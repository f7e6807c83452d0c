//! guichet's channel and queue beside their rivals, in one interleaved run. See the README.

mod all;
mod bursts;
mod cell;
mod child;
mod common;
mod contenders;
mod executors;
mod figures;
mod hog;
mod idle;
mod machine;
mod paced;
mod pingpong;
mod priority;
mod progress;
mod pulse;
mod regime;
mod report;
mod rounds;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod timers;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use common::Common;
use report::Report;

/// guichet's channel and queue beside their rivals, in one interleaved run.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Words through a channel as fast as they go.
    Stream(stream::Options),
    /// One word to and fro between two threads.
    Pingpong(pingpong::Options),
    /// The latency of a steady trickle beside processes that burn CPU time.
    Hog(hog::Options),
    /// What waiting receivers cost.
    Idle,
    /// What a burst every ten milliseconds costs.
    Bursts,
    /// Empty jobs to two workers: guichet's queue beside thread pools.
    Executors(executors::Options),
    /// Words that leave by urgency: guichet's lanes beside a mutexed heap and a skip list.
    Priority(priority::Options),
    /// A million timers: guichet's wheel beside others.
    Timers(timers::Options),
    /// Everything, briefly: some five minutes.
    All,
    /// What the program starts itself with.
    #[command(hide = true)]
    Child {
        #[arg(long)]
        parent: u32,
        #[arg(long)]
        one_core: bool,
        order: String,
    },
}

fn main() -> ExitCode {
    let Arguments { common, bench } = Arguments::parse();
    if let Bench::Child {
        parent,
        one_core,
        order,
    } = bench
    {
        return child::serve(&order, parent, one_core);
    }
    match measure(&bench, &common) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guichet-rivals: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(bench: &Bench, common: &Common) -> io::Result<()> {
    let mut report = Report::default();
    match bench {
        Bench::Stream(options) => stream::measure(options, common, &mut report)?,
        Bench::Pingpong(options) => pingpong::measure(options, common, &mut report)?,
        Bench::Hog(options) => hog::measure(options, common, &mut report)?,
        Bench::Idle => idle::measure(common, &mut report),
        Bench::Bursts => bursts::measure(common, &mut report),
        Bench::Executors(options) => executors::measure(options, common, &mut report),
        Bench::Priority(options) => priority::measure(options, common, &mut report),
        Bench::Timers(options) => timers::measure(options, common, &mut report),
        Bench::All => all::measure(common, &mut report)?,
        Bench::Child { .. } => {}
    }
    report.summarise();
    common
        .json
        .as_deref()
        .map_or(Ok(()), |path| report.write(path))
}
