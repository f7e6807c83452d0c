//! What can end a measurement early.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::chaos::Wrong;
use super::contenders::Failed;
use super::fault::Fault;
use crate::cli::level::Level;

/// Why a measurement ended early.
#[derive(Debug)]
pub enum Error {
    /// A file or directory of the input cannot be read.
    Input {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The input directory holds no files.
    NoFiles {
        /// Which.
        path: PathBuf,
    },
    /// The JSON file cannot be written.
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// None of the contenders chosen takes part in the workload chosen.
    Nobody {
        /// The workload.
        workload: &'static str,
    },
    /// The workload chosen measures nothing that belongs into a JSON file.
    NoJson,
    /// The idle measure failed.
    Idle(Failed),
    /// A round of the soak was wrong.
    Chaos(Wrong),
    /// A run failed, or what it did was wrong.
    Run {
        /// Whose run.
        contender: &'static str,
        /// Of what.
        workload: &'static str,
        /// With how many threads.
        level: Level,
        /// What happened.
        fault: Fault,
    },
}

impl Error {
    /// True if another command line would have avoided it.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Error::Input { .. }
                | Error::NoFiles { .. }
                | Error::Json { .. }
                | Error::Nobody { .. }
                | Error::NoJson
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Input { path, source } => {
                write!(
                    f,
                    "--input: cannot read {}: {source}; expected a directory",
                    path.display()
                )
            }
            Error::NoFiles { path } => {
                write!(
                    f,
                    "--input {}: expected a directory with at least one file",
                    path.display()
                )
            }
            Error::Json { path, source } => {
                write!(
                    f,
                    "--json {}: cannot write the file: {source}",
                    path.display()
                )
            }
            Error::Nobody { workload } => {
                write!(
                    f,
                    "--impl: none of them takes part in --workload {workload}; see guichet bench --help"
                )
            }
            Error::NoJson => f.write_str("--json: --workload chaos writes none"),
            Error::Idle(failed) => write!(f, "idle: {failed}"),
            Error::Chaos(wrong) => wrong.fmt(f),
            Error::Run {
                contender,
                workload,
                level,
                fault,
            } => {
                write!(f, "{workload}, {contender} at {level}: {fault}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Input { source, .. } | Error::Json { source, .. } => Some(source),
            Error::NoFiles { .. } | Error::Nobody { .. } | Error::NoJson => None,
            Error::Idle(failed) => Some(failed),
            Error::Chaos(wrong) => Some(wrong),
            Error::Run { fault, .. } => Some(fault),
        }
    }
}
