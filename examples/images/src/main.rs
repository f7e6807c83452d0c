//! Thumbnails of all images in a folder, with live progress.
//!
//! `cargo run --release -p guichet-images -- FOLDER` writes them to `FOLDER/thumbnails`. Without an argument it makes a few
//! files of its own, two of them bad, and checks what becomes of each. What is no image is discarded at once; what looks
//! broken may still be being written, so it is tried three times. Both end as dead letters, which are shown at the end.

mod bars;
mod samples;
mod thumbnail;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use guichet::{Backoff, DeadLetter, JobError, JobHandle, Queue, QueueStats, Runtime};

use samples::Samples;
use thumbnail::{Thumbnail, make};

/// What became of the files.
struct Outcome {
    thumbnails: Vec<Thumbnail>,
    letters: Vec<DeadLetter<PathBuf>>,
    stats: QueueStats,
}

type Images = Queue<PathBuf, Thumbnail>;
type Dead = Queue<DeadLetter<PathBuf>, ()>;

/// All files in the folder, but not in those within it.
fn files(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
    let paths = entries?.into_iter().map(|entry| entry.path());
    let mut files: Vec<_> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn queues(runtime: &Runtime, files: usize) -> Result<(Images, Dead), guichet::Error> {
    // Letters are read at the end, so there is room for all: one that found none would keep its slot in `images`.
    let dead = runtime.queue("dead").capacity(files.max(1)).build()?;
    let images = runtime
        .queue("images")
        .capacity(64)
        .attempts(3)
        .backoff(Backoff::exponential(Duration::from_millis(20)).jitter(0.5))
        .timeout(Duration::from_secs(60))
        .dead_letters(&dead)
        .build()?;
    Ok((images, dead))
}

/// Waits for every job: the thumbnails, and how many failed.
fn collect(jobs: Vec<JobHandle<Thumbnail>>) -> Result<(Vec<Thumbnail>, usize), JobError> {
    let (mut thumbnails, mut failed) = (Vec::new(), 0);
    for job in jobs {
        match job.wait() {
            Ok(thumbnail) => thumbnails.push(thumbnail),
            Err(JobError::Failed(_)) => failed += 1,
            Err(other) => return Err(other),
        }
    }
    Ok((thumbnails, failed))
}

/// Shows a dead letter with its history.
fn print(letter: &DeadLetter<PathBuf>) {
    let name = letter.payload.as_deref().map(bars::name);
    println!("{}: {}", name.unwrap_or_default(), letter.reason);
    for failed in &letter.history {
        println!(
            "    attempt {}, {}: {}",
            failed.attempt, failed.kind, failed.message
        );
    }
}

/// Makes the thumbnails of all files in the folder.
fn run(folder: &Path) -> Result<Outcome, Box<dyn Error>> {
    let files = files(folder)?;
    let into = folder.join("thumbnails");
    fs::create_dir_all(&into)?;

    let runtime = Runtime::new()?;
    let (images, dead) = queues(&runtime, files.len())?;
    // One worker for each processor.
    images.processor().start(move |job| make(job, &into))?;
    let watcher = {
        let (images, events, total) = (images.clone(), images.subscribe(), files.len() as u64);
        thread::spawn(move || bars::show(&images, events, total))
    };
    // Waits for room where the folder has more files than the queue has slots.
    let jobs: Result<Vec<_>, _> = files.into_iter().map(|file| images.submit(file)).collect();
    let (thumbnails, failed) = collect(jobs?)?;
    let report = runtime.shutdown(Duration::from_secs(30));
    let _ = watcher.join();

    // Nobody worked on the dead letters, so the shutdown gave them back.
    let letters: Vec<_> = dead
        .take_returned()
        .into_iter()
        .map(|(_, letter)| letter)
        .collect();
    letters.iter().for_each(print);
    assert_eq!(letters.len(), failed);

    let bytes: u64 = thumbnails.iter().map(|thumbnail| thumbnail.bytes).sum();
    println!(
        "{} thumbnails of {bytes} bytes, {failed} files failed",
        thumbnails.len()
    );
    assert!(report.in_time && report.queues.iter().all(|queue| queue.stats.is_balanced()));
    Ok(Outcome {
        thumbnails,
        letters,
        stats: images.stats(),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(folder) = std::env::args_os().nth(1) {
        run(Path::new(&folder))?;
        return Ok(());
    }
    let samples = Samples::make()?;
    samples::check(&run(samples.folder())?)
}
