//! The command line: what was asked for, what is answered, and the exit code.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; also when the reader of our output went away, as `head` does |
//! | 1 | the measurement failed: a job was lost, repeated or answered differently, or something broke |
//! | 2 | a wrong option: exactly one line on stderr names the option and what it takes |
//! | 130, 143 | stopped by SIGINT or SIGTERM, after printing what had been measured |

mod args;
mod bench;
mod error;
mod level;
mod stop;
#[cfg(test)]
mod tests;
mod usage;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use error::Error;
use stop::Stop;

/// Parses the arguments (the program's name first), does what they say and returns the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut out = io::stdout().lock();
    let outcome = run(arguments, &mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(Error::Output(source)) if source.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // When stderr is gone too there is nobody left to tell.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> Result<u8, Error> {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        // `--help` and `--version` arrive as errors that belong on stdout.
        Err(answer) if !answer.use_stderr() => {
            answer.print()?;
            return Ok(0);
        }
        Err(wrong) => return Err(Error::Usage(usage::one_line(&wrong))),
    };
    match args.command {
        Command::Bench(options) => {
            let stop = Stop::install()?;
            bench::run(&options, &stop, out)?;
            Ok(stop.exit_code())
        }
    }
}
