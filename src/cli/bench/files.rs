//! The `files` workload: each job reads a file, counts its lines and words, and computes its CRC-32.
//!
//! Real work with a known answer. A sequential pass computes what every file comes to; then each job must have started
//! exactly once and must have found the same, whichever contender carried it.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::error::Error;

/// What a file comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    lines: u32,
    words: u32,
    crc: u32,
}

/// The input: the files, and what a sequential pass found in them.
#[derive(Debug)]
pub struct Corpus {
    root: PathBuf,
    files: Vec<(PathBuf, Digest)>,
    bytes: u64,
}

impl Corpus {
    /// Lists the files below `root` and digests them one after the other. Symbolic links are not followed.
    ///
    /// # Errors
    /// `Input` when a directory or file cannot be read, `NoFiles` when there is none.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let mut paths = Vec::new();
        collect(root, &mut paths)?;
        if paths.is_empty() {
            return Err(Error::NoFiles {
                path: root.to_owned(),
            });
        }
        // The order of directory entries is the file system's mood; sorted, two runs do the same.
        paths.sort();
        let mut corpus = Corpus {
            root: root.to_owned(),
            files: Vec::with_capacity(paths.len()),
            bytes: 0,
        };
        for path in paths {
            let (digest, bytes) = digest(&path).map_err(|source| Error::Input {
                path: path.clone(),
                source,
            })?;
            corpus.bytes += bytes;
            corpus.files.push((path, digest));
        }
        Ok(corpus)
    }

    /// The smallest number of jobs ≥ `jobs` that is a whole number of passes.
    pub fn whole_passes(&self, jobs: u64) -> u64 {
        jobs.next_multiple_of(self.files.len() as u64)
    }

    /// One line for the report.
    pub fn describe(&self) -> String {
        let mib = self.bytes as f64 / f64::from(1 << 20);
        format!(
            "{} files, {mib:.1} MiB, in {}",
            self.files.len(),
            self.root.display()
        )
    }
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Input {
        path: directory.to_owned(),
        source,
    };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Digests one file; the buffer is the thread's own, so that a job allocates nothing.
fn digest(path: &Path) -> io::Result<(Digest, u64)> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|bytes| {
        bytes.clear();
        let length = File::open(path)?.read_to_end(bytes)?;
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u32;
        let words = bytes
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .count() as u32;
        Ok((
            Digest {
                lines,
                words,
                crc: crc32fast::hash(bytes),
            },
            length as u64,
        ))
    })
}

/// The book of one run: how often each job started, and what it found.
#[derive(Debug)]
pub struct Ledger {
    corpus: Arc<Corpus>,
    entries: Box<[Entry]>,
}

#[derive(Debug, Default)]
struct Entry {
    starts: AtomicU32,
    /// `None` inside: the file could not be read.
    found: OnceLock<Option<Digest>>,
}

impl Ledger {
    /// An empty book for `jobs` jobs.
    pub fn new(corpus: &Arc<Corpus>, jobs: u64) -> Self {
        Ledger {
            corpus: Arc::clone(corpus),
            entries: (0..jobs).map(|_| Entry::default()).collect(),
        }
    }

    /// Does job `number` and writes down what it found.
    pub fn run(&self, number: u64) {
        let entry = &self.entries[number as usize];
        // ORDERING: Relaxed — a counter on its own, read after the run; partner: `verify`.
        entry.starts.fetch_add(1, Ordering::Relaxed);
        let found = digest(self.file(number).0).ok().map(|(digest, _)| digest);
        // A second start is refused here and reported by `verify`, which sees it in `starts`.
        let _ = entry.found.set(found);
    }

    /// Checks that each job started exactly once and found what the sequential pass had found.
    ///
    /// # Errors
    /// What is wrong, with the number of such jobs and the first of them.
    pub fn verify(&self) -> Result<(), String> {
        // ORDERING: Relaxed — the run is over; partner: the workers' end, which was awaited.
        let starts = |entry: &Entry| entry.starts.load(Ordering::Relaxed);
        self.none("lost", |_, entry| starts(entry) == 0)?;
        self.none("started more than once", |_, entry| starts(entry) > 1)?;
        self.none(
            "answered differently from the sequential pass",
            |number, entry| entry.found.get().copied().flatten() != Some(*self.file(number).1),
        )
    }

    fn none(&self, fault: &str, is_faulty: impl Fn(u64, &Entry) -> bool) -> Result<(), String> {
        let mut faulty = (0..)
            .zip(&self.entries)
            .filter(|(number, entry)| is_faulty(*number, entry));
        let Some((first, _)) = faulty.next() else {
            return Ok(());
        };
        let (number, path) = (1 + faulty.count(), self.file(first).0.display());
        Err(format!(
            "{number} of {} jobs {fault}, first job {first} ({path})",
            self.entries.len()
        ))
    }

    fn file(&self, number: u64) -> (&Path, &Digest) {
        let (path, digest) = &self.corpus.files[number as usize % self.corpus.files.len()];
        (path, digest)
    }
}
