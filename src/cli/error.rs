//! What can end a command early, in one line each, and the exit code that tells them apart.

use std::fmt;
use std::io;

use super::bench;

/// Why a command did not finish.
#[derive(Debug)]
pub enum Error {
    /// A wrong option; the text names the option and what it takes.
    Usage(String),
    /// The measurement could not be made, or what it measured was wrong.
    Bench(bench::Error),
    /// Nobody reads our output any more, or it cannot be written.
    Output(io::Error),
}

impl Error {
    /// 2 for what another command line would have avoided, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Bench(error) if error.is_usage() => 2,
            Error::Bench(_) | Error::Output(_) => 1,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(line) => f.write_str(line),
            Error::Bench(error) => error.fmt(f),
            Error::Output(source) => write!(f, "cannot write the output: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Usage(_) => None,
            Error::Bench(error) => Some(error),
            Error::Output(source) => Some(source),
        }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Error::Output(source)
    }
}

impl From<bench::Error> for Error {
    fn from(error: bench::Error) -> Self {
        Error::Bench(error)
    }
}
